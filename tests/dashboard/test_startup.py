"""What the server does beside its start."""

import sys
import threading
from threading import ExceptHookArgs, Thread

import pytest
from streamlit.runtime.scriptrunner import RerunException, StopException
from streamlit.runtime.scriptrunner_utils.script_requests import RerunData

from dashboard.startup import FIRST_NEEDED, import_ahead, without_control_flow


@pytest.mark.parametrize("control_flow", [StopException(), RerunException(RerunData())])
def test_a_spinner_that_is_stopped_with_its_script_says_nothing(monkeypatch, capfd, control_flow):
    monkeypatch.setattr(threading, "excepthook", without_control_flow)
    thread = Thread(target=_raise, args=(control_flow,))
    thread.start()
    thread.join()
    assert capfd.readouterr().err == ""


def test_any_other_end_of_a_thread_is_told(capfd):
    fault = ValueError("a true fault")
    without_control_flow(ExceptHookArgs((ValueError, fault, None, threading.current_thread())))
    assert "ValueError: a true fault" in capfd.readouterr().err


def test_what_the_first_page_needs_is_imported():
    import_ahead()
    assert set(FIRST_NEEDED) <= sys.modules.keys()


def _raise(what: BaseException) -> None:
    raise what
