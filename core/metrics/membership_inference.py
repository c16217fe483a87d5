"""Membership inference attacks by the loss and by the entropy of the predictions."""

from functools import partial

import numpy as np
from numpy.typing import NDArray

from core.data.label_kinds import loss as label_loss
from core.domain.info import MetricInfo
from core.metrics.accuracy import accuracy
from core.metrics.base import Evidence, Metric, NotApplicable
from core.metrics.forget_set_outputs import entropy
from core.metrics.privacy.threshold_attack import FEWEST, TooFewExamples, auc, tpr_at

FAMILY = "Membership"

Array = NDArray[np.float64]
SPLITS = 10
MOST = 1000  # examples a side from which the attack by entropy learns


def loss_attack(member_losses: Array, other_losses: Array, seed: int) -> float:
    """Accuracy, in [0, 1], of a logistic regression that tells members from others by their loss; 0.5 is chance.

    Both sides are cut to the same count at random; mean over ten stratified shuffle splits, a tenth held out in each
    (NeurIPS 2023 unlearning challenge's starting kit; MUFAC). Raises NotApplicable below ten examples a side.
    """
    # Late: these imports take a second, which listing metrics need not pay.
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415  # see above
    from sklearn.model_selection import StratifiedShuffleSplit, cross_val_score  # noqa: PLC0415  # see above
    from sklearn.pipeline import make_pipeline  # noqa: PLC0415  # see above
    from sklearn.preprocessing import StandardScaler  # noqa: PLC0415  # see above

    count = min(len(member_losses), len(other_losses))
    if count < FEWEST:
        raise NotApplicable(
            f"The attack needs {FEWEST} forgotten and {FEWEST} test examples; the smaller side has {count}."
        )
    draw = np.random.default_rng(seed)
    sides = [draw.choice(side, count, replace=False) for side in (member_losses, other_losses)]
    losses, members = np.concatenate(sides)[:, None], np.repeat([1, 0], count)
    attack = make_pipeline(StandardScaler(), LogisticRegression())
    splits = StratifiedShuffleSplit(SPLITS, test_size=0.1, random_state=seed)
    return float(cross_val_score(attack, losses, members, cv=splits, scoring="accuracy").mean())


def loss_attack_accuracy(evidence: Evidence, model: str) -> float:
    """The attack on one model of a run. Raises NotApplicable where it cannot be made."""
    return evidence.cached(f"loss attack/{model}", lambda: _attack(evidence, model))


def nomus(test_accuracy: float, attack_accuracy: float) -> float:
    """Half the accuracy on test images plus half of 1 - 2 |attack - 1/2|, all in [0, 1] (MUFAC, arXiv:2311.02240)."""
    return test_accuracy / 2 + (1 - 2 * abs(attack_accuracy - 0.5)) / 2


def _nomus(evidence: Evidence, model: str) -> float:
    logits, labels = evidence.logits_of(model).of("test_retain", evidence.splits)
    return nomus(accuracy(logits, labels), loss_attack_accuracy(evidence, model))


def share_called_member(members: Array, others: Array, targets: Array) -> float:
    """Share of `targets` (n,) that a class-balanced logistic regression on one score, fitted on two sides, calls members.

    SSD's membership attack (official code): members are training examples of the retain set, the others test images, the score is the
    entropy of the prediction. Raises NotApplicable below ten examples a side.
    """
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415  # late, as in `loss_attack`

    fewer = min(len(members), len(others))
    if fewer < FEWEST:
        raise NotApplicable(f"The attack needs {FEWEST} retain and {FEWEST} test retain examples; the smaller side has {fewer}.")
    scores, sides = np.concatenate([members, others]), np.repeat([1, 0], [len(members), len(others)])
    attack = LogisticRegression(class_weight="balanced").fit(scores[:, None], sides)
    return float(attack.predict(targets[:, None]).mean())


def _losses(evidence: Evidence, model: str) -> tuple[Array, Array]:
    """The labels' loss (n,) in nats of the forget set, and of test images of the same rule; of all where those are too few."""
    own = evidence.logits_of(model)
    request, alike = evidence.splits.request, int(evidence.splits.test_forgotten.sum())
    test_set = "test_forget" if request.by_class or (request.by_rule and alike >= FEWEST) else "test"
    sides = (own.of(name, evidence.splits) for name in ("forget", test_set))
    forget, other = (label_loss(logits.double(), labels, "none").numpy() for logits, labels in sides)
    return forget, other


