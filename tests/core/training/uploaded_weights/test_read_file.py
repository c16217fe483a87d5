"""Weights of one's own: what fits is taken, whatever way it was saved; all else is refused with a reason, and nothing runs."""

from collections import OrderedDict
from dataclasses import replace
import os
from pathlib import Path
import pickle
from zipfile import ZIP_DEFLATED, ZipFile

import pytest
from safetensors.torch import save_file
import torch
from torch import nn

from core import pipeline
from core.data.datasets.digits import INFO
from core.data.importing.importer import ImportOptions, add
from core.domain.errors import WrongInput
from core.domain.methods.ablations import is_control_of
from core.domain.presets import preset_for
from core.domain.requests.classes import ClassRequest
from core.domain.requests.registry import parse_request
from core.domain.run import RunSpec, RunStatus, model_text
from core.jobs import submit
from core.jobs.validation import floor_spec, make_spec
from core.jobs.write_catalogue import describe
from core.models.registry import MODELS
from core.reports.run_report import own_weights
from core.storage.artifacts import Artifacts
from core.storage.processes import ProcessId
from core.storage.runs import ResultStore
from core.training.uploaded_weights import read_file, scan_file
from core.training.uploaded_weights.match_architecture import match_tensors, match_weights
from core.training.uploaded_weights.read_file import read
from core.training.uploaded_weights.stored_weights import load_weights, store_weights
from tests.core.data.importing.made_up import folder

NORMALISATION = {"normalise.mean", "normalise.deviation"}
SHELVES = describe()


def network(seed=0):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return MODELS["small_cnn"](INFO).eval()


@pytest.fixture
def state():
    """Weights unlike those of `network()`, with statistics that are not the first ones."""
    model = network(7)
    model.norm1.running_mean.add_(0.25)
    model.norm1.num_batches_tracked.add_(3)
    return model.state_dict()


def refused(path, *words):
    """The sentence."""
    with pytest.raises(WrongInput) as wrong:
        match_weights(read(path), network(), "Small CNN on digits")
    sentence = str(wrong.value)
    assert "\n" not in sentence
    assert sentence.endswith(".")
    for word in words:
        assert word in sentence
    return sentence


def saved(folder, content, name="own.pth", **about):
    torch.save(content, folder / name, **about)
    return folder / name


# What fits.


def test_a_safetensors_file_is_taken_as_it_is(tmp_path, state):
    save_file(state, tmp_path / "own.safetensors")
    found = match_weights(read(tmp_path / "own.safetensors"), network(), "it").tensors
    assert list(found) == list(state)
    assert all(torch.equal(found[key], t) and found[key].dtype == t.dtype for key, t in state.items())


@pytest.mark.parametrize("name", ["own.pth", "own.pt", "OWN.PTH"])
@pytest.mark.parametrize("zipped", [True, False])
def test_a_state_dict_that_pytorch_saved_is_taken_in_the_old_format_and_the_new(tmp_path, state, name, zipped):
    found = match_weights(read(saved(tmp_path, state, name, _use_new_zipfile_serialization=zipped)), network(), "it").tensors
    assert all(torch.equal(found[key], t) for key, t in state.items())


@pytest.mark.parametrize(
    "wrapped",
    [
        lambda s: {"state_dict": s, "epoch": 3}, lambda s: {"model": s, "optimizer": {"lr": 0.1}, "step": torch.tensor(5)},
        lambda s: {"model": {"state_dict": s}}, lambda s: {f"module.{k}": t for k, t in s.items()},
        lambda s: {"state_dict": OrderedDict((f"model._orig_mod.{k}", t) for k, t in s.items())},
        lambda s: {k: nn.Parameter(t) if t.is_floating_point() else t for k, t in s.items()},
    ],
    ids=["state_dict", "model", "twice", "module.", "two prefixes", "parameters"],
)  # fmt: skip
def test_the_usual_wrappers_and_prefixes_are_taken_off(tmp_path, state, wrapped):
    found = match_weights(read(saved(tmp_path, wrapped(state))), network(), "it").tensors
    assert all(torch.equal(found[key], t) and not found[key].requires_grad for key, t in state.items())


