"""Error-maximising noise: images that a network is sure are not of a class (UNSIR, arXiv:2111.08947)."""

from copy import deepcopy
from dataclasses import dataclass

import torch
from torch import Tensor, nn
import torch.nn.functional as F

from core.context import RunContext
from core.data.examples import Examples
from core.models.normalise import from_normalised
from core.training import descend

SHOWN, MOMENTS = 8, 6  # noise images and moments of their making that are told


def error_maximising_noise(
    model: nn.Module, start: Tensor, target: int, run: RunContext,
    *, steps: int, rate: float, penalty: float, train_mode: bool,
) -> tuple[Tensor, dict[str, Tensor]]:  # fmt: skip
    """Minimise  penalty * mean ||N||^2 - CE(f(N), target)  by Adam from `start`; the model is left as it is.

    start, noise: (B, C, H, W) in normalised space, unbounded. Also told: `frames` (MOMENTS, SHOWN, C, H, W), the first images
    from start to end (steps + 1 frames, or B images, where that is fewer), and `curve` (steps, 2), cross-entropy and mean
    squared length before each step.
    """
    copy = deepcopy(model).train(train_mode and len(start) > 1).requires_grad_(False)
    noise = start.clone().requires_grad_(True)
    label = torch.full((len(noise),), target, device=noise.device)
    frames, curve = [start[:SHOWN].clone()], []
    moments = {round(moment * steps / (MOMENTS - 1)) for moment in range(1, MOMENTS)}

    def loss(_: int) -> Tensor:
        cross_entropy = F.cross_entropy(copy(from_normalised(copy, noise)), label)
        length = noise.square().sum((1, 2, 3)).mean()
        curve.append((cross_entropy.item(), length.item()))
        return penalty * length - cross_entropy

    def keep(step: int, _: float) -> None:
        if step in moments:
            frames.append(noise.detach()[:SHOWN].clone())

    optimiser = torch.optim.Adam([noise], lr=rate)
    descend(optimiser, range(steps), loss, run, steps=steps, note=f"noise for class {target}", after=keep)
    return noise.detach(), {"frames": torch.stack(frames), "curve": torch.tensor(curve)}


@dataclass(frozen=True)
class Mixture:
    """Retained images after `copies` of each noise image (B, C, H, W), in pixels, under its label (B,); or those alone.

    Nothing is copied until a batch is taken: retained images stay bytes.
    """

    retain: Examples
    noise: Tensor | None = None
    labels: Tensor | None = None
    copies: int = 1

    def __len__(self) -> int:
        return self._made + len(self.retain)

    @property
    def _made(self) -> int:
        return 0 if self.noise is None else len(self.noise) * self.copies

    def taken(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Pixels (R, C, H, W) and labels (R,) of some places: noise has the first ones."""
        made = rows < self._made
        kept = rows[~made] - self._made
        x = torch.empty(len(rows), *self.retain.shape[1:], device=rows.device)
        y = self.retain.labels.new_empty(len(rows))
        x[~made], y[~made] = self.retain.taken(kept).float() / self.retain.peak, self.retain.labels[kept]
        if self.noise is not None and self.labels is not None:
            shown = rows[made] % len(self.noise)
            x[made], y[made] = self.noise[shown], self.labels[shown]
        return x, y
