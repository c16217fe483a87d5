"""What evaluating a run takes, before it has begun."""

from core.metrics.evaluated_images import images_at_most
from core.metrics.relearning import BATCH, steps_at_most

SMALL = 8000  # training passes over single examples that the metrics of a small network take, whatever the data: most is relearning


def evaluation_passes(train: int, forget: int, test: int, operations: int) -> float:
    """Training passes over single examples, about, of evaluating a first run; train, forget, test: counts of examples.

    operations: of predicting one image, as `operations_per_image` counts them.
    """
    most = images_at_most(operations)
    drawn = min(most, forget) + min(most, train - forget)
    return drawn + test + min(SMALL, 2 * BATCH * steps_at_most(operations))
