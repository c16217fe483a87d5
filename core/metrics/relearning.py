"""Relearning: training steps until a network has the forget set back."""

from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from itertools import pairwise

import pandas as pd
import torch
from torch import Tensor, nn

from core.data.label_kinds import loss as label_loss
from core.domain.info import MetricInfo
from core.domain.run import MODELS
from core.metrics.base import Evidence, Metric, NotApplicable
from core.training.loop import share_right

FAMILY = "Residual knowledge"
NEARLY = 0.95  # of the original's accuracy on the forget set counts as relearned
LIMIT = 200  # optimiser steps, at most; the paper goes on for ten epochs, which is about as long on digits
BATCH, RATE = 64, 1e-3
MOST = 100  # examples of the forget set that are evaluated
OPERATIONS = 1.8e12  # floating-point operations of relearning a costly network, at most: some 20 seconds of two CPU cores
COPIES = 8  # of the weights between two evaluations, among which the first that reaches the target is searched


@dataclass(frozen=True)
class Relearning:
    """`curve`: step -> accuracy on the forget set after it, of the steps at which it was evaluated, rising; `target`: the aim."""

    curve: Mapping[int, float]
    target: float

    @property
    def reached(self) -> bool:
        """Whether the target was reached before the limit."""
        return max(self.curve.values()) >= self.target

    @property
    def steps(self) -> int:
        """The first evaluated step that reached the target; the last one where none did."""
        return next((step for step, accuracy in self.curve.items() if accuracy >= self.target), max(self.curve))


def relearn(evidence: Evidence, model: str) -> Relearning:
    """Adam on batches of the whole training set, the same batches for every model; stops at the target or the limit.

    Chundawat et al., arXiv:2201.05629: 95 % of the original's accuracy, Adam at 0.001, batches of the training set. Their code
    looks at test images of the forgotten class instead of the forget set, after each of at least one step, in batches of 256.
    """
    return evidence.cached(f"relearn/{model}", lambda: _relearn(evidence, model))


def schedule(limit: int) -> list[int]:
    """Steps after which the network is evaluated: 1, 2, 3, 5, 8, 13, each the sum of the two before, and the limit."""
    steps, following = [1], 2
    while following < limit:
        steps, following = [*steps, following], following + steps[-1]
    return sorted({min(step, limit) for step in steps} | {limit})


def steps_at_most(operations: int | None) -> int:
    """`LIMIT`, or of a costly network as many steps as `OPERATIONS` allow, whatever the dataset.

    operations: of predicting one image, of which a training pass takes three times as many; None: whatever it costs.
    """
    return LIMIT if operations is None else max(1, min(LIMIT, int(OPERATIONS / (3 * BATCH * max(1, operations)))))


