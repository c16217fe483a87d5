"""Explainers: right on cases worked by hand, complete where they claim to be, and the network stays as it was."""

import pytest
import torch
from torch import nn

from core.analysis.finished_run import open_models
from core.analysis.saliency.captum_compat import captum_copy
from core.analysis.saliency.explain import MOST_STEPS, Settings, explain, passes
from core.analysis.saliency.explainers import EXPLAINERS, grids, preset
from core.analysis.saliency.integrated_gradients import COARSE
from core.domain.errors import WrongInput
from core.models.layers import Normalise
from core.models.registry import MODELS
from core.storage.runs import ResultStore
from tests.core.models.test_architectures import info
from tests.tiny import same_weights, tiny_attributes, tiny_of

SIDE = 16
FEW = ("vit_b_16",)  # 86 million weights: its explainers are asked once, on one image, in the tests marked `slow`
QUICK = ("small_cnn", "resnet18", "vit_small")


def linear(classes=3):
    """Normalise, then one linear layer: every gradient is a row of its weights over the deviation."""
    torch.manual_seed(0)
    return nn.Sequential(Normalise((0.4,), (0.2,)), nn.Flatten(), nn.Linear(16, classes)).eval()


def rows(model, target):
    return model[2].weight[target].detach().reshape(-1, 1, 4, 4) / 0.2


def network(key, side=SIDE):
    """Untrained, but with BatchNorm's statistics of some images: with those it begins with, deep networks answer all alike."""
    torch.manual_seed(1)
    model = MODELS[key](info(side))
    norms = [m for m in model.modules() if isinstance(m, nn.BatchNorm2d)]
    if norms:
        for norm in norms:
            norm.momentum = 1.0
        with torch.no_grad():
            model.train()(images(8, side))
    return model.eval()


def images(count=2, side=SIDE):
    return torch.rand(count, 3, side, side, generator=torch.Generator().manual_seed(2))


X = torch.rand(2, 1, 4, 4, generator=torch.Generator().manual_seed(3))
AIMS = torch.tensor([2, 0])


@pytest.mark.parametrize(
    "how, expected",
    [
        ("saliency", lambda w, x: w.abs()),
        ("input_x_gradient", lambda w, x: w * x),
        ("integrated_gradients", lambda w, x: w * (x - 0.4)),
        ("deep_lift", lambda w, x: w * (x - 0.4)),
        ("occlusion", lambda w, x: w * (x - 0.4)),  # its window is one pixel on a 4x4 image
    ],
)
def test_on_a_linear_model_a_map_is_what_the_hand_written_gradient_says(how, expected):
    model = linear()
    found = explain(model, X, AIMS, how)
    torch.testing.assert_close(found.map, expected(rows(model, AIMS), X), atol=1e-5, rtol=1e-4)
    assert found.flat.shape == (2, 4, 4)


def test_from_black_the_gradient_is_multiplied_by_the_whole_pixel():
    model = linear()
    found = explain(model, X, AIMS, "integrated_gradients", Settings(baseline="black"))
    torch.testing.assert_close(found.map, rows(model, AIMS) * X, atol=1e-5, rtol=1e-4)


def test_smoothing_a_linear_model_changes_nothing_where_the_gradient_is_the_same_everywhere():
    model = linear()
    plain, smooth = (explain(model, X, AIMS, "saliency", Settings(smooth=n)).map for n in (0, 4))
    torch.testing.assert_close(plain, smooth)


def test_guided_backprop_lets_only_positive_gradients_through_a_relu():
    model = nn.Sequential(nn.Flatten(), nn.Linear(1, 2, bias=False), nn.ReLU(), nn.Linear(2, 1, bias=False)).eval()
    model[1].weight.data, model[3].weight.data = torch.tensor([[2.0], [3.0]]), torch.tensor([[1.0, -1.0]])
    x, aim = torch.ones(1, 1, 1, 1), torch.tensor([0])
    assert explain(model, x, aim, "guided_backprop").map.item() == 2  # 2 * 1; what goes against the answer is left out
    assert explain(model, x, aim, "input_x_gradient").map.item() == -1  # 2 * 1 - 3 * 1


def test_grad_cam_is_the_channels_weighted_by_their_mean_gradient():
    torch.manual_seed(4)
    model = nn.Sequential(nn.Conv2d(1, 2, 3, padding=1, bias=False), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(2, 3)).eval()
    found = explain(model, X, AIMS, "grad_cam", Settings(layer="0"))
    channels, weights = model[0](X), model[3].weight[AIMS] / 16  # the mean hands each place a sixteenth
    torch.testing.assert_close(found.map, (weights[:, :, None, None] * channels).sum(1, keepdim=True))


