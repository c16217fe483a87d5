"""Weights of one's own on the pages: brought on Unlearn, checked by the engine, told on Result."""

from pathlib import Path
import subprocess
from unittest.mock import Mock

import numpy as np
import pytest
from safetensors.numpy import load, save

from core.domain.errors import WrongInput
from core.domain.methods.judged import brought
from core.jobs import submit
from core.storage.runs import ResultStore
from core.training.uploaded_weights import client
from core.training.uploaded_weights.name_translation import under_our_names
from core.training.uploaded_weights.read_checkpoint import read_checkpoint
from core.training.uploaded_weights.stored_weights import store_loaded, tried
from dashboard.queries.engine import _weights_or_why_not
from tests.dashboard.conftest import sound

RECIPE = "The original's weights were uploaded; the reference was trained here by the recipe"


@pytest.fixture(autouse=True)
def here(monkeypatch):
    """Files are read and tried in this process: one of its own costs four seconds each time; tests/core has that."""

    def own_weights(home, dataset, model, path, name=""):
        named = under_our_names(read_checkpoint(Path(path), name), dataset, model, home.datasets_folder)
        answer, network = store_loaded(home, dataset, model, named.weights)
        return answer | {"mapping": named.mapping} | tried(home, dataset, network, answer["carried"])

    monkeypatch.setattr(client, "own_weights", own_weights)


@pytest.fixture
def asked(monkeypatch):
    """Specs that were submitted; nothing is run."""
    specs = []
    monkeypatch.setattr(submit, "submit", lambda _, spec, **about: specs.append(spec) or spec.id)
    return specs


@pytest.fixture
def mine(finished, done):
    """The finished run's original, as the bytes of a file."""
    with ResultStore(finished.database) as store:
        return (finished.artifacts_folder / store.artifacts(done)["original"]).read_bytes()


def bring(at, name, content):
    at.file_uploader(key="own_weights").set_value((name, content, "application/octet-stream"))
    return sound(at.run())


def test_without_a_file_the_original_is_trained(open_app, bare, asked):
    at = open_app(bare.root)
    assert at.file_uploader(key="own_weights").label == "Weights, up to 1 GB"
    assert sorted(at.file_uploader(key="own_weights").allowed_type) == [".bin", ".ckpt", ".pt", ".pth", ".safetensors", ".tar"]
    at.button(key="submit").click()
    sound(at.run())
    assert [spec.weights for spec in asked] == ["", ""]  # the run and its floor


def test_weights_that_fit_are_counted_and_the_run_is_asked_with_them(open_app, bare, mine, asked):
    at = bring(open_app(bare.root), "mine.safetensors", mine)
    assert [message.value for message in at.success] == ["fits: 38,378 weights"]
    assert not at.error
    at.button(key="submit").click()
    sound(at.run())
    first, floor = asked
    assert first.weights == floor.weights
    assert (bare.artifacts_folder / f"{first.weights}.safetensors").read_bytes() == mine
    assert not list(bare.root.glob(".writing-*"))


def test_the_normalisations_are_tried_and_the_best_one_is_chosen_and_can_be_changed(open_app, bare, mine, asked):
    """The file's own normalisation is taken out: what was trained by the dataset's is found to be so."""
    bare_weights = {key: value for key, value in load(mine).items() if not key.startswith("normalise.")}
    at = bring(open_app(bare.root), "mine.safetensors", save(bare_weights))
    (table,) = [frame.value for frame in at.dataframe if "Right on training images" in frame.value]
    assert table["Normalisation"].tolist() == ["dataset", "raw", "signed", "bytes"]
    assert table["Right on training images"][0] == "100 %"
    assert at.selectbox(key="normalisation").value == "dataset"
    assert [c.value for c in at.caption if "of 4 ways tried, this one is right most often" in c.value]
    assert not [w.value for w in at.warning if "normalisation" in w.value]
    at.selectbox(key="normalisation").set_value("bytes")
    sound(at.run())
    assert [w.value for w in at.warning if "With the normalisation dataset" in w.value.replace("\\", "")]
    at.button(key="submit").click()
    sound(at.run())
    assert [spec.weights_as for spec in asked] == ["bytes", "bytes"]


