"""Processes for runs and analyses, started by a server that has torch imported: 20 milliseconds instead of seconds.

An import needs no torch: its process is a new one. So is an analysis's while the server still imports, since somebody waits for it.
"""

from collections.abc import Mapping
import multiprocessing
from multiprocessing.context import BaseContext
from multiprocessing.process import BaseProcess
import os
from pathlib import Path
import threading
from typing import Any

from core.jobs.worker import REAL, work
from core.storage.home import Home
from core.storage.queues.lifecycle import IMPORT, RUN

NO_SERVER = (OSError, EOFError)  # what a start raises when the server could not import or was killed
ENGINE = Path(__file__).parents[1]
FIRST = ("core.jobs.forking.single_thread",)
# What a real run imports late, and what every run's process needs at once.
LATE = (
    "core.jobs.planned_work",
    "core.extensions.load",
    "torch._dynamo",
    "torchvision.models",
    "pyarrow.parquet",
    "sklearn.datasets",
    "sklearn.linear_model",
    "sklearn.model_selection",
    "sklearn.pipeline",
)
AT_ONCE = ("core.jobs.forking.fork_server", "core.jobs.forking.preload_source_hashes", "core.storage.artifacts", "filelock")


class WarmServer:
    """Python's fork server with the pipeline imported; it ends with this process and with its children."""

    def __init__(self, pipeline: str) -> None:
        self._pipeline = pipeline
        self._sources = _sources()
        self._context = multiprocessing.get_context("forkserver")
        first, late = (FIRST, LATE) if pipeline == REAL else ((), ())
        self._context.set_forkserver_preload([*first, pipeline, *AT_ONCE, *late])
        self.warm = threading.Event()  # set once the server has imported what it could
        threading.Thread(target=self._warm_up, name="warm-up", daemon=True).start()

    def start(
        self, home: Home, kind: str, row_id: str, attempt: int, *, fresh: bool = False, node: Mapping[str, Any] | None = None
    ) -> BaseProcess:  # fmt: skip
        """The process that computes what was claimed. fresh: it imports all sources as they are now. node: see `work`. Raises NO_SERVER."""
        cold = self._pipeline == REAL and not self.warm.is_set()  # what a stub registers is known to the server alone
        fresh = fresh or cold or kind == IMPORT
        context = multiprocessing.get_context("spawn") if fresh else self._context
        try:
            return self._start(context, home, kind, row_id, attempt, node)
        except NO_SERVER:  # a server that was killed a moment ago still looks alive once; the next try makes a new one
            return self._start(context, home, kind, row_id, attempt, node)

    def _start(
        self, context: BaseContext, home: Home, kind: str, row_id: str, attempt: int, node: Mapping[str, Any] | None
    ) -> BaseProcess:  # fmt: skip
        process: BaseProcess = context.Process(  # type: ignore[attr-defined]  # every context has it, says the documentation
            target=work, args=(str(home.root), kind, row_id, attempt, self._pipeline, node), name=f"{kind}-{row_id}"
        )  # fmt: skip
        process.start()
        return process

    def ready(self, kind: str) -> bool:
        """Whether `start` will not wait: no run is claimed before, so that a cancel is immediate."""
        return kind == IMPORT or self.warm.is_set() or (kind != RUN and self._pipeline == REAL)

    def outdated(self) -> bool:
        """Whether the engine's sources were changed since they were imported."""
        return _sources() != self._sources

    def _warm_up(self) -> None:
        """The first start waits for the imports."""
        process = self._context.Process(target=os.getpid, name="warm-up")
        try:
            process.start()
            process.join()
        except NO_SERVER:
            pass  # each run that cannot be started will say so
        finally:
            self.warm.set()


def _sources() -> dict[Path, int]:
    """When each file of the engine was last changed; half a millisecond."""
    return {path: path.stat().st_mtime_ns for path in ENGINE.rglob("*.py")}