def copies_at_most(operations: int | None) -> int:
    """Copies of the weights that are held at once while a network relearns; operations: as of `steps_at_most`."""
    looks = [0, *schedule(steps_at_most(operations))]
    gaps = [after - before for before, after in pairwise(looks)]
    return max((gap - 1) // -(-gap // COPIES) for gap in gaps)


def _relearn(evidence: Evidence, model: str) -> Relearning:
    own = deepcopy(evidence.network(model))
    forget = evidence.examples("forget", MOST)
    before = evidence.accuracy("original", "forget", MOST)
    if before == 0:
        raise NotApplicable("The original gets no forgotten image right, so there is nothing to relearn.")
    target = NEARLY * before

    def accuracy() -> float:
        return share_right(own.eval(), forget, device=evidence.device)[0]

    curve, copies = {0: evidence.accuracy(model, "forget", MOST)}, dict[int, dict[str, Tensor]]()
    if curve[0] >= target:
        return Relearning(curve, target)
    limit = steps_at_most(evidence.operations)
    looks = schedule(limit)
    for step in _steps_of_training(evidence, own):
        between = next(look for look in looks if look > max(curve)) - max(curve)
        if step in looks:
            curve[step] = accuracy()
            if curve[step] >= target:
                break
            copies.clear()
        elif (step - max(curve)) % -(-between // COPIES) == 0:
            copies[step] = deepcopy(own.state_dict())
        if step == limit:
            break
    if max(curve.values()) >= target:
        curve |= _bisected(copies, target, lambda state: (own.load_state_dict(state), accuracy())[1])
    return Relearning(dict(sorted(curve.items())), target)


def _bisected(copies: dict[int, dict[str, Tensor]], target: float, accuracy_of: Callable[[dict[str, Tensor]], float]) -> dict[int, float]:
    """Step -> accuracy of those copies, taken since the last evaluation, that lead to the first one that reaches the target."""
    found, steps = dict[int, float](), list(copies)
    while steps:
        middle = len(steps) // 2
        step = steps[middle]
        found[step] = accuracy_of(copies[step])
        steps = steps[:middle] if found[step] >= target else steps[middle + 1 :]
    return found


def _steps_of_training(evidence: Evidence, own: nn.Module) -> Iterator[int]:
    """Trains in place, without end; yields after each step, counted from 1."""
    data = evidence.splits.trained.to(evidence.device)
    optimiser = torch.optim.Adam(own.parameters(), lr=RATE)
    generator = torch.Generator().manual_seed(evidence.seed)
    step = 0
    while True:
        for images, labels in data.batches(BATCH, generator):
            if len(labels) == 1 < len(data):  # BatchNorm cannot normalise one example by itself
                continue
            own.train()
            optimiser.zero_grad(set_to_none=True)
            label_loss(own(images), labels).backward()  # type: ignore[no-untyped-call]  # torch does not annotate it
            optimiser.step()
            step += 1
            yield step


def relearn_table(evidence: Evidence) -> pd.DataFrame:
    """One row per model and evaluated step: model, step (0: before the first), accuracy on the forget set, target; and of a costly
    network the limit of the steps, 0 of others.
    """
    rows, limit = [], steps_at_most(evidence.operations)
    for model in (m for m in MODELS if m in evidence.networks):
        try:
            relearning = relearn(evidence, model)
        except NotApplicable:
            continue
        rows += [
            {"model": model, "step": step, "accuracy": value, "target": relearning.target, "limit": limit % LIMIT}
            for step, value in relearning.curve.items()
        ]
    return pd.DataFrame(rows, columns=["model", "step", "accuracy", "target", "limit"])


def _steps(evidence: Evidence, model: str) -> float:
    relearning = relearn(evidence, model)
    if not relearning.reached:
        last, wanted = (f"{100 * share:.0f} %" for share in (relearning.curve[relearning.steps], relearning.target))
        raise NotApplicable(f"Not learnt back in {relearning.steps} steps: accuracy {last} where {wanted} was wanted.")
    return float(relearning.steps)


def _anamnesis(evidence: Evidence, model: str) -> float:
    ours, theirs = relearn(evidence, model), relearn(evidence, "reference")
    if not theirs.reached and not ours.reached:
        raise NotApplicable(f"The reference did not learn the forget set back in {theirs.steps} steps: nothing to hold this against.")
    if theirs.steps == 0:
        raise NotApplicable("The reference knows the forget set about as well as the original, so nothing has to be learnt back.")
    return ours.steps / theirs.steps


METRICS = (
    Metric(
        MetricInfo(
            "relearn_steps", "Relearning steps", "steps", "match",
            f"Training steps (Adam at {RATE:g}, batches of {BATCH} from the whole training set) until accuracy on the forget set "
            f"is {100 * NEARLY:.0f} % of the original's; given up after {LIMIT} steps, of a costly network after fewer until everything "
            "is evaluated (8 of ResNet-18 at 32 pixels). It is evaluated after 1, 2, 3, 5, 8, 13, … steps, and between the last two by "
            f"bisection of up to {COPIES} copies of the weights: within 8 % of the step that evaluating each would give, where "
            "accuracy only rises.",
        ),
        _steps, trains=True,
    ),
    Metric(
        MetricInfo(
            "anamnesis_index", "Anamnesis index", "ratio", "match",
            "Relearning steps on the forget set, over the reference's. 1: as hard as for a network that never saw it; near 0: "
            f"the knowledge is still there; far above 1: over-forgotten. Where {LIMIT} steps are not enough (of a "
            "costly network, fewer, until everything is evaluated), the true "
            "ratio is higher than the one given, where the reference's were not, lower. The authors' code (arXiv:2201.05629) "
            "looks at test images of the class where "
            f"this looks at up to {MOST} of the forget set, takes batches of 256, and counts one step at least, where this may count 0.",
        ),
        _anamnesis, trains=True,
    ),
)  # fmt: skip
