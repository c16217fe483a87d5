"""Membership inference attacks by the loss and by the entropy of the predictions."""

from collections.abc import Callable
from functools import partial
import warnings

import numpy as np
from numpy.typing import NDArray
import torch

from core.data.label_kinds import loss as label_loss
from core.domain.info import MetricInfo
from core.metrics.accuracy import accuracy
from core.metrics.base import Evidence, Metric, NotApplicable
from core.metrics.forget_set_outputs import entropy
from core.metrics.privacy.threshold_attack import FEWEST, TooFewExamples, auc, tpr_at

FAMILY = "Membership"

Array = NDArray[np.float64]
SPLITS = 10
UNEVEN = 1.01  # test examples for each forgotten one that the kit's attack takes for as many
MOST = 1000  # examples a side from which the attack by entropy learns


def loss_attack(member_losses: Array, other_losses: Array, seed: int) -> float:
    """Accuracy, in [0, 1], of a logistic regression that tells members from others by their standardised loss; 0.5 is chance.

    Both sides are cut to the same count at random; mean over ten stratified shuffle splits, a tenth held out in each. It is
    `kit_attack` but for the scale: losses of any size are told apart alike. Raises NotApplicable below ten examples a side.
    """
    count = _fewer(member_losses, other_losses)
    draw = np.random.default_rng(seed)
    sides = [draw.choice(side, count, replace=False) for side in (member_losses, other_losses)]
    return _right_guesses(np.concatenate(sides)[:, None], np.repeat([1, 0], count), seed, standardise=True)


def kit_attack(member_losses: Array, other_losses: Array) -> float:
    """As `loss_attack`, by the code of the NeurIPS 2023 unlearning challenge's starting kit: losses as they are, in float32.

    The face benchmarks MUFAC and MUCAC (arXiv:2311.02240) run the same code; draw and splits are theirs in every run (42, 0).
    Unscaled, scikit-learn's solver stops where it starts if the two sides' means lie within about 0.0004, and calls everybody
    the same: 0.5. Versions of 2023, when the papers were written, stop by the sum of gradients in place of their mean, so
    that they do so only for differences smaller by the number of examples (1.2.2 tried). The kit cuts the forget set alone to
    the other side's size; here others that are over 1 % more (MUFAC has 1,504 for 1,500) are cut too, or naming them always
    would be rewarded.
    """
    count = _fewer(member_losses, other_losses)
    draw = np.random.RandomState(42)
    members = draw.permutation(member_losses)[:count]
    others = other_losses if len(other_losses) <= UNEVEN * count else draw.permutation(other_losses)[:count]
    losses = np.concatenate([others, members]).astype(np.float32)[:, None]
    return _right_guesses(losses, np.repeat([0, 1], [len(others), count]), 0, standardise=False)


def _fewer(member_losses: Array, other_losses: Array) -> int:
    count = min(len(member_losses), len(other_losses))
    if count < FEWEST:
        raise NotApplicable(
            f"The attack needs {FEWEST} forgotten and {FEWEST} test examples; the smaller side has {count}."
        )
    return count


def _right_guesses(losses: Array | NDArray[np.float32], members: NDArray[np.int64], seed: int, standardise: bool) -> float:
    """Mean accuracy over the splits; written out, since scikit-learn's `cross_val_score` of a pipeline takes twice as long."""
    # Late: these imports take a second, which listing metrics need not pay.
    from sklearn.exceptions import ConvergenceWarning  # noqa: PLC0415  # see above
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415  # see above
    from sklearn.model_selection import StratifiedShuffleSplit  # noqa: PLC0415  # see above

    shares = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # of tiny losses as they are: what was reached counts, as in the kit
        for learnt, held_out in StratifiedShuffleSplit(SPLITS, test_size=0.1, random_state=seed).split(losses, members):
            mean, deviation = (losses[learnt].mean(), losses[learnt].std() or 1.0) if standardise else (0.0, 1.0)
            known, asked = ((losses[rows] - mean) / deviation for rows in (learnt, held_out))
            guesses = LogisticRegression().fit(known, members[learnt]).predict(asked)
            shares.append((guesses == members[held_out]).mean())
    return float(np.mean(shares))


def loss_attack_accuracy(evidence: Evidence, model: str) -> float:
    """The attack on one model of a run. Raises NotApplicable where it cannot be made."""
    return evidence.cached(f"loss attack/{model}", lambda: loss_attack(*_losses(evidence, model), evidence.seed))