def test_integrated_gradients_of_trained_networks_miss_at_most_a_hundredth_of_the_difference(finished_models):
    """Of the digits run's three networks on test images of every class, from the mean image, with as many steps as the page takes."""
    opened, x, labels = finished_models
    for name in opened.models:
        for image, label in zip(x, labels, strict=True):
            found = explain(opened.model(name), image[None], label[None], "integrated_gradients")
            assert found.error <= 0.01 * found.difference.abs(), (name, int(label))
            torch.testing.assert_close((found.flat.sum((1, 2)) - found.difference).abs(), found.error)


@pytest.fixture(scope="module")
def finished_models(first_run):
    """A finished run, and the first test image of each class with its label."""
    home = first_run[0]
    with ResultStore(home.database) as store:
        opened = open_models(home, store.runs()[0].id)
    chosen = opened.splits.test.first_of_each_class(1)
    return opened, chosen.pixels(), chosen.labels


def test_steps_go_on_until_the_error_is_small_or_there_are_enough_of_them(monkeypatch):
    tiny = tiny_of(1)
    x, aims = tiny.dataset.test.pixels()[:2], tiny.dataset.test.labels[:2]
    steps = {}
    for enough in (float("inf"), 0.0):
        for bound in ("ENOUGH", "SURE"):
            monkeypatch.setattr(f"core.analysis.saliency.explanation.{bound}", enough)
        steps[enough] = explain(tiny.original(), x, aims, "integrated_gradients").steps
    assert steps[float("inf")] == COARSE
    assert steps[0.0] == MOST_STEPS
    assert explain(tiny.original(), x, aims, "integrated_gradients", Settings(steps=7)).steps == 7


def test_each_image_of_a_batch_gets_the_map_that_it_gets_alone():
    tiny = tiny_of(1)
    x, aims = tiny.dataset.test.pixels()[:3], tiny.dataset.test.labels[:3]
    together = explain(tiny.original(), x, aims, "integrated_gradients")
    alone = [explain(tiny.original(), x[i : i + 1], aims[i : i + 1], "integrated_gradients") for i in range(3)]
    torch.testing.assert_close(together.map, torch.cat([one.map for one in alone]))
    torch.testing.assert_close(together.error, torch.cat([one.error for one in alone]))
    assert together.steps == max(one.steps for one in alone)


def test_deep_lift_of_a_trained_network_adds_up_to_the_difference():
    tiny = tiny_of(3)
    x, aims = tiny.dataset.test.pixels()[:8], tiny.dataset.test.labels[:8]
    found = explain(tiny.original(), x, aims, "deep_lift")
    assert (found.error <= 0.01 * found.difference.abs()).all()


@pytest.mark.parametrize("key", ["resnet18", "mobilenet_v2", "all_cnn"])
def test_deep_lift_adds_up_though_the_architecture_reuses_or_caps_its_relus(key):
    found = explain(network(key), images(1), torch.tensor([1]), "deep_lift")
    assert found.error <= 0.01 * found.difference.abs()


@pytest.mark.parametrize("key", [key if key in QUICK else pytest.param(key, marks=pytest.mark.slow) for key in MODELS])
@pytest.mark.parametrize("how", EXPLAINERS)
def test_every_explainer_reads_every_architecture_or_says_why_it_cannot(key, how):
    model, x = network(key), images(1 if key in FEW else 2)
    before = {name: t.clone() for name, t in model.state_dict().items()}
    settings = Settings(steps=4) if how == "integrated_gradients" else Settings()
    if reason := EXPLAINERS[how].unfit(model):
        assert reason.endswith(".")
        with pytest.raises(WrongInput, match=reason[:20]):
            explain(model, x, torch.zeros(len(x), dtype=torch.int64), how, settings)
    else:
        found = explain(model, x, torch.arange(len(x)), how, settings)
        assert found.map.shape in (x.shape, (len(x), 1, SIDE, SIDE))
        assert found.map.isfinite().all()
        assert not found.map.requires_grad
        assert all(one.abs().max() > 0 for one in found.map)
    assert all(torch.equal(t, before[name]) for name, t in model.state_dict().items())
    for module in model.modules():
        hooks = (module._forward_hooks, module._forward_pre_hooks, module._backward_hooks, module._backward_pre_hooks)
        assert not any(hooks)
    assert all(p.grad is None and p.requires_grad for p in model.parameters())
    assert not model.training


def test_only_what_fits_a_transformer_is_offered_for_one():
    with torch.device("meta"):  # what fits follows from the layers alone
        networks = {key: MODELS[key](info(SIDE)) for key in MODELS}
    reasons = {key: {how: e.unfit(model) for how, e in EXPLAINERS.items()} for key, model in networks.items()}
    assert all(reason == "" or reason.endswith(".") for of in reasons.values() for reason in of.values())
    fit = {key: [how for how, reason in of.items() if not reason] for key, of in reasons.items()}
    for key in ("vit_small", "vit_b_16"):
        assert fit.pop(key) == ["integrated_gradients", "saliency", "input_x_gradient", "occlusion", "rollout"]
    for key, offered in fit.items():
        assert offered == [how for how in EXPLAINERS if how != "rollout"], key


