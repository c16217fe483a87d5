"""What metrics may look at, and what a metric is."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from core.data.dataset import Examples
from core.data.labels import is_multi
from core.data.splits import Splits
from core.domain.info import MetricInfo
from core.domain.run import MODELS

T = TypeVar("T")
LOOKS = 0  # seeds which examples are looked at: the same in runs of every seed, so that they can be paired


class NotApplicable(ValueError):
    """This metric says nothing here; the message is the reason, one sentence."""


@dataclass(frozen=True)
class Answers:
    """One model's logits on the training and the test set: float32 (N, C) on the CPU, in the data's order."""

    train: Tensor
    test: Tensor

    def of(self, name: str, splits: Splits) -> tuple[Tensor, Tensor]:
        """Logits (n, C) and labels int64 (n,), or uint8 (n, A), of the named split. Raises NotApplicable where it has no examples."""
        on_test = name.startswith("test")
        logits, labels = (self.test, splits.test.labels) if on_test else (self.train, splits.train.labels)
        gone = splits.test_forgotten if on_test else splits.forgotten
        chosen = {"forget": gone, "retain": ~gone}.get(name.rpartition("_")[2], torch.ones_like(gone))
        if not chosen.any():
            raise NotApplicable(f"There are no {name.replace('_', '-')} examples for this request.")
        return logits[chosen.cpu()], labels[chosen].cpu()


@dataclass(frozen=True)
class Evidence:
    """All that metrics may look at: computed once per model by the pipeline. `reference` may be missing.

    `networks` are the models themselves in eval mode, for metrics that look inside, and `untrained` one that never
    learned; who changes a network changes a copy.
    """

    splits: Splits
    answers: Mapping[str, Answers]  # by model
    weights: Mapping[str, Mapping[str, Tensor]]  # by model: parameter name -> tensor, without buffers
    seed: int = 0
    networks: Mapping[str, nn.Module] = field(default_factory=dict)  # by model, and `untrained`
    device: str = "cpu"  # of the networks
    known: dict[str, Any] = field(default_factory=dict, compare=False)  # what several metrics ask for, taken once

    @property
    def multi(self) -> bool:
        """Whether examples have several attributes instead of one class: see `core.data.labels`."""
        return is_multi(self.splits.train.labels)

    def once(self, name: str, take: Callable[[], T]) -> T:
        """What `take` gives, called for the first who asks by this name; a reason against it is remembered too."""
        if name not in self.known:
            try:
                self.known[name] = take()
            except NotApplicable as reason:
                self.known[name] = reason
        found: T = self.known[name]
        if isinstance(found, NotApplicable):
            raise found
        return found

    def network(self, model: str) -> nn.Module:
        """Raises NotApplicable where the model is missing."""
        if model not in self.networks:
            raise NotApplicable(f"This run has no {model} model to analyse.")
        return self.networks[model]

    def looked_at(self, name: str, count: int) -> Tensor:
        """Indices int64 (n,), n <= count, of a named split's rows in its data: the same draw whoever asks, in any run.

        Raises NotApplicable where the split has no examples.
        """
        on_test = name.startswith("test")
        gone = self.splits.test_forgotten if on_test else self.splits.forgotten
        chosen = {"forget": gone, "retain": ~gone}.get(name.rpartition("_")[2], torch.ones_like(gone)).cpu()
        rows = chosen.nonzero().flatten()
        if not len(rows):
            raise NotApplicable(f"There are no {name.replace('_', '-')} examples for this request.")
        if len(rows) > count:
            generator = torch.Generator().manual_seed(LOOKS)
            rows = rows[torch.randperm(len(rows), generator=generator)[:count].sort().values]
        return rows

    def examples(self, name: str, count: int) -> Examples:
        """The examples of `looked_at`, on the networks' device."""
        whole = self.splits.test if name.startswith("test") else self.splits.train
        return whole.subset(self.looked_at(name, count).to(whole.labels.device)).to(self.device)

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
