"""Studies and comparisons without a screen. Runs are planted as soon as they are queued: nothing is computed here."""

import csv
import io
import json
import shutil

import pytest

from core.cli import study as sweeping
from core.cli.output import with_unit
from core.domain.code_version import catalogue_version
from core.domain.requests.registry import parse_request
from core.domain.run import RunSpec, RunStatus
from core.jobs import submit as jobs
from core.storage.processes import ProcessId
from core.storage.runs import ResultStore
from tests.planted import Behaviour, plant, spec

STUDY = """
dataset = "digits"
model = "small_cnn"
forget = "class:3"
seeds = [0, 1, 2]
[[methods]]
name = "ssd"
[[methods]]
name = "ssd"
alpha = 2
"""


@pytest.fixture
def main(home, in_process, catalogue_folder):
    """The command line called in this process on an empty home: (exit status, stdout, stderr)."""
    shutil.copytree(catalogue_folder, home.root / "catalogue" / catalogue_version())

    return in_process


@pytest.fixture
def planter(home, monkeypatch):
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


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "study.toml"
    path.write_text(STUDY)
    return path


def test_a_sweeps_limit_is_the_files_or_the_options_and_is_told(main, planter, file):
    file.write_text('limit = "2h"\n' + STUDY)
    assert main("sweep", file)[0] == 0
    assert [one["limit_seconds"] for one in json.loads(main("studies", "--json")[1])] == [7200]
    assert main("sweep", file, "--limit", "15min")[0] == 0
    assert [one["limit_seconds"] for one in json.loads(main("studies", "--json")[1])] == [900]
    status, _, err = main("sweep", file, "--limit", "soon")
    assert (status, "A time limit must be from 1 second to 365 days" in err) == (2, True)


def test_a_sweep_prints_a_table_with_interval_reference_and_floor(main, planter, file):
    status, out, err = main("sweep", file)
    cost, ended = (line.partition("  ")[2] for line in err.splitlines())
    assert (status, ended) == (0, "9 of 9 done")
    assert cost == "How long it takes is not known: some of these have not been run on this machine yet."
    assert planter == [9]
    lines = out.splitlines()
    assert "class:3 · digits · small_cnn  seeds 0-2  9 of 9 runs done" in lines[0]
    assert [line.strip() for line in lines if line.startswith("  ") and "ssd" in line][:2] == ["1  ssd", "2  ssd · alpha=2"]
    head = next(line for line in lines if "second reference" in line and "±" not in line)
    assert head.split() == ["1", "ssd", "2", "ssd", "original", "reference", "second", "reference"]
    row = next(line for line in lines if line.startswith("test_retain_accuracy"))
    assert row.count("±") == 5
    assert row.count("(3)") == 5
    said = " ".join(lines[1:4])
    assert said.startswith("No difference between SSD (alpha=2) and SSD (alpha=4.2) can be told in forget accuracy, retain accuracy")
    assert "Forgetting quality (NeurIPS 2023) needs 8 seeds; there are 3." in lines
    assert max(map(len, lines[4:-3])) <= 134


def test_the_same_file_again_computes_nothing_and_one_with_more_seeds_only_what_is_new(main, planter, file):
    first = json.loads(main("sweep", file, "--json")[1])
    again = json.loads(main("sweep", file, "--json")[1])
    assert again == first
    assert planter == [9]
    file.write_text(STUDY.replace("[0, 1, 2]", "'0-3'"))
    grown = json.loads(main("sweep", file, "--json")[1])
    assert (grown["id"], grown["seeds"], planter) == (first["id"], [0, 1, 2, 3], [9, 3])
    assert [variant["runs"][:3] for variant in grown["variants"]] == [variant["runs"] for variant in first["variants"]]
    (listed,) = json.loads(main("studies", "--json")[1])
    assert (listed["id"], listed["total"], listed["done"], len(listed["runs"])) == (first["id"], 12, 12, 12)


