"""Gradients of single examples, against a plain loop of backward calls and numbers worked by hand."""

from copy import deepcopy

import pytest
import torch
from torch import nn
import torch.nn.functional as F

from core.data.dataset import Examples
from core.training import per_example_gradients
from core.training.per_example_gradients import gradient_rows, per_sample_gradients, summed_gradient
from tests.tiny import same_weights


def one_by_one(model, x, y, loss_of=F.cross_entropy):
    """Name -> (B, *shape), by one forward and one backward call for each example, on a copy."""
    model = deepcopy(model).requires_grad_(True)
    found = []
    for image, label in zip(x, y, strict=True):
        model.zero_grad()
        loss_of(model(image[None]), label[None]).backward()
        found.append({name: p.grad.clone() for name, p in model.named_parameters()})
    return {name: torch.stack([gradient[name] for gradient in found]) for name in found[0]}


def assert_all_near(found, wanted):
    assert list(found) == list(wanted)
    for name, gradient in found.items():
        torch.testing.assert_close(gradient, wanted[name], rtol=1e-4, atol=1e-6 * float(wanted[name].abs().max()))


def two_pixels():
    """A model with weights of zero, which gives both classes 1/2, and two images of two pixels."""
    model = nn.Sequential(nn.Flatten(), nn.Linear(2, 2))
    for p in model.parameters():
        nn.init.zeros_(p)
    return model, Examples(
        torch.tensor([[1, 2], [3, 0]], dtype=torch.uint8).view(2, 1, 1, 2), torch.tensor([0, 1]), peak=1
    )


@pytest.fixture
def batch(tiny):
    return tiny.dataset.train.pixels()[:9], tiny.dataset.train.labels[:9]


@pytest.fixture
def names(tiny):
    return [name for name, _ in tiny.original().named_parameters()]


# One gradient per example.


def test_by_hand():
    model, examples = two_pixels()
    x, y = examples.pixels(), examples.labels
    # d loss / d logits is 1/2 less 1 for the label: (-1/2, 1/2) and (1/2, -1/2), times the pixels (1, 2) and (3, 0).
    found = per_sample_gradients(model, ["1.weight", "1.bias"], x, y)
    assert found["1.weight"].tolist() == [[[-0.5, -1.0], [0.5, 1.0]], [[1.5, 0.0], [-1.5, 0.0]]]
    assert found["1.bias"].tolist() == [[-0.5, 0.5], [0.5, -0.5]]
    (rows,) = gradient_rows(model, ["1.bias", "1.weight"], examples, "cpu")
    assert rows.tolist() == [[-0.5, 0.5, -0.5, -1.0, 0.5, 1.0], [0.5, -0.5, 1.5, 0.0, -1.5, 0.0]]


def test_each_examples_gradient_is_that_of_a_backward_call_of_its_own(grey_and_colour):
    model, train = grey_and_colour.original(), grey_and_colour.dataset.train
    names, batch = list(dict(model.named_parameters())), (train.pixels()[:9], train.labels[:9])
    assert_all_near(per_sample_gradients(model, names, *batch), one_by_one(model, *batch))


def test_a_part_of_the_weights_has_the_same_gradient_as_among_all(tiny, batch):
    model = tiny.original()
    wanted = one_by_one(model, *batch)
    part = ["hidden.bias", "norm1.weight"]
    assert_all_near(per_sample_gradients(model, part, *batch), {name: wanted[name] for name in part})


def test_another_loss_takes_the_place_of_the_cross_entropy(tiny, names, batch):
    def loss_of(logits, y):
        return (logits * torch.tensor([1.0, -2.0, 3.0])).square().sum() + logits.gather(1, y[:, None]).sum()

    model = tiny.original()
    assert_all_near(per_sample_gradients(model, names, *batch, loss_of), one_by_one(model, *batch, loss_of))


def test_frozen_weights_have_gradients_too(tiny, names, batch):
    model = tiny.original()
    wanted = one_by_one(model, *batch)
    assert_all_near(per_sample_gradients(model.requires_grad_(False), names, *batch), wanted)


def test_attention_is_differentiated_example_by_example():
    class Attending(nn.Module):
        def __init__(self):
            super().__init__()
            self.inward, self.outward = nn.Linear(4, 12), nn.Linear(4, 3)

        def forward(self, x):
            q, k, v = self.inward(x.flatten(1, 2)).unflatten(2, (3, 1, 4)).permute(2, 0, 3, 1, 4)
            return self.outward(F.scaled_dot_product_attention(q, k, v).mean((1, 2)))

    generator = torch.Generator().manual_seed(0)
    model = Attending()
    for p in model.parameters():
        nn.init.normal_(p, generator=generator)
    x, y = torch.rand(5, 1, 6, 4, generator=generator), torch.tensor([0, 1, 2, 1, 0])
    names = [name for name, _ in model.named_parameters()]
    assert_all_near(per_sample_gradients(model, names, x, y), one_by_one(model, x, y))


# Rows.


