"""`data add`, `data list`, `data remove`: what they print, what they leave, how they end."""

from contextlib import suppress
import json
import os
import shutil
import signal
import subprocess
import sys
from unicodedata import normalize

import psutil
import pytest

from core.data.importing import store as cache
from core.data.importing.importer import ImportOptions
from core.domain.code_version import catalogue_version
from core.domain.errors import WrongInput
from core.domain.forget_request import ForgetRequest
from core.domain.run import RunSpec, RunStatus
from core.jobs.import_dataset import add_apart
from core.storage.runs import ResultStore
from tests.conftest import ROOT
from tests.core.data.importing.made_up import folder, index


@pytest.fixture
def main(home, in_process, catalogue_folder):
    """The command line called in this process on an empty home: (exit status, stdout, stderr)."""
    shutil.copytree(catalogue_folder, home.root / "catalogue" / catalogue_version())
    return in_process


@pytest.fixture
def pets(tmp_path):
    return folder(tmp_path / "pets")


def test_adding_prints_the_key_alone_and_tells_the_rest_on_stderr(main, pets, home):
    status, out, err = main("data", "add", pets)
    assert status == 0
    assert cache.KEY.fullmatch(out.strip())
    assert cache.keys(home.datasets_folder) == [out.strip()]
    assert "  0 %  reading image 1 of 10\n" in err
    assert err.endswith("6 images to train on, 4 to test, 2 classes\nAdded as\n")
    assert out.strip() in main("list", "datasets")[1]


def test_adding_again_says_so_and_gives_the_same_key(main, pets):
    first = main("data", "add", pets)
    again = main("data", "add", pets)
    assert (again[0], again[1]) == (0, first[1])
    assert again[2].endswith("These images were added before, as\n")


def test_a_name_is_looked_for_in_the_data_folder_and_json_is_one_value(main, pets, monkeypatch, tmp_path):
    monkeypatch.setenv("FORGETSCOPE_DATA", str(tmp_path))
    index(pets, "owner", say=lambda path: ("Ann" if path.stem == "0" else "Bob",))
    status, out, _ = main("data", "add", "pets", "--name", "My pets", "--size", 16, "--channels", "grey", "--json")
    told = json.loads(out)
    assert (status, told["new"], told["info"]["title"]) == (0, True, "My pets")
    assert told["key"].startswith("my-pets@")
    assert (told["info"]["channels"], told["info"]["height"]) == (1, 16)
    assert told["info"]["columns"] == [{"name": "owner", "values": ["Ann", "Bob"], "counts": [2, 4]}]


@pytest.mark.parametrize(
    "words, sentence",
    [
        (("elephants",), "There is no folder elephants"),
        (("",), "got an empty name"),
        (("pets/train/cat/0.png",), "is a file; unpack it first"),
        (("pets", "--size", "4"), "from 8 to 1024 pixels"),
        (("pets", "--label", "breed"), "no column 'breed'"),
        (("pets", "--layout", "mufac"), "custom_train_dataset.csv is wanted in"),
        (("x" * 5000,), "cannot be opened"),
    ],
)
def test_wrong_use_is_one_line_and_status_2(main, pets, tmp_path, monkeypatch, home, words, sentence):
    monkeypatch.setenv("FORGETSCOPE_DATA", str(tmp_path))
    status, out, err = main("data", "add", *words)
    assert (status, out) == (2, "")
    assert sentence in err.splitlines()[-1]
    assert "Traceback" not in err
    assert cache.keys(home.datasets_folder) == []


def test_a_zip_in_the_data_folder_is_added_by_its_name(main, pets, monkeypatch, tmp_path):
    monkeypatch.setenv("FORGETSCOPE_DATA", str(tmp_path))
    shutil.make_archive(str(tmp_path / "packed"), "zip", pets)
    first = main("data", "add", pets, "--name", "packed")[1]
    assert main("data", "add", "packed.zip")[1] == first


