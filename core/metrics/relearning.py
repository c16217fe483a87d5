"""Relearning: training steps until a network has the forget set back."""

from copy import deepcopy
from dataclasses import dataclass

import pandas as pd
import torch

from core.data.label_kinds import loss as label_loss
from core.domain.info import MetricInfo
from core.domain.run import MODELS
from core.metrics.base import Evidence, Metric, NotApplicable
from core.training.loop import share_right

FAMILY = "Residual knowledge"
NEARLY = 0.95  # of the original's accuracy on the forget set counts as relearned
LIMIT = 200  # optimiser steps, at most; the paper goes on for ten epochs, which is about as long on digits
BATCH, RATE = 64, 1e-3
MOST = 100  # examples of the forget set that are evaluated after each step


@dataclass(frozen=True)
class Relearning:
    """`curve`: accuracy on the forget set before the first step and after each; `target`: the accuracy that ends it."""

    curve: tuple[float, ...]
    target: float

    @property
    def reached(self) -> bool:
        """Whether the target was reached before the limit."""
        return self.curve[-1] >= self.target

    @property
    def steps(self) -> int:
        """Steps that were taken: until the target, or until the limit where it was not reached."""
        return len(self.curve) - 1


def relearn(evidence: Evidence, model: str) -> Relearning:
    """Adam on batches of the whole training set, the same batches for every model; stops at the target or the limit.

    Chundawat et al., arXiv:2201.05629: 95 % of the original's accuracy, Adam at 0.001, batches of the training set. Their code
    looks at test images of the forgotten class instead of the forget set, after each of at least one step, in batches of 256.
    """
    return evidence.cached(f"relearn/{model}", lambda: _relearn(evidence, model))


def _relearn(evidence: Evidence, model: str) -> Relearning:
    own = deepcopy(evidence.network(model))
    forget = evidence.examples("forget", MOST)
    before = share_right(evidence.network("original"), forget, device=evidence.device)[0]
    if before == 0:
        raise NotApplicable("The original gets no forgotten image right, so there is nothing to relearn.")
    target = NEARLY * before
    curve = share_right(own, forget, device=evidence.device)
    data = evidence.splits.train.to(evidence.device)
    optimiser = torch.optim.Adam(own.parameters(), lr=RATE)
    generator = torch.Generator().manual_seed(evidence.seed)
    while True:
        for images, labels in data.batches(BATCH, generator):
            if curve[-1] >= target or len(curve) > LIMIT:
                return Relearning(tuple(curve), target)
            if len(labels) == 1:  # BatchNorm cannot normalise one example by itself
                continue
            own.train()
            optimiser.zero_grad(set_to_none=True)
            label_loss(own(images), labels).backward()  # type: ignore[no-untyped-call]  # torch does not annotate it
            optimiser.step()
            curve += share_right(own.eval(), forget, device=evidence.device)


def relearn_table(evidence: Evidence) -> pd.DataFrame:
    """One row per model and step: model, step (0: before the first), accuracy on the forget set, target."""
    rows = []
    for model in (m for m in MODELS if m in evidence.networks):
        try:
            relearning = relearn(evidence, model)
        except NotApplicable:
            continue
        rows += [
            {"model": model, "step": step, "accuracy": value, "target": relearning.target}
            for step, value in enumerate(relearning.curve)
        ]
    return pd.DataFrame(rows, columns=["model", "step", "accuracy", "target"])


def _steps(evidence: Evidence, model: str) -> float:
    relearning = relearn(evidence, model)
    if not relearning.reached:
        last, wanted = (f"{100 * share:.0f} %" for share in (relearning.curve[-1], relearning.target))
        raise NotApplicable(f"Not learnt back in {relearning.steps} steps: accuracy {last} where {wanted} was wanted.")
    return float(relearning.steps)


def _anamnesis(evidence: Evidence, model: str) -> float:
    theirs = relearn(evidence, "reference")
    if not theirs.reached:
        raise NotApplicable(f"The reference did not learn the forget set back in {theirs.steps} steps: nothing to hold this against.")
    if theirs.steps == 0:
        raise NotApplicable("The reference knows the forget set about as well as the original, so nothing has to be learnt back.")
    return relearn(evidence, model).steps / theirs.steps


METRICS = (
    Metric(
        MetricInfo(
            "relearn_steps", "Relearning steps", "steps", "match",
            f"Training steps (Adam at {RATE:g}, batches of {BATCH} from the whole training set) until accuracy on the forget set "
            f"is {100 * NEARLY:.0f} % of the original's; given up after {LIMIT} steps.",
        ),
        _steps,
    ),
    Metric(
        MetricInfo(
            "anamnesis_index", "Anamnesis index", "ratio", "match",
            "Relearning steps on the forget set, over the reference's. 1: as hard as for a network that never saw it; near 0: "
            f"the knowledge is still there; far above 1: over-forgotten. Where {LIMIT} steps are not enough, the true "
            "ratio is higher than the one given. The authors' code (arXiv:2201.05629) looks at test images of the class where "
            f"this looks at up to {MOST} of the forget set, takes batches of 256, and counts one step at least, where this may count 0.",
        ),
        _anamnesis, ("original", "unlearned", "reference"),
    ),
)  # fmt: skip
