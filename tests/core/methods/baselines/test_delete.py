"""DELETE: the two terms of its loss, its gradient, a loop written out by hand, and what strikes out which classes."""

from dataclasses import replace

import pytest
import torch
from torch import nn
import torch.nn.functional as F

from core.data.dataset import Examples
from core.data.splits import Splits
from core.domain.requests.classes import ClassRequest
from core.domain.run import Recipe
from core.methods.baselines.delete import STRUCK, Delete, forgetting
from core.training.context import RunContext
from core.training.loop import predict
from core.training.losses import kl_divergence
from tests.tiny import near_weights, same_weights

SETTINGS = {"epochs": 3, "learning_rate": 0.01, "batch_size": 16}


@pytest.fixture
def learned(tiny):
    """The tiny data and a network that learned them well: at a gentler rate, few of its units die."""
    return replace(tiny, recipe=replace(tiny.recipe, learning_rate=0.03))


def targets_of(tiny, request="class:2", **settings):
    """(logits, struck) as `before` makes them, and the forget set."""
    splits, method = tiny.splits(request), Delete(**settings)
    return *method.before(tiny.original(), splits.only(method.uses), tiny.context()), splits.forget


def test_three_classes_by_hand():
    # The original says (1/2, 1/4, 1/4), class 0 goes: t = (0, 1/2, 1/2). A network that says (1/5, 3/5, 1/5) is at
    # 1/2 ln(1/2 / (3/5)) + 1/2 ln(1/2 / (1/5)) = (ln 5/6 + ln 5/2) / 2 = 0.366985, of which -ln(4/5) = 0.223144 is what class 0 still has.
    target = torch.tensor([[0.5, 0.25, 0.25]]).log().masked_fill(torch.tensor([[True, False, False]]), STRUCK)
    logits = torch.tensor([[0.2, 0.6, 0.2]]).log()
    assert kl_divergence(target, logits).item() == pytest.approx(0.366985, abs=1e-6)
    assert forgetting(logits, torch.tensor([[True, False, False]])).item() == pytest.approx(0.223144, abs=1e-6)


def test_the_loss_is_what_forgets_and_what_keeps_and_its_gradient_is_prediction_minus_target(tiny):
    targets, struck, _ = targets_of(tiny, "classes:0,2")
    logits = torch.randn(targets.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64, requires_grad=True)
    rest = kl_divergence(targets.double(), logits.masked_fill(struck, STRUCK))  # r: the prediction without them, made to sum to 1
    loss = kl_divergence(targets.double(), logits)
    assert loss.item() == pytest.approx((forgetting(logits, struck) + rest).item(), abs=1e-9)
    loss.backward()
    torch.testing.assert_close(logits.grad, (logits.softmax(1) - targets.double().softmax(1)).detach() / len(targets), rtol=0, atol=1e-9)


def test_at_the_original_the_keeping_term_is_0_and_has_no_gradient(tiny):
    targets, struck, forget = targets_of(tiny)
    logits = predict(tiny.original(), forget, "cpu").double().requires_grad_()
    kept = kl_divergence(targets.double(), logits.masked_fill(struck, STRUCK))
    kept.backward()
    assert kept.item() == pytest.approx(0, abs=1e-6)
    assert float(logits.grad.abs().max()) < 1e-6


@pytest.mark.parametrize("mask, gone", [("all", [0, 2]), ("own", [])])
def test_no_class_to_forget_has_mass_in_a_target_unless_each_image_loses_its_own_alone(tiny, mask, gone):
    targets, struck, forget = targets_of(tiny, "classes:0,2", mask=mask)
    mass = targets.softmax(1)
    own = F.one_hot(forget.labels, 3).bool()
    assert float(mass[own].max()) == 0
    assert mass.sum(1).tolist() == pytest.approx([1.0] * len(forget))
    assert [c for c in range(3) if float(mass[:, c].max()) == 0] == gone
    assert torch.equal(struck, own if mask == "own" else torch.tensor([True, False, True]).expand(len(forget), 3))
    before = predict(tiny.original(), forget, "cpu")
    assert torch.equal(targets[~struck], before[~struck])