def test_a_likely_order_of_classes_is_offered_and_only_then(open_app, bare, mine, asked):
    at = bring(open_app(bare.root), "mine.safetensors", mine)
    assert "class_order" not in [box.key for box in at.selectbox]
    moved = load(mine)
    moved |= {key: np.roll(moved[key], 1, axis=0) for key in ("classifier.weight", "classifier.bias")}
    at = bring(at, "moved.safetensors", save(moved))
    assert at.selectbox(key="class_order").value == "here"
    assert [w.value for w in at.warning if "In the order 9, 0, 1, 2, 3, 4 …" in w.value.replace("\\", "")]
    at.selectbox(key="class_order").set_value("matched")
    sound(at.run())
    assert not [w.value for w in at.warning if "In the order" in w.value]
    at.button(key="submit").click()
    sound(at.run())
    assert [spec.weights_as for spec in asked] == ["file matched 9,0,1,2,3,4,5,6,7,8"] * 2


def test_names_matched_by_order_and_shape_are_shown_and_nothing_runs_before_they_are_confirmed(open_app, bare, mine, asked):
    other = {key.replace("conv", "features").replace("hidden", "fc1"): value for key, value in load(mine).items() if "normalise" not in key}
    at = bring(open_app(bare.root), "other.safetensors", save(other))
    (table,) = [frame.value for frame in at.dataframe if "In the file" in frame.value]
    assert ["features1.weight", "conv1.weight", "16x1x3x3"] in table.to_numpy().tolist()
    assert at.button(key="submit").disabled
    at.checkbox(key="accept_mapping").check()
    assert not sound(at.run()).button(key="submit").disabled
    at = bring(at, "another.safetensors", save(other | {"classifier.bias": other["classifier.bias"] + 1}))
    assert at.button(key="submit").disabled, "another file is confirmed anew"
    at.checkbox(key="accept_mapping").check()
    sound(at.run()).button(key="submit").click()
    sound(at.run())
    assert [bool(spec.weights) for spec in asked] == [True, True]


def test_weights_that_do_not_fit_are_told_in_one_sentence_and_nothing_can_be_run(open_app, bare, mine):
    at = bring(open_app(bare.root), "mine.pth", mine)
    (error,) = at.error
    assert "'mine.pth'" in error.value.replace("\\", "")
    assert "could not be read" in error.value
    assert "\n" not in error.value
    assert at.button(key="submit").disabled
    at.file_uploader(key="own_weights").clear()
    assert not sound(at.run()).button(key="submit").disabled


def test_a_trouble_that_passes_is_not_remembered_for_the_file(open_app, bare, mine, monkeypatch):
    answer = client.own_weights
    monkeypatch.setattr(client, "own_weights", Mock(side_effect=WrongInput("The engine could not answer.")))
    at = bring(open_app(bare.root), "mine.safetensors", mine)
    assert [error.value for error in at.error] == ["The engine could not answer\\."]
    monkeypatch.setattr(client, "own_weights", answer)
    _weights_or_why_not.clear()  # as it is by itself, some seconds later
    assert [message.value for message in sound(at.run()).success] == ["fits: 38,378 weights"]
    assert not at.error


def test_what_a_killed_server_left_of_an_upload_is_swept_when_the_next_asks(open_app, bare, mine):
    with subprocess.Popen(["true"]) as gone:
        pass
    left = bare.root / f".writing-{gone.pid}-{'0' * 32}"
    left.mkdir()
    (left / "uploaded.pth").write_bytes(b"half")
    bring(open_app(bare.root), "mine.safetensors", mine)
    assert not left.exists()


def test_weights_of_another_architecture_are_told_key_by_key_once_it_is_chosen(open_app, bare, mine):
    at = bring(open_app(bare.root), "mine.safetensors", mine)
    at.selectbox(key="model").set_value("all_cnn")
    (error,) = sound(at.run()).error
    assert "All-CNN on digits has weights that the file lacks" in error.value.replace("\\", "")
    assert at.button(key="submit").disabled


def test_the_result_says_that_the_original_was_not_trained_here(open_app, home_of, done):
    home = home_of()
    plain = open_app(home.root, "views/result.py", run=done)
    assert not [m for m in plain.markdown if RECIPE in m.value]
    with ResultStore(home.database) as store, store.db.transaction() as write:
        write.execute("update runs set spec = json_set(spec, '$.weights', ?), finished_at = '2026-01-01T00:00:00.000+00:00'", ("ab" * 32,))
    at = open_app(home.root, "views/result.py", run=done)
    (told,) = [m.value for m in at.markdown if RECIPE in m.value]
    assert ":blue-badge[own weights]" in told
    assert next(m.value for m in at.metric if m.label == "Train original") == "–"


