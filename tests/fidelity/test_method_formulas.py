"""Methods against their publications and public code, re-derived here by hand: no code of theirs is needed.

Planted values: the Fisher of a weight that is used twice, (ln 3)² / 4; two steps of plain momentum, 0.1437478 (fine-tuning, random
label, SalUn), and under a falling penalty 0.1337478 (L1-sparse); noise images in UNSIR's mixture, 60 of a class where 5,120 are
written; squared means of mixed batches, 0 where those of sorted ones are 1/4 (SSD); a pixel after the attack of ARU, 0.65 down the
loss and 0.35 up; the rate of seven epochs with restarts, 0.1, 0.1, 0.0525, 0.1, 0.0861, 0.0525, 0.0189 (last layers);
two steps of DELETE from ln 2, 0.5500211.
label, SalUn); noise images in UNSIR's mixture, 60 of a class where 5,120 are written; squared means of
mixed batches, 0 where those of sorted ones are 1/4 (SSD); a pixel after the attack of ARU, 0.65 down the loss and 0.35 up; labels of
boundary shrink, 1 and 0 where its public codes rehearse an image that no step moves across a border, 1 and 1 here; the published step
called influence, (-0.00175, 1) from (1, 1), which a third image's gradient of its own direction cannot turn; two epochs of
convolution transpose at a rate that falls along a cosine, 0.0968739; two epochs of masked small gradients of a weight that is kept,
-0.0097436; a forget step and two retain steps of SFRon under one momentum, -0.2091369; two epochs of AMUN on true labels at a rate that
falls to a tenth, 0.0593748; amnesiac unlearning where every batch was hit, the network before training, 0, and after a
step of healing 0.05; guided unlearning's warm-up, ascent and recovery, each by an SGD of its own, 0.1442475.
"""

from math import log

import pytest
import torch
from torch import Tensor, nn
import torch.nn.functional as F

from core.data.dataset import Examples
from core.data.splits import Splits
from core.domain.requests.classes import ClassesRequest, ClassRequest
from core.domain.requests.samples import SamplesRequest
from core.domain.run import Recipe
from core.methods import aru
from core.methods.aru import ARU, pgd
from core.methods.baselines.boundary_shrink import BoundaryShrink
from core.methods.baselines.convolution_transpose import ConvolutionTranspose
from core.methods.baselines.delete import Delete
from core.methods.baselines.finetune import Finetune
from core.methods.baselines.guided import Guided
from core.methods.baselines.influence import Influence, recursion
from core.methods.baselines.l1_sparse import L1Sparse
from core.methods.baselines.last_layers import LastLayers, last_layers
from core.methods.baselines.masked_small_gradients import MaskedSmallGradients
from core.methods.baselines.random_label import RandomLabel
from core.methods.baselines.salun import SalUn
from core.methods.baselines.sfron import SFRon
from core.methods.single_images.amnesiac import Amnesiac
from core.methods.single_images.amun import AMUN
from core.methods.ssd import SSD
from core.methods.unsir import UNSIR, Mixture
from core.models.layers import Normalise, from_normalised
from core.training.context import RunContext
from core.training.fisher import Importance, fisher_diagonal
from core.training.loop import fit
from core.training.per_example_gradients import gradient_rows, per_sample_gradients
from core.training.precomputed import ImportanceStatistic
from tests.tiny import near_weights

RECIPE = Recipe(epochs=1, batch_size=8, learning_rate=0.1)  # of a context; no method here trains by it


