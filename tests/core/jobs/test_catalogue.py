"""The one place that checks what is asked: every wrong input gives one sentence that says what was wanted."""

import os
import re

import numpy as np
import pytest

from core.data import write_image_arrays
from core.data.datasets import idx as idx_module
from core.data.datasets.digits import load
from core.data.datasets.torchvision_sets import MNIST, examples_of
from core.data.paths import data_folder
from core.data.registry import load_dataset
from core.domain.code_version import catalogue_version, run_version
from core.domain.errors import WrongInput
from core.domain.hyperparameters import SEARCHED_UNLESS
from core.domain.presets import FALLBACK, NOT_OFFERED, PAPER, PRESETS, ForClasses, OfCeiling, not_offered, preset_for
from core.domain.requests.registry import parse_request
from core.jobs import catalogue as module
from core.jobs.catalogue import Catalogue, catalogue, dataset_images
from core.jobs.validation import floor_spec, make_spec, preset_values
from core.jobs.write_catalogue import describe, write
from core.methods.registry import METHODS

SHELVES = describe()
GOOD = {"dataset": "digits", "model": "small_cnn", "forget": "class:3", "method": "ssd", "settings": {}}


def spec(**change):
    asked = GOOD | change
    request = parse_request(asked.pop("forget"))
    method, settings = asked.pop("method"), asked.pop("settings")
    return make_spec(SHELVES, asked.pop("dataset"), asked.pop("model"), request, method, settings, **asked)


WRONG = {  # what is asked -> words that the sentence must hold: what came, and what was wanted
    "unknown dataset": ({"dataset": "mnist9"}, "'mnist9'", "choose one of: digits"),
    "unknown model": ({"model": "vgg"}, "'vgg'", "choose one of: small_cnn"),
    "unknown method": ({"method": "magic"}, "'magic'", "choose one of: ssd, ssse, aru, unsir, weight_perturbation, "),
    "unknown class": ({"forget": "class:10"}, "no class 10", "0 to 9"),
    "negative class": ({"forget": "class:-1"}, "no class -1", "0 to 9"),
    "one of several classes unknown": ({"forget": "classes:3,99"}, "no class 99", "0 to 9"),
    "index out of range": ({"forget": "samples:3,1437"}, "no training index 1437", "0 to 1436"),
    "negative index": ({"forget": "samples:-5"}, "no training index -5", "0 to 1436"),
    "no class": ({"forget": "class:"}, "empty", "at least one class of digits"),
    "no sample": ({"forget": "samples:"}, "empty", "at least one training index"),
    "nothing at random": ({"forget": "random:0"}, "got 0", "a share between 0 and 1 or a whole count"),
    "too small a share": ({"forget": "random:0.0001"}, "empty", "a share between 0 and 1 or a whole count"),
    "a negative share": ({"forget": "random:-0.5"}, "got -0.5", "a share between 0 and 1"),
    "half an example": ({"forget": "random:1.5"}, "got 1.5", "a whole count from 1 to 1436"),
    "a share that is no number": ({"forget": "random:nan"}, "got nan", "a share between 0 and 1"),
    "infinitely many": ({"forget": "random:inf"}, "got inf", "a whole count from 1 to 1436"),
    "everything by count": ({"forget": "random:1437"}, "everything", "1 to 1436"),
    "everything by share": ({"forget": "random:0.9999"}, "everything", "1437 training examples"),
    "everything by class": ({"forget": "classes:0,1,2,3,4,5,6,7,8,9"}, "everything", "at least one class"),
    "everything by index": (
        {"forget": f"samples:{','.join(map(str, range(1437)))}"},
        *("everything", "at least one training index"),
    ),
    "too large a seed of chance": ({"forget": f"random:5@{2**64}"}, f"got {2**64}", "a whole number from 0 to 2147483647"),
    "a negative seed of chance": ({"forget": "random:5@-1"}, "got -1", "a whole number from 0"),
    "a negative seed": ({"seed": -1}, "got -1", "from 0 to 2147483647"),
    "too large a seed": ({"seed": 2**31}, "got 2147483648", "from 0 to 2147483647"),
    "below a bound": ({"settings": {"lambda": "-0.1"}}, "got '-0.1'", "lambda must be a number from 0 to 100"),
    "above a bound": ({"settings": {"alpha": "1000.5"}}, "got '1000.5'", "a number from 0.01 to 1000 or percentile"),
    "not a choice": ({"settings": {"importance": "fisher"}}, "got 'fisher'", "per_sample or batch"),
    "not whole": ({"settings": {"batch_size": "1.5"}}, "got '1.5'", "a whole number from 1 to 4096"),
    "not a number": ({"settings": {"lambda": "much"}}, "got 'much'", "a number from 0 to 100"),
    "nan": ({"settings": {"lambda": "nan"}}, "got 'nan'", "a number from 0 to 100"),
    "infinity": ({"settings": {"alpha": "inf"}}, "got 'inf'", "a number from 0.01 to 1000"),
    "no value": ({"settings": {"lambda": ""}}, "got ''", "a number from 0 to 100"),
    "unknown parameter": ({"settings": {"gamma": "1"}}, "'gamma'", "importance, batch_size, alpha, lambda"),
    "parameter of another": ({"method": "finetune", "settings": {"alpha": "1"}}, "'alpha'", "epochs, learning_rate"),
    "parameter of none": ({"method": "original", "settings": {"alpha": "1"}}, "'alpha'", "the parameters are: none"),
}


