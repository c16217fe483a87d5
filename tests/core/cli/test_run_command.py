"""The engine without a screen: what it prints, what it stores, how it ends."""

import json
import os
from pathlib import Path
import shutil
import signal
import subprocess
import sys

import pytest

from core.cli import main as entry
from core.domain.code_version import catalogue_version
from core.domain.errors import WrongInput
from core.domain.evaluation import Evaluation
from core.domain.requests.registry import parse_request
from core.domain.run import RunSpec, RunStatus
from core.jobs import submit as runner
from core.jobs.catalogue import catalogue
from core.jobs.validation import make_spec
from core.storage.home import Home, open_home
from core.storage.record_types import Outcome
from core.storage.runs import ResultStore
from tests.conftest import DIGITS_RUN, ROOT

METRICS = (
    *("train_forget_accuracy", "train_retain_accuracy", "test_forget_accuracy", "test_retain_accuracy"),
    *("js_to_reference", "attack_loss_accuracy", "parameter_distance"),
)
KEYS = {"id", "status", "spec", "metrics", "original", "reference", "per_class", "seconds", "speedup"}
STAGES = {"train", "reference", "precompute", "unlearn", "evaluate"}
RUN = {"dataset": "digits", "model": "small_cnn", "forget": "class:3", "method": "ssd"}


@pytest.fixture(scope="session")
def first_run(first_run, tmp_path_factory):
    """A copy of the shared home: these tests add runs, and the pages' tests count on the one that is there."""
    home, said = first_run
    return Home(Path(shutil.copytree(home.root, tmp_path_factory.mktemp("cli") / "home"))), said


@pytest.fixture
def main(home, in_process, catalogue_folder):
    """The command line called in this process on an empty home: (exit status, stdout, stderr)."""
    shutil.copytree(catalogue_folder, home.root / "catalogue" / catalogue_version())
    return in_process


def test_then_makes_a_chain(first_run, in_process, monkeypatch):
    home, _ = first_run
    monkeypatch.setenv("FORGETSCOPE_HOME", str(home.root))
    status, out, _ = in_process(*DIGITS_RUN, "--then", "finetune", "--set", "finetune.epochs=1", "--dry-run")
    assert status == 0
    spec = make_spec(catalogue(home.root), "digits", "small_cnn", parse_request("class:3"), "ssd+finetune", {"finetune.epochs": "1"})
    assert json.loads(out)["id"] == spec.id
    status, _, err = in_process(*DIGITS_RUN, "--then", "retrain", "--dry-run")
    assert status == 2
    assert err.strip() == "retrain cannot be part of a chain: it starts from an untrained network, whatever was done before it."


def asked(*more, **change):
    """The words of a run, some of them changed; None leaves an option out."""
    options = {name: value for name, value in (RUN | change).items() if value is not None}
    return ("run", *(word for name, value in options.items() for word in (f"--{name}", value)), *more)


# What a run prints and stores.


@pytest.fixture(scope="session")
def report(first_run):
    _, said = first_run
    assert said.returncode == 0, said.stderr
    return json.loads(said.stdout)


def test_a_run_prints_exactly_one_json_object_with_all_that_was_promised(report):
    assert report.keys() >= KEYS
    assert report["status"] == "done"
    assert report["spec"]["forget"] == "class:3"
    for model in ("metrics", "original"):
        assert report[model].keys() >= {m for m in METRICS if m != "parameter_distance" or model == "metrics"}
    assert report["reference"].keys() >= set(METRICS[:4])
    assert all(isinstance(report["metrics"][metric], float) for metric in METRICS)
    assert set(report["per_class"]) == {"train", "test"}
    for lists in report["per_class"].values():
        assert {model: len(values) for model, values in lists.items()} == dict.fromkeys(
            ("original", "unlearned", "reference"), 10
        )
    assert report["seconds"].keys() >= STAGES
    assert all(report["seconds"][stage] > 0 for stage in STAGES)  # the home was empty: all of it was done
    assert report["speedup"] == pytest.approx(report["seconds"]["reference"] / report["seconds"]["unlearn"])


