"""Files of weights that ask for too much, or are broken: refused in one sentence, each by the bound that is meant for it."""

import io
import signal
import struct
import subprocess
import sys

import pytest
import torch

from core.analysis.registry import QUESTIONS
from core.analysis.weights.ssd_what_if import redampen
from core.domain.errors import WrongInput
from core.storage.processes import PROJECT
from core.training.uploaded_weights import client, scan_file
from core.training.uploaded_weights.read_file import read
from tests.hostile_weights import TRIVIAL, calls, claiming, hostile, in_zip, mutations, old, pth

AT_ONCE = {name: content for name, content in hostile().items() if not name.endswith(("nested.pth", "tensor.pth"))}


def refused(path):
    with pytest.raises(WrongInput) as wrong:
        read(path)
    sentence = str(wrong.value)
    assert "\n" not in sentence
    assert sentence.endswith(".")
    return sentence


def written(folder, name, content):
    (folder / name).write_bytes(content)
    return folder / name


def test_what_a_hostile_file_claims_is_seen_before_anything_is_built_of_it(tmp_path):
    for name, content in AT_ONCE.items():
        refused(written(tmp_path, name, content))


@pytest.mark.parametrize("wrap", [in_zip, old, bytes], ids=["zip", "old", "bare"])
def test_a_storage_that_claims_more_numbers_than_the_file_has_bytes_is_refused_by_that(tmp_path, wrap):
    content = wrap(claiming(800_000_000))
    assert f"it declares 800,000,000 numbers in a file of {len(content):,} bytes" in refused(written(tmp_path, "own.pth", content))


def test_a_pickle_that_asks_for_another_s_code_is_refused_by_the_name(tmp_path):
    for wrap in (in_zip, old, bytes):
        path = written(tmp_path, "own.pth", wrap(calls("lightning.utilities", "AttributeDict", 3)))
        assert "it asks for 'lightning.utilities.AttributeDict'. Nothing in it was run." in refused(path)
    new = b"\x80\x04\x8c\x02os\x8c\x06system\x93."  # protocol 4 names things by two texts
    assert "it asks for 'os.system'" in refused(written(tmp_path, "new.pth", new))


def test_a_pickle_of_too_many_steps_or_bytes_is_refused(tmp_path, monkeypatch):
    steps = in_zip(b"\x80\x02" + b"0" * 100 + b".")
    monkeypatch.setattr(scan_file, "MOST_OPCODES", 50)
    assert "more than 50 steps" in refused(written(tmp_path, "steps.pth", steps))
    monkeypatch.setattr(scan_file, "MOST_PICKLE", 60)
    assert "103 bytes" in refused(written(tmp_path, "large.pth", steps))
    assert "more than 60 bytes" in refused(written(tmp_path, "old.pth", b"\x80\x02X" + struct.pack("<I", 90) + b"a" * 90 + b"."))


def test_an_archive_of_files_is_told_from_a_checkpoint_that_is_called_tar(tmp_path):
    import tarfile

    with tarfile.open(tmp_path / "all.tar", "w") as archive:
        archive.add(written(tmp_path, "own.pth", pth(TRIVIAL)), "own.pth")
    assert refused(tmp_path / "all.tar") == "'all.tar' is an archive of files; unpack it and give the file of weights inside."
    assert set(read(written(tmp_path, "own.pth.tar", pth(TRIVIAL))).tensors) == set(TRIVIAL)


def test_twenty_mutations_are_each_read_or_refused_in_a_sentence(tmp_path):
    """`make faults` has 500, with their memory and time."""
    told = []
    for name, content in mutations(20, seed=7):
        try:
            told.append("" if read(written(tmp_path, name, content)).tensors else "empty")
        except WrongInput as wrong:
            told.append(str(wrong))
    assert len([sentence for sentence in told if sentence.endswith(".")]) >= 10
    assert all("\n" not in sentence for sentence in told)


