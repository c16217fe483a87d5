"""Agreement with the reference: divergences of the predictions, and summaries of gaps to the reference's own values."""

from functools import partial

import torch
from torch import Tensor

from core.data.label_kinds import two_answers
from core.domain.info import MetricInfo
from core.metrics.accuracy import accuracy
from core.metrics.base import Evidence, Metric
from core.metrics.membership_inference import members_by_entropy
from core.training.losses import jensen_shannon

FAMILY = "Agreement with the reference"
ACCURACIES = ("train_forget", "train_retain", "test_retain")  # FA, RA, TA


def activation_distance(logits: Tensor, reference: Tensor, *, multi: bool = False) -> float:
    """Mean over examples of the Euclidean distance between the two softmax vectors: logits (N, C) both; 0 to sqrt 2.

    multi: mean over attributes too, each a vector of no and yes.
    """
    if multi:
        return activation_distance(two_answers(logits), two_answers(reference))
    return float((logits.double().softmax(1) - reference.double().softmax(1)).norm(dim=1).mean())


def tug_of_war(gaps: list[float]) -> float:
    """Product of 1 - |gap| over gaps to the reference, each a share; 1: as the reference (Zhao et al., arXiv:2406.01257)."""
    return float(torch.tensor([1 - abs(gap) for gap in gaps], dtype=torch.float64).prod())


def _gap(split: str, evidence: Evidence, model: str) -> float:
    ours, theirs = (accuracy(*evidence.logits_of(m).of(split, evidence.splits)) for m in (model, "reference"))
    return ours - theirs


def _attack_gap(evidence: Evidence, model: str) -> float:
    """Of the attack that is fitted on the retain set and applied to the forget set, as in the papers."""
    return members_by_entropy(evidence, model) - members_by_entropy(evidence, "reference")


def _activation(evidence: Evidence, model: str) -> float:
    (theirs, _), (ours, _) = (evidence.logits_of(m).of("forget", evidence.splits) for m in ("reference", model))
    return activation_distance(ours, theirs, multi=evidence.multi)


def _tow(evidence: Evidence, model: str) -> float:
    return tug_of_war([_gap(split, evidence, model) for split in ACCURACIES])


def _tow_attack(evidence: Evidence, model: str) -> float:
    gaps = [_gap(split, evidence, model) for split in ACCURACIES[1:]]
    return tug_of_war([_attack_gap(evidence, model), *gaps])


def _average_gap(evidence: Evidence, model: str) -> float:
    gaps = [_gap(split, evidence, model) for split in ACCURACIES] + [_attack_gap(evidence, model)]
    return sum(map(abs, gaps)) / len(gaps)


_metric = partial(Metric, models=("original", "unlearned"))


def js_divergence(logits_p: Tensor, logits_q: Tensor, *, multi: bool = False) -> float:
    """Mean Jensen-Shannon divergence of two (N, C) batches of logits, in nats: 0 to ln 2.

    JS = 1/2 KL(p || m) + 1/2 KL(q || m),  m = (p + q) / 2;  summed over classes, averaged over examples. multi: of each attribute
    (N, A) by itself, averaged over attributes too.
    """
    return float(jensen_shannon(logits_p, logits_q, multi=multi).mean())


def _to_reference(split: str, evidence: Evidence, model: str) -> float:
    theirs, _ = evidence.logits_of("reference").of(split, evidence.splits)
    ours, _ = evidence.logits_of(model).of(split, evidence.splits)
    return js_divergence(ours, theirs, multi=evidence.multi)


def _divergence(key: str, split: str, title: str, where: str) -> Metric:
    definition = (
        f"Jensen-Shannon divergence between the model's and the reference's probabilities, averaged over {where}. "
        "0: the same beliefs; ln 2 = 0.693: no overlap. Of several attributes the mean of theirs, yes or no each. Bad teacher's code "
        "prints another divergence under this name: that of ZRF by its authors' code."
    )
    return Metric(
        MetricInfo(key, title, "nats", "low", definition), partial(_to_reference, split), ("original", "unlearned")
    )


METRICS = (
    _divergence("js_to_reference", "forget", "JS divergence from the reference, forget set", "the forget set"),
    _divergence("js_to_reference_test", "test", "JS divergence from the reference, test set", "the test set"),
    _metric(
        MetricInfo(
            "activation_distance", "Activation distance, forget set", "distance", "low",
            "Euclidean distance between the model's and the reference's probabilities, averaged over the forget set. "
            "0: the same predictions; 1.414: sure of different classes. Of several attributes the mean of theirs, yes or no each.",
        ),
        _activation,
    ),
    _metric(
        MetricInfo(
            "average_gap", "Average gap to the reference", "share", "low",
            "Mean distance to the reference's values of four numbers: accuracy on the forget set, on the retain set, on test "
            "retain images, and the share that the attack by entropy calls members (SalUn's summary; its own attack is an SVM on the "
            "confidence in the label).",
        ),
        _average_gap,
    ),
    _metric(
        MetricInfo(
            "tow", "Tug of war (ToW)", "share", "high",
            "Product of one minus the distance to the reference, for accuracy on the forget set, on the retain set and on test "
            "retain images. 100 %: as the reference.",
        ),
        _tow,
    ),
    _metric(
        MetricInfo(
            "tow_attack", "Tug of war by attack (ToW-MIA)", "share", "high",
            "As tug of war, with the share of the forget set that the attack by entropy calls members in place of the accuracy on "
            "it (Zhao et al.; their own attack is an SVM on the confidence in the label).",
        ),
        _tow_attack,
    ),
)  # fmt: skip
