"""Can an attacker tell from the loss who was in the training set?"""

import numpy as np
import torch.nn.functional as F

from core.descriptions import MetricInfo
from core.metrics.accuracy import accuracy
from core.metrics.base import Evidence, Metric, NotApplicable

SPLITS = 10
FEWEST = 10  # examples a side: below, a split's test fold would hold one example or none of a side


def loss_attack(member_losses: np.ndarray, other_losses: np.ndarray, seed: int) -> float:
    """Accuracy, in [0, 1], of a logistic regression that tells members from others by their loss; 0.5 is chance.

    Both sides are cut to the same count at random; mean over ten stratified shuffle splits, a tenth held out in each
    (NeurIPS 2023 unlearning challenge's starting kit; MUFAC). Raises NotApplicable below ten examples a side.
    """
    # Late: these imports take a second, and whoever only lists metrics or explores must not wait for them.
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415  # see above
    from sklearn.model_selection import StratifiedShuffleSplit, cross_val_score  # noqa: PLC0415  # see above
    from sklearn.pipeline import make_pipeline  # noqa: PLC0415  # see above
    from sklearn.preprocessing import StandardScaler  # noqa: PLC0415  # see above

    count = min(len(member_losses), len(other_losses))
    if count < FEWEST:
        raise NotApplicable(
            f"The attack needs {FEWEST} forgotten and {FEWEST} unseen examples; the smaller side has {count}."
        )
    draw = np.random.default_rng(seed)
    sides = [draw.choice(side, count, replace=False) for side in (member_losses, other_losses)]
    losses, members = np.concatenate(sides)[:, None], np.repeat([1, 0], count)
    attack = make_pipeline(StandardScaler(), LogisticRegression())
    splits = StratifiedShuffleSplit(SPLITS, test_size=0.1, random_state=seed)
    return float(cross_val_score(attack, losses, members, cv=splits, scoring="accuracy").mean())


def loss_attack_accuracy(evidence: Evidence, model: str) -> float:
    """The attack on one model of a run. Raises NotApplicable where it cannot be made."""
    return evidence.once(f"loss attack/{model}", lambda: _attack(evidence, model))


def nomus(test_accuracy: float, attack_accuracy: float) -> float:
    """Half the accuracy on unseen images plus half of 1 - 2 |attack - 1/2|, all in [0, 1] (MUFAC, arXiv:2311.02240)."""
    return test_accuracy / 2 + (1 - 2 * abs(attack_accuracy - 0.5)) / 2


def _nomus(evidence: Evidence, model: str) -> float:
    unseen, labels = evidence.need(model).of("test_retain", evidence.splits)
    return nomus(accuracy(unseen, labels), loss_attack_accuracy(evidence, model))


def _attack(evidence: Evidence, model: str) -> float:
    answers = evidence.need(model)
    unseen = "test_forget" if evidence.splits.request.by_class else "test"
    sides = (answers.of(name, evidence.splits) for name in ("forget", unseen))
    losses = [F.cross_entropy(logits.double(), labels, reduction="none").numpy() for logits, labels in sides]
    return loss_attack(losses[0], losses[1], evidence.seed)


METRICS = (
    Metric(
        MetricInfo(
            "attack_loss_accuracy", "Membership attack by loss", "share", "match",
            "How often a logistic regression tells the forget set from unseen images (of the same classes, for class "
            "requests) by their loss: ten stratified splits, balanced. 0.5 is chance; the aim is the reference's value.",
        ),
        loss_attack_accuracy,
    ),
    Metric(
        MetricInfo(
            "nomus", "NoMUS", "share", "high",
            "Half the accuracy on unseen kept images plus half of how close the attack by loss is to chance (MUFAC's score). "
            "It knows no reference: chance counts as best, also where retraining does not reach it.",
        ),
        _nomus,
    ),
)  # fmt: skip