class Twice(nn.Module):
    """Logits (w² x, 0) by one layer under two names."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(1, 1, bias=False)
        self.second = self.first
        self.norm = nn.BatchNorm1d(1, affine=False)  # a buffer, under two names too: the identity but for eps
        self.again = self.norm

    def forward(self, x: Tensor) -> Tensor:
        z = self.again(self.norm(self.second(self.first(x.flatten(1)))))
        return torch.cat([z, torch.zeros_like(z)], 1)


def of_fisher(model: nn.Module, x: Tensor, y: Tensor) -> Importance:
    return fisher_diagonal(model, lambda _: iter([(x, y)]))


def of_gradients(model: nn.Module, x: Tensor, y: Tensor) -> Importance:
    return {name: g.square().mean(0) for name, g in per_sample_gradients(model, ["first.weight"], x, y).items()}


def of_rows(model: nn.Module, x: Tensor, y: Tensor) -> Importance:
    rows = torch.cat(list(gradient_rows(model, ["first.weight"], Examples(x, y, peak=1), "cpu")))
    return {"first.weight": rows.square().mean(0).view(1, 1)}


@pytest.mark.parametrize("estimate", [of_fisher, of_gradients, of_rows])
def test_a_layer_under_two_names_keeps_its_weight_and_has_the_fisher_worked_by_hand(estimate) -> None:
    # p = 1 / (1 + e^-z) with z = w² x. At w = 1, x = ln 3: p = 3/4, d(-ln p)/dw = -(1 - p) 2 w x = -ln 3 / 2.
    model = Twice().eval()
    nn.init.ones_(model.first.weight)
    model.norm.eps = 0.0
    weight, buffers = model.first.weight, dict(model.named_buffers())
    found = estimate(model, torch.full((2, 1, 1, 1), log(3.0)), torch.tensor([0, 0]))
    assert found["first.weight"].item() == pytest.approx(log(3.0) ** 2 / 4, rel=1e-5)
    assert model.first.weight is weight
    assert model.second.weight is weight
    assert isinstance(model.first.weight, nn.Parameter)
    assert all(buffer is buffers[name] for name, buffer in model.named_buffers())
    assert weight.item() == 1.0


class OneWeight(nn.Module):
    """Logits (w, 0), whatever the image: the gradient of label 0's loss by w is -(1 - p), p = 1 / (1 + e^-w)."""

    def __init__(self) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.zeros(1))

    def forward(self, x: Tensor) -> Tensor:
        z = self.w.expand(len(x), 1)
        return torch.cat([z, torch.zeros_like(z)], 1)


@pytest.mark.parametrize("method", [
    Finetune(epochs=2, learning_rate=0.1, batch_size=4),
    L1Sparse(gamma=0.0, epochs=2, learning_rate=0.1, batch_size=4),
    RandomLabel(epochs=2, learning_rate=0.1, batch_size=8, labels="once"),
    RandomLabel(epochs=2, learning_rate=0.1, batch_size=8, labels="each_epoch"),
    SalUn(epochs=2, learning_rate=0.1, batch_size=8, share=1.0),
], ids=lambda m: f"{m.key}-{getattr(m, 'labels', '')}")  # fmt: skip
def test_momentum_is_plain_where_the_public_code_has_plain_momentum(method) -> None:
    """SSD's fine-tuning and SalUn's code: SGD, momentum 0.9, no Nesterov, weight decay 0.0005, a constant rate.

    Every image is taught class 0 (the other label of class 1, and the true one of the retain set), a step an epoch. From w = 0:
    g = -1/2, w = 0.05, where Nesterov's first step goes to 0.095; then p = 1 / (1 + e^-0.05) = 0.512497,
    g = -0.487503 + 0.0005 x 0.05, v = 0.9 x (-1/2) - 0.487478 = -0.937478, w = 0.05 + 0.0937478 = 0.1437478.
    """
    images = Examples(torch.zeros(8, 1, 1, 1, dtype=torch.uint8), torch.tensor([1, 1, 1, 1, 0, 0, 0, 0]))
    gone = images.labels == 1
    splits = Splits(ClassRequest((1,)), images, images, gone, gone, 0.5)
    model = method.unlearn(OneWeight(), splits, RunContext(OneWeight, RECIPE, 3))
    assert model.w.item() == pytest.approx(0.1437478, abs=1e-6)


def test_the_penalty_of_l1_sparse_falls_and_goes_through_the_momentum_as_in_the_public_code() -> None:
    """The setting above with a penalty of 0.2: 0.2 in the first epoch, 0.1 in the second, of two; AMUN's would be 0.2, then 0.4.

    At w = 0 the penalty has no slope: w = 0.05 as above. Then g = -0.487478 + 0.1, v = 0.9 x (-1/2) - 0.387478 = -0.837478, and
    w = 0.05 + 0.0837478 = 0.1337478. A proximal step takes 0.1 x 0.2 off 0.05, then 0.1 x 0.1 off what plain SGD makes of 0.03:
    p = 1 / (1 + e^-0.03) = 0.507499, g = -0.492501 + 0.0005 x 0.03 = -0.492486, v = -0.942486, w = 0.03 + 0.0942486 - 0.01 = 0.1142486.
    """
    images = Examples(torch.zeros(8, 1, 1, 1, dtype=torch.uint8), torch.tensor([1, 1, 1, 1, 0, 0, 0, 0]))
    gone = images.labels == 1
    splits = Splits(ClassRequest((1,)), images, images, gone, gone, 0.5)
    for step, wanted in (("subgradient", 0.1337478), ("proximal", 0.1142486)):
        method = L1Sparse(gamma=0.2, step=step, epochs=2, learning_rate=0.1, batch_size=4)
        model = method.unlearn(OneWeight(), splits, RunContext(OneWeight, RECIPE, 3))
        assert model.w.item() == pytest.approx(wanted, abs=1e-6)


