"""Own weights as people have them: prefixes, averages, counters; and which normalisation and order of classes they were trained in."""

from collections import OrderedDict
from dataclasses import replace
import json

import pytest
import torch
from torch import nn

from core.data.dataset import Dataset, Examples
from core.data.datasets.digits import INFO, load
from core.data.name_order import named_orders
from core.domain.errors import WrongInput
from core.domain.methods.ablations import is_control_of
from core.domain.requests.registry import parse_request
from core.domain.run import RunSpec, WeightsAs, model_text
from core.jobs.validation import floor_spec, make_spec
from core.jobs.write_catalogue import describe
from core.models.registry import MODELS
from core.reports.run_report import own_weights
from core.reports.uploaded_weights import accuracy_line, in_words, likely_order, offered, reading, start, warnings, why
from core.storage.artifacts import Artifacts
from core.training.uploaded_weights import accuracy_trials
from core.training.uploaded_weights.accuracy_trials import (
    affordable,
    in_order,
    matched_order,
    measured,
    multiplications,
    normalisations,
    normalise_by,
    normalised_by,
)
from core.training.uploaded_weights.match_architecture import match_weights
from core.training.uploaded_weights.read_file import read
from core.training.uploaded_weights.stored_weights import converted, load_weights, store_weights

SHELVES = describe()
GIVEN = {"normalise.mean", "normalise.deviation"}


def network(seed=0):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return MODELS["small_cnn"](INFO).eval()


@pytest.fixture
def state():
    return network(7).state_dict()


def taken(folder, content, name="own.pth"):
    torch.save(content, folder / name)
    return match_weights(read(folder / name), network(), "Small CNN on digits")


def same(found, state):
    return all(torch.equal(found.tensors[key], t) for key, t in state.items())


# As people have them.


@pytest.mark.parametrize("name", ["last.ckpt", "0model_SA_best.pth.tar", "pytorch_model.bin", "own.CKPT"])
def test_the_endings_of_the_field_are_read_as_what_they_are(tmp_path, state, name):
    assert same(taken(tmp_path, {"state_dict": {f"model.{k}": t for k, t in state.items()}, "epoch": 3}, name), state)


@pytest.mark.parametrize("prefix", ["net.", "student.backbone.", "0."])
def test_any_common_prefix_is_taken_off(tmp_path, state, prefix):
    found = taken(tmp_path, {"state_dict": {prefix + k: t for k, t in state.items()}})
    assert same(found, state)
    assert found.notes == ()


def test_what_lies_beside_the_network_is_left_out_and_said_so(tmp_path, state):
    beside = {"criterion.weight": torch.ones(10), "metric.count": torch.tensor(3)}
    found = taken(tmp_path, {"state_dict": {f"model.{k}": t for k, t in state.items()} | beside})
    assert same(found, state)
    assert found.notes == ("The network's weights lie under 'model.'; what lies beside them was left out: criterion.weight, metric.count.",)


def test_two_such_networks_in_a_file_are_not_chosen_between(tmp_path, state):
    both = {f"{prefix}.{k}": t for prefix in ("teacher", "student") for k, t in state.items()}
    with pytest.raises(WrongInput, match=r"more than once, under 'student\.', 'teacher\.'; save one of them alone\.$"):
        taken(tmp_path, both)


def test_a_missing_key_is_named_without_the_prefix_that_the_others_have(tmp_path, state):
    del state["classifier.bias"]
    with pytest.raises(WrongInput, match=r"^Small CNN on digits has weights that the file lacks: classifier\.bias\.$"):
        taken(tmp_path, {f"net.{k}": t for k, t in state.items()})


def halved(state):
    return {k: t * 0.5 if t.is_floating_point() else t for k, t in state.items()}


def test_of_raw_and_averaged_weights_the_raw_ones_are_taken_and_it_is_said(tmp_path, state):
    ema = halved(state)
    averaged = OrderedDict(n_averaged=torch.tensor(3), **{f"module.{k}": t for k, t in ema.items()})
    for raw, other, content in (("state_dict", "state_dict_ema", ema), ("model", "model_ema", averaged)):
        found = taken(tmp_path, {"epoch": 1, raw: state, other: content})
        assert same(found, state)
        (note,) = found.notes
        assert note.startswith(f"Taken were the weights under {raw!r}; averaged ones lie beside them under {other!r}")
    found = taken(tmp_path, {f"net.{k}": t for k, t in state.items()} | {f"net_ema.{k}": t for k, t in ema.items()})
    assert same(found, state)
    assert "left out: net_ema.normalise.mean" in found.notes[0]


