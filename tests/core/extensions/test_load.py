"""Files of a user's own join the shelves, whole or not at all; one that is broken is named, and the rest goes on."""

import time

import pytest

from core.analysis.saliency.explainers import EXPLAINERS
from core.data.registry import DATASETS
from core.domain.code_version import catalogue_version, run_version, shared_part, training_version
from core.domain.errors import WrongInput
from core.domain.extension_files import KINDS, MOST_BYTES, extension_files, extensions_folder
from core.domain.requests.classes import ClassRequest
from core.domain.run import RunSpec
from core.extensions import load as module
from core.extensions.begin import begin
from core.extensions.load import load_extensions
from core.jobs.catalogue import Catalogue, catalogue, reload, usable_extensions
from core.jobs.write_catalogue import describe
from core.methods.registry import METHODS
from core.metrics.registry import METRICS
from core.models.registry import MODEL_INFOS, MODELS

BROKEN = {  # file -> what is said of it
    "import no_such_library": r"^ModuleNotFoundError: No module named 'no_such_library' \(line 1\)$",
    "x = 1\nraise SystemExit('enough')": r"^SystemExit: enough \(line 2\)$",
    "def f(:\n": r"^SyntaxError: .* \(line 1\)$",
    "x = 1\n1 / 0": r"^ZeroDivisionError: division by zero \(line 2\)$",
    "nothing = True": "^It declares no method, metric, network, dataset, forget request or explainer.$",
    "METRICS = 7": "^METRICS is a tuple, and each entry a Metric",
    "NETWORKS = ((1, 2),)": "^A network is a ModelInfo and a function",
    "REQUESTS = (1,)": "^REQUESTS is a tuple, and each entry a Rule",
    "from core.analysis.saliency.explainers import Explainer\nEXPLAINERS = (Explainer('mine', 'Mine', 'Mine.', ''),)":
        "^An Explainer of an extension has a function `explain`",
    "DATASETS = (1,)": "^A dataset has a DatasetInfo as INFO",
    "from core.domain.info import ModelInfo\nINFO = ModelInfo('small_cnn', 'Mine', 'Mine.')\nbuild = print":
        "^There is a model 'small_cnn' already; an extension's needs a key of its own.$",
    "from core.domain.info import ModelInfo\nINFO = ModelInfo('My CNN', 'Mine', 'Mine.')\nbuild = print":
        "^The key of a model is 2 to 48 small letters, digits and _, a letter first; got 'My CNN'.$",
    "#" * (MOST_BYTES + 1): r"^broken.py is larger than 1 MB, which is no source of an extension.$",
}  # fmt: skip


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """An empty folder of extensions; what was read from it is gone afterwards."""
    monkeypatch.setenv("FORGETSCOPE_EXTENSIONS", str(tmp_path))
    yield tmp_path
    monkeypatch.setenv("FORGETSCOPE_EXTENSIONS", str(tmp_path / "nothing"))
    assert load_extensions() == ()


def test_the_folder_is_the_one_that_is_named_else_in_the_home(folder, monkeypatch):
    assert extensions_folder() == folder
    monkeypatch.delenv("FORGETSCOPE_EXTENSIONS")
    monkeypatch.setenv("FORGETSCOPE_HOME", str(folder / "home"))
    assert extensions_folder() == folder / "home" / "extensions"
    assert extension_files() == ()


def test_one_of_each_kind_joins_its_shelf_marked_and_leaves_it_with_its_file(folder):
    for kind in KINDS:
        begin(kind, f"my_{kind}", folder)
    assert [one.keys for one in load_extensions()] == [(f"{kind} my_{kind}",) for kind in sorted(KINDS)]
    shelves = Catalogue.from_json(describe().to_json())
    digests = {one.name: one.digest for one in shelves.extensions}
    assert shelves.methods["my_method"].title == "My method (extension)"
    assert shelves.methods["my_method"].extension == digests["my_method"]
    assert shelves.models["my_model"].extension == digests["my_model"]
    assert shelves.metrics["my_metric"].family == "Extensions"
    assert shelves.datasets["my_dataset"].train_counts == (200, 200)
    assert shelves.methods["ssd"].extension == ""
    (folder / "my_method.py").unlink()
    (folder / "my_model.py").unlink()
    assert shelves.selections["my_request"].source == "the extension my_request"
    assert EXPLAINERS["my_explainer"].version == digests["my_explainer"]
    (folder / "my_explainer.py").unlink()
    assert [one.name for one in load_extensions()] == ["my_dataset", "my_metric", "my_request"]
    assert "my_explainer" not in EXPLAINERS
    assert "my_method" not in METHODS
    assert "my_model" not in MODELS
    assert "my_model" not in [info.key for info in MODEL_INFOS]
    assert "my_metric" in METRICS


@pytest.mark.parametrize("source", BROKEN, ids=lambda source: source[:30])
def test_a_broken_one_is_named_with_why_and_the_others_are_there(folder, source):
    begin("method", "sound", folder)
    (folder / "broken.py").write_text(source)
    broken, sound = load_extensions()
    assert (broken.name, broken.keys, sound.error) == ("broken", (), "")
    with pytest.raises(AssertionError, match=BROKEN[source]):
        raise AssertionError(broken.error)
    assert "sound" in METHODS
    assert describe().methods["sound"].params[0].name == "factor"


