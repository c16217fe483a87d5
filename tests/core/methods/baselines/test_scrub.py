"""SCRUB against a loop written out by hand, and what each of its two steps does alone."""

from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.optim.optimizer import register_optimizer_step_pre_hook

from core.methods.baselines import scrub
from core.methods.baselines.scrub import SCRUB
from core.training.loop import predict
from tests.tiny import Tiny, same_weights


class LinearTiny(Tiny):
    """Without batch normalisation a student in train mode is its teacher."""

    def build(self):
        return nn.Sequential(nn.Flatten(), nn.Linear(64, 3))


@pytest.fixture
def learned(tiny):
    """The tiny data and a network that learned them well: at a gentler rate, few of its units die."""
    return replace(tiny, recipe=replace(tiny.recipe, learning_rate=0.03))


@pytest.fixture
def gradients():
    """The largest absolute gradient before each step of any optimiser."""
    seen = []
    hook = register_optimizer_step_pre_hook(
        lambda optimiser, *_: seen.append(max(float(p.grad.abs().max()) for p in optimiser.param_groups[0]["params"]))
    )
    yield seen
    hook.remove()


def divergence(teacher, logits, temperature=1.0):
    """KL(teacher || student) in nats, mean over the batch, times the temperature squared."""
    p, q = (torch.log_softmax(z / temperature, 1) for z in (teacher, logits))
    return nn.functional.kl_div(q, p, reduction="batchmean", log_target=True) * temperature**2


def from_the_original(tiny, model, name):
    """Mean KL of a model's answers from the original's on one set."""
    examples = getattr(tiny.splits(), name)
    return divergence(predict(tiny.original(), examples, "cpu"), predict(model, examples, "cpu")).item()


@pytest.mark.parametrize("temperature", [1.0, 4.0])
def test_it_climbs_on_the_forget_set_then_descends_on_the_retain_set_with_one_adam(tiny, temperature):
    splits, model = tiny.splits(), tiny.original()
    with torch.no_grad():
        teacher = {name: model(getattr(splits, name).pixels()) for name in ("forget", "retain")}
    model.train()
    optimiser = torch.optim.Adam(model.parameters(), lr=0.002)
    generator = torch.Generator().manual_seed(4)
    for epoch in range(3):
        for name in ("forget", "retain") if epoch < 2 else ("retain",):
            examples = getattr(splits, name)
            pixels, labels = examples.images.float() / 255, examples.labels
            for batch in torch.randperm(len(labels), generator=generator).split(32):
                logits = model(pixels[batch])
                loss = divergence(teacher[name][batch], logits, temperature)
                healing = 0.7 * nn.functional.cross_entropy(logits, labels[batch]) + 0.3 * loss
                optimiser.zero_grad()
                (-loss if name == "forget" else healing).backward()
                optimiser.step()
    method = SCRUB(
        epochs=3, max_epochs=2, gamma=0.7, alpha=0.3, temperature=temperature, learning_rate=0.002, batch_size=32
    )
    ours = tiny.unlearn(method, seed=4)
    for (name, theta), wanted in zip(ours.state_dict().items(), model.state_dict().values(), strict=True):
        torch.testing.assert_close(theta, wanted, rtol=1e-4, atol=1e-5, msg=name)


def test_without_climbing_and_labels_there_is_nothing_to_descend_at_the_original(grey, gradients):
    linear = LinearTiny(grey.dataset)
    linear.original()
    gradients.clear()
    calm = SCRUB(epochs=1, max_epochs=0, gamma=0.0, alpha=1.0, batch_size=16)
    after = linear.unlearn(calm)
    assert gradients[0] < 1e-6  # KL is 0 there, and 0 is its least value
    for theta, before in zip(after.parameters(), linear.original().parameters(), strict=True):
        assert (theta - before).abs().max() <= 5 * 0.001 * 1.01  # five steps of Adam, each of at most its rate
    assert from_the_original(linear, after, "retain") < 1e-4
    gradients.clear()
    linear.unlearn(SCRUB(epochs=1, max_epochs=0, gamma=1.0, alpha=0.0, batch_size=16))
    assert gradients[0] > 1e-3  # the labels pull at once


