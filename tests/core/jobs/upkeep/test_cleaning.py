"""What `gc` lists and deletes, and all that it leaves: what any run, search, sequence or study needs."""

from datetime import UTC, datetime, timedelta
import os
import random
import threading
import time

from filelock import FileLock
import numpy as np
import pytest

from core.domain.code_version import analysis_version, results_versions, training_version
from core.domain.errors import WrongInput
from core.domain.run import RunStatus, digest
from core.jobs import submit
from core.jobs.studies import progress
from core.jobs.studies import submit as studies
from core.jobs.studies.plan import make_plan
from core.jobs.upkeep import cleaning
from core.storage import trash
from core.storage.artifacts import Artifacts
from core.storage.home import open_home
from core.storage.processes import ProcessId
from core.storage.queues import job_queue
from core.storage.queues.lifecycle import IMPORT
from core.storage.record_types import Outcome
from core.storage.runs import ResultStore
from core.storage.upkeep import unneeded
from core.storage.upkeep.unneeded import DELETED, FILES, GIVEN_UP, UNUSED
from core.training import checkpoints
from tests.core.jobs.place import STUB, Place, until
from tests.core.sequences.planted import parts, step, stored
from tests.planted import plant, spec

SUBJECT = ("digits", "small_cnn")
TODAY = {
    "curve/digits/small_cnn@": training_version(*SUBJECT), "stage/digits/small_cnn@": training_version(*SUBJECT),
    "checkpoint/digits/small_cnn@": training_version(*SUBJECT), "look/digits/small_cnn/importance@": analysis_version(*SUBJECT),
    "answers/digits/small_cnn@": results_versions(*SUBJECT)["predictions"],
    "result/relearn/digits/small_cnn@": results_versions(*SUBJECT)["relearning"],
}  # fmt: skip
pytestmark = pytest.mark.usefixtures("described")


def aged(home, file, days):
    """A file of Artifacts as it is some days after it was written."""
    when = time.time() - days * 86400
    os.utime(home.artifacts_folder / file, (when, when))


def keep(home, key, kind, days=0.0):
    """Something kept so many days ago; its file."""
    file = Artifacts(home.artifacts_folder).put_arrays({"w": np.frombuffer(key.encode(), np.uint8)})
    aged(home, file, days)
    with ResultStore(home.database) as store:
        store.keep(key, kind, file, 1.0)
        with store.db.transaction() as write:
            when = (datetime.now(UTC) - timedelta(days=days)).isoformat(timespec="milliseconds")
            write.execute("update kept set created_at = ? where key = ?", (when, key))
    return file


def loose(home, word, days=1.0):
    """A file that nothing names."""
    file = Artifacts(home.artifacts_folder).put_arrays({"w": np.frombuffer(word.encode(), np.uint8)})
    aged(home, file, days)
    return file


def listed(home, older_than=None):
    return {kind.why: kind.count for kind in cleaning.look(home, older_than).kinds}


def kept_keys(home):
    with ResultStore(home.database) as store:
        return {row["key"] for row in store.db.read("select key from kept")}


def begin(home, which, began_days_ago=0.0):
    """A run that this process computes; its id and attempt."""
    me = ProcessId.of_this_process()
    with ResultStore(home.database) as store:
        store.add(which)
        found, attempt = store.claim(me)
        store.started(found.id, attempt, me)
        when = (datetime.now(UTC) - timedelta(days=began_days_ago)).isoformat(timespec="milliseconds")
        with store.db.transaction() as write:
            write.execute("update runs set started_at = ? where id = ?", (when, found.id))
    return found.id, attempt


def stop(home, which, days_ago=0.0):
    """A run that failed so many days ago."""
    run_id, attempt = begin(home, which)
    when = (datetime.now(UTC) - timedelta(days=days_ago)).isoformat(timespec="milliseconds")
    with ResultStore(home.database) as store:
        store.finish(run_id, attempt, RunStatus.FAILED, error="It failed.")
        with store.db.transaction() as write:
            write.execute("update runs set finished_at = ? where id = ?", (when, run_id))


def test_in_a_home_in_which_all_is_named_nothing_can_go(home):
    plant(home, spec("ssd"))
    for kind, version in TODAY.items():
        keep(home, kind, kind + version)
    assert (listed(home), cleaning.look(home).notes) == ({}, ())


def test_files_that_nothing_names_go_once_they_are_older_than_an_hour_and_first_they_are_only_listed(home):
    old, new = loose(home, "old"), loose(home, "new", days=0)
    found = cleaning.look(home)
    assert [(kind.why, kind.count, kind.bytes) for kind in found.kinds] == [(FILES, 1, (home.artifacts_folder / old).stat().st_size)]
    assert "1 new files" in found.notes[0]
    assert {old, new} <= set(os.listdir(home.artifacts_folder))
    assert cleaning.clean(home, found) == found.kinds[0].bytes
    assert set(os.listdir(home.artifacts_folder)) == {new}