def test_an_import_that_does_not_end_is_ended(folder, monkeypatch):
    monkeypatch.setattr(module, "SECONDS", 0.2)
    (folder / "endless.py").write_text("while True:\n    pass\n")
    began = time.monotonic()
    assert load_extensions()[0].error == "Its import took longer than 0.2 seconds."
    assert time.monotonic() - began < 5


def test_a_package_is_one_extension_and_its_modules_import_each_other(folder):
    package = folder / "pack"
    package.mkdir()
    (package / "__init__.py").write_text("from .inner import INFO, build\n")
    inner = "from core.domain.info import ModelInfo\nINFO = ModelInfo('packed', 'Packed', 'In a package.')\nbuild = print\n"
    (package / "inner.py").write_text(inner)
    (found,) = load_extensions()
    assert found.keys == ("model packed",)
    before = found.digest
    (package / "inner.py").write_text(inner.replace("'packed'", "'packed2'"))
    (found,) = load_extensions()
    assert found.keys == ("model packed2",)
    assert found.digest != before


def test_an_extension_changes_no_version_but_its_own_and_an_edit_of_it_does(folder, monkeypatch):
    monkeypatch.setattr("core.domain.code_version.FRESH", 0.0)

    def of_the_house():
        others = run_version("digits", "small_cnn", "ssd"), run_version("digits", "vit_small", "salun")
        return *others, training_version("digits", "small_cnn")

    house = of_the_house()
    shelves = catalogue_version()
    file, _ = begin("method", "mine", folder)
    first = run_version("digits", "small_cnn", "mine")
    model, _ = begin("model", "my_model", folder)
    begin("metric", "my_metric", folder)
    of_model = training_version("digits", "my_model")
    assert first != run_version("digits", "small_cnn", "unknown")
    assert shared_part(first) == shared_part(house[0])
    file.write_text(file.read_text().replace("*= self.factor", "*= 2 * self.factor"))
    assert run_version("digits", "small_cnn", "mine") not in (first, house[0])
    assert training_version("digits", "my_model") == of_model
    model.write_text(model.read_text().replace("128", "64"))
    assert training_version("digits", "my_model") != of_model
    assert house == of_the_house()
    assert catalogue_version() != shelves


def test_what_is_begun_is_never_written_over(folder):
    file, test = begin("metric", "mine", folder)
    with pytest.raises(WrongInput, match=r"mine\.py is there already"):
        begin("method", "mine", folder)
    file.unlink()
    with pytest.raises(WrongInput, match=r"test_mine\.py is there already"):
        begin("method", "mine", folder)
    assert test.is_file()
    with pytest.raises(WrongInput, match="got 'My method'"):
        begin("method", "My method", folder)


def test_one_whose_import_ends_the_process_is_left_out_and_the_shelves_stand(folder, tmp_path, monkeypatch):
    """Neither os._exit nor a crash can be caught: the next process does without it, and those that compute are not told to load it."""
    monkeypatch.setattr("core.domain.code_version.FRESH", 0.0)
    begin("method", "sound", folder)
    (folder / "leaves.py").write_text("import os\nos._exit(0)\n")
    (folder / "crashes.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n")
    shelves = catalogue(tmp_path / "home")
    told = {one.name: one.error for one in shelves.extensions}
    assert told["crashes"] == told["leaves"] == "Its import ended the process that read it, or did not end."
    assert shelves.methods["sound"].extension
    assert usable_extensions(tmp_path / "home") == {"sound"}
    assert not list((tmp_path / "home" / "catalogue").glob("*.importing"))


def test_a_run_loads_what_it_needs_and_metrics_and_a_reload_finds_what_was_installed_meanwhile(folder, tmp_path, monkeypatch):
    monkeypatch.setattr("core.domain.code_version.FRESH", 0.0)
    for kind in KINDS:
        begin(kind, f"my_{kind}", folder)
    (folder / "later.py").write_text("import installed_later\n" + (folder / "my_metric.py").read_text().replace("my_metric", "later"))
    root, spec = tmp_path / "home", RunSpec("digits", "my_model", ClassRequest((3,)), "ssd")
    assert usable_extensions(root) is None, "nobody has looked yet"
    assert "installed_later" in next(one.error for one in catalogue(root).extensions if one.name == "later")
    assert usable_extensions(root, spec) == {"my_model", "my_metric"}
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "installed_later.py").touch()
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "site"))
    reload(root)
    assert usable_extensions(root, spec) == {"my_model", "my_metric", "later"}
    assert [one.name for one in load_extensions(usable_extensions(root, spec))][1:] == ["my_metric", "my_model"]
    assert "my_method" not in METHODS


def test_what_has_been_taken_away_is_said_in_one_sentence():
    for shelf, kind in ((METHODS, "method"), (MODELS, "network"), (DATASETS, "dataset")):
        with pytest.raises(WrongInput) as told:
            shelf["gone"]
        assert str(told.value) == f"There is no {kind} 'gone' here; if an extension brought it, that is gone or cannot be used."
        assert "gone" not in shelf
        assert shelf.get("gone") is None


def test_a_source_of_gigabytes_is_not_read_for_its_digest(folder):
    with (folder / "huge.py").open("wb") as file:
        file.truncate(2**33)
    began = time.monotonic()
    assert catalogue_version()
    assert load_extensions()[0].error == "huge.py is larger than 1 MB, which is no source of an extension."
    assert time.monotonic() - began < 5
