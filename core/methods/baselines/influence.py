"""Influence: one second-order step on the loss of what stays; or the recursion that is published under this name, which has no inverse.

Koh & Liang, ICML 2017, arXiv:1703.04730 (removal to second order); the recursion: WoodFisher in the code of Unlearn-Sparse and SalUn.
    v       =   (k / n) * (mean gradient over D_f - mean gradient over D_r)      at theta*, in eval mode
    true        theta  <-   theta* + alpha * (G + (lambda + decay) I)^-1 v
                G = mean over images of D_r of J^T H J, J = d logits / d theta, H = d2 loss / d logits2: the Gauss-Newton matrix
    published   theta  <-   theta* + alpha * a,   a = v, o = g_1, and for each further image of D_r, in order, 1,002 in all:
                t = o.g;   a <- a - (a.g) / (1000 + t) * o;   o <- o - t / (1000 + t) * o
At an optimum of the mean loss over D with its decay, v is minus the gradient of what retraining minimises, so that true with alpha = 1 is
its Newton step. In the recursion o never leaves the direction of g_1, so that a = v - c * g_1: a first-order step.
Departs from the paper: it solves by stochastic estimates of the Hessian. Here G, which is not negative anywhere and equals the Hessian
for a linear model, of a draw of D_r, by conjugate gradients. Without a good scale in theory for a network, alpha is searched.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import chain

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from core.data.dataset import Examples
from core.data.label_kinds import is_multi
from core.data.splits import Splits
from core.domain.hyperparameters import SEARCHED_UNLESS, param
from core.domain.run import Recipe
from core.methods.search import SearchingInSteps
from core.training.batch_size import forward_chunk
from core.training.context import RunContext
from core.training.loop import Diverged
from core.training.per_example_gradients import call_with, gradient_rows, summed_gradient

PUBLISHED_COUNT, PUBLISHED_IMAGES = 1000, 1002  # N of the recursion, whatever the images; how many it reads, at most
SOLVED = 1e-6  # of the right-hand side's length, at which conjugate gradients end


@dataclass(frozen=True)
class Influence(SearchingInSteps):
    """One step in weight space, with the curvature of what stays or as the public code takes it."""

    key = "influence"
    title = "Influence (one second-order step)"
    about = "One step towards what retraining would find, by the curvature of what stays; or the published recursion, which uses none."
    paper = "arXiv:1703.04730"
    uses = frozenset({"forget", "retain"})
    ladder = tuple({"alpha": round(2 ** (k / 2), 3)} for k in range(-6, 13))  # 0.125 to 64
    multi = True
    share_before = 0.7

    curvature: str = param(
        "true", choices=("true", "published"),
        help="true: the Gauss-Newton matrix of retained images is inverted. published: the recursion of the public code.",
        notes=(("published", "This recursion contains no inverse Hessian: its step is the first-order one, less a multiple of one image's "
                "gradient."),),
    )  # fmt: skip
    alpha: float = param(1.0, low=0.0, high=1e6, symbol="α", format="%.3f", when=SEARCHED_UNLESS,
                         help="Length of the step; for the true one theory says 1.")  # fmt: skip
    damping: float = param(0.001, low=1e-8, high=1e4, symbol="λ", format="%.6f", when=("curvature", "true"),
                           help="Added to the curvature in every direction, besides the weight decay.")  # fmt: skip
    images: int = param(300, low=1, high=100_000, when=("curvature", "true"), help="Retained images whose curvature is taken, at most.")
    iterations: int = param(30, low=1, high=1000, when=("curvature", "true"), help="Of conjugate gradients, at most.")

    def passes_before(self, train_count: int, forget_count: int, recipe: Recipe) -> float:
        """Both mean gradients; then a prediction and two gradients for each image and iteration, or single gradients."""
        retain_count = train_count - forget_count
        if self.curvature == "published":
            return train_count + min(PUBLISHED_IMAGES, retain_count)
        return train_count + self.iterations * min(self.images, retain_count) * 5 / 3

    def passes_after(self, train_count: int, forget_count: int, recipe: Recipe) -> float:
        """None: weights are added."""
        return 0.0

    def before(self, model: nn.Module, splits: Splits, run: RunContext) -> Tensor:
        """The step at alpha = 1 (d,), over all parameters in the model's order."""
        forget, retain = splits.forget.to(run.device), splits.retain.to(run.device)
        parts = run.part(0, 0.1), run.part(0.1, 0.4)
        of_forget, of_retain = (mean_gradient(model, part, context) for part, context in zip((forget, retain), parts, strict=True))
        first_order = splits.forget_share * (of_forget - of_retain)
        if self.curvature == "published":
            names = [name for name, _ in model.named_parameters()]
            rows = chain.from_iterable(gradient_rows(model, names, retain.first(PUBLISHED_IMAGES), run.device))
            step, residuals = recursion(first_order, rows), torch.zeros(0)
        else:
            seen, rest = retain.sample(self.images), run.part(0.4, 1.0)
            product = partial(curvature_product, model, seen)
            step, residuals = conjugate_gradients(
                product, first_order, self.damping + run.recipe.decay_in_loss, self.iterations,
                lambda done: rest.progress(done / self.iterations, "solving for the step"),
            )  # fmt: skip
        run.record("influence", {
            "first_order": first_order.norm(), "step": step.norm(), "cosine": torch.cosine_similarity(step, first_order, dim=0),
            "residuals": residuals,
        })  # fmt: skip
        run.progress(1.0, "step found")
        return step

    def after(self, made: Tensor, model: nn.Module, splits: Splits, run: RunContext) -> nn.Module:
        """The original, one step further."""
        weights = list(model.parameters())
        with torch.no_grad():
            for theta, move in zip(weights, torch.split(made, [theta.numel() for theta in weights]), strict=True):
                theta.add_(self.alpha * move.view_as(theta))
        if not all(theta.isfinite().all() for theta in weights):
            raise Diverged("The step became infinite or NaN; a smaller alpha or more damping may help.")
        run.progress(1.0, "one step taken")
        return model


