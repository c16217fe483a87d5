"""Networks from outside: what is found by looking is what their authors know by heart."""

from dataclasses import replace

import pytest
import torch
from torch import nn
import torch.nn.functional as F

from core.analysis.features.penultimate import body_and_head
from core.analysis.saliency.captum_compat import attends, captum_copy
from core.analysis.saliency.explain import explain
from core.analysis.saliency.explainers import EXPLAINERS, grids, preset
from core.data.registry import DATASETS
from core.domain.errors import WrongInput
from core.methods.baselines.last_layers import last_layers
from core.metrics.layer_features import flat
from core.metrics.layer_grafting import graft, graft_table
from core.metrics.linear_probes import probes
from core.metrics.predictions import predict_and_observe
from core.metrics.registry import METRICS
from core.models.forward_look import NotFound
from core.models.inspection import Parts, groups, last_layer, layers_in_order, marked, outside
from core.models.layer_groups import chained
from core.models.layer_groups import groups as cut
from core.models.merged_norms import with_merged_norms
from core.training.layer_blocks import blocks, classifier
from core.training.per_example_gradients import per_sample_gradients
from tests.core.metrics.evidence import inside

DIGITS = DATASETS["digits"].INFO
COLOUR = replace(DIGITS, channels=3, height=32, width=32, mean=(0.5, 0.4, 0.3), deviation=(0.25,) * 3)


class Block(nn.Module):
    """Two ways that are added; its modules are not defined in the order in which they are called."""

    def __init__(self, inside, outside):
        super().__init__()
        self.second = nn.Conv2d(outside, outside, 3, padding=1)
        self.norm = nn.BatchNorm2d(outside)
        self.first = nn.Conv2d(inside, outside, 3, padding=1)
        self.short = nn.Conv2d(inside, outside, 1)

    def forward(self, x):
        return F.relu(self.second(F.relu(self.norm(self.first(x)))) + self.short(x))


class Branching(nn.Module):
    """No chain, no Normalise, functions between its modules, and its last layer is defined first."""

    def __init__(self, data):
        super().__init__()
        self.answer = nn.Linear(24, len(data.classes))
        self.hidden = nn.Linear(64, 24)
        self.one, self.two = Block(data.channels, 8), Block(8, 16)
        self.drop = nn.Dropout(0.5)

    def below(self, x):
        x = F.max_pool2d(self.one((x - 0.5) * 2), 2)
        x = F.adaptive_avg_pool2d(self.two(x), 2)
        return F.relu(self.hidden(torch.flatten(x, 1)), inplace=True)

    def forward(self, x):
        return self.answer(self.drop(self.below(x)))


class Ending(nn.Module):
    """One hidden layer, and an end of one's own."""

    def __init__(self, data, end):
        super().__init__()
        self.conv = nn.Conv2d(data.channels, 6, 3)
        self.head = nn.Conv2d(6, len(data.classes), 1)
        self.end = end

    def forward(self, x):
        return self.end(self.head(F.gelu(self.conv(x))))


class Tangled(nn.Module):
    """All layers read the image, and the last reads all layers."""

    def __init__(self, data):
        super().__init__()
        size = data.channels * data.height * data.width
        self.a, self.b, self.c = nn.Linear(size, 4), nn.Linear(size + 4, 4), nn.Linear(size + 8, len(data.classes))

    def forward(self, x):
        x = x.flatten(1)
        a = self.a(x).relu()
        b = self.b(torch.cat([x, a], 1)).relu()
        return self.c(torch.cat([x, a, b], 1))


class Deciding(nn.Module):
    """Its forward pass depends on a value, which torch.func cannot batch."""

    def __init__(self, data):
        super().__init__()
        self.layer = nn.Linear(data.channels * data.height * data.width, len(data.classes))

    def forward(self, x):
        x = x.flatten(1)
        return self.layer(x if float(x.sum()) > 0 else -x)


def of(network, data=DIGITS, parts=None):
    """The network, as an extension's."""
    torch.manual_seed(3)
    return marked("mine", network, parts or Parts())(data).eval()


def images(data=DIGITS, count=5):
    return torch.rand(count, data.channels, data.height, data.width, generator=torch.Generator().manual_seed(4))