def test_the_json_of_a_sweep_has_every_variant_with_mean_half_width_and_n(main, planter, file):
    told = json.loads(main("sweep", file, "--json")[1])
    assert [variant["method"] for variant in told["variants"]] == ["ssd", "ssd", "retrain"]
    assert told["variants"][1]["settings"] == {"alpha": 2.0}
    cell = told["variants"][0]["metrics"]["zrf"]
    assert cell.keys() == {"mean", "half_width", "n"}
    assert cell["n"] == 3
    assert told["floor"] == told["variants"][2]["metrics"]
    assert told["variants"][0]["absent"]["forgetting_quality"].startswith("Forgetting quality")
    assert (told["total"], told["done"], told["failed"]) == (9, 9, 0)


def test_many_variants_go_into_several_tables_as_wide_as_a_screen(main, planter, file):
    file.write_text(STUDY + "".join(f'[[methods]]\nname = "finetune"\nepochs = {n}\n' for n in (1, 2, 3)))
    out = main("sweep", file)[1]
    heads = [line.split() for line in out.splitlines() if line.endswith("second reference")]
    assert [head[::2] for head in heads] == [
        ["1", "2", "original", "second"], ["3", "4", "original", "second"], ["5", "original", "second"],
    ]  # fmt: skip


def test_few_seeds_are_said(main, planter, file):
    file.write_text(STUDY.replace("[0, 1, 2]", "[4]"))
    out = main("sweep", file)[1]
    assert out.splitlines()[-1] == "Only 1 seed stands behind these numbers: too few for a claim; ask for 3 or more."


def test_ctrl_c_cancels_the_whole_study_and_ends_with_130(main, home, file, monkeypatch):
    monkeypatch.setattr(jobs, "ensure_supervisor", lambda *_: None)
    follow = sweeping.follow
    asked = []

    def interrupted(*words):
        asked.append(words)
        if len(asked) == 1:
            raise KeyboardInterrupt
        return follow(*words)

    monkeypatch.setattr(sweeping, "follow", interrupted)
    status, out, err = main("sweep", file)
    assert (status, "0 of 9 done" in err) == (130, True)
    with ResultStore(home.database) as store:
        assert {run.status for run in store.runs()} == {"cancelled"}
    assert "0 of 9 runs done" in out


def test_a_sweep_with_a_failed_run_ends_with_1_and_says_which(main, home, file, monkeypatch):
    def fail_first(place, *_):
        with ResultStore(place.database) as store:
            claimed = store.claim(ProcessId.of_this_process())
            if claimed:
                store.finish(claimed[0].id, claimed[1], RunStatus.FAILED, error="first\nDiverged: it did.")
            waiting = [run for run in reversed(store.runs()) if run.status == RunStatus.QUEUED]
        for run in waiting:
            plant(place, run.spec)

    monkeypatch.setattr(jobs, "ensure_supervisor", fail_first)
    status, out, err = main("sweep", file)
    assert status == 1
    assert "8 of 9 done, 1 failed" in err
    assert err.splitlines()[-1].endswith("ssd, seed 0: Diverged: it did.")
    assert "Only 2 seeds stand behind some of these numbers" in out


@pytest.mark.parametrize(
    "words, wanted",
    [
        (("sweep",), "FILE"),
        (("sweep", "nothing.toml"), "nothing.toml must be a file that describes a study"),
        (("compare",), "ID"),
        (("compare", "nope"), "There is no run 'nope'"),
        (("compare", "\udcff"), "There is no run"),
        (("compare", "x", "--csv", "--json"), "choose one of --json, --csv and --latex"),
        (("show", "s123"), "There is no run 's123'"),
    ],
)
def test_wrong_use_ends_with_2_and_one_line(main, words, wanted):
    status, out, err = main(*words)
    assert (status, out, len(err.splitlines())) == (2, "", 1)
    assert wanted in err