def test_rows_are_the_flattened_gradients_in_the_order_of_the_names(tiny):
    model, examples = tiny.original(), tiny.dataset.train.first(20)
    wanted = one_by_one(model, examples.pixels(), examples.labels)
    parts = (["conv1.weight", "classifier.bias"], ["classifier.bias", "conv1.weight"])
    for names in (*parts, ["classifier.weight", "classifier.bias"], ["classifier.bias", "classifier.weight"], ["hidden.bias"]):
        rows = torch.cat(list(gradient_rows(model, names, examples, "cpu")))
        flat = torch.cat([wanted[name].flatten(1) for name in names], 1)
        torch.testing.assert_close(rows, flat, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    "room, chunks", [(0, [1] * 20), (7 * 4 * 195, [7, 7, 6]), (8 * 4 * 195 - 1, [7, 7, 6]), (1e9, [20])]
)
def test_chunks_hold_as_many_rows_as_there_is_room_for(grey, room, chunks, monkeypatch):
    model, examples = grey.original(), grey.dataset.train.first(20)
    names = ["classifier.weight", "classifier.bias"]  # 64 x 3 + 3 = 195 weights of four bytes
    (whole,) = gradient_rows(model, names, examples, "cpu")
    monkeypatch.setattr(per_example_gradients, "CHUNK_BYTES", int(room))
    rows = list(gradient_rows(model, names, examples, "cpu"))
    assert [len(chunk) for chunk in rows] == chunks
    torch.testing.assert_close(torch.cat(rows), whole, rtol=1e-4, atol=1e-6)


def test_chunks_are_smaller_where_the_activations_take_the_room(grey, monkeypatch):
    model, examples = grey.original(), grey.dataset.train.first(20)
    (whole,) = gradient_rows(model, ["conv1.bias"], examples, "cpu")
    (last,) = gradient_rows(model, ["classifier.bias"], examples, "cpu")
    monkeypatch.setattr(per_example_gradients, "ACTIVATION_BYTES", 10_000)  # conv1's output alone: 16 x 8 x 8 numbers of four bytes
    rows = list(gradient_rows(model, ["conv1.bias"], examples, "cpu"))
    assert 2 <= len(rows[1]) + 1 <= 3, "two examples at most, since each keeps 4,096 bytes and more"
    torch.testing.assert_close(torch.cat(rows), whole, rtol=1e-4, atol=1e-6)
    monkeypatch.setattr(per_example_gradients, "ACTIVATION_BYTES", 1000)  # nothing below the last layer is kept for its own gradient
    assert torch.equal(next(gradient_rows(model, ["classifier.bias"], examples, "cpu")), last)


def test_no_chunk_is_larger_than_256(grey):
    train = grey.dataset.train
    many = train.joined(train).joined(train)
    rows = gradient_rows(grey.original(), ["classifier.bias"], many, "cpu")
    assert [len(chunk) for chunk in rows] == [256, 104]


# Sums over batches.


def test_the_summed_gradient_by_hand():
    model, examples = two_pixels()
    # Weights: (-1/2, -1; 1/2, 1) and (3/2, 0; -3/2, 0); their sum, and half of it where the two are averaged.
    both, apart = examples.batches(2), examples.batches(1)
    assert summed_gradient(model, both)["1.weight"].tolist() == [[1.0, -1.0], [-1.0, 1.0]]
    assert summed_gradient(model, examples.batches(2), "mean")["1.weight"].tolist() == [[0.5, -0.5], [-0.5, 0.5]]
    assert summed_gradient(model, apart, "mean")["1.weight"].tolist() == [[1.0, -1.0], [-1.0, 1.0]]


@pytest.mark.parametrize("reduction", ["sum", "mean"])
@pytest.mark.parametrize("training", [False, True], ids=["in eval mode", "in training mode"])
def test_the_summed_gradient_is_autograds_over_uneven_batches(tiny, reduction, training):
    examples = tiny.dataset.train.first(20)
    model = tiny.original().train(training)
    by_hand = deepcopy(model)
    for part in (slice(0, 8), slice(8, 16), slice(16, 20)):  # backward adds up by itself
        losses = F.cross_entropy(by_hand(examples.pixels()[part]), examples.labels[part], reduction="none")
        (losses.sum() if reduction == "sum" else losses.mean()).backward()
    assert_all_near(
        summed_gradient(model, examples.batches(8), reduction), {name: p.grad for name, p in by_hand.named_parameters()}
    )


def test_the_sum_over_all_examples_is_the_sum_of_their_rows(tiny, names):
    model, examples = tiny.original(), tiny.dataset.train
    rows = torch.cat(list(gradient_rows(model, names, examples, "cpu")))
    summed = torch.cat([g.flatten() for g in summed_gradient(model, examples.batches(50)).values()])
    torch.testing.assert_close(summed, rows.sum(0), rtol=1e-3, atol=1e-5 * float(summed.abs().max()))


def test_without_batches_the_sum_is_zero(grey):
    assert not any(gradient.any() for gradient in summed_gradient(grey.original(), iter(())).values())


def test_the_model_is_left_alone(tiny, names, batch):
    model = tiny.original()
    model.hidden.train()  # a mode of its own, which nobody may even out
    model.conv1.bias.grad = torch.full((16,), 7.0)
    modes = [module.training for module in model.modules()]
    per_sample_gradients(model, names, *batch)
    list(gradient_rows(model, names, tiny.dataset.train.first(5), "cpu"))
    summed = summed_gradient(model, iter([batch]))
    assert not any(gradient.requires_grad for gradient in summed.values())
    assert [module.training for module in model.modules()] == modes
    assert model.conv1.bias.grad.tolist() == [7.0] * 16
    assert [name for name, p in model.named_parameters() if p.grad is not None] == ["conv1.bias"]
    assert all(p.requires_grad for p in model.parameters())
    assert same_weights(model, tiny.original())