def test_with_neither_labels_nor_divergence_and_no_climb_the_weights_stay_to_the_bit(tiny):
    after = tiny.unlearn(SCRUB(epochs=1, max_epochs=0, gamma=0.0, alpha=0.0))
    assert all(torch.equal(p, q) for p, q in zip(after.parameters(), tiny.original().parameters(), strict=True))


def test_climbing_takes_the_answers_on_the_forget_set_ever_further_from_the_originals(learned):
    def climbed(epochs):
        model = learned.unlearn(SCRUB(epochs=3, max_epochs=epochs, gamma=0.0, alpha=1.0, batch_size=16))
        return from_the_original(learned, model, "forget")

    far = [climbed(epochs) for epochs in (0, 1, 3)]
    assert 0 <= far[0] < far[1] < far[2]


def test_alpha_holds_the_answers_on_the_retain_set_to_the_originals(learned):
    def strayed(alpha):
        return from_the_original(learned, learned.unlearn(SCRUB(gamma=0.0, alpha=alpha, learning_rate=0.003)), "retain")

    assert strayed(1.0) < strayed(0.0)


def test_it_records_the_accuracies_before_and_after_each_epoch(tiny):
    splits, run = tiny.splits(), tiny.context()
    after = SCRUB(epochs=3, max_epochs=2, learning_rate=0.003).unlearn(tiny.original(), splits, run)
    healing = run.recorded["scrub/healing"]
    assert healing.shape == (4, 2)
    for row, model in ((0, tiny.original()), (3, after)):
        right = [(model(e.pixels()).argmax(1) == e.labels).float().mean() for e in (splits.forget, splits.retain)]
        assert healing[row].tolist() == pytest.approx([float(share) for share in right])
    assert set(run.recorded) == {"scrub/healing"}


def test_its_accuracies_are_those_of_a_sample_of_each_set(tiny, monkeypatch):
    monkeypatch.setattr(scrub, "EVALUATED", 7)
    splits, run, model = tiny.splits(), tiny.context(), tiny.original()
    wanted = [(model(e.sample(7).pixels()).argmax(1) == e.sample(7).labels).float().mean() for e in (splits.forget, splits.retain)]
    SCRUB(epochs=1).unlearn(model, splits, run)
    assert run.recorded["scrub/healing"][0].tolist() == pytest.approx([float(share) for share in wanted])


def test_a_batch_of_one_is_left_out_where_batch_norm_could_not_serve_it(grey):
    sizes = set()
    model = grey.original()
    model.register_forward_pre_hook(lambda module, inputs: sizes.add(len(inputs[0])) if module.training else None)
    SCRUB(epochs=2, max_epochs=1, batch_size=16).unlearn(model, grey.splits("random:17"), grey.context())
    assert sizes == {16, 7}  # 17 leave 1 over, the other 103 leave 7


def test_a_forget_set_of_one_leaves_batchnorms_statistics_to_the_retain_set(grey):
    modes = []
    model = grey.original()
    model.register_forward_pre_hook(lambda module, inputs: modes.append((len(inputs[0]), module.training)))
    SCRUB(epochs=1, max_epochs=1, batch_size=64).unlearn(model, grey.splits("samples:5"), grey.context())
    assert modes.count((1, False)) == 4  # the teacher, two looks and the climb
    assert (1, True) not in modes
    assert not model.training


def test_more_epochs_to_climb_than_epochs_changes_nothing(grey):
    assert same_weights(grey.unlearn(SCRUB(epochs=2, max_epochs=2)), grey.unlearn(SCRUB(epochs=2, max_epochs=9)))


def test_its_passes_are_both_kinds_of_steps_the_teachers_predictions_and_the_accuracies(grey):
    assert SCRUB(epochs=7, max_epochs=3).passes(120, 40, grey.recipe) == 7 * 80 + 3 * 40 + 120 / 3 + 8 * 120 / 3
    assert SCRUB(epochs=1, max_epochs=3).passes(3000, 1200, grey.recipe) == 1800 + 1200 + 1000 + 2 * 1000 / 3  # on 500 of each set
