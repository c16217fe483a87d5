"""A search of settings whose trials are made on the nodes of a cluster: how many make them now, and when it is over."""

from collections.abc import Sequence
from dataclasses import replace
import time
from typing import TYPE_CHECKING, Any

from core.domain.errors import WrongInput
from core.domain.run import RunStatus
from core.jobs.cluster.asked import Unreachable
from core.jobs.cluster.ends import LOST, SILENT
from core.storage.durations import history
from core.storage.home import Home
from core.storage.queues import job_queue, run_queue
from core.storage.queues.lifecycle import RUN, has
from core.storage.queues.slots import ON_CLUSTER, Machine, Running
from core.storage.runs import ResultStore
from core.tuning import journal
from core.tuning.journal import Search

if TYPE_CHECKING:
    from core.jobs.cluster.driver import Cluster

AT_ONCE = 64  # who make trials of one search, at most: the sampler learns little where more are made blindly
PATIENCE = 5.0  # seconds in which tasks must have ended that were killed
BETWEEN = 0.3  # seconds between looks for room
MOST_LOST = 3  # who were lost one after the other, and no trial was made meanwhile, after which the search ends
ALL_LOST = f"Whoever made its trials was lost {MOST_LOST} times, and no trial was made meanwhile; Go on tries again."


class RemoteSearch:
    """As the supervisor watches it: what it asks of a process."""

    sentinel = None  # there is nothing of it on this machine to wait for

    def __init__(self, cluster: "Cluster", home: Home, search_id: str, attempt: int) -> None:
        """Raises WrongInput where there is no such search."""
        self._cluster, self._home, self._id, self._attempt = cluster, home, search_id, attempt
        self._read: tuple[tuple[int, int], Search] | None = None
        self._makers = dict[Any, str]()  # a task's reference -> its name
        self._begun, self._losses, self._made = 0, 0, len(self._stored().made)
        self._ending, self._error, self._looked = False, "", -BETWEEN

    def is_alive(self) -> bool:
        """Whether trials are still made, or shall be."""
        for ref, maker in list(self._makers.items()):
            if self._cluster.has_ended(ref):
                told = self._cluster.maker_ended(ref, self._id, self._attempt, maker)
                del self._makers[ref]
                self._count(told)
        over = self._over()
        if self._error and not self._ending:
            self.terminate()
        return (bool(self._makers) or not over) and not self._cluster.closed

    def terminate(self) -> None:
        """Ask all who make trials to end."""
        self._ending = True
        for ref in self._makers:
            self._cluster.cancel(ref, force=False)

    def kill(self) -> None:
        """End them."""
        self._ending = True
        for ref in self._makers:
            if not self._cluster.has_ended(ref):
                self._cluster.cancel(ref, force=True)

    def join(self, timeout: float | None = None) -> None:
        """Wait until they have ended; no longer than a node that does not answer may keep others waiting."""
        patience = time.monotonic() + (PATIENCE if timeout is None else timeout)
        for ref in self._makers:
            self._cluster.wait(ref, max(0.0, patience - time.monotonic()))

    def close(self) -> None:
        """Nothing is held open."""

    def settle(self, store: ResultStore) -> None:
        """Write down how it ended. Raises what a call to the store may."""
        if self._error:
            job_queue.finish(store.db, self._id, self._attempt, RunStatus.FAILED, error=self._error)
        elif not self._ending and self._complete():
            outcome = {"trials": len(self._stored().trials)}
            job_queue.finish(store.db, self._id, self._attempt, RunStatus.DONE, outcome=outcome)
        elif not self._ending and self._cluster.closed:  # it goes on once there is one again
            job_queue.put_back(store.db, self._id, self._attempt)
        else:
            job_queue.finish(store.db, self._id, self._attempt, RunStatus.INTERRUPTED, error=job_queue.SILENT_END)
        self._cluster.search_over(self._id)

    def room_taken(self, *, first: bool = False) -> list[Running]:
        """What its trials take, as if they were runs, with which they share nothing. first: with the room that is kept for the first."""
        plan = self._stored().plan
        one = Running(replace(plan.spec, engine=f"search {self._id}"), ON_CLUSTER, "")
        return [one] * max(len(self._makers), int(first and not self._over()))

    def grow(self, store: ResultStore, machine: Machine) -> None:
        """Have more make trials where there is room: one in any case, others while no run waits."""
        if self._over() or self._cluster.closed or time.monotonic() - self._looked < BETWEEN:
            return
        self._looked = time.monotonic()
        while len(self._makers) < min(AT_ONCE, self._stored().left) and not (self._makers and has(store.db, RUN, RunStatus.QUEUED)):
            plan, taken = self._stored().plan, self.room_taken()
            if lacking := machine.lacks(plan.spec):
                self._error = f"No trial can begin. {lacking}"
                return
            others: Sequence[Running] = run_queue.at_work(store.db)
            if not machine.room_for(plan.spec, [*others, *taken]):
                return
            self._begun += 1
            maker = f"{self._id}.{self._attempt}.{self._begun}"
            try:
                self._makers[self._cluster.start_maker(plan, maker, self._attempt, history(store.db).bytes(plan.spec))] = maker
            except Unreachable:
                raise
            except WrongInput as wrong:  # it can begin nowhere
                self._error = str(wrong)
                return

    def _count(self, told: dict[str, Any]) -> None:
        """told: how one of them ended."""
        if told["status"] == RunStatus.FAILED:
            self._error = self._error or str(told["error"])
        elif told["status"] in {LOST, SILENT}:
            made = len(self._stored().made)
            self._losses, self._made = (1 if made > self._made else self._losses + 1), made
            if self._losses >= MOST_LOST:
                self._error = ALL_LOST

    def _over(self) -> bool:
        complete = self._complete()  # first: it may find the search gone
        return complete or self._ending or bool(self._error)

    def _complete(self) -> bool:
        return self._stored().complete

    def _stored(self) -> Search:
        """As it is now; where it was removed meanwhile, which ends it, as it was. Raises WrongInput where it never was there."""
        try:
            stamp = journal.stamp(self._home, self._id)
            if self._read is None or self._read[0] != stamp:
                self._read = stamp, journal.read(self._home, self._id)
        except WrongInput as wrong:
            if self._read is None:
                raise
            self._error = self._error or str(wrong)
        return self._read[1]