@pytest.mark.parametrize("data", [DIGITS, COLOUR], ids=["grey", "colour"])
def test_the_last_layer_is_the_one_that_gives_the_logits_and_its_input_the_features(data):
    model, x = of(Branching, data), images(data)
    assert last_layer(model) == classifier(model) == "answer"
    assert blocks(model, "classifier") == {"answer": ("answer.weight", "answer.bias")}
    body, head = body_and_head(model)
    assert torch.equal(body(x), model.below(x))
    assert torch.equal(head(body(x)), model(x))
    assert head.weight is model.answer.weight


def test_a_convolution_of_single_pixels_may_be_the_last_layer():
    model, x = of(lambda data: Ending(data, lambda y: y.mean((2, 3)))), images()
    body, head = body_and_head(model)
    assert last_layer(model) == "head"
    torch.testing.assert_close(body(x), F.gelu(model.conv(x)).mean((2, 3)))
    torch.testing.assert_close(head(body(x)), model(x))
    assert len(head.weight) == 10


def test_where_no_layer_gives_the_logits_it_is_said_and_the_author_may_name_one():
    def build(data):
        return Ending(data, lambda y: y.mean((2, 3)).log_softmax(1))

    with pytest.raises(NotFound, match=r"^No linear layer of this network gives its logits as they are, .*Parts\)\.$"):
        classifier(of(build))
    with pytest.raises(WrongInput, match="No linear layer"):
        body_and_head(of(build))
    named = of(build, parts=Parts(last_layer="head"))
    body, head = body_and_head(named)
    torch.testing.assert_close(head(body(images())).log_softmax(1), named(images()))
    with pytest.raises(NotFound, match=r"^last_layer names 'tail', and the network has no such module\.$"):
        classifier(of(build, parts=Parts(last_layer="tail")))
    with pytest.raises(NotFound, match=r"^last_layer names 'conv', which is neither"):
        classifier(of(build, parts=Parts(last_layer="conv")))


def test_groups_end_where_one_output_is_all_that_follows_reads():
    model, x = of(Branching), images()
    found = cut(model)
    assert list(found) == ["one", "two", "hidden", "answer"]
    y = x
    with torch.no_grad():
        for name, layer in found.items():
            y = layer(y)
            if name == "one":
                assert torch.equal(y, model.one((x - 0.5) * 2))
            if name == "hidden":
                assert torch.equal(y, model.below(x))
        assert torch.equal(y, model(x))
        assert torch.equal(chained(found.values())(x), model(x))
    assert len(chained(found.values())) == 1, "in one pass"
    assert {id(p) for group in found.values() for p in group.parameters()} == {id(p) for p in model.parameters()}


def test_a_graft_is_the_one_networks_layers_under_the_others():
    build = marked("mine", Branching, Parts())
    one, other, x = build(DIGITS).eval(), build(DIGITS).eval(), images()
    with torch.no_grad():
        below, above = cut(one), cut(other)
        assert torch.equal(graft(below, above, 3)(x), other.answer(one.below(x)))
        pooled = F.adaptive_avg_pool2d(other.two(F.max_pool2d(one.one((x - 0.5) * 2), 2)), 2)
        assert torch.equal(graft(below, above, 1)(x), other.answer(F.relu(other.hidden(pooled.flatten(1)))))
        assert torch.equal(graft(below, above, 4)(x), one(x))
        assert torch.equal(graft(below, above, 0)(x), other(x))


def test_what_cannot_be_cut_says_so_and_what_an_author_names_is_held_to_it():
    with pytest.raises(NotFound, match=r"^No layer of a Tangled gives all that what follows reads"):
        cut(of(Tangled))
    assert last_layer(of(Tangled)) == "c"
    assert list(cut(of(Branching, parts=Parts(groups=("two",))))) == ["two", "hidden"]
    with pytest.raises(NotFound, match=r"^groups names 'two\.first', whose output is not all that what follows reads\.$"):
        cut(of(Branching, parts=Parts(groups=("two.first",))))


def test_of_a_deep_network_neighbours_are_taken_together_and_the_last_layer_stays_alone():
    def build(data):
        stages = [nn.Sequential(*(nn.Sequential(nn.Linear(8, 8), nn.ReLU()) for _ in range(6))) for _ in range(3)]
        return nn.Sequential(nn.Flatten(), nn.Linear(64, 8), *stages, nn.Linear(8, len(data.classes)))

    model, x = of(build), images()
    found = cut(model)
    assert list(found) == ["1", "2", "3", "4", "5"]
    assert torch.equal(chained(found.values())(x), model(x))
    y = x
    for group in found.values():
        y = group(y)
    torch.testing.assert_close(y, model(x))


