"""A home in one file, and the home that is made of it."""

import os
import sqlite3
import stat
import zipfile

import numpy as np
import pytest

from core.data.importing import store as store_of_images
from core.domain.errors import WrongInput
from core.domain.run import RunStatus
from core.export.backup import write
from core.export.backup.restore import restore
from core.export.backup.snapshot import STOPPED
from core.export.backup.write import backup
from core.storage import trash
from core.storage.artifacts import Artifacts
from core.storage.audience import decks
from core.storage.home import open_home
from core.storage.processes import ProcessId
from core.storage.queues import job_queue
from core.storage.runs import ResultStore
from tests.core.export.backup.homes import EXTENSION, files_of, full_home, rows_of
from tests.planted import plant, spec


@pytest.fixture(scope="module")
def full(tmp_path_factory):
    """(home, ids, its backup), only to be read."""
    folder = tmp_path_factory.mktemp("full")
    home, ids = full_home(folder / "home")
    return home, ids, folder / "all.zip", backup(home, folder / "all.zip")


def test_everything_that_a_home_holds_comes_back_equal(full, tmp_path):
    home, ids, file, written = full
    restored = restore(file, tmp_path / "new" / "home")
    there = open_home(restored.home)
    was, now = rows_of(home), rows_of(there)
    was.pop("jobs"), now.pop("jobs")
    assert was == now
    for folder in ("artifacts", "datasets", "sequences", "extensions"):
        assert files_of(home, folder) == files_of(there, folder) != {}
    assert there.log(ids[0]).read_text() == "epoch 1\n"
    assert there.presets_file.read_text() == "[]"
    [key] = os.listdir(there.datasets_folder)
    assert store_of_images.arrays_of(there.datasets_folder, key, whole=True)["train_images"].size
    assert (written.runs, written.studies, written.stopped, written.lost, written.damaged, written.left) == (3, 1, 0, (), (), ())
    assert (restored.runs, restored.studies, restored.waiting, restored.lost) == (3, 1, 0, ())
    assert written.extensions == restored.extensions == ("mine",)
    with ResultStore(there.database) as store:
        assert store.measurements(ids[0])
        assert [deck.title for deck in decks.decks(store)] == ["A lesson"]
        assert store.kept("an-original").seconds == 1.5
        job = job_queue.job(store.db, "an-import")  # what it would read is not here
        assert job.status == RunStatus.CANCELLED
    assert not (there.root / "catalogue").exists()
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["home"]  # nothing of the making is left


def test_a_restored_home_and_a_backup_are_for_their_owner_alone(full, tmp_path):
    *_, file, _ = full
    there = restore(file, tmp_path / "home").home
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert {stat.S_IMODE(path.stat().st_mode) for path in there.rglob("*") if path.is_file()} == {0o600}
    assert {stat.S_IMODE(path.stat().st_mode) for path in (there, *there.rglob("*")) if path.is_dir()} == {0o700}


def test_extensions_can_be_left_out_and_none_is_executed(full, tmp_path):
    *_, file, _ = full
    restored = restore(file, tmp_path / "home", extensions=False)
    assert restored.extensions == ()
    assert not (restored.home / "extensions").exists()
    with zipfile.ZipFile(file) as archive:
        assert archive.read("extensions/mine/__init__.py").decode() == EXTENSION
        assert not any("__pycache__" in name for name in archive.namelist())


def test_each_file_that_the_database_of_a_backup_names_is_in_it_by_its_digest(full):
    home, _, file, _ = full
    with zipfile.ZipFile(file) as archive, ResultStore(home.database) as store:
        assert {f"artifacts/{name}" for name in store.files()} == {name for name in archive.namelist() if name.startswith("artifacts/")}
        assert {member.compress_type for member in archive.infolist()} == {zipfile.ZIP_STORED}


def test_what_is_being_computed_has_stopped_in_the_backup_and_goes_on_in_the_home(home, tmp_path):
    """Its process is this one: nobody must take the copy's row for one that is computed, and nobody must end that process."""
    me, queued, done = ProcessId.of_this_process(), spec("ssd", seed=1), plant(home, spec("ssd"))
    with ResultStore(home.database) as store:
        store.add(spec("finetune"))
        store.add(queued)
        found, attempt = store.claim(me)
        store.started(found.id, attempt, me)
        store.add(spec("ssd"), anew=True)  # done, and waits to be computed once more
        store.keep("part", "checkpoint/digits/small_cnn@1", Artifacts(home.artifacts_folder).put_arrays({"w": np.ones(3)}), 2.0)
    written = backup(home, tmp_path / "b.zip")
    assert written.stopped == 1
    restored = restore(tmp_path / "b.zip", tmp_path / "there")
    assert restored.waiting == 2
    with ResultStore(open_home(restored.home).database) as store:
        run = store.existing(found.id)
        assert (run.status, run.error) == (RunStatus.INTERRUPTED, STOPPED)
        assert store.db.read("select worker_pid from runs where id = ?", (found.id,))[0]["worker_pid"] is None
        assert store.existing(queued.id).status == RunStatus.QUEUED
        assert store.standing(done).id == done
        assert store.kept("part").seconds == 2.0
        store.reconcile()
    with ResultStore(home.database) as store:
        assert store.existing(found.id).status == RunStatus.RUNNING
        assert store.progress(found.id, attempt, 0.5, "train")


