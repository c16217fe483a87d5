"""Where runs stand that are not done, as the commands print it."""

from collections.abc import Mapping
from datetime import UTC, datetime
from time import monotonic
from typing import Any

from core.domain.formatting import duration, percent
from core.domain.run import RunStatus
from core.storage.durations import Place, history, queue
from core.storage.queues.run_queue import LIMIT_END
from core.storage.record_types import DamagedRun, Run
from core.storage.runs import ResultStore

OLDEST = 2.0  # seconds


def places(store: ResultStore) -> dict[str, Place]:
    """Every queued run's place."""
    return queue(store.db, history(store.db), datetime.now(UTC)) if store.has(RunStatus.QUEUED) else {}


class Watched:
    """Every queued run's place, for who asks often: looked at anew every other second, since a long queue takes a while to read."""

    def __init__(self, store: ResultStore) -> None:
        self._store, self._found, self._until = store, dict[str, Place](), 0.0

    def __call__(self) -> dict[str, Place]:
        """Call as often as you like."""
        if monotonic() >= self._until:
            self._found, self._until = places(self._store), monotonic() + OLDEST
        return self._found


def standing(run: Run, where: Mapping[str, Place]) -> str:
    """What a line of a list says after a run's name; '' for one that is over, unless it was stopped at its limit."""
    if run.status == RunStatus.QUEUED:
        said = ", ".join(filter(None, [where[run.id].text(run.note) if run.id in where else "", run.note]))
        return f"  ({said})" if said else ""
    if run.status == RunStatus.RUNNING:
        left = "" if run.seconds_left is None else f", about {duration(run.seconds_left)} left"
        return f"  ({percent(run.share)}{left})"
    return f"  ({run.error_line.partition(';')[0].lower()})" if run.error_line.startswith(LIMIT_END) else ""


def plain(run: Run | DamagedRun, where: Mapping[str, Place]) -> dict[str, Any]:
    """The same for JSON. Seconds; None: not known, or not to be said of such a run."""
    if isinstance(run, DamagedRun):
        return dict.fromkeys(("ahead", "starts_in", "seconds_left", "limit_seconds"))
    place = where.get(run.id)
    return {
        "ahead": place.ahead if place else None, "starts_in": place.starts_in if place else None,
        "seconds_left": run.seconds_left, "limit_seconds": run.limit_seconds,
    }  # fmt: skip