def test_a_folders_name_may_be_typed_with_its_letters_composed_or_not(main, pets, tmp_path):
    pets.rename(tmp_path / normalize("NFD", "été"))
    assert main("data", "add", tmp_path / normalize("NFC", "été"))[0] == 0


def test_the_list_names_whole_and_damaged_sets(main, pets, home):
    assert main("data", "list")[1] == "No dataset was added yet; `data add --help` says how to add one.\n"
    key = main("data", "add", pets)[1].strip()
    assert main("data", "list")[1] == f"{key:34} Your own images from the folder pets, 8x8 colour.\n"
    (home.datasets_folder / key / "0.npy").unlink()
    assert "is damaged" in main("data", "list")[1]
    assert json.loads(main("data", "list", "--json")[1])[0]["key"] == key


def test_a_set_that_a_run_waits_for_is_not_removed_and_one_that_no_run_wants_is(main, pets, home):
    key = main("data", "add", pets)[1].strip()
    with ResultStore(home.database) as store:
        run_id = store.add(RunSpec(key, "small_cnn", ForgetRequest("class", (0,)), "original", {}))
        status, _, err = main("data", "remove", key)
        assert status == 2
        assert f"is wanted by 1 queued or running runs ({run_id}); cancel them first." in err
        assert cache.keys(home.datasets_folder) == [key]
        store.request_cancel(run_id)
        store.reconcile()
        assert store.existing(run_id).status == RunStatus.CANCELLED
    assert main("data", "remove", key) == (0, "", "")
    assert cache.keys(home.datasets_folder) == []
    assert main("data", "remove", key)[0] == 2


def test_a_process_that_is_asked_to_end_half_way_leaves_nothing(tmp_path, home):
    root = folder(tmp_path / "pets", counts=(400, 100))
    command = [sys.executable, "-m", "core", "data", "add", str(root), "--size", "256"]
    with subprocess.Popen(command, cwd=ROOT, env={**os.environ, "FORGETSCOPE_HOME": str(home.root)}, stderr=subprocess.PIPE) as process:
        for line in process.stderr:
            if b"decoding image" in line and b"image 1 of" not in line:
                break
        process.send_signal(signal.SIGTERM)
        process.send_signal(signal.SIGTERM)
        assert b"Traceback" not in process.stderr.read()
    assert process.returncode == 128 + signal.SIGTERM
    assert list(home.datasets_folder.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_who_waits_for_a_process_that_the_system_ends_is_told_so_and_nothing_is_left(tmp_path, home, number):
    def say(_, note):
        if note.startswith("decoding"):
            for child in psutil.Process().children():
                with suppress(psutil.ZombieProcess):  # another test's, that has ended
                    if "core" in child.cmdline():  # no browser's driver, which is a child of this process too
                        child.send_signal(number)

    with pytest.raises(WrongInput) as told:
        add_apart(home.root, str(folder(tmp_path / "pets", counts=(100, 50))), ImportOptions(size=256), say)
    assert str(told.value) == (
        f"Adding was ended by the system (signal {number}), perhaps for want of memory; nothing was added."
    )
    assert list(home.datasets_folder.iterdir()) == []


def test_a_process_that_is_killed_half_way_leaves_nothing_that_is_believed(main, tmp_path, home):
    """SIGKILL: nobody can tidy up; the next who adds does."""
    root = folder(tmp_path / "pets", counts=(400, 100))
    command = [sys.executable, "-m", "core", "data", "add", str(root), "--size", "256"]
    with subprocess.Popen(command, cwd=ROOT, env={**os.environ, "FORGETSCOPE_HOME": str(home.root)}, stderr=subprocess.PIPE) as process:
        for line in process.stderr:
            if b"decoding image" in line and b"image 1 of" not in line:
                break
        process.send_signal(signal.SIGKILL)
    left = list(home.datasets_folder.iterdir())
    assert [place.name[:9] for place in left] == [".writing-"]
    assert cache.keys(home.datasets_folder) == []
    key = main("data", "add", folder(tmp_path / "others"))[1].strip()
    assert [place.name for place in home.datasets_folder.iterdir()] == [key]
