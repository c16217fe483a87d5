"""UNSIR, "Fast yet effective machine unlearning": train on noise labelled as the forgotten class, then repair on retain images.

Tarun, Chundawat, Mandal & Kankanhalli, IEEE TNNLS 2023, arXiv:2111.08947.
    noise    N_c  <-   Adam on  - CE(f(N), c) + lambda * mean_b ||N_b||^2,   from N(0, 1), one batch for each class c
    impair   one epoch of CE on copies of (N_c, c) and a retain subset, Adam;   repair   one epoch on that subset alone
As written: all noise images of a batch, each class's under its own label. The authors' notebook runs otherwise: its loop over a
batch counts the channels of an image, so that the first 3 of 256 noise images are shown, and all under class 0; and noise is
learned on the network itself, whose BatchNorm statistics it moves. `impair` and `norm_mode` offer both.
Departs from the paper: lambda is scaled by 3072 / (C H W), the size of the images that the paper's 0.1 was chosen for. Noise is
unbounded, in normalised space. `noise` = gaussian or none are ablations. `repair_epochs` and `repair_schedule` repair for longer, at a
rate that falls: presets that search take them.
"""

from copy import deepcopy
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn
import torch.nn.functional as F

from core.data.dataset import Examples
from core.data.splits import Splits
from core.domain.hyperparameters import SEARCHED_UNLESS, param
from core.domain.run import Recipe
from core.methods.search import SearchingInSteps
from core.models.layers import from_normalised
from core.training.context import RunContext
from core.training.loop import descend, share_right

SHOWN, MOMENTS = 8, 6  # noise images and steps of their optimisation that are recorded
EVALUATED = 500  # retained images that accuracy is recorded on, at most


def error_maximising_noise(
    model: nn.Module, start: Tensor, target: int, run: RunContext,
    *, steps: int, rate: float, penalty: float, train_mode: bool, moves_statistics: bool = False,
) -> tuple[Tensor, dict[str, Tensor]]:  # fmt: skip
    """Minimise  penalty * mean ||N||^2 - CE(f(N), target)  by Adam from `start`; the model is left as it is.

    `moves_statistics`: but for its buffers, which become those of the network that saw the noise.

    start, noise: (B, C, H, W) in normalised space, unbounded. Also returns `frames` (MOMENTS, SHOWN, C, H, W), the first
    images from start to end (steps + 1 frames, or B images, where that is fewer), and `curve` (steps, 2), cross-entropy and
    mean squared length before each step.
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

    def record_frame(step: int, _: float) -> None:
        if step in moments:
            frames.append(noise.detach()[:SHOWN].clone())

    optimiser = torch.optim.Adam([noise], lr=rate)
    descend(optimiser, range(steps), loss, run, steps=steps, note=f"noise for class {target}", after=record_frame)
    if moves_statistics:
        for buffer, moved in zip(model.buffers(), copy.buffers(), strict=True):
            buffer.copy_(moved)
    return noise.detach(), {"frames": torch.stack(frames), "curve": torch.tensor(curve)}


@dataclass(frozen=True)
class Mixture:
    """Retain images after `copies` of each noise image (B, C, H, W), in pixels, with its label (B,); without noise, retain images alone.

    Nothing is copied until a batch is taken: retain images stay bytes.
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
        """Pixels (R, C, H, W) and labels (R,) at these indices (R,), of which the noise has the first ones."""
        made = rows < self._made
        retained = rows[~made] - self._made
        x = torch.empty(len(rows), *self.retain.shape[1:], device=rows.device)
        y = self.retain.labels.new_empty(len(rows))
        x[~made], y[~made] = self.retain.taken(retained).float() / self.retain.peak, self.retain.labels[retained]
        if self.noise is not None and self.labels is not None:
            shown = rows[made] % len(self.noise)
            x[made], y[made] = self.noise[shown], self.labels[shown]
        return x, y


PAPER_SIZE, IMPAIRED = 3 * 32 * 32, 0.6  # numbers in an image of the paper; share of the progress bar


