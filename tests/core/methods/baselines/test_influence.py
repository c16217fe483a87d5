"""Influence: its step by hand, against retraining where that is known, and its parts against dense algebra."""

from itertools import pairwise
from math import exp, log1p

import pytest
import torch
from torch import nn

from core.data.dataset import Examples
from core.data.splits import Splits
from core.domain.requests.registry import parse_request
from core.domain.run import Recipe
from core.methods.baselines.influence import (
    Influence,
    conjugate_gradients,
    curvature_product,
    loss_curvature,
    recursion,
)
from core.training.context import RunContext
from core.training.per_example_gradients import gradient_rows
from tests.tiny import same_weights


class Line(nn.Module):
    """Logits (w x, 0) of one pixel: label 0's loss is ln(1 + e^(-w x)), its gradient -(1 - p) x with p = 1 / (1 + e^(-w x))."""

    def __init__(self, w: float) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.tensor([w]))

    def forward(self, x):
        z = self.w * x.flatten(1)
        return torch.cat([z, torch.zeros_like(z)], 1)


def stepped(w: float, pixels: list[int], labels: list[int], forgotten: list[bool], decay: float, **settings) -> float:
    """The weight after the step; pixels of 10."""
    images = Examples(torch.tensor(pixels, dtype=torch.uint8).view(-1, 1, 1, 1), torch.tensor(labels), peak=10)
    gone, method = torch.tensor(forgotten), Influence(**settings)
    splits = Splits(parse_request("samples:0"), images, images, gone, torch.zeros_like(gone), float(gone.double().mean()))
    run = RunContext(lambda: Line(w), Recipe(epochs=1, batch_size=2, learning_rate=0.1, weight_decay=decay))
    return method.unlearn(Line(w).eval(), splits.only(method.uses), run).w.item()


def test_the_step_by_hand():
    """x = 1 for all, w = 0, p = 1/2: v = 2/4 (1/2 + 1/2) = 1/2, G = 1/4; with damping 0.05 and decay 0.2 the step is 1/2 / 1/2 = 1."""
    four = [10, 10, 10, 10], [1, 1, 0, 0], [True, True, False, False]
    assert stepped(0.0, *four, decay=0.2, damping=0.05) == pytest.approx(1.0)
    assert stepped(0.0, *four, decay=0.2, damping=0.05, alpha=0.3) == pytest.approx(0.3)
    assert stepped(0.0, *four, decay=0.0, damping=0.25) == pytest.approx(1.0)
    assert stepped(0.0, *four, decay=0.2, curvature="published") == pytest.approx(0.5 - 0.5 * 0.5 / 1000.25 * -0.5 * -1, rel=1e-3)


def test_of_a_linear_model_at_its_optimum_the_step_misses_the_retrained_weight_by_the_square_of_what_is_forgotten():
    """400 images, of which k are alike and go; the loss with its decay is minimised by Newton's method, with and without them."""
    counts = {(3, 0): 150, (8, 0): 90, (5, 1): 60, (9, 1): 20, (6, 0): 40, (10, 1): 40}  # (pixel, label) -> images

    def optimum(counts: dict[tuple[int, int], int]) -> float:
        w, n = 0.0, sum(counts.values())
        for _ in range(50):
            first, second = 0.1 * w, 0.1
            for (pixel, label), count in counts.items():
                x = pixel / 10
                p = 1 / (1 + exp(-w * x))
                first += count / n * x * (p - (label == 0))
                second += count / n * x * x * p * (1 - p)
            w -= first / second
        return w

    w, errors = optimum(counts), []
    for k in (5, 10, 20, 40):
        retrained = optimum(counts | {(10, 1): 40 - k})
        images = [(pair, False) for pair, count in counts.items() for _ in range(count)]
        images = [(pair, place >= 400 - k) for place, (pair, _) in enumerate(images)]  # the last ones are alike
        asked = [p for (p, _), _ in images], [y for (_, y), _ in images], [gone for _, gone in images]
        found = stepped(w, *asked, decay=0.1, damping=1e-8, images=400)  # the curvature of all of them, not of a draw
        errors.append(abs(found - retrained))
        assert errors[-1] < 0.2 * abs(w - retrained)
    assert [b / a for a, b in pairwise(errors)] == pytest.approx([4, 4, 4], rel=0.25)


def test_the_order_of_the_retain_set_matters_to_the_published_recursion_alone():
    pixels, labels, forgotten = [3, 9, 5, 7, 2], [0, 1, 1, 0, 0], [True, False, False, False, False]
    for curvature, alike in (("true", True), ("published", False)):
        one, other = (
            stepped(0.7, [pixels[i] for i in order], [labels[i] for i in order], forgotten, decay=0.01, curvature=curvature, alpha=1000.0)
            for order in ((0, 1, 2, 3, 4), (0, 4, 3, 2, 1))
        )
        assert (one == pytest.approx(other, rel=1e-5)) == alike