def test_its_numbers_hang_together(report):
    """The forgotten class's own accuracy is the forget accuracy; SSD leaves less of it than there was."""
    for split in ("train", "test"):
        for model, key in (("original", "original"), ("unlearned", "metrics"), ("reference", "reference")):
            assert report["per_class"][split][model][3] == pytest.approx(report[key][f"{split}_forget_accuracy"])
    assert report["reference"]["test_forget_accuracy"] == 0
    assert report["original"]["test_retain_accuracy"] > 0.9
    assert report["metrics"]["test_forget_accuracy"] < report["original"]["test_forget_accuracy"]
    assert report["metrics"]["parameter_distance"] > 0


def test_progress_goes_to_stderr_and_only_grows(first_run):
    _, said = first_run
    shares = [float(line.split()[1]) for line in said.stderr.splitlines()]
    assert shares == sorted(shares)
    assert len(shares) > 2
    assert "Traceback" not in said.stderr


def test_a_second_request_trains_nothing_again_and_show_and_runs_tell_of_both(first_run, report, python_m_core):
    home, _ = first_run
    said = python_m_core(home.root, *DIGITS_RUN, "--set", "alpha=2.5", "--set", "lambda=0.5")
    assert said.returncode == 0, said.stderr
    second = json.loads(said.stdout)
    assert [second["seconds"][stage] for stage in ("train", "reference", "precompute")] == [0, 0, 0]
    assert second["original"] == report["original"]
    assert second["speedup"] > 0
    assert (second["spec"]["params"]["alpha"], second["spec"]["params"]["lambda"]) == (2.5, 0.5)
    with ResultStore(home.database) as store:
        assert [run.id for run in store.runs()][:2] == [second["id"], report["id"]]
    same = python_m_core(home.root, *DIGITS_RUN)  # done already: the stored numbers, at once
    assert json.loads(same.stdout) == report


def test_show_and_runs_read_what_was_stored(first_run, report, monkeypatch, capsys):
    monkeypatch.setenv("FORGETSCOPE_HOME", str(first_run[0].root))

    def stdout(*words):
        monkeypatch.setattr(sys, "argv", ["core", *words])
        entry.main()
        return capsys.readouterr().out

    assert json.loads(stdout("show", report["id"], "--json")) == report
    text = stdout("show", report["id"])
    assert "test images of class 3" in text
    assert all(metric in text for metric in METRICS)
    listed = {run["id"]: run for run in json.loads(stdout("runs", "--json"))}
    assert listed[report["id"]]["status"] == "done"
    assert f"{report['id']}  done" in stdout("runs")


def test_ctrl_c_cancels_the_run_and_ends_with_130(first_run, report):
    home, _ = first_run
    command = [sys.executable, "-m", "core", *asked("--set", "epochs=200", "--set", "batch_size=8", method="finetune")]
    # `make test &` hands down a SIGINT that is ignored, and so would the command inherit it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    process = subprocess.Popen(
        command, cwd=ROOT, env={**os.environ, "FORGETSCOPE_HOME": str(home.root)}, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    seen = ""
    for line in process.stderr:
        seen += line
        if "unlearn" in line:
            break
    process.send_signal(signal.SIGINT)
    out, rest = process.communicate(timeout=20)
    assert process.returncode == 130, seen + rest
    assert "Traceback" not in seen + rest
    run_id = seen.split()[0]
    with ResultStore(home.database) as store:
        assert store.existing(run_id).status == RunStatus.CANCELLED
    assert "cancelled" in out


def test_a_run_that_fails_ends_with_1_and_says_why_in_its_last_line(first_run, python_m_core):
    """A GPU that is not there is found out by the run, since whoever asks does not import torch."""
    home, _ = first_run
    said = python_m_core(home.root, *DIGITS_RUN, FORGETSCOPE_DEVICE="cuda:99")
    assert said.returncode == 1, said.stderr
    assert "Traceback" not in said.stderr
    assert said.stderr.splitlines()[-1].startswith("FORGETSCOPE_DEVICE asks for cuda:99, but")
    failed = json.loads(said.stdout)
    assert (failed["status"], failed["metrics"], failed["per_class"]) == ("failed", {}, None)
    shown = python_m_core(home.root, "show", failed["id"])
    assert shown.returncode == 0
    assert "Traceback (most recent call last)" in shown.stdout  # the whole of it, for who asks


