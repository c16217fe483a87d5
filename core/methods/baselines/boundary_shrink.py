"""Boundary shrink: each forget image learns the class just across its nearest decision boundary, so that the forgotten class is split up.

Chen, Gao, Liu, Peng & Wang, Boundary Unlearning, CVPR 2023, arXiv:2303.11570.
    x'     =   clip(x + b * sign(d CE(f*(x), y) / dx)),   f* the original, in eval mode
    y'     =   argmax f*(x')
    theta  <-   descend CE(f(x), y') on D_f, from theta*; the clean image x is learned
Departs from the public codes: where the step crosses no boundary they train on y' = y, so that the image is rehearsed (`unflipped = kept`
does so too); here y' is the best answer at x' among the classes that stay. They round x' to whole bytes and ask f* again for every batch:
without augmentation it would answer the same, so y' is computed once. The authors' 0.1 is 0.247 of the pixel range: they undo a
normalisation that was not applied. SalUn's copy steps by 0.1 of the range, as here. `steps` is ours.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from core.data.dataset import Examples
from core.data.label_kinds import loss as label_loss
from core.data.splits import Splits
from core.domain.hyperparameters import SEARCHED_UNLESS, param
from core.domain.run import Recipe
from core.methods.aru import pgd
from core.methods.search import SearchingInSteps
from core.training.batch_size import forward_chunk
from core.training.context import RunContext
from core.training.loop import descend

SHOWN = 16  # forget images that are recorded before and after the step


@dataclass(frozen=True)
class BoundaryShrink(SearchingInSteps):
    """Relabels the forget set by an attack on the original, and learns these labels on the forget set alone."""

    key = "boundary_shrink"
    title = "Boundary shrink"
    about = "Gives every forgotten image to the class next to it, found by one step of an attack; reads the forget set alone."
    paper = "arXiv:2303.11570"
    uses = frozenset({"forget"})
    ladder = tuple({"learning_rate": rate} for rate in (0.00003, 0.0001, 0.0003, 0.001, 0.003, 0.01))
    not_multi = "it moves an image across the border to another class, and such images have no one class"
    share_before = 0.2

    bound: float = param(0.1, low=0.0, high=1.0, symbol="b", format="%.4f", help="Change of every pixel in [0, 1] by a step of the attack.")
    steps: int = param(1, low=1, high=100, symbol="T", help="Steps at most, until the answer changes. 1: as published.")
    unflipped: str = param(
        "next_class", choices=("next_class", "left_out", "kept"),
        help="What an image learns whose answer the attack did not change: the best other class there; nothing; or its own label, as the "
        "public codes have it.",
        notes=(("kept", "Images whose answer the attack does not change are then trained to be remembered."),),
    )  # fmt: skip
    norm_mode: str = param("train", choices=("train", "eval"), help="BatchNorm while it learns: of the batch, as published, or stored.")
    epochs: int = param(10, low=1, high=200, help="Passes over the forget set.")
    learning_rate: float = param(
        0.001, low=0.0, high=1.0, symbol="η", format="%.6f", when=SEARCHED_UNLESS, help="Step size of SGD, plain momentum 0.9.",
    )  # fmt: skip
    weight_decay: float = param(0.0, low=0.0, high=0.1, format="%.5f", help="Of SGD. 0: as published. SalUn's copy has 0.0005.")
    batch_size: int = param(64, low=2, high=4096, symbol="B", help="Examples a step.")

    def passes_before(self, train_count: int, forget_count: int, recipe: Recipe) -> float:
        """Each step of the attack, and the answer after it; of several steps the most that it may be."""
        return self.steps * (1 + 1 / 3) * forget_count

    def passes_after(self, train_count: int, forget_count: int, recipe: Recipe) -> float:
        """Every epoch, over the forget set."""
        return self.epochs * forget_count

    def before(self, model: nn.Module, splits: Splits, run: RunContext) -> Examples:
        """The forget set under the labels that it will be taught; without what is left out."""
        forget = splits.forget.to(run.device)
        gone = torch.tensor(splits.request.classes, dtype=torch.int64, device=forget.labels.device)
        attacked, logits = self._across(model, forget, gone, run)
        labels, changed = nearest_labels(logits, forget.labels, gone)
        if self.unflipped == "kept":
            labels = logits.argmax(1)
        run.record("boundary_shrink", {
            "images": forget.first(SHOWN).pixels(), "attacked": attacked, "labels": labels.float(), "changed": changed.to(torch.uint8),
        })  # fmt: skip
        taught = forget.relabelled(labels)
        return taught.subset(changed) if self.unflipped == "left_out" else taught

    def after(self, made: Examples, model: nn.Module, splits: Splits, run: RunContext) -> nn.Module:
        """The original, fine-tuned on the relabelled forget set."""
        model.train(self.norm_mode == "train" and len(made) > 1)  # BatchNorm cannot normalise one example by itself
        optimiser = torch.optim.SGD(model.parameters(), lr=self.learning_rate, momentum=0.9, weight_decay=self.weight_decay)
        batches = (
            batch for _ in range(self.epochs if len(made) else 0) for batch in made.batches(self.batch_size, run.generator)
            if len(batch[1]) > 1 or not model.training
        )  # fmt: skip
        descend(
            optimiser, batches, lambda batch: label_loss(model(batch[0]), batch[1]), run,
            steps=self.epochs * -(-len(made) // self.batch_size), note="moving the boundary",
        )  # fmt: skip
        run.progress(1.0, "boundary moved")
        return model.eval()

    def _across(self, model: nn.Module, forget: Examples, gone: Tensor, run: RunContext) -> tuple[Tensor, Tensor]:
        """(the first SHOWN attacked images, the original's logits (k, C) at all of them); the model is in eval mode."""
        shown = list[Tensor]()

        def attack(part: slice) -> Tensor:
            x, own = forget.taken(part).float() / forget.peak, forget.labels[part]
            logits, going = torch.empty(0), torch.arange(len(x), device=x.device)
            for step in range(self.steps):
                x[going] = pgd(model, x[going], own[going], torch.zeros_like(x[going]), radius=self.bound, step_size=self.bound, steps=1,
                               minimise=False)  # fmt: skip
                with torch.no_grad():
                    answers = model(x[going]).float()
                logits = answers if step == 0 else logits.index_copy(0, going, answers)
                going = going[~nearest_labels(answers, own[going], gone)[1]]
                if not len(going):
                    break
            shown.append(x[: max(0, SHOWN - part.start)])
            run.progress(part.stop / len(forget), "attack")
            return logits

        chunk = forward_chunk(model, forget.first(1).pixels(), gradients=True)
        logits = torch.cat(list(chunk.through(len(forget), attack)))
        return torch.cat(shown), logits


def nearest_labels(logits: Tensor, own: Tensor, gone: Tensor) -> tuple[Tensor, Tensor]:
    """(labels int64 (k,), changed bool (k,)) of attacked images with these logits (k, C) and true labels own (k,).

    A label is the surest class that is neither the image's own nor one of `gone`, classes (m,) to forget; changed: whether it is
    the surest of all.
    """
    allowed = torch.ones_like(logits, dtype=torch.bool)
    allowed[torch.arange(len(own), device=own.device), own] = False
    allowed[:, gone] = False
    labels = torch.where(allowed, logits, -torch.inf).argmax(1)
    return labels, labels == logits.argmax(1)
