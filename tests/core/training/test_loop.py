"""The shared loops, descend, fit and predict, the batches they take, and the context that they run in."""

from collections import Counter
from dataclasses import replace
from itertools import islice
from math import isnan

import pytest
import torch
from torch import nn
from torch.optim.optimizer import register_optimizer_step_pre_hook

from core.training.loop import Diverged, descend, draws, fit, predict, share_right
from tests.tiny import same_weights


@pytest.fixture
def steps():
    """Learning rate and momentum of every step of any optimiser."""
    taken = []
    hook = register_optimizer_step_pre_hook(lambda optimiser, *_: taken.append(dict(optimiser.param_groups[0])))
    yield taken
    hook.remove()


def train(tiny, seed=3, examples=None, **recipe):
    context = tiny.context(seed=seed)
    chosen = tiny.dataset.train if examples is None else examples
    return fit(context.fresh_model(), chosen, replace(tiny.recipe, **recipe), context)


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(tiny):
    first = train(tiny)
    torch.rand(5)
    assert same_weights(first, train(tiny))
    assert not same_weights(first, train(tiny, seed=4))


def test_it_learns_and_returns_the_model_in_eval_mode_without_gradients(tiny):
    model = train(tiny)
    assert not model.training
    assert all(p.grad is None for p in model.parameters())
    right = predict(model, tiny.dataset.test, "cpu").argmax(1) == tiny.dataset.test.labels
    assert right.float().mean() > 0.8


def test_the_forward_pass_has_the_recipes_precision_and_the_weights_stay_float32(tiny):
    plain, exact, half = (train(tiny, precision=precision) for precision in ("auto", "float32", "bfloat16"))
    assert same_weights(plain, exact), "on a CPU auto is float32"
    assert not same_weights(exact, half)
    assert {theta.dtype for theta in half.parameters()} == {torch.float32}
    seen = []
    context = tiny.context(seed=3)
    model = context.fresh_model()
    next(m for m in model.modules() if isinstance(m, nn.Conv2d)).register_forward_hook(lambda module, x, y: seen.append(y.dtype))
    fit(model, tiny.dataset.train, replace(tiny.recipe, epochs=1, precision="bfloat16"), context)
    assert set(seen) == {torch.bfloat16}
    right = predict(half, tiny.dataset.test, "cpu").argmax(1) == tiny.dataset.test.labels
    assert right.float().mean() > 0.8


def test_a_learning_rate_that_diverges_is_told(grey):
    with pytest.raises(Diverged, match=r"^The loss became (nan|inf) at step \d+ of 8 \(epoch \d of 3\); a lower learning rate may help\.$"):
        train(grey, learning_rate=1e30, one_cycle=False)


@pytest.mark.parametrize("one_cycle", [True, False])
def test_a_last_batch_of_one_is_left_out_where_batch_norm_could_not_serve_it(grey, steps, one_cycle):
    model = train(grey, examples=grey.dataset.train.subset(torch.arange(33)), one_cycle=one_cycle)
    assert len(steps) == 3 * 2  # 16 and 16 of 33, three epochs
    assert all(tensor.isfinite().all() for tensor in model.state_dict().values())


def test_adamw_is_torchs_own_with_its_decay_apart_from_the_loss(grey, steps):
    ours = train(grey, one_cycle=False, optimiser="adamw", learning_rate=0.01, weight_decay=0.3)
    assert {"betas", "amsgrad"} <= set(steps[0])
    assert not steps[0].get("momentum")
    assert {step["weight_decay"] for step in steps} == {0.3}
    context = grey.context(seed=3)
    model = context.fresh_model().train()
    optimiser = torch.optim.AdamW(model.parameters(), lr=0.01, weight_decay=0.3)
    pixels, labels = grey.dataset.train.pixels(), grey.dataset.train.labels
    for _ in range(3):
        for batch in torch.randperm(120, generator=context.generator).split(16):
            optimiser.zero_grad()
            nn.functional.cross_entropy(model(pixels[batch]), labels[batch]).backward()
            optimiser.step()
    theirs = model.eval()(pixels).softmax(1)
    torch.testing.assert_close(ours(pixels).softmax(1), theirs, rtol=0, atol=0.02)  # Adam magnifies rounding where gradients are 0
    assert replace(grey.recipe, optimiser="adamw", weight_decay=0.3).decay_in_loss == 0
    assert replace(grey.recipe, weight_decay=0.3).decay_in_loss == 0.3