def test_the_rate_of_cf_k_and_eu_k_restarts_as_in_the_public_code_with_its_ends() -> None:
    """0.1 to 0.005 by torch's own schedule, stepped once an epoch; cycles end after 1, 3, 7, 15, 31 and 63 epochs, so 62 is one short."""
    optimiser = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)
    theirs = torch.optim.lr_scheduler.CosineAnnealingWarmRestarts(optimiser, T_0=1, T_mult=2, eta_min=0.005)
    wanted = []
    for _ in range(64):
        wanted.append(optimiser.param_groups[0]["lr"])
        optimiser.step()
        theirs.step()
    method = LastLayers(learning_rate=0.1, epochs=64)
    assert [method.rate(epoch) for epoch in range(64)] == pytest.approx(wanted)
    assert [method.rate(epoch) for epoch in range(7)] == pytest.approx([0.1, 0.1, 0.0525, 0.1, 0.0861, 0.0525, 0.0189], abs=5e-5)
    assert [epoch for epoch in range(64) if method.rate(epoch) == 0.1] == [0, 1, 3, 7, 15, 31, 63]


def test_eu_k_counts_layers_in_the_order_of_definition_and_leaves_batchnorm_untouched_as_in_the_public_code() -> None:
    """A block of two convolutions whose shortcut is defined last: of the last two layers the shortcut is one, its second is none."""
    block = nn.Sequential()
    for name, layer in (("conv1", nn.Conv2d(1, 1, 1)), ("norm1", nn.BatchNorm2d(1)), ("conv2", nn.Conv2d(1, 1, 1)),
                        ("shortcut", nn.Conv2d(1, 1, 1)), ("norm2", nn.BatchNorm2d(1)), ("classifier", nn.Linear(1, 2))):  # fmt: skip
        block.add_module(name, layer)
    moving, fresh = last_layers(block, 2)
    assert fresh == ["shortcut", "classifier"]
    named = {theta: name for name, theta in block.named_parameters()}
    assert [named[theta] for theta in moving] == [
        "shortcut.weight", "shortcut.bias", "norm2.weight", "norm2.bias", "classifier.weight", "classifier.bias",
    ]  # fmt: skip


def of_delete(x: Tensor) -> Tensor:
    """A linear network's weights (3,) on one pixel x of 1, after two steps of DELETE on class 0, from a prediction of (1/2, 1/4, 1/4)."""
    images = Examples(x, torch.tensor([0, 0, 1, 2]), peak=1)
    gone = images.labels == 0
    model = nn.Sequential(nn.Flatten(), nn.Linear(1, 3, bias=False))
    model[1].weight.data = torch.tensor([[log(2.0)], [0.0], [0.0]])
    method = Delete(epochs=2, learning_rate=0.1, batch_size=2)
    method.unlearn(model, Splits(ClassRequest((0,)), images, images, gone, gone, 0.5), RunContext(lambda: model, RECIPE, 3))
    return model[1].weight.flatten()


def test_delete_is_plain_momentum_without_decay_towards_the_prediction_without_the_class() -> None:
    """t = (0, 1/2, 1/2), so g = p - t = (1/2, -1/4, -1/4), whose two steps of 0.1 a hand computes as the public code's loop does.

    w = (0.643147, 0.025, 0.025); e^w = 1.902459, 1.025315, 1.025315, whose sum is 3.953090: p = (0.481259, 0.259371, 0.259371),
    g = (0.481259, -0.240629, -0.240629), v = 0.9 (1/2, -1/4, -1/4) + g = (0.931259, -0.465629, -0.465629).
    """
    after = of_delete(torch.ones(4, 1, 1, 1, dtype=torch.uint8))
    assert after.tolist() == pytest.approx([0.643147 - 0.0931259, 0.025 + 0.0465629, 0.025 + 0.0465629], abs=1e-5)