@pytest.mark.parametrize("change, came, wanted", WRONG.values(), ids=WRONG)
def test_what_cannot_be_is_refused_in_one_sentence(change, came, wanted):
    with pytest.raises(WrongInput) as told:
        spec(**change)
    sentence = str(told.value)
    assert came in sentence
    assert wanted in sentence
    assert "\n" not in sentence
    assert sentence.endswith(".")
    assert ". " not in sentence


def test_a_device_that_cannot_be_is_refused_in_one_sentence(monkeypatch):
    monkeypatch.setenv("FORGETSCOPE_DEVICE", "tpu")
    with pytest.raises(WrongInput, match=r"^FORGETSCOPE_DEVICE must be cpu, cuda or cuda:N; got 'tpu'\.$"):
        spec()
    for device in ("cpu", "cuda:0", ""):
        monkeypatch.setenv("FORGETSCOPE_DEVICE", device)
        assert spec().device == device


def test_a_spec_spells_out_every_parameter_in_its_own_type():
    asked = spec(settings={"alpha": "3", "importance": "batch", "batch_size": "32"})
    assert asked.params["alpha"] == 3.0
    assert asked.params["batch_size"] == 32
    assert list(asked.params) == [p.name for p in SHELVES.methods["ssd"].params]
    assert asked.engine == run_version(asked.dataset, asked.model, asked.method)


def test_equal_requests_have_equal_ids_however_the_values_were_written():
    assert spec(settings={"alpha": "3", "lambda": 1}).id == spec(settings={"lambda": "1.0", "alpha": 3.0}).id
    assert spec().id != spec(settings={"alpha": "3"}).id
    assert spec(forget="classes:5,3").id == spec(forget="classes:3,5").id


def test_presets_stand_in_for_defaults_and_settings_for_presets():
    preset = PRESETS["digits", "small_cnn"]
    for key, values in preset.methods.items():
        plain = {name: value for name, value in values.items() if not isinstance(value, OfCeiling | ForClasses)}
        assert spec(method=key).params.items() >= plain.items()
    assert spec(settings={"lambda": "0.3"}).params["lambda"] == 0.3
    request = parse_request("class:3")
    untried = preset_values(SHELVES.methods["ssd"], SHELVES.datasets["digits"], "no such model", request)
    assert untried == {p.name: p.default for p in SHELVES.methods["ssd"].params} | {"settings": "auto"}
    assert preset_for("digits", "small_cnn").recipe == preset.recipe
    assert preset_for("no such", "small_cnn").recipe == FALLBACK.recipe
    curvature = preset_values(SHELVES.methods["ssse"], SHELVES.datasets["digits"], "resnet18", parse_request("random:0.1"))
    assert curvature["scope"] == "classifier", "of all weights it is for small networks"
    of = SHELVES.methods["weight_perturbation"], SHELVES.datasets["digits"], "resnet18"
    assert [preset_values(*of, parse_request(forget))["fraction"] for forget in ("class:3", "random:0.1")] == [0.05, 0.1]
    assert preset_for("digits", "small_cnn").methods == preset.methods


