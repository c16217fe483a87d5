"""What the warm engine says of importances, dampening and filters, against cases worked by hand. Runs are planted, weights drawn."""

from base64 import b64decode
from functools import partial

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from core.analysis.finished_run import open_models
from core.analysis.weights.accuracy_over_alpha import SECONDS, alpha_curve, images_at_once, seconds_of_curve
from core.analysis.weights.importance_of_run import Importances
from core.analysis.weights.importance_summary import blocks_of, importance_view, kernel_map
from core.analysis.weights.ssd_what_if import BINS, axis_of, dampened, load, redampen
from core.analysis.weights.top_filters import IMAGES, top_filters
from core.domain.errors import WrongInput
from core.methods.ssd import dampening
from core.storage.home import open_home
from tests.drawn import SHAPES
from tests.planted import plant, spec

TRAIN, THREES = 1437, 147
SLICE = ("conv2.weight", 3, 5)  # nine weights that matter twice as much to the forget set as to all data; all others half


def importances(value):
    return {name: np.full(shape, value, np.float32) for name, shape in SHAPES.items()}


def files():
    forget = importances(1.0)
    forget[SLICE[0]][SLICE[1:]] = 4.0
    return {
        "recorded": {f"importance_forget/{name}": array for name, array in forget.items()},
        "statistic/ImportanceStatistic-0": importances(2.0),
    }


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    """(home, id) of an SSD run that forgets the threes."""
    home = open_home(tmp_path_factory.mktemp("explore") / "home")
    yield home, plant(home, spec("ssd"), files=files())
    load.cache_clear()


def test_layers_histogram_and_ceiling_are_counted_by_hand(planted):
    view = importance_view(*planted)
    layer = next(layer for layer in view["layers"] if layer["layer"] == "conv2.weight")
    assert layer["weights"] == 32 * 16 * 9
    assert layer["forget"] == pytest.approx((4608 - 9 + 9 * 4) / 4608)
    assert (layer["all"], layer["ratio"]) == (2.0, pytest.approx(layer["forget"] / 2))
    assert layer["bands"]["ratio"] == pytest.approx([np.log10(0.5)] * 5)
    assert view["ceiling"] == pytest.approx(TRAIN / THREES)
    counts, total = view["histogram"]["counts"], sum(int(np.prod(shape)) for shape in SHAPES.values())
    assert (counts[0], counts[-1], sum(counts)) == (total - 9, 9, total)
    assert (view["histogram"]["edges"][0], view["histogram"]["edges"][-1]) == pytest.approx((np.log10(0.5), np.log10(2)))
    assert view["dead"] == 0
    assert view["maps"] == ["conv1.weight", "conv2.weight", "hidden.weight", "classifier.weight"]


def test_where_all_ratios_are_equal_they_stand_in_the_middle_of_a_decade(tmp_path):
    home = open_home(tmp_path / "home")
    forget = {f"importance_forget/{name}": array for name, array in importances(1.0).items()}
    run_id = plant(home, spec("ssd"), files={"recorded": forget, "statistic/ImportanceStatistic-0": importances(2.0)})
    histogram = importance_view(home, run_id)["histogram"]
    edges, counts = np.array(histogram["edges"]), np.array(histogram["counts"])
    assert np.diff(edges) == pytest.approx([1 / 60] * 60)
    assert (edges[0] + edges[-1]) / 2 == pytest.approx(np.log10(0.5))
    assert (counts[29] + counts[30], counts.sum()) == (counts.sum(), sum(int(np.prod(shape)) for shape in SHAPES.values()))


def test_a_kernel_slice_is_its_mean_importance_over_that_to_all_data(planted):
    answer = kernel_map(*planted, "conv2.weight")
    ratios = np.array(answer["ratios"])
    assert (ratios.shape, answer["block"], answer["shape"]) == ((32, 16), [1, 1], [32, 16])
    assert ratios[3, 5] == 2
    assert sorted(set(ratios.flatten())) == [0.5, 2]
    assert answer["filters"][3] == pytest.approx((15 * 1 + 4) / 16 / 2)
    with pytest.raises(WrongInput, match=r"'norm1.weight' has no output and input channels here; layers that have: conv1"):
        kernel_map(*planted, "norm1.weight")