def kit_attack_accuracy(evidence: Evidence, model: str) -> float:
    """The starting kit's attack on one model of a run, on losses taken in float32. Raises NotApplicable where it cannot be made."""
    return evidence.cached(f"kit attack/{model}", lambda: kit_attack(*_losses(evidence, model, torch.float32)))


def nomus(test_accuracy: float, attack_accuracy: float) -> float:
    """Half the accuracy on test images plus half of 1 - 2 |attack - 1/2|, all in [0, 1] (MUFAC, arXiv:2311.02240)."""
    return test_accuracy / 2 + (1 - 2 * abs(attack_accuracy - 0.5)) / 2


def _nomus(attack: Callable[[Evidence, str], float], evidence: Evidence, model: str) -> float:
    logits, labels = evidence.logits_of(model).of("test_retain", evidence.splits)
    return nomus(accuracy(logits, labels), attack(evidence, model))


def share_called_member(members: Array, others: Array, targets: Array) -> float:
    """Share of `targets` (n,) that a class-balanced logistic regression on one score, fitted on two sides, calls members.

    SSD's membership attack (official code): members are training examples of the retain set, the others test images, the score is the
    entropy of the prediction. That code asks for a multinomial regression, which scikit-learn no longer has for two classes: its
    two weights share the penalty, as C = 2 has it, and its solver stopped by the sum of gradients where today's stops by their mean.
    Raises NotApplicable below ten examples a side.
    """
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415  # late, as in `loss_attack`

    fewer = min(len(members), len(others))
    if fewer < FEWEST:
        raise NotApplicable(f"The attack needs {FEWEST} retain and {FEWEST} test retain examples; the smaller side has {fewer}.")
    scores, sides = np.concatenate([members, others]), np.repeat([1, 0], [len(members), len(others)])
    attack = LogisticRegression(C=2.0, tol=1e-4 / len(scores), class_weight="balanced").fit(scores[:, None], sides)
    return float(attack.predict(targets[:, None]).mean())


def _losses(evidence: Evidence, model: str, precision: torch.dtype = torch.float64) -> tuple[Array, Array]:
    """The labels' loss (n,) in nats of the forget set, and of test images of the same rule; of all where those are too few."""
    own = evidence.logits_of(model)
    request, alike = evidence.splits.request, int(evidence.splits.test_forgotten.sum())
    test_set = "test_forget" if request.by_class or (request.by_rule and alike >= FEWEST) else "test"
    sides = (own.of(name, evidence.splits) for name in ("forget", test_set))
    forget, other = (label_loss(logits.to(precision), labels, "none").numpy() for logits, labels in sides)
    return forget, other


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
            "attack_loss_accuracy", "Membership inference by loss (accuracy, standardised)", "share", "match",
            "How often a logistic regression tells the forget set from test images (of the same classes, for class "
            "requests) by their loss: ten stratified splits, balanced. 50 % is chance; the aim is the reference's value. It learns "
            "which side to call members, so over-forgetting raises it too. The losses are standardised, which the published code "
            "does not do (see the attack of the NeurIPS 2023 kit). The test images are those of the accuracies.",
        ),
        loss_attack_accuracy,
    ),
    Metric(
        MetricInfo(
            "attack_kit_accuracy", "Membership inference by loss (accuracy, NeurIPS 2023 kit)", "share", "match",
            "The attack of the NeurIPS 2023 challenge's starting kit, and of the face benchmarks MUFAC and MUCAC: as the one on "
            "standardised losses, but on the losses as they are. Where both sides' mean losses lie within about 0.0004 it "
            "learns nothing and is at 50 % (with scikit-learn of 2023, only for still closer ones). The kit cuts only the forget "
            "set to the other side's size; here the larger side is cut.",
        ),
        kit_attack_accuracy,
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
            f"by the entropy of the predictions, on up to {MOST:,} of each (SSD's attack; its code takes all, and test images of the "
            "forgotten class among the others). Not zero but the reference's value is the aim.",
        ),
        members_by_entropy,
    ),
    Metric(
        MetricInfo(
            "nomus", "NoMUS", "share", "high",
            "Half the accuracy on test retain images plus half of how close the attack of the NeurIPS 2023 kit is to chance (score "
            "of MUFAC and MUCAC). It knows no reference: chance counts as best, also where retraining does not reach it.",
        ),
        partial(_nomus, kit_attack_accuracy),
    ),
    Metric(
        MetricInfo(
            "nomus_standardised", "NoMUS by the standardised attack", "share", "high",
            "As NoMUS, with the attack on standardised losses, which is not blind to small ones. No publication's; versions of "
            "Forgetscope before this metric had its name called it NoMUS.",
        ),
        partial(_nomus, loss_attack_accuracy),
    ),
)  # fmt: skip