@pytest.mark.parametrize("pair", PRESETS, ids=str)
def test_every_preset_names_what_is_on_the_shelves_and_values_that_may_be(pair):
    dataset, model = pair
    assert dataset in SHELVES.datasets
    assert model in SHELVES.models
    for key, values in PRESETS[pair].methods.items():
        declared = {p.name: p for p in SHELVES.methods[key].params}
        for name, value in values.items():
            number = value.at(1437, 147) if isinstance(value, OfCeiling | ForClasses) else value
            assert declared[name].parse(number) == number


def test_the_preset_alpha_is_the_same_share_of_the_ceiling_for_every_class_request():
    for forget, count in (("class:0", 150), ("classes:1,2,3", 145 + 147 + 147)):
        assert spec(forget=forget).params["alpha"] == round(0.43 * 1437 / count, 2), forget
    for forget in ("random:100", "samples:1,2"):  # no class in common: ratios stay near 1 however high the ceiling
        assert spec(forget=forget).params["alpha"] == "percentile", forget


def preset_of(dataset, model):
    """The tuned methods of a pair."""
    return PRESETS[dataset, model].methods if (dataset, model) in PRESETS else {}


SEARCHING = ("ssd", "ssse", "aru", "unsir", "weight_perturbation")


@pytest.mark.parametrize("key", SEARCHING)
def test_settings_are_searched_where_no_preset_was_tuned_and_taken_as_given_where_one_names_them(key):
    searched = [p for p in SHELVES.methods[key].params if p.when == ("settings", "given")]
    assert spec(method=key).params["settings"] == "given", "digits by the small network are tuned"
    for model in SHELVES.models:
        if ("digits", model) not in NOT_OFFERED and not preset_of("digits", model):
            asked = spec(method=key, model=model)
            assert asked.params["settings"] == "auto"
            assert all(asked.params[p.name] == p.default for p in searched), "what is searched for makes no other run"
    named = searched[0]
    given = spec(method=key, model="resnet18", settings={named.name: str(named.high)})
    assert given.params["settings"] == "given"
    assert given.params[named.name] == named.high
    both = spec(method=key, model="resnet18", settings={named.name: str(named.high), "settings": "auto"})
    assert both.id == spec(method=key, model="resnet18").id


def test_a_pair_of_which_no_original_is_worth_unlearning_is_refused_with_the_reason_unless_the_weights_are_ones_own():
    for (dataset, model), reason in NOT_OFFERED.items():
        with pytest.raises(WrongInput, match=re.escape(f"{model} is not trained on {dataset}: {reason}; choose another model, or upload")):
            spec(dataset=dataset, model=model)
        own = spec(dataset=dataset, model=model, weights="file", weights_as="raw")
        assert own.weights == "file"
        assert floor_spec(own, SHELVES).weights == "file"
        assert spec(dataset=dataset, model=model, weights_follow=True).model == model
    assert not not_offered("digits", "small_cnn")


def test_no_preset_is_searched_and_tuned_at_once():
    """A method that searches on a tuned pair leaves what it searches to the search."""
    searching = set()
    for pair, preset in PRESETS.items():
        for key, values in preset.methods.items():
            if "settings" in values:
                searching.add((*pair, key))
                assert values["settings"] == "auto"
                assert not {p.name for p in SHELVES.methods[key].params if p.when == SEARCHED_UNLESS} & values.keys(), (pair, key)
    assert searching == {("fashion_mnist", "small_cnn", "ssd")}


def test_a_preset_for_classes_leaves_other_requests_at_the_default():
    assert spec(method="ssse", forget="class:0").params["scope"] == "classifier"
    assert spec(method="ssse", forget="samples:1,2").params["scope"] == "all"


@pytest.mark.parametrize(("key", "settings"), [(key, name) for key, published in PAPER.items() for name in published])
def test_a_papers_values_are_values_that_may_be_and_its_failures_are_of_pairs_that_are_there(key, settings):
    paper, declared = PAPER[key][settings], {p.name: p for p in SHELVES.methods[key].params}
    assert paper.where
    for name, value in paper.values.items():
        assert declared[name].parse(value) == value
    for (dataset, model), sentence in paper.failures.items():
        assert dataset in SHELVES.datasets
        assert model in SHELVES.models
        assert sentence.endswith(".")


def test_what_changes_nothing_makes_no_other_run():
    assert spec(settings={"batch_size": "32"}).id == spec().id  # batch_size has no meaning with per_sample
    assert spec(settings={"batch_size": "32", "importance": "batch"}).id != spec(settings={"importance": "batch"}).id
    assert spec(forget="classes:3").id == spec(forget="class:3").id