@dataclass(frozen=True)
class UNSIR(SearchingInSteps):
    """Needs the classes to forget and a few retain images; never reads the forget set."""

    key = "unsir"
    title = "Impair and repair with error-maximising noise (UNSIR)"
    about = "Learns noise that the network is sure is not the class, teaches it as that class, then repairs on a few retain images."
    paper = "arXiv:2111.08947"
    uses = frozenset({"retain"})
    share_before = 0.3
    ladder = tuple({"impair_rate": rate, "repair_rate": rate / 2} for rate in (0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02))
    kinds = frozenset({"class", "classes"})
    not_multi = "it makes noise for a forgotten class and teaches that under the class's name, and such images have no class"

    noise: str = param("optimised", choices=("optimised", "gaussian", "none"), help="optimised: the method. The others are controls.")
    noise_count: int = param(256, low=1, high=4096, when=("noise", "optimised", "gaussian"), help="Noise images for each class.")
    noise_steps: int = param(40, low=1, high=1000, when=("noise", "optimised"), help="Steps of Adam on the noise.")
    noise_rate: float = param(0.1, low=1e-4, high=10.0, when=("noise", "optimised"), help="Step size of Adam on the noise.")
    penalty: float = param(0.1, low=0.0, high=1e6, symbol="λ", when=("noise", "optimised"), help="Weight of the noise's squared length.")
    norm_mode: str = param(
        "train", choices=("train", "eval", "moved"), when=("noise", "optimised"),
        help="BatchNorm on noise: by its batch, or as stored. moved: by its batch, and stored, as the authors' notebook runs.",
    )  # fmt: skip
    impair: str = param(
        "written", choices=("written", "notebook", "channels"), when=("noise", "optimised", "gaussian"),
        help="Noise that is shown. written: all of it, under its class, as in the paper. notebook: of each class as many images as an "
        "image has channels, all under class 0, as the authors' loop runs. channels: as many, under its class, as SSD's code runs.",
    )  # fmt: skip
    copies: int = param(20, low=1, high=1000, when=("noise", "optimised", "gaussian"), help="Times that each noise image is shown.")
    per_class: int = param(1000, low=1, high=100_000, help="Retained images of each retain class, the first ones.")
    impair_rate: float = param(0.02, low=0.0, high=1.0, format="%.5f", when=SEARCHED_UNLESS, help="Step size of Adam while impairing.")
    repair_rate: float = param(0.01, low=0.0, high=1.0, format="%.5f", when=SEARCHED_UNLESS, help="Step size of Adam while repairing.")
    batch_size: int = param(256, low=2, high=4096, symbol="B", help="Examples a step.")
    repair_batch_size: int = param(0, low=0, high=4096, help="Examples a step while repairing. 0: as while impairing.")
    repair_epochs: int = param(1, low=1, high=100, help="Repairing: passes over the retained images; one, as the paper says.")
    repair_schedule: str = param(
        "constant", choices=("constant", "falling"),
        help="Repairing: a step size that stays, as in the authors' notebook, or that falls evenly to zero.",
    )  # fmt: skip

    def passes_before(self, train_count: int, forget_count: int, recipe: Recipe) -> float:
        """Noise, as if one class went; the original's accuracy."""
        made = {"optimised": self.noise_steps, "gaussian": 0, "none": 0}[self.noise] * self.noise_count
        return made + min(EVALUATED, self._retained_count(train_count, forget_count)) / 3

    def passes_after(self, train_count: int, forget_count: int, recipe: Recipe) -> float:
        """Impair and repair, and the accuracies after each."""
        shown = 0 if self.noise == "none" else self.copies * (self.noise_count if self.impair == "written" else 1)
        retained = self._retained_count(train_count, forget_count)
        return shown + (1 + self.repair_epochs) * retained + 2 * min(EVALUATED, retained) / 3

    def _retained_count(self, train_count: int, forget_count: int) -> float:
        """As if the other classes had as many images as the one that goes."""
        return (train_count - forget_count) * min(1.0, self.per_class / max(1, forget_count))

    def before(self, model: nn.Module, splits: Splits, run: RunContext) -> tuple[list[Tensor], list[float]]:
        """Each class's noise (noise_count, C, H, W) in normalised space, and the original's accuracy on retained images."""
        retain = self._retained(splits, run)
        accuracy = share_right(model, retain.sample(EVALUATED), device=run.device)
        picks = splits.request.picks if self.noise != "none" else ()
        parts = [run.part(index / len(picks), (index + 1) / len(picks)) for index in range(len(picks))]
        return [self._noise(model, c, retain, part) for c, part in zip(picks, parts, strict=True)], accuracy

    def after(self, made: tuple[list[Tensor], list[float]], model: nn.Module, splits: Splits, run: RunContext) -> nn.Module:
        """The original, impaired and repaired."""
        noises, accuracies = made[0], list(made[1])
        retain = self._retained(splits, run)
        right = partial(share_right, model, retain.sample(EVALUATED), device=run.device)
        mixed = self._mixture(model, splits.request.picks, noises, retain) if noises else Mixture(retain)
        self._train(model, mixed, self.impair_rate, self.batch_size, run.part(0, IMPAIRED), "impair")
        accuracies += right()
        size, falls = self.repair_batch_size or self.batch_size, self.repair_schedule == "falling"
        self._train(model, Mixture(retain), self.repair_rate, size, run.part(IMPAIRED, 1), "repair", epochs=self.repair_epochs, falls=falls)
        accuracies += right()
        run.record("unsir", {"retain": torch.tensor(accuracies)})
        run.progress(1.0, "repaired")
        return model.eval()

    def _retained(self, splits: Splits, run: RunContext) -> Examples:
        return splits.retain.to(run.device).first_of_each_class(self.per_class)

    def _mixture(self, model: nn.Module, picks: tuple[int, ...], noises: list[Tensor], retain: Examples) -> Mixture:
        """What impairs: copies of each class's noise and the retained images."""
        shown = [from_normalised(model, noise if self.impair == "written" else noise[: noise.shape[1]]) for noise in noises]
        labels = torch.tensor([0] * len(picks) if self.impair == "notebook" else picks, dtype=torch.int64, device=retain.labels.device)
        return Mixture(retain, torch.cat(shown), labels.repeat_interleave(len(shown[0])), self.copies)

    def _noise(self, model: nn.Module, target: int, like: Examples, run: RunContext) -> Tensor:
        """One class's noise (noise_count, C, H, W) in normalised space."""
        start = torch.randn(self.noise_count, *like.images.shape[1:], generator=run.generator).to(run.device)
        if self.noise == "gaussian":
            return start
        noise, frames_and_losses = error_maximising_noise(
            model, start, target, run, steps=self.noise_steps, rate=self.noise_rate,
            penalty=self.penalty * PAPER_SIZE / start[0].numel(), train_mode=self.norm_mode != "eval",
            moves_statistics=self.norm_mode == "moved",
        )  # fmt: skip
        run.record(f"unsir_noise/{target}", frames_and_losses)
        return noise

    def _train(
        self, model: nn.Module, shown: Mixture, rate: float, batch_size: int, run: RunContext, note: str,
        *, epochs: int = 1, falls: bool = False,
    ) -> None:  # fmt: skip
        """Epochs of cross-entropy by Adam in train mode. `falls`: of T steps, step t is 1 - t / T of the rate, t counted from 0."""
        model.train()
        orders = (torch.randperm(len(shown), generator=run.generator).to(run.device) for _ in range(epochs))
        parts = [part for order in orders for part in torch.split(order, batch_size) if len(part) > 1]
        optimiser = torch.optim.Adam(model.parameters(), lr=rate)

        def lower(step: int, _: float) -> None:
            if falls:
                optimiser.param_groups[0]["lr"] = rate * (1 - step / len(parts))

        descend(
            optimiser, map(shown.taken, parts), lambda b: F.cross_entropy(model(b[0]), b[1]), run, steps=len(parts), note=note, after=lower
        )
        model.eval()
