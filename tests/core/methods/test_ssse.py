"""SSSE against dense algebra in float64, closed-form regressions, and the consequences that follow by algebra.

Wherever a test says "dense", the classifier's gradients come from their closed form, (p - onehot) times its input,
their Fisher from NumPy, and neither knows of the method's own way to them.
"""

from dataclasses import replace
from functools import cache, partial

import numpy as np
import pytest
import torch
from torch import nn
import torch.nn.functional as F

from core.data.dataset import Examples
from core.data.splits import Splits
from core.domain.requests.random import RandomRequest
from core.domain.requests.registry import parse_request
from core.domain.run import Recipe
from core.methods.ssse import SSSE
from core.models.registry import MODELS
from core.training.context import RunContext
from core.training.curvature import GradientFisher, downdated, eigen_fisher
from core.training.precomputed import FisherStatistic, fisher_of, regularised_rows
from tests.tiny import Tiny, same_weights, tiny_of

N, K = 120, 40  # one class of three, forty images each
DECAY = 5e-4  # the tiny recipe's
LAST = partial(SSSE, scope="classifier")
WEIGHT, BIAS = "classifier.weight", "classifier.bias"
EVERY_SCOPE = pytest.mark.parametrize("scope", ["classifier", "layers", "all"])


@cache
def lent_to(tiny: Tiny, statistic: FisherStatistic, decay: float) -> dict[str, torch.Tensor]:
    return statistic.compute(tiny.original(), tiny.dataset.train, context_of(tiny, decay))


def context_of(tiny, decay=DECAY, **about):
    run = tiny.context(**about)
    run.recipe = replace(run.recipe, weight_decay=decay)
    return run


def unlearned(tiny, method, request="class:2", decay=DECAY, **about):
    """The unlearned model and what was recorded."""
    lent = {s.key: lent_to(tiny, s, decay) for s in method.statistics(parse_request(request))}
    run, splits = context_of(tiny, decay, statistics=lent, **about), tiny.splits(request)
    return method.unlearn(tiny.original(), splits.only(method.uses), run), run.recorded


def step_of(recorded):
    """All of the step, float64."""
    return torch.cat([part.flatten() for name, part in recorded.items() if name.startswith("step/")]).double()


def closed_form_rows(tiny, examples, decay):
    """(n, d) gradients of the classifier's weight and bias, decay included, float64, without autograd."""
    model = tiny.original()
    inputs = []
    hook = model.classifier.register_forward_pre_hook(lambda _, given: inputs.append(given[0]))
    with torch.no_grad():
        residuals = model(examples.pixels()).double().softmax(1) - F.one_hot(examples.labels, 3)
    hook.remove()
    with_one = torch.cat([inputs[0].double(), torch.ones(len(examples), 1)], 1)
    of_both = residuals[:, :, None] * with_one[:, None, :]  # (n, classes, inputs + 1)
    weight, bias = model.classifier.weight.detach().double(), model.classifier.bias.detach().double()
    return torch.cat([of_both[:, :, :-1].flatten(1) + decay * weight.flatten(), of_both[:, :, -1] + decay * bias], 1)


def dense_step(tiny, share, *, decay=DECAY, epsilon=1.0, rank=195, downdate="no", request="class:2"):
    """The classifier's step by its formula: weight first, then bias, float64."""
    splits = tiny.splits(request)
    g, removed = (closed_form_rows(tiny, part, decay).numpy() for part in (splits.train, splits.forget))
    n, k = len(g), len(removed)
    values, vectors = np.linalg.eigh(g.T @ g / n)
    fisher = vectors[:, -rank:] @ np.diag(values[-rank:]) @ vectors[:, -rank:].T
    if downdate == "yes":
        fisher = (n * fisher - removed.T @ removed) / (n - k)
    damped = fisher + (share * values[-1] + decay) * np.eye(len(values))
    return torch.from_numpy(epsilon / (n - k) * np.linalg.solve(damped, removed.sum(0)))


