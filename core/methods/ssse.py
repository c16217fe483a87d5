"""Single-Step Sample Erasure: one second-order step away from the forget set, with curvature stored beforehand.

Peste, Alistarh & Lampert, 2021, arXiv:2107.03860.
    F      =   (1/n) sum over D of g_i g_i^T,   g_i = d loss_i / d theta at theta*, weight decay included
    theta  <-   theta* + epsilon / (n - k) * (F + lambda I)^-1 * sum over D_f of g_i
Departs from the paper: it does not say which blocks of weights or which damping it used. Here F is dense for the
classifier alone or block by block, or low-rank for all weights; lambda is a share of each block's largest eigenvalue, plus the
weight decay. `downdate` (not in the paper) takes the forget set out of F too, by Woodbury: (n F - G_f^T G_f) / (n - k).
"""

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor, nn

from core.data.label_kinds import loss as label_loss
from core.data.splits import Splits
from core.domain.hyperparameters import SEARCHED_UNLESS, param
from core.domain.requests.base import ForgetRequest
from core.domain.run import Recipe
from core.methods.search import Rung, Searching, search
from core.training.context import RunContext
from core.training.curvature import Solve, downdated
from core.training.layer_blocks import SCOPES, blocks
from core.training.loop import predict
from core.training.precomputed import FisherStatistic, fisher_of, regularised_rows

PATH = torch.linspace(0, 3, 13)  # multiples of the step at which the loss is evaluated
DAMPING = 0.001  # of every rung
LADDER: tuple[Rung, ...] = tuple({"damping": DAMPING, "epsilon": round(2 ** (k / 2), 3)} for k in range(-6, 13))  # 0.125 to 64
SPECTRUM, EVALUATED = 512, 500  # at most: eigenvalues of a block that are shown, forget images followed along the path
LAYERS = 10  # with weights, in a network, about: of their blocks, `passes` sees no network