def test_results_of_older_code_go_and_those_of_today_stay(home):
    for kind, version in TODAY.items():
        keep(home, f"{kind} today", kind + version)
        keep(home, f"{kind} older", f"{kind}0123456789ab")
    keep(home, "legacy look older", "look/importance@0123456789ab")
    keep(home, "legacy found older", "found/digits/small_cnn@0123456789ab")
    keep(home, "unknown today", "curve/digits/no_such_network@0123456789ab")  # an extension's, say, that is broken now
    keep(home, "stranger today", "something/else@0123456789ab")
    cleaning.clean(home, cleaning.look(home))
    assert {key.rpartition(" ")[2] for key in kept_keys(home)} == {"today"}
    assert len(kept_keys(home)) == len(TODAY) + 2


def test_while_other_code_computes_what_it_stored_stays(home):
    keep(home, "curve", "curve/digits/small_cnn@0123456789ab")
    begin(home, spec("ssd", engine="0123456789ab"))
    assert listed(home) == {}
    assert kept_keys(home) == {"curve"}


def test_a_training_is_given_up_after_as_many_days_as_the_engine_waits(home):
    assert unneeded.DAYS == checkpoints.DAYS
    kind = "checkpoint/digits/small_cnn@" + training_version(*SUBJECT)
    keep(home, "young", kind, days=6)
    file = keep(home, "old", kind, days=8)
    assert listed(home) == {GIVEN_UP: 1}
    cleaning.clean(home, cleaning.look(home))
    assert kept_keys(home) == {"young"}
    assert not (home.artifacts_folder / file).exists()


def test_the_training_that_goes_on_just_now_is_left_alone(home):
    """Its epochs take days: what it kept is old, and the lock of its network says that it is being made."""
    key = "the network"
    keep(home, digest(["checkpoint", key]), "checkpoint/digits/small_cnn@" + training_version(*SUBJECT), days=9)
    keep(home, "a stage", "passing stage/digits/small_cnn@" + training_version(*SUBJECT), days=9)
    begin(home, spec("ssd"))
    with FileLock(home.artifacts_folder / f".making-{key}"):
        assert listed(home) == {}
    assert listed(home) == {GIVEN_UP: 1}  # its process is gone; whose the stage is, is not known while anything runs


def test_a_run_that_began_before_may_name_what_was_written_since_and_what_it_found(home):
    original = keep(home, "an-original", "original", days=30)
    run_id, attempt = begin(home, spec("ssd"), began_days_ago=2)
    written, before = loose(home, "written by it", days=1), loose(home, "older than it", days=3)
    keep(home, "checkpoint", "checkpoint/digits/small_cnn@" + training_version(*SUBJECT), days=8)
    found = cleaning.look(home, older_than=0)
    assert {kind.why for kind in found.kinds} == {FILES, GIVEN_UP}
    assert any("may want them" in note for note in found.notes)
    cleaning.clean(home, found)
    with ResultStore(home.database) as store:
        assert store.finish(run_id, attempt, RunStatus.DONE, outcome=Outcome(artifacts={"original": original, "unlearned": written}))
        assert submit.whole(home, store, run_id)
    assert not (home.artifacts_folder / before).exists()


def test_what_is_written_or_named_between_look_and_deletion_stays(home):
    """And what began since may want the networks that were listed."""
    again, named, network = loose(home, "again"), loose(home, "named"), keep(home, "net", "original", days=40)
    found = cleaning.look(home, older_than=30)
    assert {kind.why: kind.count for kind in found.kinds} == {FILES: 2, UNUSED: 1}
    (home.artifacts_folder / again).touch()
    with ResultStore(home.database) as store:
        store.keep("now", "original", named, 1.0)
        store.add(spec("ssd"))
    assert cleaning.clean(home, found) == 0
    assert {again, named, network} <= set(os.listdir(home.artifacts_folder))
    assert kept_keys(home) == {"net", "now"}


def test_networks_that_no_run_has_go_by_their_age_alone_where_nothing_may_want_them(home):
    keep(home, "old", "original", days=40)
    keep(home, "young", "reference", days=3)
    assert listed(home) == {}
    assert listed(home, 30) == {UNUSED: 1}
    cleaning.clean(home, cleaning.look(home, 30))
    assert kept_keys(home) == {"young"}
    with pytest.raises(WrongInput, match="number of days"):
        cleaning.look(home, -1)