# What can be listed.


@pytest.mark.parametrize("shelf", ["datasets", "models", "methods", "metrics"])
def test_every_shelf_is_listed_as_text_and_as_json(main, shelf):
    status, out, err = main("list", shelf, "--json")
    items = json.loads(out)
    assert (status, err) == (0, "")
    assert all(item["key"] and item["title"] for item in items)
    status, out, err = main("list", shelf)
    assert [line.split()[0] for line in out.splitlines()] == [item["key"] for item in items]


def test_kinds_of_request_and_published_forget_sets_are_listed(main):
    from core.domain.requests.registry import KINDS, parse_request

    listed = json.loads(main("list", "requests", "--json")[1])
    assert [kind["kind"] for kind in listed["kinds"]] == list(KINDS)
    assert {one["forget"] for one in listed["published"]} == {"published:mufac", "published_people:mucac"}
    out = main("list", "requests")[1]
    for one in listed["published"]:
        assert parse_request(one["forget"]).text == one["forget"]
        assert f"{one['title']} ({one['source']})" in out
    assert "mubench/df/cifar10.txt" in out


def test_the_listed_methods_tell_their_parameters(main):
    methods = {item["key"]: item for item in json.loads(main("list", "methods", "--json")[1])}
    assert [p["name"] for p in methods["ssd"]["params"]] == ["settings", "importance", "batch_size", "alpha", "lambda"]
    assert methods["finetune"]["uses"] == ["retain"]
    assert methods["retrain"]["passes"] == pytest.approx(18, abs=0.1)  # twenty epochs over nine digits of ten
    lines = main("list", "methods")[1].splitlines()
    assert [line.split()[1:3] for line in lines if line.startswith("retrain ")] == [[f"{methods['retrain']['passes']:.2f}", "passes"]]


def test_no_runs_yet_says_how_to_start_one(main):
    assert main("runs") == (0, "No runs yet; `run --help` says how to start one.\n", "")
    assert main("runs", "--json") == (0, "[]\n", "")


def test_help_is_no_wrong_use(main):
    for words in (("--help",), ("run", "--help"), ("list", "-h")):
        status, out, err = main(*words)
        assert (status, err) == (0, "")
        assert out.startswith("Usage:")


# Wrong use.

