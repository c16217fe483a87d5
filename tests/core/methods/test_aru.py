"""ARU: what is attacked, which slices go, what they become, and healing against a loop written out by hand."""

from collections import OrderedDict
from copy import deepcopy
from dataclasses import replace
from fractions import Fraction

import pytest
import torch
from torch import nn
import torch.nn.functional as F

from core.data.dataset import Examples
from core.domain.errors import WrongInput
from core.domain.run import Recipe
from core.methods import aru
from core.methods.aru import ARU, pgd
from core.training import batch_size
from core.training.context import RunContext
from tests.tiny import RECIPE, near_weights, same_weights, tiny_of

LAYERS = ("conv1.weight", "conv2.weight")


def unlearn(tiny, request="class:2", seed=1, **fields):
    """The model and what was recorded; a short attack, and no healing, unless asked for."""
    method, run = ARU(**({"attack_steps": 2, "epochs": 0} | fields)), tiny.context(seed=seed)
    return method.unlearn(tiny.original(), tiny.splits(request).only(method.uses), run), run.recorded


def fresh(build, seed=1):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return build()


def masks_of(recorded):
    return {name: recorded[f"aru_mask/{name}"].bool() for name in LAYERS}


def odd_network():
    """A stem of one channel, a depthwise, a grouped and a 1x1 convolution; 8x8 images, three classes."""
    return nn.Sequential(
        OrderedDict(
            stem=nn.Conv2d(1, 4, 3, padding=1),
            norm=nn.BatchNorm2d(4),
            depthwise=nn.Conv2d(4, 4, 3, padding=1, groups=4),
            grouped=nn.Conv2d(4, 6, (1, 3), groups=2),
            pointwise=nn.Conv2d(6, 5, 1),
            relu=nn.ReLU(),
            flatten=nn.Flatten(),
            classifier=nn.Linear(5 * 8 * 6, 3),
        )
    )


def right(model, examples):
    return float((model(examples.pixels()).argmax(1) == examples.labels).double().mean())


# METHODS.md 3.5, one to nine.


@pytest.mark.parametrize("radius, rate", [(8 / 255, 2 / 255), (0.5, 0.2)])
def test_1_the_noise_stays_in_its_radius_and_the_attacked_image_in_0_to_1(tiny, radius, rate):
    _, recorded = unlearn(tiny, radius=radius, attack_rate=rate, attack_steps=7)
    noise, attacked = recorded["aru/noise"], recorded["aru/images"] + recorded["aru/noise"]
    assert 0.9 * radius < noise.abs().max() <= radius + 1e-6
    assert attacked.min() >= -1e-6
    assert attacked.max() <= 1 + 1e-6


def test_2_the_attack_lowers_the_loss_of_the_forget_set(tiny):
    forget = tiny.splits().forget
    heard = unlearn(tiny, attack_steps=7)[1]["aru/attack_loss"]
    clean = F.cross_entropy(tiny.original()(forget.pixels()), forget.labels)
    assert heard.shape == (8,)
    assert heard[-1] < heard[0]
    assert heard[-1] < clean


def test_the_attack_raises_the_loss_where_it_is_to_be_maximised(tiny):
    heard = unlearn(tiny, attack_steps=7, direction="maximise")[1]["aru/attack_loss"]
    assert (heard[1:] > heard[:-1]).all()


def test_an_attack_that_runs_out_of_memory_goes_on_in_smaller_chunks_to_the_same_noise(tiny, monkeypatch):
    _, whole = unlearn(tiny, attack_steps=3)
    sizes = []

    def cramped(model, x, *rest, **settings):
        sizes.append(len(x))
        if len(x) > 11:
            raise MemoryError
        return pgd(model, x, *rest, **settings)

    monkeypatch.setattr(aru, "pgd", cramped)
    monkeypatch.setattr(batch_size, "_CHUNKS", {})
    _, parts = unlearn(tiny, attack_steps=3)
    assert len(sizes) > 3  # it was cut
    torch.testing.assert_close(parts["aru/noise"], whole["aru/noise"], rtol=0, atol=1e-6)
    torch.testing.assert_close(parts["aru/attack_loss"], whole["aru/attack_loss"])