def test_averaged_weights_alone_are_taken_and_it_is_said(tmp_path, state):
    averaged = OrderedDict(n_averaged=torch.tensor(3), **{f"module.{k}": t for k, t in state.items()})
    for content in (state, averaged):
        found = taken(tmp_path, {"epoch": 1, "state_dict_ema": content})
        assert same(found, state)
        assert found.notes == ("Taken were averaged weights, under 'state_dict_ema'; the file has no others.",)


@pytest.mark.parametrize(
    "counter, kept",
    [(torch.tensor([3]), 3), (torch.tensor([[3]]), 3), (torch.tensor(3.0), 3), (torch.tensor(3, dtype=torch.int32), 3),
     (torch.zeros(0, dtype=torch.int64), 0), (torch.tensor(float("nan")), 0), (torch.tensor([1, 2]), 0)],
    ids=["array of one", "matrix of one", "float", "int32", "empty", "nan", "two"],
)  # fmt: skip
def test_batchnorm_s_counters_are_taken_in_any_form(tmp_path, state, counter, kept):
    found = taken(tmp_path, state | {"norm1.num_batches_tracked": counter}).tensors["norm1.num_batches_tracked"]
    assert found.shape == ()
    assert found.dtype == torch.int64
    assert found.item() == kept


def test_whether_a_file_says_how_pixels_are_normalised_is_known(tmp_path, state):
    assert taken(tmp_path, state).normalised
    assert not taken(tmp_path, {key: t for key, t in state.items() if key not in GIVEN}).normalised


# Orders of classes.


def test_the_orders_that_other_programs_give_classes_are_known_by_name():
    numbers = tuple(map(str, range(12)))
    assert named_orders(numbers) == {"text": (0, 1, 10, 11, 2, 3, 4, 5, 6, 7, 8, 9)}  # as ImageFolder has them
    assert named_orders(("10", "2", "1")) == {"text": (2, 0, 1), "natural": (2, 1, 0)}
    assert named_orders(("ant", "bee")) == {}
    assert in_words(numbers, named_orders(numbers)["text"]) == "0, 1, 10, 11, 2, 3 …"
    assert in_words(("a" * 100, "b"), ()) == "a" * 23 + "…, b"


def test_an_order_of_rows_becomes_the_order_of_classes():
    logits = torch.tensor([[1.0, 2.0, 3.0]])  # of the file's rows, which stand for the classes 2, 0, 1
    assert in_order(logits, (2, 0, 1)).tolist() == [[2.0, 3.0, 1.0]]
    assert in_order(logits, ()).tolist() == logits.tolist()


def test_the_matched_order_is_the_one_that_answers_most_images_rightly():
    order = torch.tensor([3, 0, 2, 1])  # row -> class
    rows = torch.arange(4).repeat(5)
    logits = nn.functional.one_hot(rows, 4).float()
    assert matched_order(logits, order[rows]) == tuple(order.tolist())
    assert matched_order(logits[:0], rows[:0]) == (0, 1, 2, 3), "without any image, as they stand"


# Trying them.


class Bright(nn.Module):
    """Answers class k where pixels lie about 30 + 60 k of 255: right only with pixels as they are, in [0, 1]."""

    def __init__(self, data, order=None):
        super().__init__()
        from core.models.layers import Normalise

        self.normalise = Normalise(data.mean, data.deviation)
        self.conv = nn.Conv2d(data.channels, 1, 1)
        self.classifier = nn.Linear(1, 4)
        nn.init.constant_(self.conv.weight, 1 / data.channels)
        nn.init.zeros_(self.conv.bias)
        centres = torch.tensor([(30 + 60 * k) / 255 for k in range(4)])
        with torch.no_grad():  # the nearest centre: -(x - c)^2 without what all share
            self.classifier.weight.copy_(2 * centres[:, None])
            self.classifier.bias.copy_(-(centres**2))
            if order:
                for name in ("weight", "bias"):
                    getattr(self.classifier, name).copy_(getattr(self.classifier, name)[list(order)])

    def forward(self, x):
        return self.classifier(self.conv(self.normalise(x)).mean((2, 3)))


def bright(channels=1, names=("0", "1", "2", "3"), per_class=20):
    labels = torch.arange(4).repeat(per_class)
    images = (30 + 60 * labels).view(-1, 1, 1, 1).expand(-1, channels, 8, 8).to(torch.uint8)
    pixels = images.float() / 255
    info = replace(
        INFO, key="bright", channels=channels, classes=names, mean=(pixels.mean().item(),) * channels,
        deviation=(pixels.std().item(),) * channels,
    )  # fmt: skip
    return Dataset(info, Examples(images, labels), Examples(images[:40], labels[:40]))


def told(data, net, carried=False):
    return {"carried": carried} | measured(net.eval(), data, carried, "cpu")


