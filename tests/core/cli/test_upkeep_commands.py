"""`doctor`, `gc`, `backup` and `restore` on the command line."""

import json
import os
import shutil

import numpy as np
import pytest

from core.jobs.upkeep import doctor as looks
from core.jobs.upkeep.findings import FAULT, OK, Line
from core.storage.artifacts import Artifacts
from core.storage.home import Home, open_home
from core.storage.runs import ResultStore
from tests.planted import plant, spec


@pytest.fixture
def quick(monkeypatch):
    """The device is not asked for, which takes a process."""
    monkeypatch.setattr(looks, "_device", lambda: iter([Line(OK, "device", "Runs are computed on cpu.")]))


def test_a_home_travels_by_two_commands(home, tmp_path, monkeypatch, in_process):
    run_id = plant(home, spec("ssd"))
    status, out, _ = in_process("backup", tmp_path / "all.zip")
    assert status == 0
    assert out.startswith(f"{tmp_path / 'all.zip'}: 1 run and 0 studies; ")
    shown = json.loads(in_process("show", run_id, "--json")[1])
    status, out, err = in_process("restore", tmp_path / "all.zip", "--home", tmp_path / "there")
    assert (status, out.startswith(f"{tmp_path / 'there'}: 1 run and 0 studies, as they were 20")) == (0, True)
    assert "100 %" in err
    monkeypatch.setenv("FORGETSCOPE_HOME", str(tmp_path / "there"))
    assert json.loads(in_process("show", run_id, "--json")[1]) == shown
    status, out, err = in_process("restore", tmp_path / "all.zip")
    assert (status, out) == (2, "")
    assert "home in use" in err.splitlines()[-1]
    status, _, err = in_process("backup", tmp_path / "all.zip")
    assert (status, "there already" in err) == (2, True)


def test_in_json_a_backup_says_what_is_in_it_and_extensions_are_said_to_be_code(home, tmp_path, monkeypatch, in_process):
    plant(home, spec("ssd"))
    (home.root / "extensions").mkdir()
    (home.root / "extensions" / "mine.py").write_text("x = 1\n")
    status, out, err = in_process("backup", tmp_path / "b.zip", "--json")
    said = json.loads(out)
    assert (status, said["runs"], said["lost"], said["extensions"]) == (0, 1, [], ["mine"])
    assert "With 1 extensions (mine); extensions are code" in err
    assert "outside of the home" not in err
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "other.py").write_text("x = 1\n")
    monkeypatch.setenv("FORGETSCOPE_EXTENSIONS", str(tmp_path / "elsewhere"))
    assert "outside of the home: other; keep" in in_process("backup", tmp_path / "c.zip")[2]
    status, out, err = in_process("restore", tmp_path / "b.zip", "--home", tmp_path / "there", "--without-extensions", "--json")
    said = json.loads(out)
    assert (status, said["home"], said["extensions"], said["waiting"]) == (0, str(tmp_path / "there"), [], 0)
    assert not (tmp_path / "there" / "extensions").exists()


def test_what_is_no_backup_is_refused_in_one_line(home, tmp_path, in_process):
    (tmp_path / "x.zip").write_bytes(b"x" * 100)
    status, out, err = in_process("restore", tmp_path / "x.zip", "--home", tmp_path / "there")
    assert (status, out, len(err.splitlines())) == (2, "", 1)
    assert not (tmp_path / "there").exists()


def test_gc_lists_and_deletes_only_where_that_is_asked_for(home, monkeypatch, in_process):
    plant(home, spec("ssd"))
    file = Artifacts(home.artifacts_folder).put_arrays({"w": np.ones(1000)})
    os.utime(home.artifacts_folder / file, (0, 0))
    status, out, _ = in_process("gc")
    assert (status, out.splitlines()[0].split(None, 3)) == (0, ["1", "MB", "1", "files that nothing names"])
    assert "Nothing was deleted" in out
    assert (home.artifacts_folder / file).exists()
    said = json.loads(in_process("gc", "--json")[1])
    assert (said["freed"], said["kinds"][0]["count"], said["bytes"]) == (None, 1, (home.artifacts_folder / file).stat().st_size)
    status, out, _ = in_process("gc", "--delete")
    assert (status, out.splitlines()[-1].startswith("1 MB freed; the home has")) == (0, True)
    assert not (home.artifacts_folder / file).exists()
    monkeypatch.setenv("FORGETSCOPE_QUOTA", "20GB")
    assert in_process("gc")[1].endswith("of the 20 GB that it may have.\n")
    assert in_process("gc")[1].startswith("Nothing can go; the home has")
    assert in_process("gc", "--older-than", "-3")[0] == 2


@pytest.mark.usefixtures("quick")
def test_doctor_says_a_line_each_and_leaves_with_1_where_there_is_a_fault(home, monkeypatch, in_process):
    run_id = plant(home, spec("ssd"))
    status, out, _ = in_process("doctor", "--all")
    assert (status, FAULT in out) == (0, False)
    assert {line.split()[1] for line in out.splitlines()} == {"home", "store", "artifacts", "queue", "disk", "python", "device", "settings"}
    with ResultStore(home.database) as store:
        (home.artifacts_folder / store.artifacts(run_id)["unlearned"]).unlink()
    status, out, _ = in_process("doctor")
    assert (status, [line.split()[1] for line in out.splitlines() if line.startswith(FAULT)]) == (1, ["artifacts"])
    status, out, _ = in_process("doctor", "--json")
    said = json.loads(out)
    assert (status, said["faults"], said["home"]) == (1, 1, str(open_home().root))
    assert {"status": FAULT, "about": "artifacts"}.items() <= next(line for line in said["lines"] if line["status"] == FAULT).items()


def test_a_real_home_is_cleaned_and_restored_and_its_networks_serve_the_next_run(first_run, tmp_path, monkeypatch, in_process):
    """In a copy: other tests have left in that home what may go."""
    root = shutil.copytree(first_run[0].root, tmp_path / "here", ignore=shutil.ignore_patterns("*.lock", "*.sock"))
    home, run, there = Home(root), json.loads(first_run[1].stdout), tmp_path / "there"
    monkeypatch.setenv("FORGETSCOPE_HOME", str(home.root))
    assert in_process("gc", "--delete", "--older-than", "0")[0] == 0
    assert json.loads(in_process("gc", "--older-than", "0", "--json")[1])["kinds"] == []
    assert in_process("backup", tmp_path / "b.zip")[0] == 0
    was = json.loads(in_process("show", run["id"], "--json")[1])
    monkeypatch.setenv("FORGETSCOPE_HOME", str(there))
    assert in_process("restore", tmp_path / "b.zip")[0] == 0
    shutil.copytree(home.root / "catalogue", there / "catalogue")  # else another process would write it
    assert json.loads(in_process("show", run["id"], "--json")[1]) == was
    assert was["metrics"] == run["metrics"]
    again = ("run", "--dataset", "digits", "--model", "small_cnn", "--forget", "class:3", "--method", "finetune", "--json")
    seconds = json.loads(in_process(*again)[1])["seconds"]
    assert (seconds["train"], seconds["reference"]) == (0, 0)
    assert in_process("gc", "--json")[0] == 0
