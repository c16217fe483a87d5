"""Statistics of the training set at the original model, computed once, cached, and provided to methods."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

import torch
from torch import Tensor, nn

from core.data.dataset import Examples
from core.data.label_kinds import answers, is_multi, order
from core.domain.errors import WrongInput
from core.domain.run import digest
from core.training.context import RunContext
from core.training.curvature import EXACT_ENTRIES, EigenFisher, GradientFisher, eigen_fisher, factor_bytes
from core.training.fisher import fisher_diagonal, squared_batch_gradient, squared_length
from core.training.layer_blocks import blocks
from core.training.loop import predict
from core.training.per_example_gradients import gradient_rows

MIXING = 0  # seeds the order of mixed batches: the same every time, so that importance is stored
MOST_BYTES = 2 * 2**30  # that the curvature of a network may take while it is computed


@dataclass(frozen=True)
class Statistic(ABC):
    """A frozen recipe for arrays: equal fields give equal arrays, so they are computed once and shared by runs."""

    @property
    def key(self) -> str:
        """Names the arrays: the class and every field."""
        return f"{type(self).__name__}-{digest(asdict(self))[:12]}"

    @property
    @abstractmethod
    def passes(self) -> float:
        """Training passes over single examples that computing it takes for each example, without its linear algebra."""

    @abstractmethod
    def bytes(self, model: nn.Module, count: int) -> int:
        """About the most that is held while it is computed for `count` examples; `model` may have no memory."""

    @abstractmethod
    def check(self, model: nn.Module, count: int) -> None:
        """Raises WrongInput where computing it for `count` examples would take too much; `model` may have no memory."""

    @abstractmethod
    def fits(self, arrays: dict[str, Tensor], model: nn.Module) -> bool:
        """Whether stored arrays can be this statistic of this model; if not, it is computed anew."""

    @abstractmethod
    def compute(self, model: nn.Module, examples: Examples, run: RunContext) -> dict[str, Tensor]:
        """Name -> tensor on the run's device. Reports shares of its own through `run.progress`."""


