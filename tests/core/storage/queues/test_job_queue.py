"""A job's way: queued once, claimed one of a kind at a time, computed once more after a crash, cancelled, forgotten after a day."""

import sqlite3

import pytest

from core.domain.run import RunStatus
from core.storage import disk_and_memory_errors
from core.storage.processes import ProcessId
from core.storage.queues import job_queue, lifecycle
from core.storage.queues.job_queue import MEMORY_END, SILENT_END
from core.storage.queues.lifecycle import ANALYSIS, IMPORT, JOBS, is_unwanted

DEAD = ProcessId(2**22 - 7, 1.0)
ME = ProcessId.of_this_process()


@pytest.fixture
def db(store):
    return store.db


def add(db, *ids, kind=ANALYSIS):
    for job_id in ids:
        job_queue.add(db, job_id, kind, {"about": job_id})


def status(db, job_id):
    return job_queue.job(db, job_id).status


def test_a_job_comes_back_whole_and_is_queued_once_while_it_waits_or_runs(db):
    add(db, "a", "b", "a")
    assert [job.id for job in job_queue.jobs(db, ANALYSIS)] == ["b", "a"]
    assert job_queue.claim(db, ANALYSIS, ME) == ("a", 1)
    add(db, "a")
    assert lifecycle.progress(db, JOBS, "a", 1, (0.5, "half way", "", None))
    assert lifecycle.progress(db, JOBS, "a", 1, (0.4, "on", "", None))  # a share never goes down
    job = job_queue.job(db, "a")
    assert (job.payload, job.status, job.share, job.note, job.active) == ({"about": "a"}, RunStatus.RUNNING, 0.5, "on", True)
    assert job_queue.finish(db, "a", 1, RunStatus.DONE, outcome={"key": 1})
    job = job_queue.job(db, "a")
    assert (job.status, job.share, job.outcome, job.active) == (RunStatus.DONE, 1.0, {"key": 1}, False)
    add(db, "a")
    job = job_queue.job(db, "a")
    assert (job.status, job.share, job.outcome) == (RunStatus.QUEUED, 0.0, None)
    assert [claimed for _ in range(2) if (claimed := job_queue.claim(db, ANALYSIS, ME))] == [("b", 1)]  # behind the other
    assert job_queue.job(db, "nothing") is None


def test_each_kind_has_a_slot_of_its_own(db, store, spec):
    store.add(spec())
    add(db, "one", "two")
    add(db, "images", kind=IMPORT)
    assert store.claim(ME)
    assert job_queue.claim(db, ANALYSIS, ME) == ("one", 1)
    assert job_queue.claim(db, ANALYSIS, ME) is None
    assert job_queue.claim(db, IMPORT, ME) == ("images", 1)


def test_a_queued_job_is_cancelled_at_once_and_a_running_one_is_flagged(db):
    add(db, "a", "b")
    job_queue.claim(db, ANALYSIS, ME)
    job_queue.cancel(db, "a")
    job_queue.cancel(db, "b")
    assert (status(db, "a"), status(db, "b")) == (RunStatus.RUNNING, RunStatus.CANCELLED)
    assert not job_queue.job(db, "a").active
    assert is_unwanted(db, JOBS, "a", 1)
    assert job_queue.finish(db, "a", 1, RunStatus.DONE, outcome=1)
    assert (status(db, "a"), job_queue.job(db, "a").outcome) == (RunStatus.CANCELLED, None)


def test_one_that_was_cancelled_and_asked_for_again_is_another_attempt_at_once(db):
    add(db, "a")
    job_queue.claim(db, ANALYSIS, ME)
    job_queue.cancel(db, "a")
    add(db, "a")
    assert (status(db, "a"), is_unwanted(db, JOBS, "a", 1), is_unwanted(db, JOBS, "a", 2)) == (RunStatus.QUEUED, True, False)
    assert not lifecycle.progress(db, JOBS, "a", 1, (0.5, "late", "", None))
    assert job_queue.claim(db, ANALYSIS, ME) == ("a", 2)
    assert not lifecycle.started(db, JOBS, "a", 1, ME)
    assert not job_queue.finish(db, "a", 1, RunStatus.DONE)
    assert job_queue.finish(db, "a", 2, RunStatus.DONE)