def test_running_out_of_the_memory_that_reading_may_take_is_a_sentence(tmp_path, monkeypatch):
    def greedy(*_, **__):
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 3200000000 bytes.")

    monkeypatch.setattr(torch, "load", greedy)
    assert refused(written(tmp_path, "own.pth", pth(TRIVIAL))) == (
        "'own.pth' asks for more memory than a file of its size may; nothing of it was kept."
    )


BOUNDED = """
import sys; from pathlib import Path; from core.training.uploaded_weights import resource_limits as limits; limits.SECONDS = 0.2
with limits.bounded(Path(__file__)):
    try: bytearray(600_000_000)
    except MemoryError: print("no memory", flush=True)
bytearray(600_000_000)
print("given back", flush=True)
with limits.bounded(Path(__file__)):
    while True: pass
"""


def test_the_bounds_end_what_is_greedy_and_what_is_slow(tmp_path):
    """In a process of its own, without torch."""
    (tmp_path / "greedy.py").write_text(BOUNDED)
    environment = {"PYTHONPATH": str(PROJECT)}
    said = subprocess.run([sys.executable, str(tmp_path / "greedy.py")], capture_output=True, text=True, env=environment, check=False)
    assert said.stdout.split("\n")[:-1] == ["no memory", "given back"], said.stderr
    assert said.returncode == -signal.SIGPROF


@pytest.fixture
def answers(home, monkeypatch):
    """What is said of a file by a process that runs this code in place of the real one."""

    started = subprocess.Popen

    def ask(code):
        monkeypatch.setattr(client.subprocess, "Popen", lambda args, **about: started([sys.executable, "-c", code], **about))
        try:
            return client.own_weights(home, "digits", "small_cnn", "/nowhere/own.pth")
        except WrongInput as wrong:
            return str(wrong)

    return ask


def test_a_reader_that_is_ended_dies_or_hangs_is_told_in_a_sentence(answers, home, monkeypatch):
    assert answers("import os, signal; os.kill(os.getpid(), signal.SIGPROF)") == (
        "'own.pth' took too long to read and was given up; nothing in it was run."
    )
    assert answers("import os; os.abort()") == (
        "'own.pth' could not be read: its reader was ended by signal 6, perhaps for want of memory; nothing in it was run."
    )
    assert answers("1 / 0") == f"'own.pth' could not be read; the end of {home.logs_folder / 'weights.log'} tells why."
    assert answers("print('{\"wrong\": \"So it is.\"}')") == "So it is."
    monkeypatch.setattr(client, "PATIENCE", 0.5)
    assert "took too long" in answers("import time; time.sleep(60)")


def test_weights_that_were_kept_are_told_though_trying_them_was_ended(answers, monkeypatch):
    kept = 'print(\'{"answer": {"weights": "ab", "carried": false}}\', flush=True); '
    assert answers(kept + "1 / 0")["weights"] == "ab"
    monkeypatch.setattr(client, "PATIENCE", 1.5)
    assert answers(kept + "import time; time.sleep(60)")["untried"].startswith("Its accuracy could not be measured within")


def test_the_file_of_the_scan_is_never_held_beyond_its_bound(tmp_path, monkeypatch):
    """An old file's pickles lie before its numbers, which are not looked at."""
    big = {"a": torch.zeros(50_000)}
    monkeypatch.setattr(scan_file, "MOST_PICKLE", 4096)
    path = written(tmp_path, "own.pth", pth(big, _use_new_zipfile_serialization=False))
    taken = []

    class Seen(io.BytesIO):
        def __init__(self, raw):
            taken.append(len(raw))
            super().__init__(raw)

    monkeypatch.setattr(scan_file, "BytesIO", Seen)
    assert torch.equal(read(path).tensors["a"], big["a"])
    assert taken == [4096]


def test_a_file_is_no_question_to_the_warm_engine_which_others_wait_for():
    assert "own_weights" not in QUESTIONS
    assert QUESTIONS["redampen"].load() is redampen, "it has others"