def test_the_network_is_left_alone_even_where_explaining_fails(monkeypatch):
    model = network("small_cnn")

    def fails(*_args, **_more):
        raise RuntimeError("on the way")

    monkeypatch.setattr("captum.attr._core.deep_lift.DeepLift._construct_forward_func", fails)
    with pytest.raises(RuntimeError, match="on the way"):
        explain(model, images(), torch.tensor([0, 1]), "deep_lift")
    assert not any(m._forward_hooks or m._forward_pre_hooks or m._backward_hooks for m in model.modules())
    assert not any(hasattr(m, "input") or hasattr(m, "input_ref") for m in model.modules())


@pytest.mark.parametrize("key", [key for key in MODELS if key not in FEW])
def test_the_twin_answers_as_the_network_does(key):
    model, x = network(key), images()
    with torch.no_grad():
        torch.testing.assert_close(captum_copy(model)(x), model(x), atol=1e-4, rtol=1e-4)
    assert same_weights(model, network(key))


def test_attention_rollout_shares_out_one_whole_over_the_image_whatever_the_class():
    model, x = network("vit_small"), images()
    one, other = (explain(model, x, torch.tensor(aims), "rollout").map for aims in ([0, 1], [5, 6]))
    torch.testing.assert_close(one.sum((1, 2, 3)), torch.ones(2))
    assert torch.equal(one, other)
    assert (one >= 0).all()


def test_one_block_of_even_attention_rolls_out_evenly():
    """Without queries each token attends to all alike: every patch reaches the mean of the tokens in the same share."""
    model = network("vit_small")
    for module in model.modules():
        if hasattr(module, "attend"):
            nn.init.zeros_(module.attend.weight)
            nn.init.zeros_(module.attend.bias)
    found = explain(model, images(1), torch.tensor([0]), "rollout").map
    torch.testing.assert_close(found, torch.full_like(found, 1 / SIDE**2))


@pytest.mark.parametrize("how", [key for key, e in EXPLAINERS.items() if e.smooth])
def test_smoothing_works_over_any_explainer_and_is_the_same_for_the_same_seed(how):
    model, x, aims = network("small_cnn"), images(), torch.tensor([0, 1])
    before = torch.random.get_rng_state()
    one, again, other = (explain(model, x, aims, how, Settings(smooth=2, steps=4, seed=s)).map for s in (0, 0, 1))
    assert torch.equal(one, again)
    assert not torch.equal(one, other)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_an_attribute_is_a_target_too():
    tiny = tiny_attributes()
    x = tiny.dataset.test.pixels()[:2]
    maps = [explain(tiny.original(), x, torch.tensor([a, a]), "integrated_gradients").map for a in (0, 1)]
    assert not torch.allclose(*maps)


def test_grad_cam_stands_on_grids_alone_and_starts_at_the_deepest_that_tells_places_apart():
    assert list(grids(network("resnet18"), (3, 32, 32)).values())[-2:] == [(8, 8), (4, 4)]
    assert preset(grids(network("resnet18"), (3, 32, 32))) == "stage4"
    found = grids(tiny_of(1).original(), (1, 8, 8))
    assert found["conv2"] == (8, 8)
    assert preset(found) == "pool2"
    assert "normalise" not in found
    assert preset({"a": (3, 3), "b": (2, 2)}) == "b"


@pytest.mark.parametrize("how, smooth", [("occlusion", 0), ("occlusion", 3), ("integrated_gradients", 2), ("rollout", 0)])
def test_the_passes_that_are_foretold_are_those_that_are_made(how, smooth):
    """Of Integrated Gradients each step is a forward and a backward pass, the latter counted twice."""
    side = 8
    model, seen = network("vit_small", side), []

    class Counts(nn.Module):
        def forward(self, x):
            seen.append(len(x))
            return x

    counted = nn.Sequential(Counts(), *model)
    settings = Settings(smooth=smooth, steps=5)
    explain(counted, images(1, side), torch.tensor([0]), how, settings)
    made = sum(seen) * (3 if how == "integrated_gradients" else 1)
    assert passes(how, settings, (3, side, side)) == pytest.approx(made, rel=0.2, abs=3)


@pytest.mark.parametrize(
    "how, settings, sentence",
    [
        ("magic", Settings(), "There is no explainer 'magic'; there are integrated_gradients, "),
        ("grad_cam", Settings(layer="attic"), "This network has no layer 'attic' for Grad-CAM; it has conv1, "),
        ("deep_lift", Settings(baseline="white"), "There is no baseline 'white'; there are mean, black."),
    ],
)
def test_what_cannot_be_asked_is_told_in_a_sentence(how, settings, sentence):
    with pytest.raises(WrongInput) as wrong:
        explain(network("small_cnn"), images(), torch.tensor([0, 1]), how, settings)
    assert str(wrong.value).startswith(sentence)
    with pytest.raises(WrongInput, match="cannot be averaged"):
        explain(network("vit_small"), images(), torch.tensor([0, 1]), "rollout", Settings(smooth=4))
