"""What runs share, asked of another machine: a run that computes on a node of a cluster finds and leaves its shared parts at the head.

The process that computes talks to the one beside it that belongs to the cluster, over a socket that only their user can open, in JSON;
files lie in the node's own home. Without `connect` everything is as on one machine.
"""

from collections.abc import Iterator
from contextlib import contextmanager
import json
from multiprocessing.connection import Client, Connection
import os
import threading
import time
from typing import Any

from core.domain.errors import WrongInput
from core.storage.artifacts import Artifacts, Damaged
from core.storage.home import Home
from core.storage.record_types import Kept
from core.storage.runs import ResultStore

BETWEEN = 0.2  # seconds from one question to the next, while another node makes what is needed
OF_ONE_NODE = ("checkpoint/", "passing stage/", "measured pass")  # kinds that begin so are of use where they were made alone

# Questions to the head, which the one beside answers. KEPT: key -> the row, its file fetched; KEEP: key, kind, file, seconds, and (kind,
# version) of what may be forgotten; FILE: name -> whether it is here now; LEASE: key -> whether it may be made here now; END_LEASE: key,
# by when the head has what was kept before; DATASET: key -> the name of a file with its arrays.
KEPT, KEEP, FILE, LEASE, END_LEASE, DATASET = "kept", "keep", "file", "lease", "end_lease", "dataset"
# Of a process that makes trials of a search: NEXT: seconds of its originals -> number and values, or None; MADE: a trial; SAYS: share and
# what is done; TROUBLE: why it ends.
NEXT, MADE, SAYS, TROUBLE = "next_trial", "trial_made", "says", "trouble"
# Of a run whose ranks are on several nodes: RANK: number of the rank, a question to what holds its process (see
# `core.jobs.cluster.rank_host`) and what that takes; RANKS_GIVE: a folder whose files all ranks need.
RANK, RANKS_GIVE = "rank", "ranks_give"
QUESTIONS = (RANK, RANKS_GIVE, KEPT, KEEP, FILE, LEASE, END_LEASE, DATASET, NEXT, MADE, SAYS, TROUBLE)


class Link:
    """To the process beside: one connection, opened for the first question, by each process that asks (a forked one opens its own)."""

    def __init__(self, address: str, key: bytes) -> None:
        self._address, self._key = address, key
        self._opened: Connection | None = None
        self._by, self._lock = 0, threading.Lock()  # the process that opened it

    def ask(self, question: str, *words: Any) -> Any:
        """Raises WrongInput with what the head says, OSError or EOFError where nobody is beside any more."""
        with self._lock:
            connection = self._connection()
            connection.send_bytes(json.dumps([question, *words]).encode())
            told = json.loads(connection.recv_bytes())
        if "wrong" in told:
            raise WrongInput(told["wrong"])
        return told["answer"]

    def another(self) -> "Link":
        """For questions that may wait long."""
        return Link(self._address, self._key)

    def close(self) -> None:
        """The next question opens another."""
        with self._lock:
            if self._opened and self._by == os.getpid():
                self._opened.close()
            self._opened = None

    def _connection(self) -> Connection:
        if self._opened is None or self._by != os.getpid():
            self._opened, self._by = Client(self._address, "AF_UNIX", authkey=self._key), os.getpid()
        return self._opened


_LINK: list[Link] = []  # of this process; at most one
_OLDER = set[tuple[str, str]]()  # what the head may forget: beginnings of kinds, and the version that stays


def connect(address: str, key: bytes) -> Link:
    """From now on this process's shared parts are those of the head."""
    _LINK[:] = [Link(address, key)]
    return _LINK[0]


def link() -> Link | None:
    """None on the machine whose home it is."""
    return _LINK[0] if _LINK else None


class _Store(ResultStore):
    """The node's own, which knows what the head has."""

    def kept(self, key: str) -> Kept | None:
        """Of this node, else of the head, whose file is fetched then."""
        if (own := super().kept(key)) or not (head := link()):
            return own
        if (found := head.ask(KEPT, key)) is None:
            return None
        row = Kept(found["file"], float(found["seconds"]), found["kind"])
        super().keep(key, row.kind, row.file, row.seconds)
        return row

    def keep(self, key: str, kind: str, file: str, seconds: float) -> None:
        """Here and, unless only this node can use it, at the head."""
        super().keep(key, kind, file, seconds)
        if (head := link()) and not kind.startswith(OF_ONE_NODE):
            head.ask(KEEP, key, kind, file, seconds, sorted(_OLDER))
            _OLDER.clear()

    def forget_older(self, kind: str, version: str) -> None:
        """Here, and at the head when it is given what comes in its place."""
        super().forget_older(kind, version)
        if link() and not kind.startswith(OF_ONE_NODE):
            _OLDER.add((kind, version))


class _Artifacts(Artifacts):
    """The node's own, into which what is missing is fetched."""

    def content(self, file: str) -> bytes:
        """Fetched where it is missing or damaged here. Raises Damaged where the head cannot give it either."""
        try:
            return super().content(file)
        except Damaged:
            if not ((head := link()) and head.ask(FILE, file)):
                raise
        return super().content(file)

    @contextmanager
    def making(self, key: str) -> Iterator[None]:
        """Held in the whole cluster."""
        with super().making(key):
            if not (head := link()):
                yield
                return
            while not head.ask(LEASE, key):
                time.sleep(BETWEEN)
            try:
                yield
            finally:
                head.ask(END_LEASE, key)


@contextmanager
def open_shared(home: Home) -> Iterator[tuple[ResultStore, Artifacts]]:
    """The home's store, which is closed at the end, and its files; on a node of a cluster those that know of the head's."""
    with (_Store if link() else ResultStore)(home.database) as store:
        yield store, (_Artifacts if link() else Artifacts)(home.artifacts_folder)