WRONG = {
    "unknown dataset": (asked(dataset="mnist9"), "digits"),
    "unknown model": (asked(model="vgg"), "small_cnn"),
    "unknown method": (asked(method="magic"), "choose one of: ssd, ssse, aru, unsir, weight_perturbation, "),
    "unknown class": (asked(forget="class:12"), "0 to 9"),
    "index out of range": (asked(forget="samples:1437"), "0 to 1436"),
    "empty forget set": (asked(forget="samples:"), "at least one training index"),
    "empty random set": (asked(forget="random:0"), "a share between 0 and 1"),
    "everything": (asked(forget="classes:0,1,2,3,4,5,6,7,8,9"), "leave at least one class"),
    "no kind of request": (asked(forget="3"), "class:3, classes:3,5"),
    "unknown name": (asked(dataset="fashion_mnist", forget="class:ankle boat"), "near it are: ankle boot"),
    "unknown column": (asked(dataset="faces", forget="attribute:hat=yes"), "its columns are: identity, age, glasses"),
    "no subclasses": (asked(forget="subclass:beaver"), "digits has no subclasses"),
    "nothing to forget": (asked(forget=None), "by --forget KIND:VALUE or by --forget-file CSV"),
    "forgotten twice": (asked("--forget-file", "a.csv"), "must be said once"),
    "no such file": (asked("--forget-file", "none.csv", forget=None), "none.csv must be a CSV of training indices, but it cannot be read"),
    "parameter out of bounds": (asked("--set", "alpha=0"), "a number from 0.01 to 1000 or percentile"),
    "parameter not a number": (asked("--set", "lambda=x"), "a number from 0 to 100"),
    "parameter nan": (asked("--set", "lambda=nan"), "a number from 0 to 100"),
    "unknown parameter": (asked("--set", "gamma=1"), "importance, batch_size, alpha, lambda"),
    "set without a value": (asked("--set", "alpha"), "NAME=VALUE"),
    "recipe out of bounds": (asked("--recipe", "epochs=0"), "epochs must be a whole number from 1 to 1000"),
    "unknown part of a recipe": (asked("--recipe", "epochs=3", "lr=0.1"), "its parts are: epochs, optimiser, learning_rate"),
    "recipe without a value": (asked("--recipe", "epochs"), "--recipe wants NAME=VALUE"),
    "part of a recipe twice": (asked("--recipe", "epochs=3", "epochs=4"), "--recipe wants each parameter once"),
    "SISA of a network that was trained as a whole": (asked(method="sisa"), "set the training recipe so: --recipe shards=5 slices=3."),
    "too many shards": (asked("--recipe", "shards=21", method="sisa"), "shards must be a whole number from 1 to 20"),
    "slices without epochs": (asked("--recipe", "epochs=2", "slices=4", method="sisa"), "choose 3 epochs or more, or fewer slices"),
    "last layers of an ensemble": (asked("--recipe", "shards=3", method="last_layers"), "which shards=3 makes: its last layers would be"),
    "a word that belongs to no option": (asked("epochs=3"), "epochs=3"),
    "seed not a number": (asked("--seed", "x"), "integer"),
    "seed negative": (asked("--seed", "-1"), "from 0 to 2147483647"),
    "missing option": (asked(dataset=None), "--dataset"),
    "unknown option": (asked("--fast"), "--fast"),
    "unknown command": (("walk",), "walk"),
    "unknown shelf": (("list", "shoes"), "datasets"),
    "missing argument": (("show",), "ID"),
    "show unknown": (("show", "nope"), "There is no run 'nope'"),
    "cancel unknown": (("cancel", "nope"), "There is no run 'nope'"),
    "delete unknown": (("delete", "nope"), "There is no run 'nope'"),
}


@pytest.mark.parametrize("words, wanted", WRONG.values(), ids=WRONG)
def test_wrong_use_ends_with_2_and_one_line_that_says_what_was_wanted(main, home, words, wanted):
    status, out, err = main(*words)
    assert (status, out) == (2, "")
    assert len(err.splitlines()) == 1
    assert wanted in err
    with ResultStore(home.database) as store:
        assert store.runs() == []


@pytest.fixture
def submitted(monkeypatch):
    """The requests that would be run; none is."""
    seen = []

    def submit(home, spec, **_):
        seen.append(spec.request.text)
        raise WrongInput("Enough.")

    monkeypatch.setattr(runner, "submit", submit)
    return seen


@pytest.mark.parametrize(
    "dataset, forget, wanted",
    [
        ("fashion_mnist", "class:Ankle Boot", "class:9"),
        ("cifar20", "subclass:beaver", "subclass:4"),
        ("faces", "attribute:identity=17", "attribute:identity=17"),
        ("faces_attributes", "attribute:glasses=yes", "attribute:glasses=1"),
        ("digits", "mislabelled:0.05@7", "mislabelled:0.05@7"),
    ],
)
def test_what_to_forget_may_be_asked_by_name(main, submitted, dataset, forget, wanted):
    main(*asked(dataset=dataset, forget=forget, method="retrain"))
    assert submitted == [wanted]


def test_a_file_of_indices_is_what_must_go(main, submitted, tmp_path):
    (tmp_path / "gone.csv").write_text("index\n90\n12\n")
    main(*asked("--forget-file", str(tmp_path / "gone.csv"), forget=None))
    assert submitted == ["samples:12,90"]
    (tmp_path / "gone.csv").write_text("index\n90\nx\n")
    status, out, err = main(*asked("--forget-file", str(tmp_path / "gone.csv"), forget=None))
    assert (status, out, len(err.splitlines())) == (2, "", 1)
    assert err.startswith(f"{tmp_path / 'gone.csv'} must hold one training index a line")
    assert "line 3 says 'x'" in err
    assert len(submitted) == 1