def test_a_file_that_goes_while_the_backup_looks_gives_another_look(home, tmp_path, monkeypatch):
    """As a checkpoint that the next one replaces, or a run that is deleted for good."""
    artifacts, looks = Artifacts(home.artifacts_folder), []
    plant(home, spec("ssd"))
    first = artifacts.put_arrays({"w": np.ones(3)})
    with ResultStore(home.database) as store:
        store.keep("part", "checkpoint/x@1", first, 1.0)
    real = write.snapshot.take

    def take(database, place):
        looks.append(real(database, place))
        if len(looks) == 1:
            with ResultStore(home.database) as store:
                store.keep("part", "checkpoint/x@1", artifacts.put_arrays({"w": np.zeros(3)}), 2.0)
            artifacts.remove(first)
        return looks[-1]

    monkeypatch.setattr(write.snapshot, "take", take)
    assert backup(home, tmp_path / "b.zip").lost == ()
    assert len(looks) == 2
    there = open_home(restore(tmp_path / "b.zip", tmp_path / "there").home)
    with ResultStore(there.database) as store:
        assert store.kept("part").seconds == 2.0
        assert Artifacts(there.artifacts_folder).sound(store.kept("part").file)
    assert first not in os.listdir(there.artifacts_folder)


def test_files_that_are_missing_or_damaged_are_named_and_the_rest_is_there(home, tmp_path):
    run_id = plant(home, spec("ssd"))
    with ResultStore(home.database) as store:
        files = store.artifacts(run_id)
        store.keep("gone", "original", "0" * 64 + ".safetensors", 1.0)
    (home.artifacts_folder / files["unlearned"]).unlink()
    (home.artifacts_folder / files["original"]).write_bytes(b"no network")
    written = backup(home, tmp_path / "b.zip")
    assert (written.lost, written.damaged) == ((files["unlearned"],), (files["original"],))
    restored = restore(tmp_path / "b.zip", tmp_path / "there")
    assert set(restored.lost) == {files["unlearned"], files["original"]}
    with ResultStore(open_home(restored.home).database) as store:
        assert store.artifacts(run_id) == files
        assert store.kept("gone") is None  # it would be computed anew, here too
    assert sorted(files_of(open_home(restored.home), "artifacts")) == sorted(set(files.values()) - set(restored.lost))


def test_a_deleted_run_can_be_put_back_in_the_restored_home(home, tmp_path):
    run_id = plant(home, spec("ssd"))
    with ResultStore(home.database) as store:
        store.delete(run_id)
    backup(home, tmp_path / "b.zip")
    there = open_home(restore(tmp_path / "b.zip", tmp_path / "there").home)
    with ResultStore(there.database) as store:
        trash.put_back(store.db, run_id)
        assert all(map(Artifacts(there.artifacts_folder).sound, store.artifacts(run_id).values()))


def test_nothing_is_written_over_and_no_backup_lies_in_its_home(home, tmp_path):
    (tmp_path / "b.zip").write_text("mine")
    with pytest.raises(WrongInput, match="there already"):
        backup(home, tmp_path / "b.zip")
    assert (tmp_path / "b.zip").read_text() == "mine"
    with pytest.raises(WrongInput, match="lost with it"):
        backup(home, home.root / "b.zip")
    with pytest.raises(WrongInput, match="no folder"):
        backup(home, tmp_path / "none" / "b.zip")


def test_a_backup_that_fails_leaves_neither_a_file_nor_second_names(home, tmp_path, monkeypatch):
    plant(home, spec("ssd"))
    before = sorted(os.listdir(home.root))

    def full_disk(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(write, "put", full_disk)
    with pytest.raises(WrongInput, match="no space left"):
        backup(home, tmp_path / "out.zip")
    assert not (tmp_path / "out.zip").exists()
    assert sorted(os.listdir(home.root)) == before
    assert not list(tmp_path.glob(".writing-*"))


def test_a_home_on_a_disk_without_links_is_backed_up_too(full, tmp_path, monkeypatch):
    home, *_ = full

    def no_links(*_, **__):
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(os, "link", no_links)
    assert backup(home, tmp_path / "b.zip").lost == ()
    monkeypatch.undo()
    restore(tmp_path / "b.zip", tmp_path / "there")


def test_links_in_a_home_are_left_out_and_named(full, tmp_path):
    home, *_ = full_home(tmp_path / "home")
    [dataset] = home.datasets_folder.iterdir()
    (dataset / "more.npy").symlink_to("/etc/passwd")
    assert backup(home, tmp_path / "b.zip").left == (f"datasets/{dataset.name}/more.npy",)


def test_a_backup_is_restored_into_an_empty_home_and_into_no_other(full, tmp_path):
    *_, file, _ = full
    fresh = open_home(tmp_path / "fresh")
    assert restore(file, fresh.root).runs == 3
    with pytest.raises(WrongInput, match=r"home in use \(it has datasets\)"):
        restore(file, fresh.root)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("Dear")
    with pytest.raises(WrongInput, match=r"letter\.txt"):
        restore(file, tmp_path / "mine")
    with pytest.raises(WrongInput, match="is a file"):
        restore(file, tmp_path / "mine" / "letter.txt")
    (tmp_path / "void").mkdir()
    assert restore(file, tmp_path / "void").runs == 3
    asked = open_home(tmp_path / "asked")
    with ResultStore(asked.database) as store:
        store.add(spec("ssd"))
    with pytest.raises(WrongInput, match="it has 1 runs"):
        restore(file, asked.root)


def test_a_home_of_an_older_version_is_brought_up_to_date(full, tmp_path, monkeypatch):
    """As its database was two migrations ago, which the list of contents says."""
    from core.export.backup import restore as module
    from core.storage import database

    old = tmp_path / "old.db"
    with monkeypatch.context() as patch:
        patch.setattr(database, "MIGRATIONS", database.MIGRATIONS[:-2])
        with ResultStore(old):
            pass
    opened = sqlite3.connect(old)
    assert database.check_copy(opened, len(database.MIGRATIONS) - 2) == ""
    assert "other version" in database.check_copy(opened, len(database.MIGRATIONS))
    opened.close()
    assert module.snapshot.settle(old) == 0