@pytest.mark.parametrize("mask, reset", [("aru", "init"), ("aru", "zero"), ("largest", "init"), ("random", "zero")])
def test_3_a_share_of_zero_changes_nothing_and_of_one_resets_every_slice(tiny, mask, reset):
    assert same_weights(unlearn(tiny, share=0.0, mask=mask, reset=reset)[0], tiny.original())
    wanted, untrained = tiny.original(), fresh(tiny.build)
    with torch.no_grad():
        for layer in ("conv1", "conv2"):
            new = getattr(untrained, layer).weight if reset == "init" else 0.0
            getattr(wanted, layer).weight.copy_(torch.as_tensor(new))
    assert same_weights(unlearn(tiny, share=1.0, mask=mask, reset=reset)[0], wanted)


@pytest.mark.parametrize("mask", ["aru", "largest", "random"])
@pytest.mark.parametrize("share", ["0.07", "0.3"])
def test_4_exactly_the_floor_of_share_times_slices_goes_in_each_layer(grey_and_colour, share, mask):
    model, recorded = unlearn(grey_and_colour, share=float(share), mask=mask, reset="zero")
    for name, layer in (("conv1.weight", model.conv1), ("conv2.weight", model.conv2)):
        slices = layer.weight.shape[0] * layer.weight.shape[1]
        count = int(Fraction(share) * slices)
        assert int(recorded[f"aru_mask/{name}"].sum()) == count
        assert int((layer.weight == 0).all(3).all(2).sum()) == count


@pytest.mark.parametrize("reset", ["init", "zero"])
@pytest.mark.parametrize("mask", ["aru", "largest", "random"])
def test_6_masked_slices_are_exactly_zero_or_the_initial_ones_and_all_else_is_bit_identical(tiny, mask, reset):
    after, recorded = unlearn(tiny, share=0.4, mask=mask, reset=reset, seed=6)
    before, untrained = tiny.original().state_dict(), fresh(tiny.build, 6).state_dict()
    masks = masks_of(recorded)
    for name, theta in after.state_dict().items():
        if name not in masks:
            assert torch.equal(theta, before[name]), name
            continue
        gone = masks[name]
        assert torch.equal(theta[~gone], before[name][~gone])
        assert torch.equal(theta[gone], untrained[name][gone] if reset == "init" else torch.zeros_like(theta[gone]))
        assert not torch.equal(before[name][gone], theta[gone])


def test_7_attack_and_mask_leave_parameters_buffers_mode_and_gradients_as_they_were(tiny):
    model, _ = unlearn(tiny, share=0.0)
    assert same_weights(model, tiny.original())
    assert not any(module.training for module in model.modules())
    assert all(p.grad is None and p.requires_grad for p in model.parameters())


def test_8_retained_images_never_enter_attack_and_mask(grey):
    ours = grey.splits()
    other_images = torch.where(ours.forgotten[:, None, None, None], ours.train.images, 255 - ours.train.images)
    method, found = ARU(attack_steps=2, epochs=0), []
    for train in (ours.train, Examples(other_images, ours.train.labels)):
        run = grey.context()
        model = method.unlearn(grey.original(), replace(ours, train=train).only(method.uses), run)
        run.recorded.pop("aru/healing")  # accuracies on both sets, for the page
        found.append((model, run.recorded))
    assert same_weights(found[0][0], found[1][0])
    assert all(torch.equal(value, found[1][1][name]) for name, value in found[0][1].items())


@pytest.mark.parametrize("mask", ["aru", "largest", "random"])
def test_9_the_same_seed_gives_the_same_mask(tiny, mask):
    one, again = (masks_of(unlearn(tiny, mask=mask, seed=5)[1]) for _ in range(2))
    assert all(torch.equal(one[name], again[name]) for name in LAYERS)


def test_another_seed_gives_other_noise_and_other_random_masks(tiny):
    one, other = (unlearn(tiny, mask="random", seed=seed)[1] for seed in (5, 6))
    assert not torch.equal(one["aru/noise"], other["aru/noise"])
    assert not any(torch.equal(masks_of(one)[name], masks_of(other)[name]) for name in LAYERS)


# The mask.