@pytest.mark.parametrize("method", [SalUn, RandomLabel])
@pytest.mark.parametrize(("labels", "different"), [("once", 1), ("each_epoch", 4)])
def test_labels_are_drawn_once_or_anew_in_each_epoch_and_the_others_stay_true(method, labels, different, monkeypatch) -> None:
    """Of 200 forget images with two wrong labels each, two draws are alike with a probability of 2^-200."""
    taught, batches = list[Tensor](), Examples.batches

    def watched(self, size, generator=None, how="none"):
        if generator is not None:  # of the saliency's batches there is none
            taught.append(self.labels)
        return batches(self, size, generator, how)

    monkeypatch.setattr(Examples, "batches", watched)
    images = Examples(torch.zeros(240, 1, 1, 1, dtype=torch.uint8), torch.tensor([2] * 200 + [0, 1] * 20))
    gone = images.labels == 2
    splits = Splits(ClassRequest((2,)), images, images, gone, gone, 200 / 240)
    model = nn.Sequential(nn.Flatten(), nn.Linear(1, 3))
    method(epochs=4, learning_rate=0.1, batch_size=240, labels=labels).unlearn(model, splits, RunContext(lambda: model, RECIPE, 3))
    assert len(taught) == 4
    assert len({tuple(each[:200].tolist()) for each in taught}) == different
    assert all({*each[:200].tolist()} == {0, 1} for each in taught)
    assert all(each[200:].tolist() == [0, 1] * 20 for each in taught)


@pytest.mark.parametrize(("impair", "of_each_class"), [("notebook", 3 * 20), ("channels", 3 * 20), ("written", 256 * 20)])
def test_unsir_shows_60_noise_images_of_a_class_as_the_notebook_runs_and_5120_as_it_is_written(impair, of_each_class, monkeypatch) -> None:
    """The notebook's settings on 3 x 4 x 4 images: 20 copies of what its loop takes of 256 images.

    The loop goes over `batch[0].size(0)`, and the first image of a batch has 3 channels; all noise goes under class 0.
    """
    mixtures, train = list[Mixture](), UNSIR._train

    def watched(self, model, shown, *about, **how):
        mixtures.append(shown)
        train(self, model, shown, *about, **how)

    monkeypatch.setattr(UNSIR, "_train", watched)
    images = Examples(torch.zeros(30, 3, 4, 4, dtype=torch.uint8), torch.arange(30) % 5)
    gone = (images.labels == 1) | (images.labels == 2)
    splits = Splits(ClassesRequest((1, 2)), images, images, gone, gone, 0.4)
    model = nn.Sequential(Normalise((0.5,) * 3, (0.25,) * 3), nn.Flatten(), nn.Linear(48, 5))
    UNSIR(noise_steps=1, impair=impair).unlearn(model, splits, RunContext(lambda: model, RECIPE, 3))
    impairing, repairing = mixtures
    assert len(impairing) == 2 * of_each_class + 18
    assert len(repairing) == 18
    _, labels = impairing.taken(torch.arange(2 * of_each_class))
    assert torch.bincount(labels, minlength=5).tolist() == {
        "notebook": [2 * of_each_class, 0, 0, 0, 0],
    }.get(impair, [0, of_each_class, of_each_class, 0, 0])  # fmt: skip


def test_unsir_as_the_notebook_runs_is_its_loop_written_out_by_hand(tiny) -> None:
    """Two classes: noise by the network in train mode, whose own statistics it moves; then two epochs of Adam."""
    splits, model, generator = tiny.splits("classes:0,2"), tiny.original().train(), torch.Generator().manual_seed(3)
    made = []
    for c in (0, 2):
        noise = nn.Parameter(torch.randn(6, 3, 8, 8, generator=generator))
        adam = torch.optim.Adam([noise], lr=0.1)
        for _ in range(4):
            adam.zero_grad()
            entropy = F.cross_entropy(model(from_normalised(model, noise)), torch.tensor([c] * 6))
            (0.1 * noise.square().sum((1, 2, 3)).mean() - entropy).backward()
            adam.step()
        made.append(from_normalised(model, noise.detach()[:3]))  # of 6 images 3, for there are 3 channels
    retain = splits.retain.first_of_each_class(7)
    x, y = torch.cat([*made * 2, retain.pixels()]), torch.cat([torch.zeros(12, dtype=torch.int64), retain.labels])
    for rate, first in ((0.02, 0), (0.01, 12)):
        adam = torch.optim.Adam(model.parameters(), lr=rate)
        adam.zero_grad()  # what learning the noise left behind
        for batch in (torch.randperm(len(y) - first, generator=generator) + first).split(8):
            if len(batch) > 1:
                adam.zero_grad()
                F.cross_entropy(model(x[batch]), y[batch]).backward()
                adam.step()
    settings = {"noise_count": 6, "noise_steps": 4, "copies": 2, "per_class": 7, "batch_size": 8, "penalty": 0.1 * 3 * 8 * 8 / 3072}
    found = {
        norm_mode: UNSIR(**settings, impair="notebook", norm_mode=norm_mode).unlearn(tiny.original(), splits, tiny.context(seed=3))
        for norm_mode in ("moved", "train")
    }
    assert near_weights(found["moved"], model)
    assert not near_weights(found["train"], model), "the statistics of a copy moved"


