"""`leaderboard`, of studies whose runs are planted: nothing is computed here."""

import csv
import io
import json
import shutil

import pandas as pd
import pytest

from core.domain.code_version import catalogue_version
from core.domain.run import RunStatus
from core.jobs import submit as jobs
from core.jobs.studies.leaderboard_of_studies import names_of_runs
from core.reports.compare.leaderboard import COLUMNS
from core.storage.runs import ResultStore
from tests.planted import plant

STUDY = """
dataset = "digits"
model = "small_cnn"
forget = "class:3"
seeds = [0, 1, 2]
[[methods]]
name = "ssd"
[[methods]]
name = "finetune"
"""
GAPS = {"ssd": 0.05, "finetune": 0.30, "retrain": 0.01}
VERSIONS: dict[int, str] = {}  # seed -> the version of the extension that measured `mine`; none of other seeds


@pytest.fixture
def main(home, in_process, catalogue_folder, monkeypatch):
    """The command line on an empty home in which what is queued is done at once, with these gaps."""
    shutil.copytree(catalogue_folder, home.root / "catalogue" / catalogue_version())

    def plant_all(place, *_):
        with ResultStore(place.database) as store:
            waiting = [run for run in reversed(store.runs(100)) if run.status == RunStatus.QUEUED]
        for run in waiting:
            version = VERSIONS.get(run.spec.seed)
            files = {"metric_versions": pd.DataFrame([("mine", version)], columns=["metric", "version"])} if version else {}
            plant(place, run.spec, files=files, average_gap=GAPS[run.spec.method] + 0.001 * run.spec.seed)

    monkeypatch.setattr(jobs, "ensure_supervisor", plant_all)
    return in_process


@pytest.fixture
def study(main, tmp_path):
    file = tmp_path / "study.toml"
    file.write_text(STUDY)
    return json.loads(main("sweep", file, "--json")[1])["id"]


def test_methods_of_studies_are_ranked_as_text_json_and_csv(main, study):
    told = json.loads(main("leaderboard", "--json")[1])
    cells = [(cell["method"], cell["rank"], cell["rank_to"], cell["n"]) for cell in told["cells"]]
    assert cells == [("ssd", 1, 1, 3), ("finetune", 2, 2, 3)]
    assert told["cells"][0]["gap"] == pytest.approx(0.051)
    assert told["cells"][0]["second_reference"] == pytest.approx(0.011)
    table = list(csv.DictReader(io.StringIO(main("leaderboard", "--csv")[1])))
    assert (tuple(table[0]), [row["method"] for row in table]) == (COLUMNS, ["ssd", "finetune"])
    out = main("leaderboard", study)[1]
    assert [line.split()[:2] for line in out.splitlines() if line.startswith("  ")] == [["1", "ssd"], ["2", "finetune"]]
    assert "class:3 · digits · small_cnn" in out


def test_it_says_where_metrics_of_extensions_were_measured_by_several_versions(main, tmp_path, monkeypatch):
    file = tmp_path / "study.toml"
    file.write_text(STUDY)
    monkeypatch.setattr(f"{__name__}.VERSIONS", {0: "aa", 1: "bb"})
    main("sweep", file)
    words = "Metrics of extensions were measured by several versions or sets of them, so these may differ for that alone."
    assert words in " ".join(main("leaderboard")[1].split())
    assert json.loads(main("leaderboard", "--json")[1])["caution"] == words


def test_a_preset_has_one_name_though_another_study_asked_for_its_values(main, study, home, tmp_path):
    file = tmp_path / "again.toml"
    file.write_text('title = "again"\n' + STUDY.replace('name = "finetune"', 'name = "finetune"\nepochs = 5'))
    main("sweep", file, "--json")
    with ResultStore(home.database) as store:
        assert set(names_of_runs(store).values()) == {"ssd", "finetune", "retrain"}
        assert set(names_of_runs(store, [study]).values()) == {"ssd", "finetune", "retrain"}
    assert [cell["method"] for cell in json.loads(main("leaderboard", "--json")[1])["cells"]] == ["ssd", "finetune"]


def test_without_studies_it_says_how_to_start_one_and_an_unknown_study_is_refused(main):
    assert main("leaderboard") == (0, "", "No task has two methods that can be ranked yet; `sweep --help` says how to start a study.\n")
    assert json.loads(main("leaderboard", "--json")[1]) == {"measure": "average_gap", "cells": [], "caution": ""}
    assert main("leaderboard", "s000")[0] == 2
    assert main("leaderboard", "--json", "--csv")[0] == 2
