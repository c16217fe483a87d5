"""Where runs go that are not computed on this machine: nowhere unless a cluster is asked for, which is reached as the first run begins."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
import time
from typing import TYPE_CHECKING, Any

from core.domain.errors import WrongInput
from core.jobs.cluster.asked import Asked, Unreachable
from core.jobs.cluster.remote_search import RemoteSearch
from core.storage.durations import history
from core.storage.home import Home
from core.storage.queues.slots import Nodes
from core.storage.runs import ResultStore

if TYPE_CHECKING:
    from core.jobs.cluster.driver import Cluster

PATIENCE = 5.0  # seconds in which a task must have ended that was killed
AGAIN = 5.0  # seconds after which a cluster that could not be reached is tried again
NOBODY = Nodes(cores=0)  # while nobody answers, no run begins
NEVER = Nodes(cores=1, each=((1.0, 0.0),))  # lets the next run begin, which says then what must be mended


class RemoteRun:
    """A run on a node, as the supervisor watches it: what it asks of a process."""

    sentinel = None  # there is nothing of it on this machine to wait for

    def __init__(self, cluster: "Cluster", ref: Any, run_id: str, attempt: int) -> None:
        """ref: of its Ray task."""
        self._cluster, self._ref, self._run, self._settled = cluster, ref, (run_id, attempt), False

    def is_alive(self) -> bool:
        """Whether its task has not ended."""
        return not self._settled and not self._cluster.has_ended(self._ref)

    def terminate(self) -> None:
        """Ask its task to end: it ends the run's process first."""
        self._cluster.cancel(self._ref, force=False)

    def kill(self) -> None:
        """End the task's process; that of the run leaves with it."""
        if self.is_alive():
            self._cluster.cancel(self._ref, force=True)

    def join(self, timeout: float | None = None) -> None:
        """Wait until it has ended; no longer than a node that does not answer may keep others waiting."""
        if not self._settled:
            self._cluster.wait(self._ref, PATIENCE if timeout is None else timeout)

    def close(self) -> None:
        """Nothing is held open."""

    def settle(self, store: ResultStore) -> bool:
        """Write down how it ended, once. Raises what a call to the store may.

        Whether its node only had no memory for it now, so that the next should not begin at once.
        """
        waits = not self._settled and self._cluster.settle(store, self._ref, *self._run)
        self._settled = True
        return waits

    def seconds(self, store: ResultStore) -> float:
        """Since its process began on its node; 0 before."""
        rows = store.db.read("select started_at from runs where id = ? and attempt = ? and stage != ''", self._run)
        began = datetime.fromisoformat(rows[0]["started_at"]) if rows and rows[0]["started_at"] else None
        return (datetime.now(UTC) - began).total_seconds() if began else 0.0


@dataclass
class Away:
    """The cluster that a home's runs go to. pipeline: the module that computes a run."""

    home: Home
    pipeline: str
    asked: Asked | None
    wrong: str = ""  # why runs cannot go there, in a sentence; '' where they can
    waits: bool = False  # whether that may pass by itself
    _cluster: "Cluster | None" = field(default=None, repr=False)
    _tried: float = -AGAIN

    def machine(self) -> Nodes:
        """What there is to compute with now."""
        if not (cluster := self._reached()):
            return NOBODY if self.waits else NEVER
        try:
            machine, self.wrong = cluster.machine(), ""
        except Unreachable as wrong:
            machine, self.wrong = NOBODY, str(wrong)
        return machine

    def answers(self) -> bool:
        """Whether it is worth asking for anything there now: what is asked for wrongly is said then."""
        return self._reached() is not None or not self.waits

    def start(self, store: ResultStore, run_id: str, attempt: int) -> RemoteRun:
        """Give a claimed run to the cluster. Raises WrongInput where none can be had."""
        if not (cluster := self._reached()):
            raise WrongInput(self.wrong)
        needs = history(store.db).bytes(store.existing(run_id).spec)
        return RemoteRun(cluster, cluster.start(store, run_id, attempt, needs), run_id, attempt)

    def search(self, search_id: str, attempt: int) -> RemoteSearch:
        """Have a claimed search make its trials there. Raises WrongInput where none can be had, or the search is damaged."""
        if not (cluster := self._reached()):
            raise WrongInput(self.wrong)
        return RemoteSearch(cluster, self.home, search_id, attempt)

    def close(self) -> None:
        """What still runs there ends."""
        if self._cluster:
            self._cluster.close()

    def _reached(self) -> "Cluster | None":
        if self._cluster and self._cluster.closed:
            self._cluster, self.waits = None, True
        if self._cluster or self.asked is None or time.monotonic() - self._tried < AGAIN:
            return self._cluster
        from core.jobs.cluster.driver import Cluster  # noqa: PLC0415  # late: whoever computes here needs nothing of it

        try:
            self._cluster, self.wrong, self.waits = Cluster(self.home, self.asked, self.pipeline), "", False
        except WrongInput as wrong:
            self.wrong, self.waits, self._tried = str(wrong), isinstance(wrong, Unreachable), time.monotonic()
        return self._cluster


def away_from_here(home: Home, pipeline: str) -> Away | None:
    """What the environment asks for; None where runs are computed here."""
    try:
        asked = Asked.of_environment()
    except WrongInput as wrong:
        return Away(home, pipeline, None, str(wrong))
    return Away(home, pipeline, asked) if asked else None