def batch_importance(model: nn.Module, x: Tensor, y: Tensor, size: int) -> Importance:
    """(1 / B) sum over the batches of the squared gradient of a batch's mean loss, in the order of x."""
    squares = []
    for some_x, some_y in zip(x.split(size), y.split(size), strict=True):
        loss = F.cross_entropy(model(some_x), some_y)
        squares.append([g.square() for g in torch.autograd.grad(loss, list(model.parameters()))])
    return {name: torch.stack(of).mean(0) for (name, _), of in zip(model.named_parameters(), zip(*squares, strict=True), strict=True)}


def drawn_order(examples: Examples) -> Tensor:
    return torch.randperm(len(examples), generator=torch.Generator().manual_seed(0))


def class_order(examples: Examples) -> Tensor:
    return examples.labels.argsort(stable=True)


@pytest.mark.parametrize(("request_", "right", "wrong"), [
    ("random:0.3", drawn_order, class_order), ("samples:0,1,2,3,4,5,6,7,8,9,10,11", drawn_order, class_order),
    ("attribute:person=3", class_order, drawn_order),
])  # fmt: skip
def test_ssd_squares_means_of_mixed_batches_for_samples_and_of_sorted_ones_for_values(tiny, request_, right, wrong) -> None:
    """The authors' loaders mix both sets for random samples, and sort D by class for classes and subclasses: other weights change."""
    splits, model, changed = tiny.splits(request_), tiny.original(), []
    for order in (right, wrong):
        of_forget, of_all = (batch_importance(model, (e := part.subset(order(part))).pixels(), e.labels, 16)
                             for part in (splits.forget, splits.train))  # fmt: skip
        changed.append(sum(int((of_forget[name] > 3 * of_all[name]).sum()) for name in of_all))
    after = tiny.unlearn(SSD(importance="batch", batch_size=16, alpha=3.0), request_)
    found = sum(int((theta != before).sum()) for theta, before in zip(after.parameters(), model.parameters(), strict=True))
    assert abs(found - changed[0]) <= 2, "at the threshold rounding decides"
    assert abs(found - changed[1]) > 20


def test_the_importance_of_mixed_batches_is_what_a_hand_computes() -> None:
    """Zero weights, one pixel of 1: by class 0's weight the gradient is -1/2 for label 0 and 1/2 for label 1.

    A batch of two alike has a mean of -1/2 or 1/2, squared 1/4; a batch of one each has 0. Sorted, the labels 0, 1, 0, 1 come as
    (0, 0), (1, 1). Drawn with seed 0 the order is 0, 1, 3, 2: labels (0, 1), (1, 0), and importance is 0.
    """
    model = nn.Sequential(nn.Flatten(), nn.Linear(1, 2))
    for p in model.parameters():
        nn.init.zeros_(p)
    four = Examples(torch.ones(4, 1, 1, 1, dtype=torch.uint8), torch.tensor([0, 1, 0, 1]), peak=1)
    assert drawn_order(four).tolist() == [0, 1, 3, 2]
    context = RunContext(lambda: model, RECIPE, 3)
    by_class, mixed = (ImportanceStatistic("batch", 2, mixed).compute(model, four, context) for mixed in (False, True))
    assert by_class["1.weight"].tolist() == [[0.25], [0.25]]
    assert mixed["1.weight"].tolist() == [[0.0], [0.0]]


@pytest.mark.parametrize(("direction", "wanted"), [("minimise", 0.65), ("maximise", 0.35)])
def test_arus_noise_goes_down_the_loss_as_the_co_authors_script_or_up(direction, wanted) -> None:
    """Logits (x, 0), label 0: the loss falls with x. From 0.5, two steps of 0.1 end at the radius of 0.15."""
    model = nn.Sequential(nn.Flatten(), nn.Linear(1, 2, bias=False))
    model[1].weight.data = torch.tensor([[1.0], [0.0]])
    x = torch.full((3, 1, 1, 1), 0.5)
    attacked = pgd(model, x, torch.zeros(3, dtype=torch.int64), torch.zeros_like(x), radius=0.15, step_size=0.1, steps=2,
                   minimise=direction == "minimise")  # fmt: skip
    assert attacked.flatten().tolist() == pytest.approx([wanted] * 3)


