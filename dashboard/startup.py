"""What the server does once: at its start it loads what its first page needs and keeps Streamlit's control flow out of the log; at its end
it takes what computes with it, where that was asked for.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import import_module
import logging
import os
import threading
from threading import ExceptHookArgs, Thread

from streamlit.runtime.scriptrunner import RerunException, StopException

from core.domain.errors import WrongInput
from core.storage.access.actors import as_system

FIRST_NEEDED = (
    *("dashboard.preload", "core.jobs.forking.preload_source_hashes", "core.jobs.submit"),
    *("core.export.examples", "core.reports.first_screen", "core.reports.run_report", "core.reports.teaching.story", "core.figures.gauges"),
)


LOG = logging.getLogger(__name__)
END_TOGETHER = "FORGETSCOPE_END_TOGETHER"  # 1: the queue's supervisor ends with the server, as where both share a container


@asynccontextmanager
async def lifespan(_app: object) -> AsyncIterator[None]:
    """Around all requests; after the last one, where END_TOGETHER says so, what runs is marked and its processes are ended."""
    yield
    if os.environ.get(END_TOGETHER) == "1":
        end_supervisor()


def end_supervisor() -> None:
    """Of the home; what cannot be done is told in the log, since nobody is there any more who could do something about it."""
    from core.jobs import submit  # noqa: PLC0415  # late: a server that starts need not wait for it
    from core.storage.home import open_home  # noqa: PLC0415  # late, as above

    try:
        with as_system():
            ended = submit.end_supervisor(open_home())
        if not ended:
            LOG.warning("The supervisor still lives after %g seconds; what it computes is marked by the next one.", submit.END_SECONDS)
    except (WrongInput, OSError) as error:
        LOG.warning("The supervisor could not be ended: %s", error)


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
