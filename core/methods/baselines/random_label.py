"""Random label: go on training on both sets, the forget set under labels drawn at random.

    L  =   CE(f(x), y') on D_f, y' drawn at random;   + CE(f(x), y) on D_r
Graves, Nagisetty & Ganesh, AAAI 2021, arXiv:2010.10981, in the form without stored updates; also SalUn's loss, arXiv:2310.12508.
Both sets come as one shuffled stream. Graves' notebooks draw labels once and never the forgotten class; SalUn's code draws anew
in each epoch, and may draw the true label: `labels` and `true_label`.
Departs from the paper: SGD with plain momentum of 0.9 and weight decay of 0.0005, as in SalUn's code; the notebooks go on with Adam.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from core.data.splits import Splits
from core.domain.hyperparameters import SEARCHED_UNLESS, param
from core.domain.run import Recipe
from core.methods.search import SearchingInSteps
from core.training.context import RunContext
from core.training.loop import fit
from core.training.losses import other_labels

# The one other label of an attribute is its opposite: that is a reversed label and no random one, and a coin is half right.
WRONG_LABEL = "it puts another class, drawn at random, in place of the true one, and such images have no one class"


@dataclass(frozen=True)
class RandomLabel(SearchingInSteps):
    """Fine-tuning on random labels of the forget set."""

    key = "random_label"
    title = "Random label"
    about = "Goes on training with random labels on the forget set, and the true ones on everything else."
    paper = "arXiv:2010.10981 (baseline)"
    uses = frozenset({"forget", "retain"})
    ladder = tuple({"learning_rate": rate} for rate in (0.001, 0.002, 0.005, 0.01, 0.02, 0.05))
    not_multi = WRONG_LABEL

    labels: str = param("once", choices=("once", "each_epoch"), help="When labels are drawn. once: as Graves. each_epoch: as SalUn's code.")
    true_label: str = param("excluded", choices=("excluded", "allowed"), help="Whether a label may be true, or that of a class to forget.")
    epochs: int = param(3, low=1, high=200, help="Passes over the whole training set.")
    learning_rate: float = param(
        0.01, low=0.0, high=1.0, symbol="η", format="%.6f", when=SEARCHED_UNLESS, help="Step size of SGD, plain momentum 0.9.",
    )  # fmt: skip
    batch_size: int = param(64, low=2, high=4096, symbol="B", help="Examples a step.")

    def passes_after(self, train_count: int, forget_count: int, recipe: Recipe) -> float:
        """Every epoch, over both sets."""
        return self.epochs * train_count

    def after(self, made: None, model: nn.Module, splits: Splits, run: RunContext) -> nn.Module:
        """The original, fine-tuned with random labels on the forget set."""
        recipe = Recipe(self.epochs, self.batch_size, self.learning_rate, weight_decay=5e-4, one_cycle=False)
        return fit_on_random_labels(model, splits, recipe, run, self.labels, self.true_label)


def fit_on_random_labels(
    model: nn.Module, splits: Splits, recipe: Recipe, run: RunContext, labels: str, true_label: str,
    after_step: Callable[[], None] = lambda: None,
) -> nn.Module:  # fmt: skip
    """Train on the forget set under labels drawn at random, `once` or in `each_epoch`, and on the retain set under its own."""
    classes = model(splits.forget.first(1).pixels().to(run.device)).shape[1]
    true_labels = splits.retain.labels

    def draw() -> Tensor:
        return torch.cat([random_labels(splits, classes, true_label == "allowed", run.generator), true_labels])

    both, each_epoch = splits.forget.joined(splits.retain), labels == "each_epoch"
    examples = both if each_epoch else both.relabelled(draw())
    return fit(model, examples, recipe, run, nesterov=False, labels=draw if each_epoch else None, after_step=after_step)


def random_labels(splits: Splits, classes: int, true_allowed: bool, generator: torch.Generator) -> Tensor:
    """int64 (k,): of each forget example one of all classes, or, unless that is allowed, none that is true or to be forgotten."""
    labels, forget_classes = splits.forget.labels, splits.request.classes
    if true_allowed:
        return torch.randint(classes, labels.shape, generator=generator)
    if len(forget_classes) > 1:
        retain_classes = torch.tensor([c for c in range(classes) if c not in forget_classes])
        return retain_classes[torch.randint(len(retain_classes), labels.shape, generator=generator)]
    return other_labels(labels, classes, generator)