def dense(model: nn.Module, x: torch.Tensor, multi: bool) -> torch.Tensor:
    """The Gauss-Newton matrix (d, d) by the whole Jacobian."""
    named = {name: p.detach() for name, p in model.named_parameters()}
    jacobian = torch.func.jacrev(lambda chosen: torch.func.functional_call(model, chosen, (x,)))(named)
    j = torch.cat([part.flatten(2) for part in jacobian.values()], 2)  # (B, C, d)
    p = model(x).detach()
    if multi:
        h = torch.diag_embed(p.sigmoid() * (1 - p.sigmoid()) / p.shape[1])
    else:
        h = torch.diag_embed(p.softmax(1)) - p.softmax(1)[:, :, None] * p.softmax(1)[:, None, :]
    return torch.einsum("bcd,bce,bef->df", j, h, j) / len(x)


@pytest.mark.parametrize("multi", [False, True])
def test_the_curvature_is_that_of_dense_algebra(multi):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(4, 3), nn.Tanh(), nn.Linear(3, 3)).eval()
    labels = torch.randint(2, (7, 3)).to(torch.uint8) if multi else torch.arange(7) % 3
    images = Examples(torch.randint(256, (7, 1, 2, 2)).to(torch.uint8), labels)
    vector = torch.randn(4 * 3 + 3 + 9 + 3)
    torch.testing.assert_close(curvature_product(model, images, vector), dense(model, images.pixels(), multi) @ vector)


def test_the_losss_curvature_by_logits_by_hand():
    """p = (1/4, 3/4) of logits (0, ln 3): p times what differs from the mean change, 1/4 of (1, 0); of sigmoids p (1 - p) / 2."""
    logits, change = torch.tensor([[0.0, log1p(2.0)]]), torch.tensor([[1.0, 0.0]])
    assert loss_curvature(logits, change, multi=False).tolist() == [pytest.approx([3 / 16, -3 / 16])]
    assert loss_curvature(logits, change + 1, multi=True).tolist() == [pytest.approx([2 / 8, 3 / 32])]


def test_conjugate_gradients_solve_what_dense_algebra_solves_and_stop_when_they_have():
    generator = torch.Generator().manual_seed(0)
    root, wanted, told = torch.randn(6, 6, generator=generator), torch.randn(6, generator=generator), list[int]()
    matrix = root @ root.T
    found, residuals = conjugate_gradients(lambda v: matrix @ v, wanted, 0.5, 30, told.append)
    torch.testing.assert_close(found, torch.linalg.solve(matrix + 0.5 * torch.eye(6), wanted), rtol=1e-3, atol=1e-4)
    assert residuals[0] == 1
    assert residuals[-1] < 1e-5
    assert len(residuals) < 31
    assert told == list(range(1, len(residuals)))
    once, _ = conjugate_gradients(lambda v: 3 * v, torch.tensor([2.0, -4.0]), 1.0, 5, told.append)
    assert once.tolist() == [0.5, -1.0]
    nothing, _ = conjugate_gradients(lambda v: matrix @ v, torch.zeros(6), 0.5, 5, told.append)
    assert nothing.tolist() == [0.0] * 6


def test_the_published_step_is_the_first_order_one_less_a_multiple_of_one_images_gradient(grey):
    model, splits, run = grey.original(), grey.splits(), grey.context()
    step = Influence(curvature="published").before(model, splits, run)
    names = [name for name, _ in model.named_parameters()]
    forget, retain = (torch.cat(list(gradient_rows(model, names, part, "cpu"))) for part in (splits.forget, splits.retain))
    v = (40 / 120) * (forget.mean(0) - retain.mean(0))
    left = step - v
    assert left.norm() > 0
    assert abs(torch.cosine_similarity(left.double(), retain[0].double(), dim=0)) > 1 - 1e-4
    torch.testing.assert_close(step, recursion(v, retain), rtol=1e-3, atol=1e-6)
    assert float(run.recorded["influence/first_order"]) == pytest.approx(float(v.norm()), rel=1e-3)


def test_no_step_is_the_original_and_batchnorms_statistics_stay(tiny):
    assert same_weights(tiny.unlearn(Influence(alpha=0.0)), tiny.original())
    after, before = dict(tiny.unlearn(Influence()).named_buffers()), dict(tiny.original().named_buffers())
    assert all(torch.equal(buffer, before[name]) for name, buffer in after.items())


def test_its_passes_are_two_mean_gradients_and_those_of_its_curvature(grey):
    assert Influence(iterations=6, images=30).passes(120, 40, grey.recipe) == pytest.approx(120 + 6 * 30 * 5 / 3)
    assert Influence(iterations=6, images=300).passes(120, 40, grey.recipe) == pytest.approx(120 + 6 * 80 * 5 / 3)
    assert Influence(curvature="published").passes(120, 40, grey.recipe) == 120 + 80
    assert Influence(curvature="published").passes(9000, 40, grey.recipe) == 9000 + 1002