def test_what_is_not_learned_may_be_missing_and_comes_from_the_dataset(tmp_path, state):
    bare = {key: t for key, t in state.items() if key not in NORMALISATION and not key.endswith("num_batches_tracked")}
    found = match_weights(read(saved(tmp_path, bare)), network(), "it").tensors
    assert found["normalise.mean"].flatten().tolist() == pytest.approx(INFO.mean)
    assert found["normalise.deviation"].flatten().tolist() == pytest.approx(INFO.deviation)
    assert found["norm1.num_batches_tracked"] == 0
    assert all(torch.equal(found[key], t) for key, t in bare.items())


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16])
def test_other_floating_numbers_are_converted(tmp_path, state, dtype):
    other = {key: t.to(dtype) if t.is_floating_point() else t for key, t in state.items()}
    found = match_weights(read(saved(tmp_path, other)), network(), "it").tensors
    for key, t in state.items():
        assert found[key].dtype == t.dtype
        assert torch.equal(found[key], other[key].to(t.dtype))


# What does not fit.


def test_missing_keys_are_named_the_first_three_and_how_many_more(tmp_path, state):
    for key in ("norm1.running_mean", "conv2.weight", "conv2.bias", "hidden.weight", "classifier.bias"):
        del state[key]
    sentence = refused(saved(tmp_path, state))
    assert sentence == (
        "Small CNN on digits has weights that the file lacks: norm1.running_mean, conv2.weight, conv2.bias and 2 more."
    )


def test_unexpected_keys_are_named(tmp_path, state):
    state["head.weight"] = torch.zeros(3)
    assert refused(saved(tmp_path, state)) == "The file has weights that Small CNN on digits has not: head.weight."


def test_wrong_shapes_are_named_with_what_is_wanted(tmp_path, state):
    state["conv1.weight"] = torch.zeros(16, 3, 3, 3)
    state["classifier.bias"] = torch.tensor(1.0)
    refused(saved(tmp_path, state), "conv1.weight is 16x3x3x3 and must be 16x1x3x3", "classifier.bias is one number and must be 10")


@pytest.mark.parametrize(
    "odd, word",
    [
        (torch.zeros(16, dtype=torch.int64), "int64"), (torch.zeros(16, dtype=torch.complex64), "complex64"),
        (torch.zeros(16, dtype=torch.bool), "bool"), (torch.zeros(16).to_sparse(), "sparse_coo"),
        (torch.zeros(16, device="meta"), "float32 without numbers"),
    ],
    ids=["whole", "complex", "bool", "sparse", "meta"],
)  # fmt: skip
def test_what_is_no_dense_floating_number_is_refused(state, odd, word):
    with pytest.raises(WrongInput, match=rf"^The weights do not fit it: conv1\.bias is {word} and must be dense float32\.$"):
        match_tensors(state | {"conv1.bias": odd}, network(), "it")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e300])
def test_numbers_that_are_not_finite_are_refused_also_where_float32_cannot_hold_them(tmp_path, state, value):
    state["hidden.bias"] = state["hidden.bias"].double()
    state["hidden.bias"][3] = value
    refused(saved(tmp_path, state), "finite", "hidden.bias")


def test_weights_under_which_the_answers_are_not_finite_are_refused(tmp_path, state, home):
    state["norm1.running_var"] = torch.full((16,), -1.0)
    with pytest.raises(WrongInput, match="answers are not finite"):
        store_weights(home, "digits", "small_cnn", str(saved(tmp_path, state)))


@pytest.mark.parametrize("content", [[1, 2], "words", {"epoch": 3}, torch.zeros(3), {"state_dict": None}, None], ids=str)
def test_what_holds_no_state_dict_is_refused(tmp_path, content):
    refused(saved(tmp_path, content), "own.pth")


def test_what_holds_more_than_weights_is_refused(tmp_path, state):
    refused(saved(tmp_path, state | {"epoch": 3}), "'epoch' is a int", "state dict alone")
    refused(saved(tmp_path, state | {("a", ("b",)): torch.zeros(3)}), "a key is a tuple, not text", "state dict alone")
    own = {}
    own["model"] = own
    refused(saved(tmp_path, own))