def assert_step(recorded, wanted, tolerance):
    """Within `tolerance` of the length that is wanted."""
    assert float((step_of(recorded) - wanted).norm()) < tolerance * float(wanted.norm())


# The formula, on a network.


@pytest.mark.parametrize("downdate", ["no", "yes"])
@pytest.mark.parametrize("storage", ["factors", "gradients"])
@pytest.mark.parametrize("share, decay", [(0.01, DECAY), (0.5, 0.0), (0.1, 0.2)])
def test_the_classifiers_step_is_the_dense_one(grey, storage, downdate, share, decay):
    method = LAST(storage=storage, downdate=downdate, damping=share, epsilon=0.7)
    _, recorded = unlearned(grey, method, decay=decay)
    assert_step(recorded, dense_step(grey, share, decay=decay, epsilon=0.7, downdate=downdate), 2e-4)
    assert recorded[f"step/{WEIGHT}"].shape == (3, 64)


@pytest.mark.parametrize("request_", ["classes:0,2", "random:0.1", "samples:0,5,7"])
def test_the_step_is_over_n_less_k_whatever_is_forgotten(grey, request_):
    _, recorded = unlearned(grey, LAST(damping=0.01), request_)
    assert_step(recorded, dense_step(grey, 0.01, request=request_), 2e-4)


@pytest.mark.parametrize("rank", [1, 5, 30])
def test_with_fewer_eigenpairs_the_rest_of_the_fisher_counts_as_zero(grey, rank):
    _, recorded = unlearned(grey, LAST(damping=0.01, rank=rank))
    assert_step(recorded, dense_step(grey, 0.01, rank=rank), 2e-4)
    assert recorded["ssse/classifier/spectrum"].shape == (rank,)


def test_the_downdate_changes_the_step(tiny):
    (_, kept), (_, out) = (unlearned(tiny, LAST(downdate=downdate)) for downdate in ("no", "yes"))
    assert (step_of(out) - step_of(kept)).norm() > 0.1 * step_of(kept).norm()


def test_too_few_eigenpairs_for_a_downdate_are_refused(grey):
    with pytest.raises(ArithmeticError, match="too few of its factors"):
        unlearned(grey, LAST(rank=1, damping=1e-6, downdate="yes"))


@pytest.mark.parametrize("scope, downdate", [("classifier", "no"), ("layers", "no"), ("all", "yes")])
def test_stored_gradients_and_stored_factors_of_full_rank_give_the_same_step(grey, scope, downdate):
    steps = []
    for storage in ("factors", "gradients"):
        method = SSSE(scope=scope, storage=storage, rank=4096, damping=0.1, downdate=downdate)
        steps.append(step_of(unlearned(grey, method)[1]))
    torch.testing.assert_close(steps[0], steps[1], rtol=0, atol=1e-4 * float(steps[1].abs().max()))


def test_every_layers_step_is_that_of_its_own_block(grey):
    """Of each layer by itself: Woodbury's dual form written out, with gradients from a loop of backward calls."""
    model, splits = grey.original(), grey.splits()
    _, recorded = unlearned(grey, SSSE(scope="layers", damping=0.1))
    named = dict(model.named_parameters())
    losses = F.cross_entropy(model(splits.train.pixels()), splits.train.labels, reduction="none")
    gradients = [torch.autograd.grad(loss, list(named.values()), retain_graph=True) for loss in losses]
    for layer in ("conv1", "norm1", "conv2", "norm2", "hidden", "classifier"):
        own = [i for i, name in enumerate(named) if name.startswith(f"{layer}.")]
        pull = DECAY * torch.cat(
            [model.get_parameter(f"{layer}.{key}").detach().flatten() for key in ("weight", "bias")]
        )
        g = (
            (torch.stack([torch.cat([of_one[i].flatten() for i in own]) for of_one in gradients]) + pull)
            .double()
            .numpy()
        )
        gram = g @ g.T / N
        damping, ascent = 0.1 * np.linalg.eigvalsh(gram)[-1] + DECAY, g[splits.forgotten].sum(0)
        solved = (ascent - g.T @ np.linalg.solve(gram + damping * np.eye(N), g @ ascent) / N) / damping
        mine = torch.cat([recorded[f"step/{layer}.{key}"].flatten() for key in ("weight", "bias")])
        np.testing.assert_allclose(mine, solved / (N - K), rtol=0, atol=1e-3 * np.abs(solved).max() / (N - K))
        assert float(recorded[f"ssse/{layer}/damping"]) == pytest.approx(damping, rel=1e-4)