def test_images_are_changed_as_the_recipe_says_and_by_the_runs_own_draws(grey):
    plain, flipped = train(grey), train(grey, augment="flip")
    assert not same_weights(plain, flipped)
    torch.rand(5)
    assert same_weights(flipped, train(grey, augment="flip"))
    assert not same_weights(flipped, train(grey, augment="crop"))


def test_the_model_comes_back_in_the_memory_format_that_it_came_in(tiny):
    assert all(p.is_contiguous() for p in train(tiny).parameters())


def test_one_single_example_can_be_trained_on(grey, steps):
    train(grey, examples=grey.dataset.train.subset(torch.tensor([5])))
    assert len(steps) == 3


def test_one_single_example_can_be_trained_on_where_batch_norm_sees_one_number_of_it(grey, steps):
    """As ResNet-18 does of 8x8 pixels; PyTorch raises in train mode there."""
    one = grey.dataset.train.first(1)
    pixels, classes = one.pixels()[0].numel(), len(grey.dataset.info.classes)
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(pixels, 4), nn.BatchNorm1d(4), nn.Linear(4, classes))
    with pytest.raises(ValueError, match="more than 1 value per channel"):
        model.train()(one.pixels())
    before = nn.functional.cross_entropy(model.eval()(one.pixels()), one.labels).item()
    trained = fit(model, one, replace(grey.recipe, epochs=20), grey.context(seed=3))
    assert len(steps) == 20
    assert nn.functional.cross_entropy(trained(one.pixels()), one.labels).item() < before / 2
    assert torch.equal(trained[2].running_mean, torch.zeros(4)), "its statistics are as they were"


def test_a_constant_rate_is_constant_and_equals_plain_sgd(grey, steps):
    ours = train(grey, one_cycle=False, momentum=0.8, weight_decay=0.01)
    assert {step["lr"] for step in steps} == {grey.recipe.learning_rate}
    assert {step["momentum"] for step in steps} == {0.8}
    context = grey.context(seed=3)
    model = context.fresh_model().train()
    optimiser = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.8, nesterov=True, weight_decay=0.01)
    pixels, labels = grey.dataset.train.pixels(), grey.dataset.train.labels
    for _ in range(3):
        for batch in torch.randperm(120, generator=context.generator).split(16):
            optimiser.zero_grad()
            nn.functional.cross_entropy(model(pixels[batch]), labels[batch]).backward()
            optimiser.step()
    for name, theta in model.state_dict().items():  # another memory format adds in another order
        torch.testing.assert_close(ours.state_dict()[name], theta, rtol=1e-3, atol=1e-5)


def test_one_cycle_rises_to_the_peak_at_three_tenths_and_falls_to_almost_nothing(grey, steps):
    train(grey)
    rates = [step["lr"] for step in steps]
    top = rates.index(max(rates))
    assert len(rates) == 24
    assert rates[0] == pytest.approx(0.1 / 25)  # Smith's warm-up, as PyTorch sets it by default
    assert max(rates) == pytest.approx(0.1, rel=0.02)
    assert 24 * 0.3 - 2 <= top <= 24 * 0.3 + 1
    assert rates[: top + 1] == sorted(rates[: top + 1])
    assert rates[top:] == sorted(rates[top:], reverse=True)
    assert rates[-1] < 0.1 / 1000