def test_arus_default_direction_is_the_co_authors(monkeypatch, tiny) -> None:
    asked = list[bool]()

    def watched(model, x, y, start, **settings):
        asked.append(settings["minimise"])
        return x

    monkeypatch.setattr(aru, "pgd", watched)
    for method in (ARU(epochs=0), ARU(epochs=0, direction="maximise")):
        method.unlearn(tiny.original(), tiny.splits().only(method.uses), tiny.context())
    assert [asked[0], asked[-1]] == [True, False]


@pytest.mark.parametrize(("unflipped", "labels", "weight"), [("kept", [1, 0], 1.005084), ("next_class", [1, 1], 1.021084)])
def test_boundary_shrinks_public_codes_rehearse_an_image_whose_answer_the_attack_does_not_change(unflipped, labels, weight) -> None:
    """Logits (-z, z) with z = x - 1/2, label 0: the loss grows with x. A step of 0.1 brings 0.44 across the border at 1/2, and 0.32 not.

    One step of learning by both, from the weights (-1, 1): by the second weight, the mean over both of x (q - [label is 1]) with
    q = 1 / (1 + e^(-2z)): q(0.44) = 0.470036, q(0.32) = 0.410960. By the codes' labels 1 and 0 that is
    (0.44 x -0.529964 + 0.32 x 0.410960) / 2 = -0.050839, by 1 and 1 it is (0.44 x -0.529964 + 0.32 x -0.589040) / 2 = -0.210839.
    """
    model = nn.Sequential(nn.Flatten(), nn.Linear(1, 2))
    model[1].weight.data, model[1].bias.data = torch.tensor([[-1.0], [1.0]]), torch.tensor([0.5, -0.5])
    images = Examples(torch.tensor([44, 32, 90], dtype=torch.uint8).view(3, 1, 1, 1), torch.tensor([0, 0, 1]), peak=100)
    gone = images.labels == 0
    run, splits = RunContext(lambda: model, RECIPE, 3), Splits(ClassRequest((0,)), images, images, gone, gone, 2 / 3)
    after = BoundaryShrink(bound=0.1, unflipped=unflipped, epochs=1, learning_rate=0.1, batch_size=2).unlearn(model, splits, run)
    assert run.recorded["boundary_shrink/labels"].tolist() == labels
    assert after[1].weight[1, 0].item() == pytest.approx(weight, abs=1e-6)


def test_the_recursion_published_as_influence_worked_by_hand_never_leaves_the_first_images_gradient() -> None:
    """v = (1, 1), N = 1000; gradients (1, 0), (1000, 1000), (0, 7), (2000, 0). At first o = (1, 0) and a = v.

    o.g = 1000, a.g = 2000: a = (1, 1) - 2000/2000 (1, 0) = (0, 1), o = (1/2, 0). o.g = 0, a.g = 7: a = (0, 1) - 7/1000 (1/2, 0)
    = (-0.0035, 1). o.g = 1000, a.g = -7: a = (-0.0035, 1) + 7/2000 (1/2, 0) = (-0.00175, 1). The inverse of the mean of g g^T,
    (1250000.25, 250000; 250000, 250012.25), takes v to (12.25, 1000000.25) / 2.50015e11, about (0, 4e-6).
    """
    rows = [torch.tensor(g) for g in ([1.0, 0.0], [1000.0, 1000.0], [0.0, 7.0], [2000.0, 0.0])]
    v = torch.ones(2)
    steps = [recursion(v, rows[:count]) for count in (1, 2, 3, 4)]
    assert [round(n, 7) for step in steps for n in step.tolist()] == [1, 1, 0, 1, -0.0035, 1, -0.00175, 1]
    assert v.tolist() == [1, 1], "what it is given stays"
    fisher = sum(torch.outer(g, g) for g in rows).double() / 4
    assert torch.linalg.solve(fisher, v.double()).tolist() == pytest.approx([0, 4e-6], abs=1e-7)