def test_a_file_that_is_wrong_asks_for_nothing(main, home, file):
    file.write_text(STUDY + "gamma = 1\n")
    status, out, err = main("sweep", file)
    assert (status, out, len(err.splitlines())) == (2, "", 1)
    assert "no parameter 'gamma'" in err
    assert main("runs", "--json")[1] == "[]\n"
    assert main("studies") == (0, "No studies yet; `sweep --help` says how to start one.\n", "")


def test_a_study_is_listed_shown_cancelled_and_deleted_by_its_id(main, planter, file):
    study = json.loads(main("sweep", file, "--json")[1])["id"]
    assert f"{study}  9/9 done" in main("studies")[1]
    assert json.loads(main("show", study, "--json")[1])["id"] == study
    assert "second reference" in main("show", study)[1]
    assert main("cancel", study) == (0, "", "")
    assert main("delete", study)[:2] == (0, "")
    assert main("studies", "--json")[1] == "[]\n"
    assert main("undelete", study) == (0, "", "")
    assert f"{study}  9/9 done" in main("studies")[1]
    assert main("delete", study, "--for-good")[0] == 0
    assert main("undelete", study)[0] == 2
    assert main("studies", "--json")[1] == "[]\n"
    assert len(json.loads(main("runs", "--json")[1])) == 9


# compare


def test_compare_gives_a_row_a_run_and_a_column_a_metric(main, home, planter, file):
    ids = [plant(home, spec("ssd", seed=seed)) for seed in (0, 1)]
    status, out, err = main("compare", *ids, "--json")
    rows = json.loads(out)
    assert (status, err, [row["id"] for row in rows]) == (0, "", ids)
    with ResultStore(home.database) as store:
        stored = {(m.model, m.metric): m.value for m in store.measurements(ids[1])}
    assert rows[1]["zrf"] == stored["unlearned", "zrf"]
    assert rows[1]["reference.zrf"] == stored["reference", "zrf"]
    table = list(csv.DictReader(io.StringIO(main("compare", *ids, "--csv")[1])))
    assert [float(row["zrf"]) for row in table] == pytest.approx([row["zrf"] for row in rows])
    text = main("compare", *ids)[1]
    assert all(run_id in text for run_id in ids)
    assert max(map(len, text.splitlines())) <= 130


def test_a_study_stands_for_its_runs(main, planter, file):
    study = json.loads(main("sweep", file, "--json")[1])
    rows = json.loads(main("compare", study["id"], "--json")[1])
    assert {row["id"] for row in rows} == {run for variant in study["variants"] for run in variant["runs"]}


def test_different_requests_are_said_and_only_comparable_columns_shown(main, home):
    ids = [plant(home, spec("ssd", request)) for request in ("class:3", "class:5")]
    status, out, err = main("compare", *ids, "--json")
    assert (status, len(err.splitlines())) == (0, 1)
    assert "2 different requests (class:3, class:5)" in err
    assert "zrf" not in out
    assert json.loads(out)[0]["tow"] > 0


def test_what_is_not_done_is_left_out_and_said(main, home):
    done = plant(home, spec("ssd"))
    with ResultStore(home.database) as store:
        waiting = store.add(RunSpec("digits", "small_cnn", parse_request("class:3"), "ssd", {}, 9))
    status, out, err = main("compare", waiting, done, "--json")
    assert (status, len(json.loads(out))) == (0, 1)
    assert err == f"Left out: run {waiting}, which is not done.\n"
    status, out, err = main("compare", waiting)
    assert (status, out) == (0, "")
    assert err.splitlines()[-1] == "None of these runs is done, so there is nothing to compare yet."


def test_engine_and_device_are_columns_of_the_text_where_they_differ(main, home):
    alike = [plant(home, spec("ssd", seed=seed)) for seed in (0, 1)]
    older = plant(home, spec("ssd", engine="older"))
    text = main("compare", *alike)[1]
    assert " engine" not in text
    assert " device" not in text
    status, text, err = main("compare", *alike, older)
    assert (status, "2 versions of the engine" in err) == (0, True)
    assert " older " in text
    with ResultStore(home.database) as store, store.db.transaction() as write:
        write.execute("update runs set device = 'cuda' where id = ?", (alike[0],))
    status, text, err = main("compare", *alike)
    assert "different devices (cuda, cpu), so seconds" in err
    assert " cuda " in text