def test_channels_of_a_large_layer_are_drawn_together():
    small, block = blocks_of(torch.arange(300.0).repeat(2, 1))
    assert (block, tuple(small.shape)) == ([1, 3], (2, 100))
    assert small[0, :2].tolist() == [1.0, 4.0]


def test_only_what_is_selected_is_dampened_by_its_ratio(planted):
    answer = redampen(*planted, 1.0, 1.0)
    assert answer["dampened"]["conv2.weight"] == pytest.approx(9 / 4608)
    assert sum(share > 0 for share in answer["dampened"].values()) == 1
    assert answer["betas"] == [9.0 if place == BINS // 2 else 0.0 for place in range(BINS)]  # λ / ratio = 1 / 2
    known = load(open_models(*planted), "")
    before, after = known.finished.weights["original"][SLICE[0]], dict(known.model.named_parameters())[SLICE[0]]
    assert torch.equal(after[3, 5], before[3, 5] / 2)
    assert int((after != before).sum()) == 9


@pytest.mark.parametrize("alpha, lambda_", [(0.3, 1.0), (1.0, 0.0), (0.8, 3.0), (5.0, 1.0)])
def test_the_weights_are_those_of_ssd_bit_for_bit(planted, alpha, lambda_):
    known = load(open_models(*planted), "")
    dampened(known, alpha, lambda_)
    factors = dampening(known.importances.of_forget, known.importances.of_all, alpha, lambda_)
    for name, weights in known.model.named_parameters():
        assert torch.equal(weights, known.finished.weights["original"][name] * factors[name])


def test_nothing_selected_is_the_original(planted):
    answer = redampen(*planted, 3.0, 1.0)
    assert (answer["dampened_all"], sum(answer["betas"])) == (0, 0)
    opened = open_models(*planted)
    forget = opened.splits.forget.sample(answer["looked_at"]["forget"])
    with torch.no_grad():
        right = opened.model("original")(forget.pixels()).argmax(1) == forget.labels
    assert answer["forget"] == pytest.approx(float(right.double().mean()))


def test_the_networks_beside_it_are_asked_the_same_few_images(planted, monkeypatch):
    monkeypatch.setattr("core.analysis.weights.ssd_what_if.EVALUATED", 40)
    load.cache_clear()
    answer = redampen(*planted, 3.0, 1.0)  # nothing is dampened
    load.cache_clear()
    opened = open_models(*planted)
    seen = opened.splits.test.subset(opened.splits.test.some(40))
    assert (answer["looked_at"]["test"], answer["looked_at"]["forget"]) == (40, 40)
    assert answer["images"] == torch.bincount(seen.labels, minlength=10).tolist()
    assert answer["beside"]["original"] == answer["per_class"]
    with torch.no_grad():
        right = opened.model("reference")(seen.pixels()).argmax(1) == seen.labels
    wanted = [right[seen.labels == label].double().mean().item() for label in range(10)]
    assert answer["beside"]["reference"] == pytest.approx(wanted)


def test_the_curve_over_alpha_agrees_with_the_sliders(planted, monkeypatch):
    monkeypatch.setattr("core.analysis.weights.accuracy_over_alpha.images_at_once", lambda _: 500)
    curve = alpha_curve(*planted, 1.0)
    assert (curve["alpha"][0], curve["alpha"][-1], len(curve["alpha"])) == (pytest.approx(0.5), pytest.approx(2), 25)  # the ratios' ends
    assert curve["images"] == {"forget": THREES, "retain": 500, "test_forget": 36, "test_retain": 324}
    answer = redampen(*planted, curve["alpha"][0], 1.0)
    assert answer["looked_at"] == {"test": 360, "forget": THREES, "test_forget": 36, "test_retain": 324}
    for part in ("forget", "test_forget", "test_retain"):
        assert curve["accuracy"][part][0] == pytest.approx(answer[part])


@pytest.mark.parametrize(
    "ratios, share, wanted",
    [
        ([0.1, 1.0, 5.0, 400.0], 0.5, (0.1, 400.0)),  # beyond 100, where no ceiling is known
        ([1e-6, 1.0, 5.0, 4000.0], 0.5, (0.01, 1000.0)),  # SSD takes no others
        ([0.001, 0.002, 0.003, 0.004], 0.5, (0.00388, 0.01)),  # the 96.07th percentile: the automatic value lies inside
        ([0.5, 0.5, 0.5, 0.5], 0.5, (0.5 / 10**0.5, 0.5 * 10**0.5)),
        ([0.0, 0.0, 0.0, 0.0], 0.5, (1 / 10**0.5, 10**0.5)),  # the automatic value is 0, which no log axis has
    ],
)
def test_the_axis_of_alpha_goes_from_the_smallest_to_the_largest_ratio(ratios, share, wanted):
    forget, everything = torch.tensor(ratios), torch.ones(4)
    axis = axis_of(Importances({"w": forget}, {"w": everything}, forget, everything, None), share)
    assert (axis.low, axis.high) == pytest.approx(wanted, rel=1e-3)
    assert axis.low <= axis.automatic <= axis.high or axis.automatic == 0


def test_a_network_too_slow_to_be_asked_at_once_is_left_to_a_look():
    assert images_at_once(1e-5) == 500
    assert images_at_once(0.01) == 0
    assert seconds_of_curve(0.01) == 75  # 25 networks, three parts of 100 images


@pytest.mark.parametrize("seconds", [1e-5, 1e-4, 2e-4, 3e-4, 1e-3])
def test_a_look_is_asked_for_only_where_the_fewest_images_would_take_too_long(seconds):
    assert (images_at_once(seconds) == 0) == (seconds_of_curve(seconds) > SECONDS)


def test_the_images_that_drive_a_filter_are_those_with_the_largest_response(planted):
    opened = open_models(*planted)
    answer = top_filters(*planted, "conv1.weight")
    channel = answer["channels"][2][0]
    images = np.frombuffer(b64decode(answer["images"]), np.uint8).reshape(answer["shape"])
    weights = opened.weights["original"]
    for first, examples in ((0, opened.splits.forget), (IMAGES, opened.splits.retain.sample(answer["looked_at"]["retain"]))):
        x = (examples.pixels() - weights["normalise.mean"]) / weights["normalise.deviation"]
        response = F.conv2d(x, weights["conv1.weight"][[channel]], weights["conv1.bias"][[channel]], padding=1).amax((1, 2, 3))
        wanted = examples.subset(response.argsort(descending=True)[:IMAGES])
        assert np.array_equal(images[2, first : first + IMAGES], wanted.images.numpy())
        assert answer["channels"][2][2 + bool(first)] == pytest.approx(float(response.mean()), rel=1e-4)
    kernels = np.frombuffer(b64decode(answer["kernels"]), np.uint8).reshape(answer["kernel_shape"])
    scaled = weights["conv1.weight"][channel] / weights["conv1.weight"][channel].abs().max()
    assert np.abs(kernels[2] - ((scaled + 1) / 2 * 255).numpy()).max() <= 0.5


def test_the_filter_with_the_highest_ratio_comes_first(planted):
    answer = top_filters(*planted, "conv2.weight")
    assert answer["channels"][0][:2] == [3, pytest.approx(19 / 32)]
    assert answer["kernels"] is None  # it does not look at the image itself


def test_without_importances_every_question_says_so(tmp_path):
    home = open_home(tmp_path / "home")
    run_id = plant(home, spec("finetune"))
    for ask in (importance_view, partial(redampen, alpha=1.0, lambda_=1.0), partial(kernel_map, layer="conv1.weight")):
        with pytest.raises(WrongInput, match="has no stored importances; compute them"):
            ask(home, run_id)
    with pytest.raises(WrongInput, match="not computed yet, or were removed; compute them"):
        importance_view(home, run_id, "no-such-key")


def test_without_a_reference_there_is_no_divergence_and_all_else(tmp_path):
    home = open_home(tmp_path / "home")
    answer = redampen(home, plant(home, spec("ssd", reference=False), files=files()), 1.0, 1.0)
    assert answer["js_to_reference"] is None
    assert list(answer["beside"]) == ["original"]
    assert answer["dampened_all"] > 0
