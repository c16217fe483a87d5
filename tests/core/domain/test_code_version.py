"""Versions of what computes: which change makes another, and which does not."""

import ast
from dataclasses import replace
import json
import subprocess
import sys

import pytest

from core.data.registry import DATASETS
from core.domain import code_version as version
from core.domain import presets
from core.domain.code_version import analysis_version, run_version, shared_part, shared_version, training_version
from core.jobs.write_code_versions import parts
from core.methods.registry import METHODS
from core.models.registry import MODELS

ROOT = version.CORE.parent
SUBJECT = ("digits", "small_cnn")


def files(tmp_path):
    """A small engine: path -> text."""
    return {
        "data/datasets/digits.py": "def load(): return 1",
        "data/datasets/mnist.py": "def load(): return 2",
        "data/splits.py": "from core.domain.requests import values\ndef split(): return 3",
        "domain/requests/values.py": "class Values:\n    noun = 'class'\n    by_rule = True\n    def words(self): return 5",
        "data/importing/load.py": "def load_added(): return 4",
        "models/small_cnn.py": "from core.models.layers import attended\ndef build(): return attended()",
        "models/layers.py": "def attended(): return 14",
        "models/registry.py": "from core.models import small_cnn",
        "training/loop.py": "def fit(): return 6",
        "methods/ssd.py": "from core.maths import half\ndef unlearn(): return half(7)",
        "methods/retrain.py": "def unlearn(): return 8",
        "maths.py": "def half(x): return x / 2",
        "metrics/accuracy.py": "def accuracy(): return 9",
        "metrics/base.py": "TITLE = 'A share of images'\ndef need(): return 10",
        "pipeline.py": "from core.metrics import base\nfrom core.models.layers import attended\ndef run(): return 11",
        "analysis/weights/alpha.py": "def curve(): return 12",
        "storage/runs.py": "def store(): return 13",
    }


class Engine:
    def __init__(self, folder, monkeypatch):
        self.folder, self.patch = folder, monkeypatch
        for name, text in files(folder).items():
            self.write(name, text)
        monkeypatch.setattr(version, "CORE", folder)
        monkeypatch.setattr(version, "FIRST", folder / "first.json")
        libraries = version._libraries(version.LIBRARIES)
        known = {"training": {"version": "t" * 12, "libraries": libraries}, "engine": {"version": "e" * 12, "libraries": libraries}}
        self.first({"versions": known, "parts": {}})
        version.write_first(["training", "running", "analysis", "dataset:", "dataset:digits", "dataset:mnist", "model:small_cnn",
                             "method:ssd", "method:retrain", "metric:accuracy"], [("digits", "small_cnn"), ("", "small_cnn")])  # fmt: skip
        self.anew()

    def first(self, plain):
        version.FIRST.write_text(json.dumps(plain))
        self.anew()

    def anew(self):
        """Another process, that looks at the sources as they are now."""
        version._first.cache_clear()
        self.patch.setattr(version, "_last", (0.0, ()))
        version._hashes.cache_clear()

    def write(self, name, text):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def versions(self):
        self.anew()
        return {
            "training": training_version(*SUBJECT), "other training": training_version("mnist", "small_cnn"),
            "ssd": run_version(*SUBJECT, "ssd"), "retrain": run_version(*SUBJECT, "retrain"),
            "other": run_version("mnist", "small_cnn", "ssd"), "own": run_version("own-1", "small_cnn", "ssd"),
            "analysis": analysis_version(*SUBJECT),
        }  # fmt: skip

    def changed(self):
        """Names of versions that are not what they were first."""
        return {name for name, now in self.versions().items() if now != self.before[name]}


@pytest.fixture
def engine(tmp_path, monkeypatch):
    engine = Engine(tmp_path, monkeypatch)
    engine.before = engine.versions()
    yield engine
    monkeypatch.undo()
    version._first.cache_clear()
    version._hashes.cache_clear()


RUNS = {"ssd", "retrain", "other", "own"}
ALL = {*RUNS, "training", "other training", "analysis"}


def test_runs_that_an_engine_before_this_one_stored_have_the_version_that_they_have(engine):
    assert (engine.before["training"], engine.before["ssd"], engine.before["own"]) == ("t" * 12, "e" * 12, "e" * 12)


@pytest.mark.parametrize("name, text", [
    ("methods/l1.py", "def unlearn(): return 0"), ("metrics/calibration.py", "def error(): return 0"),
    ("domain/requests/nearest.py", "def indices(): return 0"), ("domain/requests/names.py", "def indices_of(): return 0"),
    ("data/datasets/kmnist.py", "def load(): return 0"), ("models/vgg.py", "def build(): return 0"),
    ("models/registry.py", "from core.models import small_cnn, vgg"), ("storage/runs.py", "def store(): return 0"),
    ("domain/requests/values.py", "class Values:\n    noun = 'person'\n    by_rule = True\n    def words(self): return 6"),
    ("metrics/base.py", "TITLE = 'How often it is right'\ndef need(): return 10"),
    ("methods/ssd.py", "\n# alpha\nfrom core.maths import half\ndef unlearn():\n    'Shrinks weights.'\n    return half(7)"),
])  # fmt: skip
def test_what_is_added_described_or_stored_elsewhere_changes_no_version(engine, name, text):
    engine.write(name, text)
    assert engine.changed() == set()