def test_the_published_influence_reads_1002_retained_images_in_order_and_the_true_one_inverts_their_curvature() -> None:
    """One weight at 0, labels 0 of those that stay and 1 of the others: gradients -1/2 and 1/2, v = k/n, and p (1 - p) = 1/4.

    True: v / (1/4 + 3/4) = v. Published: with o = -1/2 and g = -1/2, t = -o / 2, and each of 1,001 images takes (a g / (1000 + t)) o off.
    """
    images = Examples(torch.zeros(2010, 1, 1, 1, dtype=torch.uint8), torch.tensor([1] * 10 + [0] * 2000))
    gone = images.labels == 1
    splits, v = Splits(ClassRequest((1,)), images, images, gone, gone, 10 / 2010), 10 / 2010
    a, o = v, -0.5
    for _ in range(1001):
        t = o * -0.5
        a, o = a - a * -0.5 / (1000 + t) * o, o - t / (1000 + t) * o
    for method, wanted in ((Influence(damping=0.75), v), (Influence(curvature="published"), a)):
        run = RunContext(OneWeight, Recipe(epochs=1, batch_size=8, learning_rate=0.1, weight_decay=0.0), 3)
        assert method.unlearn(OneWeight().eval(), splits.only(method.uses), run).w.item() == pytest.approx(wanted, rel=1e-4)
    assert a < 0.95 * v


class WithKernel(OneWeight):
    """The same, beside a kernel that no logit depends on."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 1, 2)
        self.conv.weight.data = torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]])


def test_convolution_transpose_heals_at_a_rate_that_falls_once_an_epoch_as_the_studys_code() -> None:
    """Of two epochs the rates are 0.1 and 0.1 (1 + cos(pi / 2)) / 2 = 0.05. As above: w = 0.05, then v = -0.937478: w = 0.0968739."""
    images = Examples(torch.zeros(8, 1, 1, 1, dtype=torch.uint8), torch.tensor([1, 1, 1, 1, 0, 0, 0, 0]))
    gone = images.labels == 1
    splits, run = Splits(ClassRequest((1,)), images, images, gone, gone, 0.5), RunContext(WithKernel, RECIPE, 3)
    method = ConvolutionTranspose(epochs=2, learning_rate=0.1, batch_size=4)
    model = method.unlearn(WithKernel(), splits.only(method.uses), run)
    assert model.w.item() == pytest.approx(0.0968739, abs=1e-6)
    assert model.conv.weight.tolist() == [[[[1.0, 3.0], [2.0, 4.0]]]]


class OneKernel(nn.Module):
    """Logits (0, w x) by a convolution of single pixels."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 1, 1, bias=False)
        nn.init.zeros_(self.conv.weight)

    def forward(self, x: Tensor) -> Tensor:
        z = self.conv(x).flatten(1)
        return torch.cat([torch.zeros_like(z), z], 1)


def test_masked_small_gradients_heals_a_kept_weight_by_a_tenth_of_its_gradient_at_rates_that_rise_and_fall_as_the_studys_code() -> None:
    """Of two epochs the rates are 0.1 and 0.05. x = 1, label 0, w = 0: 0.1 x 1/2 = 0.05, w = -0.005. Then 0.1 / (1 + e^0.005) =
    0.049875, less 0.0005 x 0.005 of decay: 0.0498725; v = 0.9 x 0.05 + 0.0498725 = 0.0948725, w = -0.005 - 0.05 v = -0.0097436.
    """
    images = Examples(torch.full((8, 1, 1, 1), 255, dtype=torch.uint8), torch.tensor([1, 1, 1, 1, 0, 0, 0, 0]))
    gone = images.labels == 1
    splits, run = Splits(ClassRequest((1,)), images, images, gone, gone, 0.5), RunContext(OneKernel, RECIPE, 3)
    method = MaskedSmallGradients(share=0.9, epochs=2, learning_rate=0.1, batch_size=4)  # of one weight none, rounded down
    assert method.unlearn(OneKernel().eval(), splits.only(method.uses), run).conv.weight.item() == pytest.approx(-0.0097436, abs=1e-6)


@pytest.mark.parametrize(("alpha", "clip"), [(1.0, 7.0), (25.0, 0.5)])
def test_sfrons_forget_step_is_clipped_and_lends_its_momentum_to_the_retain_steps_as_the_authors_code(alpha, clip) -> None:
    """Logit w = 0: gradients of label 0 (to forget) and 1 are -1/2 and 1/2, so that their squares' ratio is 1, which is in the mask.

    Up the one by 0.1: v = 1/2 (or 25/2, clipped to it), w = -0.05. Down the other: 1 / (1 + e^0.05) - 0.0005 x 0.05 = 0.4874776,
    v = 0.9 x 1/2 + 0.4874776 = 0.9374776, w = -0.1437478. At half the rate: 0.4640531, v = 1.3077829, w = -0.2091369.
    """
    images = Examples(torch.zeros(12, 1, 1, 1, dtype=torch.uint8), torch.tensor([0] * 4 + [1] * 8))
    gone = images.labels == 0
    splits, run = Splits(ClassRequest((0,)), images, images, gone, gone, 1 / 3), RunContext(OneWeight, RECIPE, 3)
    method = SFRon(alpha=alpha, clip=clip, epochs=1, learning_rate=0.1, batch_size=4)
    assert method.unlearn(OneWeight().eval(), splits.only(method.uses), run).w.item() == pytest.approx(-0.2091369, abs=1e-6)
    assert run.recorded["sfron_mask/w"].tolist() == [1]


