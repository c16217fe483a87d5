"""The data that metrics are computed from, and what a metric is."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from core.data.dataset import Examples
from core.data.label_kinds import is_multi
from core.data.splits import Splits
from core.domain.info import MetricInfo
from core.domain.run import MODELS

T = TypeVar("T")
SAMPLE_SEED = 0  # of the draw of evaluated examples: the same in runs of every seed, so that they can be paired


class NotApplicable(ValueError):
    """The metric has no value for this run; the message is the reason, one sentence."""


@dataclass(frozen=True)
class Logits:
    """One model's logits on the training and the test set: float32 (N, C) on the CPU, in the data's order."""

    train: Tensor
    test: Tensor

    def of(self, name: str, splits: Splits) -> tuple[Tensor, Tensor]:
        """Logits (n, C) and labels int64 (n,), or uint8 (n, A), of the named split. Raises NotApplicable where it has no examples."""
        on_test = name.startswith("test")
        logits, labels = (self.test, splits.test.labels) if on_test else (self.train, splits.train.labels)
        forgotten = splits.test_forgotten if on_test else splits.forgotten
        chosen = {"forget": forgotten, "retain": ~forgotten}.get(name.rpartition("_")[2], torch.ones_like(forgotten))
        if not chosen.any():
            raise NotApplicable(f"There are no {name.replace('_', '-')} examples for this request.")
        return logits[chosen.cpu()], labels[chosen].cpu()


@dataclass(frozen=True)
class Evidence:
    """All that metrics may read: computed once per model by the pipeline. `reference` may be missing.

    `networks` are the models themselves in eval mode, for metrics of their features, and an `untrained` one; a metric that
    changes a network must change a copy.
    """

    splits: Splits
    logits: Mapping[str, Logits]  # by model
    weights: Mapping[str, Mapping[str, Tensor]]  # by model: parameter name -> tensor, without buffers
    seed: int = 0
    networks: Mapping[str, nn.Module] = field(default_factory=dict)  # by model, and `untrained`
    device: str = "cpu"  # of the networks
    cache: dict[str, Any] = field(default_factory=dict, compare=False)  # intermediate results that several metrics share

    @property
    def multi(self) -> bool:
        """Whether examples have several attributes instead of one class: see `core.data.label_kinds`."""
        return is_multi(self.splits.train.labels)

    def cached(self, name: str, compute: Callable[[], T]) -> T:
        """The result of `compute()`, which is called once for each name; if it raised NotApplicable, that is raised again."""
        if name not in self.cache:
            try:
                self.cache[name] = compute()
            except NotApplicable as reason:
                self.cache[name] = reason
        value: T = self.cache[name]
        if isinstance(value, NotApplicable):
            raise value
        return value

    def network(self, model: str) -> nn.Module:
        """The model, in eval mode. Raises NotApplicable where it is missing."""
        if model not in self.networks:
            raise NotApplicable(f"This run has no {model} model to analyse.")
        return self.networks[model]

    def sample_rows(self, name: str, count: int) -> Tensor:
        """Indices int64 (n,), n <= count, of a named split's rows in its data: the same draw in every call and every run.

        Raises NotApplicable where the split has no examples.
        """
        on_test = name.startswith("test")
        forgotten = self.splits.test_forgotten if on_test else self.splits.forgotten
        chosen = {"forget": forgotten, "retain": ~forgotten}.get(name.rpartition("_")[2], torch.ones_like(forgotten)).cpu()
        rows = chosen.nonzero().flatten()
        if not len(rows):
            raise NotApplicable(f"There are no {name.replace('_', '-')} examples for this request.")
        if len(rows) > count:
            generator = torch.Generator().manual_seed(SAMPLE_SEED)
            rows = rows[torch.randperm(len(rows), generator=generator)[:count].sort().values]
        return rows

    def examples(self, name: str, count: int) -> Examples:
        """The examples at `sample_rows`, on the networks' device."""
        examples = self.splits.test if name.startswith("test") else self.splits.train
        return examples.subset(self.sample_rows(name, count).to(examples.labels.device)).to(self.device)

    def logits_of(self, model: str) -> Logits:
        """The model's logits. Raises NotApplicable where it is missing."""
        if model not in self.logits:
            raise NotApplicable(f"This run has no {model} model to compare with.")
        return self.logits[model]


@dataclass(frozen=True)
class Metric:
    """A named quantity. `compute(evidence, model)` returns its value for one model or raises NotApplicable."""

    info: MetricInfo
    compute: Callable[[Evidence, str], float]
    models: tuple[str, ...] = MODELS  # those it is measured on