def test_one_whose_process_ended_without_a_word_is_computed_once_more(db):
    add(db, "a")
    for attempt, ended in ((1, RunStatus.QUEUED), (2, RunStatus.INTERRUPTED)):
        assert job_queue.claim(db, ANALYSIS, ME) == ("a", attempt)
        lifecycle.started(db, JOBS, "a", attempt, ME)
        job_queue.reconcile(db)
        job_queue.reconcile(db, alive={"a"})
        assert status(db, "a") == RunStatus.RUNNING
        lifecycle.started(db, JOBS, "a", attempt, DEAD)
        job_queue.reconcile(db)
        assert status(db, "a") == ended
    assert job_queue.job(db, "a").error == SILENT_END
    add(db, "a")  # somebody asks anew: that counts from the start
    job_queue.claim(db, ANALYSIS, ME)
    job_queue.reconcile(db, alive=())
    assert status(db, "a") == RunStatus.QUEUED


def test_one_that_was_cancelled_or_ran_out_of_memory_is_not_computed_once_more(db, monkeypatch, tmp_path):
    kills = tmp_path / "vmstat"
    kills.write_text("oom_kill 7\n")
    monkeypatch.setattr(disk_and_memory_errors, "VMSTAT", kills)
    add(db, "a")
    job_queue.claim(db, ANALYSIS, DEAD)
    job_queue.cancel(db, "a")
    job_queue.reconcile(db)
    assert status(db, "a") == RunStatus.CANCELLED
    add(db, "b")
    job_queue.claim(db, ANALYSIS, DEAD)
    kills.write_text("oom_kill 8\n")
    job_queue.reconcile(db)
    assert (status(db, "b"), job_queue.job(db, "b").error) == (RunStatus.INTERRUPTED, MEMORY_END)


def test_jobs_that_have_been_over_for_a_day_are_forgotten(db):
    add(db, "old", "new", "waiting")
    with db.transaction() as write:
        write.execute("update jobs set status = 'failed', finished_at = '2026-01-02T03:04:05.000+00:00' where id = 'old'")
        write.execute("update jobs set created_at = '2026-01-02T03:04:05.000+00:00' where id = 'waiting'")
    job_queue.cancel(db, "new")
    assert job_queue.sweep(db) == ["old"]
    assert job_queue.sweep(db) == []
    assert {job.id for job in job_queue.jobs(db, ANALYSIS)} == {"new", "waiting"}


@pytest.mark.parametrize("value", [None, "", b"\xff\xfe", 7, -3.5, 1e999, "{broken", "[" * 3000, "undecodable"])
def test_whatever_a_column_holds_the_other_jobs_are_computed(db, value):
    names = [row["name"] for row in db.read("pragma table_info(jobs)")]
    for name in names:
        with db.transaction() as write:
            write.execute("delete from jobs")
        add(db, "broken", "whole")
        put = "cast(x'66ff66' as text)" if value == "undecodable" else "?"
        try:
            with db.transaction() as write:
                write.execute(f"update jobs set {name} = {put} where id = 'broken'", () if put != "?" else (value,))
        except sqlite3.IntegrityError:
            continue
        add(db, "another")
        job_queue.reconcile(db)
        begun = []
        while claimed := job_queue.claim(db, ANALYSIS, ME):
            begun.append(claimed[0])
            job_queue.finish(db, *claimed, RunStatus.FAILED)
        assert set(begun) >= {"whole", "another"}, name
        assert {job.id for job in job_queue.jobs(db, ANALYSIS)} >= {"whole", "another"}, name
        job_queue.sweep(db)


def test_a_job_that_is_asked_for_again_is_about_what_is_asked_now(db):
    add(db, "a")
    job_queue.cancel(db, "a")
    job_queue.add(db, "a", IMPORT, {"about": "another run with the same networks"})
    job = job_queue.job(db, "a")
    assert (job.kind, job.payload, job.status) == (IMPORT, {"about": "another run with the same networks"}, RunStatus.QUEUED)


@pytest.mark.parametrize("damage", ["kind = 'zz'", "payload = '{oops'", "attempt = 'x'", "turn = 'x'"])
def test_a_damaged_row_of_a_waiting_job_is_written_anew_when_it_is_asked_for_again(db, damage):
    add(db, "a", "b")
    with db.transaction() as write:
        write.execute(f"update jobs set {damage} where id = 'a'")
    if damage != "turn = 'x'":  # which decides its place alone
        assert job_queue.job(db, "a") is None
    add(db, "a", "c")
    assert sorted(claim_all(db)) == ["a", "b", "c"]


def claim_all(db):
    found = []
    while claimed := job_queue.claim(db, ANALYSIS, ME):
        found.append(claimed[0])
        job_queue.finish(db, *claimed, RunStatus.DONE)
    return found
