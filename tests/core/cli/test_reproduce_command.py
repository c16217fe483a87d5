"""`reproduce`, on a paper about the digits. Runs are planted as soon as they are queued: nothing is computed here."""

import csv
import io
import json
import shutil

import pytest

from core.domain.code_version import catalogue_version
from core.domain.run import RunStatus
from core.jobs import submit as jobs
from core.jobs.studies import papers
from core.storage.runs import ResultStore
from tests.planted import plant

PAPER = """
title = "SSD on digits"
dataset = "digits"
model = "small_cnn"
forget = "class:3"
seeds = [0, 1, 2]
[[methods]]
name = "ssd"
[paper]
authors = "Nobody"
arxiv = "0000.00000"
setting_from = "its appendix"
get = "take it"
files = "cifar-10-batches-py"
shown = ["test_forget_accuracy"]
notes = ["Nobody wrote it."]
[paper.setting]
dataset = "Digits"
"training images" = 5
epochs = 999
[[published]]
row = "ssd"
metric = "test_retain_accuracy"
value = 0.25
where = "Table 1"
source = "arXiv:0000.00000"
evidence = "the paper"
[[published]]
row = "cf3"
metric = "nomus"
value = 0.5
where = "Table 2"
source = "arXiv:0000.00000"
evidence = "the paper"
"""


@pytest.fixture
def main(home, in_process, catalogue_folder, tmp_path, monkeypatch):
    """The command line on an empty home, whose shelf of papers holds one: (exit status, stdout, stderr)."""
    shutil.copytree(catalogue_folder, home.root / "catalogue" / catalogue_version())
    folder = tmp_path / "papers"
    folder.mkdir()
    (folder / "ssd-digits.toml").write_text(PAPER)
    (folder / "ssd-photographs.toml").write_text(PAPER.replace('"digits"', '"cifar10"'))
    monkeypatch.setattr(papers, "FOLDER", folder)
    monkeypatch.setenv("FORGETSCOPE_DATA", str(tmp_path / "no-data"))
    papers.papers.cache_clear()
    yield in_process
    papers.papers.cache_clear()


@pytest.fixture
def planter(monkeypatch):
    """In the supervisor's place: what is queued is done at once; returns how many runs it did each time."""
    done = []

    def plant_all(place, *_):
        with ResultStore(place.database) as store:
            waiting = [run for run in reversed(store.runs(2000)) if run.status == RunStatus.QUEUED]
        for run in waiting:
            plant(place, run.spec)
        done.append(len(waiting))

    monkeypatch.setattr(jobs, "ensure_supervisor", plant_all)
    return done


def test_papers_are_listed_with_what_they_need(main):
    here, missing = json.loads(main("reproduce", "--list", "--json")[1])
    assert (here["name"], here["here"], here["needs"], here["published_numbers"]) == ("ssd-digits", "digits", "", 2)
    assert (missing["name"], missing["here"]) == ("ssd-photographs", "")
    assert "needs CIFAR-10, which is not in" in missing["needs"]
    out = main("reproduce", "--list")[1]
    assert "SSD on digits (arXiv:0000.00000), 2 published numbers" in out
    assert missing["needs"] in out


def test_a_papers_study_is_run_through_the_queue_and_its_table_printed(main, planter):
    status, out, err = main("reproduce", "ssd-digits")
    assert (status, planter) == (0, [6])  # SSD and the second reference, three seeds
    assert "6 of 6 done" in err
    lines = out.splitlines()
    (row,) = [line.split() for line in lines if line.startswith("ssd ") and "test_retain_accuracy" in line]
    assert row[2:4] == ["25.00", "%"]
    assert row[-1] == "no"
    assert row.count("±") == 1
    (lacking,) = [line for line in lines if line.startswith("cf3")]
    assert lacking.endswith("There is no such method here.")
    assert any(line.startswith("ssd ") and "test_forget_accuracy" in line and " - " in line for line in lines)  # not published
    assert "  epochs: 20 here; 999 in the paper" in lines
    assert any(line.startswith("  training images: ") and line.endswith(" here; 5 in the paper") for line in lines)
    assert "- Nobody wrote it." in lines
    assert main("reproduce", "ssd-digits")[0] == 0
    assert planter == [6]  # nothing anew


def test_the_table_comes_as_csv_and_as_json_too(main, planter):
    (told,) = json.loads(main("reproduce", "ssd-digits", "--json")[1])
    table = list(csv.DictReader(io.StringIO(main("reproduce", "ssd-digits", "--csv")[1])))
    assert [row["metric"] for row in table] == [row["metric"] for row in told["rows"]]
    assert tuple(table[0]) == papers.COLUMNS
    first = told["rows"][0]
    assert (first["row"], first["published"], first["n"], first["covered"]) == ("ssd", 0.25, 3, False)
    assert first["difference"] == pytest.approx(first["ours"] - 0.25)
    assert float(table[0]["ours"]) == first["ours"]
    assert {one["name"] for one in told["differences"]} >= {"epochs", "training images"}
    assert main("reproduce", "ssd-digits", "--csv", "--json")[0] == 2


def test_stored_runs_are_read_without_starting_any(main, planter):
    status, out, err = main("reproduce", "ssd-digits", "--stored")
    assert (status, out, planter) == (0, "", [])
    assert err == "ssd-digits: no study of it is stored; without --stored its runs are started.\n"
    first = main("reproduce", "ssd-digits", "--json")[1]
    assert main("reproduce", "ssd-digits", "--stored", "--json")[1] == first
    assert planter == [6]


def test_nothing_is_started_where_a_paper_lacks_its_data_or_is_not_known(main, planter):
    status, out, err = main("reproduce", "ssd-digits", "ssd-photographs")
    assert (status, out, err.count("\n"), planter) == (2, "", 1, [])
    assert err.startswith("SSD on digits needs CIFAR-10, which is not in")
    assert err.endswith("; take it, or let its runs download it (--download).\n")
    lacking = main("reproduce", "ssd-photographs", "--subset")[2]
    assert lacking.endswith("; take it, or let its runs download it (--download), and no dataset that was added has its classes.\n")
    assert main("reproduce", "resnet")[2] == "There is no paper 'resnet'; choose one of: ssd-digits, ssd-photographs.\n"
    assert main("reproduce")[2] == "Which paper is wanted; name one or more of: ssd-digits, ssd-photographs.\n"
