"""Bad teacher: who teaches what, by a loop written out by hand, and what comes of it."""

from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.optim.optimizer import register_optimizer_step_post_hook

from core.methods.baselines.bad_teacher import BadTeacher
from core.training.loop import predict
from tests.tiny import same_weights


@pytest.fixture
def learned(tiny):
    """The tiny data and a network that learned them well: at a gentler rate, few of its units die."""
    return replace(tiny, recipe=replace(tiny.recipe, learning_rate=0.03))


@pytest.fixture
def steps():
    """Grows by one with every step of any optimiser."""
    taken = []
    hook = register_optimizer_step_post_hook(lambda *_: taken.append(1))
    yield taken
    hook.remove()


def ignorant(tiny, seed):
    """An untrained network, built under torch's global generator with that seed, which is given back."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return tiny.build().eval()


def divergence(target, logits, temperature=1.0):
    """KL(target || logits) in nats, summed over classes, mean over the batch, times the temperature squared."""
    p, q = (torch.log_softmax(z / temperature, 1) for z in (target, logits))
    return nn.functional.kl_div(q, p, reduction="batchmean", log_target=True) * temperature**2


@pytest.mark.parametrize("share, count, temperature", [(0.3, 24, 1.0), (0.3, 24, 3.0), (0.0, 0, 1.0), (1.0, 80, 1.0)])
def test_it_is_adam_towards_an_untrained_network_on_the_forget_set_and_the_original_on_a_part_of_the_rest(
    tiny, share, count, temperature
):
    splits, model = tiny.splits(), tiny.original()
    generator = torch.Generator().manual_seed(4)
    chosen = torch.randperm(80, generator=generator)[:count]
    new, old = splits.forget.images.float() / 255, splits.retain.images[chosen].float() / 255
    with torch.no_grad():
        targets = torch.cat([ignorant(tiny, 4)(new), model(old)])
    pixels = torch.cat([new, old])
    model.train()
    optimiser = torch.optim.Adam(model.parameters(), lr=0.002)
    for _ in range(2):
        for batch in torch.randperm(40 + count, generator=generator).split(16):
            optimiser.zero_grad()
            divergence(targets[batch], model(pixels[batch]), temperature).backward()
            optimiser.step()
    method = BadTeacher(retain_share=share, temperature=temperature, epochs=2, learning_rate=0.002, batch_size=16)
    ours = tiny.unlearn(method, seed=4)
    for (name, theta), wanted in zip(ours.state_dict().items(), model.state_dict().values(), strict=True):
        torch.testing.assert_close(theta, wanted, rtol=1e-4, atol=1e-5, msg=name)


def test_the_answers_come_closer_to_each_teacher_on_its_own_set(learned):
    splits = learned.splits()
    fresh, before = ignorant(learned, 1), learned.original()
    after = learned.unlearn(BadTeacher(epochs=6, learning_rate=0.003, batch_size=16, retain_share=1.0))

    def far(teacher, student, examples):
        return divergence(predict(teacher, examples, "cpu"), predict(student, examples, "cpu")).item()

    assert far(fresh, after, splits.forget) < 0.5 * far(fresh, before, splits.forget)
    assert far(before, after, splits.retain) < 0.5 * far(before, fresh, splits.retain)


def test_the_rehearsal_keeps_what_the_forget_set_alone_would_lose(learned):
    retain = learned.splits().retain

    def loss(share):
        model = learned.unlearn(BadTeacher(retain_share=share, epochs=4, learning_rate=0.003, batch_size=16))
        return nn.functional.cross_entropy(predict(model, retain, "cpu"), retain.labels).item()

    assert loss(1.0) < loss(0.0)


def test_a_batch_of_one_is_left_out_where_batch_norm_could_not_serve_it(grey, steps):
    sizes = set()
    model = grey.original()
    model.register_forward_pre_hook(lambda module, inputs: sizes.add(len(inputs[0])) if module.training else None)
    steps.clear()
    BadTeacher(retain_share=0.0, epochs=2, batch_size=13).unlearn(model, grey.splits(), grey.context())
    assert sizes == {13}  # 40 leave 1 over
    assert len(steps) == 2 * 3


def test_one_single_example_without_rehearsal_is_taught_under_frozen_batchnorm(grey, steps):
    before = grey.original()
    steps.clear()
    after = grey.unlearn(BadTeacher(retain_share=0.0, epochs=3), "samples:5")
    assert len(steps) == 3
    assert not same_weights(after, before)
    assert all(torch.equal(b, a) for b, a in zip(before.buffers(), after.buffers(), strict=True))


def test_its_passes_are_the_teachers_and_its_epochs_over_both_parts(grey):
    assert BadTeacher(epochs=7, retain_share=0.3).passes(120, 40, grey.recipe) == pytest.approx((7 + 1 / 3) * (40 + 0.3 * 80))
