"""The weight perturbation against a loop written out by hand, and METHODS.md 5.2 line by line."""

from dataclasses import replace
from math import ceil

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.spatial.distance import jensenshannon
from scipy.special import logsumexp, softmax
from sklearn.metrics import roc_auc_score
import torch
from torch import nn
from torch.optim.optimizer import register_optimizer_step_post_hook

from core.data.dataset import Examples
from core.data.splits import Splits
from core.domain.errors import WrongInput
from core.domain.requests.samples import SamplesRequest
from core.methods import weight_perturbation
from core.methods.weight_perturbation import WeightPerturbation, refitted
from core.training.loop import fit, predict
from tests.tiny import Tiny, same_weights


class LinearTiny(Tiny):
    """The tiny data under a softmax of one linear layer: a convex problem."""

    def build(self):
        return nn.Sequential(nn.Flatten(), nn.Linear(64, 3))


class EvenTarget(WeightPerturbation):
    """Without a reference: every forgotten example should get even answers."""

    def before(self, model, splits, run):
        return lambda rows: torch.zeros(len(rows), 3)


@pytest.fixture
def learned(grey):
    """The tiny data and a network that learned them well, at a gentler and constant rate."""
    return replace(grey, recipe=replace(grey.recipe, learning_rate=0.03, one_cycle=False))


@pytest.fixture
def hasty(tiny):
    """The same after one epoch: not sure of itself, so that gradients are long and other images' answers other."""
    return replace(tiny, recipe=replace(tiny.recipe, learning_rate=0.03, one_cycle=False, epochs=1))


@pytest.fixture
def steps():
    """Grows by one with every step of any optimiser."""
    taken = []
    hook = register_optimizer_step_post_hook(lambda *_: taken.append(1))
    yield taken
    hook.remove()


def perturb(tiny, method, splits=None, seed=4):
    """The perturbed model and its trajectory: rows of divergence, distance, AUC, forget loss, retain loss."""
    run = tiny.context(seed=seed)
    model = method.unlearn(tiny.original(), (splits or tiny.splits()).only(method.uses), run)
    assert set(run.recorded) == {f"perturbation/{name}" for name in ("trajectory", "moments", "sketch")}
    return model, run.recorded["perturbation/trajectory"]


def far_from_the_original(tiny, model):
    """The length of the change over the original's."""
    before, after = (torch.cat([p.detach().flatten() for p in m.parameters()]) for m in (tiny.original(), model))
    return float((after - before).norm() / before.norm())


def js(target, logits):
    """Mean Jensen-Shannon divergence of two batches of logits, by SciPy."""
    p, q = (torch.softmax(z.double(), 1).numpy() for z in (target, logits))
    return (jensenshannon(p, q, axis=1) ** 2).mean()


def trained_by_hand(model, examples, epochs, generator):
    """SGD with Nesterov momentum at a constant rate of 0.03, by the fixture's recipe."""
    optimiser = torch.optim.SGD(model.train().parameters(), lr=0.03, momentum=0.9, nesterov=True, weight_decay=5e-4)
    pixels, labels = examples.images.float() / 255, examples.labels
    for _ in range(epochs):
        for batch in torch.randperm(len(labels), generator=generator).split(16):
            optimiser.zero_grad()
            nn.functional.cross_entropy(model(pixels[batch]), labels[batch]).backward()
            optimiser.step()
    return model.eval()


@torch.no_grad()
def target_by_hand(tiny, splits, variant, generator, share=0.26, epochs=2):
    """A: the answers of a network that learned a share of the retained images. B: their own answers, paired by class."""
    own, others = (tiny.original()(e.pixels()) for e in (splits.forget, splits.retain))
    if variant == "A":
        part = splits.retain.subset(torch.randperm(len(others), generator=generator)[: ceil(share * len(others))])
        with torch.random.fork_rng(devices=[]), torch.enable_grad():
            torch.manual_seed(4)
            reference = trained_by_hand(tiny.build(), part, epochs, generator)
        return reference(splits.forget.pixels())
    rows = []
    for mine in own:
        same = [z for z in others if z.argmax() == mine.argmax()]
        pool = same or list(others)
        theirs = pool[int(torch.randint(len(pool), (1,), generator=generator))]
        if not same:
            places, values = mine.argsort(), theirs.sort()[0]
            theirs = torch.empty(3)
            theirs[places] = values
        rows.append(theirs)
    return torch.stack(rows)