# METHODS.md 2.5, two to eight.


def regression(n, d, seed=0):
    """x (n, d) and y (n,) of a noisy linear law, float64."""
    generator = torch.Generator().manual_seed(seed)
    x, noise = (torch.randn(n, m, generator=generator, dtype=torch.float64) for m in (d, 1))
    return x, x @ torch.linspace(-1, 1, d, dtype=torch.float64) + 0.3 * noise[:, 0]


def ridge(x, y, decay):
    """The minimiser of the mean over examples of (x theta - y)^2 / 2 + decay |theta|^2 / 2."""
    n, d = x.shape
    return torch.linalg.solve(x.T @ x / n + decay * torch.eye(d, dtype=x.dtype), x.T @ y / n)


@pytest.mark.parametrize("n, d", [(50, 6), (10, 25)], ids=["tall", "wide"])
def test_2_with_the_hessian_of_what_is_left_one_step_is_retraining_in_linear_regression(n, d):
    (x, y), k, decay = regression(n, d), 4, 0.05
    theta, retrained = ridge(x, y, decay), ridge(x[k:], y[k:], decay)
    g = x * (x @ theta - y)[:, None] + decay * theta
    assert g.sum(0).norm() < 1e-11  # the original is at its optimum
    # The inputs x are the factors of the Hessian, as gradients are of the Fisher: H_D = X^T X / n. Without the first k
    # and over n - k it is (n / (n - k)) (X^T X - X_f^T X_f) / n, and the decay of n - k examples is the damping.
    without = downdated(lambda v: GradientFisher(x).solve(v, decay * (n - k) / n), x[:k], n)
    inverse_hessian = (n - k) / n * without(g[:k].sum(0)[:, None])[:, 0]
    step = 1 / (n - k) * inverse_hessian
    torch.testing.assert_close(theta + step, retrained, rtol=0, atol=1e-12)
    assert (theta - retrained).norm() > 1e-3


def test_2_with_the_hessian_of_everything_the_error_is_of_order_k_over_n():
    errors, k, d = [], 4, 5
    for n in (100, 1000):
        x, y = regression(n, d)
        theta, groups = ridge(x, y, 0.0), torch.arange(80).view(20, k)  # twenty forget sets
        g = x * (x @ theta - y)[:, None]
        steps = GradientFisher(x).solve(g[groups].sum(1).T, 1e-9).T / (n - k)
        kept = [[i for i in range(n) if i not in group] for group in groups.tolist()]
        wanted = torch.stack([ridge(x[rest], y[rest], 0.0) for rest in kept]) - theta
        errors.append(float((steps - wanted).norm() / wanted.norm()))
    assert errors[0] < d * k / 100
    assert 5 < errors[0] / errors[1] < 20, "ten times the data, about a tenth of the error"


def logistic_fit(x, y, decay=0.0):
    """Newton's method on the mean loss, float64, until it stands still."""
    theta = torch.zeros(x.shape[1], dtype=x.dtype)
    for _ in range(30):
        p = torch.sigmoid(x @ theta)
        hessian = (x * (p * (1 - p))[:, None]).T @ x / len(x) + decay * torch.eye(len(theta), dtype=x.dtype)
        theta = theta - torch.linalg.solve(hessian, x.T @ (p - y) / len(x) + decay * theta)
    return theta