def test_the_networks_of_runs_stay_whatever_their_age(home):
    run_id = plant(home, spec("ssd"))
    with ResultStore(home.database) as store:
        files = store.artifacts(run_id)
        store.keep("net", "original", files["original"], 1.0)
        with store.db.transaction() as write:
            write.execute("update kept set created_at = '2020-01-01T00:00:00.000+00:00'")
        store.delete(run_id)
    assert listed(home, 0) == {}  # it can be put back
    submit.put_back(home, run_id)
    assert listed(home, 0) == {}


@pytest.mark.parametrize("who, said", [
    (lambda home: stored(home, parts(), [step(0, 1)]), "sequences of requests"),
    (lambda home: (home.tuning_folder.mkdir(), (home.tuning_folder / "0123456789ab.jsonl").touch()), "searches of settings"),
    (lambda home: stop(home, spec("ssd")), "stopped may go on"),
    (lambda home: begin(home, spec("ssd")), "queued or computed"),
], ids=["sequence", "search", "stopped run", "running run"])  # fmt: skip
def test_networks_that_something_may_go_on_with_stay_and_it_is_said_why(home, who, said):
    keep(home, "old", "original", days=40)
    keep(home, "statistic", "statistic", days=40)
    who(home)
    found = cleaning.look(home, 30)
    assert list(found.kinds) == []
    assert any(said in note and note.startswith("2 networks") for note in found.notes)


def test_a_run_that_stopped_before_a_network_was_made_keeps_nobody_from_it(home):
    keep(home, "older", "original", days=60)
    keep(home, "newer", "original", days=40)
    stop(home, spec("ssd"), days_ago=50)
    cleaning.clean(home, cleaning.look(home, 30))
    assert kept_keys(home) == {"older"}


def test_weights_that_a_user_brought_stay_while_a_run_names_them(home):
    file = keep(home, "own/mine", "own weights", days=40)
    keep(home, "own/other", "own weights", days=40)
    plant(home, spec("ssd", weights=file.partition(".")[0]))
    cleaning.clean(home, cleaning.look(home, 30))
    assert kept_keys(home) == {"own/mine"}


def test_what_was_deleted_more_than_a_day_ago_goes_with_its_files(home):
    run_id, other = plant(home, spec("ssd")), plant(home, spec("ssd", seed=1))
    with ResultStore(home.database) as store:
        own = set(store.artifacts(run_id).values()) - set(store.artifacts(other).values())
        for file in store.files():
            aged(home, file, 2)
        store.delete(run_id)
        store.delete(other)
        with store.db.transaction() as write:
            write.execute("update trash set deleted_at = '2020-01-01T00:00:00.000+00:00' where id = ?", (run_id,))
    home.log(run_id).touch()
    os.utime(home.log(run_id), (0, 0))
    assert listed(home) == {DELETED: len(own), cleaning.LOGS: 1}
    cleaning.clean(home, cleaning.look(home))
    submit.put_back(home, other)
    with ResultStore(home.database) as store:
        assert submit.whole(home, store, other)
        assert store.row(run_id) is None
    assert not own & set(os.listdir(home.artifacts_folder))


def test_what_ended_processes_left_and_what_older_versions_described_goes(home):
    dead, alive = f".writing-{2**22 + 1}-{'0' * 32}", f".writing-{os.getpid()}-{'0' * 32}"
    for name in (dead, alive):
        (home.artifacts_folder / name).write_bytes(b"x" * 1000)
    (home.root / dead).mkdir()
    (home.root / dead / "part").write_bytes(b"x" * 5000)
    older, today = home.root / "catalogue" / "0123456789ab", home.root / "catalogue" / cleaning.catalogue_version()
    for folder in (older, today):
        folder.mkdir(parents=True)
        os.utime(folder, (0, 0))
    with ResultStore(home.database) as store:
        job_queue.add(store.db, "needed", IMPORT, {"path": "x"})
    for name in ("needed", "left"):
        (home.uploads_folder / name).mkdir(parents=True)
        os.utime(home.uploads_folder / name, (0, 0))
    for log in ("supervisor.log", "0123456789ab.log", "0123456789ab.curves.json", "note.txt"):
        (home.logs_folder / log).touch()
        os.utime(home.logs_folder / log, (0, 0))
    found = cleaning.look(home)
    assert {kind.why: (kind.count, kind.bytes) for kind in found.kinds} == {
        cleaning.HALF: (2, 6000), cleaning.UPLOADS: (1, 0), cleaning.LOGS: (2, 0), cleaning.SHELVES: (1, 0),
    }  # fmt: skip
    assert cleaning.clean(home, found) == 6000
    assert os.listdir(home.artifacts_folder) == [alive]
    assert os.listdir(home.uploads_folder) == ["needed"]
    assert set(os.listdir(home.logs_folder)) == {"supervisor.log", "note.txt"}
    assert os.listdir(home.root / "catalogue") == [today.name]


