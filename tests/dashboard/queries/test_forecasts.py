"""The engine is asked in the background, once for each question, and the page that waits for it can tell."""

import threading

import pytest

from core.domain.requests.registry import parse_request
from core.domain.run import RunSpec
from dashboard.queries.forecasts import Questions

SPEC = RunSpec("digits", "small_cnn", parse_request("class:3"), "ssd", {"alpha": 1.0}, device="cpu")
WORK = Questions.work  # before the pages' tests leave it out


@pytest.fixture(autouse=True)
def reckoned(monkeypatch, nothing_is_reckoned_in_the_background):
    monkeypatch.setattr(Questions, "work", WORK)


def test_a_page_does_not_wait_for_the_engine_and_asks_it_once():
    go_on, asked = threading.Event(), []

    def ask(question, **about):
        asked.append((question, about["method"]))
        assert go_on.wait(10)
        return {"passes": {"train": 2.0}, "seconds": 0.5, "bytes": 7.0}

    questions = Questions()
    assert questions.work(SPEC, ask) is None
    assert questions.pending
    assert questions.work(SPEC, ask) is None
    go_on.set()
    for future in questions.asked.values():
        future.result(10)
    assert not questions.pending
    assert questions.work(SPEC, ask).seconds == 0.5
    assert asked == [("planned_work", "ssd")]
    questions.close()
