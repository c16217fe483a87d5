"""The line to the warm engine: a process that dies is asked again, one that takes too long is not."""

import io
import json
import os
import sys

import pytest

from core.domain.errors import WrongInput
from core.jobs import engine_client, engine_server
from core.storage.processes import cores

DIES = "import sys; open(sys.argv[1], 'a').write('x'); sys.stdin.readline()"
SLEEPS = f"{DIES}; import time; time.sleep(60)"
ANSWERS_LATER = (
    "import pathlib, sys; seen = pathlib.Path(sys.argv[1]); first = not seen.exists(); open(seen, 'a').write('x'); "
    "sys.stdin.readline(); first or print('{\"answer\": 3}', flush=True)"
)


@pytest.fixture
def asked(home, tmp_path, monkeypatch):
    """Asks a process of this code instead of the engine: (the answer or the sentence, how often one was started)."""

    def ask(code):
        marks, started = tmp_path / "marks", engine_client.subprocess.Popen
        command = [sys.executable, "-c", code, str(marks)]
        monkeypatch.setattr(engine_client.subprocess, "Popen", lambda args, **about: started(command, **about))
        warm = engine_client.WarmEngine(home)
        try:
            said = warm.ask("anything")
        except WrongInput as wrong:
            said = str(wrong)
        finally:
            warm.close()
        return said, len(marks.read_text())

    return ask


def test_a_process_that_dies_is_started_and_asked_once_more(asked):
    assert asked(ANSWERS_LATER) == (3, 2)


def test_one_that_dies_twice_is_told(asked, home):
    assert asked(DIES) == (f"The engine could not answer; the end of {home.logs_folder / 'engine.log'} tells why.", 2)


def test_one_that_takes_too_long_is_ended_and_not_asked_again(asked, monkeypatch):
    monkeypatch.setattr(engine_client, "PATIENCE", 4)
    said, count = asked(SLEEPS)
    assert said.startswith("The engine gave no answer within 4 seconds and was ended; ")
    assert count == 1


def test_the_engine_takes_every_core_and_goes_behind_the_page(home, monkeypatch):
    """Answers one question in this process, as the engine's own does; whoever limits the threads is heard."""
    said: dict[str, list[int]] = {"threads": [], "nice": []}
    monkeypatch.setattr(engine_server.torch, "set_num_threads", said["threads"].append)
    monkeypatch.setattr(engine_server.os, "nice", said["nice"].append)
    monkeypatch.setattr(sys, "argv", ["answers", str(home.root)])
    for threads in ("", "1"):
        monkeypatch.setenv("OMP_NUM_THREADS", threads)
        monkeypatch.setattr(sys, "stdin", io.StringIO('{"question": "saliency_offer", "about": {"run_id": "none"}}\n'))
        out = io.StringIO()
        monkeypatch.setattr(sys, "stdout", out)
        engine_server.main()
        assert "wrong" in json.loads(out.getvalue())
    assert said["threads"] == [cores()]
    assert said["nice"] == [engine_server.NICENESS] * 2
    assert 1 <= cores() <= (os.cpu_count() or 1)