def test_amun_rehearses_the_forget_set_under_its_true_labels_at_a_rate_that_falls_to_a_tenth_as_the_authors_code() -> None:
    """Two epochs of one batch, every image of class 0, those to forget too; no attack. w = 0.05 as above, v = -0.937478 as above, and
    w = 0.05 + 0.01 x 0.937478 = 0.0593748.
    """
    images = Examples(torch.zeros(8, 1, 1, 1, dtype=torch.uint8), torch.zeros(8, dtype=torch.int64))
    gone = torch.arange(8) < 2
    splits, run = Splits(SamplesRequest((0, 1)), images, images, gone, gone, 0.25), RunContext(OneWeight, RECIPE, 3)
    method = AMUN(steps=0, epochs=2, learning_rate=0.1, batch_size=8)
    assert method.unlearn(OneWeight().eval(), splits.only(method.uses), run).w.item() == pytest.approx(0.0593748, abs=1e-6)


@pytest.mark.parametrize(("epochs", "wanted"), [(0, 0.0), (1, 0.05)])
def test_amnesiac_unlearning_takes_every_step_back_where_every_batch_was_hit_and_heals_from_there(epochs, wanted) -> None:
    """Eight images of class 0 in two batches, five of them to forget, so that both are hit. Training: w = 0.05, then
    0.05 + 0.1 / (1 + e^0.05) = 0.0987503. Taken back: 0.0987503 - 0.05 - 0.0487503 = 0. A step of healing: 0.05, as above.
    """
    images = Examples(torch.zeros(8, 1, 1, 1, dtype=torch.uint8), torch.zeros(8, dtype=torch.int64))
    gone = torch.arange(8) < 5
    splits = Splits(SamplesRequest((0, 1, 2, 3, 4)), images, images, gone, gone, 0.625)
    recipe = Recipe(epochs=1, batch_size=4, learning_rate=0.1, momentum=0.0, weight_decay=0.0, one_cycle=False)
    run = RunContext(OneWeight, recipe, 3)
    original = fit(OneWeight(), images, recipe, RunContext(OneWeight, recipe, 3))
    assert original.w.item() == pytest.approx(0.0987503, abs=1e-6)
    method = Amnesiac(every_batch="subtract", epochs=epochs, learning_rate=0.1, batch_size=8)
    run.statistics = {s.key: s.compute(original, images, run) for s in method.statistics(splits.request)}
    assert method.unlearn(original, splits.only(method.uses), run).w.item() == pytest.approx(wanted, abs=1e-6)


def test_guided_unlearning_climbs_by_an_optimiser_of_its_own_between_warm_up_and_recovery_as_the_tools_code() -> None:
    """Warm-up on label 0: w = 0.05, v = -1/2. Up the loss of label 1 by a hundredth of 0.1, from no momentum: its gradient is p = 1 / (1 +
    e^-0.05) = 0.512497, g = -0.512497 + 0.0005 x 0.05 = -0.512472, w = 0.05 + 0.000512472 = 0.0505125. All under label 0, which comes
    next to label 1: g = -1 / (1 + e^0.0505125) + 0.0005 x 0.0505125 = -0.487350, v = -0.45 - 0.487350 = -0.937350, w = 0.1442475.
    """
    images = Examples(torch.zeros(8, 1, 1, 1, dtype=torch.uint8), torch.tensor([1, 1, 1, 1, 0, 0, 0, 0]))
    gone = images.labels == 1
    splits, run = Splits(ClassRequest((1,)), images, images, gone, gone, 0.5), RunContext(OneWeight, RECIPE, 3)
    method = Guided(k=0, epochs=1, learning_rate=0.1, batch_size=8)
    assert method.unlearn(OneWeight().eval(), splits.only(method.uses), run).w.item() == pytest.approx(0.1442475, abs=1e-6)
    assert run.recorded["guided/labels"].tolist() == [0, 0, 0, 0]
