"""The engine is asked in the background, once for each question, and the page that waits for it can tell."""

from dataclasses import replace
from pathlib import Path
import subprocess
import sys
import threading

import pytest

from core.domain.errors import WrongInput
from core.domain.requests.registry import parse_request
from core.domain.run import RunSpec
from core.jobs.engine_client import TO_MEASURE
from core.storage.home import Home
from dashboard.queries import forecasts
from dashboard.queries.forecasts import Questions

SPEC = RunSpec("digits", "small_cnn", parse_request("class:3"), "ssd", {"alpha": 1.0}, device="cpu")
PLANNED = {"passes": {"train": 2.0}, "seconds": 0.5, "bytes": 7.0}
WORK = Questions.work  # before the pages' tests leave it out


@pytest.fixture(autouse=True)
def reckoned(monkeypatch, nothing_is_reckoned_in_the_background):
    monkeypatch.setattr(Questions, "work", WORK)


class Measuring:
    """In place of an engine: what it was asked, and how often it was let go."""

    def __init__(self, answer):
        self.answer, self.asked, self.closed = answer, [], 0

    def ask(self, question, **about):
        self.asked.append((question, about["method"]))
        return self.answer()

    def close(self):
        self.closed += 1


@pytest.fixture
def measuring(monkeypatch):
    """measuring(answer): the engine that measures passes, and the questions of a home."""

    def make(answer):
        own = Measuring(answer)
        monkeypatch.setattr(forecasts, "WarmEngine", lambda home, patience: own if patience == TO_MEASURE else None)
        return own, Questions(Home(Path("/nowhere")))

    return make


def nobody(*_, **__):
    raise AssertionError("the warm engine was asked")


def answered(questions):
    for future in list(questions.asked.values()):
        future.result(10)


def test_a_page_waits_neither_for_the_engine_nor_for_the_pass_that_is_measured_and_asks_once(measuring):
    go_on = threading.Event()
    own, questions = measuring(lambda: go_on.wait(10) and PLANNED)
    assert questions.work(SPEC, nobody) is None
    assert questions.pending
    assert questions.work(SPEC, nobody) is None
    go_on.set()
    answered(questions)
    assert not questions.pending
    assert questions.work(SPEC, nobody).seconds == 0.5
    assert (own.asked, own.closed) == ([("planned_work", "ssd")], 1)
    questions.close()


def test_once_a_network_was_measured_the_warm_engine_is_asked(measuring):
    own, questions = measuring(lambda: PLANNED)
    warm = Measuring(lambda: {**PLANNED, "seconds": 0.25})
    for spec in (SPEC, replace(SPEC, method="ssse"), replace(SPEC, model="mobilenet_v2")):
        questions.work(spec, warm.ask)
        answered(questions)
    assert questions.work(replace(SPEC, method="ssse"), nobody).seconds == 0.25
    assert questions.work(replace(SPEC, params={"alpha": 2.0}), warm.ask).seconds == 0.25, "other settings are answered at once"
    assert ([method for _, method in own.asked], [method for _, method in warm.asked]) == (["ssd", "ssd"], ["ssse", "ssd"])
    questions.close()


def test_a_question_that_had_no_answer_is_asked_again(measuring):
    answers, go_on = [PLANNED, None], threading.Event()

    def answer():
        assert go_on.wait(10)
        if found := answers.pop():
            return found
        raise WrongInput("The engine gave no answer within 600 seconds and was ended.")

    own, questions = measuring(answer)
    assert questions.work(SPEC, nobody) is None
    go_on.set()
    answered(questions)
    assert (questions.work(SPEC, nobody), questions.asked) == (None, {})  # it is forgotten
    questions.work(SPEC, nobody)
    answered(questions)
    assert questions.work(SPEC, nobody).seconds == 0.5
    assert len(own.asked) == own.closed == 2
    questions.close()


def test_a_server_that_is_stopped_waits_for_no_answer():
    script = (
        "from time import sleep; from pathlib import Path; from core.storage.home import Home; from dashboard.queries import forecasts;"
        "from tests.dashboard.queries.test_forecasts import SPEC; questions = forecasts.Questions(Home(Path('/nowhere')));"
        "questions._answer = lambda *_: sleep(100); questions.work(SPEC, None); print('asked', questions.pending)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (0, "asked True\n"), done.stderr
