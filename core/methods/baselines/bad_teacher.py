"""Bad teacher: on the forget set learn from an untrained network, on the retain set from the original.

Chundawat, Tarun, Mandal & Kankanhalli, AAAI 2023, arXiv:2205.08096.
    L  =   KL(softmax(t / T) || softmax(f / T)),   t = an untrained network on D_f, the original on a part of D_r
Departs from the paper: the divergence is summed over classes, as its definition says; the authors' code averages over them
too, which makes their loss smaller by the count of classes. Of several attributes it is the mean of theirs, yes or no each.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from core.data.label_kinds import is_multi
from core.data.splits import Splits
from core.domain.hyperparameters import SEARCHED_UNLESS, param
from core.domain.run import Recipe
from core.methods.search import SearchingInSteps
from core.training.context import RunContext
from core.training.loop import descend, predict
from core.training.losses import kl_divergence


@dataclass(frozen=True)
class BadTeacher(SearchingInSteps):
    """Distillation from two teachers, one of them untrained."""

    key = "bad_teacher"
    title = "Bad teacher"
    about = "The network imitates an untrained one on the forget set and its former self on part of the retain set."
    paper = "arXiv:2205.08096"
    uses = frozenset({"forget", "retain"})
    ladder = tuple({"learning_rate": rate} for rate in (0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005))
    multi = True

    retain_share: float = param(0.3, low=0.0, high=1.0, format="%.2f", help="Share of the retain set that is rehearsed.")
    temperature: float = param(1.0, low=0.1, high=100.0, symbol="T", help="Softens both teachers' predictions.")
    epochs: int = param(1, low=1, high=200, help="Passes over the forget set and the rehearsed part.")
    learning_rate: float = param(0.0001, low=0.0, high=1.0, symbol="η", format="%.6f", when=SEARCHED_UNLESS, help="Step size of Adam.")
    batch_size: int = param(64, low=2, high=4096, symbol="B", help="Examples a step.")

    def passes_after(self, train_count: int, forget_count: int, recipe: Recipe) -> float:
        """The teachers' predictions, then every epoch."""
        return (1 / 3 + self.epochs) * (forget_count + self.retain_share * (train_count - forget_count))

    def after(self, made: None, model: nn.Module, splits: Splits, run: RunContext) -> nn.Module:
        """The original after distillation from both teachers."""
        forget, retain = splits.forget, splits.retain
        chosen = torch.randperm(len(retain), generator=run.generator)[: round(self.retain_share * len(retain))]
        data = forget.joined(retain.subset(chosen)).to(run.device)
        ignorant = predict(run.fresh_model(), forget, run.device)
        knowing = predict(model, retain.subset(chosen), run.device) if len(chosen) else ignorant[:0]
        targets = torch.cat([ignorant, knowing]).to(run.device)

        def loss(part: Tensor) -> Tensor:
            return kl_divergence(targets[part], model(data.subset(part).pixels()), self.temperature, multi=is_multi(data.labels))

        orders = (torch.randperm(len(data), generator=run.generator) for _ in range(self.epochs))
        parts = [p.to(run.device) for order in orders for p in torch.split(order, self.batch_size) if len(p) > 1 or len(data) == 1]
        model.train(len(data) > 1)  # BatchNorm cannot normalise a single example in train mode
        descend(torch.optim.Adam(model.parameters(), lr=self.learning_rate), parts, loss, run, steps=len(parts), note="imitating")
        run.progress(1.0, "taught")
        return model.eval()
