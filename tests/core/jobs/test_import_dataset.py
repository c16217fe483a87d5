"""Images added by a job: followed, cancelled, ended by the system; nothing half-written stays, and an upload goes with its import."""

import errno
import io
import os
import shutil
import types

import psutil
import pytest

from core.data.importing import store as cache
from core.data.importing.importer import ImportOptions
from core.domain.errors import WrongInput
from core.jobs import background, import_dataset, submit, supervisor
from core.jobs.background import job_progress
from core.storage.queues import job_queue
from core.storage.queues.lifecycle import ANALYSIS, IMPORT, RUN
from core.storage.runs import ResultStore
from tests.core.data.importing.made_up import folder
from tests.core.jobs.place import STUB, in_this_process, lives, until

ENOUGH = (400, 100)  # images of each class: decoding them takes a while at this size
LARGE = ImportOptions(size=256)


@pytest.fixture
def home(place, monkeypatch):
    monkeypatch.setattr(background, "ensure_supervisor", lambda home, *_: submit.ensure_supervisor(home, STUB))
    return place.home


def decoding(home, job_id):
    """The process that imports, once something of the dataset lies on the disk."""
    until(lambda: job_progress(home, job_id).note.startswith("decoding"), 30)
    with ResultStore(home.database) as store:
        return psutil.Process(store.db.read("select worker_pid from jobs where id = ?", (job_id,))[0]["worker_pid"])


def test_an_import_goes_on_while_nobody_looks_and_is_found_again(home, tmp_path):
    pets = folder(tmp_path / "pets")
    (pets / "train" / "cat" / "notes.txt").write_text("no image")
    job_id = import_dataset.start(home, str(pets), ImportOptions(size=16))
    assert import_dataset.active(home) in (job_id, "")
    until(lambda: job_progress(home, job_id).status == "done", 30)
    (key,) = cache.keys(home.datasets_folder)
    assert job_progress(home, job_id).outcome == {"key": key, "notes": ["1 file that is no image passed over (1 .txt)."]}
    assert import_dataset.active(home) == ""
    assert cache.info_of(home.datasets_folder, key).height == 16


def test_a_cancelled_import_ends_within_a_second_and_leaves_nothing(home, tmp_path):
    job_id = import_dataset.start(home, str(folder(tmp_path / "pets", counts=ENOUGH)), LARGE)
    process = decoding(home, job_id)
    assert import_dataset.active(home) == job_id
    import_dataset.cancel(home, job_id)
    assert (job_progress(home, job_id).status, import_dataset.active(home)) == ("absent", "")
    assert until(lambda: not lives(process)) < 1
    until(lambda: list(home.datasets_folder.iterdir()) == [])


def test_one_whose_process_the_system_ends_twice_says_so_and_leaves_nothing(home, tmp_path):
    archive = shutil.make_archive(str(tmp_path / "packed"), "zip", folder(tmp_path / "pets", counts=ENOUGH))
    with open(archive, "rb") as file:
        job_id = import_dataset.start_upload(home, "pets", file, LARGE)
    first = decoding(home, job_id)
    first.kill()
    until(lambda: decoding(home, job_id) != first)
    decoding(home, job_id).kill()
    until(lambda: job_progress(home, job_id).status == "failed")
    assert job_progress(home, job_id).error.startswith("The process that computed it ended without a word, twice.")
    until(lambda: [*home.datasets_folder.iterdir(), *home.uploads_folder.iterdir()] == [])


def test_what_is_wrong_is_told_before_anything_is_queued_where_it_can_be(home, tmp_path):
    with pytest.raises(WrongInput, match="There is no folder nowhere"):
        import_dataset.start(home, "nowhere", ImportOptions())
    with pytest.raises(WrongInput, match="from 8 to 1024 pixels"):
        import_dataset.start(home, str(tmp_path), ImportOptions(size=4))
    with pytest.raises(WrongInput, match="from 8 to 1024 pixels"):
        import_dataset.start_upload(home, "pets", io.BytesIO(b""), ImportOptions(size=4))
    with ResultStore(home.database) as store:
        assert job_queue.jobs(store.db, IMPORT) == []
    assert not home.uploads_folder.exists()


def test_an_upload_stays_while_its_import_waits_and_goes_when_it_is_cancelled_or_over(home, monkeypatch):
    monkeypatch.setattr(background, "ensure_supervisor", lambda *_: None)
    waiting, cancelled = (import_dataset.start_upload(home, "pets", io.BytesIO(b"no zip"), ImportOptions()) for _ in range(2))
    import_dataset.cancel(home, cancelled)
    abandoned, written = (home.uploads_folder / name for name in ("abandoned", "written"))
    for place in (abandoned, written):
        place.mkdir()
    os.utime(abandoned, (0, 0))
    with ResultStore(home.database) as store:
        supervisor._tidy(home, store, supervisor.Computing())
    assert {place.name for place in home.uploads_folder.iterdir()} == {waiting, "written"}  # one may just be on its way
    in_this_process(home)
    assert job_progress(home, waiting).error.startswith("pets.zip is no zip archive that can be read (BadZipFile")
    assert {place.name for place in home.uploads_folder.iterdir()} == {"written"}


def test_a_disk_that_is_full_leaves_nothing_of_an_upload_and_queues_nothing(home, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(shutil, "copyfileobj", full)
    with pytest.raises(WrongInput, match="There is no space left to write"):
        import_dataset.start_upload(home, "pets", io.BytesIO(b"zip"), ImportOptions())
    assert list(home.uploads_folder.iterdir()) == []
    with ResultStore(home.database) as store:
        assert job_queue.jobs(store.db, IMPORT) == []


@pytest.mark.parametrize("also", [None, WrongInput("The disk is full.")])
def test_where_nobody_can_be_started_nothing_of_an_upload_stays_and_the_first_reason_is_told(home, monkeypatch, also):
    def refuse(reason):
        def refused(*_):
            raise reason

        return refused

    monkeypatch.setattr(background, "ensure_supervisor", refuse(WrongInput("Nobody could be started.")))
    if also:
        monkeypatch.setattr(import_dataset, "cancel_job", refuse(also))
    with pytest.raises(WrongInput, match=r"Nobody could be started\."):
        import_dataset.start_upload(home, "pets", io.BytesIO(b"zip"), ImportOptions())
    assert list(home.uploads_folder.iterdir()) == []
    assert also or import_dataset.active(home) == ""


def test_only_runs_wait_for_what_runs_where_the_sources_were_changed_meanwhile(home):
    started = []

    class Outdated:
        def ready(self, _):
            return True

        def outdated(self):
            return True

        def start(self, _, kind, job_id, attempt, *, fresh):
            started.append((kind, job_id, attempt, fresh))

    with ResultStore(home.database) as store:
        job_queue.add(store.db, "map", ANALYSIS, {})
        job_queue.add(store.db, "pets", IMPORT, {})
        with pytest.raises(supervisor.OutdatedError):
            supervisor._begin(home, Outdated(), store, supervisor.Computing())
        assert supervisor._begin(home, Outdated(), store, supervisor.Computing([types.SimpleNamespace(kind=RUN)]))
    assert sorted(started) == [(ANALYSIS, "map", 1, True), (IMPORT, "pets", 1, False)]