def forever(count, size, generator):
    while True:
        yield from torch.randperm(count, generator=generator).split(size)


@pytest.mark.parametrize("weights", ["all", "classifier"])
@pytest.mark.parametrize("variant, request_", [("A", "class:2"), ("B", "class:2"), ("B", "random:0.3")])
def test_it_is_sgd_on_clipped_gradients_held_near_the_original_with_batchnorm_frozen(hasty, variant, request_, weights):
    splits, model, generator = hasty.splits(request_), hasty.original(), torch.Generator().manual_seed(4)
    target = target_by_hand(hasty, splits, variant, generator)
    first = js(target, predict(model, splits.forget, "cpu"))
    moving = list((model if weights == "all" else model.classifier).parameters())
    start = torch.cat([p.detach().flatten() for p in moving])
    forget, retain = (forever(len(e), 16, generator) for e in (splits.forget, splits.retain))
    pulled = 0
    for _ in range(12):
        f, r = next(forget), next(retain)
        log_p = torch.log_softmax(target[f], 1)
        log_q = torch.log_softmax(model(splits.forget.images[f].float() / 255), 1)
        of_retain = nn.functional.cross_entropy(model(splits.retain.images[r].float() / 255), splits.retain.labels[r])
        loss = (log_p.exp() * (log_p - log_q)).sum(1).mean() + 0.5 * of_retain
        gradient = torch.cat([g.flatten() for g in torch.autograd.grad(loss, moving)])
        here = torch.cat([p.detach().flatten() for p in moving]) - 0.05 * gradient / max(1.0, float(gradient.norm()))
        far = float((here - start).norm() / start.norm())
        if far > 0.02:
            here, pulled = start + (here - start) * 0.02 / far, pulled + 1
        nn.utils.vector_to_parameters(here, moving)
    ours, trajectory = perturb(
        hasty, WeightPerturbation(
            variant=variant, fraction=0.26, epochs=2, learning_rate=0.05, retain_weight=0.5, radius=0.02, tolerance=0.0,
            steps=12, look_every=5, batch_size=16, weights=weights,
        ), splits,
    )  # fmt: skip
    for (name, theta), wanted in zip(ours.state_dict().items(), model.state_dict().values(), strict=True):
        torch.testing.assert_close(theta, wanted, rtol=1e-3, atol=2e-5, msg=name)
    last = js(target, predict(model, splits.forget, "cpu"))
    assert trajectory[:, 0].tolist()[:: len(trajectory) - 1] == pytest.approx([first, last], rel=1e-2, abs=1e-6)
    assert bool(pulled) == (float(trajectory[:, 1].max()) >= 0.02 * 0.999)


@pytest.mark.parametrize("look_every, rows", [(5, 4), (6, 3), (100, 2)])
def test_the_trajectory_is_looked_at_in_steps_and_at_the_end(learned, look_every, rows):
    method = WeightPerturbation(variant="B", tolerance=0.0, steps=12, look_every=look_every)
    model, trajectory = perturb(learned, method)
    assert trajectory.shape == (rows, 5)
    assert float(trajectory[0, 1]) == 0.0
    for row, network, far in ((0, learned.original(), 0.0), (-1, model, far_from_the_original(learned, model))):
        losses = []
        for examples in (learned.splits().forget, learned.splits().retain):
            logits = predict(network, examples, "cpu")
            losses.append(nn.functional.cross_entropy(logits, examples.labels, reduction="none"))
        auc = roc_auc_score([1] * 40 + [0] * 80, torch.cat(losses).numpy())
        wanted = [far, auc, *(float(loss.mean()) for loss in losses)]
        assert trajectory[row, 1:].tolist() == pytest.approx(wanted, rel=1e-4, abs=1e-7)


