"""Runs asked for, computed by real processes with a stub for the pipeline, cancelled, killed, retried."""

from dataclasses import replace
import subprocess
import sys

import pytest

from core.domain.code_version import run_version
from core.domain.errors import WrongInput
from core.domain.evaluation import Evaluation
from core.domain.run import RunStatus
from core.jobs import submit
from core.storage import disk_and_memory_errors
from core.storage.artifacts import Artifacts
from core.storage.processes import ProcessId
from core.storage.queues.run_queue import MEMORY_END, SILENT_END
from core.storage.runs import ResultStore
from tests.core.jobs.place import STUB, lives, until


def test_a_run_is_computed_and_its_numbers_stored(place):
    run_id = place.submit(seed=4)
    run = place.end(run_id)
    assert (run.status, run.share, run.device, run.attempt) == (RunStatus.DONE, 1.0, "cpu", 1)
    assert run.seconds["train"] == 1.5
    with ResultStore(place.home.database) as store:
        assert [m.value for m in store.measurements(run_id)] == [0.25, None]
        file = store.artifacts(run_id)["unlearned"]
    assert Artifacts(place.home.artifacts_folder).get_arrays(file)["unlearned"].tolist() == [4.0] * 3
    assert place.home.log(run_id).read_text() == "printed by 4\n"
    submit.delete(place.home, run_id, for_good=True)
    assert not place.home.log(run_id).exists()
    assert len(list(place.home.artifacts_folder.iterdir())) == 1  # what runs share stays


def test_runs_that_fail_say_why_and_the_queue_goes_on(place):
    sentences = {
        "wrong": "The forget set must not be empty.",
        "value": "ValueError: first line second line",
        "memory": "This run needs more memory than is free",
        "disk": f"There is no space left to write {place.home.root}",
    }
    failed = {why: place.submit(raises=why) for why in sentences}
    last = place.submit()
    assert place.end(last).status == RunStatus.DONE
    for why, run_id in failed.items():
        run = place.run(run_id)
        assert run.status == RunStatus.FAILED
        assert run.error_line.startswith(sentences[why])
        assert run.error.startswith("Traceback (most recent call last)")
        assert "Traceback" in place.home.log(run_id).read_text()


@pytest.mark.parametrize("deaf", [False, True])
def test_a_running_run_is_cancelled_within_two_seconds_even_if_it_ignores_the_request(place, deaf):
    run_id = place.submit(sleep=60, deaf=deaf)
    queued = place.submit(seed=1)
    until(lambda: place.computing(run_id))
    worker = place.processes(run_id)["worker"]
    with pytest.raises(WrongInput, match="cancel it before"):
        submit.delete(place.home, run_id)
    submit.cancel(place.home, run_id)
    assert until(lambda: place.over(run_id) and not lives(worker)) < 2
    assert place.run(run_id).status == RunStatus.CANCELLED
    assert place.end(queued).status == RunStatus.DONE


def test_a_run_is_stopped_at_its_limit_says_so_and_can_be_asked_for_without_one(place):
    spec = place.spec(sleep=60, once=True)
    run_id = submit.submit(place.home, spec, STUB, limit=1.0)
    behind = place.submit(seed=1)
    run = place.end(run_id)
    assert (run.status, run.note) == (RunStatus.FAILED, "trained")
    assert run.error_line.startswith("Stopped at its limit of 1 s; Retry goes on with what was already trained")
    assert (run.finished_at - run.started_at).total_seconds() >= 1
    assert place.end(behind).status == RunStatus.DONE
    assert submit.submit(place.home, spec, STUB) == run_id  # a limit decides no number: it is the same run
    assert (place.end(run_id).status, place.run(run_id).limit_seconds) == (RunStatus.DONE, None)


def test_a_queued_run_is_cancelled_at_once_and_never_computed(place):
    first, second = place.submit(sleep=0.3), place.submit(seed=1)
    submit.cancel(place.home, second)
    assert place.run(second).status == RunStatus.CANCELLED
    assert place.end(first).status == RunStatus.DONE
    third = place.submit(seed=2)
    assert place.end(third).status == RunStatus.DONE
    assert place.run(second).status == RunStatus.CANCELLED
    assert not place.home.log(second).exists()


def test_a_killed_worker_reads_interrupted_and_the_queue_goes_on(place):
    first, second = place.submit(sleep=60), place.submit(seed=1)
    until(lambda: place.computing(first))
    place.processes(first)["worker"].kill()
    run = place.end(first)
    assert (run.status, run.error_line) == (RunStatus.INTERRUPTED, SILENT_END)
    assert place.end(second).status == RunStatus.DONE


