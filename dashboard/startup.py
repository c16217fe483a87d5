"""What the server does once, beside its start: loads what its first page needs, and keeps Streamlit's control flow out of the log."""

from importlib import import_module
import threading
from threading import ExceptHookArgs, Thread

from streamlit.runtime.scriptrunner import RerunException, StopException

FIRST_NEEDED = (
    *("dashboard.preload", "core.jobs.forking.preload_source_hashes", "core.jobs.submit"),
    *("core.export.examples", "core.reports.first_screen", "core.reports.run_report", "core.reports.teaching.story", "core.figures.gauges"),
)


def prepare() -> None:
    """Returns at once."""
    threading.excepthook = without_control_flow
    Thread(target=import_ahead, name="import-ahead", daemon=True).start()


def import_ahead() -> None:
    """A second of imports, done while the browser still loads Streamlit's own files."""
    for name in FIRST_NEEDED:
        import_module(name)


def without_control_flow(died: ExceptHookArgs) -> None:
    """A thread of Streamlit's that waits to show a spinner is stopped with its script by an exception that nobody catches there."""
    if died.exc_type not in (StopException, RerunException):
        threading.__excepthook__(died)