@dataclass(frozen=True)
class ImportanceStatistic(Statistic):
    """Importance of every parameter: `per_sample` is the exact Fisher diagonal, `batch` the authors' estimator.

    The value of `batch` depends on `batch_size` and on the examples' order. They are sorted by class, or by their row of attributes,
    as the authors' loaders give them for requests that name a class or a subclass; `mixed`: in random order, as they do for random
    samples. `per_sample` depends on none of this. `label_free` is like `batch`, with the logits' squared length for a loss and
    absolute gradients for squared ones; it is sorted by the model's own predictions.
    """

    estimator: str
    batch_size: int = 0
    mixed: bool = False

    @property
    def passes(self) -> float:
        """One; without labels the model's predictions too, a third of a pass."""
        return 1 + (1 / 3 if self.estimator == "label_free" else 0)

    def bytes(self, model: nn.Module, count: int) -> int:
        """Of one copy of the weights."""
        return sum(p.nbytes for p in model.parameters())

    def check(self, model: nn.Module, count: int) -> None:
        """Nothing to refuse: it is as large as the network."""

    def fits(self, arrays: dict[str, Tensor], model: nn.Module) -> bool:
        """One array for each parameter, in its shape."""
        return {name: a.shape for name, a in arrays.items()} == {n: p.shape for n, p in model.named_parameters()}

    def compute(self, model: nn.Module, examples: Examples, run: RunContext) -> dict[str, Tensor]:
        """Parameter name -> non-negative tensor shaped like the parameter."""
        data = examples.to(run.device)
        if self.estimator == "batch":
            run.progress(0.0, "squared batch gradients")
            return squared_batch_gradient(model, self._batches(data, data.labels))
        if self.estimator == "label_free":
            run.progress(0.0, "batch gradients without labels")
            predicted = answers(predict(model, data, run.device), is_multi(data.labels))
            return squared_batch_gradient(model, self._batches(data, predicted), loss_of=squared_length, size=torch.abs)
        return fisher_diagonal(
            model, data.batches, total=len(data), on_share=lambda share: run.progress(share, "Fisher importance")
        )

    def _batches(self, data: Examples, labels: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        """In random order, or sorted by these labels."""
        if self.mixed:
            return data.batches(self.batch_size, torch.Generator().manual_seed(MIXING))
        return data.subset(order(labels).to(data.labels.device)).batches(self.batch_size)


@dataclass(frozen=True)
class FisherStatistic(Statistic):
    """The empirical Fisher of each block of weights, as factors: eigenpairs, or the per-sample gradients themselves.

    Of the regularised loss: weight decay adds its own gradient to every example's, so that the mean gradient at a
    trained model is near 0. `rank`: eigenpairs stored of a block, at most; unused where gradients are stored.
    """

    scope: str
    gradients: bool = False
    rank: int = 0

    @property
    def passes(self) -> float:
        """Of the last layer its features alone, a third of a pass; else one, though each block has its own, and large blocks three."""
        return 1 / 3 if self.scope == "classifier" else 1.0

    def bytes(self, model: nn.Module, count: int) -> int:
        """Of the gradients, or of the factors and the work space."""
        widths = self._widths(model)
        return 4 * count * sum(widths) if self.gradients else factor_bytes(widths, count, self.rank)

    def _widths(self, model: nn.Module) -> list[int]:
        sizes = {name: p.numel() for name, p in model.named_parameters()}
        return [sum(sizes[name] for name in names) for names in blocks(model, self.scope).values()]

    def check(self, model: nn.Module, count: int) -> None:
        """Raises WrongInput where it needs more than MOST_BYTES."""
        widths, need = self._widths(model), self.bytes(model, count)
        most = 4 * EXACT_ENTRIES if self.gradients else MOST_BYTES
        if need <= most:
            return
        lower = next((r for r in (2**k for k in range(12, -1, -1)) if r < self.rank and factor_bytes(widths, count, r) <= MOST_BYTES), 0)
        ways = ([] if self.scope == "classifier" else ["scope = classifier"]) + ([f"a rank of {lower} or less"] if lower else [])
        raise WrongInput(
            f"The curvature of {sum(widths):,} weights by {count:,} examples would take about {need / 1e9:.1f} GB, and "
            f"{most / 1e9:.1f} GB is the most; choose {' or '.join(ways) or 'storage = factors'}."
        )

    def fits(self, arrays: dict[str, Tensor], model: nn.Module) -> bool:
        """Every block is there and as wide as its weights."""
        sizes = {name: p.numel() for name, p in model.named_parameters()}
        widths = {block: sum(sizes[name] for name in names) for block, names in blocks(model, self.scope).items()}
        axis, what = (1, "gradients") if self.gradients else (0, "vectors")
        return {f"{block}/{what}": width for block, width in widths.items()} == {
            name: array.shape[axis] for name, array in arrays.items() if name.endswith(f"/{what}")
        }

    def compute(self, model: nn.Module, examples: Examples, run: RunContext) -> dict[str, Tensor]:
        """`BLOCK/vectors` (d, r) and `BLOCK/values` (r,), or `BLOCK/gradients` (n, d), for each block of `scope`.

        `BLOCK/mean` (d,): the mean gradient, which is 0 at an exact optimum; `count` (): examples.
        """
        arrays = {"count": torch.tensor(len(examples))}
        everything = blocks(model, self.scope)
        for index, (block, names) in enumerate(everything.items()):
            part = run.part(index / len(everything), (index + 1) / len(everything))
            rows = _Rows(model, names, examples, part)
            if self.gradients:
                arrays[f"{block}/gradients"] = torch.cat(list(rows()))
            else:
                fisher = eigen_fisher(rows, len(examples), rows.width, self.rank, run.generator)
                arrays |= {f"{block}/vectors": fisher.vectors, f"{block}/values": fisher.values}
            arrays[f"{block}/mean"] = rows.mean
            part.progress(1.0, f"Fisher of {block}")
        return arrays


def fisher_of(arrays: dict[str, Tensor], block: str) -> EigenFisher | GradientFisher:
    """A block's Fisher from what `FisherStatistic` stored."""
    if f"{block}/gradients" in arrays:
        return GradientFisher(arrays[f"{block}/gradients"])
    return EigenFisher(arrays[f"{block}/vectors"], arrays[f"{block}/values"])


def regularised_rows(
    model: nn.Module, names: Sequence[str], examples: Examples, run: RunContext
) -> Iterator[Tensor]:
    """Rows (b, d): each example's gradient of the loss that was minimised, weight decay included."""
    named = dict(model.named_parameters())
    pull = run.recipe.decay_in_loss * torch.cat([named[name].detach().flatten() for name in names])
    for rows in gradient_rows(model, names, examples, run.device):
        yield rows + pull


class _Rows:
    """Passes over the gradient rows, which also compute their mean and report progress."""

    def __init__(self, model: nn.Module, names: Sequence[str], examples: Examples, run: RunContext) -> None:
        named = dict(model.named_parameters())
        self.width = sum(named[name].numel() for name in names)
        self.mean = torch.zeros(self.width, device=run.device)
        self._model, self._names, self._examples, self._run = model, names, examples, run
        self._reported = 0.0

    def __call__(self) -> Iterator[Tensor]:
        seen, total = 0, torch.zeros_like(self.mean)
        for rows in regularised_rows(self._model, self._names, self._examples, self._run):
            seen, total = seen + len(rows), total + rows.sum(0)
            self._reported = max(self._reported, 0.9 * seen / len(self._examples))  # later passes do not move the progress back
            self._run.progress(self._reported, "per-sample gradients")
            yield rows
        self.mean = total / len(self._examples)
