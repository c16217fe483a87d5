"""A deletion that can be undone for a day."""

from datetime import UTC, datetime, timedelta
import sqlite3

import numpy as np
import pytest

from core.domain.errors import WrongInput
from core.domain.run import Measurement, RunStatus
from core.jobs import submit
from core.storage import studies, trash
from core.storage.artifacts import Artifacts
from core.storage.processes import ProcessId
from core.storage.record_types import Outcome
from core.storage.studies import StoredStudy


@pytest.fixture
def done(home, store, spec):
    """A finished run of a study, with numbers, a file and a log."""
    file = Artifacts(home.artifacts_folder).put_arrays({"w": np.ones(2)})
    studies.save(store, StoredStudy("study", "mine", "{}", datetime.now(UTC)), [(0, spec(1)), (0, spec(2))], [])
    asked, attempt = store.claim(ProcessId.of_this_process())
    outcome = Outcome((Measurement("accuracy", "unlearned", 0.25), Measurement("js", "reference", None, "itself")), {"unlearn": 1.5}, 3.0,
                      {"unlearned": file}, "cpu")  # fmt: skip
    store.finish(asked.id, attempt, RunStatus.DONE, outcome=outcome)
    home.log(asked.id).write_text("printed")
    return asked.id


def everything(store, run_id):
    return (store.run(run_id), store.measurements(run_id), store.artifacts(run_id), [m.run_id for m in studies.members(store)["study"]])


def test_a_deleted_run_is_gone_and_put_back_with_all_that_it_was(home, store, done):
    before = everything(store, done)
    submit.delete(home, done)
    assert store.run(done) is None
    assert store.measurements(done) == []
    assert done not in [m.run_id for m in studies.members(store)["study"]]
    (kept,) = trash.deleted(store.db)
    assert (kept.id, kept.title) == (done, "ssd · digits · small_cnn")
    assert kept.until - datetime.now(UTC) > timedelta(hours=23)
    Artifacts(home.artifacts_folder).sweep_unnamed(store.files())
    submit.put_back(home, done)
    after = everything(store, done)
    assert after[:3] == before[:3]
    assert sorted(after[3]) == sorted(before[3])
    assert Artifacts(home.artifacts_folder).get_arrays(before[2]["unlearned"])["w"].tolist() == [1, 1]
    assert home.log(done).read_text() == "printed"
    assert trash.deleted(store.db) == []


def test_after_a_day_it_goes_for_good_with_its_files_and_its_log(home, store, done):
    submit.delete(home, done)
    submit.empty_trash(home)
    assert len(trash.deleted(store.db)) == 1
    with store.db.transaction() as write:
        old = (datetime.now(UTC) - trash.KEPT - timedelta(seconds=1)).isoformat(timespec="milliseconds")
        write.execute("update trash set deleted_at = ?", (old,))
    assert trash.deleted(store.db) == []  # its time is over, though nobody has swept yet
    submit.empty_trash(home)
    assert list(home.artifacts_folder.iterdir()) == []
    assert not home.log(done).exists()
    with pytest.raises(WrongInput, match="deleted in the last 24 hours"):
        submit.put_back(home, done)


def test_a_run_that_was_asked_for_again_is_not_overwritten_and_keeps_its_files(home, store, done, spec):
    submit.delete(home, done)
    store.add(spec(1))
    with pytest.raises(WrongInput, match="asked for again since"):
        submit.put_back(home, done)
    submit.empty_trash(home, done)
    assert home.log(done).read_text() == "printed"  # it is the new run's log too
    assert store.existing(done).status == RunStatus.QUEUED


def test_a_deleted_study_comes_back_with_those_of_its_runs_that_are_there(home, store, done, spec):
    studies.cancel(store, "study")
    before = studies.studies(store)
    studies.forget(store, "study")
    assert studies.studies(store) == []
    submit.delete(home, spec(2).id)
    submit.put_back(home, "study")
    assert studies.studies(store) == before
    assert [m.run_id for m in studies.members(store)["study"]] == [done]
    submit.put_back(home, spec(2).id)
    assert {m.run_id for m in studies.members(store)["study"]} == {done, spec(2).id}


@pytest.mark.parametrize("study_first", [True, False])
def test_a_run_is_its_studys_again_in_whatever_order_both_come_back(home, store, done, study_first):
    """The run is deleted first, so that the deleted study knows of it no more."""
    studies.cancel(store, "study")
    before = {(m.run_id, m.variant) for m in studies.members(store)["study"]}
    submit.delete(home, done)
    studies.forget(store, "study")
    for any_id in ("study", done) if study_first else (done, "study"):
        submit.put_back(home, any_id)
    assert {(m.run_id, m.variant) for m in studies.members(store)["study"]} == before


def test_a_row_that_cannot_be_read_can_still_be_deleted(home, store, done):
    with sqlite3.connect(home.database) as db:
        db.execute("update runs set error = cast(x'ff00' as text) where id = ?", (done,))
    db.close()
    submit.delete(home, done)
    assert store.run(done) is None
    assert trash.deleted(store.db) == []


@pytest.mark.parametrize("any_id", ["nope", "", "\ud800"])
def test_what_was_never_deleted_cannot_be_put_back(home, any_id):
    with pytest.raises(WrongInput, match="nothing to put back"):
        submit.put_back(home, any_id)


def test_a_damaged_name_of_a_file_stops_neither_the_deletion_nor_asking_anew(home, store, done):
    with store.db.transaction() as write:
        write.execute("update artifacts set file = '../elsewhere' where run_id = ?", (done,))
    assert not submit.whole(home, store, done)
    submit.delete(home, done, for_good=True)
    assert store.run(done) is None
    assert trash.deleted(store.db) == []
