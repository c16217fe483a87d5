"""Who is next: a run asked for by itself, then what was asked for along with one, then the studies in turn."""

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from heapq import heapify, heappop, heappush
import json
import sqlite3
from typing import Any, Self

from core.domain.run import RunSpec
from core.storage.queues.lifecycle import MOVABLE
from core.storage.shared.shared_work import spec_of

_WAITING = f"""
    select r.id, r.alone, r.spec,
        exists (select 1 from companions as c join runs as o on o.id = c.run_id
            where c.companion = r.id and o.status in ('queued', 'running', 'done')) as companion,
        (select json_group_array(s.study_id) from study_runs as s join studies on studies.id = s.study_id
            where s.run_id = r.id and typeof(s.study_id) = 'text' and not s.stands_in and not studies.cancelled) as studies
    from (select * from runs where status = 'queued' and {MOVABLE}) as r order by r.turn
"""
_SERVED = """
    select s.study_id, max(r.served) as served from study_runs as s join runs as r on r.id = s.run_id
    where typeof(r.served) = 'integer' and not s.stands_in and s.study_id in (select value from json_each(?)) group by s.study_id
"""
Read = Callable[[str, Any], list[sqlite3.Row]]  # (sql, values)


@dataclass(frozen=True)
class Waiting:
    """A queued run. companion: asked for along with another that is not given up. studies: those that wait for it."""

    id: str
    alone: bool = False
    companion: bool = False
    studies: tuple[str, ...] = ()
    spec: str = ""  # JSON

    @property
    def rank(self) -> int:
        """0: a person waits for this very run; 1: for what was asked for along with it; 2: it is one of many, of a study."""
        return 0 if self.alone or not (self.companion or self.studies) else 1 if self.companion else 2

    @cached_property
    def run_spec(self) -> RunSpec | None:
        """None where the row is damaged."""
        return spec_of(self.spec)


def waiting(read: Read) -> list[Waiting]:
    """Every queued run, in the order in which they are to begin; damaged rows are left out. read: (sql, values) -> rows."""
    return in_order(*_stored(read))


def _stored(read: Read) -> tuple[list[Waiting], dict[str, int]]:
    """What `in_order` takes."""
    rows = [row for row in read(_WAITING, ()) if type(row["id"]) is str]  # text that cannot be decoded names no run
    found = [
        Waiting(r["id"], bool(r["alone"]), bool(r["companion"]), tuple(sorted(json.loads(r["studies"]))), r["spec"])
        for r in rows
    ]
    studies = sorted({study for one in found for study in one.studies})
    served = {row["study_id"]: row["served"] for row in read(_SERVED, (json.dumps(studies),))} if studies else {}
    return found, served


def in_order(queued: Sequence[Waiting], served: Mapping[str, int]) -> list[Waiting]:
    """queued: in the order of asking. served: study -> when a run of it last began (a count); one that never had a turn is first.

    Runs of a study keep their order, so that what is trained for a seed is used at once.
    """
    return list(Line().put(queued, served))


@dataclass
class Line:
    """The queue as it was last read, for who claims one run after the other: ordered no further than it is looked at.

    first: of ranks 0 and 1; cells: of rank 2, by study, in the order of asking; served: study -> when a run of it last began.
    revision: of the stored queue that this is; None where it has to be read.
    """

    revision: int | None = None
    first: dict[str, Waiting] = field(default_factory=dict)
    cells: dict[str, deque[Waiting]] = field(default_factory=dict)
    served: dict[str, int] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)  # of the cells
    asked: dict[str, int] = field(default_factory=dict)  # run -> its place in the order of asking

    def put(self, queued: Sequence[Waiting], served: Mapping[str, int]) -> Self:
        """All that waits, as for `in_order`."""
        self.first = {one.id: one for rank in (0, 1) for one in queued if one.rank == rank}
        self.cells, self.served, self.gone = {}, dict(served), set()
        self.asked = {one.id: place for place, one in enumerate(queued)}
        for one in queued:
            for study in one.studies if one.rank == 2 else ():
                self.cells.setdefault(study, deque()).append(one)
        return self

    def read(self, read: Read) -> None:
        """Be the stored queue; where nothing has changed in it since, nothing is read."""
        if (now := _revision(read)) != self.revision:
            self.revision = None
            self.put(*_stored(read))
            self.revision = now  # read first: what changes meanwhile is seen the next time

    def take(self, one: Waiting, turn: int) -> None:
        """It begins, with that turn."""
        if self.first.pop(one.id, None) is None:
            self.gone.add(one.id)
        self.served |= dict.fromkeys(one.studies, turn)
        for study in one.studies:
            while (queue := self.cells.get(study)) and queue[0].id in self.gone:
                queue.popleft()

    def __iter__(self) -> Iterator[Waiting]:
        """In the order in which they are to begin: of cells the study's that waited longest, again and again."""
        yield from self.first.values()
        last, taken, turn = dict(self.served), set(self.gone), max(self.served.values(), default=0)
        left = {study: iter(queue) for study, queue in self.cells.items() if queue}
        heap = [(last.get(study, 0), self.asked[self.cells[study][0].id], study) for study in left]  # of equals the one that asked first
        heapify(heap)
        while heap:
            served, place, study = heappop(heap)
            if served == last.get(study, 0):
                one = next((one for one in left[study] if one.id not in taken), None)
                if one is None:
                    continue
                turn += 1
                last |= dict.fromkeys(one.studies, turn)
                taken.add(one.id)
                yield one
            heappush(heap, (last.get(study, 0), place, study))


def _revision(read: Read) -> int:
    return int(read("select value from queue_revision", ())[0]["value"])
