"""The finished examples that ship: small, whole, brought in once, and with the numbers that the engine finds today."""

import json
import subprocess

import pytest

from core.data.registry import DATASETS
from core.export import examples
from core.export.bundle import bring as bringing
from core.export.bundle.bring import bring
from core.export.examples import EXAMPLES, FOLDER, MARKER, MOST_BYTES, TAG, by_key
from core.jobs import submit
from core.reports.run_report import numbers_of
from core.storage.home import Home, open_home
from core.storage.record_types import Label
from core.storage.related_runs import beside
from core.storage.runs import ResultStore
from tests.benchmarks.examples import shelves

# Two machines round sums differently, and training amplifies it; on one machine the numbers are equal.
TOLERANCE = {"accuracy": 0.03, "auc": 0.06, "steps": 8}
COMPARED = (
    ("test_forget_accuracy", "accuracy"), ("test_retain_accuracy", "accuracy"), ("attack_auc", "auc"), ("relearn_steps", "steps"),
)  # fmt: skip


@pytest.fixture(scope="module")
def brought(tmp_path_factory: pytest.TempPathFactory) -> tuple[Home, dict[str, str]]:
    """A home that has them; only to be looked at."""
    home = open_home(tmp_path_factory.mktemp("examples") / "home")
    return home, examples.ensure(home)


def test_all_that_ships_stays_under_the_limit_and_nothing_else_lies_there():
    sizes = {path.name: path.stat().st_size for path in FOLDER.iterdir()}
    assert sum(sizes.values()) <= MOST_BYTES
    wanted = {path.name for example in EXAMPLES for path in (example.bundle, example.wall, example.look)}
    assert sizes.keys() == wanted | {examples.LOOKS, examples.SHELVES}


def test_what_ships_of_the_catalogue_is_what_the_engine_says_today():
    assert json.loads((FOLDER / examples.SHELVES).read_text()) == json.loads(json.dumps(shelves())), "make examples writes it anew"
    assert examples.datasets() == {key: DATASETS[key].INFO for key in ("digits", "faces")}


@pytest.mark.parametrize("text", [
    "", "[]", "{}", '{"datasets": 3, "titles": null}', '{"datasets": {"digits": 3}}', '{"datasets": {"digits": {}}}',
])  # fmt: skip
def test_damaged_notes_on_the_catalogue_are_none(monkeypatch, tmp_path, text):
    monkeypatch.setattr(examples, "FOLDER", tmp_path)
    (tmp_path / examples.SHELVES).write_text(text)
    assert not examples.datasets.__wrapped__()
    assert not examples.titles.__wrapped__()


@pytest.mark.parametrize("file", sorted({example.file for example in EXAMPLES}))
def test_what_ships_passes_the_checks_of_foreign_bundles(tmp_path, monkeypatch, request, file):
    monkeypatch.setattr(bringing, "catalogue", lambda _: request.getfixturevalue("shelves"))
    assert bring(open_home(tmp_path / "home"), FOLDER / file).runs


def test_each_example_is_the_run_that_it_says_with_label_and_tag(brought):
    home, found = brought
    assert found.keys() == by_key().keys()
    with ResultStore(home.database) as store:
        for key, run_id in found.items():
            run, example = store.existing(run_id), by_key()[key]
            assert (run.spec.dataset, run.spec.model, run.spec.method) == (example.dataset, example.model, example.method)
            assert (run.label.name, run.label.tags) == (example.name, (TAG,))
            assert run.imported is not None
            files = store.artifacts(run_id)
            assert {"original", "unlearned", "reference", "per_class", "layers", "relearn"} <= files.keys()


def test_the_examples_have_the_numbers_of_a_fresh_run(brought, first_run: "tuple[Home, subprocess.CompletedProcess[str]]"):
    home, found = brought
    fresh = json.loads(first_run[1].stdout)
    with ResultStore(home.database) as store:
        numbers, spec = numbers_of(store, found["digits"]), store.existing(found["digits"]).spec
    assert {name: fresh["spec"][name] for name in ("dataset", "model", "method", "params", "seed")} == {
        "dataset": spec.dataset, "model": spec.model, "method": spec.method, "params": spec.params, "seed": spec.seed,
    }  # fmt: skip
    for model, ours in (("unlearned", fresh["metrics"]), ("original", fresh["original"]), ("reference", fresh["reference"])):
        for metric, kind in COMPARED:
            assert numbers[model][metric] == pytest.approx(ours[metric], abs=TOLERANCE[kind]), (model, metric)


def test_a_deleted_example_stays_deleted_until_it_is_asked_for(home):
    found = examples.ensure(home)
    submit.delete(home, found["retrained"], for_good=True)
    left = {key: run_id for key, run_id in found.items() if key != "retrained"}
    assert examples.ensure(home) == left
    assert examples.restore(home) == found
    assert examples.ensure(home) == found


def test_restoring_changes_no_label_that_a_person_wrote(home):
    found = examples.ensure(home)
    with ResultStore(home.database) as store:
        store.write_label(found["digits"], Label("mine"))
    examples.restore(home)
    with ResultStore(home.database) as store:
        assert store.existing(found["digits"]).label.name == "mine"


@pytest.mark.parametrize("text", ["", "[]", "\0", '{"digits": 3, "retrained": ["a"]}', '{"digits": "nothing of the kind", "other": "a"}'])
def test_damaged_notes_are_as_none(home, text):
    (home.root / MARKER).write_text(text)
    assert examples.ensure(home) == {}


def test_every_picture_has_captions_of_its_networks():
    assert examples.looks().keys() == by_key().keys()
    for captions in examples.looks().values():
        assert list(captions) == ["image", "original", "unlearned", "reference"]
        assert all(0 <= float(captions[model]["probability"]) <= 1 for model in ("original", "unlearned", "reference"))


def test_the_faces_show_nothing_by_accuracy_and_something_by_an_attack(brought):
    home, found = brought
    with ResultStore(home.database) as store:
        numbers = numbers_of(store, found["faces"])
        second = beside(store, store.existing(found["faces"]).spec).floor
        assert second is not None
        retrained_again = numbers_of(store, second.id)["unlearned"]
    networks = [*(numbers[model] for model in ("original", "unlearned", "reference")), retrained_again]
    assert {network["train_forget_accuracy"] for network in networks} == {1.0}
    for metric in ("attack_auc", "attack_entropy_members"):  # both retrained networks lie on the same side, far off
        assert min(numbers[m][metric] for m in ("original", "unlearned")) > max(n[metric] for n in networks[2:]) + 0.15, metric