def test_3_where_the_likelihood_is_right_the_step_leads_to_the_retrained_weights():
    n, d, k = 6000, 6, 60
    generator = torch.Generator().manual_seed(5)
    x = torch.randn(n, d, generator=generator, dtype=torch.float64)
    truth = torch.linspace(-1.2, 1.2, d, dtype=torch.float64)
    y = (torch.rand(n, generator=generator, dtype=torch.float64) < torch.sigmoid(x @ truth)).double()
    theta, retrained = logistic_fit(x, y), logistic_fit(x[k:], y[k:])
    g = x * (torch.sigmoid(x @ theta) - y)[:, None]
    fisher = eigen_fisher(lambda: iter(g.split(500)), n, d, d, torch.Generator())
    step = fisher.solve(g[:k].sum(0)[:, None], 1e-4)[:, 0] / (n - k)
    wanted = retrained - theta
    assert F.cosine_similarity(step, wanted, dim=0) > 0.99
    assert (step - wanted).norm() < 0.15 * wanted.norm()


@EVERY_SCOPE
def test_4_with_epsilon_zero_the_weights_are_bit_identical(grey, scope):
    model, recorded = unlearned(grey, SSSE(scope=scope, epsilon=0.0))
    assert same_weights(model, grey.original())
    assert not recorded["ssse/actual"].any()


@EVERY_SCOPE
def test_4_the_step_is_linear_in_epsilon(grey, scope):
    one, two, other = (step_of(unlearned(grey, SSSE(scope=scope, epsilon=e))[1]) for e in (1.0, 2.0, 0.37))
    assert torch.equal(two, 2 * one)
    torch.testing.assert_close(other, 0.37 * one, rtol=1e-6, atol=1e-12)


@EVERY_SCOPE
@pytest.mark.parametrize("storage", ["factors", "gradients"])
def test_5_with_damping_to_infinity_it_is_gradient_ascent(grey, scope, storage):
    _, recorded = unlearned(grey, SSSE(scope=scope, storage=storage, damping=1e4, epsilon=3.0), decay=0.0)
    original, forget = grey.original(), grey.splits().forget
    named = dict(original.named_parameters())
    loss = F.cross_entropy(original(forget.pixels()), forget.labels, reduction="sum")
    ascent = dict(zip(named, torch.autograd.grad(loss, list(named.values())), strict=True))
    blocks = {name.split("/")[1] for name in recorded if name.endswith("/damping")}
    assert len(blocks) == {"classifier": 1, "layers": 6, "all": 1}[scope]
    for block in blocks:
        members = [name for name in named if f"step/{name}" in recorded and (block == "all" or name.startswith(block))]
        step = torch.cat([recorded[f"step/{name}"].flatten() for name in members]).double()
        uphill = torch.cat([ascent[name].flatten() for name in members]).double()
        # 1 / (s + c) for eigenvalues s from 0 to c / 10,000 is 1 / c up to one part in 10,000.
        damping = float(recorded[f"ssse/{block}/damping"])
        assert float(F.cosine_similarity(step, uphill, dim=0)) > 1 - 1e-6
        assert float(step.norm()) * damping == pytest.approx(3.0 * float(uphill.norm()) / (N - K), rel=2e-4)