def test_the_catalogue_comes_back_whole_from_json():
    assert Catalogue.from_json(SHELVES.to_json()) == SHELVES
    assert list(SHELVES.methods) == list(METHODS)


@pytest.fixture
def described(home, monkeypatch):
    """A home with the catalogue written in this process; whoever starts another is counted."""
    write(home.root / "catalogue" / catalogue_version())
    started = []

    def instead(args, **_):
        from pathlib import Path
        from types import SimpleNamespace

        started.append(args)
        if "core.data.write_image_arrays" in args:
            write_image_arrays.write(Path(args[-2]), args[-1])
        else:
            write(Path(args[-1]))
        return SimpleNamespace(returncode=0, stderr="")

    monkeypatch.setattr(module.subprocess, "run", instead)
    return home, started


def test_it_is_read_from_the_home_and_described_once(described):
    home, started = described
    assert catalogue(home.root) == catalogue(home.root) == SHELVES
    assert started == []


def test_images_are_the_datasets_own(described):
    home, _ = described
    images, data = dataset_images(home.root, "digits"), load()
    assert np.array_equal(images["train_images"], data.train.images.numpy())
    assert np.array_equal(images["test_labels"], data.test.labels.numpy())
    assert int(images["peak"]) == 16


@pytest.mark.parametrize("content", ["", "not json", "{}", '{"datasets": 3}', "[]", "\udcff"])
def test_a_damaged_catalogue_is_written_anew(described, content):
    home, started = described
    (file,) = home.root.glob("catalogue/*/catalogue.json")
    file.write_bytes(content.encode(errors="surrogateescape"))
    assert catalogue(home.root) == SHELVES
    assert len(started) == 1


@pytest.mark.parametrize("keep", [0, 100])
@pytest.mark.parametrize("name", ["0.npy", "1.npy", "contents.json"])
def test_damaged_images_are_written_anew(described, keep, name):
    home, started = described
    (folder,) = home.root.glob("catalogue/*/images/digits")
    (folder / name).write_bytes((folder / name).read_bytes()[: min(keep, (folder / name).stat().st_size - 1)])
    assert len(dataset_images(home.root, "digits")["train_labels"]) == 1437
    assert len(started) == 1


def test_missing_files_are_written_anew(described):
    home, started = described
    for file in [*home.root.glob("catalogue/*/*.json"), *home.root.glob("catalogue/*/images/*/*")]:
        file.unlink()
    assert catalogue(home.root) == SHELVES
    assert len(dataset_images(home.root, "digits")["train_labels"]) == 1437
    assert len(started) == 1


def test_images_are_mapped_and_cannot_be_written(described):
    images = dataset_images(described[0].root, "digits")
    assert all(isinstance(array, np.memmap) for array in images.values())
    with pytest.raises(ValueError, match="read-only"):
        images["train_labels"][0] = 3


def test_other_datasets_images_are_written_when_they_are_asked_for_with_their_columns(described):
    home, started = described
    images, data = dataset_images(home.root, "faces"), load_dataset("faces")
    assert [command[-1] for command in started] == ["faces"]
    assert np.array_equal(images["train_images"], data.train.images.numpy())
    assert np.array_equal(images["test_labels"], data.test.labels.numpy())
    for name, values in data.train_columns.items():
        assert np.array_equal(images[f"train_column/{name}"], values.numpy())
        assert np.array_equal(images[f"test_column/{name}"], data.test_columns[name].numpy())
    assert dataset_images(home.root, "faces")["train_images"].shape == (3200, 3, 32, 32)
    assert len(started) == 1
    assert catalogue(home.root) == SHELVES  # which stays as it was
    assert len(started) == 1


def test_a_new_versions_images_take_the_old_ones_place(described):
    home, _ = described
    old = home.root / "catalogue" / "0123456789ab" / "images"
    write_image_arrays.save(old / "faces", {"peak": np.array(255)})
    write_image_arrays.save(old / "digits", {"peak": np.array(16)})
    dataset_images(home.root, "faces")
    assert not (old / "faces").exists()
    assert (old / "digits").exists()  # nobody wrote that anew