def test_predictions_come_with_the_features_that_each_group_gives(grey):
    model = marked("mine", Branching, Parts())(grey.dataset.info).eval()
    logits, features = predict_and_observe(with_merged_norms(model), grey.dataset.test.first(20), torch.arange(10), "cpu")
    x = grey.dataset.test.first(20).pixels()
    torch.testing.assert_close(logits, model(x).detach())
    assert list(features) == ["one", "two", "hidden", "answer"]
    torch.testing.assert_close(features["hidden"], model.below(x[:10]).detach())
    torch.testing.assert_close(features["one"], flat(model.one((x[:10] - 0.5) * 2)).detach())


def test_probes_grafts_and_cka_are_had_of_a_network_that_is_no_chain(grey):
    build = marked("mine", Branching, Parts())
    networks = {name: build(grey.dataset.info).eval() for name in ("original", "unlearned", "reference", "untrained")}
    evidence = replace(inside(grey), networks=networks)
    assert list(probes(evidence, "unlearned")) == ["one", "two", "hidden", "answer"]
    for key in ("probe_accuracy", "graft_forget_accuracy", "cka_forget_to_reference"):
        value = METRICS[key].compute(evidence, "unlearned")
        assert 0 <= value <= 1
    assert len(graft_table(evidence)) == 2 * 2 * 5


def test_layers_come_in_the_order_in_which_they_are_called():
    model = of(Branching)
    wanted = ["one", "one.first", "one.norm", "one.second", "one.short", "two"]
    assert [name for name, _ in layers_in_order(model)][1:7] == wanted
    assert last_layers(model, 2)[1] == ["hidden", "answer"]
    assert {id(p) for p in last_layers(model, 1)[0]} == {id(p) for p in model.answer.parameters()}


def test_grad_cam_reads_the_deepest_grid_of_channels_that_all_that_follows_reads():
    model, x = of(Branching, COLOUR), images(COLOUR, 2)
    assert grids(model, (3, 32, 32)) == {"one": (32, 32), "two": (16, 16)}
    assert preset(grids(model, (3, 32, 32))) == "two"
    target = torch.tensor([1, 2])
    inner = captum_copy(model)
    act = inner.two(F.max_pool2d(inner.one((x - 0.5) * 2), 2)).detach().requires_grad_()
    logits = inner.answer(F.relu(inner.hidden(F.adaptive_avg_pool2d(act, 2).flatten(1))))
    (slope,) = torch.autograd.grad(logits.gather(1, target[:, None]).sum(), act)
    wanted = (slope.mean((2, 3), keepdim=True) * act).sum(1, keepdim=True).detach()
    torch.testing.assert_close(explain(model, x, target, "grad_cam").map, F.interpolate(wanted, (32, 32), mode="bilinear"))
    assert grids(of(Branching, COLOUR, Parts(grid="two.short")), (3, 32, 32)) == {"two.short": (16, 16)}
    with pytest.raises(NotFound, match="grid names 'hidden'"):
        grids(of(Branching, COLOUR, Parts(grid="hidden")), (3, 32, 32))
    assert EXPLAINERS["grad_cam"].unfit(of(Tangled)).startswith("Grad-CAM needs a layer whose output is a grid of channels; none was")


def test_what_only_was_made_larger_is_no_grid():
    def build(data):
        return nn.Sequential(nn.Conv2d(data.channels, 4, 8), nn.AdaptiveAvgPool2d(5), nn.Flatten(), nn.Linear(100, 10))

    assert grids(of(build), (1, 8, 8)) == {}


def test_explainers_say_what_a_network_lacks():
    unfit = {key: explainer.unfit(of(Branching)) for key, explainer in EXPLAINERS.items()}
    assert unfit["deep_lift"].startswith("DeepLift changes what is done at ReLUs and their like, and this network applies some as func")
    assert unfit["guided_backprop"].startswith("Guided Backprop changes")
    assert unfit["rollout"].startswith("Attention rollout follows attention")
    assert {key for key, why in unfit.items() if not why} == {
        "integrated_gradients", "grad_cam", "saliency", "input_x_gradient", "occlusion",
    }  # fmt: skip
    foreign = of(lambda data: nn.Sequential(nn.Flatten(), nn.Linear(64, 9), nn.SiLU(), nn.Linear(9, 10)))
    assert EXPLAINERS["deep_lift"].unfit(foreign).startswith("DeepLift has no rules for SiLU, so")
    known = of(lambda data: nn.Sequential(nn.Flatten(), nn.Linear(64, 9), nn.ReLU(), nn.Linear(9, 10)))
    assert EXPLAINERS["deep_lift"].unfit(known) == EXPLAINERS["guided_backprop"].unfit(known) == ""


