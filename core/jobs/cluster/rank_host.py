"""Ranks of a run on other nodes than its own: what holds the process of each there, and all of them as the run's node sees them."""

from collections.abc import Callable, Sequence
from contextlib import suppress
import json
import os
from pathlib import Path
from queue import Empty, Queue
import shutil
from threading import Thread
from typing import Any

from core.jobs.cluster.node import Order, environment, inside, node_home
from core.jobs.cluster.relay import Call
from core.storage import atomic
from core.training.ranks.places import HereProcess

BLOCK = 2**25  # bytes of a file that go at once
SAYS = 5.0  # seconds in which a process that says nothing is asked again
MODULES = ("core.training.ranks.member", "core.extensions.rank_process")


class RankHost:
    """Of one rank. Its process leaves when this one does."""

    def __init__(self, order: Order, node: str, address: str, call: Call) -> None:
        """node: its name; address: in the cluster's network; call: see `relay.Head`."""
        self._home, self._address = node_home(node, order["home"]), address
        os.chdir(self._home.root)
        os.environ.update(environment(self._home, order["threads"], call))
        self._folder = atomic.place_beside(self._home.root)  # where this process is killed, whoever computes here next removes it
        self._folder.mkdir()
        self._process: HereProcess | None = None
        self._said: Queue[str | None] = Queue()
        self._started = 0

    def start(self, module: str) -> int:
        """One of `MODULES`; one that was started before is ended. How many there have been."""
        if module not in MODULES:
            raise ValueError(module)
        self.end(0.0)
        self._started, self._said = self._started + 1, Queue()
        self._process = HereProcess(module)
        Thread(target=self._listen, args=(self._process, self._said), name="rank", daemon=True).start()
        return self._started

    def _listen(self, process: HereProcess, said: "Queue[str | None]") -> None:
        for line in process.lines():
            said.put(line)
        said.put(None)

    def clear(self) -> None:
        """What was handed over before goes."""
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir()

    def close(self) -> None:
        """The process ends, and what was handed over goes."""
        self.end(0.0)
        shutil.rmtree(self._folder, ignore_errors=True)

    def put(self, name: str, start: int, block: bytes) -> None:
        """A part of a file that the process reads."""
        with open(inside(self._folder, name), "r+b" if start else "wb") as stream:
            stream.seek(start)
            stream.write(block)

    def tell(self, line: str) -> bool:
        """What the process is told, with its own place here; False where it is gone."""
        about = json.loads(line) | {"folder": str(self._folder), "address": self._address}
        try:
            if self._process:
                self._process.tell(json.dumps(about))
        except OSError:
            return False
        return self._process is not None

    def hear(self, started: int, seconds: float = SAYS) -> str | None:
        """A line; '' where none came, None where the process has ended. started: which one."""
        waiting = self._said
        if started != self._started:
            return None
        try:
            said = waiting.get(timeout=seconds)
        except Empty:
            return ""
        if said is None:
            waiting.put(None)
        return said

    def code(self, seconds: float) -> int | None:
        """See `OtherProcess`."""
        return self._process.code(seconds) if self._process else None

    def end(self, seconds: float) -> None:
        """See `OtherProcess`."""
        if self._process:
            self._process.end(seconds)


class Hosts:
    """Of the ranks from 1 on. make: starts their actors; ask(host, name, *words) calls one and raises LostError where its node is gone."""

    def __init__(
        self, address: str, make: Callable[[], Sequence[Any]], ask: Callable[..., Any], close: Callable[[Sequence[Any]], None]
    ) -> None:
        """address: of this node in the cluster's network. close: ends actors, whatever they do."""
        self.address, self.lost = address, False
        self._make, self._ask, self._close = make, ask, close
        self._hosts: Sequence[Any] = ()
        self._closed = False

    def rank(self, rank: int, question: str, *words: Any) -> Any:
        """One of RankHost's answers. Raises LostError."""
        if self._closed:
            raise LostError("This run's ranks have ended.")
        self._hosts = self._hosts or self._make()
        try:
            return self._ask(self._hosts[rank - 1], question, *words)
        except LostError:
            self.lost = self.lost or not self._closed
            raise

    def give(self, folder: Path) -> None:
        """The files of a folder, to all. Raises LostError."""
        for rank, _ in enumerate(self._hosts, 1):
            self.rank(rank, "clear")
            for file in sorted(path for path in folder.iterdir() if path.is_file()):
                self._send(rank, file)

    def _send(self, rank: int, file: Path) -> None:
        with open(file, "rb") as stream:
            start, block = 0, stream.read(BLOCK)
            while block or not start:
                self.rank(rank, "put", file.name, start, block)
                if len(block) < BLOCK:
                    return
                start, block = stream.tell(), stream.read(BLOCK)

    def look(self) -> None:
        """Notices a node that is gone, of which nobody has heard yet."""
        for rank, _ in enumerate(self._hosts, 1):
            with suppress(LostError):
                self.rank(rank, "code", 0.0)

    def close(self) -> None:
        """They end, and their processes."""
        self._closed = True
        self._close(self._hosts)


class LostError(OSError):
    """A node that computes a rank is gone."""
