"""Files that come back as they were, or say that they are damaged."""

import ast
import errno
import os
from pathlib import Path
import subprocess
import sys
import threading
import time

import numpy as np
import pandas as pd
import pytest

from core.domain.errors import WrongInput
from core.storage import artifacts as module
from core.storage.artifacts import Artifacts, Damaged
from core.storage.atomic import sweep

CORE = Path(__file__).parents[3] / "core"


def names(home):
    return sorted(path.name for path in home.artifacts_folder.iterdir())


def test_arrays_come_back_equal(artifacts):
    given = {
        "floats": np.arange(6, dtype=np.float32).reshape(2, 3),
        "transposed": np.arange(6.0).reshape(2, 3).T,
        "strided": np.arange(10)[::3],
        "mask": np.array([True, False]),
        "scalar": np.array(3.5),
        "empty": np.zeros((0, 4), dtype=np.int64),
    }
    got = artifacts.get_arrays(artifacts.put_arrays(given))
    assert got.keys() == given.keys()
    for name, array in given.items():
        np.testing.assert_array_equal(got[name], array)
        assert got[name].dtype == array.dtype
        assert got[name].shape == array.shape


def test_a_table_comes_back_equal(artifacts):
    given = pd.DataFrame({"layer": ["a", "b"], "share": [0.5, np.nan], "count": [1, 2]})
    pd.testing.assert_frame_equal(artifacts.get_table(artifacts.put_table(given)), given)


def test_equal_content_is_one_file_and_other_content_another(home, artifacts):
    one, same = artifacts.put_arrays({"a": np.ones(3)}), artifacts.put_arrays({"a": np.ones(3)})
    other = artifacts.put_arrays({"a": np.zeros(3)})
    assert one == same != other
    assert names(home) == sorted([one, other])


def test_a_name_that_no_file_of_ours_can_have_is_not_sound(artifacts):
    """As a damaged row may give it: the run that names it can be asked for again."""
    assert artifacts.sound(artifacts.put_arrays({"a": np.ones(3)}))
    assert not any(map(artifacts.sound, ("", "x", "../forgetscope.db")))


@pytest.mark.parametrize("damage", ["flipped", "truncated", "emptied", "missing", "folder"])
@pytest.mark.parametrize("kind", ["arrays", "table"])
def test_a_damaged_file_says_so_in_one_sentence_and_is_healed_by_putting_it_again(home, artifacts, damage, kind):
    put, get, given = {
        "arrays": (artifacts.put_arrays, artifacts.get_arrays, {"a": np.arange(100.0)}),
        "table": (artifacts.put_table, artifacts.get_table, pd.DataFrame({"a": np.arange(100.0)})),
    }[kind]
    path = home.artifacts_folder / put(given)
    whole = path.read_bytes()
    path.unlink()
    if damage == "folder":
        path.mkdir()
    elif damage != "missing":
        flipped = whole[:200] + bytes([whole[200] ^ 1]) + whole[201:]
        path.write_bytes({"flipped": flipped, "truncated": whole[:-10], "emptied": b""}[damage])
    with pytest.raises(Damaged, match="run again what made it") as caught:
        get(path.name)
    assert isinstance(caught.value, WrongInput)
    assert str(path) in str(caught.value)
    if damage != "folder":
        assert put(given) == path.name
        assert path.read_bytes() == whole


def test_a_large_file_is_read_a_part_at_a_time_and_its_damage_is_told_at_the_end(home, artifacts, monkeypatch):
    file = artifacts.put_arrays({"a": np.arange(1000)})
    monkeypatch.setattr(module, "BLOCK", 100)
    parts = list(artifacts.blocks(file))
    assert (b"".join(parts), max(map(len, parts))) == (artifacts.content(file), 100)
    assert artifacts.size(file) == artifacts.stats()[file][0] == len(artifacts.content(file))
    path = home.artifacts_folder / file
    path.write_bytes(path.read_bytes()[:-1] + b"\1")
    with pytest.raises(Damaged, match="is damaged"):
        list(artifacts.blocks(file))
    path.unlink()
    for ask in (artifacts.size, lambda name: list(artifacts.blocks(name))):
        with pytest.raises(Damaged, match="is missing"):
            ask(file)