@cache
def at_the_optimum(decay: float = 0.1) -> tuple[nn.Module, Examples, Recipe]:
    """Softmax regression on the tiny images, minimised by Newton's method in float64: its gradients sum up to 0."""
    examples = tiny_of(1).dataset.train
    x = torch.cat([examples.pixels().flatten(1).double(), torch.ones(N, 1)], 1)
    onehot = F.one_hot(examples.labels, 3).double()
    theta = torch.zeros(3 * 65, dtype=torch.float64)
    for _ in range(30):
        p = (x @ theta.view(3, 65).T).softmax(1)
        gradient = ((p - onehot).T @ x / N).flatten() + decay * theta
        of_logits = torch.diag_embed(p) - p[:, :, None] * p[:, None, :]
        hessian = torch.einsum("nab,ni,nj->aibj", of_logits, x, x).reshape(195, 195) / N
        theta = theta - torch.linalg.solve(hessian + decay * torch.eye(195, dtype=torch.float64), gradient)
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 3))
    with torch.no_grad():
        model[1].weight.copy_(theta.view(3, 65)[:, :-1])
        model[1].bias.copy_(theta.view(3, 65)[:, -1])
    return model.eval(), examples, Recipe(epochs=1, batch_size=1, learning_rate=0.1, weight_decay=decay)


def step_at_the_optimum(forgotten, decay=None):
    """SSSE's step there, with the recipe's own weight decay or another, and the norm of the mean gradient."""
    model, examples, recipe = at_the_optimum()
    recipe = recipe if decay is None else replace(recipe, weight_decay=decay)
    weights = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    run, method = RunContext(lambda: model, recipe), LAST()
    run.statistics = {s.key: s.compute(model, examples, run) for s in method.statistics(RandomRequest())}
    nothing = torch.zeros(0, dtype=torch.bool)
    splits = Splits(RandomRequest(), examples, examples.first(0), forgotten, nothing, 0.5)
    try:
        method.unlearn(model, splits.only(method.uses), run)
    finally:
        model.load_state_dict(weights)
    return step_of(run.recorded), float(run.recorded["ssse/1/mean_gradient_norm"])


def test_6_at_an_exact_optimum_what_is_forgotten_and_what_is_left_pull_to_opposite_sides():
    """All forgotten at once would be no step at all, but n - k would be 0; the two halves of it cancel out."""
    forgotten = torch.arange(N) % 4 == 0  # 30 of 120
    (forget, mean), (keep, _) = step_at_the_optimum(forgotten), step_at_the_optimum(~forgotten)
    assert mean < 1e-6
    torch.testing.assert_close(90 * forget, -30 * keep, rtol=0, atol=1e-4 * float((90 * forget).abs().max()))


def test_6_without_the_recipes_decay_the_same_weights_are_at_no_optimum():
    model, _, recipe = at_the_optimum()
    forgotten = torch.arange(N) % 4 == 0
    _, mean = step_at_the_optimum(forgotten, decay=0.0)
    # The mean gradient of the loss alone balances the decay's pull.
    pull = recipe.weight_decay * torch.cat([p.detach().flatten() for p in model.parameters()]).norm()
    assert mean == pytest.approx(float(pull), rel=1e-4)


@EVERY_SCOPE
@pytest.mark.parametrize("storage, downdate", [("factors", "no"), ("gradients", "yes")])
def test_8_to_first_order_every_block_raises_the_forget_sets_loss(grey, scope, storage, downdate):
    _, recorded = unlearned(grey, SSSE(scope=scope, storage=storage, downdate=downdate, epsilon=0.01), decay=0.0)
    predicted = [values for name, values in recorded.items() if name.endswith("/predicted")]
    assert all(values.sum() > 0 for values in predicted)
    assert (recorded["ssse/path_loss"].diff() > 0).all()  # a hundredth of the step is short enough to see it


@EVERY_SCOPE
@pytest.mark.parametrize("decay", [0.0, 0.01])
def test_8_the_predicted_changes_of_a_short_step_are_the_actual_ones(grey, scope, decay):
    _, recorded = unlearned(grey, SSSE(scope=scope, epsilon=1e-4, damping=0.1), decay=decay)
    predicted = sum(values for name, values in recorded.items() if name.endswith("/predicted"))
    actual = recorded["ssse/actual"].double()
    torch.testing.assert_close(actual, predicted, rtol=0, atol=0.02 * float(predicted.abs().max()))


# What moves and what does not.


