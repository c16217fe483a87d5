"""Boundary shrink: labels worked by hand on a line and a plane, and a training loop written out by hand."""

import pytest
import torch
from torch import nn
import torch.nn.functional as F

from core.data.dataset import Examples
from core.data.splits import Splits
from core.domain.requests.classes import ClassesRequest, ClassRequest
from core.domain.run import Recipe
from core.methods.baselines.boundary_shrink import BoundaryShrink, nearest_labels
from core.training.context import RunContext
from tests.tiny import near_weights, same_weights


def on_a_line() -> nn.Sequential:
    """Of one pixel x: class 0 below 0.5, class 1 up to 0.75, class 2 above; logits 0, 4x - 2, 8x - 5."""
    model = nn.Sequential(nn.Flatten(), nn.Linear(1, 3))
    model[1].weight.data, model[1].bias.data = torch.tensor([[0.0], [4.0], [8.0]]), torch.tensor([0.0, -2.0, -5.0])
    return model.eval()


PIXELS = (48, 30, 0)  # of 100: near the border at 50, further away, at the end


def taught(method: BoundaryShrink, request=None) -> tuple[Examples, dict[str, torch.Tensor]]:
    """What three images of class 0 will be taught, and what is recorded; a fourth, of class 2, stays."""
    images = Examples(torch.tensor([*PIXELS, 90], dtype=torch.uint8).view(4, 1, 1, 1), torch.tensor([0, 0, 0, 2]), peak=100)
    gone = images.labels == 0
    run = RunContext(on_a_line, Recipe(epochs=1, batch_size=2, learning_rate=0.1))
    splits = Splits(request or ClassRequest((0,)), images, images, gone, gone, 0.75)
    return method.before(on_a_line(), splits.only(method.uses), run), run.recorded


def test_the_step_goes_up_the_loss_by_the_bound_and_is_clipped():
    _, recorded = taught(BoundaryShrink(bound=0.1))
    assert recorded["boundary_shrink/images"].flatten().tolist() == pytest.approx([0.48, 0.30, 0.0])
    assert recorded["boundary_shrink/attacked"].flatten().tolist() == pytest.approx([0.58, 0.40, 0.10])  # class 0's loss grows with x
    _, far = taught(BoundaryShrink(bound=0.9))
    assert far["boundary_shrink/attacked"].flatten().tolist() == pytest.approx([1.0, 1.0, 0.9])


def test_only_the_image_that_crosses_the_border_changes_its_answer():
    """At 0.58 the logits are 0, 0.32, -0.36; at 0.4 and 0.1 class 0 leads, and class 1 follows."""
    learned, recorded = taught(BoundaryShrink(bound=0.1))
    assert recorded["boundary_shrink/changed"].tolist() == [1, 0, 0]
    assert learned.labels.tolist() == [1, 1, 1]
    assert learned.images.flatten().tolist() == list(PIXELS), "the clean image is learned"
    assert taught(BoundaryShrink(bound=0.1, unflipped="left_out"))[0].images.flatten().tolist() == [48]
    assert taught(BoundaryShrink(bound=0.1, unflipped="kept"))[0].labels.tolist() == [1, 0, 0]
    assert taught(BoundaryShrink(bound=0.9))[0].labels.tolist() == [2, 2, 2]  # at 1 and at 0.9: 0, 2 and 1.6, 3 and 2.2


def test_several_steps_go_on_until_the_answer_changes_and_no_further():
    """0.30 + 3 x 0.1 = 0.60 is across; 0.0 reaches 0.5 after five steps, where classes 0 and 1 tie, and 0.6 after six."""
    _, recorded = taught(BoundaryShrink(bound=0.1, steps=3))
    assert recorded["boundary_shrink/attacked"].flatten().tolist() == pytest.approx([0.58, 0.60, 0.30])
    assert recorded["boundary_shrink/changed"].tolist() == [1, 1, 0]
    _, recorded = taught(BoundaryShrink(bound=0.11, steps=20))
    assert recorded["boundary_shrink/attacked"].flatten().tolist() == pytest.approx([0.59, 0.52, 0.55])
    assert recorded["boundary_shrink/labels"].tolist() == [1, 1, 1]


def test_no_label_is_the_true_one_or_that_of_another_class_to_forget():
    logits = torch.tensor([[5.0, 4.0, 3.0, 2.0], [1.0, 9.0, 0.0, 2.0], [0.0, 1.0, 8.0, 3.0]])
    labels, changed = nearest_labels(logits, torch.tensor([0, 0, 1]), torch.tensor([0, 1]))
    assert labels.tolist() == [2, 3, 2]
    assert changed.tolist() == [False, False, True]  # the second's answer is class 1, which is to be forgotten too
    labels, changed = nearest_labels(logits, torch.tensor([0, 0, 1]), torch.tensor([], dtype=torch.int64))  # a request for images
    assert labels.tolist() == [1, 1, 2]
    assert changed.tolist() == [False, True, True]
    assert taught(BoundaryShrink(bound=0.1), ClassesRequest((0, 1)))[0].labels.tolist() == [2, 2, 2]


def test_without_a_step_and_without_those_that_did_not_change_there_is_nothing_to_learn(tiny):
    """The original knows the whole forget set, so none is answered otherwise."""
    forget = tiny.splits().forget
    known = (tiny.original()(forget.pixels()).argmax(1) == forget.labels).nonzero().flatten()
    assert len(known) > 20
    request = "samples:" + ",".join(str(3 * i + 2) for i in known[:5].tolist())  # of the class 2, every third image
    assert (tiny.splits(request).forget.labels == 2).all()
    after = tiny.unlearn(BoundaryShrink(bound=0.0, unflipped="left_out"), request)
    assert same_weights(after, tiny.original())


@pytest.mark.parametrize("norm_mode", ["train", "eval"])
def test_it_is_sgd_with_plain_momentum_on_the_relabelled_forget_set(tiny, norm_mode):
    model, forget = tiny.original(), tiny.splits().forget
    pixels = forget.pixels().requires_grad_()
    (gradient,) = torch.autograd.grad(F.cross_entropy(model(pixels), forget.labels, reduction="sum"), pixels)
    x = pixels.detach()
    attacked = (x + 0.2 * gradient.sign()).clamp(0, 1)
    labels = model(attacked).detach()[:, :2].argmax(1)  # the class 2 is to be forgotten
    model.train(norm_mode == "train")
    optimiser, generator = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, weight_decay=0.001), torch.Generator().manual_seed(4)
    for _ in range(2):
        for batch in torch.randperm(40, generator=generator).split(16):
            optimiser.zero_grad()
            F.cross_entropy(model(x[batch]), labels[batch]).backward()
            optimiser.step()
    method = BoundaryShrink(bound=0.2, norm_mode=norm_mode, epochs=2, learning_rate=0.01, weight_decay=0.001, batch_size=16)
    assert near_weights(tiny.unlearn(method, seed=4), model)


def test_the_forgotten_class_is_no_longer_answered(tiny):
    splits, after = tiny.splits(), tiny.unlearn(BoundaryShrink(learning_rate=0.01))
    assert (after(splits.forget.pixels()).argmax(1) == 2).float().mean() < 0.2


def test_its_passes_are_the_attack_the_answers_after_it_and_its_epochs(grey):
    assert BoundaryShrink(epochs=7).passes(120, 40, grey.recipe) == pytest.approx((1 + 1 / 3 + 7) * 40)
    assert BoundaryShrink(epochs=7, steps=3).passes(120, 40, grey.recipe) == pytest.approx((4 + 7) * 40)