@pytest.mark.parametrize("norm_mode", ["train", "eval"])
@pytest.mark.parametrize("mask", ["all", "own"])
def test_many_steps_are_those_of_plain_momentum_towards_the_struck_predictions(tiny, mask, norm_mode):
    forget, model = tiny.splits("classes:0,2").forget, tiny.original()
    pixels, generator = forget.pixels(), torch.Generator().manual_seed(4)
    with torch.no_grad():
        target = model(pixels)
    target[torch.arange(len(forget)), forget.labels] = -torch.inf
    if mask == "all":
        target[:, [0, 2]] = -torch.inf
    target = target.softmax(1)
    model.train(norm_mode == "train")
    optimiser = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    for _ in range(3):
        for batch in torch.randperm(len(forget), generator=generator).split(16):
            optimiser.zero_grad()
            (target[batch] * (target[batch].clamp(min=1e-30).log() - model(pixels[batch]).log_softmax(1))).sum(1).mean().backward()
            optimiser.step()
    ours = tiny.unlearn(Delete(mask=mask, norm_mode=norm_mode, **SETTINGS), "classes:0,2", seed=4)
    assert near_weights(ours, model)


def test_of_one_class_both_masks_are_one(tiny):
    assert same_weights(*(tiny.unlearn(Delete(mask=mask, **SETTINGS)) for mask in ("all", "own")))


def test_in_eval_mode_no_statistic_moves_and_at_a_rate_of_0_no_weight(tiny):
    before = tiny.original()
    after = tiny.unlearn(Delete(norm_mode="eval", **SETTINGS))
    assert all(torch.equal(a, b) for a, b in zip(after.buffers(), before.buffers(), strict=True))
    assert same_weights(tiny.unlearn(Delete(norm_mode="eval", learning_rate=0.0)), before)


def test_what_the_class_has_falls_step_by_step_on_a_linear_network():
    images = Examples(torch.tensor([3, 4, 5, 0, 1], dtype=torch.uint8).view(5, 1, 1, 1), torch.tensor([2, 2, 2, 0, 1]), peak=5)
    gone = images.labels == 2
    splits, mass = Splits(ClassRequest((2,)), images, images, gone, gone, 0.6), []
    for epochs in range(1, 8):
        model = nn.Sequential(nn.Flatten(), nn.Linear(1, 3))
        model.load_state_dict({"1.weight": torch.tensor([[-1.0], [0.0], [2.0]]), "1.bias": torch.tensor([0.5, 0.0, 0.5])})
        method = Delete(epochs=epochs, learning_rate=0.1)
        method.unlearn(model, splits.only(method.uses), RunContext(nn.Identity, Recipe(1, 8, 0.1), 3))
        mass.append(predict(model, splits.forget, "cpu").softmax(1)[:, 2].mean().item())
    assert mass == sorted(mass, reverse=True)
    assert mass[-1] < 0.5 * mass[0]


def test_it_records_both_terms_epoch_by_epoch_and_forgets(learned):
    run, method = learned.context(), Delete(**SETTINGS | {"epochs": 6})
    splits, before = learned.splits(), learned.original()
    after = method.unlearn(learned.original(), splits.only(method.uses), run)
    terms = run.recorded["delete/terms"]
    assert terms.shape == (6, 2)
    assert float(terms.min()) >= -1e-5
    assert terms[-1, 0] < 0.1 * terms[0, 0]
    mass = [predict(model, splits.forget, "cpu").softmax(1)[:, 2].mean().item() for model in (before, after)]
    assert mass[1] < 0.1 * mass[0]


def test_the_recorded_terms_are_means_over_the_images_of_an_epoch(tiny):
    """At a rate of 0 in eval mode every batch is met by the original: the second term is 0, the first -ln(1 - p) on the whole set."""
    run, method = tiny.context(), Delete(epochs=2, learning_rate=0.0, norm_mode="eval", batch_size=16)  # 40 images: 16, 16, 8
    splits = tiny.splits()
    method.unlearn(tiny.original(), splits.only(method.uses), run)
    p = predict(tiny.original(), splits.forget, "cpu").double().softmax(1)
    wanted = -(p[:, 0] + p[:, 1]).log().mean().item()
    torch.testing.assert_close(run.recorded["delete/terms"], torch.tensor([[wanted, 0.0]] * 2), rtol=1e-3, atol=1e-5)


def test_a_batch_of_one_is_left_out_where_batch_norm_could_not_serve_it(grey):
    sizes = set()
    model = grey.original()
    model.register_forward_pre_hook(lambda module, inputs: sizes.add(len(inputs[0])) if module.training else None)
    Delete(epochs=2, batch_size=13).unlearn(model, grey.splits(), grey.context())
    assert sizes == {13}  # 40 leave 1 over


def test_its_passes_are_the_originals_predictions_and_its_epochs_over_the_forget_set(grey):
    assert Delete(epochs=7).passes(120, 40, grey.recipe) == pytest.approx((7 + 1 / 3) * 40)