# METHODS.md 5.2, in its order.


def test_where_the_target_is_the_originals_own_answer_and_mu_is_0_nothing_changes(learned):
    """Three images of three answers are forgotten and retained alike, so that each can only borrow from itself."""
    answers = predict(learned.original(), learned.dataset.train, "cpu").argmax(1)
    three = learned.dataset.train.subset(torch.stack([(answers == c).nonzero()[0, 0] for c in range(3)]))
    gone = torch.tensor([True] * 3 + [False] * 3)
    splits = Splits(SamplesRequest((0, 1, 2)), three.joined(three), three, gone, ~gone[:3], 0.5)
    still = WeightPerturbation(variant="B", retain_weight=0.0, tolerance=0.0, learning_rate=1.0, steps=20, batch_size=3)
    model, trajectory = perturb(learned, still, splits)
    assert trajectory[:, 0].max() < 1e-9
    assert len(trajectory) == 2 + 1  # it did take its twenty steps
    for theta, before in zip(model.parameters(), learned.original().parameters(), strict=True):
        torch.testing.assert_close(theta, before, rtol=0, atol=1e-5)
    moved, _ = perturb(learned, replace(still, retain_weight=1.0), splits)
    assert far_from_the_original(learned, moved) > 10 * far_from_the_original(learned, model)


@pytest.mark.parametrize("variant", ["A", "B"])
def test_with_tau_1_it_stops_before_its_first_step(learned, steps, variant):
    learned.original()
    steps.clear()
    model, trajectory = perturb(learned, WeightPerturbation(variant=variant, tolerance=1.0, epochs=2))
    assert same_weights(model, learned.original())
    assert len(steps) == (2 * 2 if variant == "A" else 0)  # the reference's: 24 images in batches of 16, twice
    assert torch.equal(trajectory[0], trajectory[-1])


@pytest.mark.parametrize("variant", ["A", "B"])
def test_with_radius_0_nothing_changes(learned, variant):
    method = WeightPerturbation(variant=variant, radius=0.0, tolerance=0.0, steps=5)
    assert same_weights(learned.unlearn(method), learned.original())


def test_with_mu_0_the_retain_set_has_no_part_in_the_steps(learned):
    splits = learned.splits()
    noise = torch.randint(256, splits.train.images.shape, generator=torch.Generator().manual_seed(0)).to(torch.uint8)
    images = torch.where(splits.forgotten[:, None, None, None], splits.train.images, noise)
    other = replace(splits, train=Examples(images, torch.where(splits.forgotten, splits.train.labels, 0)))

    def both(mu):
        method = EvenTarget(retain_weight=mu, tolerance=0.0, steps=20, batch_size=16)
        return [perturb(learned, method, s) for s in (splits, other)]

    (one, path), (two, same_path) = both(0.0)
    assert same_weights(one, two)
    assert torch.equal(path[:, [0, 1, 3]], same_path[:, [0, 1, 3]])
    assert not same_weights(one, learned.original())
    assert not same_weights(*(model for model, _ in both(1.0)))


@pytest.mark.parametrize("seed", range(3))
def test_on_a_convex_model_the_divergence_never_rises_under_small_steps(grey, seed):
    linear = LinearTiny(grey.dataset)
    method = WeightPerturbation(
        retain_weight=0.0, learning_rate=0.02, radius=10.0, tolerance=0.0, steps=60, look_every=1, batch_size=40
    )
    divergence = perturb(linear, method, seed=seed)[1][:, 0]
    assert (divergence.diff() <= 1e-9).all()
    assert divergence[-1] < 0.9 * divergence[0]