@pytest.mark.parametrize("name, text, wanted", [
    ("methods/ssd.py", "from core.maths import half\ndef unlearn(): return half(8)", {"ssd", "other", "own"}),
    ("maths.py", "def half(x): return x / 3", {"ssd", "other", "own"}),
    ("metrics/accuracy.py", "def accuracy(): return 0", {*RUNS, "analysis"}),
    ("metrics/base.py", "def need(): return 0", {*RUNS, "analysis"}),
    ("pipeline.py", "from core.metrics import base\ndef run(): return 0", {*RUNS, "analysis"}),
    ("data/datasets/digits.py", "def load(): return 0", {"training", "ssd", "retrain", "analysis"}),
    ("data/importing/load.py", "def load_added(): return 0", {"own"}),
    ("domain/requests/values.py", "class Values:\n    noun = 'class'\n    by_rule = False\n    def words(self): return 5", ALL),
    ("training/loop.py", "def fit(): return 0", ALL), ("models/layers.py", "def attended(): return 0", ALL),
    ("models/small_cnn.py", "def build(): return 0", ALL),
    ("analysis/weights/alpha.py", "def curve(): return 0", {"analysis"}),
])  # fmt: skip
def test_a_version_changes_with_the_code_that_decides_its_numbers(engine, name, text, wanted):
    engine.write(name, text)
    assert engine.changed() == wanted


@pytest.mark.parametrize("one, other", [
    ("for x in y:\n    a()\n    b()", "for x in y:\n    a()\nb()"), ("f(g(a, b))", "f(g(a), b)"), ("{**a, 'b': c}", "{'b': a, **c}"),
    ("f(None)", "f('a b')"), ("f([], [a])", "f([a], [])"), ("from core.m import half", "from core.m import third as half"),
])  # fmt: skip
def test_code_that_says_something_else_has_another_hash(one, other):
    assert list(version._said(ast.parse(one))) != list(version._said(ast.parse(other)))


def test_titles_and_sentences_are_no_code():
    def said(code):
        return list(version._said(ast.parse(code)))

    assert said("Info('a', title='A', help='Of a.')") == said("Info('a', title='B', help='B.')")
    assert said("'One sentence.'") == said("'Another one.'")


def test_a_module_that_moves_changes_no_version(engine):
    engine.write("methods/ssd.py", "from core.arithmetic import half\ndef unlearn(): return half(7)")
    engine.write("arithmetic.py", "def half(x): return x / 2")
    assert engine.changed() == set()


def test_a_method_that_changed_is_still_held_against_runs_of_others(engine):
    engine.write("methods/ssd.py", "def unlearn(): return 0")
    now = engine.versions()
    assert now["ssd"] != now["retrain"]
    assert shared_part(now["ssd"]) == shared_part(now["retrain"]) == shared_version(*SUBJECT)


def test_a_new_family_of_metrics_counts_from_the_day_it_is_written_down(engine):
    engine.write("metrics/calibration.py", "def error(): return 1")
    engine.anew()
    version.write_first(["metric:calibration"])
    assert engine.changed() == set()
    engine.write("metrics/calibration.py", "def error(): return 2")
    assert engine.changed() == {*RUNS, "analysis"}


def test_a_new_kind_of_request_counts_from_the_day_it_is_written_down_for_trained_networks_too(engine):
    """Which images were left out, and which labels were flipped, decides a network's weights."""
    engine.write("domain/requests/nearest.py", "def indices(): return 1")
    engine.anew()
    version.write_first(["request:nearest"])
    assert engine.changed() == set()
    engine.write("domain/requests/nearest.py", "def indices(): return 2")
    assert engine.changed() == ALL


@pytest.mark.parametrize("pair, wanted", [
    (("digits", "small_cnn"), {"training", "ssd", "retrain", "analysis"}), (("mnist", "all_cnn"), set()),
])  # fmt: skip
def test_it_changes_with_the_recipe_of_its_dataset_and_model(engine, monkeypatch, pair, wanted):
    preset = presets.preset_for("digits", "small_cnn")
    monkeypatch.setitem(presets.PRESETS, pair, replace(preset, recipe=replace(preset.recipe, epochs=1)))
    assert engine.changed() == wanted


def test_it_changes_with_a_library(engine, monkeypatch):
    monkeypatch.setattr(version, "version", lambda name: "9.9")
    version._libraries.cache_clear()
    version._run_version.cache_clear()
    assert engine.changed() == ALL
    monkeypatch.undo()
    version._libraries.cache_clear()
    version._run_version.cache_clear()


def test_sources_that_did_not_change_keep_their_stamps_object(monkeypatch):
    first = version._stamps()
    monkeypatch.setattr(version, "_last", (float("-inf"), first))  # longer ago than a second: they are looked at again
    assert version._stamps() is first
    older = tuple((path, 0) for path, _ in first)
    monkeypatch.setattr(version, "_last", (float("-inf"), older))
    assert version._stamps() == first


def test_every_dataset_model_and_method_has_code_of_its_own():
    hashes = version._hashes(version._stamps())
    for kind, keys in {"dataset": DATASETS, "model": MODELS, "method": METHODS}.items():
        for key in keys:
            assert hashes.modules(f"{kind}:{key}"), (kind, key)
            assert kind != "dataset" or hashes.is_builtin(key), key


def test_families_of_metrics_and_kinds_of_request_that_were_released_are_written_down():
    named, written = set(parts(everything=False)), version._first()["parts"].keys()
    assert {part for part in written if part.startswith(("metric:", "request:"))} <= named
    assert {"request:random", "request:classes", "request:samples", "metric:accuracy", "metric:membership_inference"} <= named & written


def test_other_processes_and_hash_seeds_find_the_same_version():
    code = "from core.domain.code_version import run_version; print(run_version('digits', 'small_cnn', 'ssd'))"
    said = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env={"PYTHONHASHSEED": "7"}, capture_output=True, text=True, check=True)
    assert said.stdout.strip() == run_version("digits", "small_cnn", "ssd")
