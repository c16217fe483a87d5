"""AMUN: the attack against the nearest point of a plane, worked by hand, and the training written out by hand."""

from dataclasses import replace

import pytest
import torch
from torch import nn
import torch.nn.functional as F

from core.data.dataset import Examples
from core.data.splits import Splits
from core.domain.requests.classes import ClassRequest
from core.methods.baselines.finetune import Finetune
from core.methods.single_images.amun import AMUN, nearest_mistakes, together, unit
from tests.tiny import near_weights, same_weights


def half_plane() -> nn.Sequential:
    """Of two pixels: class 1 where 3 x1 + 4 x2 > 4, which is 5 times the distance from the border."""
    model = nn.Sequential(nn.Flatten(), nn.Linear(2, 2))
    model[1].weight.data, model[1].bias.data = torch.tensor([[0.0, 0.0], [3.0, 4.0]]), torch.tensor([0.0, -4.0])
    return model.eval()


def at(*points: tuple[float, float]) -> torch.Tensor:
    return torch.tensor(points).view(-1, 1, 1, 2)


ATTACK = {"radius": 0.04, "steps": 50, "doublings": 8}


def test_the_attack_stops_a_step_at_most_behind_the_nearest_point_of_the_border():
    """(0.5, 0.5) lies 0.5 / 5 = 0.1 from it, along (0.6, 0.8). Balls of 0.04 and 0.08 do not reach it; from 0.08 on steps of 0.016."""
    found = nearest_mistakes(half_plane(), at((0.5, 0.5)), torch.tensor([0]), **ATTACK)
    moved = (found.images - at((0.5, 0.5))).flatten()
    assert moved.norm().item() == pytest.approx(0.08 + 2 * 0.016, abs=1e-5)
    assert (moved / moved.norm()).tolist() == pytest.approx([0.6, 0.8], abs=1e-4)
    assert found.answers.tolist() == [1]
    assert found.radius.tolist() == pytest.approx([0.16])


def test_each_image_stops_by_itself_and_what_is_mistaken_as_it_stands_is_not_moved():
    """At distances 0.02, 0.1 and 0.1 from the border; the third is on the other side of it. The first is across after 6 steps of 0.004."""
    x = at((0.5, 0.6), (0.5, 0.5), (0.5, 0.75))
    found = nearest_mistakes(half_plane(), x, torch.tensor([0, 0, 0]), **ATTACK)
    assert found.radius.tolist() == pytest.approx([0.04, 0.16, 0.0])
    assert (found.images - x).flatten(1).norm(dim=1).tolist() == pytest.approx([0.024, 0.112, 0.0], abs=1e-5)
    assert found.answers.tolist() == [1, 1, 1]


def test_it_stays_within_the_image_and_ends_after_so_many_doublings():
    """From (1, 0) along (0.6, 0.8) the first pixel cannot grow: the border is crossed at (1, 0.25), where the straight way is 0.2."""
    found = nearest_mistakes(half_plane(), at((1.0, 0.0)), torch.tensor([0]), **ATTACK)
    assert found.images.flatten()[0].item() == 1.0
    assert 0.25 <= found.images.flatten()[1].item() <= 0.25 + 0.1 * found.radius.item()
    short = nearest_mistakes(half_plane(), at((0.5, 0.5)), torch.tensor([0]), radius=0.04, steps=50, doublings=1)
    assert short.radius.tolist() == pytest.approx([0.08])
    assert short.answers.tolist() == [0]
    assert (short.images - at((0.5, 0.5))).norm().item() == pytest.approx(0.08, abs=1e-5)


def test_a_gradient_of_any_size_is_followed_and_none_leaves_the_image():
    gradients = torch.stack([at((3e-30, 4e-30))[0], at((0.0, 0.0))[0], at((3e20, -4e20))[0]])
    assert unit(gradients).flatten().tolist() == pytest.approx([0.6, 0.8, 0.0, 0.0, 0.6, -0.8])


def test_what_is_recorded_of_a_trained_network_is_what_the_attack_promises(tiny):
    run, splits, model = tiny.context(), tiny.splits(), tiny.original()
    forget = splits.forget
    made = AMUN().before(model, splits.only(AMUN.uses), run)
    radius, distance = run.recorded["amun/radius"], run.recorded["amun/distance"]
    right = model(forget.pixels()).argmax(1) == forget.labels
    assert right.sum() > 20
    levels = (radius[right] / 0.04).log2()
    assert torch.allclose(levels, levels.round(), atol=1e-4), "0.04 times a power of 2"
    assert (levels.round() >= 0).all()
    assert (radius[~right] == 0).all()
    assert (distance <= radius + 1e-5).all()
    mistaken = run.recorded["amun/mistaken"].bool()
    assert torch.equal(model(made.pixels()).argmax(1), made.labels)
    assert (made.labels != forget.labels[mistaken]).all()
    assert run.recorded["amun/attacked"].shape == run.recorded["amun/images"].shape == (16, *forget.shape[1:])


def test_images_that_no_attack_moves_across_a_border_lend_nothing(tiny):
    made = AMUN(steps=0).before(tiny.original(), tiny.splits(), tiny.context())
    wrong = int((tiny.original()(tiny.splits().forget.pixels()).argmax(1) != 2).sum())
    assert len(made) == wrong < 40


