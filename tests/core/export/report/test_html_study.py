"""A study as one HTML file: means and intervals by another library, every run with its verdict, the file that repeats it."""

import numpy as np
import pytest
from scipy import stats

from core.domain.errors import WrongInput
from core.domain.requests.registry import parse_request
from core.export.bundle.bring import bring
from core.export.bundle.write import export
from core.export.report.html_study import study_report
from core.export.report.repeat import study_file
from core.jobs import submit as jobs
from core.jobs.studies import submit
from core.jobs.studies.plan import make_plan, specs
from core.storage.home import open_home
from tests.core.export.reading import Read
from tests.planted import plant

VALUES = {"ssd": (0.97, 0.98, 0.99), "finetune": (0.90, 0.90, 0.93), "retrain": (0.979, 0.98, 0.981)}


@pytest.fixture(autouse=True)
def nothing_runs(monkeypatch):
    monkeypatch.setattr(jobs, "ensure_supervisor", lambda *_: None)


def study(home, shelves, seeds=(0, 1, 2)):
    plan = make_plan(shelves, "digits", "small_cnn", parse_request("class:3"), [("ssd", {}), ("finetune", {})], (0, 1, 2), title="Two <b>")
    for one in specs(plan, shelves):
        if one.seed in seeds:
            plant(home, one, test_retain_accuracy=VALUES[one.method][one.seed])
    return plan, submit.submit(home, plan, shelves)


def test_means_intervals_and_a_verdict_for_each_run(home, shelves):
    plan, study_id = study(home, shelves)
    text = study_report(home, study_id, shelves).text
    read = Read(text)
    assert len(text) < 7_000_000
    half = 100 * stats.t.ppf(0.975, 2) * np.std(VALUES["ssd"], ddof=1) / np.sqrt(3)
    at = next(row.index("Retain, test ↑") for row in read.rows if "Retain, test ↑" in row)
    ssd = next(row for row in read.rows if row[0] == "ssd" and len(row) > at and row[at].endswith(" %"))
    assert ssd[at] == f"98.0 ± {half:.1f} %"
    runs = [row for row in read.rows if row[0] in ("ssd", "finetune", "retrain") and len(row) == 5 and len(row[-1]) == 12]
    assert [(row[0], row[1]) for row in runs] == [(method, str(seed)) for method in ("ssd", "finetune", "retrain") for seed in range(3)]
    assert all(row[2] for row in runs)
    assert study_file(plan) in text.replace("&#34;", '"').replace("&lt;", "<").replace("&gt;", ">")
    assert "<b>" not in text
    assert len(read.figures) >= 4
    bars = read.figures[1]["data"][0]  # of retain accuracy
    assert bars["x"] == pytest.approx([0.98, 0.91])
    assert bars["error_x"]["array"][0] == pytest.approx(half / 100)


def test_runs_that_are_not_done_are_told(home, shelves):
    _, study_id = study(home, shelves, seeds=(0,))
    read = Read(study_report(home, study_id, shelves).text)
    assert "6 of its 9 runs are not done." in read.text
    assert "Only 1 seed stands behind these numbers" in read.text


def test_a_study_that_came_in_a_bundle_says_so(home, shelves, tmp_path):
    _, study_id = study(home, shelves)
    said = "computed elsewhere and came in the file of ada.zip; nothing here has computed them again."
    assert said not in Read(study_report(home, study_id, shelves).text).text
    export(home, [study_id], tmp_path / "of ada.zip")
    there = open_home(tmp_path / "there")
    bring(there, tmp_path / "of ada.zip")
    assert f"These numbers were {said}" in Read(study_report(there, study_id, shelves).text).text


def test_a_study_without_a_finished_run_has_no_report(home, shelves):
    _, study_id = study(home, shelves, seeds=())
    with pytest.raises(WrongInput, match="No run of study"):
        study_report(home, study_id, shelves)
