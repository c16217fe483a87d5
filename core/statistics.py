"""What is computed once on the training set, at the original model, kept, and lent to methods."""

from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass

from torch import Tensor, nn

from core.context import RunContext
from core.data.examples import Examples
from core.domain import digest
from core.importance import fisher_diagonal, squared_batch_gradient


@dataclass(frozen=True)
class Statistic(ABC):
    """A frozen recipe for arrays: equal fields give equal arrays, so they are computed once and shared by runs."""

    @property
    def key(self) -> str:
        """Names the arrays: the class and every field."""
        return f"{type(self).__name__}-{digest(asdict(self))[:12]}"

    @abstractmethod
    def compute(self, model: nn.Module, examples: Examples, run: RunContext) -> dict[str, Tensor]:
        """Name -> tensor on the run's device. Reports shares of its own through `run.progress`."""


@dataclass(frozen=True)
class ImportanceStatistic(Statistic):
    """Importance of every parameter: `per_sample` is the exact Fisher diagonal, `batch` the authors' estimator.

    The value of `batch` depends on `batch_size` and on the examples' order: they are sorted by class, as the authors'
    loaders give them for class requests. `per_sample` depends on neither.
    """

    estimator: str
    batch_size: int = 0

    def compute(self, model: nn.Module, examples: Examples, run: RunContext) -> dict[str, Tensor]:
        """Parameter name -> non-negative tensor shaped like the parameter."""
        data = examples.to(run.device)
        if self.estimator == "batch":
            run.progress(0.0, "squared batch gradients")
            by_class = data.subset(data.labels.argsort(stable=True))
            return squared_batch_gradient(model, by_class.batches(self.batch_size))
        return fisher_diagonal(
            model, data.batches, total=len(data), on_share=lambda share: run.progress(share, "Fisher importance")
        )
