"""Where runs stand that are not done, as the commands print it."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from core.domain import RunStatus
from core.store.durations import Place, history, queue
from core.store.lifecycle import LIMIT_END
from core.store.outcome import Run
from core.store.results import ResultStore
from core.verdict import percent
from core.wording import duration


def places(store: ResultStore) -> dict[str, Place]:
    """Every queued run's place."""
    return queue(store.db, history(store.db), datetime.now(UTC)) if store.has(RunStatus.QUEUED) else {}


def standing(run: Run, where: Mapping[str, Place]) -> str:
    """What a line of a list says after a run's name; '' for one that is over, unless it was stopped at its limit."""
    if run.status == RunStatus.QUEUED:
        return f"  ({where[run.id].text})" if run.id in where and where[run.id].text else ""
    if run.status == RunStatus.RUNNING:
        left = "" if run.seconds_left is None else f", about {duration(run.seconds_left)} left"
        return f"  ({percent(run.share)}{left})"
    return f"  ({run.error_line.partition(';')[0].lower()})" if run.error_line.startswith(LIMIT_END) else ""


def plain(run: Run, where: Mapping[str, Place]) -> dict[str, Any]:
    """The same for JSON. Seconds; None: not known, or not to be said of such a run."""
    place = where.get(run.id)
    return {
        "ahead": place.ahead if place else None, "starts_in": place.starts_in if place else None,
        "seconds_left": run.seconds_left, "limit_seconds": run.limit_seconds,
    }  # fmt: skip
