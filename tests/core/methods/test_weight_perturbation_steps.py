"""Parts of the weight perturbation by hand: lengths, projection, what is measured at a step, and borrowed predictions."""

import numpy as np
import pytest
from scipy.spatial.distance import jensenshannon
from scipy.special import softmax
from sklearn.metrics import roc_auc_score
import torch
from torch import nn

from core.data.dataset import Examples
from core.methods.weight_perturbation import distance, measure_step, project, third_party


def start():
    """Of length 5, over two tensors."""
    return [torch.tensor([3.0, 0.0]), torch.tensor([[4.0]])]


def test_the_distance_is_the_length_of_the_change_over_the_length_of_the_start():
    moving = [torch.tensor([3.0, 1.0]), torch.tensor([[2.0]])]
    assert distance(moving, start()) == pytest.approx(5**0.5 / 5)  # changes 1 and -2, lengths sqrt(1 + 4) and 5
    assert distance(start(), start()) == 0.0


def test_the_distance_of_weights_that_learn_is_a_plain_number():
    assert distance([nn.Parameter(torch.tensor([2.0]))], [torch.tensor([1.0])]) == 1.0


def test_what_went_too_far_is_pulled_back_along_its_way():
    moving = [nn.Parameter(torch.tensor([3.0, 6.0])), nn.Parameter(torch.tensor([[12.0]]))]
    project(moving, start(), 0.5)
    # The change (0, 6, 8) is twice as long as the start: a quarter of it stays, (0, 1.5, 2).
    assert moving[0].tolist() == pytest.approx([3.0, 1.5])
    assert moving[1].tolist() == [pytest.approx([6.0])]
    assert all(p.requires_grad and p.grad is None for p in moving)


@pytest.mark.parametrize("radius", [2.0, 100.0])
def test_what_is_near_enough_is_left_alone(radius):
    moving = [torch.tensor([3.0, 6.0]), torch.tensor([[12.0]])]
    project(moving, start(), radius)
    assert [p.tolist() for p in moving] == [[3.0, 6.0], [[12.0]]]


def test_radius_zero_puts_the_start_back_to_the_bit():
    generator = torch.Generator().manual_seed(0)
    before = [torch.randn(50, generator=generator), torch.randn(3, 4, generator=generator)]
    moving = [p + torch.randn(p.shape, generator=generator) for p in before]
    project(moving, before, 0.0)
    assert all(torch.equal(p, s) for p, s in zip(moving, before, strict=True))


def test_a_look_measures_divergence_distance_auc_and_both_losses():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(4, 3))
    images = torch.randint(256, (12, 1, 2, 2), dtype=torch.uint8)
    forget, retain = Examples(images[:5], torch.arange(5) % 3), Examples(images[5:], torch.arange(7) % 3)
    target = torch.randn(8, 3)  # of eight forgotten examples, of which the first five are looked at
    with torch.no_grad():
        logits = [model(e.pixels()) for e in (forget, retain)]
    log_p = [torch.log_softmax(z, 1) for z in logits]
    losses = [-lp[range(len(e)), e.labels] for lp, e in zip(log_p, (forget, retain), strict=True)]
    js = jensenshannon(softmax(target[:5].numpy(), axis=1), softmax(logits[0].numpy(), axis=1), axis=1) ** 2
    auc = roc_auc_score([1] * 5 + [0] * 7, torch.cat(losses).numpy())
    found = measure_step(model, target[:5], (forget, retain), 0.25, "cpu")
    assert found == pytest.approx([js.mean(), 0.25, auc, *(float(loss.mean()) for loss in losses)], rel=1e-5)


def test_third_party_borrows_the_answer_of_another_example_with_the_same_answer():
    own = torch.tensor([[2.0, 0.0, 1.0], [0.0, 0.0, 9.0]])
    others = torch.tensor([[5.0, 1.0, 0.0], [4.0, 3.0, 0.0], [0.0, 1.0, 7.0], [0.0, 8.0, 1.0]])
    first, second = set(), set()
    for seed in range(20):
        borrowed = third_party(own, others, torch.Generator().manual_seed(seed))
        first.add(tuple(borrowed[0].tolist()))
        second.add(tuple(borrowed[1].tolist()))
    assert first == {(5.0, 1.0, 0.0), (4.0, 3.0, 0.0)}  # either of the two that answer class 0
    assert second == {(0.0, 1.0, 7.0)}


def test_third_party_without_a_same_answer_takes_values_in_the_order_of_the_own():
    own = torch.tensor([[2.0, 3.0, 1.0]])  # class 1, then 0, then 2
    others = torch.tensor([[9.0, 4.0, 5.0]])
    assert third_party(own, others, torch.Generator()).tolist() == [[5.0, 9.0, 4.0]]
    some = torch.tensor([[9.0, 4.0, 5.0], [0.0, 1.0, 2.0]])
    drawn = {tuple(third_party(own, some, torch.Generator().manual_seed(s))[0].tolist()) for s in range(20)}
    assert drawn == {(5.0, 9.0, 4.0), (1.0, 2.0, 0.0)}


def test_third_party_keeps_every_answer_and_invents_no_value():
    generator = torch.Generator().manual_seed(5)
    own, others = torch.randn(40, 6, generator=generator), torch.randn(8, 6, generator=generator)
    borrowed = third_party(own, others, generator)
    assert torch.equal(borrowed.argmax(1), own.argmax(1))
    known = {tuple(np.sort(row)) for row in others.numpy()}
    assert {tuple(np.sort(row)) for row in borrowed.numpy()} <= known


def test_each_attribute_borrows_by_itself_and_keeps_its_own_answer():
    own = torch.tensor([[2.0, -1.0, 0.5]])
    others = torch.tensor([[3.0, -4.0, -6.0], [-5.0, -7.0, -8.0]])
    # yes: the first's 3; no: the first's -4 or the second's -7; yes, which no other says: one of them, turned round.
    drawn = {tuple(third_party(own, others, torch.Generator().manual_seed(s), multi=True)[0].tolist()) for s in range(40)}
    assert drawn == {(3.0, second, third) for second in (-4.0, -7.0) for third in (6.0, 8.0)}


def test_a_look_at_attributes_takes_their_loss_and_their_divergence():
    logits = torch.tensor([[1.0, -2.0], [0.5, 3.0]])
    model = nn.Sequential(nn.Flatten(), nn.Linear(4, 2, bias=False))
    with torch.no_grad():
        model[1].weight.copy_(torch.tensor([[1.0, 0.5, 0.0, 0.0], [-2.0, 3.0, 0.0, 0.0]]))
    images = torch.tensor([[[[1, 0], [0, 0]]], [[[0, 1], [0, 0]]]], dtype=torch.uint8)
    examples = Examples(images, torch.tensor([[1, 1], [0, 1]], dtype=torch.uint8), peak=1)
    js, far, _, ours, theirs = measure_step(model, logits, (examples, examples), 0.25, "cpu")
    by_hand = [np.log1p(np.exp(-1.0)), np.log1p(np.exp(2.0)), np.log1p(np.exp(0.5)), np.log1p(np.exp(-3.0))]
    assert ours == theirs == pytest.approx(np.mean(by_hand), rel=1e-5)
    assert (js, far) == (pytest.approx(0.0, abs=1e-7), 0.25)
