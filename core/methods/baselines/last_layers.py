"""CF-k and EU-k: train the last k layers alone on the retain set, from the weights that they have (CF) or from fresh ones (EU).

Goel, Prabhu, Sanyal, Lim, Torr & Kumaraguru, 2022, arXiv:2201.06640.
    the last k convolutions and linear layers, and what is defined behind the first of them (BatchNorm), may move;  all else is frozen
    CF-k   theta  <-  SGD on CE(D_r), from theta*;         EU-k   as CF-k, but the k layers begin untrained (BatchNorm does not)
k counts in the order of definition, as the authors' code does: a residual block's shortcut comes behind its second convolution. With
all layers CF-k is fine-tuning, and EU-k retraining but for BatchNorm. Momentum of 0.9, plain; weight decay of 0.00005; gradients
clipped at 10; rates by `schedule`, all as in their code. BatchNorm of frozen layers moves its statistics unless `norm_mode = eval`.
Departs from the code: fresh weights are as the architecture draws them, not Kaiming's; images are not augmented; fewer epochs.
SCRUB's and DeepUnlearn's CF-k and EU-k are other methods of that name: the last block in eval mode, no momentum, and a pull to the start.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import cos, pi

import torch
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd

from core.data.label_kinds import loss as label_loss
from core.data.splits import Splits
from core.domain.hyperparameters import SEARCHED_UNLESS, param
from core.domain.run import Recipe
from core.methods.search import SearchingInSteps
from core.models.inspection import layers_in_order
from core.training.context import RunContext
from core.training.loop import descend

LOWEST = 0.05  # of the rate, at the end of a cycle


@dataclass(frozen=True)
class LastLayers(SearchingInSteps):
    """Fine-tuning or retraining of the last layers."""

    key = "last_layers"
    title = "Last layers (CF-k, EU-k)"
    about = "Freezes the network but for its last layers, and trains these on the retain set, from scratch (EU-k) or as they are (CF-k)."
    paper = "arXiv:2201.06640"
    uses = frozenset({"retain"})
    ladder = tuple({"k": k} for k in (1, 2, 3, 6, 12))
    multi = True
    not_ensemble = "its last layers would be those of one member alone"

    variant: str = param("eu", choices=("eu", "cf"), help="eu: the last layers begin untrained. cf: they begin as they are.")
    k: int = param(3, low=0, high=1000, when=SEARCHED_UNLESS, help="Convolutions and linear layers that are trained, from the last one on.")
    norm_mode: str = param(
        "train", choices=("train", "eval"), help="BatchNorm, of frozen layers too: of the batch, whose statistics it stores, or as stored.",
    )  # fmt: skip
    schedule: str = param(
        "restarts", choices=("restarts", "constant"),
        help="Of the rate. restarts: down to a twentieth by a cosine, in cycles of 1, 2, 4, … epochs, as the authors' code.",
    )  # fmt: skip
    epochs: int = param(7, low=1, high=200, help="Passes over the retain set; cycles end after 1, 3, 7, 15, 31.")
    learning_rate: float = param(0.1, low=1e-6, high=1.0, symbol="η", format="%.6f", help="Largest step size of SGD, plain momentum 0.9.")
    batch_size: int = param(64, low=2, high=4096, symbol="B", help="Examples a step.")

    def passes_after(self, train_count: int, forget_count: int, recipe: Recipe) -> float:
        """Every epoch, over the retain set; the gradient does not come down to the first layer, as with fewer layers than there are."""
        return self.epochs * (train_count - forget_count) / 3

    def rate(self, epoch: int) -> float:
        """The step size in an epoch, counted from 0."""
        cycle, place = 1, epoch
        while place >= cycle:
            cycle, place = 2 * cycle, place - cycle
        share = (1 + cos(pi * place / cycle)) / 2 if self.schedule == "restarts" else 1.0
        return self.learning_rate * (LOWEST + (1 - LOWEST) * share)

    def after(self, made: None, model: nn.Module, splits: Splits, run: RunContext) -> nn.Module:
        """The original, its last layers trained on the retain set."""
        trained, layers = last_layers(model, self.k)
        if self.variant == "eu":
            fresh = run.fresh_model()
            for name in layers:
                model.get_submodule(name).load_state_dict(fresh.get_submodule(name).state_dict())
        with frozen_but(model, trained):
            self._train(model, trained, splits, run)
        run.progress(1.0, "trained")
        return model.eval()

    def _train(self, model: nn.Module, trained: list[nn.Parameter], splits: Splits, run: RunContext) -> None:
        """Moves these parameters alone; nothing where there are none."""
        if not trained:
            return
        data = splits.retain.to(run.device)
        optimiser = torch.optim.SGD(trained, lr=self.learning_rate, momentum=0.9, weight_decay=5e-5)
        model.train(self.norm_mode == "train" and len(data) > 1)  # BatchNorm cannot normalise a single example

        def loss(batch: tuple[Tensor, Tensor]) -> Tensor:
            return label_loss(model(batch[0]), batch[1])

        for epoch in range(self.epochs):
            for group in optimiser.param_groups:
                group["lr"] = self.rate(epoch)
            batches = (b for b in data.batches(self.batch_size, run.generator) if len(b[1]) > 1 or len(data) == 1)
            part, note = run.part(epoch / self.epochs, (epoch + 1) / self.epochs), f"epoch {epoch + 1} of {self.epochs}"
            descend(optimiser, batches, loss, part, steps=-(-len(data) // self.batch_size), note=note, clip=10.0)


def last_layers(model: nn.Module, k: int) -> tuple[list[nn.Parameter], list[str]]:
    """(parameters from the k-th last convolution or linear layer on, in the order of definition; those layers' names).

    Of a network from outside in the order in which its layers are called, since nobody knows how its author wrote them down.
    All parameters where there are no more layers than k, none for k = 0.
    """
    if not k:
        return [], []
    owners = [(name, module) for name, module in layers_in_order(model) if any(True for _ in module.parameters(recurse=False))]
    places = [place for place, (_, module) in enumerate(owners) if isinstance(module, _ConvNd | nn.Linear)]
    start = 0 if k >= len(places) else places[-k]
    moving = (theta for _, module in owners[start:] for theta in module.parameters(recurse=False))
    return list(dict.fromkeys(moving)), [owners[place][0] for place in places[-k:]]


@contextmanager
def frozen_but(model: nn.Module, moving: list[nn.Parameter]) -> Iterator[None]:
    """Within, gradients are computed for these parameters alone; afterwards all is as it was."""
    before = {theta: theta.requires_grad for theta in model.parameters()}
    try:
        for theta in before:
            theta.requires_grad_(False)
        for theta in moving:
            theta.requires_grad_(True)
        yield
    finally:
        for theta, asked in before.items():
            theta.requires_grad_(asked)