def test_progress_is_told_after_every_step_and_ends_at_one(grey):
    heard = []
    context = grey.context(on_progress=lambda *step: heard.append(step))
    fit(context.fresh_model(), grey.dataset.train, grey.recipe, context)
    shares = [share for share, _ in heard]
    assert shares[:-1] == pytest.approx([(i + 1) / 24 for i in range(24)])
    assert shares[-1] == 1
    assert heard[0][1] == "epoch 1 of 3"


def test_predict_gives_logits_in_the_datas_order_and_the_mode_back(tiny):
    for training in (True, False):
        model = tiny.original().train(training)
        before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
        logits = predict(model, tiny.dataset.test, "cpu")
        assert model.training is training
        assert logits.dtype == torch.float32
        assert not logits.requires_grad
        assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
        with torch.no_grad():
            one_by_one = [model.eval()(x) for x, _ in tiny.dataset.test.batches(1)]
        torch.testing.assert_close(logits, torch.cat(one_by_one), rtol=1e-4, atol=1e-5)


def test_fit_calls_after_each_step_and_after_each_epoch_with_its_number(grey):
    called = []
    context = grey.context()
    fit(
        context.fresh_model(), grey.dataset.train, replace(grey.recipe, batch_size=50), context,
        after_step=lambda: called.append("step"), after_epoch=called.append,
    )  # fmt: skip
    assert called == [*["step"] * 3, 1, *["step"] * 3, 2, *["step"] * 3, 3]


def test_what_is_written_after_a_step_is_what_comes_out(grey):
    context = grey.context()
    model = context.fresh_model()

    def clear():
        with torch.no_grad():
            model.classifier.weight.zero_()

    fit(model, grey.dataset.train, grey.recipe, context, after_step=clear)
    assert not model.classifier.weight.any()


# The innermost loop.


def slope():
    """A weight (3, 4) that the loss <w, item> pulls along the item."""
    weight = nn.Parameter(torch.tensor([3.0, 4.0]))
    return weight, lambda item: (weight * torch.tensor(item)).sum()


def test_descend_takes_a_step_for_each_item_on_the_loss_that_is_built_of_it(grey):
    weight, loss_of = slope()
    told, heard = [], []
    descend(
        torch.optim.SGD([weight], lr=0.5), [(2.0, 0.0), (0.0, 6.0)], loss_of,
        grey.context(on_progress=lambda share, note: heard.append((share, note))),
        steps=2, note="down", after=lambda step, loss: told.append((step, loss, weight.tolist())),
    )  # fmt: skip
    # (3, 4) - 0.5 (2, 0) = (2, 4), then - 0.5 (0, 6) = (2, 1); losses before the steps: 3 x 2 and 4 x 6.
    assert told == [(1, 6.0, [2.0, 4.0]), (2, 24.0, [2.0, 1.0])]
    assert heard == [(0.5, "down"), (1.0, "down")]


def test_descend_leaves_no_gradients_and_starts_from_none(grey):
    weight, loss_of = slope()
    weight.grad = torch.full((2,), 100.0)
    descend(torch.optim.SGD([weight], lr=1.0), [(1.0, 1.0)], loss_of, grey.context(), steps=1, note="down")
    assert weight.tolist() == [2.0, 3.0]
    assert weight.grad is None


@pytest.mark.parametrize("clip, moved", [(None, (3.0, 4.0)), (10.0, (3.0, 4.0)), (1.0, (0.6, 0.8))])
def test_descend_shortens_a_gradient_over_all_weights_to_the_clip_and_leaves_a_shorter_one(grey, clip, moved):
    one, other = (nn.Parameter(torch.zeros(1)) for _ in range(2))
    descend(
        torch.optim.SGD([one, other], lr=1.0), [0], lambda _: (3 * one + 4 * other).sum(), grey.context(),
        steps=1, note="down", clip=clip,
    )  # fmt: skip
    assert (-one.item(), -other.item()) == pytest.approx(moved, rel=1e-5)


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_descend_tells_the_step_and_the_note_at_a_loss_that_is_no_number_and_does_not_take_it(grey, bad):
    weight, loss_of = slope()
    called = []
    with pytest.raises(Diverged, match=rf"^The loss became {bad} at step 2 of 3 \(downhill\); a lower learning rate may help\.$"):
        descend(
            torch.optim.SGD([weight], lr=1.0), [(1.0, 0.0), (bad, 0.0), (1.0, 0.0)], loss_of, grey.context(),
            steps=3, note="downhill", after=lambda step, loss: called.append(step),
        )  # fmt: skip
    assert called == [1]
    assert weight.tolist() == [2.0, 4.0]


