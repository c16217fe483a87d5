"""Who is next: a run asked for by itself, then what was asked for along with one, then the studies in turn."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
import json
import sqlite3

from core.domain.run import RunSpec
from core.storage.queues.lifecycle import MOVABLE
from core.storage.shared_work import spec_of

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
    where typeof(r.served) = 'integer' and s.study_id in (select value from json_each(?)) group by s.study_id
"""


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


def waiting(read: Callable[..., list[sqlite3.Row]]) -> list[Waiting]:
    """Every queued run, in the order in which they are to begin; damaged rows are left out. read: (sql, values) -> rows."""
    rows = [row for row in read(_WAITING) if type(row["id"]) is str]  # text that cannot be decoded names no run
    found = [
        Waiting(r["id"], bool(r["alone"]), bool(r["companion"]), tuple(sorted(json.loads(r["studies"]))), r["spec"])
        for r in rows
    ]
    studies = sorted({study for one in found for study in one.studies})
    served = {row["study_id"]: row["served"] for row in read(_SERVED, (json.dumps(studies),))} if studies else {}
    return in_order(found, served)


def in_order(queued: Sequence[Waiting], served: Mapping[str, int]) -> list[Waiting]:
    """queued: in the order of asking. served: study -> when a run of it last began (a count); one that never had a turn is first.

    Runs of a study keep their order, so that what is trained for a seed is used at once.
    """
    first = [one for rank in (0, 1) for one in queued if one.rank == rank]
    return first + _in_turn([one for one in queued if one.rank == 2], served)


def _in_turn(cells: Sequence[Waiting], served: Mapping[str, int]) -> list[Waiting]:
    """The study that waited longest, again and again; a run of several studies is a turn of each."""
    last = dict(served)
    queues: dict[str, list[Waiting]] = {}
    for one in cells:
        for study in one.studies:
            queues.setdefault(study, []).append(one)
    for queue in queues.values():
        queue.reverse()  # the next is the last: taken in no time
    turn, taken, ordered = max(last.values(), default=0), set[str](), list[Waiting]()
    while queues := {study: queue for study, queue in queues.items() if _dropped(queue, taken)}:
        study = min(queues, key=lambda name: last.get(name, 0))  # of equals the one that asked first
        one = queues[study].pop()
        turn += 1
        last |= dict.fromkeys(one.studies, turn)
        taken.add(one.id)
        ordered.append(one)
    return ordered


def _dropped(queue: list[Waiting], taken: Iterable[str]) -> list[Waiting]:
    """The queue without those at its head that another study's turn has taken."""
    while queue and queue[-1].id in taken:
        queue.pop()
    return queue