# Runs that several studies share, and other versions of the engine.


def newer(monkeypatch, home):
    """From now on the engine has another version; its shelves are the same."""
    now = catalogue_version()
    monkeypatch.setattr("core.jobs.catalogue.catalogue_version", lambda: "newer")
    for module in ("core.jobs.validation", "core.jobs.studies.progress"):
        monkeypatch.setattr(f"{module}.run_version", lambda *_: "newer")
    shutil.copytree(home.root / "catalogue" / now, home.root / "catalogue" / "newer")


def test_a_sweep_says_how_many_runs_it_computes_anew(main, home, planter, file, monkeypatch):
    study = json.loads(main("sweep", file, "--json")[1])["id"]
    newer(monkeypatch, home)
    assert main("show", study)[1].splitlines()[-1] == "All of these runs were computed by another version of the engine."
    monkeypatch.setattr(jobs, "ensure_supervisor", lambda *_: None)
    monkeypatch.setattr(sweeping, "follow", lambda home, study_id: sweeping.progress.progress(ResultStore(home.database), study_id))
    status, out, err = main("sweep", file, "--json")
    told = json.loads(out)
    anew, cost = err.splitlines()
    assert anew == f"{study}  9 runs are computed anew, because the engine has changed; the old numbers stay until then."
    assert cost.startswith(f"{study}  It takes about ")  # as long as the nine that are done took here
    assert (status, told["id"], told["done"], told["standing_in"], len(told["variants"][0]["runs"])) == (130, study, 0, 9, 3)


def test_cancelling_a_study_says_what_goes_on_for_another_and_does_not_wait_for_it(main, home, file, tmp_path, monkeypatch):
    monkeypatch.setattr(jobs, "ensure_supervisor", lambda *_: None)
    follow = sweeping.follow

    def interrupted(*words):
        monkeypatch.setattr(sweeping, "follow", follow)
        raise KeyboardInterrupt

    smaller = tmp_path / "smaller.toml"
    smaller.write_text('title = "smaller"\n' + STUDY.replace("[0, 1, 2]", "[0]"))
    from core.jobs.catalogue import catalogue
    from core.jobs.studies import submit
    from core.jobs.studies.toml_file import plan_from_toml

    shelves = catalogue(home.root)
    submit.submit(home, plan_from_toml(smaller.read_text(), shelves), shelves)
    monkeypatch.setattr(sweeping, "follow", interrupted)
    status, _, err = main("sweep", file)
    assert status == 130
    assert "3 of its runs go on, because they were also asked for elsewhere." in err
    with ResultStore(home.database) as store:
        assert sorted(str(run.status) for run in store.runs()) == ["cancelled"] * 6 + ["queued"] * 3


# One run, with its floor and its doubts.

RUN = ("run", "--dataset", "digits", "--model", "small_cnn", "--forget", "class:3", "--method")


def test_a_run_with_its_floor_computes_both_and_shows_the_column(main, home, planter):
    status, out, _ = main(*RUN, "ssd", "--floor")
    assert (status, sum(planter)) == (0, 2)
    lines = out.splitlines()
    head = next(line for line in lines if line.endswith("second reference"))
    assert head.split() == ["original", "unlearned", "reference", "second", "reference"]
    with ResultStore(home.database) as store:
        floor = next(run for run in store.runs() if run.spec.method == "retrain")
        value = next(m.value for m in store.measurements(floor.id) if (m.metric, m.model) == ("zrf", "unlearned"))
    assert next(line for line in lines if line.startswith("zrf")).rstrip().endswith(with_unit(value, "share"))
    again = main("show", lines[0].split()[0])[1]
    assert again == out