def test_a_device_that_cannot_be_ends_with_2(main, monkeypatch):
    monkeypatch.setenv("FORGETSCOPE_DEVICE", "tpu")
    assert main(*asked()) == (2, "", "FORGETSCOPE_DEVICE must be cpu, cuda or cuda:N; got 'tpu'.\n")


def test_wrong_use_in_a_process_of_its_own_shows_no_traceback(first_run, python_m_core):
    said = python_m_core(first_run[0].root, *asked(forget="class:12"))
    assert (said.returncode, said.stdout) == (2, "")
    assert said.stderr == "digits has no class 12; its classes go from 0 to 9.\n"


@pytest.mark.parametrize("words", [("runs",), ("list", "methods"), asked(), ("show", "x"), ("cancel", "x")])
def test_a_foreign_file_in_the_home_is_told_in_one_line_and_left_as_it_is(main, home, words):
    for path in home.root.glob("forgetscope.db*"):
        path.unlink()
    home.database.write_text("somebody's letters")
    status, out, err = main(*words)
    assert (status, out) == (2, "")
    assert len(err.splitlines()) == 1
    assert str(home.database) in err
    assert "FORGETSCOPE_HOME" in err
    assert home.database.read_text() == "somebody's letters"


def test_a_home_that_is_a_file_is_told_in_one_line(main, home, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("FORGETSCOPE_HOME", str(tmp_path / "file"))
    status, _, err = main("runs")
    assert (status, len(err.splitlines())) == (2, 1)
    assert str(tmp_path / "file") in err


@pytest.mark.parametrize("harm, words", [("damaged", "is damaged"), ("missing", "is missing"), ("all missing", "is missing")])
def test_show_tells_what_the_database_holds_where_files_are_gone(first_run, report, tmp_path, main, monkeypatch, harm, words):
    from shutil import copytree

    copy = Home(copytree(first_run[0].root, tmp_path / "copy"))
    with ResultStore(copy.database) as store:
        file = copy.artifacts_folder / store.artifacts(report["id"])["per_class"]
    if harm == "damaged":
        file.write_bytes(b"")
    for path in [file] if harm == "missing" else list(copy.artifacts_folder.iterdir()) if harm == "all missing" else []:
        path.unlink()
    monkeypatch.setenv("FORGETSCOPE_HOME", str(copy.root))
    status, out, err = main("show", report["id"], "--json")
    shown = json.loads(out)
    assert (status, len(err.splitlines())) == (0, 1)
    assert words in err
    assert (shown["metrics"], shown["reference"], shown["per_class"]) == (report["metrics"], report["reference"], None)
    assert shown["lost"] == [err.strip()]
    status, out, _ = main("show", report["id"])
    assert status == 0
    assert all(metric in out for metric in METRICS)


# Cancel and delete.


@pytest.fixture
def queued(main, home, monkeypatch):
    """A run that waits, since nobody supervises."""
    monkeypatch.setattr(runner, "ensure_supervisor", lambda *_: None)
    spec = RunSpec("digits", "small_cnn", parse_request("class:3"), "ssd", {"alpha": 3.0})
    return runner.submit(home, spec)


def test_a_waiting_run_is_shown_cancelled_and_deleted(main, home, queued):
    status, out, _ = main("show", queued, "--json")
    assert (status, json.loads(out)["status"]) == (0, "queued")
    status, _, err = main("delete", queued)
    assert status == 2
    assert "cancel it before you delete it" in err
    assert main("cancel", queued) == (0, "", "")
    status, out, _ = main("show", queued, "--json")
    shown = json.loads(out)
    assert (shown["status"], shown["metrics"], shown["per_class"]) == ("cancelled", {}, None)
    assert shown["reference"] is None
    assert f"{queued}  cancelled" in main("runs")[1]
    assert main("delete", queued) == (0, "", f"Deleted {queued}; undelete {queued} brings it back for 24 hours.\n")
    assert main("show", queued)[0] == 2
    assert main("runs", "--json")[1] == "[]\n"
    assert main("undelete")[1].startswith(f"{queued}  ssd · digits · small_cnn  until ")
    assert main("undelete", queued) == (0, "", "")
    assert f"{queued}  cancelled" in main("runs")[1]
    assert main("delete", queued, "--for-good") == (0, "", f"Deleted {queued}; this cannot be undone.\n")
    assert main("undelete", queued)[0] == 2
    assert main("undelete") == (0, "Nothing was deleted lately.\n", "")


def test_on_a_terminal_delete_asks_and_no_leaves_the_run(main, queued, monkeypatch):
    main("cancel", queued)
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("click.termui.visible_prompt_func", lambda _: "n")
    assert main("delete", queued)[0] == 130
    assert f"{queued}  cancelled" in main("runs")[1]
    assert main("delete", queued, "--yes")[0] == 0
    assert main("runs", "--json")[1] == "[]\n"


def test_runs_tells_the_place_in_the_queue(main, home, queued, monkeypatch):
    with ResultStore(home.database) as store:
        later = store.add(RunSpec("digits", "small_cnn", parse_request("class:3"), "ssd", {"alpha": 4.0}))
    lines = main("runs")[1].splitlines()
    assert lines[0].endswith("class:3 ssd  (1 run ahead, how long they take is not known yet)")
    assert lines[1].endswith("class:3 ssd")
    said = {run["id"]: (run["ahead"], run["starts_in"]) for run in json.loads(main("runs", "--json")[1])}
    assert said == {later: (1, None), queued: (0, 0)}


def test_a_limit_is_part_of_no_identity_and_is_taken_to_the_queue(main, home, monkeypatch):
    monkeypatch.setattr(runner, "ensure_supervisor", lambda *_: None)
    monkeypatch.setattr("core.cli.run.follow_all", lambda home, ids: (_ for _ in ()).throw(WrongInput("Enough.")))
    main(*asked("--limit", "2h", "--floor"))
    with ResultStore(home.database) as store:
        floor, run = store.runs()
    assert (run.spec.method, run.limit_seconds, floor.spec.method, floor.limit_seconds) == ("ssd", 7200.0, "retrain", None)
    main(*asked())
    with ResultStore(home.database) as store:
        assert store.existing(run.id).limit_seconds is None
    assert main(*asked("--limit", "soon"))[2].startswith("A time limit must be from 1 second to 365 days")
    assert main(*asked("--budget", "soon"))[2].startswith("An evaluation's budget must be from 1 second to 365 days")


def test_the_second_reference_is_evaluated_as_the_run_that_it_is_held_against(main, home, monkeypatch):
    monkeypatch.setattr(runner, "ensure_supervisor", lambda *_: None)
    monkeypatch.setattr("core.cli.run.follow_all", lambda home, ids: (_ for _ in ()).throw(WrongInput("Enough.")))
    main(*asked("--all-images", "--floor"))
    with ResultStore(home.database) as store:
        assert [store.evaluation(run.id) for run in store.runs()] == [Evaluation(whole=True)] * 2


@pytest.mark.parametrize(
    "status, code", [(RunStatus.DONE, 0), (RunStatus.FAILED, 1), (RunStatus.INTERRUPTED, 1), (RunStatus.CANCELLED, 130)]
)
def test_the_exit_status_follows_from_how_the_run_ended(main, home, monkeypatch, status, code):
    """The end comes from a stand-in; that a real failure and a real cancel end so is tested above."""

    def end(home, run_id, say):
        with ResultStore(home.database) as store:
            from core.storage.processes import ProcessId

            claimed = store.claim(ProcessId.of_this_process())
            assert claimed is not None
            outcome = Outcome(seconds={"unlearn": 0.5}) if status == RunStatus.DONE else Outcome()
            store.finish(run_id, claimed[1], status, outcome=outcome, error="" if status == "done" else "first\nlast")
            return store.existing(run_id)

    monkeypatch.setattr(runner, "ensure_supervisor", lambda *_: None)
    monkeypatch.setattr("core.cli.run.follow", end)
    left, out, err = main(*asked("--json"))
    assert left == code
    report = json.loads(out)
    assert report["status"] == status
    assert err == ("" if status == RunStatus.DONE else "last\n")


def test_a_home_is_made_where_there_was_none(main, tmp_path, monkeypatch):
    monkeypatch.setenv("FORGETSCOPE_HOME", str(tmp_path / "a" / "new" / "home"))
    assert main("runs")[0] == 0
    assert open_home().root == tmp_path / "a" / "new" / "home"
    assert open_home().database.exists()


# What it would take.


@pytest.fixture
def reckons(monkeypatch):
    """The engine's answer without an engine."""

    def answer(_, question, **about):
        assert question == "planned_work"
        passes = {"train": 100.0, "reference": 90.0, "precompute": 30.0, "unlearn": 10.0, "evaluate": 70.0}
        return {"passes": passes, "seconds": 0.1, "bytes": 2e60 if about["model"] == "resnet18" else 7e8}

    monkeypatch.setattr("core.jobs.engine_client.WarmEngine.ask", answer)


def test_a_dry_run_says_what_it_would_take_and_asks_for_nothing(main, home, reckons):
    status, out, err = main(*asked("--dry-run"))
    assert (status, out) == (0, "")
    assert err.partition("  ")[2] == "About 30 s and 0.7 GB of memory on this machine, reckoned from a measured pass of this network.\n"
    status, out, _ = main(*asked("--dry-run", "--json"))
    told = json.loads(out)
    assert (told["seconds"], told["bytes"], told["basis"]) == (pytest.approx(30), 7e8, "passes")
    with ResultStore(home.database) as store:
        assert store.runs() == []


def test_a_run_that_memory_cannot_hold_is_refused_in_one_sentence(main, home, reckons):
    status, out, err = main(*asked("--dry-run", model="resnet18"))
    assert (status, out) == (2, "")
    assert err.startswith("This run would need about ")
    assert err.count("\n") == 1
    assert "choose a smaller model" in err


def test_what_has_finished_here_is_said_before_a_run_and_after_it(first_run, in_process, monkeypatch, report):
    home, _ = first_run
    monkeypatch.setenv("FORGETSCOPE_HOME", str(home.root))
    status, out, err = in_process(*asked("--dry-run", "--seed", "5"))
    assert (status, out) == (0, "")
    assert err.rstrip().endswith("of memory on this machine, by what has finished here.")
    assert "reckoned from a measured pass" in in_process(*asked("--dry-run", "--set", "alpha=3"))[2], "these settings were not tried"
    assert in_process(*asked("--dry-run"))[2].endswith("It is stored already.\n")
    assert report["forecast"]["basis"] == "passes"  # of the first run, nothing like it had finished
    assert report["forecast"]["seconds"] > 0
    assert 2**27 < report["peak_bytes"] < 4 * report["forecast"]["bytes"]
    assert report["threads"] == 1


@pytest.mark.parametrize("words", [
    ("--recipe", "epochs=3", "learning_rate=0.02", "--set", "alpha=2"), ("--recipe=epochs=3", "learning_rate=0.02", "--set", "alpha=2"),
    ("--recipe", "epochs=3", "--set", "alpha=2", "--recipe", "learning_rate=0.02"),
])  # fmt: skip
def test_a_recipe_of_several_parts_is_one_option(main, home, reckons, words):
    """A dry run's id tells which run it is."""
    _, said, _ = main(*asked("--dry-run", "--json", *words))
    settings = {"settings": "given", "alpha": 2}
    shelf, request = catalogue(home.root), parse_request("class:3")
    spec = make_spec(shelf, "digits", "small_cnn", request, "ssd", settings, recipe={"epochs": 3, "learning_rate": 0.02})
    assert json.loads(said)["id"] == spec.id
    assert spec.recipe == {"epochs": 3, "learning_rate": 0.02}
    assert spec.id != make_spec(shelf, "digits", "small_cnn", request, "ssd", settings).id


def test_whoever_asks_sisa_to_forget_a_class_is_told_that_it_saves_nothing(main, home, reckons):
    _, _, said = main(*asked("--dry-run", "--recipe", "shards=5", "slices=3", method="sisa"))
    assert "SISA saves little here: a class has images in every shard, so that about 100 % of training is done again." in said
    _, _, said = main(*asked("--dry-run", "--recipe", "shards=5", "slices=3", method="sisa", forget="samples:3"))
    assert "SISA saves little" not in said
