"""How long runs take here: medians of what finished runs of this home took, by dataset, model and method."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
import json
from statistics import median

from core.domain.code_version import shared_part
from core.domain.errors import WrongInput
from core.domain.formatting import duration
from core.domain.run import RunSpec
from core.storage.database import Database
from core.storage.queues.queue_order import waiting
from core.storage.rows import seconds_of, time_of

LATEST = 500  # finished runs that are looked at
_DONE = "select spec, seconds, started_at, finished_at from runs where status = 'done' order by turn desc limit ?"
_RUNNING = "select id, spec, seconds_left, started_at from runs where status = 'running'"

Key = tuple[object, ...]


@dataclass(frozen=True)
class Place:
    """Where a queued run stands. ahead: runs that come before it, one that runs among them. Seconds from now; None: not known."""

    ahead: int
    starts_in: float | None
    ends_in: float | None

    @property
    def text(self) -> str:
        """`2 runs ahead, starts in about 3 min`; '' where nothing is ahead."""
        if not self.ahead:
            return ""
        runs = f"{self.ahead} run{'s' * (self.ahead != 1)} ahead"
        known = self.starts_in is not None
        return f"{runs}, starts in about {duration(self.starts_in or 0)}" if known else f"{runs}, how long they take is not known yet"


@dataclass
class History:
    """What stages took. there: what is trained already, by what decides it, so that a run that needs it does not wait for it."""

    took: dict[Key, list[float]] = field(default_factory=dict)
    there: set[Key] = field(default_factory=set)

    def add(self, spec: RunSpec, seconds: dict[str, float], whole: float) -> None:
        """A finished run: seconds by stage (0 where it came from the store), and from its start to its end."""
        place, method = (spec.dataset, spec.model), (spec.dataset, spec.model, spec.method)
        for stage in ("train", "reference"):
            self._took((stage, *place), seconds.get(stage, 0.0))
        self._took(("precompute", *method), seconds.get("precompute", 0.0))
        self._took(("unlearn", *method), seconds.get("unlearn", 0.0), zero=True)
        self._took(("unlearn", *method, _settings(spec)), seconds.get("unlearn", 0.0), zero=True)
        first = seconds.get("train", 0.0) > 0 or seconds.get("reference", 0.0) > 0
        self._took(("evaluate", *method, first), seconds.get("evaluate", 0.0))
        self._took(("around", *place), max(0.0, whole - sum(seconds.values())), zero=True)
        self.there |= set(_trained(spec).values())

    def seconds(self, specs: Iterable[RunSpec | None]) -> list[float | None]:
        """What each would take, were they computed in this order from now on; None where nothing like it has finished here."""
        there = set(self.there)
        told: list[float | None] = []
        for spec in specs:
            if spec is None:  # a damaged row
                told.append(None)
                continue
            missing = {stage: key for stage, key in _trained(spec).items() if key not in there}
            told.append(self._seconds(spec, missing))
            there |= set(missing.values())
        return told

    def _seconds(self, spec: RunSpec, missing: dict[str, Key]) -> float | None:
        place, method = (spec.dataset, spec.model), (spec.dataset, spec.model, spec.method)
        first = "train" in missing or "reference" in missing
        parts: list[float | None] = [
            self._usual(("unlearn", *method, _settings(spec)), ("unlearn", *method)),
            self._usual(("evaluate", *method, first), ("evaluate", *method, not first)),
        ]
        for stage, other in (("train", "reference"), ("reference", "train")):  # they take about the same
            if stage in missing:
                parts.append(self._usual((stage, *place), (other, *place)))
        if "precompute" in missing:
            parts.append(self._usual(("precompute", *method)) or 0.0)  # most methods have none
        known = [part for part in parts if part is not None]
        return sum(known) + (self._usual(("around", *place)) or 0.0) if len(known) == len(parts) else None

    def _took(self, key: Key, seconds: float, zero: bool = False) -> None:
        if seconds > 0 or zero:
            self.took.setdefault(key, []).append(seconds)

    def _usual(self, *keys: Key) -> float | None:
        """The median of the first of these that there is."""
        return next((median(self.took[key]) for key in keys if key in self.took), None)


def history(db: Database) -> History:
    """From the newest finished runs; rows that cannot be read are passed over."""
    found = History()
    for row in db.read(_DONE, (LATEST,)):
        try:
            began, ended = (time_of(name, row[name]) for name in ("started_at", "finished_at"))
            found.add(RunSpec.from_json(row["spec"]), seconds_of(row["seconds"]), (ended - began).total_seconds())
        except WrongInput:
            continue
    return found


def queue(db: Database, known: History, now: datetime) -> dict[str, Place]:
    """Every queued run's id -> its place, in the order in which they will begin."""
    queued = waiting(db.read)
    if not queued:
        return {}
    running = db.read(_RUNNING)
    took = known.seconds(_spec(text) for text in [*(row["spec"] for row in running), *(one.spec for one in queued)])
    at = _sum([_left(row["seconds_left"], row["started_at"], took[index], now) for index, row in enumerate(running)])
    places = {}
    for index, one in enumerate(queued):
        ends = _sum([at, took[len(running) + index]])
        places[one.id] = Place(len(running) + index, at, ends)
        at = ends
    return places


def total(known: History, specs: Iterable[RunSpec]) -> float | None:
    """Seconds that these take one after the other; None where one of them is not known."""
    return _sum(known.seconds(specs))


def _sum(parts: Sequence[float | None]) -> float | None:
    known = [part for part in parts if part is not None]
    return sum(known) if len(known) == len(parts) else None


def _left(said: object, began: object, usual: float | None, now: datetime) -> float | None:
    """Seconds that a running run has left: what it says itself, else what such a run takes less what it has had."""
    if isinstance(said, int | float):
        return float(said)
    try:
        return None if usual is None else max(1.0, usual - (now - time_of("started_at", began)).total_seconds())
    except WrongInput:  # a damaged row
        return None


def _trained(spec: RunSpec) -> dict[str, Key]:
    """Stage -> what decides what it trains or computes; runs that agree in it share it."""
    flips = spec.request.text if spec.request.flips_labels else ""
    by = (spec.dataset, spec.model, spec.seed, spec.device, shared_part(spec.engine))
    original = (*by, flips, spec.weights, spec.weights_as)
    found: dict[str, Key] = {"precompute": ("precompute", *original, spec.method)}
    if not spec.weights:
        found["train"] = ("train", *original)
    if spec.reference:
        found["reference"] = ("reference", *by, spec.request.text)
    return found


def _settings(spec: RunSpec) -> str:
    return json.dumps(spec.params, sort_keys=True)


def _spec(text: str) -> RunSpec | None:
    """None where the row is damaged."""
    with suppress(WrongInput):
        return RunSpec.from_json(text)
    return None