def test_a_whole_pickled_model_is_refused(tmp_path):
    refused(saved(tmp_path, network()), "nothing else", "Nothing in it was run.")


@pytest.mark.parametrize("name", ["own.pkl", "own.npz", "own", "own.pth.zip"])
def test_other_kinds_of_file_are_refused_by_name_before_they_are_opened(tmp_path, name, monkeypatch):
    monkeypatch.setattr(read_file, "_pickled", None)
    (tmp_path / name).write_bytes(b"something")
    refused(tmp_path / name, ".safetensors, .pth, .pt, .ckpt, .tar or .bin", name)


@pytest.mark.parametrize("name", ["own.safetensors", "own.pth", "own.pt"])
@pytest.mark.parametrize("content", [b"", b"junk", b"PK\x03\x04 junk", b"\x80\x02}", b"\xff" * 100, b"\x08" + bytes(7) + b"{}      "])
def test_broken_files_are_refused_in_a_sentence(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    refused(tmp_path / name)


def test_a_file_that_was_cut_short_is_refused(tmp_path, state):
    whole = saved(tmp_path, state).read_bytes()
    for share in (0.1, 0.5, 0.99):
        (tmp_path / "cut.pth").write_bytes(whole[: int(share * len(whole))])
        refused(tmp_path / "cut.pth", "'cut.pth' could not be read")


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    refused(tmp_path / "none.pth", "none.pth to take weights from")
    (tmp_path / "folder.pth").mkdir()
    refused(tmp_path / "folder.pth", "folder.pth to take weights from")


def test_a_file_that_is_too_large_is_refused_before_it_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(read_file, "_safetensors", None)
    with open(tmp_path / "own.safetensors", "wb") as file:
        file.truncate(scan_file.MOST_BYTES + 1)  # takes no room on the disk
    refused(tmp_path / "own.safetensors", "may have 1.1 GB")


def test_a_zip_that_would_swell_is_refused(tmp_path, state):
    plain, packed = saved(tmp_path, state), tmp_path / "packed.pth"
    with ZipFile(plain) as source, ZipFile(packed, "w", ZIP_DEFLATED) as sink:
        for entry in source.infolist():
            sink.writestr(entry.filename, source.read(entry))
    refused(packed, "compressed")


def test_the_pages_upload_limit_is_that_of_the_engine():
    config = (Path(__file__).resolve().parents[4] / ".streamlit" / "config.toml").read_text()
    assert f"maxUploadSize = {scan_file.MOST_BYTES // 2**20}" in config


# What would run.


class Malicious:
    """Unpickled, it writes a file."""

    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return os.system, (f"touch '{self.mark}'",)


def test_a_malicious_pickle_does_not_run_however_it_comes(tmp_path, state, home):
    mark = tmp_path / "it-ran"
    evil = Malicious(mark)
    pickle.loads(pickle.dumps(evil))
    assert mark.exists(), "the pickle is live"
    mark.unlink()
    hidden = state | {"conv1.bias": evil}
    files = [
        saved(tmp_path, evil, "zip.pth"), saved(tmp_path, hidden, "hidden.pth"), saved(tmp_path, hidden, "hidden.pt"),
        saved(tmp_path, {"state_dict": hidden}, "wrapped.pth"),
        saved(tmp_path, evil, "old.pth", _use_new_zipfile_serialization=False),
        saved(tmp_path, hidden, "old-hidden.pth", _use_new_zipfile_serialization=False),
    ]  # fmt: skip
    (tmp_path / "raw.pth").write_bytes(pickle.dumps(evil))
    files.append(tmp_path / "raw.pth")
    for file in list(files):
        renamed = file.with_suffix(".safetensors")
        renamed.write_bytes(file.read_bytes())
        files.append(renamed)
    assert not mark.exists(), "saving ran nothing"
    for file in files:
        assert "Nothing in it was run." in refused(file), file
        with pytest.raises(WrongInput):
            store_weights(home, "digits", "small_cnn", str(file))
    assert not mark.exists()


# Kept, and used by a run.


def test_it_is_kept_under_the_hash_of_its_content_whatever_way_it_came(tmp_path, state, home):
    save_file(state, tmp_path / "own.safetensors")
    one = store_weights(home, "digits", "small_cnn", str(tmp_path / "own.safetensors"))
    other = store_weights(home, "digits", "small_cnn", str(saved(tmp_path, {"state_dict": state})), "theirs.pth")
    assert one == other
    assert one["count"] == 38_378
    assert (home.artifacts_folder / f"{one['weights']}.safetensors").is_file()
    found = load_weights(Artifacts(home.artifacts_folder), one["weights"], network())
    assert all(torch.equal(found.tensors[key], t) for key, t in state.items())
    assert not found.made_now


def test_weights_for_images_of_ones_own_are_taken_too(tmp_path, home):
    info = add(folder(tmp_path / "pets"), ImportOptions(), home.datasets_folder).info
    state = MODELS["small_cnn"](info).state_dict()
    found = store_weights(home, info.key, "small_cnn", str(saved(tmp_path, state)))
    kept = Artifacts(home.artifacts_folder).get_arrays(f"{found['weights']}.safetensors")
    assert all((kept[key] == t.numpy()).all() for key, t in state.items())
    with pytest.raises(WrongInput, match="no added dataset 'pets@00000000'"):
        store_weights(home, "pets@00000000", "small_cnn", str(tmp_path / "own.pth"))


def test_a_refusal_names_the_file_as_its_owner_does_and_keeps_nothing(tmp_path, home):
    with pytest.raises(WrongInput, match=r"'mine\.pth'"):
        store_weights(home, "digits", "small_cnn", str(saved(tmp_path, [])), "mine.pth")
    assert not list(home.artifacts_folder.iterdir())


def spec_of(weights, method="ssd", forget="class:3", reference=True, **settings):
    asked = (SHELVES, "digits", "small_cnn", parse_request(forget), method, settings)
    return make_spec(*asked, reference=reference, weights=weights)


@pytest.fixture
def own(tmp_path, state, home):
    return str(store_weights(home, "digits", "small_cnn", str(saved(tmp_path, state)))["weights"])


def test_a_spec_without_weights_is_the_run_that_it_always_was():
    plain = RunSpec("digits", "small_cnn", ClassRequest((3,)), "ssd", {"alpha": 2.0}, engine="e")
    assert plain.id == "4fe54c795faa", "as computed by the code before there were own weights"
    assert replace(plain, weights="a" * 64).id != plain.id
    assert RunSpec.from_json(plain.to_json()) == plain
    assert RunSpec.from_json(replace(plain, weights="a").to_json()).weights == "a"


def test_flipped_labels_and_own_weights_do_not_go_together(own):
    with pytest.raises(WrongInput, match="mislabelled"):
        spec_of(own, forget="mislabelled:0.05", method="finetune")


@pytest.fixture
def quick(monkeypatch):
    """One epoch for the reference, and what the pipeline sets given back."""
    preset = preset_for("digits", "small_cnn")
    monkeypatch.setattr("core.training.run_setup.preset_for", lambda *_: replace(preset, recipe=replace(preset.recipe, epochs=1)))
    monkeypatch.setattr("core.metrics.membership_inference.SPLITS", 2)
    monkeypatch.setenv("FORGETSCOPE_DEVICE", "cpu")
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    yield
    torch.set_deterministic_debug_mode("default")


def stored(home, outcome, name):
    return Artifacts(home.artifacts_folder).get_arrays(outcome.artifacts[name])


def test_a_run_starts_from_the_uploaded_weights_and_trains_only_the_reference(own, state, home, quick):
    told = []
    outcome = pipeline.run(spec_of(own), home, lambda *step: told.append(step))
    assert outcome.artifacts["original"] == f"{own}.safetensors"
    assert all((stored(home, outcome, "original")[key] == t.numpy()).all() for key, t in state.items())
    assert outcome.seconds["train"] == 0
    assert outcome.seconds["reference"] > 0
    assert outcome.speedup
    with ResultStore(home.database) as store:
        kinds = [row["kind"] for row in store.db.read("select kind from kept where kind not like '%@%' order by kind")]
    assert kinds == ["own weights", "reference", "statistic"]
    plain = pipeline.run(spec_of(""), home, lambda *_: None)
    assert plain.artifacts["original"] != outcome.artifacts["original"]
    assert plain.artifacts["reference"] == outcome.artifacts["reference"], "the reference is the recipe's in both"
    name = next(name for name in plain.artifacts if name.startswith("statistic/"))
    assert plain.artifacts[name] != outcome.artifacts[name], "a statistic is of its own original"
    value = {(m.metric, m.model): m.value for m in outcome.measurements}
    other = {(m.metric, m.model): m.value for m in plain.measurements}
    assert value["test_retain_accuracy", "reference"] == other["test_retain_accuracy", "reference"]
    assert value["test_retain_accuracy", "original"] != other["test_retain_accuracy", "original"]


def test_uploaded_weights_outlive_the_runs_that_used_them_and_the_sweeping(own, home, quick, monkeypatch):
    spec = spec_of(own, method="original", reference=False)
    with ResultStore(home.database) as store:
        run_id = store.add(spec)
        _, attempt = store.claim(ProcessId.of_this_process())
        store.finish(run_id, attempt, RunStatus.DONE, outcome=pipeline.run(spec, home, lambda *_: None))
    submit.delete(home, run_id, for_good=True)
    monkeypatch.setattr("core.storage.artifacts.GRACE", -1.0)
    with ResultStore(home.database) as store:
        Artifacts(home.artifacts_folder).sweep_unnamed(store.files())
        shared = {Path(row["file"]).stem for row in store.db.read("select file from kept where kind like '%@%'")}  # what it found of them
    assert {file.stem for file in home.artifacts_folder.iterdir()} == {own, *shared}


def test_weights_that_are_gone_damaged_or_anothers_fail_the_run_in_a_sentence(own, home, quick):
    with pytest.raises(WrongInput, match="upload them again"):
        pipeline.run(spec_of("0" * 64), home, lambda *_: None)
    with pytest.raises(WrongInput, match=r"^This run's network has weights that the file lacks: conv3\.weight, "):
        pipeline.run(replace(spec_of(own), model="all_cnn"), home, lambda *_: None)
    (home.artifacts_folder / f"{own}.safetensors").write_bytes(b"other")
    with pytest.raises(WrongInput, match="gone or damaged"):
        pipeline.run(spec_of(own), home, lambda *_: None)


def test_it_is_said_that_the_reference_was_trained_and_the_original_was_not(own):
    assert own_weights(spec_of("")) == ""
    assert own_weights(spec_of(own, reference=False)) == "The original's weights were uploaded, not trained here."
    assert own_weights(spec_of(own)) == (
        "The original's weights were uploaded; the reference was trained here by the recipe (20 epochs of sgd, learning rate 0.1), "
        "so differences include the recipe's."
    )
    assert own_weights(replace(spec_of(own), engine="an older one")) == (
        "The original's weights were uploaded; the reference was trained here by the recipe of its version, "
        "so differences include the recipe's."
    )


def test_the_floor_of_a_run_with_own_weights_starts_from_them_too(own):
    spec = spec_of(own)
    assert floor_spec(spec, SHELVES).weights == own
    assert floor_spec(spec_of(""), SHELVES).weights == ""


def test_runs_on_other_originals_are_no_control_of_each_other_and_are_told_apart():
    one, other = spec_of("a" * 64, "aru"), spec_of("b" * 64, "aru", mask="random")
    assert is_control_of(spec_of("a" * 64, "aru", mask="random"), one)
    assert not is_control_of(other, one)
    assert not is_control_of(spec_of("", "aru", mask="random"), one)
    assert [model_text(spec) for spec in (spec_of(""), one)] == ["small_cnn", "small_cnn (own weights aaaaaa)"]