@dataclass(frozen=True)
class SSSE(Searching):
    """One closed-form step; needs the forget set and stored factors, no retain image and no training."""

    key = "ssse"
    title = "Single-Step Sample Erasure (SSSE)"
    about = "One closed-form step up the forget set's loss, scaled by curvature that was stored beforehand, whatever the forget set is."
    paper = "arXiv:2107.03860"
    uses = frozenset({"forget"})
    keeps = frozenset({"inverse-Fisher factors of the training set"})
    multi = True

    scope: str = param("all", choices=SCOPES, help="Weights that move: the last layer, every layer as a block, or all in one.")
    storage: str = param(
        "factors", choices=("factors", "gradients"),
        help="factors: eigenpairs of the Fisher. gradients: every training image's own gradient, exact for any size.",
        notes=(("gradients", "This stores the gradient of every training image: a cost in privacy, since each tells of one image."),),
    )  # fmt: skip
    rank: int = param(512, low=1, high=4096, symbol="r", when=("storage", "factors"), help="Eigenpairs kept of a block, at most.")
    damping: float = param(0.01, low=1e-6, high=1e4, symbol="λ", format="%.6f", when=SEARCHED_UNLESS,
                           help="Share of F's top value, added with the decay.")  # fmt: skip
    epsilon: float = param(1.0, low=0.0, high=100.0, symbol="ε", format="%.2f", when=SEARCHED_UNLESS,
                           help="Length of the step; theory says 1.")  # fmt: skip
    downdate: str = param("no", choices=("no", "yes"), help="yes: take the forget set out of the Fisher as well (not in the paper).")

    def passes(self, train_count: int, forget_count: int, recipe: Recipe) -> float:
        """Gradients of the forget set by every block, those of the last layer at the price of predictions; losses along the path."""
        seen = min(EVALUATED, forget_count)
        each = forget_count * (2 if self.downdate == "yes" else 1) + seen
        blocks_read = {"classifier": 1 / 3, "layers": LAYERS, "all": 1}[self.scope]
        return blocks_read * each + (len(PATH) + 1) * seen / 3 + self.passes_of_search(train_count, forget_count)

    def statistics(self, request: ForgetRequest) -> tuple[FisherStatistic, ...]:
        """The Fisher of the training set at the original model, whatever will be forgotten."""
        stored = self.storage == "gradients"
        return (FisherStatistic(self.scope, stored, 0 if stored else self.rank),)

    def unlearn(self, model: nn.Module, splits: Splits, run: RunContext) -> nn.Module:
        """The original, one step further."""
        searching = self.settings == "auto"
        method: SSSE = replace(self, damping=DAMPING) if searching else self
        unit, predicted = method._unit_step(model, splits, run.part(0, 0.4 if searching else 0.9))
        epsilon = self._searched(model, unit, splits, run.part(0.4, 0.9)) if searching else self.epsilon
        step = {name: epsilon * move for name, move in unit.items()}
        for block, change in predicted.items():
            run.record(f"ssse/{block}", {"predicted": epsilon * change})
        losses = torch.stack(list(self._along(model, step, splits, run)))
        run.record("step", step)
        run.record("ssse", {"path": PATH, "path_loss": losses[:-1].mean(1), "actual": losses[-1] - losses[0]})
        run.progress(1.0, "one step taken")
        return model

    def _searched(self, model: nn.Module, unit: dict[str, Tensor], splits: Splits, run: RunContext) -> float:
        """Epsilon, by which the step of length 1 is multiplied: a trial costs two predictions."""
        copy = deepcopy(model)

        def one_step_further(rung: Rung, _: RunContext) -> nn.Module:
            with torch.no_grad():
                for name, move in unit.items():
                    copy.get_parameter(name).copy_(model.get_parameter(name) + rung["epsilon"] * move)
            return copy

        return search(LADDER, one_step_further, model, splits, run)["epsilon"]

    def _unit_step(self, model: nn.Module, splits: Splits, run: RunContext) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """At epsilon = 1: the change of each weight that moves, and each block's predicted change of loss (images,)."""
        (statistic,) = self.statistics(splits.request)
        stored, named = run.statistics[statistic.key], dict(model.named_parameters())
        count = int(stored["count"])
        forget, everything = splits.forget, blocks(model, self.scope)
        step, changes = dict[str, Tensor](), dict[str, Tensor]()
        for index, (block, names) in enumerate(everything.items()):
            run.progress(index / len(everything), f"step of {block}")
            values = (fisher := fisher_of(stored, block)).values
            damping = self.damping * float(values[0]) + run.recipe.decay_in_loss
            left = (count - len(forget)) / count if self.downdate == "yes" else 1.0  # what is left of F is a mean over D_r
            solve: Solve = partial(fisher.solve, damping=max(damping * left, 1e-12))
            rows = partial(regularised_rows, model, names, examples=forget, run=run)  # chunk by chunk: all at once may be too much
            if self.downdate == "yes":
                solve = downdated(solve, torch.cat(list(rows())), count)
            ascent = torch.stack([chunk.double().sum(0) for chunk in rows()]).sum(0)
            move = (left / (count - len(forget)) * solve(ascent[:, None])[:, 0]).to(named[names[0]].dtype)
            pull = run.recipe.decay_in_loss * torch.cat([named[n].flatten() for n in names]).detach().double() @ move.double()
            predicted = torch.cat([chunk.double() @ move.double() for chunk in rows(examples=forget.sample(EVALUATED))])
            moves = torch.split(move, [named[name].numel() for name in names])
            step |= {name: part.view_as(named[name]) for name, part in zip(names, moves, strict=True)}
            changes[block] = predicted - pull
            run.record(f"ssse/{block}", {
                "spectrum": values[:SPECTRUM], "damping": torch.tensor(damping), "mean_gradient_norm": stored[f"{block}/mean"].norm(),
                "cosine_with_ascent": torch.cosine_similarity(move.double(), ascent, dim=0),
            })  # fmt: skip
        return step, changes

    def _along(self, model: nn.Module, step: dict[str, Tensor], splits: Splits, run: RunContext) -> Iterator[Tensor]:
        """The losses of EVALUATED images of the forget set at each point of PATH; leaves the model one step further."""
        seen, start = splits.forget.sample(EVALUATED), {name: model.get_parameter(name).detach().clone() for name in step}
        for t in [*PATH.tolist(), 1.0]:
            with torch.no_grad():
                for name, move in step.items():
                    model.get_parameter(name).copy_(start[name] + t * move)
            yield label_loss(predict(model, seen, run.device), seen.labels, "none")