def test_the_mean_of_the_training_pixels_is_the_baseline_though_no_layer_knows_it():
    model, x = of(Branching, COLOUR), images(COLOUR, 1)
    found = explain(model, x, torch.tensor([3]), "integrated_gradients")
    with torch.no_grad():
        start = torch.tensor(COLOUR.mean).view(1, 3, 1, 1).expand(1, 3, 32, 32)
        torch.testing.assert_close(found.difference, (model(x) - model(start))[:, 3])


def test_gradients_of_single_examples_are_had_where_torch_func_has_no_rule():
    model, x, y = of(Deciding), images(count=3) - torch.tensor([0.0, 1.0, 0.0]).view(3, 1, 1, 1), torch.tensor([1, 5, 2])
    each = per_sample_gradients(model, ["layer.weight", "layer.bias"], x, y)
    for index in range(3):
        model.zero_grad()
        F.cross_entropy(model(x[index : index + 1]), y[index : index + 1]).backward()
        torch.testing.assert_close(each["layer.weight"][index], model.layer.weight.grad)
        torch.testing.assert_close(each["layer.bias"][index], model.layer.bias.grad)
    plain = Deciding(DIGITS).eval()
    with pytest.raises(RuntimeError):
        per_sample_gradients(plain, ["layer.weight"], x, y)


def test_looking_changes_nothing_and_is_done_once():
    calls = []

    class Counting(Branching):
        def forward(self, x):
            calls.append(1)
            return super().forward(x)

    model = of(Counting).train()
    before, state = {k: v.clone() for k, v in model.state_dict().items()}, torch.get_rng_state()
    groups(model)
    looked = len(calls)
    groups(with_merged_norms(model))
    last_layer(model)
    grids(model, (1, 8, 8))
    assert len(calls) - looked <= 1, "but for the tracing of the copy"
    assert model.training
    assert torch.equal(state, torch.get_rng_state())
    assert all(torch.equal(before[k], v) for k, v in model.state_dict().items())
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())


def test_a_network_in_shapes_alone_has_its_last_layer():
    """Forecasts build networks on the meta device."""
    with torch.device("meta"):
        model = marked("mine", Branching, Parts())(DIGITS)
    assert model.answer.weight.is_meta
    assert classifier(model) == "answer"


def test_a_builder_of_something_else_is_refused_and_this_houses_networks_are_not_looked_into(tiny):
    with pytest.raises(WrongInput, match=r"^build\(\) of the network mine gave a int where a torch\.nn\.Module is wanted\.$"):
        marked("mine", lambda data: 7, Parts())(DIGITS)
    assert outside(tiny.original()) is None
    assert not attends(of(Branching))


@pytest.mark.slow
def test_torchvisions_vgg_11_is_cut_at_each_of_its_layers_and_its_enlarged_pool_is_no_grid():
    from torchvision.models import vgg11

    class Resized(nn.Module):
        def __init__(self, data):
            super().__init__()
            self.net = vgg11(weights=None, num_classes=len(data.classes))

        def forward(self, x):
            return self.net(F.interpolate(x, size=(32, 32)).expand(-1, 3, -1, -1))

    model, x = of(Resized), images()
    convolutions = [f"net.features.{place}" for place in (0, 3, 6, 8, 11, 13, 16, 18)]
    with torch.no_grad():
        assert last_layer(model) == "net.classifier.6"
        assert list(cut(model)) == [*convolutions, "net.classifier.0", "net.classifier.3", "net.classifier.6"]
        torch.testing.assert_close(chained(cut(model).values())(x), model(x))
        inner = model.net.features(F.interpolate(x, size=(32, 32)).expand(-1, 3, -1, -1))
        wanted = model.net.classifier[:6](model.net.avgpool(inner).flatten(1))
        torch.testing.assert_close(body_and_head(model)[0](x), wanted)
    found = grids(model, (1, 8, 8))
    assert list(found)[-1] == "net.features.19"
    assert preset(found) == "net.features.14"
