"""Each network's loss, entropy, confidence and prediction of single images, for attacks and for the pages."""

import pandas as pd
import torch
from torch import Tensor

from core.data.label_kinds import answers, is_multi, probabilities, two_answers
from core.data.label_kinds import loss as label_loss
from core.metrics.base import Evidence, NotApplicable
from core.metrics.forget_set_outputs import entropy

SETS = {"forget": 1000, "retain": 1000, "test_forget": 1000, "test_retain": 1000}  # set -> examples in the table, at most
LARGEST = 30.0  # |phi|: beyond the precision of float32 probabilities


def confidence(logits: Tensor, labels: Tensor) -> Tensor:
    """phi = ln(p_y / (1 - p_y)) of the true class, (N,) in float64, cut at +-30: logits (N, C), labels int64 (N,).

    From the logits themselves, so that confident predictions keep their differences (Carlini et al., arXiv:2112.03570). Of
    several attributes, labels (N, A), the mean of phi of each attribute's true value, cut likewise.
    """
    if is_multi(labels):
        return confidence(two_answers(logits), labels.flatten().long()).view(logits.shape).mean(1)
    own = logits.double().gather(1, labels[:, None])[:, 0]
    others = logits.double().scatter(1, labels[:, None], -torch.inf).logsumexp(1)
    return (own - others).clamp(-LARGEST, LARGEST)


def rows_of(evidence: Evidence) -> dict[str, Tensor]:
    """Set -> indices int64 (n,) of the examples in the table; without the sets that have none."""
    rows = {}
    for name, most in SETS.items():
        try:
            rows[name] = evidence.sample_rows(name, most)
        except NotApplicable:
            continue
    return rows


def example_table(evidence: Evidence) -> pd.DataFrame:
    """One row per example: set, index (row of the training or the test set), label, and four numbers of each model.

    `M_loss` and `M_entropy` in nats, `M_confidence` (phi), `M_answer` (class index) of every model M.
    `truth`: the right label, only where the request made some of them wrong before the original was trained on them.
    Of several attributes `label` is how many of them the image has, and `M_answer` how many M predicts correctly.
    """
    parts = []
    for name, rows in rows_of(evidence).items():
        labels = _labels(evidence, name, rows)
        part: dict[str, object] = {"set": name, "index": rows.numpy(), "label": (labels.sum(1) if evidence.multi else labels).numpy()}
        if evidence.splits.truth is not None:
            part["truth"] = (labels if name.startswith("test") else evidence.splits.truth.cpu()[rows]).numpy()
        for model in evidence.logits:
            logits = _logits(evidence, model, name, rows)
            part[f"{model}_loss"] = label_loss(logits.double(), labels, "none").float().numpy()
            part[f"{model}_entropy"] = entropy(logits, multi=evidence.multi).float().numpy()
            part[f"{model}_confidence"] = confidence(logits, labels).float().numpy()
            predicted = answers(logits, evidence.multi)
            part[f"{model}_answer"] = ((predicted == labels).sum(1) if evidence.multi else predicted).numpy()
        parts.append(pd.DataFrame(part))
    return pd.concat(parts, ignore_index=True)


def probability_arrays(evidence: Evidence) -> dict[str, Tensor]:
    """Model -> probabilities float32 (N, C) of classes or (N, A) of attributes, rows as in `example_table`."""
    rows = rows_of(evidence)
    return {
        model: torch.cat([probabilities(_logits(evidence, model, name, chosen), evidence.multi) for name, chosen in rows.items()])
        for model in evidence.logits
    }


def _logits(evidence: Evidence, model: str, name: str, rows: Tensor) -> Tensor:
    return evidence.logits_of(model).at(rows, test=name.startswith("test"))


def _labels(evidence: Evidence, name: str, rows: Tensor) -> Tensor:
    examples = evidence.splits.test if name.startswith("test") else evidence.splits.train
    return examples.labels.cpu()[rows]