def test_the_scope_says_which_layers_move(grey):
    before = grey.original().state_dict()
    weights = {name for name, _ in grey.original().named_parameters()}
    for scope, moving in (("classifier", {WEIGHT, BIAS}), ("layers", weights), ("all", weights)):
        model, recorded = unlearned(grey, SSSE(scope=scope))
        after = model.state_dict()
        assert {name for name in after if not torch.equal(before[name], after[name])} == moving  # no buffer is
        assert {name.removeprefix("step/") for name in recorded if name.startswith("step/")} == moving
        for name in moving:
            assert torch.equal(after[name], before[name] + recorded[f"step/{name}"])


@EVERY_SCOPE
def test_two_runs_from_the_start_are_identical(grey, scope):
    assert same_weights(grey.unlearn(SSSE(scope=scope)), grey.unlearn(SSSE(scope=scope)))


# What it records.


@pytest.mark.parametrize("scope", ["classifier", "layers"])
def test_the_path_starts_at_the_original_and_passes_the_unlearned_network(tiny, scope):
    model, recorded = unlearned(tiny, SSSE(scope=scope, epsilon=0.2))
    forget = tiny.splits().forget
    x, y = forget.pixels(), forget.labels

    def losses(model):
        with torch.no_grad():
            return F.cross_entropy(model(x), y, reduction="none")

    assert recorded["ssse/path"].tolist() == [i / 4 for i in range(13)]
    before, after = losses(tiny.original()), losses(model)
    path = recorded["ssse/path_loss"]
    assert float(path[0]) == pytest.approx(float(before.mean()), rel=1e-5)
    assert float(path[4]) == pytest.approx(float(after.mean()), rel=1e-5)
    torch.testing.assert_close(recorded["ssse/actual"], after - before, rtol=1e-4, atol=1e-6)
    further = tiny.original()
    with torch.no_grad():
        for name, theta in further.named_parameters():
            theta.add_(3 * recorded.get(f"step/{name}", torch.tensor(0.0)))
    assert float(path[12]) == pytest.approx(float(losses(further).mean()), rel=1e-4)


def test_what_a_block_records_is_that_of_dense_algebra(tiny):
    _, recorded = unlearned(tiny, LAST(damping=0.02), decay=0.01)
    splits = tiny.splits()
    g, removed = (closed_form_rows(tiny, part, 0.01) for part in (splits.train, splits.forget))
    values = np.linalg.svd(g.numpy(), compute_uv=False) ** 2 / N
    step, ascent = dense_step(tiny, 0.02, decay=0.01), removed.sum(0)
    found = {name.rpartition("/")[2]: v for name, v in recorded.items() if name.startswith("ssse/classifier/")}
    np.testing.assert_allclose(found["spectrum"][:20], values[:20], rtol=1e-4)
    assert float(found["damping"]) == pytest.approx(0.02 * values[0] + 0.01, rel=1e-5)
    assert float(found["mean_gradient_norm"]) == pytest.approx(float(g.mean(0).norm()), rel=1e-4)
    assert float(found["cosine_with_ascent"]) == pytest.approx(
        float(F.cosine_similarity(step, ascent, dim=0)), rel=1e-4
    )
    predicted = closed_form_rows(tiny, splits.forget, 0.0) @ step  # of the loss that is shown, without the decay
    torch.testing.assert_close(found["predicted"], predicted, rtol=0, atol=1e-4 * float(predicted.abs().max()))


# Its statistic.


