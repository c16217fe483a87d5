"""What `doctor` finds of a home that is damaged in one way after the other, and that it changes nothing."""

import os
import shutil
import sqlite3
from types import SimpleNamespace

import numpy as np
import pytest

from core.data.importing.importer import ImportOptions, add
from core.domain.info import ExtensionInfo
from core.jobs.upkeep import doctor, doctor_home
from core.jobs.upkeep.findings import FAULT, OK, WARNING
from core.storage.artifacts import Artifacts
from core.storage.processes import ProcessId
from core.storage.runs import ResultStore
from core.training import tell_device
from tests.core.data.importing.made_up import folder
from tests.planted import plant, spec


@pytest.fixture(autouse=True)
def no_process(monkeypatch):
    """PyTorch tells its device in this process, which has it imported."""
    monkeypatch.setattr(doctor.subprocess, "run", lambda **_: SimpleNamespace(stdout=doctor.json.dumps(tell_device.told()), stderr=""))


def found(home, about, whole=False):
    """(status, sentence) of each line about it."""
    return [(line.status, line.says) for line in doctor.examine(home.root, whole=whole)[1] if line.about == about]


def only(home, about, whole=False):
    [line] = found(home, about, whole)
    return line


def old(path):
    os.utime(path, (0, 0))


def test_a_sound_home_has_no_warning_and_every_line_is_one_sentence(home):
    plant(home, spec("ssd"))
    add(folder(home.root.parent / "cats"), ImportOptions(), home.datasets_folder)
    root, lines = doctor.examine(home.root, whole=True)
    assert root == home.root
    assert {line.about for line in lines} == {"home", "store", "artifacts", "datasets", "queue", "disk", "python", "device", "settings"}
    assert [line for line in lines if line.status != OK and line.about not in ("python", "disk")] == []
    assert all("\n" not in line.says and line.says.endswith(".") for line in lines)


def test_what_a_run_lacks_is_a_fault_and_what_is_kept_for_later_runs_is_not(home):
    run_id = plant(home, spec("ssd"))
    with ResultStore(home.database) as store:
        files = store.artifacts(run_id)
        store.keep("gone", "original", "0" * 64 + ".safetensors", 1.0)
    (home.artifacts_folder / files["unlearned"]).unlink()
    (home.artifacts_folder / files["original"]).write_bytes(b"other")
    lines = found(home, "artifacts")
    assert [status for status, _ in lines] == [FAULT, WARNING, FAULT]
    assert f"1 stored file of the runs {run_id} is missing" in lines[0][1]
    assert "1 file kept for later runs is missing" in lines[1][1]
    assert f"1 stored file of the runs {run_id} is damaged" in lines[2][1]


def test_a_draw_is_bounded_and_all_are_read_where_that_is_asked_for(home, monkeypatch):
    artifacts = Artifacts(home.artifacts_folder)
    with ResultStore(home.database) as store:
        for number in range(30):
            store.keep(f"key {number}", "original", artifacts.put_arrays({"w": np.full(5, number)}), 1.0)
    monkeypatch.setattr(doctor_home, "SAMPLE", 7)
    assert "a draw of 7 of 30; --all reads all" in only(home, "artifacts")[1]
    assert "all 30" in only(home, "artifacts", whole=True)[1]
    monkeypatch.setattr(doctor_home, "SAMPLE_BYTES", 1)
    assert "a draw of 1 of 30" in only(home, "artifacts")[1]


def test_files_that_nothing_names_are_a_warning(home):
    file = Artifacts(home.artifacts_folder).put_arrays({"w": np.ones(3)})
    assert only(home, "artifacts")[0] == OK  # somebody may just be making a row for it
    old(home.artifacts_folder / file)
    assert found(home, "artifacts")[1] == (WARNING, "Nothing names 1 stored file (1 MB); `core gc --delete` removes what can go.")


def test_a_damaged_database_is_a_fault_and_the_rest_is_looked_at(home):
    for seed in range(3):
        plant(home, spec("ssd", seed=seed))
    content = bytearray(home.database.read_bytes())
    content[4096 * 8 : 4096 * 30] = bytes(range(256)) * (22 * 16)
    home.database.write_bytes(bytes(content))
    _, lines = doctor.examine(home.root)
    assert FAULT in {line.status for line in lines if line.about in ("home", "store")}
    assert {"python", "device", "settings"} <= {line.about for line in lines}


def test_a_home_of_another_program_is_a_fault(tmp_path):
    (tmp_path / "forgetscope.db").write_bytes(b"x" * 5000)
    root, lines = doctor.examine(tmp_path)
    assert root is None
    assert (lines[0].status, lines[0].about) == (FAULT, "home")