# A network that was unlearned elsewhere.


def also(at, key, name, content):
    at.file_uploader(key=key).set_value((name, content, "application/octet-stream"))
    return sound(at.run())


@pytest.fixture
def theirs(finished, done):
    """The finished run's unlearned network and its reference, as the bytes of files."""
    with ResultStore(finished.database) as store:
        files = store.artifacts(done)
    return {name: (finished.artifacts_folder / files[name]).read_bytes() for name in ("unlearned", "reference")}


def test_without_the_original_nothing_is_asked_of_a_network_unlearned_elsewhere(open_app, bare):
    at = open_app(bare.root)
    assert [c.value for c in at.caption if "bring the original's weights above first" in c.value]
    assert not [u for u in at.file_uploader if u.key == "judged_unlearned"]


def test_a_network_unlearned_elsewhere_is_evaluated_in_place_of_a_method(open_app, bare, mine, theirs, asked):
    at = bring(open_app(bare.root), "mine.safetensors", mine)
    assert not at.button(key="submit").disabled
    at = also(at, "judged_unlearned", "unlearned.safetensors", theirs["unlearned"])
    assert not [b for b in at.button if b.key == "submit"], "no method runs"
    assert not at.selectbox(key="normalisation").disabled
    assert at.toggle(key="floor").value
    at.button(key="judge").click()
    sound(at.run())
    spec, second = asked
    assert (spec.method, spec.reference) == ("unlearned_elsewhere", True)
    assert (second.method, second.weights, second.seed, second.reference) == ("retrain", spec.weights, spec.seed, True)
    files = brought(spec)
    assert spec.weights_as == "file"
    assert (bare.artifacts_folder / f"{files['unlearned'][0]}.safetensors").read_bytes() == theirs["unlearned"]
    assert "reference" not in files


def test_its_reference_is_brought(open_app, bare, mine, theirs, asked):
    at = also(bring(open_app(bare.root), "mine.safetensors", mine), "judged_unlearned", "unlearned.safetensors", theirs["unlearned"])
    assert reference(at, "brought").button(key="judge").disabled, "the file is missing"
    at = also(at, "judged_reference", "reference.safetensors", theirs["reference"])
    assert at.toggle(key="floor").disabled
    assert [c.value for c in at.caption if "no second reference: the reference was brought" in c.value.replace("\\", "")]
    at.button(key="judge").click()
    sound(at.run())
    (spec,) = asked
    assert spec.reference
    assert (bare.artifacts_folder / f"{brought(spec)['reference'][0]}.safetensors").read_bytes() == theirs["reference"]


def test_its_second_reference_is_left_out(open_app, bare, mine, theirs, asked):
    at = bring(open_app(bare.root, floor="false"), "mine.safetensors", mine)
    also(at, "judged_unlearned", "unlearned.safetensors", theirs["unlearned"]).button(key="judge").click()
    sound(at.run())
    assert [spec.method for spec in asked] == ["unlearned_elsewhere"]


def test_its_reference_is_left_out(open_app, bare, mine, theirs, asked):
    at = also(bring(open_app(bare.root), "mine.safetensors", mine), "judged_unlearned", "unlearned.safetensors", theirs["unlearned"])
    reference(at, "none").button(key="judge").click()
    sound(at.run())
    (spec,) = asked
    assert not spec.reference
    assert "reference" not in brought(spec)


def test_one_that_does_not_fit_is_told_in_one_sentence_and_nothing_can_be_run(open_app, bare, mine):
    at = also(bring(open_app(bare.root), "mine.safetensors", mine), "judged_unlearned", "unlearned.pth", mine)
    (error,) = at.error
    assert "could not be read" in error.value
    assert at.button(key="judge").disabled
    at.file_uploader(key="judged_unlearned").clear()
    assert not sound(at.run()).button(key="submit").disabled


def reference(at, option):
    next(group for group in at.button_group if group.label == "Reference").set_value(option)
    return sound(at.run())