@pytest.mark.parametrize("norm_mode", ["train", "eval"])
def test_the_difference_is_between_the_images_and_the_noise_alone_under_the_true_labels(tiny, norm_mode):
    _, recorded = unlearn(tiny, "samples:0,4,5,7,30,60,61,80,100,119", norm_mode=norm_mode, batch_size=4)
    images, noise = recorded["aru/images"], recorded["aru/noise"]  # ten: all of them
    labels = torch.tensor([0, 4, 5, 7, 30, 60, 61, 80, 100, 119]) % 3
    gradients = []
    for pixels in (images, noise):
        copy = tiny.original().train(norm_mode == "train")
        for part in (slice(0, 4), slice(4, 8), slice(8, 10)):
            F.cross_entropy(copy(pixels[part]), labels[part]).backward()
        gradients.append({name: p.grad for name, p in copy.named_parameters()})
    for name in LAYERS:
        wanted = (gradients[0][name] - gradients[1][name]).mean((2, 3)).abs()
        torch.testing.assert_close(recorded[f"aru_difference/{name}"], wanted, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("mask", ["aru", "largest"])
def test_in_each_layer_the_smallest_differences_go_and_in_the_control_the_largest(tiny, mask):
    _, recorded = unlearn(tiny, mask=mask, share=0.3)
    for name, gone in masks_of(recorded).items():
        d = recorded[f"aru_difference/{name}"]
        if mask == "aru":
            assert d[gone].max() <= d[~gone].min()
        else:
            assert d[gone].min() >= d[~gone].max()


def test_the_random_control_does_not_follow_the_difference(tiny):
    _, recorded = unlearn(tiny, mask="random", share=0.5)
    d, gone = recorded["aru_difference/conv2.weight"], recorded["aru_mask/conv2.weight"].bool()
    small = d <= d.median()  # more than half of 512 where slices without any gradient tie
    # Half of them are expected to go, as of all, with a deviation of at most sqrt(512) / 4 = 5.7.
    assert abs(int((gone & small).sum()) - int(small.sum()) / 2) < 4 * 5.7


def test_one_channel_stems_and_grouped_convolutions_are_reset_by_slice_and_1x1_ones_are_left_alone(grey):
    original = fresh(odd_network, 3).eval()
    run = RunContext(odd_network, RECIPE, seed=1)
    after = ARU(attack_steps=2, share=0.5, epochs=0, reset="zero").unlearn(deepcopy(original), grey.splits(), run)
    shapes = {n.partition("/")[2]: tuple(t.shape) for n, t in run.recorded.items() if n.startswith("aru_mask/")}
    assert shapes == {"stem.weight": (4, 1), "depthwise.weight": (4, 1), "grouped.weight": (6, 2)}
    before = original.state_dict()
    for name, theta in after.state_dict().items():
        if name in shapes:
            gone = run.recorded[f"aru_mask/{name}"].bool()
            assert int(gone.sum()) == gone.numel() // 2
            assert (theta[gone] == 0).all()
            assert torch.equal(theta[~gone], before[name][~gone])
        else:
            assert torch.equal(theta, before[name]), name


def test_a_model_without_a_larger_convolution_is_refused_and_left_as_it_was(grey):
    def build():
        return nn.Sequential(nn.Conv2d(1, 4, 1), nn.ReLU(), nn.Flatten(), nn.Linear(256, 3))

    model = fresh(build)
    with pytest.raises(WrongInput, match=r"^Attack-and-Reset resets .* larger than 1x1; this model has none\.$"):
        ARU().unlearn(model, grey.splits(), RunContext(build, RECIPE))
    assert same_weights(model, fresh(build))


@pytest.mark.parametrize("request_", ["samples:4", "samples:4,5,6"])
def test_a_handful_of_images_is_enough_even_where_the_last_batch_is_one(tiny, request_):
    _, recorded = unlearn(tiny, request_, share=0.5, batch_size=2)
    assert {name: int(gone.sum()) for name, gone in masks_of(recorded).items()} == {
        "conv1.weight": 8 * tiny.dataset.info.channels,
        "conv2.weight": 256,
    }
    assert all((recorded[f"aru_difference/{name}"] > 0).any() for name in LAYERS)


# Healing.


@pytest.mark.parametrize("schedule", ["constant", "one_cycle"])
@pytest.mark.parametrize(("reset", "optimiser"), [("init", "trained"), ("zero", "sgd")])  # the tiny original was trained by SGD
def test_healing_is_sgd_with_plain_momentum_on_the_retain_set_from_the_reset_network(tiny, reset, optimiser, schedule):
    fields = {"attack_steps": 2, "share": 0.5, "reset": reset, "learning_rate": 0.02, "batch_size": 32, "optimiser": optimiser,
              "schedule": schedule}  # fmt: skip
    method, run, splits = ARU(**fields, epochs=0), tiny.context(seed=4), tiny.splits()
    wanted = method.unlearn(tiny.original(), splits.only(method.uses), run).train()
    optimiser = torch.optim.SGD(wanted.parameters(), lr=0.02, momentum=0.9)
    rates = torch.optim.lr_scheduler.ConstantLR(optimiser, 1.0)
    if schedule == "one_cycle":
        rates = torch.optim.lr_scheduler.OneCycleLR(optimiser, 0.02, total_steps=6, cycle_momentum=False)
    pixels, labels = splits.retain.images.float() / 255, splits.retain.labels
    for _ in range(2):
        for batch in torch.randperm(80, generator=run.generator).split(32):
            optimiser.zero_grad()
            F.cross_entropy(wanted(pixels[batch]), labels[batch]).backward()
            optimiser.step()
            rates.step()
    healed, recorded = unlearn(tiny, seed=4, **fields, epochs=2)
    assert near_weights(healed, wanted)
    for gone, layer in zip(masks_of(recorded).values(), (healed.conv1, healed.conv2), strict=True):
        still = (layer.weight == 0).all(3).all(2)
        assert not (still & gone).all()  # a reset slice is not a frozen one


def test_a_network_that_adamw_trained_is_healed_by_adamw_at_its_own_rates(tiny):
    """Each of Adam's first steps moves a weight by about its rate, whatever the gradient: far more than SGD of that rate does."""
    fields = {"attack_steps": 2, "share": 0.5, "learning_rate": 0.001, "schedule": "constant", "batch_size": 80}
    run = tiny.context()
    adamw = replace(run.recipe, optimiser="adamw")
    reset = ARU(**fields, epochs=0).unlearn(tiny.original(), tiny.splits().only(ARU.uses), tiny.context())
    moved = {}
    for name, context in (("sgd", tiny.context()), ("adamw", replace(tiny.context(), recipe=adamw))):
        healed = ARU(**fields, epochs=1).unlearn(tiny.original(), tiny.splits().only(ARU.uses), context)
        moved[name] = float((healed.classifier.bias - reset.classifier.bias).abs().max().detach())
    assert moved["adamw"] == pytest.approx(0.001, rel=0.02)
    assert moved["sgd"] < 0.0008
    of = {healed: [rung["learning_rate"] for rung in ARU(optimiser=healed).rungs(replace(adamw, learning_rate=0.001))][2:4]
          for healed in ("trained", "adamw", "sgd")}  # fmt: skip
    assert of["trained"] == of["adamw"] == [0.0004, 0.001]
    assert of["sgd"] == [0.02, 0.05]  # fifty times as much
    sgd = replace(run.recipe, learning_rate=0.05)
    assert [rung["learning_rate"] for rung in ARU(optimiser="adamw").rungs(sgd)][2:4] == [0.0004, 0.001]


def test_healing_is_told_by_accuracies_on_forget_and_retain_after_the_reset_and_each_epoch(tiny):
    forget, retain = tiny.splits().forget, tiny.splits().retain
    _, recorded = unlearn(tiny, epochs=2, schedule="constant")
    assert recorded["aru/healing"].shape == (3, 2)
    for epochs in range(3):  # a constant rate: a shorter healing is the start of a longer one
        model, told = unlearn(tiny, epochs=epochs, schedule="constant")
        assert told["aru/healing"].shape == (epochs + 1, 2)
        wanted = [right(model, forget), right(model, retain)]
        assert recorded["aru/healing"][epochs].tolist() == pytest.approx(wanted)


def test_healing_is_recorded_on_a_sample_of_each_set(tiny, monkeypatch):
    monkeypatch.setattr(aru, "EVALUATED", 7)
    model, recorded = unlearn(tiny, epochs=1)
    splits = tiny.splits()
    wanted = [right(model, splits.forget.sample(7)), right(model, splits.retain.sample(7))]
    assert recorded["aru/healing"][1].tolist() == pytest.approx(wanted)


@pytest.mark.parametrize("listened", [False, True])
def test_the_attack_goes_back_once_a_step_and_looks_once_more_only_where_the_loss_is_recorded(tiny, listened):
    class Counted(nn.Module):
        calls = 0

        def forward(self, x):
            self.calls += 1
            return model(x)

    model, forget, counted = tiny.original(), tiny.splits().forget.first(5), Counted()
    x, losses = forget.pixels(), []
    asked = {"radius": 0.1, "step_size": 0.05, "steps": 3}
    ours = pgd(counted, x, forget.labels, torch.zeros_like(x), **asked, on_step=losses.append if listened else None)
    assert counted.calls == 3 + listened
    assert len(losses) == (4 if listened else 0)
    if listened:
        assert losses[-1] == pytest.approx(F.cross_entropy(model(ours), forget.labels).item())


# What is recorded, and what each parameter is for.

USUAL = {"epochs": 1, "radius": 0.4, "attack_rate": 0.2}


@pytest.fixture(scope="module")
def usual():
    return unlearn(tiny_of(1), **USUAL)[0]


def test_the_first_sixteen_forget_images_are_shown_with_their_noise(tiny):
    channels = tiny.dataset.info.channels
    _, recorded = unlearn(tiny, batch_size=7, attack_steps=3)
    assert recorded["aru/images"].shape == recorded["aru/noise"].shape == (16, channels, 8, 8)
    third = tiny.dataset.train.images[2:50:3]  # labels 0, 1, 2, 0, ...
    assert torch.equal(recorded["aru/images"], third.float() / 255)
    assert recorded["aru/attack_loss"].shape == (4,)
    for prefix, dtype in (("aru_difference", torch.float32), ("aru_mask", torch.uint8)):
        for name, shape in (("conv1.weight", (16, channels)), ("conv2.weight", (32, 16))):
            assert recorded[f"{prefix}/{name}"].shape == shape
            assert recorded[f"{prefix}/{name}"].dtype == dtype


def test_the_loss_of_the_attack_is_the_mean_over_images_whatever_the_batches(tiny):
    _, recorded = unlearn(tiny, "samples:0,4,5,7,30,60,61,80,100,119", batch_size=4, attack_steps=2)
    labels = torch.tensor([0, 4, 5, 7, 30, 60, 61, 80, 100, 119]) % 3
    attacked = recorded["aru/images"] + recorded["aru/noise"]
    wanted = F.cross_entropy(tiny.original()(attacked), labels).item()
    assert float(recorded["aru/attack_loss"][-1]) == pytest.approx(wanted, rel=1e-4)


@pytest.mark.parametrize(
    "change",
    [
        {"radius": 0.2},
        {"attack_steps": 3},
        {"attack_rate": 0.02},
        {"direction": "maximise"},
        {"norm_mode": "eval"},
        {"mask": "random"},
        {"mask": "largest"},
        {"share": 0.6},
        {"reset": "zero"},
        {"epochs": 2},
        {"learning_rate": 0.05},
        {"batch_size": 16},
    ],
)
def test_each_parameter_has_its_effect(grey, usual, change):
    assert not same_weights(unlearn(grey, **(USUAL | change))[0], usual)


def test_its_passes_grow_with_the_forget_set_and_the_epochs_of_healing(grey):
    passes = [ARU(epochs=epochs).passes(120, 40, grey.recipe) for epochs in (0, 3)]
    assert passes[1] - passes[0] == pytest.approx(3 * 80 + 3 * 120 / 3)  # and the accuracies after each, of predictions alone
    assert passes[0] == pytest.approx((7 + 1 / 3) * 40 + 2 * 40 + 120 / 3)  # seven steps and a last prediction, both gradients
    assert ARU(epochs=0).passes(120, 80, grey.recipe) - passes[0] == pytest.approx((7 + 1 / 3 + 2) * 40)


def test_a_search_heals_for_a_third_of_the_epochs_of_training_at_shares_of_its_rate():
    of = [[(r["share"], r["epochs"], r["learning_rate"]) for r in ARU().rungs(Recipe(epochs, 64, 0.1))] for epochs in (3, 5, 20)]
    shares = [(0.02, 0.04), (0.05, 0.04), (0.1, 0.04), (0.1, 0.1), (0.3, 0.1), (0.3, 0.2), (0.5, 0.1), (0.8, 0.2)]
    assert of == [[(share, epochs, rate) for share, rate in shares] for epochs in (1, 2, 7)]


def test_healing_whose_rate_falls_to_zero_ends_elsewhere_than_at_a_constant_one(tiny):
    ends = [unlearn(tiny, epochs=1, schedule=schedule)[0] for schedule in ("constant", "one_cycle")]
    assert not same_weights(*ends)
