"""Random label: go on training on both sets, the forget set under labels drawn at random.

    L  =   CE(f(x), y') on D_f, y' drawn at random;   + CE(f(x), y) on D_r
Graves, Nagisetty & Ganesh, AAAI 2021, arXiv:2010.10981, in the form without stored updates; also SalUn's loss, arXiv:2310.12508.
Departs from the paper: one shuffled stream of both sets; `true_label` says whether the draw may hit the true label,
which papers leave open and codes do both ways.
"""

from dataclasses import dataclass

import torch
from torch import nn

from core.data.dataset import Examples
from core.data.splits import Splits
from core.domain.hyperparameters import param
from core.domain.run import Recipe
from core.methods.base import UnlearningMethod
from core.training.context import RunContext
from core.training.loop import fit
from core.training.losses import other_labels

# The one other label of an attribute is its opposite: that is a reversed label and no random one, and a coin is half right.
WRONG_LABEL = "it puts another class, drawn at random, in place of the true one, and such images have no one class"


@dataclass(frozen=True)
class RandomLabel(UnlearningMethod):
    """Fine-tuning on random labels of the forget set."""

    key = "random_label"
    title = "Random label"
    about = "Goes on training with random labels on the forget set, and the true ones on everything else."
    paper = "arXiv:2010.10981 (baseline)"
    uses = frozenset({"forget", "retain"})
    not_multi = WRONG_LABEL

    true_label: str = param("excluded", choices=("excluded", "allowed"), help="Whether a label may be true, or that of a class to forget.")
    epochs: int = param(3, low=1, high=200, help="Passes over the whole training set.")
    learning_rate: float = param(0.01, low=0.0, high=1.0, symbol="η", format="%.6f", help="Step size of SGD, momentum 0.9.")
    batch_size: int = param(64, low=2, high=4096, symbol="B", help="Examples a step.")

    def passes(self, train_count: int, forget_count: int, recipe: Recipe) -> float:
        """Every epoch, over both sets."""
        return self.epochs * train_count

    def unlearn(self, model: nn.Module, splits: Splits, run: RunContext) -> nn.Module:
        """The original, fine-tuned with random labels on the forget set."""
        mixed = relabelled(splits, self.true_label == "allowed", model, run)
        recipe = Recipe(self.epochs, self.batch_size, self.learning_rate, weight_decay=0.0, one_cycle=False)
        return fit(model, mixed, recipe, run)


def relabelled(splits: Splits, true_allowed: bool, model: nn.Module, run: RunContext) -> Examples:
    """The forget set under labels drawn at random, then the retain set under its own."""
    forget, classes = splits.forget, model(splits.forget.first(1).pixels().to(run.device)).shape[1]
    forget_classes = splits.request.classes
    if len(forget_classes) > 1 and not true_allowed:  # no label of another forgotten class either
        retain_classes = torch.tensor([c for c in range(classes) if c not in forget_classes])
        drawn = retain_classes[torch.randint(len(retain_classes), forget.labels.shape, generator=run.generator)]
    elif true_allowed:
        drawn = torch.randint(classes, forget.labels.shape, generator=run.generator)
    else:
        drawn = other_labels(forget.labels, classes, run.generator)
    return forget.relabelled(drawn).joined(splits.retain)