def drawn_home(home, draw):
    """Runs that are done, deleted, stopped, queued or computed; a sequence; what is kept, of any kind and age; what nothing names.

    Returns what is kept by the test alone (key -> kind), the running run, and whether anything may want shared networks.
    """
    done, kinds = [plant(home, spec("ssd", seed=number)) for number in range(draw.randrange(1, 4))], {}
    with ResultStore(home.database) as store:
        for file in store.files():
            aged(home, file, draw.choice((0, 1, 50)))
        for run_id in done:
            store.keep(f"original of {run_id}", "original", store.artifacts(run_id)["original"], 1.0)
        for run_id in draw.sample(done, draw.randrange(len(done))):
            store.delete(run_id)
    for number in range(draw.randrange(4, 12)):
        versioned = [*(kind + version for kind, version in TODAY.items()), *(f"{kind}0123456789ab" for kind in TODAY)]
        kinds[f"key {number}"] = draw.choice([*versioned, *unneeded.SHARED, "sequence"])
        keep(home, f"key {number}", kinds[f"key {number}"], draw.choice((0.0, 5.0, 20.0, 60.0)))
    for number in range(draw.randrange(4)):
        loose(home, f"loose {number}", draw.choice((0.0, 1.0, 30.0)))
    happens = {what: draw.random() < 0.4 for what in ("walking", "stopped", "running", "waiting")}
    if happens["walking"]:
        stored(home, parts(), [step(0, 1)])
    if happens["stopped"]:
        stop(home, spec("finetune", seed=7))
    running = begin(home, spec("finetune", seed=8), began_days_ago=draw.choice((0, 2))) if happens["running"] else None
    if happens["waiting"]:
        with ResultStore(home.database) as store:
            store.add(spec("finetune", seed=9))
    return kinds, running, any(happens.values())


@pytest.mark.parametrize("seed", range(12))
def test_whatever_lies_in_a_home_nothing_goes_that_a_run_a_sequence_or_what_goes_on_needs(home, seed):
    draw = random.Random(seed)
    kinds, running, wanted = drawn_home(home, draw)
    with ResultStore(home.database) as store:
        shared = {row["key"]: row["file"] for row in store.db.read("select key, file, kind from kept") if row["kind"] in unneeded.SHARED}
        of_runs = {row["file"] for row in store.db.read("select file from artifacts")} | trash.files(store.db)[0]

    cleaning.clean(home, cleaning.look(home, draw.choice((None, 0, 10, 30))))

    artifacts, left = Artifacts(home.artifacts_folder), kept_keys(home)
    assert all(map(artifacts.sound, of_runs))  # of runs, and of those that can be put back
    with ResultStore(home.database) as store:
        assert all(map(artifacts.sound, store.files()))  # and of all that is still kept
    today = {name + version for name, version in TODAY.items() if not name.startswith("checkpoint")}
    assert {key for key, kind in kinds.items() if kind in today or kind == "sequence"} <= left
    assert not {key for key, kind in kinds.items() if kind.endswith("0123456789ab")} & left
    assert not wanted or shared.keys() <= left
    if running:
        new = artifacts.put_arrays({"w": np.full(3, seed)})
        files = {f"shared {at}": file for at, file in enumerate(shared.values())} | {"unlearned": new}
        with ResultStore(home.database) as store:
            assert store.finish(*running, RunStatus.DONE, outcome=Outcome(artifacts=files))
            assert submit.whole(home, store, running[0])


def test_cleaning_again_and_again_while_a_study_is_computed_takes_nothing_of_it(tmp_path, monkeypatch, shelves):
    monkeypatch.setenv("FORGETSCOPE_IDLE_SECONDS", "1")
    monkeypatch.setattr(unneeded, "GRACE", 0.0)  # as though each file had lain there for an hour
    place = Place(open_home(tmp_path / "home"))
    home, over, problems = place.home, threading.Event(), []
    plan = make_plan(shelves, "digits", "small_cnn", spec().request, [("ssd", {}), ("finetune", {})], (0, 1, 2), floor=False)

    def again():
        try:
            while not over.is_set():
                cleaning.clean(home, cleaning.look(home, 0))
        except Exception as error:  # the test tells
            problems.append(error)

    thread = threading.Thread(target=again)
    try:
        study_id = studies.submit(home, plan, shelves, STUB)
        thread.start()
        with ResultStore(home.database) as store:
            until(lambda: problems or progress.progress(store, study_id).done == 6, 60)
            runs = store.runs()
            assert all(store.artifacts(run.id) for run in runs)
            assert all(submit.whole(home, store, run.id) for run in runs)
            assert {run.status for run in runs} == {RunStatus.DONE}
    finally:
        over.set()
        thread.join()
        for supervisor in place.supervisors():
            supervisor.kill()
        until(lambda: not place.supervisors())
    assert problems == []