def test_sets_come_as_one_shuffled_stream_each_image_once_and_every_one_in_its_own_scale():
    first = Examples(torch.tensor([10, 20, 30], dtype=torch.uint8).view(3, 1, 1, 1), torch.tensor([0, 1, 2]), peak=100)
    second = Examples(torch.tensor([0.05, 0.15]).view(2, 1, 1, 1), torch.tensor([3, 4]), peak=1)
    batches = list(together([first, second], 2, torch.Generator().manual_seed(1)))
    assert [len(y) for _, y in batches] == [2, 2, 1]
    pairs = sorted((round(float(v), 4), int(label)) for x, y in batches for v, label in zip(x.flatten(), y, strict=True))
    assert pairs == [(0.05, 3), (0.1, 0), (0.15, 4), (0.2, 1), (0.3, 2)]
    orders = {tuple(y.tolist()) for seed in range(5) for _, y in together([first, second], 5, torch.Generator().manual_seed(seed))}
    assert len({tuple(sorted(order)) for order in orders}) == 1


def test_with_nothing_to_forget_it_is_fine_tuning(tiny):
    train = tiny.dataset.train
    none = torch.zeros(len(train), dtype=torch.bool)
    splits = Splits(ClassRequest((2,)), train, tiny.dataset.test, none, none, 0.0)
    nothing = Examples(torch.zeros(0, *train.shape[1:]), torch.zeros(0, dtype=torch.int64), peak=1)
    method = AMUN(epochs=2, learning_rate=0.02, falls_after=200, batch_size=16)
    found = method.after(nothing, tiny.original(), splits, tiny.context(seed=4))
    tuned = Finetune(epochs=2, learning_rate=0.02, batch_size=16).unlearn(tiny.original(), splits, tiny.context(seed=4))
    assert near_weights(found, tuned)


@pytest.mark.parametrize(
    ("settings", "sets"),
    [({}, ("retain", "forget")), ({"retain_data": "left_out"}, ("forget",)), ({"forget_data": "left_out"}, ("retain",)),
     ({"retain_data": "left_out", "forget_data": "left_out"}, ())],
)  # fmt: skip
def test_it_is_sgd_on_true_labels_and_on_attacked_images_at_a_rate_that_falls(tiny, settings, sets):
    method = AMUN(epochs=3, learning_rate=0.02, falls_after=2, batch_size=32, **settings)
    splits, model = tiny.splits(), tiny.original()
    made = method.before(tiny.original(), splits, tiny.context())
    parts = [*(getattr(splits, name) for name in sets), made]
    x, y = torch.cat([part.pixels() for part in parts]), torch.cat([part.labels for part in parts])
    optimiser, generator = torch.optim.SGD(model.train().parameters(), momentum=0.9, weight_decay=5e-4), torch.Generator().manual_seed(4)
    for rate in (0.02, 0.02, 0.002):
        optimiser.param_groups[0]["lr"] = rate
        for batch in torch.randperm(len(y), generator=generator).split(32):
            if len(batch) > 1:
                optimiser.zero_grad()
                F.cross_entropy(model(x[batch]), y[batch]).backward()
                optimiser.step()
    assert near_weights(method.after(made, tiny.original(), splits.only(method.uses), tiny.context(seed=4)), model)


def test_without_retain_data_no_retained_image_is_read(tiny):
    method = AMUN(retain_data="left_out", epochs=1)
    left = method.unlearn(tiny.original(), tiny.splits("random:0.1").only(frozenset({"forget"})), tiny.context())
    assert not same_weights(left, tiny.original())


def test_attacked_images_beside_them_make_forgotten_ones_less_sure_and_leave_them_recognised(tiny):
    """Against the same training without an attack: the original of these images is not sure of them yet."""
    splits = tiny.splits("random:0.1")
    x, y = splits.forget.pixels(), splits.forget.labels
    method = AMUN(epochs=3, learning_rate=0.05, falls_after=200, batch_size=16, steps=10)
    attacked, alone = (tiny.unlearn(m, "random:0.1") for m in (method, replace(method, steps=0)))
    sure = [model(x).softmax(1)[torch.arange(len(y)), y].mean().item() for model in (attacked, alone)]
    assert sure[0] < sure[1] - 0.05
    assert (attacked(x).argmax(1) == y).float().mean() >= 0.7


def test_a_search_takes_a_third_of_the_epochs_of_training_at_a_share_of_its_rate(tiny):
    rungs = AMUN(settings="auto").rungs(replace(tiny.recipe, epochs=20, learning_rate=0.1))
    assert [rung["learning_rate"] for rung in rungs] == [0.001, 0.003, 0.01, 0.02, 0.05, 0.1]
    assert {rung["epochs"] for rung in rungs} == {7}


def test_its_passes_are_the_attack_at_five_radii_and_its_epochs_over_what_it_trains_on(grey):
    assert AMUN(epochs=3, steps=10).passes(120, 12, grey.recipe) == pytest.approx(12 / 3 + 50 * 12 + 3 * (120 + 12))
    assert AMUN(epochs=3, steps=10, doublings=1).passes(120, 12, grey.recipe) == pytest.approx(12 / 3 + 20 * 12 + 3 * (120 + 12))
    alone = AMUN(epochs=3, steps=0, retain_data="left_out", forget_data="left_out")
    assert alone.passes(120, 12, grey.recipe) == pytest.approx(12 / 3 + 3 * 12)
