"""Lightweight weight perturbation, a RECONSTRUCTION: small steps towards what a model of the retain set would say.

Chen, Wang & Huang, 2021, arXiv:2111.05528; only its abstract could be read, everything below is our reading of it.
    target   A: T(x) = what a model trained shortly on a part of D_r says of x in D_f
             B: T(x) = what theta* says of another retained image with the same answer as x (else its values, sorted alike)
    repeat   L = KL(T || p) on a batch of D_f + mu * CE on a batch of D_r;   theta  <-   theta - eta * clip(dL/dtheta, 1)
             project on ||theta - theta*|| <= R ||theta*||;   stop when mean JS(p, T) over D_f is below tau
Departs from the paper: unknown, since its algorithm is not public. BatchNorm is frozen. No attack stops it (that needs unseen data), but
the loss AUC of D_f against D_r is recorded. Of several attributes each has two answers: a mean of divergences; B borrows one by one.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import ceil

import torch
from torch import Tensor, nn

from core.context import RunContext
from core.data.examples import Examples
from core.data.labels import is_multi, loss
from core.data.splits import Splits
from core.domain import Recipe
from core.maths.blocks import blocks
from core.maths.losses import kl_divergence
from core.maths.perturbing import look, project, third_party
from core.maths.trail import Trail
from core.methods.base import UnlearningMethod
from core.params import param
from core.training import descend, draws, fit, predict

LOOKED_AT = 500  # examples of each set that the trajectory and the stop are measured on


@dataclass(frozen=True)
class WeightPerturbation(UnlearningMethod):
    """Reconstruction: the forget set's answers are pulled to those of a model that never saw it."""

    key = "weight_perturbation"
    title = "Lightweight weight perturbation (reconstruction)"
    about = "Reconstruction from an abstract: small steps until the network answers on the forget set like one that never saw it."
    paper = "arXiv:2111.05528 (reconstruction)"
    uses = frozenset({"forget", "retain"})
    reconstruction = True
    multi = True

    variant: str = param("A", choices=("A", "B"), help="A: towards a model trained on part of the retain set. B: towards its answers.")
    fraction: float = param(0.3, low=0.01, high=1.0, symbol="ρ", when=("variant", "A"), help="Share of the retain set for that model.")
    epochs: int = param(5, low=1, high=200, when=("variant", "A"), help="Epochs of that model, by the original's recipe.")
    learning_rate: float = param(0.01, low=0.0, high=1.0, symbol="η", format="%.5f", help="Step size of SGD.")
    retain_weight: float = param(1.0, low=0.0, high=100.0, symbol="μ", help="Weight of the retained batch's loss.")
    radius: float = param(0.1, low=0.0, high=10.0, symbol="R", help="Largest change of the weights, relative to their length.")
    tolerance: float = param(0.02, low=0.0, high=1.0, symbol="τ", help="Stop below this mean divergence from the target, in nats.")
    steps: int = param(300, low=1, high=10_000, help="Steps at most.")
    look_every: int = param(10, low=1, high=1000, help="Steps between looks at the divergence.")
    batch_size: int = param(50, low=2, high=4096, symbol="B", help="Examples of each set in a step.")
    weights: str = param("all", choices=("all", "classifier"), help="Weights that move.")

    def passes(self, train_count: int, forget_count: int, recipe: Recipe) -> float:
        """The target model, then the steps."""
        of_target = self.epochs * self.fraction * (train_count - forget_count) if self.variant == "A" else 0.0
        return of_target + 2.0 * self.steps * self.batch_size

    def unlearn(self, model: nn.Module, splits: Splits, run: RunContext) -> nn.Module:
        """The original, perturbed."""
        forget, retain = splits.forget.to(run.device), splits.retain.to(run.device)
        target = self._target(model, forget, retain, run).to(run.device)
        moving = [model.get_parameter(name) for names in blocks(model, self.weights).values() for name in names]
        trail, looks, seen = Trail(moving), list[list[float]](), (forget.sample(LOOKED_AT), retain.sample(LOOKED_AT))

        def pairs() -> Iterator[tuple[Tensor, Tensor]]:  # indices of a batch of D_f and of D_r, until the answers are close
            some, others = (draws(len(e), self.batch_size, run.generator) for e in (forget, retain))
            for step in range(self.steps + 1):
                if step % self.look_every == 0 or step == self.steps:
                    looks.append(look(model, target[forget.some(LOOKED_AT)], seen, trail.look(), run.device))
                    if looks[-1][0] < self.tolerance or step == self.steps:
                        return
                yield next(some), next(others)

        def objective(pair: tuple[Tensor, Tensor]) -> Tensor:
            f, r = pair
            pull = kl_divergence(target[f], model(forget.subset(f).pixels()), multi=is_multi(forget.labels))
            kept = loss(model(retain.subset(r).pixels()), retain.labels[r]) if self.retain_weight else 0.0
            return pull + self.retain_weight * kept

        descend(torch.optim.SGD(moving, lr=self.learning_rate), pairs(), objective, run.part(0.3, 1), steps=self.steps,
                note="perturbing", clip=1.0, after=lambda *_: project(moving, trail.start, self.radius))  # fmt: skip
        model.zero_grad(set_to_none=True)  # of the weights that do not move
        run.record("perturbation", {"trajectory": torch.tensor(looks), **trail.recorded()})
        run.progress(1.0, "perturbed")
        return model

    def _target(self, model: nn.Module, forget: Examples, retain: Examples, run: RunContext) -> Tensor:
        """Logits (k, C) that the forget set should get."""
        if self.variant == "A":
            part = retain.subset(torch.randperm(len(retain), generator=run.generator)[: ceil(self.fraction * len(retain))])
            shortly = fit(run.fresh_model(), part, replace(run.recipe, epochs=self.epochs), run.part(0, 0.3))
            return predict(shortly, forget, run.device)
        return third_party(predict(model, forget, run.device), predict(model, retain, run.device), run.generator, is_multi(forget.labels))
