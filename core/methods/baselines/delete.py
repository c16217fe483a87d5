"""DELETE: on the forget set, learn the original's own predictions with the classes to forget struck out.

Zhou et al., CVPR 2025, arXiv:2503.23751.
    t   =   softmax(f(x; theta*) with -1e10 in place of the logit of y);        L  =   KL(t || softmax(f(x; theta))) on D_f
which is -ln(1 - p_y) + KL(t || r), r the prediction without y, made to sum to 1: the first term forgets, and the second, 0 at the
original, keeps what it says of the other classes. SGD with plain momentum of 0.9, no weight decay. No retained image is read.
The code strikes out each image's own class alone, so that of classes {1, 2} the mass of 1 goes to 2 and back: `mask = own`. Its
BatchNorm learns the statistics of the forget set, but where one class of Tiny ImageNet goes: `norm_mode = eval`.
Departs from the code: all classes to forget are struck out; images are not augmented; batches are smaller, the rate is ours.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
import torch.nn.functional as F

from core.data.splits import Splits
from core.domain.hyperparameters import SEARCHED_UNLESS, param
from core.domain.run import Recipe
from core.methods.search import SearchingInSteps
from core.training.context import RunContext
from core.training.loop import descend, predict
from core.training.losses import kl_divergence

STRUCK = -1e10  # a logit that leaves no mass, and is finite


@dataclass(frozen=True)
class Delete(SearchingInSteps):
    """Distillation from the original without the classes to forget."""

    key = "delete"
    title = "DELETE"
    about = "Teaches the network, on the forget set alone, its own former predictions with the classes to forget struck out."
    paper = "arXiv:2503.23751"
    uses = frozenset({"forget"})
    share_before = 0.05
    ladder = tuple({"learning_rate": rate} for rate in (0.00005, 0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005))
    kinds = frozenset({"class", "classes"})
    not_multi = "it strikes the class to forget out of a prediction, and such images have no one class"

    mask: str = param(
        "all", choices=("all", "own"), help="Classes struck out. all: every one to forget. own: the image's, as the authors' code.",
    )  # fmt: skip
    norm_mode: str = param(
        "train", choices=("train", "eval"),
        help="BatchNorm. train: of the batch, whose statistics it stores, as the authors' code. eval: as stored, as their code where one "
        "class of Tiny ImageNet goes.",
    )  # fmt: skip
    epochs: int = param(20, low=1, high=200, help="Passes over the forget set.")
    learning_rate: float = param(
        0.0002, low=0.0, high=1.0, symbol="η", format="%.6f", when=SEARCHED_UNLESS, help="Constant step size of SGD, plain momentum 0.9.",
    )  # fmt: skip
    batch_size: int = param(64, low=2, high=4096, symbol="B", help="Examples a step.")

    def passes_before(self, train_count: int, forget_count: int, recipe: Recipe) -> float:
        """The original's predictions."""
        return forget_count / 3

    def passes_after(self, train_count: int, forget_count: int, recipe: Recipe) -> float:
        """Every epoch, over the forget set."""
        return self.epochs * forget_count

    def before(self, model: nn.Module, splits: Splits, run: RunContext) -> tuple[Tensor, Tensor]:
        """Of each forget image the original's logits, struck, float32 (k, C), and which of them are, bool (k, C)."""
        logits = predict(model, splits.forget, run.device)
        own = F.one_hot(splits.forget.labels.cpu(), logits.shape[1]).bool()
        struck = own.any(0).expand_as(own) if self.mask == "all" else own
        run.progress(1.0, "predicted")
        return logits.masked_fill(struck, STRUCK), struck

    def after(self, made: tuple[Tensor, Tensor], model: nn.Module, splits: Splits, run: RunContext) -> nn.Module:
        """The original after distillation from its own predictions."""
        forget = splits.forget.to(run.device)
        targets, struck = (each.to(run.device) for each in made)
        sums = torch.zeros(self.epochs, 2, dtype=torch.float64)
        model.train(self.norm_mode == "train" and len(forget) > 1)  # BatchNorm cannot normalise a single example
        alone = len(forget) == 1 or not model.training

        def loss(item: tuple[int, Tensor]) -> Tensor:
            epoch, part = item
            logits = model(forget.subset(part).pixels())
            whole = kl_divergence(targets[part], logits)
            lost = forgetting(logits.detach(), struck[part])
            sums[epoch] += len(part) * torch.stack([lost, whole.detach() - lost]).cpu()
            return whole

        orders = (torch.randperm(len(forget), generator=run.generator).to(run.device) for _ in range(self.epochs))
        items = [(epoch, p) for epoch, order in enumerate(orders) for p in torch.split(order, self.batch_size) if len(p) > 1 or alone]
        counts = torch.tensor([float(sum(len(p) for e, p in items if e == epoch)) for epoch in range(self.epochs)])
        descend(
            torch.optim.SGD(model.parameters(), lr=self.learning_rate, momentum=0.9), items, loss, run,
            steps=len(items), note="striking out",
        )  # fmt: skip
        run.record("delete", {"terms": (sums / counts[:, None]).float()})
        run.progress(1.0, "struck out")
        return model.eval()


def forgetting(logits: Tensor, struck: Tensor) -> Tensor:
    """-ln(1 - p), p the mass on the struck classes, mean over the batch: the first of the loss's two terms; both (B, C)."""
    return -F.log_softmax(logits, 1).masked_fill(struck, -torch.inf).logsumexp(1).mean()
