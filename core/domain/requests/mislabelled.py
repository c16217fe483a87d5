"""`mislabelled:0.05@7`: as `random`, and the drawn images get wrong labels before the original is trained."""

from core.domain.info import DatasetInfo
from core.domain.requests.random import RandomRequest


class MislabelledRequest(RandomRequest):
    """amount, seed: as of a random request; the seed decides the wrong labels, too."""

    kind = "mislabelled"
    about = "a random part that was given wrong labels first"
    examples = "mislabelled:0.05"
    note = (
        "The labels of these images are flipped **before the original is trained**, each to one of the wrong classes by the seed: the "
        "original learns them, and must then forget them. The truth is kept, so that the answers can be held against the right labels."
    )
    flips_labels = needs_classes = True

    def title(self, data: DatasetInfo | None) -> str:
        """In words, with a seed that is not 0."""
        return self.words(data) + (f", seed {self.seed}" if self.seed else "")