@pytest.mark.parametrize("variant", ["A", "B", "C"])
def test_the_same_seed_gives_the_same_trajectory_and_another_seed_another(learned, variant):
    method = WeightPerturbation(variant=variant, steps=20, tolerance=0.0, batch_size=16)
    (one, path), (two, same_path), (_, other) = (perturb(learned, method, seed=seed) for seed in (4, 4, 5))
    assert same_weights(one, two)
    assert torch.equal(path, same_path)
    assert not torch.equal(path, other)


def test_with_all_of_the_retain_set_and_long_training_it_answers_like_a_retrained_network(learned):
    splits = learned.splits()
    retrained = target_by_hand(learned, splits, "A", torch.Generator().manual_seed(4), share=1.0, epochs=6)
    thorough = WeightPerturbation(
        fraction=1.0, epochs=6, radius=1.0, tolerance=0.0, steps=80, batch_size=16, learning_rate=0.05
    )
    before, after = (predict(m, splits.forget, "cpu") for m in (learned.original(), perturb(learned, thorough)[0]))
    assert js(retrained, after) < 0.1 * js(retrained, before)


# What else its parameters promise.


@pytest.mark.parametrize("variant", ["A", "B"])
def test_it_comes_close_to_its_target_and_keeps_the_retain_set(hasty, variant):
    method = WeightPerturbation(variant=variant, learning_rate=0.05, steps=80, batch_size=16, tolerance=0.0)
    model, trajectory = perturb(hasty, method)
    assert trajectory[-1, 0] < 0.5 * trajectory[0, 0]
    retain = hasty.splits().retain
    assert (predict(model, retain, "cpu").argmax(1) == retain.labels).float().mean() > 0.9


def test_it_stops_at_the_first_look_below_the_tolerance(learned, steps):
    every = WeightPerturbation(tolerance=0.0, radius=1.0, steps=40, look_every=10, batch_size=16)
    whole = perturb(learned, every)[1][:, 0]
    assert whole[3] < whole[:3].min(), "this path must fall for its first thirty steps"
    tolerance = float(whole[2:4].mean())
    steps.clear()
    path = perturb(learned, replace(every, tolerance=tolerance))[1]
    assert len(steps) == 5 * 2 + 30  # five epochs of the reference on 24 images, then three rounds of ten
    assert torch.equal(path[:4, 0], whole[:4])
    assert len(path) == 4


@pytest.mark.parametrize("radius", [0.01, 0.03])
def test_the_change_never_exceeds_the_radius(learned, radius):
    eager = EvenTarget(radius=radius, learning_rate=0.5, tolerance=0.0, steps=20, look_every=1)
    model, trajectory = perturb(learned, eager)
    assert trajectory[:, 1].max() <= radius * 1.0001
    assert far_from_the_original(learned, model) == pytest.approx(radius, rel=1e-3)  # it went as far as it may


def test_a_gradient_longer_than_1_is_clipped_to_1(learned):
    pull = EvenTarget(retain_weight=0.0, learning_rate=1e-3, steps=1, tolerance=0.0, batch_size=40)
    model, _ = perturb(learned, pull)
    before = torch.cat([p.detach().flatten() for p in learned.original().parameters()])
    assert far_from_the_original(learned, model) * float(before.norm()) == pytest.approx(1e-3, rel=1e-2)


def test_with_the_classifier_alone_only_the_last_layer_moves_and_buffers_never_do(learned):
    for weights in ("classifier", "all"):
        model, _ = perturb(learned, WeightPerturbation(weights=weights, tolerance=0.0, steps=10))
        before, after = learned.original().state_dict(), model.state_dict()
        changed = {name for name in before if not torch.equal(before[name], after[name])}
        parameters = {name for name, _ in model.named_parameters()}
        assert changed == ({"classifier.weight", "classifier.bias"} if weights == "classifier" else parameters)
        assert all(p.requires_grad and p.grad is None for p in model.parameters())


