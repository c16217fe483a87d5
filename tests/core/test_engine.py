"""The line to the warm engine: a process that dies is asked again, one that takes too long is not."""

import sys

import pytest

from core import engine
from core.domain import WrongInput

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
        marks, started = tmp_path / "marks", engine.subprocess.Popen
        monkeypatch.setattr(engine.subprocess, "Popen", lambda _, **about: started([sys.executable, "-c", code, str(marks)], **about))
        warm = engine.WarmEngine(home)
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
    monkeypatch.setattr(engine, "PATIENCE", 4)
    said, count = asked(SLEEPS)
    assert said.startswith("The engine gave no answer within 4 seconds and was ended; ")
    assert count == 1