def test_the_normalisation_that_the_network_was_trained_with_is_found():
    data = bright()
    net = Bright(data.info)
    found = told(data, net)
    assert found["images"] == [80, 40]
    assert [one["key"] for one in found["tried"]] == ["dataset", "raw", "signed", "bytes"]
    rights = {one["key"]: one["orders"][0]["train"] for one in found["tried"]}
    assert rights["raw"] == 1.0
    assert max(value for key, value in rights.items() if key != "raw") < 0.8
    assert found["best"] == start(found) == "raw"
    mean, deviation = normalised_by(net)
    assert (mean, deviation) == (pytest.approx(data.info.mean), pytest.approx(data.info.deviation)), "given back"
    json.dumps(found)
    chosen = reading(found, data.info.classes, "raw", "")
    assert why(found, chosen) == "The file does not say how pixels were normalised; of 4 ways tried, this one is right most often."
    assert accuracy_line(found, chosen) == "Read so it is right on 100 % of 80 training images and 100 % of 40 test images."
    assert warnings(found, data.info.classes, chosen) == []
    (warning,) = warnings(found, data.info.classes, reading(found, data.info.classes, "dataset", ""))
    told_of = "With the normalisation raw (none, pixels in [0, 1]) it is right on 100 % of the training images, with dataset on "
    assert warning.startswith(told_of)


def test_a_file_that_names_its_normalisation_is_believed_and_warned_of():
    data = bright()
    found = told(data, Bright(data.info), carried=True)
    assert found["tried"][0]["key"] == start(found) == "file"
    assert "file" in offered(found)
    chosen = reading(found, data.info.classes, "file", "")
    assert why(found, chosen) == ""
    assert len(warnings(found, data.info.classes, chosen)) == 1


def test_imagenet_s_normalisation_is_for_three_channels():
    assert "imagenet" not in normalisations(((0.1,), (0.2,)), 255)
    assert normalisations(((0.1,) * 3, (0.2,) * 3), 255)["imagenet"] == ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    assert normalisations(((0.1,), (0.2,)), 16)["bytes"] == ((0.0,), (1 / 16,)), "digits' bytes go from 0 to 16"


def test_classes_in_another_order_are_found_and_named():
    data = bright(names=("1", "2", "10", "20"))  # as text: 1, 10, 2, 20
    found = told(data, Bright(data.info, order=(0, 2, 1, 3)))
    assert found["best"] == "raw"
    assert likely_order(found, "raw") == "text"
    here = reading(found, data.info.classes, "raw", "")
    (warning,) = warnings(found, data.info.classes, here)
    assert warning == (
        "In the order 1, 10, 2, 20 (sorted as text) it is right on 100 % of the training images, in the order 1, 2, 10, 20 on 50 %: "
        "probably its classes stand in the former."
    )
    chosen = reading(found, data.info.classes, "raw", "text")
    assert chosen == WeightsAs("raw", "text", (0, 2, 1, 3))
    assert warnings(found, data.info.classes, chosen) == []
    right = told(data, Bright(data.info))
    assert likely_order(right, "raw") == ""
    (warning,) = warnings(right, data.info.classes, reading(right, data.info.classes, "raw", "text"))
    assert warning.startswith("In the order 1, 2, 10, 20 (as they stand here) it is right on 100 % of the training images")


def test_an_order_without_a_name_is_found_by_matching_and_an_untrained_network_has_none():
    data = bright()
    found = told(data, Bright(data.info, order=(3, 1, 0, 2)))
    assert likely_order(found, "raw") == "matched"
    assert reading(found, data.info.classes, "raw", "matched").order == (3, 1, 0, 2)
    assert likely_order(found, "signed") == "", "with other pixels that order is no better"
    digits = load()
    some = replace(digits, train=digits.train.sample(200), test=digits.test.sample(200))
    found = told(some, network())
    assert not any(one["likely"] for one in found["tried"])
    chosen = reading(found, INFO.classes, start(found), "")
    (warning,) = warnings(found, INFO.classes, chosen)
    assert warning.endswith("was it trained on this dataset?")


def test_what_could_not_be_tried_is_read_by_the_dataset_s_normalisation():
    told = {"carried": False, "untried": "Its images are not here."}
    assert start(told) == "dataset"
    chosen = reading(told, tuple("0123"), start(told), "")
    assert accuracy_line(told, chosen) == "Its images are not here."
    assert warnings(told, tuple("0123"), chosen) == []
    assert reading(told, ("1", "2", "10"), "raw", "text").order == (0, 2, 1)
    assert reading(told, tuple("0123"), "raw", "text") == WeightsAs("raw"), "that is the order in which they stand"
    with pytest.raises(WrongInput, match="none could be tried"):
        reading(told, tuple("0123"), "raw", "matched")
    with pytest.raises(WrongInput, match="got 'file'"):
        reading(told, tuple("0123"), "file", "")