def _attack(evidence: Evidence, model: str) -> float:
    return loss_attack(*_losses(evidence, model), evidence.seed)


def _attack_auc(evidence: Evidence, model: str) -> float:
    forget, test = _enough(evidence, model)
    if len(test) < FEWEST:
        raise NotApplicable(f"The attack needs {FEWEST} test examples; there {_are(len(test))}.")
    return auc(-forget, -test)


def _enough(evidence: Evidence, model: str) -> tuple[Array, Array]:
    """As `_losses`. Raises NotApplicable where the forget set is too small."""
    forget, test = _losses(evidence, model)
    if len(forget) < FEWEST:
        raise NotApplicable(f"The attack needs {FEWEST} forgotten examples; there {_are(len(forget))}.")
    return forget, test


def _attack_tpr(fpr: float, evidence: Evidence, model: str) -> float:
    forget, test = _enough(evidence, model)
    try:
        return tpr_at(-forget, -test, fpr)  # a low loss is taken for membership
    except TooFewExamples as reason:
        raise NotApplicable(str(reason)) from reason


def members_by_entropy(evidence: Evidence, model: str) -> float:
    """Share of the forget set that SSD's attack calls members. Raises NotApplicable where it cannot be made."""
    return evidence.cached(f"entropy attack/{model}", lambda: _entropy_attack(evidence, model))


def _entropy_attack(evidence: Evidence, model: str) -> float:
    own = evidence.logits_of(model)
    retain = own.at(evidence.sample_rows("train_retain", MOST), test=False)
    test = own.at(evidence.sample_rows("test_retain", MOST), test=True)
    forget, _ = own.of("forget", evidence.splits)
    if len(forget) < FEWEST:
        raise NotApplicable(f"The attack needs {FEWEST} forgotten examples; there {_are(len(forget))}.")
    return share_called_member(*(entropy(logits, multi=evidence.multi).numpy() for logits in (retain, test, forget)))


def _are(count: int) -> str:
    return "is 1" if count == 1 else f"are {count}"


def _tpr(percent: int) -> Metric:
    definition = (
        f"Share of the forget set that is recognised by its low loss when {percent} % of test images (of the same classes, for "
        f"class requests) may be taken for members. {percent} % is chance; the aim is the reference's value."
    )
    info = MetricInfo(f"attack_tpr_at_{percent}", f"Attack TPR at {percent} % FPR", "share", "match", definition)
    return Metric(info, partial(_attack_tpr, percent / 100))


METRICS = (
    Metric(
        MetricInfo(
            "attack_loss_accuracy", "Membership inference by loss (accuracy)", "share", "match",
            "How often a logistic regression tells the forget set from test images (of the same classes, for class "
            "requests) by their loss: ten stratified splits, balanced. 50 % is chance; the aim is the reference's value. It learns "
            "which side to call members, so over-forgetting raises it too. The test images are those of the accuracies.",
        ),
        loss_attack_accuracy,
    ),
    Metric(
        MetricInfo(
            "attack_auc", "Membership inference by loss (AUC)", "share", "match",
            "Chance that an image of the forget set has a lower loss than a test image (of the same classes, for class requests). "
            "50 %: nobody can tell; above: members are recognised; below: the forgotten stand out, too much was forgotten.",
        ),
        _attack_auc,
    ),
    _tpr(10),
    _tpr(1),
    Metric(
        MetricInfo(
            "attack_entropy_members", "Predicted members by entropy", "share", "match",
            "Share of the forget set that a logistic regression calls members, trained to tell the retain set from test retain images "
            "by the entropy of the predictions (SSD's attack). Not zero but the reference's value is the aim.",
        ),
        members_by_entropy,
    ),
    Metric(
        MetricInfo(
            "nomus", "NoMUS", "share", "high",
            "Half the accuracy on test retain images plus half of how close the attack by loss is to chance (MUFAC's score). "
            "It knows no reference: chance counts as best, also where retraining does not reach it.",
        ),
        _nomus,
    ),
)  # fmt: skip