def test_damaged_rows_and_damaged_datasets_are_named(home):
    run_id = plant(home, spec("ssd"))
    key = add(folder(home.root.parent / "cats"), ImportOptions(), home.datasets_folder).info.key
    db = sqlite3.connect(home.database)
    db.execute("update runs set spec = 'no JSON'")
    db.commit()
    db.close()
    (home.datasets_folder / key / "info.json").write_text("{}")
    assert found(home, "store")[1] == (WARNING, f"1 row is damaged ({run_id}) and can only be deleted: `core delete ID`.")
    [(status, sentence)] = found(home, "datasets")
    assert (status, key in sentence) == (FAULT, True)


def test_what_is_said_to_be_computed_while_nobody_does_is_named_and_left_as_it_is(home):
    gone = ProcessId(2**22 + 1, 5.0)
    with ResultStore(home.database) as store:
        store.add(spec("ssd"))
        run, attempt = store.claim(gone)
        store.started(run.id, attempt, ProcessId.of_this_process())
    status, sentence = only(home, "queue")
    assert status == WARNING
    assert f"{run.id}: said to be computed while nobody does, and the process of {run.id} goes on unwatched" in sentence
    with ResultStore(home.database) as store:
        assert store.existing(run.id).status == "running"


def test_what_waits_while_nobody_takes_it_is_a_warning(home):
    with ResultStore(home.database) as store:
        store.add(spec("ssd"))
    status, sentence = only(home, "queue")
    assert (status, sentence.startswith("1 run or job waits and nobody takes them")) == (WARNING, True)


@pytest.mark.parametrize("free, status", [(10**10, OK), (10**9, WARNING), (10**8, FAULT)])
def test_the_disk_is_told_by_what_is_free(home, monkeypatch, free, status):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=free))
    assert found(home, "disk")[1][0] == status


@pytest.mark.parametrize("quota, status", [("1TB", OK), ("1B", FAULT), ("many", FAULT)])
def test_the_quota_is_told_beside_what_is_used(home, monkeypatch, quota, status):
    monkeypatch.setenv("FORGETSCOPE_QUOTA", quota)
    assert found(home, "disk")[1][0] == status


def test_extensions_that_fail_are_named(home, monkeypatch):
    bad = ExtensionInfo("bad", "x", "/x/bad.py", "0", error="SyntaxError: line 3")
    part = ExtensionInfo("part", "x", "/x/part.py", "0", keys=("method a",), notes=("metric b has no unit",))
    shelves = SimpleNamespace(extensions=(bad, part, ExtensionInfo("good", "x", "/x/good.py", "0", keys=("method c",))))
    monkeypatch.setattr(doctor, "extension_files", lambda: (1, 2))
    monkeypatch.setattr(doctor, "catalogue", lambda _: shelves)
    lines = found(home, "extensions")
    assert [status for status, _ in lines] == [WARNING, WARNING, OK]
    assert "SyntaxError: line 3" in lines[0][1]
    assert lines[2][1] == "good: on the shelves."


@pytest.mark.parametrize("name, text", [
    ("FORGETSCOPE_SLOTS", "no"), ("FORGETSCOPE_SLOTS", "0"), ("FORGETSCOPE_DATA", "/no/such"), ("FORGETSCOPE_IDLE_SECONDS", "soon"),
    ("FORGETSCOPE_DEVICE", "gpu"), ("FORGETSCOPE_HOEM", "x"), ("FORGETSCOPE_QUOTA", "-1"), ("OMP_NUM_THREADS", "1.5"),
])  # fmt: skip
def test_a_setting_that_is_none_is_named(home, monkeypatch, name, text):
    monkeypatch.setenv(name, text)
    [sentence] = [says for status, says in found(home, "settings") if status == WARNING]
    assert name in sentence


def test_versions_are_held_against_requirements(home, monkeypatch):
    def version(name):
        if name == "rocrate":
            raise doctor.PackageNotFoundError(name)
        return "0.0.1" if name == "torch" else real(name)

    real = doctor.version
    monkeypatch.setattr(doctor, "version", version)
    monkeypatch.setattr(doctor, "OLDEST", (4, 0))
    lines = found(home, "python")
    assert [status for status, _ in lines] == [FAULT, FAULT, WARNING]
    assert "rocrate is not installed" in lines[1][1]
    assert "torch 0.0.1, not" in lines[2][1]


def test_a_gpu_that_is_not_there_is_a_fault(home, monkeypatch):
    monkeypatch.setenv("FORGETSCOPE_DEVICE", "cuda:77")
    assert only(home, "device")[0] == FAULT


def test_a_pytorch_that_does_not_start_is_a_fault(home, monkeypatch):
    monkeypatch.setattr(doctor.subprocess, "run", lambda **_: SimpleNamespace(stdout="", stderr="x\nImportError: libtorch.so\n"))
    assert only(home, "device") == (
        FAULT, "PyTorch cannot be started (ImportError: libtorch.so); `pip install -r requirements.txt` installs it anew.",
    )  # fmt: skip
