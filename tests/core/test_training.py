"""The two shared loops: fit and predict."""

from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.optim.optimizer import register_optimizer_step_pre_hook

from core.training import Diverged, fit, predict
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


def test_a_learning_rate_that_diverges_is_told(grey):
    with pytest.raises(Diverged, match=r"^The loss became (nan|inf) at step \d+ of 8 \(epoch \d of 3\); a lower learning rate may help\.$"):
        train(grey, learning_rate=1e30, one_cycle=False)


@pytest.mark.parametrize("one_cycle", [True, False])
def test_a_last_batch_of_one_is_left_out_where_batch_norm_could_not_serve_it(grey, steps, one_cycle):
    model = train(grey, examples=grey.dataset.train.subset(torch.arange(33)), one_cycle=one_cycle)
    assert len(steps) == 3 * 2  # 16 and 16 of 33, three epochs
    assert all(tensor.isfinite().all() for tensor in model.state_dict().values())


def test_one_single_example_can_be_trained_on(grey, steps):
    train(grey, examples=grey.dataset.train.subset(torch.tensor([5])))
    assert len(steps) == 3


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
    assert same_weights(ours, model)


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
