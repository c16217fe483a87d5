"""The passport's sentences follow from the numbers of the run, and its digests from its files."""

import hashlib
import json

from core.export.passport import digests_of, passport
from core.export.run_contents import contents
from core.storage.runs import ResultStore
from tests.planted import plant, spec


def of(home, run_id, shelves):
    with ResultStore(home.database) as store:
        return contents(home, store, run_id, shelves)


def test_it_says_what_was_asked_and_how_strong_the_evidence_is(reported, shelves):
    home, run_id, _ = reported
    told = passport(of(home, run_id, shelves))
    assert "147 of 1,437 training images (10.2 %)" in told.asked[1]
    assert told.strength[0].startswith("Seeds: 1 finished run of this request with these settings; 3 or more are wanted")
    (variability,) = (line for line in told.strength if line.startswith("Retraining variability"))
    assert "the attack's AUC by 3.0 points" in variability  # 53 % and 50 %
    # Hanley and McNeil by hand, AUC 0.6 of 147 and 36: Q1 = 0.6/1.4, Q2 = 0.72/1.6
    error = ((0.6 * 0.4 + 146 * (0.6 / 1.4 - 0.36) + 35 * (0.72 / 1.6 - 0.36)) / (147 * 36)) ** 0.5
    assert f"its AUC is 60 % ± {196 * error:.1f} %" in told.strength[-1]
    assert any("one run with one seed" in line for line in told.open)
    assert not any("was not measured" in line for line in told.open)


def test_other_seeds_count_and_other_settings_do_not(planted, shelves):
    home, run_id = planted
    plant(home, spec("ssd", seed=1))
    plant(home, spec("ssd", seed=2))
    plant(home, spec("ssd", seed=3, params={"alpha": 9.0}))
    plant(home, spec("ssd", "class:5", seed=4))
    told = passport(of(home, run_id, shelves))
    assert told.strength[0].startswith("Seeds: 3 finished runs of this request with these settings.")
    assert not any("one run with one seed" in line for line in told.open)


def test_without_a_second_reference_the_variability_is_open(home, shelves):
    told = passport(of(home, plant(home, spec("ssd")), shelves))
    assert any("differ by chance was not measured" in line for line in told.open)
    assert "Retraining variability: not measured." in told.strength


def test_digests_are_those_of_the_files_and_the_request(reported, shelves):
    home, run_id, _ = reported
    run = of(home, run_id, shelves)
    found = digests_of(run)
    for model, words in (("original", "original"), ("unlearned", "unlearned"), ("reference", "retrained reference")):
        assert found[f"weights, {words}"] == hashlib.sha256((home.artifacts_folder / run.files[model]).read_bytes()).hexdigest()
    request = {"kind": "class", "picks": [3], "amount": 0.0, "seed": 0, "column": ""}
    assert found["data request"] == hashlib.sha256(json.dumps(["digits", request], sort_keys=True).encode()).hexdigest()
    assert found["code"] == run.run.spec.engine