def test_descend_tells_of_weights_that_the_last_step_made_infinite(grey):
    weight, loss_of = slope()
    with pytest.raises(Diverged, match=r"^Weights became infinite or NaN within 1 steps; a lower learning rate may help\.$"):
        descend(torch.optim.SGD([weight], lr=1e30), [(1e30, 0.0)], loss_of, grey.context(), steps=1, note="down")


def test_descend_with_more_items_than_were_announced_stays_at_the_end_of_its_progress(grey):
    weight, loss_of = slope()
    heard = []
    run = grey.context(on_progress=lambda share, note: heard.append(share))
    descend(torch.optim.SGD([weight], lr=0.0), [(1.0, 0.0)] * 3, loss_of, run, steps=2, note="down")
    assert heard == [0.5, 1.0, 1.0]


@pytest.mark.parametrize("count, size, sizes", [(10, 4, [4, 4, 2]), (8, 4, [4, 4]), (3, 50, [3])])
def test_draws_give_every_index_once_a_round_and_each_round_in_another_order(count, size, sizes):
    batches = draws(count, size, torch.Generator().manual_seed(2))
    rounds = [list(islice(batches, len(sizes))) for _ in range(4)]
    assert [[len(batch) for batch in one] for one in rounds] == [sizes] * 4
    orders = [torch.cat(one).tolist() for one in rounds]
    assert all(Counter(order) == Counter(range(count)) for order in orders)
    assert len({tuple(order) for order in orders}) > 1


def test_share_right_is_the_accuracy_on_each_set_and_nan_on_an_empty_one(grey):
    class Fixed(nn.Module):
        def forward(self, x):
            return torch.tensor([0.0, 1.0, 0.0]).expand(len(x), 3)

    train = grey.dataset.train
    some = train.subset(torch.tensor([0, 1, 2, 4]))  # of classes 0, 1, 2, 1
    found = share_right(Fixed(), some, train, train.first(0), device="cpu")
    assert found[:2] == pytest.approx([2 / 4, 1 / 3])
    assert isnan(found[2])


# The context.


def test_a_part_of_a_run_tells_its_shares_between_its_own_bounds_also_within_a_part(grey):
    heard = []
    run = grey.context(on_progress=lambda share, note: heard.append((share, note)))
    part = run.part(0.2, 0.6)
    for share in (0.0, 0.5, 1.0):
        part.progress(share, "half way")
    part.part(0.5, 1.0).progress(0.5, "further in")  # three quarters of 0.2 to 0.6
    run.progress(1.0, "outside")
    assert [share for share, _ in heard] == pytest.approx([0.2, 0.4, 0.6, 0.5, 1.0])
    assert [note for _, note in heard] == [*["half way"] * 3, "further in", "outside"]


def test_a_part_of_a_run_shares_its_generator_and_its_records(grey):
    run = grey.context(statistics={"a": {}})
    part = run.part(0.0, 0.5)
    assert part.generator is run.generator
    assert part.statistics is run.statistics
    part.record("inner", {"x": torch.ones(1)})
    run.record("outer", {"y": torch.zeros(1)})
    assert set(run.recorded) == set(part.recorded) == {"inner/x", "outer/y"}
    assert same_weights(part.fresh_model(), run.fresh_model())