def test_a_killed_supervisor_takes_its_worker_along_and_retry_goes_on_with_what_was_kept(place):
    run_id = place.submit(sleep=60, once=True)
    until(lambda: place.computing(run_id))
    assert place.run(run_id).note == "trained"
    processes = place.processes(run_id)
    processes["supervisor"].kill()
    until(lambda: not lives(processes["worker"]), seconds=2)  # by itself: nobody has looked yet
    assert place.run(run_id).status == RunStatus.INTERRUPTED
    submit.retry(place.home, run_id, STUB)
    run = place.end(run_id)
    assert (run.status, run.attempt, run.seconds["train"]) == (RunStatus.DONE, 2, 0.0)


def test_a_run_whose_process_the_system_ended_for_want_of_memory_says_so(place, monkeypatch, tmp_path):
    kills = tmp_path / "vmstat"
    kills.write_text("nr_free_pages 1\noom_kill 7\n")
    monkeypatch.setattr(disk_and_memory_errors, "VMSTAT", kills)
    for seen, words in ((7, SILENT_END), (8, MEMORY_END)):
        with ResultStore(place.home.database) as store:
            run_id = store.add(place.spec(seed=seen))
            store.claim(ProcessId(2**22 - 7, 1.0))  # long dead
            kills.write_text(f"nr_free_pages 1\noom_kill {seen}\n")
        run = place.run(run_id)
        assert (run.status, run.error_line) == (RunStatus.INTERRUPTED, words)
    assert disk_and_memory_errors.oom_kills() == 8
    kills.unlink()
    assert disk_and_memory_errors.oom_kills() is None


def test_a_killed_fork_server_interrupts_the_run_and_the_next_gets_a_new_one(place):
    first, second = place.submit(sleep=60), place.submit(seed=1)
    until(lambda: place.computing(first))
    worker = place.processes(first)["worker"]
    worker.parent().kill()
    assert place.end(first).status == RunStatus.INTERRUPTED
    until(lambda: not lives(worker), seconds=2)
    assert place.end(second).status == RunStatus.DONE


def test_a_pipeline_that_cannot_be_imported_fails_the_run_and_not_the_queue(place):
    first, second = (submit.submit(place.home, place.spec(seed), "tests.core.jobs.no_pipeline") for seed in (0, 1))
    assert place.end(first).error_line == "ModuleNotFoundError: No module named 'tests.core.jobs.no_pipeline'"
    assert place.end(second).status == RunStatus.FAILED


def test_a_pipeline_that_breaks_the_fork_server_fails_the_run_in_one_sentence(place):
    run = place.end(submit.submit(place.home, place.spec(), "tests.core.jobs.broken_pipeline"))
    assert run.status == RunStatus.FAILED
    assert "could not be started" in run.error_line
    assert "the pipeline is broken" in (place.home.logs_folder / "supervisor.log").read_text()


def test_equal_requests_are_one_run_also_from_two_processes(place):
    ids = {place.submit(sleep=0.2) for _ in range(3)}
    code = (
        "import sys; from pathlib import Path; from core.domain.run import RunSpec; from core.jobs import submit as runner;"
        "from core.storage.home import open_home;"
        "print(runner.submit(open_home(Path(sys.argv[1])), RunSpec.from_json(sys.argv[2]), sys.argv[3]))"
    )
    command = [sys.executable, "-c", code, place.home.root, place.spec(sleep=0.2).to_json(), STUB]
    said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    ids.add(said.stdout.strip())
    [run_id] = ids
    assert (place.end(run_id).status, place.run(run_id).attempt) == (RunStatus.DONE, 1)
    place.submit(sleep=0.2)
    assert place.run(run_id).attempt == 1  # done: nothing to compute
    submit.retry(place.home, run_id, STUB)
    assert place.run(run_id).attempt == 1


def test_a_run_outlives_the_process_that_asked_for_it(place):
    code = (
        "import os, sys; from pathlib import Path; from core.domain.run import RunSpec; from core.jobs import submit as runner;"
        "from core.storage.home import Home;"
        "runner.submit(Home(Path(sys.argv[1])), RunSpec.from_json(sys.argv[2]), sys.argv[3]); os._exit(0)"
    )
    spec = place.spec(sleep=0.3)
    subprocess.run([sys.executable, "-c", code, place.home.root, spec.to_json(), STUB], check=True, timeout=60)
    assert place.end(spec.id).status == RunStatus.DONE