def test_a_file_goes_by_its_age_unless_it_is_written_over_at_that_moment(home, artifacts, monkeypatch):
    content = {"a": np.ones(3)}
    path = home.artifacts_folder / artifacts.put_arrays(content)
    now = time.time()
    os.utime(path, (now - 50, now - 50))
    assert artifacts.remove_older(path.name, now - 100) == 0
    assert path.exists()
    real = Path.rename

    def rename(self, target):
        os.utime(self)  # as one who puts an equal file just now
        return real(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", rename)
        assert artifacts.remove_older(path.name, now - 10) == 0
    assert names(home) == [path.name]
    os.utime(path, (now - 50, now - 50))
    size = path.stat().st_size
    assert artifacts.remove_older(path.name, now - 10) == size
    assert artifacts.remove_older(path.name, now - 10) == 0  # gone already
    assert names(home) == []


def test_what_is_being_made_is_known_by_its_lock(artifacts):
    with artifacts.making("one"):
        assert artifacts.being_made() == {"one"}
    assert artifacts.being_made() == set()


@pytest.mark.parametrize(
    "name", ["../forgetscope.db", "/etc/passwd", "a/b", "", "x.safetensors", "A" * 64 + ".parquet"]
)
def test_a_name_that_is_no_content_hash_is_refused(artifacts, name):
    for call in (artifacts.get_arrays, artifacts.get_table, artifacts.remove):
        with pytest.raises(WrongInput, match="name is a SHA-256"):
            call(name)


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_full_disk_is_told_and_leaves_nothing_behind(home, artifacts, monkeypatch, step):
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, step, full)
    with pytest.raises(WrongInput, match="There is no space left"):
        artifacts.put_arrays({"a": np.ones(3)})
    assert names(home) == []


KILLED = """
import os, signal, sys
from pathlib import Path
import numpy as np
from core.storage.artifacts import Artifacts
os.replace = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
Artifacts(Path(sys.argv[1])).put_arrays({"a": np.ones(1000)})
"""


def test_a_writer_that_is_killed_leaves_nothing_that_can_be_read(home, artifacts):
    killed = subprocess.run([sys.executable, "-c", KILLED, home.artifacts_folder], check=False, timeout=60)
    assert killed.returncode == -9
    [left] = names(home)
    assert left.startswith(".writing-")
    sweep(home.artifacts_folder)
    assert names(home) == []


def test_a_sweep_leaves_what_is_being_written_or_is_not_ours(home, artifacts):
    stored = artifacts.put_arrays({"a": np.ones(3)})
    living = f".writing-{os.getpid()}-{'0' * 32}"
    for name in (living, "notes.txt"):
        (home.artifacts_folder / name).touch()
    sweep(home.artifacts_folder)
    assert names(home) == sorted([stored, living, "notes.txt"])


def test_files_that_nothing_names_are_swept_once_they_are_old(home, artifacts):
    named, unnamed, fresh = (artifacts.put_arrays({"a": np.full(3, value)}) for value in (1.0, 2.0, 3.0))
    long_ago = time.time() - 7200
    for name in (named, unnamed):
        os.utime(home.artifacts_folder / name, (long_ago, long_ago))
    artifacts.sweep_unnamed({named})
    assert names(home) == sorted([named, fresh])


def test_removing_twice_is_harmless(home, artifacts):
    file = artifacts.put_arrays({"a": np.ones(3)})
    artifacts.remove(file)
    artifacts.remove(file)
    assert names(home) == []


def test_core_never_pickles():
    forbidden = {"pickle", "cPickle", "cloudpickle", "dill", "joblib", "shelve", "marshal"}
    for path in CORE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                found = {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                found = {(node.module or "").partition(".")[0]}
            elif isinstance(node, ast.Attribute):  # torch.save, torch.load, frame.to_pickle, pd.read_pickle
                owner = node.value.id if isinstance(node.value, ast.Name) else ""
                # as tests/test_architecture.py has it
                loaders = ("save",) if path == CORE / "training" / "uploaded_weights" / "read_file.py" else ("save", "load")
                bad = (owner == "torch" and node.attr in loaders) or node.attr.endswith("_pickle")
                found = {"pickle"} if bad else set()
            else:
                continue
            assert not found & forbidden, f"{path}:{node.lineno}"


def test_the_rooms_need_neither_torch_nor_streamlit_nor_pandas():
    code = (
        "import sys, core.jobs.submit, core.jobs.supervisor, core.storage.artifacts;"
        "print([m for m in ('torch', 'streamlit', 'pandas', 'core.pipeline') if m in sys.modules])"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert said.stdout.strip() == "[]"


def test_artifacts_are_shared_by_folder(home, artifacts):
    file = artifacts.put_arrays({"a": np.ones(3)})
    assert Artifacts(home.artifacts_folder).get_arrays(file)["a"].sum() == 3


HOLDER = """
import sys, time; from pathlib import Path; from core.storage.artifacts import Artifacts
with Artifacts(Path(sys.argv[1])).making("key"):
    print("holds", flush=True)
    time.sleep(60)
"""


def test_of_two_who_make_the_same_one_waits_and_a_killed_holder_holds_nobody_up(home, artifacts):
    entered = threading.Event()

    def enter():
        with artifacts.making("key"):
            entered.set()

    with subprocess.Popen([sys.executable, "-c", HOLDER, home.artifacts_folder], stdout=subprocess.PIPE) as holder:
        assert holder.stdout.readline() == b"holds\n"
        with artifacts.making("another key"):
            pass
        waits = threading.Thread(target=enter)
        waits.start()
        assert not entered.wait(0.2)
        holder.kill()
        assert entered.wait(10)
        waits.join()
    artifacts.sweep_unnamed(set())
    assert names(home) == []