def test_its_passes_are_the_references_and_the_steps(grey):
    method = WeightPerturbation(fraction=0.5, epochs=4, steps=30, batch_size=10)
    assert replace(method, variant="C").passes(120, 40, grey.recipe) == pytest.approx(
        method.passes(120, 40, grey.recipe) - (4 - 1 / 3) * 40
    )
    evaluated = 4 * 120 / 3  # at steps 0, 10, 20 and 30, of predictions alone
    assert method.passes(120, 40, grey.recipe) == pytest.approx(4 * 40 + 40 / 3 + 2 * 300 + evaluated)
    assert replace(method, variant="B").passes(120, 40, grey.recipe) == pytest.approx(120 / 3 + 2 * 300 + evaluated)
    small = replace(method, batch_size=30)  # 40 come as 30 and 10, 80 as 30, 30 and 20
    assert small.passes(120, 40, grey.recipe) - method.passes(120, 40, grey.recipe) == pytest.approx(30 * (20 + 80 / 3 - 20))


def test_variant_c_aims_at_a_last_layer_fitted_to_a_part_of_the_retain_set(learned, monkeypatch):
    splits, asked = learned.splits(), []
    monkeypatch.setattr(weight_perturbation, "refitted", lambda model, part, device: asked.append(part) or refitted(model, part, device))
    method = WeightPerturbation(variant="C", fraction=0.5, tolerance=0.0, steps=40, learning_rate=0.05, batch_size=16)
    model, trajectory = perturb(learned, method)
    (part,) = asked
    assert sorted(set(part.labels.tolist())) == [0, 1], "class 2 is to be forgotten"
    assert len(part) == 40

    body = learned.original()
    body.classifier = nn.Identity()
    known, new = (np.c_[predict(body, e, "cpu").double(), np.ones(len(e))] for e in (part, splits.forget))

    def penalised(weights):
        z, chosen = known @ weights.reshape(3, -1).T, np.eye(3)[part.labels]
        residual = (softmax(z, 1) - chosen) / len(z)
        value = (logsumexp(z, 1) - (z * chosen).sum(1)).mean() + weight_perturbation.PENALTY / 2 * weights @ weights
        return value, (residual.T @ known).ravel() + weight_perturbation.PENALTY * weights

    fitted = minimize(penalised, np.zeros(3 * known.shape[1]), jac=True, method="L-BFGS-B", options={"maxiter": 5000, "ftol": 1e-14})
    wanted = softmax(new @ fitted.x.reshape(3, -1).T, 1)
    teacher = refitted(learned.original(), part, "cpu")
    target = predict(teacher, splits.forget, "cpu")
    assert torch.softmax(target, 1).numpy() == pytest.approx(wanted, abs=0.02)
    assert trajectory[0, 0] == pytest.approx(js(target, predict(learned.original(), splits.forget, "cpu")), rel=1e-4)
    assert trajectory[-1, 0] < 0.5 * trajectory[0, 0]
    assert not any(p.requires_grad for p in teacher.parameters())
    assert all(p.requires_grad for p in model.parameters())


def test_variant_c_refuses_a_network_that_computes_more_after_its_last_linear_layer(learned):
    more = nn.Sequential(nn.Flatten(), nn.Linear(64, 3), nn.ReLU(), nn.Unflatten(1, (1, -1)), nn.AdaptiveAvgPool1d(3), nn.Flatten())
    with pytest.raises(WrongInput, match=r"ends in a linear layer.* variant A"):
        WeightPerturbation(variant="C").unlearn(more, learned.splits(), learned.context())


def test_in_a_search_the_target_is_made_once(learned, monkeypatch):
    made = []
    monkeypatch.setattr(weight_perturbation, "fit", lambda *given, **more: made.append(1) or fit(*given, **more))
    run = learned.context()
    WeightPerturbation(settings="auto", epochs=1, steps=5).unlearn(learned.original(), learned.splits(), run)
    assert int(run.recorded["search/trials"]) > 1
    assert len(made) == 1