def test_weight_decay_pulls_every_examples_gradient_towards_the_weights(tiny):
    model, examples = tiny.original(), tiny.dataset.train.first(10)
    names = ["classifier.weight", "norm1.bias"]
    plain, regularised = (
        torch.cat(list(regularised_rows(model, names, examples, context_of(tiny, decay)))) for decay in (0.0, 0.3)
    )
    weights = torch.cat([model.get_parameter(name).detach().flatten() for name in names])
    torch.testing.assert_close(regularised - plain, 0.3 * weights.expand(10, -1), rtol=1e-4, atol=1e-6)
    closed = closed_form_rows(tiny, examples, 0.3)[:, : 3 * 64]
    torch.testing.assert_close(regularised[:, : 3 * 64].double(), closed, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("decay", [0.0, 0.3])
@pytest.mark.parametrize("gradients", [True, False])
def test_what_is_stored_is_the_fisher_and_the_mean_of_the_regularised_gradients(tiny, gradients, decay):
    stored = lent_to(tiny, FisherStatistic("classifier", gradients, 0 if gradients else 512), decay)
    g = closed_form_rows(tiny, tiny.dataset.train, decay)
    assert int(stored["count"]) == N
    torch.testing.assert_close(stored["classifier/mean"].double(), g.mean(0), rtol=1e-4, atol=1e-6)
    wanted = torch.linalg.inv(g.T @ g / N + torch.eye(195, dtype=torch.float64))
    found = fisher_of(stored, "classifier").solve(torch.eye(195), 1.0)
    torch.testing.assert_close(found, wanted, rtol=0, atol=1e-5)
    if gradients:
        torch.testing.assert_close(stored["classifier/gradients"].double(), g, rtol=1e-4, atol=1e-6)
    else:
        assert "classifier/gradients" not in stored  # nothing of a single image


def test_what_is_stored_depends_on_the_scope_the_storage_and_the_rank_and_on_nothing_else():
    def key(**fields):
        (statistic,) = SSSE(**fields).statistics(parse_request("class:2"))
        return statistic.key

    assert key(damping=1.0, epsilon=5.0, downdate="yes") == key()
    scopes = {key(scope=scope) for scope in ("classifier", "layers", "all")}
    assert len({*scopes, key(storage="gradients"), key(rank=8)}) == 5
    assert key(storage="gradients", rank=8) == key(storage="gradients")


@pytest.mark.parametrize("gradients", [True, False])
def test_stored_arrays_fit_their_own_scope_and_storage_alone(grey, gradients):
    rank = 0 if gradients else 4
    model = grey.original()
    for scope in ("classifier", "layers", "all"):
        arrays = lent_to(grey, FisherStatistic(scope, gradients, rank), DECAY)
        fitting = [
            (other, kind)
            for other in ("classifier", "layers", "all")
            for kind in (True, False)
            if FisherStatistic(other, kind, 0 if kind else 4).fits(arrays, model)
        ]
        assert fitting == [(scope, gradients)]


@EVERY_SCOPE
@pytest.mark.parametrize("gradients", [True, False])
def test_stored_arrays_do_not_fit_another_architecture(grey, scope, gradients):
    statistic = FisherStatistic(scope, gradients, 0 if gradients else 4)
    arrays = lent_to(grey, statistic, DECAY)
    four_classes = MODELS["small_cnn"](replace(grey.dataset.info, classes=("a", "b", "c", "d")))
    same_width = nn.Sequential(nn.Flatten(), nn.Linear(64, 3))  # 195 weights, as the classifier has, by another name
    assert statistic.fits(arrays, grey.build())
    assert not statistic.fits(arrays, four_classes)
    assert not statistic.fits(arrays, same_width)
    assert not statistic.fits({}, grey.build())


def test_without_its_stored_fisher_it_does_not_run(grey):
    with pytest.raises(KeyError):
        SSSE().unlearn(grey.original(), grey.splits(), grey.context())


def test_the_classes_loss_rises_while_that_of_the_others_hardly_does(tiny):
    splits = tiny.splits()
    model, _ = unlearned(tiny, LAST())

    def losses(model):
        with torch.no_grad():
            return [
                float(F.cross_entropy(model(part.pixels()), part.labels)) for part in (splits.forget, splits.retain)
            ]

    (forget, retain), (forget_after, retain_after) = losses(tiny.original()), losses(model)
    assert forget_after - forget > 3 * max(0.0, retain_after - retain)
    assert forget_after > forget