def test_without_a_floor_there_is_no_column_and_retraining_is_its_own(main, home, planter):
    assert "second" not in next(line for line in main(*RUN, "ssd")[1].splitlines() if "reference  " in line or line.endswith("reference"))
    assert main(*RUN, "retrain", "--floor")[0] == 0
    assert sum(planter) == 2


def test_a_floor_needs_a_reference(main, home):
    assert main(*RUN, "ssd", "--floor", "--no-reference") == (
        2, "", "A second reference (--floor) is held against the reference; leave out --floor or --no-reference.\n",
    )  # fmt: skip
    assert main("runs", "--json")[1] == "[]\n"


def test_a_floor_that_fails_is_told_and_ends_with_1(main, home, monkeypatch):
    def plant_or_fail(place, *_):
        with ResultStore(place.database) as store:
            for run in [run for run in store.runs() if run.status == RunStatus.QUEUED]:
                if run.spec.method == "retrain":
                    spec, attempt = store.claim(ProcessId.of_this_process())
                    store.finish(spec.id, attempt, RunStatus.FAILED, error="Diverged: it did.")
                else:
                    plant(place, run.spec)

    monkeypatch.setattr(jobs, "ensure_supervisor", plant_or_fail)
    status, out, err = main(*RUN, "ssd", "--floor")
    assert (status, err.splitlines()[-1]) == (1, "The second reference: Diverged: it did.")
    assert "test_retain_accuracy" in out


def test_ctrl_c_cancels_the_run_and_its_floor(main, home, monkeypatch):
    from core.cli import run as running

    monkeypatch.setattr(jobs, "ensure_supervisor", lambda *_: None)
    follow = running.follow

    def interrupted(*words):
        monkeypatch.setattr(running, "follow", follow)
        raise KeyboardInterrupt

    monkeypatch.setattr(running, "follow", interrupted)
    assert main(*RUN, "ssd", "--floor")[0] == 130
    with ResultStore(home.database) as store:
        assert [str(run.status) for run in store.runs()] == ["cancelled"] * 2


def test_the_automatic_doubts_stand_under_the_verdict(main, home):
    bad = plant(home, spec("ssd"), behaviour=Behaviour(worst=5))
    lines = main("show", bad)[1].splitlines()
    assert lines[2].startswith("Warning: ")
    assert any(line.startswith("Warning: The average hides a class: accuracy on test images of 5") for line in lines)
    without = plant(home, spec("ssd", seed=1, reference=False))
    text = main("show", without)[1]
    assert "Warning: Nothing to judge by: this run has no retrained reference" in text
    assert "Not checked for want of a reference: " in text
    bare = plant(home, spec("ssd", seed=2), files={"per_class": None})
    status, text, err = main("show", bare)
    assert (status, err) == (0, "")
    assert f"Not checked: Run {bare} stored no table 'per_class'" in text


def test_a_run_of_a_dataset_that_is_gone_is_shown_without_checks(main, home):
    run = plant(home, spec("ssd", dataset="letters"))
    assert "Not checked: this Forgetscope does not know the dataset 'letters'." in main("show", run)[1]


def test_a_dry_sweep_says_what_it_would_take_and_asks_for_nothing(main, home, planter, file, monkeypatch):
    passes = {"train": 100.0, "reference": 90.0, "precompute": 30.0, "unlearn": 10.0, "evaluate": 70.0}
    monkeypatch.setattr("core.jobs.engine_client.WarmEngine.ask", lambda *_, **__: {"passes": passes, "seconds": 0.1, "bytes": 7e8})
    status, out, err = main("sweep", file, "--dry-run", "--json")
    told = json.loads(out)
    assert (status, told["basis"], told["bytes"]) == (0, "passes", 7e8)
    assert told["seconds"] > 60
    assert "0.7 GB of memory on this machine, after what is queued already, reckoned from a measured pass" in err
    with ResultStore(home.database) as store:
        assert store.runs() == []
