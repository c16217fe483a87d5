"""What metrics may look at, and what a metric is."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from core.data.splits import Splits
from core.descriptions import MetricInfo
from core.domain import MODELS


class NotApplicable(ValueError):
    """This metric says nothing here; the message is the reason, one sentence."""


@dataclass(frozen=True)
class Answers:
    """One model's logits on the training and the test set: float32 (N, C) on the CPU, in the data's order."""

    train: Tensor
    test: Tensor

    def of(self, name: str, splits: Splits) -> tuple[Tensor, Tensor]:
        """Logits (n, C) and labels int64 (n,) of the named split. Raises NotApplicable where it has no examples."""
        on_test = name.startswith("test")
        logits, labels = (self.test, splits.test.labels) if on_test else (self.train, splits.train.labels)
        gone = splits.test_forgotten if on_test else splits.forgotten
        chosen = {"forget": gone, "retain": ~gone}.get(name.rpartition("_")[2], torch.ones_like(gone))
        if not chosen.any():
            raise NotApplicable(f"There are no {name.replace('_', '-')} examples for this request.")
        return logits[chosen.cpu()], labels[chosen].cpu()


@dataclass(frozen=True)
class Evidence:
    """All that metrics may look at: computed once per model by the pipeline. `reference` may be missing."""

    splits: Splits
    answers: Mapping[str, Answers]  # by model
    weights: Mapping[str, Mapping[str, Tensor]]  # by model: parameter name -> tensor, without buffers
    seed: int = 0
    known: dict[str, float] = field(default_factory=dict, compare=False)  # what several metrics ask for, taken once

    def once(self, name: str, take: Callable[[], float]) -> float:
        """What `take` gives, called for the first who asks by this name."""
        if name not in self.known:
            self.known[name] = take()
        return self.known[name]

    def need(self, model: str) -> Answers:
        """Raises NotApplicable where the model is missing."""
        if model not in self.answers:
            raise NotApplicable(f"This run has no {model} model to compare with.")
        return self.answers[model]


@dataclass(frozen=True)
class Metric:
    """A named quantity. `compute(evidence, model)` returns its value for one model or raises NotApplicable."""

    info: MetricInfo
    compute: Callable[[Evidence, str], float]
    models: tuple[str, ...] = MODELS  # those it is measured on