def mean_gradient(model: nn.Module, examples: Examples, run: RunContext) -> Tensor:
    """(d,): the mean gradient of the labels' loss over the examples, by all parameters in the model's order."""

    def batches() -> Iterator[tuple[Tensor, Tensor]]:
        done = 0
        for batch in examples.batches(forward_chunk(model, examples.first(1).pixels(), gradients=True).size):
            yield batch
            done += len(batch[1])
            run.progress(done / len(examples), "mean gradients")

    return torch.cat([g.flatten() for g in summed_gradient(model, batches()).values()]) / len(examples)


def recursion(first_order: Tensor, rows: Iterable[Tensor]) -> Tensor:
    """What the public code makes of v (d,) by single gradients (d,), the first of which alone gives a direction."""
    step, direction = first_order.clone(), torch.zeros_like(first_order)
    for place, g in enumerate(rows):
        if place == 0:
            direction = g.clone()
            continue
        along = direction @ g
        step -= (step @ g) / (PUBLISHED_COUNT + along) * direction
        direction -= along / (PUBLISHED_COUNT + along) * direction
    return step


def curvature_product(model: nn.Module, examples: Examples, vector: Tensor) -> Tensor:
    """G times a vector (d,): the mean over the examples of J^T H J, in eval mode; H that of the softmax, or of each attribute's sigmoid."""
    named = {name: theta.detach().requires_grad_() for name, theta in model.named_parameters()}
    state = {**{name: buffer.detach() for name, buffer in model.named_buffers()}, **named}
    weights = tuple(named.values())
    moves = torch.split(vector, [theta.numel() for theta in weights])
    tangent = [move.view_as(theta) for theta, move in zip(weights, moves, strict=True)]

    def of_part(part: slice) -> Tensor:
        x = examples.taken(part).float() / examples.peak
        with torch.enable_grad(), sdpa_kernel(SDPBackend.MATH):  # no other attention kernel can be differentiated twice
            logits = call_with(model, state, x)
            pulled = torch.zeros_like(logits, requires_grad=True)
            back = torch.autograd.grad(logits, weights, pulled, create_graph=True, materialize_grads=True)
            (change,) = torch.autograd.grad(back, pulled, tangent)  # J times the vector: J^T is linear in what it is given
        curved = loss_curvature(logits.detach(), change, multi=is_multi(examples.labels))
        return torch.cat([g.flatten() for g in torch.autograd.grad(logits, weights, curved, materialize_grads=True)])

    chunk = forward_chunk(model, examples.first(1).pixels(), gradients=True)
    return sum(chunk.through(len(examples), of_part), torch.zeros_like(vector)) / len(examples)


def loss_curvature(logits: Tensor, change: Tensor, *, multi: bool) -> Tensor:
    """H times a change of logits (B, C): (diag(p) - p p^T) of the softmax; multi: p (1 - p) / C of each of C attributes."""
    if multi:
        p = logits.sigmoid()
        return p * (1 - p) * change / logits.shape[1]
    p = logits.softmax(1)
    return p * (change - (p * change).sum(1, keepdim=True))


def conjugate_gradients(
    product: Callable[[Tensor], Tensor], wanted: Tensor, damping: float, iterations: int, told: Callable[[int], None]
) -> tuple[Tensor, Tensor]:
    """(u, residuals) with (A + damping I) u about `wanted` (d,), for A given by its product with a vector.

    residuals: length of what is left after each iteration, the first of them before any, as shares of `wanted`'s.
    """
    solved, left = torch.zeros_like(wanted), wanted.clone()
    along, squared = left.clone(), left @ left
    first, residuals = squared.clone(), [torch.ones(())]
    for iteration in range(1, iterations + 1):
        if not squared > SOLVED**2 * first:
            break
        image = product(along) + damping * along
        length = squared / (along @ image)
        solved += length * along
        left -= length * image
        before, squared = squared, left @ left
        along = left + squared / before * along
        residuals.append((squared / first).sqrt().cpu())
        told(iteration)
    return solved, torch.stack(residuals)