def test_only_the_supervisor_holds_the_lock_and_the_worker_is_polite(place):
    run_id = place.submit(sleep=60)
    until(lambda: place.computing(run_id))
    processes = place.processes(run_id)
    supervisor, worker = processes["supervisor"], processes["worker"]
    family = [supervisor, *supervisor.children(recursive=True)]
    assert worker in family
    lock = str(place.home.supervisor_lock)
    assert [p.pid for p in family if lock in [f.path for f in p.open_files()]] == [supervisor.pid]
    assert worker.nice() >= min(19, supervisor.nice() + 5)


def test_a_run_asked_of_another_engine_is_not_computed_by_this_one_and_retry_asks_anew(place):
    old = submit.submit(place.home, replace(place.spec(), engine="0" * 12), STUB)
    run = place.end(old)
    assert run.status == RunStatus.FAILED
    assert run.error_line.startswith("WrongInput: ") is False
    assert "000000000000" in run.error_line
    again = submit.retry(place.home, old, STUB)
    assert again != old
    assert place.end(again).status == RunStatus.DONE
    assert place.run(again).spec.engine == run_version(*(getattr(place.spec(), name) for name in ("dataset", "model", "method")))


def test_an_unknown_run_is_told(place):
    for call in (submit.cancel, submit.retry, submit.delete):
        with pytest.raises(WrongInput, match="There is no run 'nope'"):
            call(place.home, "nope")


def test_files_of_a_deleted_run_wait_while_another_run_may_be_writing_equal_ones(place):
    first = place.submit(seed=1)
    place.end(first)
    second = place.submit(seed=2, sleep=60)
    until(lambda: place.computing(second))
    before = sorted(place.home.artifacts_folder.iterdir())
    submit.delete(place.home, first, for_good=True)
    assert sorted(place.home.artifacts_folder.iterdir()) == before


# A file that is gone, a run that was deleted, what was asked for along with a run.


@pytest.mark.parametrize("harm", ["missing", "damaged"])
def test_a_run_whose_file_is_gone_is_computed_when_it_is_asked_for_again(place, harm):
    run_id = place.submit(seed=2)
    place.end(run_id)
    with ResultStore(place.home.database) as store:
        file = place.home.artifacts_folder / store.artifacts(run_id)["unlearned"]
    if harm == "missing":
        file.unlink()
    else:
        file.write_bytes(b"")
    assert place.submit(seed=2) == run_id
    run = place.end(run_id)
    assert (run.status, run.attempt) == (RunStatus.DONE, 2)
    assert Artifacts(place.home.artifacts_folder).get_arrays(file.name)["unlearned"].tolist() == [2.0] * 3
    place.submit(seed=2)
    assert place.run(run_id).attempt == 2  # all is there: nothing to compute


def test_a_done_run_is_computed_again_only_for_an_evaluation_that_it_does_not_cover(place):
    run_id = submit.submit(place.home, place.spec(4), STUB, evaluation=Evaluation(without=("probes",)))
    place.end(run_id)
    with ResultStore(place.home.database) as store:
        assert store.evaluation(run_id) == Evaluation(without=("probes",))
    submit.submit(place.home, place.spec(4), STUB, evaluation=Evaluation(without=("probes", "cka")))
    assert place.end(run_id).attempt == 1
    place.submit(seed=4)  # who says nothing of it takes what there is
    assert place.end(run_id).attempt == 1
    submit.submit(place.home, place.spec(4), STUB, evaluation=Evaluation(whole=True))
    assert place.end(run_id).attempt == 2
    with ResultStore(place.home.database) as store:
        assert store.evaluation(run_id) == Evaluation(whole=True)


def test_retry_evaluates_as_was_asked_for_and_so_do_its_companions(place, monkeypatch):
    monkeypatch.setattr(submit, "ensure_supervisor", lambda *_: None)
    quick, no_cka = Evaluation(budget=60.0), Evaluation(without=("cka",))
    run_id = submit.submit(place.home, place.spec(), evaluation=quick)
    floor = submit.submit(place.home, place.spec(1), along_with=run_id, evaluation=no_cka)
    submit.cancel(place.home, run_id)
    assert place.run(floor).status == RunStatus.CANCELLED
    assert submit.retry(place.home, run_id) == run_id
    with ResultStore(place.home.database) as store:
        assert [store.row(one).status for one in (run_id, floor)] == [RunStatus.QUEUED] * 2
        assert (store.evaluation(run_id), store.evaluation(floor)) == (quick, no_cka)