def test_images_that_are_not_to_be_had_are_told_in_the_datasets_own_sentence_and_not_downloaded(home, tmp_path, monkeypatch):
    monkeypatch.setenv("FORGETSCOPE_DATA", str(tmp_path / "empty"))
    monkeypatch.delenv("FORGETSCOPE_OFFLINE", raising=False)
    asked, run = [], module.subprocess.run
    monkeypatch.setattr(module.subprocess, "run", lambda args, **named: asked.append(args) or run(args, **named))
    with pytest.raises(WrongInput) as told:
        dataset_images(home.root, "mnist")
    assert len(asked) == 1  # the engine said why; asked again, it would take as long and say the same
    assert str(told.value).startswith(f"MNIST is not in {tmp_path / 'empty'} yet, and only a run downloads it; put ")
    assert not (tmp_path / "empty").exists()
    assert not list(home.root.glob("catalogue/*/images/*"))


def idx(path, array):
    path.parent.mkdir(parents=True, exist_ok=True)
    head = bytes([0, 0, 8, array.ndim]) + b"".join(length.to_bytes(4, "big") for length in array.shape)
    path.write_bytes(head + array.tobytes())


def test_the_quick_way_to_mnist_reads_what_torchvision_reads(tmp_path, monkeypatch):
    """On files as small as they may be: the real ones hold 60,000 and 10,000."""
    monkeypatch.setattr(idx_module, "HALVES", {"train": ("train", 7), "test": ("t10k", 3)})
    draws = np.random.default_rng(0)
    for name, count in (("train", 7), ("t10k", 3)):
        idx(tmp_path / "MNIST" / "raw" / f"{name}-images-idx3-ubyte", draws.integers(0, 256, (count, 28, 28), np.uint8))
        idx(tmp_path / "MNIST" / "raw" / f"{name}-labels-idx1-ubyte", draws.integers(0, 10, count, np.uint8))
    ours = idx_module.arrays_of("mnist", tmp_path)
    for half in ("train", "test"):
        theirs = examples_of(MNIST.of(tmp_path, half == "train", False))
        assert np.array_equal(ours[f"{half}_images"], theirs.images.numpy())
        assert np.array_equal(ours[f"{half}_labels"], theirs.labels.numpy())
        assert ours[f"{half}_labels"].dtype == np.int64
    assert int(ours["peak"]) == 255
    assert idx_module.arrays_of("cifar10", tmp_path) is None
    assert idx_module.arrays_of("fashion_mnist", tmp_path) is None
    (tmp_path / "MNIST" / "raw" / "train-labels-idx1-ubyte").write_bytes(b"short")
    assert idx_module.arrays_of("mnist", tmp_path) is None


@pytest.mark.skipif("FORGETSCOPE_DATA" not in os.environ, reason="needs Fashion-MNIST; FORGETSCOPE_DATA names the folder")
def test_fashion_mnists_images_cost_two_seconds_of_a_core_the_first_time(home):
    """Of the process that writes them: what else this machine does is not counted."""
    if idx_module.arrays_of("fashion_mnist", data_folder()) is None:
        pytest.skip("FORGETSCOPE_DATA holds no Fashion-MNIST")
    before = os.times()
    images = dataset_images(home.root, "fashion_mnist")
    after = os.times()
    assert images["train_images"].shape == (60_000, 1, 28, 28)
    assert images["train_labels"][:5].tolist() == [9, 0, 0, 3, 0]  # as published
    assert 0 < after.children_user + after.children_system - before.children_user - before.children_system < 2


def test_where_the_engine_cannot_describe_itself_there_is_one_sentence(home):
    (home.root / "catalogue").write_text("a file in the way")
    with pytest.raises(WrongInput) as told:
        catalogue(home.root)
    assert "\n" not in str(told.value)
    assert "could not describe itself" in str(told.value)


def test_a_key_that_is_wrong_is_answered_by_the_nearest_and_a_dozen_others():
    """However many there are, the sentence can be read."""
    shelves = describe()
    with pytest.raises(WrongInput) as told:
        make_spec(shelves, "digits", "small_cnn", parse_request("class:3"), "masked_small_gradient", {})
    first = list(shelves.methods)[:12]
    wanted = f"choose one of: masked_small_gradients, {', '.join(first)} and {len(shelves.methods) - 13} more, which `list methods` names."
    assert str(told.value) == f"There is no method 'masked_small_gradient'; {wanted}"
