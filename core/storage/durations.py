"""How long runs take here, and how much memory: by what finished runs of this home took, by dataset, model and method."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
import heapq
import json
from math import inf
from statistics import median

from core.domain.errors import WrongInput
from core.domain.evaluation import Evaluation
from core.domain.formatting import duration
from core.domain.run import RunSpec
from core.domain.training.own_recipe import recipe_for
from core.storage.database import Database
from core.storage.queues.queue_order import Waiting, waiting
from core.storage.queues.slots import Machine, Running, next_beside, ranks_of
from core.storage.record_types import PASSES, Forecast
from core.storage.rows import seconds_of, time_of
from core.storage.shared.shared_work import Key, shared_work, spec_of

LATER = 0.5  # of what evaluating a first run takes, where a later one finds the original's and the reference's results, about
LATEST = 500  # finished runs that are looked at
_DONE = """
    select spec, seconds, started_at, finished_at, peak_bytes, evaluation from runs where status = 'done' and imported = ''
    order by turn desc limit ?
"""  # of this machine alone: another's speed says nothing about it
_RUNNING = "select id, spec, slot, stage, seconds_left, started_at from runs where status = 'running'"
TIMED = 300  # queued runs whose times are reckoned one by one
CROWD = 64  # runs that are computed at once, beyond which nobody reckons when the next begins


@dataclass(frozen=True)
class Place:
    """Where a queued run stands. ahead: runs that come before it, those that run among them. Seconds from now; None: not known."""

    ahead: int
    starts_in: float | None
    ends_in: float | None

    def text(self, note: str = "") -> str:
        """`2 runs ahead, starts in about 3 min`; '' where nothing is ahead. note: why it is kept waiting; no time is said then."""
        if not self.ahead:
            return ""
        runs = f"{self.ahead} run{'s' * (self.ahead != 1)} ahead"
        if note:
            return runs
        known = self.starts_in is not None
        return f"{runs}, starts in about {duration(self.starts_in or 0)}" if known else f"{runs}, how long they take is not known yet"


@dataclass(frozen=True)
class Work:
    """What a run amounts to, as the engine reckons it where nothing like it has finished here: see core.jobs.planned_work.

    passes: stage -> training passes over single examples; seconds: of one; bytes: of memory that the run needs; stored: of the networks
    that a recipe by shards and slices keeps on disk.
    """

    passes: Mapping[str, float]
    seconds: float
    bytes: float
    stored: float = 0.0


Ask = Callable[[RunSpec], Work | None]  # None where it is not known (yet)

@dataclass
class History:
    """What stages took. there: what is trained already, by what decides it, so that a run that needs it does not wait for it."""

    took: dict[Key, list[float]] = field(default_factory=dict)
    there: set[Key] = field(default_factory=set)
    memory: dict[Key, int] = field(default_factory=dict)  # the most bytes that such a run had

    def add(self, spec: RunSpec, seconds: dict[str, float], whole: float, peak_bytes: object = None, *, alike: bool = True) -> None:
        """A finished run: seconds by stage (0 where it came from the store), and from its start to its end; its memory where known.

        alike: whether as much of it was evaluated as of those that are to be forecast; else its evaluation and memory say nothing.
        """
        place, method = (spec.dataset, spec.model), (spec.dataset, spec.model, spec.method)
        recipe = recipe_for(spec)
        for stage in () if recipe.patience else ("train", "reference"):  # of training that may have stopped early nothing is learnt
            self._took((stage, *place, recipe.epochs, recipe.validation, recipe.ranks), seconds.get(stage, 0.0))
            self._took(("epoch", stage, *place, recipe.validation, recipe.ranks), seconds.get(stage, 0.0) / recipe.epochs)
        self._took(("precompute", *method), seconds.get("precompute", 0.0))
        self._took(("unlearn", *method), seconds.get("unlearn", 0.0), zero=True)
        self._took(("unlearn", *method, _settings(spec)), seconds.get("unlearn", 0.0), zero=True)
        first = seconds.get("train", 0.0) > 0 or seconds.get("reference", 0.0) > 0
        for among in (method, place) if alike else ():
            self._took(("evaluate", *among, first), seconds.get("evaluate", 0.0))
        self._took(("around", *place), max(0.0, whole - sum(seconds.values())), zero=True)
        self.there |= set(shared_work(spec).values())
        if alike and type(peak_bytes) is int:
            for key in (place, method):
                self.memory[key] = max(peak_bytes, self.memory.get(key, 0))

    def bytes(self, spec: RunSpec) -> float | None:
        """Memory that a run needs: the most that one of its method had, else of its dataset and model; None where nothing is known.

        As often as it has ranks: of a run with several that of its first process is known.
        """
        place = (spec.dataset, spec.model)
        one = self.memory.get((*place, spec.method), self.memory.get(place))
        return None if one is None else one * ranks_of(spec)

    def seconds(self, specs: Iterable[RunSpec | None], ask: Ask = lambda _: None) -> list[float | None]:
        """What each would take, were they computed in this order from now on; None where that is not known."""
        return [one.seconds for one in self.forecasts(specs, ask)]

    def forecasts(self, specs: Iterable[RunSpec | None], ask: Ask = lambda _: None) -> list[Forecast]:
        """The same with memory. ask: what to do where nothing like a run has finished here."""
        there = set(self.there)
        told = list[Forecast]()
        for spec in specs:
            if spec is None:  # a damaged row
                told.append(Forecast(None, None))
                continue
            missing = {stage: key for stage, key in shared_work(spec).items() if key not in there}
            told.append(self._forecast(spec, missing, ask))
            there |= set(missing.values())
        return told

    def _forecast(self, spec: RunSpec, missing: dict[str, Key], ask: Ask) -> Forecast:
        parts, peak = self._parts(spec, missing), self.bytes(spec)
        around = self._usual(("around", spec.dataset, spec.model)) or 0.0
        known = {stage: seconds for stage, seconds in parts.items() if seconds is not None}
        usual = Forecast(sum(known.values()) + around if len(known) == len(parts) else None, peak)
        tried = ("unlearn", spec.dataset, spec.model, spec.method, _settings(spec)) in self.took
        if usual.seconds is not None and tried:
            kept = ask(spec) if recipe_for(spec).sharded else None
            return replace(usual, stored=kept.stored) if kept else usual
        work = ask(spec)
        if work is None:
            return usual
        if not tried:  # ten times the epochs take ten times as long: what other settings took is the last resort
            known.pop("unlearn", None)
        trained, whole = self._training("train", spec), work.passes.get("train")
        one = trained / whole if trained and whole else work.seconds  # of passes: what training was is known better than what was measured
        reckoned = {stage: work.passes.get(stage, 0.0) * one for stage in parts if stage not in known}
        if "evaluate" in reckoned and "evaluate" not in missing:  # the original's and the reference's are there
            reckoned["evaluate"] *= LATER
        return Forecast(sum(known.values()) + sum(reckoned.values()) + around, peak or work.bytes, PASSES, work.stored)

    def _parts(self, spec: RunSpec, missing: dict[str, Key]) -> dict[str, float | None]:
        """Stage -> what it usually takes, of all that the run has to do; None where nothing like it has finished here."""
        place, method = (spec.dataset, spec.model), (spec.dataset, spec.model, spec.method)
        first = "train" in missing or "reference" in missing
        parts: dict[str, float | None] = {
            "unlearn": self._usual(("unlearn", *method, _settings(spec)), ("unlearn", *method)),
            "evaluate": self._usual(("evaluate", *method, first), ("evaluate", *place, first), ("evaluate", *method, not first)),
        }
        if parts["evaluate"] is None and (unlike := self._usual(("evaluate", *place, not first))) is not None:
            parts["evaluate"] = unlike / LATER if first else unlike * LATER
        for stage in ("train", "reference"):
            if stage in missing:
                parts[stage] = self._training(stage, spec)
        if "precompute" in missing:
            met = ("unlearn", *method) in self.took  # then a method without statistics is known to have none
            parts["precompute"] = self._usual(("precompute", *method)) or (0.0 if met else None)
        return parts

    def _training(self, stage: str, spec: RunSpec) -> float | None:
        """Of the original or the reference, which take about the same; where no network had as many epochs, by what one takes."""
        other, recipe = "reference" if stage == "train" else "train", recipe_for(spec)
        place, so = (spec.dataset, spec.model), (recipe.validation, recipe.ranks)
        usual = self._usual((stage, *place, recipe.epochs, *so), (other, *place, recipe.epochs, *so))
        each = self._usual(("epoch", stage, *place, *so), ("epoch", other, *place, *so))
        return usual if usual is not None or each is None else each * recipe.epochs

    def _took(self, key: Key, seconds: float, zero: bool = False) -> None:
        if seconds > 0 or zero:
            self.took.setdefault(key, []).append(seconds)

    def _usual(self, *keys: Key) -> float | None:
        """The median of the first of these that there is."""
        return next((median(self.took[key]) for key in keys if key in self.took), None)


def history(db: Database, how: Evaluation | None = None) -> History:
    """From the newest finished runs; rows that cannot be read are passed over.

    how: of what is to be forecast; None, and where nothing was evaluated so: the usual.
    """
    found, rows = History(), db.read(_DONE, (LATEST,))
    how = how if how in [Evaluation.parse(row["evaluation"]) for row in rows] else Evaluation()
    for row in rows:
        try:
            began, ended = (time_of(name, row[name]) for name in ("started_at", "finished_at"))
            alike = Evaluation.parse(row["evaluation"]) == how
            whole = (ended - began).total_seconds()
            found.add(RunSpec.from_json(row["spec"]), seconds_of(row["seconds"]), whole, row["peak_bytes"], alike=alike)
        except WrongInput:
            continue
    return found


def queue(db: Database, known: History, now: datetime, machine: Machine | None = None) -> dict[str, Place]:
    """Every queued run's id -> its place, in the order in which they will begin; of a long queue's end the times go on at the pace of its
    first `TIMED`; where more than `CROWD` run they are not known.
    """
    everyone = waiting(db.read)
    if not everyone:
        return {}
    running = db.read(_RUNNING)
    if len(running) > CROWD:
        return {one.id: Place(len(running) + index, None, None) for index, one in enumerate(everyone)}
    queued, far = everyone[:TIMED], everyone[TIMED:]
    specs = [spec_of(row["spec"]) for row in running]
    took = known.seconds([*specs, *(one.run_spec for one in queued)])
    left = [_left(row["seconds_left"], row["started_at"], seconds, now) for row, seconds in zip(running, took, strict=False)]
    busy = [(end, Running(spec, str(row["slot"]), str(row["stage"]))) for end, spec, row in zip(left, specs, running, strict=True)]
    times = _times(queued, took[len(running) :], busy, machine or Machine.here(), known.there)
    places = {one.id: Place(len(running) + index, *times[one.id]) for index, one in enumerate(queued)}
    (first, _), (last, ends) = times[queued[0].id], times[queued[-1].id]
    for index, one in enumerate(far, len(queued)):
        later = None if first is None or last is None else (last - first) / max(1, len(queued) - 1) * (index - len(queued) + 1)
        then = [None if later is None or at is None else at + later for at in (last, ends)]
        places[one.id] = Place(len(running) + index, then[0], then[1])
    return places


def makespan(specs: Sequence[RunSpec], took: Sequence[float | None], made: Collection[Key], machine: Machine | None = None) -> float | None:
    """Seconds until the last of these has ended, were they begun now in this order; None where one is not known.

    took: each alone. made: what is there, by `shared_work`.
    """
    queued = [Waiting(str(index), spec=spec.to_json()) for index, spec in enumerate(specs)]
    ends = [end for _, end in _times(queued, took, [], machine or Machine.here(), made).values()]
    reached = [end for end in ends if end is not None]
    return max(reached, default=0.0) if len(reached) == len(ends) else None


def _times(
    queued: Sequence[Waiting], took: Sequence[float | None], busy: Sequence[tuple[float | None, Running]], machine: Machine,
    made: Collection[Key],
) -> dict[str, tuple[float | None, float | None]]:  # fmt: skip
    """Id -> when it begins and ends, as the supervisor will do it but for want of memory. busy: what runs, and when it ends."""
    ahead = [(inf if end is None else end, index, one) for index, (end, one) in enumerate(busy)]
    heapq.heapify(ahead)
    at, there, left = 0.0, set(made), list(queued)
    seconds = dict(zip((one.id for one in queued), took, strict=True))
    times = dict[str, tuple[float | None, float | None]]()
    while left:
        chosen = next_beside(left, [one for _, _, one in ahead], machine, there, lambda _: 0.0)
        if chosen is None:
            end, _, ended = heapq.heappop(ahead)
            at, there = max(at, end), there.union(shared_work(ended.spec).values() if ended.spec else ())
            continue
        one, slot = chosen
        left.remove(one)
        takes, begins = seconds[one.id], None if at == inf else at
        ends = None if begins is None or takes is None else begins + takes
        times[one.id] = begins, ends
        if one.run_spec is not None:  # else it ends as it begins
            heapq.heappush(ahead, (inf if ends is None else ends, len(busy) + len(times), Running(one.run_spec, slot, "")))
    return times


def _left(said: object, began: object, usual: float | None, now: datetime) -> float | None:
    """Seconds that a running run has left: what it says itself, else what such a run takes less what it has had."""
    if isinstance(said, int | float):
        return float(said)
    try:
        return None if usual is None else max(1.0, usual - (now - time_of("started_at", began)).total_seconds())
    except WrongInput:  # a damaged row
        return None


def _settings(spec: RunSpec) -> str:
    return json.dumps(spec.params | ({"recipe": spec.recipe} if spec.recipe else {}), sort_keys=True)
