"""The membership attack of SalUn, Unlearn-Sparse, RUM, SFRon and AMUN: a support vector machine trained on the unlearned network itself."""

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from core.data.label_kinds import loss as label_loss
from core.domain.info import MetricInfo
from core.metrics.base import Evidence, Metric, NotApplicable, drawn, rows_of
from core.metrics.privacy.threshold_attack import FEWEST

FAMILY = "Membership"
Array = NDArray[np.float64]
MOST = 1000  # examples a side from which it learns: its time grows with their square


def share_called_unseen(members: Array, others: Array, targets: Array) -> float:
    """Share of `targets` (n,) that a support vector machine on one score, fitted on both sides, calls non-members, in [0, 1].

    As the public code (OPTML-Group/Unlearn-Saliency, evaluation/SVC_MIA.py): a Gaussian kernel, C = 3, gamma = 1 / number of features.
    """
    from sklearn.svm import SVC  # noqa: PLC0415  # late: a second, which listing metrics need not pay

    scores, sides = np.concatenate([members, others]), np.repeat([1, 0], [len(members), len(others)])
    attack = SVC(C=3.0, gamma="auto", kernel="rbf").fit(scores[:, None], sides)
    return float(1.0 - attack.predict(targets[:, None]).mean())


def unseen_by_confidence(evidence: Evidence, model: str) -> float:
    """Of the forget set, by the probability of the label. Raises NotApplicable where the attack cannot be made."""
    return evidence.cached(f"svc attack/{model}", lambda: _attack(evidence, model))


def _attack(evidence: Evidence, model: str) -> float:
    if evidence.multi:
        raise NotApplicable("The attack reads the probability of one label; these images have several attributes.")
    retain, test, forget = (rows_of(name, evidence.splits, evidence.rows) for name in ("train_retain", "test", "forget"))
    count = min(len(retain), len(test), MOST)
    if min(count, len(forget)) < FEWEST:
        smallest = min(count, len(forget))
        raise NotApplicable(f"The attack needs {FEWEST} retain, test and forgotten examples each; the smallest set has {smallest}.")
    members, others = _confidences(evidence, model, drawn(retain, count), False), _confidences(evidence, model, drawn(test, count), True)
    return share_called_unseen(members, others, _confidences(evidence, model, forget, False))


def _confidences(evidence: Evidence, model: str, rows: Tensor, test: bool) -> Array:
    """Probability of the label, (n,), of rows of the test or the training set."""
    labels = (evidence.splits.test if test else evidence.splits.train).labels.cpu()[rows]
    shares: Array = (-label_loss(evidence.logits_of(model).at(rows, test=test).double(), labels, "none")).exp().numpy()
    return shares


METRICS = (
    Metric(
        MetricInfo(
            "attack_svc_unseen", "Membership inference by SVC (confidence)", "share", "match",
            "Share of the forget set that a support vector machine calls unseen, trained to tell the retain set from test images by the "
            f"probability of the label, on up to {MOST:,} of each. Papers call it MIA or MIA-efficacy (SalUn, Unlearn-Sparse). Higher is "
            "not better: the aim is the reference's value. As in their code, test images of a forgotten class are among the unseen.",
        ),
        unseen_by_confidence,
    ),
)
