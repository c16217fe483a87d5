"""Looking, deleting, and what runs share."""

import pytest

from core.domain.errors import WrongInput
from core.domain.run import RunStatus
from core.storage import trash
from core.storage.processes import ProcessId
from core.storage.record_types import Kept, Outcome
from core.storage.runs import ResultStore

SHARED, OWN, KEPT = "a" * 64 + ".safetensors", "b" * 64 + ".parquet", "c" * 64 + ".safetensors"


def finish(store, spec, artifacts):
    run_id = store.add(spec)
    store.claim(ProcessId.of_this_process())
    store.finish(run_id, store.run(run_id).attempt, RunStatus.DONE, outcome=Outcome(artifacts=artifacts))
    return run_id


def test_only_files_that_nothing_else_names_go_with_a_run(store, spec):
    first = finish(store, spec(1), {"model": SHARED, "table": OWN, "original": KEPT})
    second = finish(store, spec(2), {"model": SHARED})
    store.keep("original", "original", KEPT, 1.0)
    store.delete(first)
    assert store.run(first) is None
    assert store.artifacts(first) == {}
    assert store.files() == {SHARED, OWN, KEPT}  # it can be put back
    assert trash.empty(store.db) == ([], [])
    assert trash.empty(store.db, first) == ([first], [OWN])
    store.delete(second)
    assert trash.empty(store.db, second) == ([second], [SHARED])
    assert store.files() == {KEPT}


def test_an_active_run_must_be_cancelled_before_it_is_deleted(store, spec):
    run_id = store.add(spec())
    with pytest.raises(WrongInput, match="is queued; cancel it before"):
        store.delete(run_id)
    store.claim(ProcessId.of_this_process())
    with pytest.raises(WrongInput, match="is running; cancel it before"):
        store.delete(run_id)


def test_a_deleted_run_can_be_asked_for_again(store, spec):
    store.delete(finish(store, spec(), {}))
    run = store.existing(store.add(spec()))
    assert (run.status, run.attempt) == (RunStatus.QUEUED, 1)


def test_what_is_kept_is_found_by_its_key_until_it_is_forgotten(store):
    assert store.kept("k") is None
    store.keep("k", "reference", SHARED, 2.5)
    store.keep("k", "reference", OWN, 3.5)
    assert store.kept("k") == Kept(file=OWN, seconds=3.5, kind="reference")
    store.forget_kept("k")
    store.forget_kept("k")
    assert store.kept("k") is None


def test_the_revision_grows_with_every_change_seen_from_any_connection(home, store, spec):
    seen = [store.revision()]
    store.add(spec())
    seen.append(store.revision())
    store.add(spec())  # no change
    with ResultStore(home.database) as other:
        assert other.revision() == seen[-1]
        other.claim(ProcessId.of_this_process())
    seen.append(store.revision())
    assert seen == sorted(set(seen))


def test_a_run_has_its_last_line_of_error_and_the_whole(store, spec):
    run_id = store.add(spec())
    store.claim(ProcessId.of_this_process())
    store.finish(run_id, 1, RunStatus.FAILED, error="Traceback\n  File\nValueError: no such class\n")
    run = store.run(run_id)
    assert run.error_line == "ValueError: no such class"
    assert run.error.startswith("Traceback")