def test_how_many_images_are_evaluated_follows_from_the_network_s_work(monkeypatch):
    data, net = bright(), Bright(bright().info)
    assert multiplications(net, data.train.first(1).pixels()) == 8 * 8 + 4
    monkeypatch.setattr(accuracy_trials, "WORK", 68 * 2 * 5 * 30)
    assert affordable(net, data.train, 5) == 30
    assert affordable(net, data.train, 1000) == accuracy_trials.FEWEST_IMAGES
    monkeypatch.setattr(accuracy_trials, "WORK", 1e12)
    assert affordable(net, data.train, 5) == 2000


# Chosen, and run so.


def test_a_run_has_the_weights_as_they_are_read(tmp_path, state, home):
    torch.save({key: t for key, t in state.items() if key not in GIVEN}, tmp_path / "own.pth")
    weights = store_weights(home, "digits", "small_cnn", str(tmp_path / "own.pth"))["weights"]
    artifacts, order = Artifacts(home.artifacts_folder), (9, *range(9))

    def run(how):
        return load_weights(artifacts, weights, network(), how, peak=16)

    plain = run("")
    assert plain.file == run("dataset").file == run("file").file == f"{weights}.safetensors"
    signed = run("signed")
    assert signed.file != plain.file
    assert artifacts.get_arrays(signed.file)["normalise.mean"].flatten().tolist() == [0.5]
    assert run("bytes").tensors["normalise.deviation"].flatten().tolist() == [1 / 16]
    moved = run(WeightsAs("raw", "matched", order).text).tensors
    assert moved["normalise.mean"].item() == 0
    for key in ("classifier.weight", "classifier.bias"):
        assert all(torch.equal(moved[key][label], state[key][row]) for row, label in enumerate(order))
    assert torch.equal(moved["hidden.weight"], state["hidden.weight"])
    with pytest.raises(WrongInput, match="three channels; these have 1"):
        run("imagenet")
    with pytest.raises(WrongInput, match="names 3, and the network answers for 10"):
        run("raw matched 2,0,1")


def test_reading_them_so_answers_as_trying_them_so_did():
    data = bright(names=("1", "2", "10", "20"))
    net = Bright(data.info, order=(0, 2, 1, 3))
    found = told(data, net)
    how = reading(found, data.info.classes, "raw", "text")
    kept = {key: t.clone() for key, t in net.state_dict().items()}
    net.load_state_dict(converted(kept, Bright(data.info), how))
    assert net(data.train.pixels()).argmax(1).tolist() == data.train.labels.tolist()


def spec_of(weights="a" * 64, method="ssd", weights_as="", **settings):
    asked = (SHELVES, "digits", "small_cnn", parse_request("class:3"), method, settings)
    return make_spec(*asked, weights=weights, weights_as=weights_as)


def test_how_they_are_read_is_part_of_the_run_and_of_all_that_belongs_to_it():
    raw, text = spec_of(weights_as="raw"), spec_of(weights_as="raw text 0,2,1")
    assert len({raw.id, text.id, spec_of().id}) == 3
    assert RunSpec.from_json(text.to_json()) == text
    assert floor_spec(text, SHELVES).weights_as == text.weights_as
    assert model_text(text) == "small_cnn (own weights aaaaaa, raw text)"
    aru, control = spec_of(method="aru", weights_as="raw"), spec_of(method="aru", weights_as="raw", mask="random")
    assert is_control_of(control, aru)
    assert not is_control_of(control, replace(aru, weights_as="signed"))
    assert own_weights(replace(text, reference=False)) == (
        "The original's weights were uploaded, not trained here. They were read with the normalisation raw: none, pixels in [0, 1], and "
        "their classes in the order text: sorted as text."
    )


@pytest.mark.parametrize("text", ["", "odd", "raw text", "raw text 0,0", "raw text 1,2", "raw odd 0,1", "raw text a", "raw text 0,1 x"])
def test_a_reading_that_cannot_be_is_refused(text):
    with pytest.raises(WrongInput, match=r"^How weights are read must be written"):
        WeightsAs.parse(text)


@pytest.mark.parametrize("how", [WeightsAs("raw"), WeightsAs("file", "matched", (1, 0, 2))])
def test_a_reading_is_written_and_read_back(how):
    assert WeightsAs.parse(how.text) == how


def test_a_network_s_first_layer_is_set_and_read():
    net = network()
    normalise_by(net, ((0.5,), (0.25,)))
    assert normalised_by(net) == ((0.5,), (0.25,))
    assert normalised_by(nn.Linear(2, 2)) is None
