"""Planted runs look like computed ones: the same numbers, the same files, the same columns."""

import subprocess
import sys

import numpy as np
import pytest

from core.domain.run import RunStatus
from core.jobs.catalogue import catalogue
from core.storage.artifacts import Artifacts
from core.storage.home import Home
from core.storage.runs import ResultStore
from tests.planted import BEHAVIOUR, KEYS, Behaviour, plant, plant_many, spec


def stored(home: Home, run_id: str) -> tuple[dict[tuple[str, str], float | None], dict[str, str]]:
    with ResultStore(home.database) as store:
        return {(m.model, m.metric): m.value for m in store.measurements(run_id)}, store.artifacts(run_id)


@pytest.fixture
def computed(first_run) -> tuple[Home, str]:
    with ResultStore(first_run[0].database) as store:
        return first_run[0], store.runs()[0].id


def test_planting_needs_no_torch():
    code = "import sys, tests.planted; print('torch' in sys.modules)"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=".")
    assert said.stdout.strip() == "False"


def test_a_planted_run_has_the_numbers_of_a_computed_one(home, computed):
    ours, _ = stored(home, plant(home, spec("ssd")))
    theirs, _ = stored(*computed)
    assert set(KEYS) <= set(catalogue(computed[0].root).metrics)  # a newer metric is one that a planted run lacks, as older runs do
    assert set(ours) == {(model, key) for model, key in theirs if key in KEYS}
    assert {key for key, value in ours.items() if value is None} == {key for key in ours if theirs[key] is None}


@pytest.mark.parametrize("name", ["per_class", "confusion", "layers", "examples", "cka", "relearn", "probes", "graft"])
def test_a_planted_table_has_the_columns_and_kinds_of_a_computed_one(home, computed, name):
    tables = []
    for place, run_id in ((home, plant(home, spec("ssd"))), computed):
        tables.append(Artifacts(place.artifacts_folder).get_table(stored(place, run_id)[1][name]))
    ours, theirs = tables
    assert list(ours.columns) == list(theirs.columns)
    assert [kind.kind for kind in ours.dtypes] == [kind.kind for kind in theirs.dtypes]
    for column in ("split", "model", "other", "set", "layer", "direction", "class"):
        if column in ours:
            assert set(ours[column]) == set(theirs[column])
    if name == "confusion":  # its rows are the cells that have an image: how many, the answers decide
        assert (ours["count"] > 0).all()
        assert (theirs["count"] > 0).all()
        sums = [table.groupby(["split", "model"])["count"].sum().sort_index().tolist() for table in (ours, theirs)]
        assert sums[0] == sums[1]
    if name in ("per_class", "layers", "probes", "graft", "cka"):
        assert len(ours) == len(theirs)


@pytest.mark.parametrize("name", ["answers", "touched", "unlearned", "original", "reference"])
def test_planted_arrays_have_the_names_and_shapes_of_computed_ones(home, computed, name):
    arrays = []
    for place, run_id in ((home, plant(home, spec("ssd"))), computed):
        arrays.append(Artifacts(place.artifacts_folder).get_arrays(stored(place, run_id)[1][name]))
    ours, theirs = ({key: (a.shape, a.dtype) for key, a in found.items()} for found in arrays)
    assert ours == theirs


def test_numbers_agree_with_the_tables(home):
    numbers, files = stored(home, plant(home, spec("finetune")))
    table = Artifacts(home.artifacts_folder).get_table(files["per_class"])
    row = table[(table["split"] == "test") & (table["model"] == "unlearned") & (table["class"] == 3)]
    assert row["accuracy"].item() == pytest.approx(numbers["unlearned", "test_forget_accuracy"])
    arrays = Artifacts(home.artifacts_folder).get_arrays(files["touched"])
    touched = sum(int(np.bitwise_count(mask).sum()) for mask in arrays.values())
    assert 0 < touched <= 38378 // 10 + 1


def test_runs_of_one_request_and_seed_share_their_original_and_reference(home):
    one, other = (stored(home, plant(home, spec(method)))[0] for method in ("ssd", "salun"))
    for key in ("test_retain_accuracy", "forget_entropy", "attack_loss_accuracy"):
        assert one["original", key] == other["original", key]
        assert one["reference", key] == other["reference", key]


def test_methods_are_good_and_bad():
    assert BEHAVIOUR["ssd"].damage < BEHAVIOUR["gradient_ascent"].damage
    assert BEHAVIOUR["finetune"].forgotten < 0.5 < BEHAVIOUR["ssd"].forgotten


def test_what_is_overridden_is_stored_as_asked(home):
    run_id = plant(home, spec("ssd"), numbers={"reference/nomus": None}, files={"cka": None}, tow=0.5)
    numbers, files = stored(home, run_id)
    assert (numbers["reference", "nomus"], numbers["unlearned", "tow"]) == (None, 0.5)
    assert "cka" not in files
    worst, _ = stored(home, plant(home, spec("ssd", seed=1), behaviour=Behaviour(forgotten=0)))
    assert worst["unlearned", "test_forget_accuracy"] > 0.8


def test_a_run_without_reference_and_one_without_classes_have_no_such_numbers(home):
    alone, _ = stored(home, plant(home, spec("ssd", reference=False)))
    assert not [key for key in alone if key[0] == "reference"]
    assert alone["unlearned", "tow"] is None
    scattered, files = stored(home, plant(home, spec("ssd", "random:0.05")))
    assert scattered["unlearned", "test_forget_accuracy"] is None
    assert len(Artifacts(home.artifacts_folder).get_table(files["probes"])) == 0


def test_many_runs_are_all_done_and_all_different(home):
    ids = plant_many(home, 60)
    with ResultStore(home.database) as store:
        runs = store.runs()
    assert len(set(ids)) == len(runs) == 60
    assert {run.status for run in runs} == {RunStatus.DONE}
