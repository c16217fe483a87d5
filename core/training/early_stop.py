"""The validation share while a network trains: loss and accuracy of each epoch, and when it is time to stop."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from core.data.dataset import Examples
from core.data.label_kinds import loss as label_loss
from core.data.label_kinds import right
from core.domain.best_epoch import best_epoch

BEST = "best/"


@dataclass
class Validation:
    """examples: held out, and trained on by nobody. patience: epochs without a lower loss after which training is over, and the weights of
    the best epoch are kept; 0: it goes to its end, and the last epoch's are (early stopping; L. Prechelt, 1998).

    losses: nats, of each epoch; best: the weights and buffers of the best epoch.
    """

    examples: Examples
    patience: int = 0
    losses: list[float] = field(default_factory=list)
    best: dict[str, Tensor] = field(default_factory=dict)

    def note(self, model: nn.Module, logits: Tensor) -> tuple[float, float]:
        """Mean loss and accuracy of one more epoch. logits (N, C): what the network answers to the examples."""
        labels = self.examples.labels.cpu()
        loss = float(label_loss(logits, labels))
        self.losses.append(loss)
        if self.patience and self.best_epoch == len(self.losses):
            self.best = {name: tensor.detach().clone() for name, tensor in model.state_dict().items()}
        return loss, float(right(logits, labels).mean())

    @property
    def best_epoch(self) -> int:
        """From 1, the first of the lowest loss; a loss that is not a number is above all others. 0 before the first."""
        return best_epoch(self.losses)

    @property
    def over(self) -> bool:
        """Whether patience has run out."""
        return 0 < self.patience <= len(self.losses) - self.best_epoch

    def settle(self, model: nn.Module) -> None:
        """Put the best epoch's weights into the model; without patience it stays as it is."""
        if self.best:
            model.load_state_dict(self.best)

    def tensors(self) -> dict[str, Tensor]:
        """All that decides how it goes on."""
        return {f"{BEST}{name}": tensor for name, tensor in self.best.items()} | {
            "validation": torch.tensor(self.losses, dtype=torch.float64)
        }

    def restore(self, found: Mapping[str, Tensor]) -> None:
        """The inverse of `tensors`."""
        self.losses[:] = found["validation"].tolist()
        self.best = {name.removeprefix(BEST): tensor for name, tensor in found.items() if name.startswith(BEST)}
