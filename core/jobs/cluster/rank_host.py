"""Ranks of a run on other nodes than its own: what holds the process of each there, and all of them as the run's node sees them."""

from collections.abc import Callable, Sequence
import json
import os
from pathlib import Path
from queue import Empty, Queue
import shutil
from tempfile import mkdtemp
from threading import Thread
from typing import Any

from core.jobs.cluster.node import Order, environment, inside, node_home
from core.jobs.cluster.relay import Call
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
        self._folder = Path(mkdtemp(prefix="ranks-", dir=self._home.root))
        self._process: HereProcess | None = None
        self._said: Queue[str | None] = Queue()

    def start(self, module: str) -> None:
        """One of `MODULES`; one that was started before is ended."""
        if module not in MODULES:
            raise ValueError(module)
        self.end(0.0)
        self._said = Queue()
        self._process = HereProcess(module)
        Thread(target=self._listen, args=(self._process, self._said), name="rank", daemon=True).start()

    def _listen(self, process: HereProcess, said: "Queue[str | None]") -> None:
        for line in process.lines():
            said.put(line)
        said.put(None)

    def clear(self) -> None:
        """What was handed over before goes."""
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir()

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

    def hear(self, seconds: float = SAYS) -> str | None:
        """A line; '' where none came, None where the process has ended."""
        try:
            said = self._said.get(timeout=seconds)
        except Empty:
            return ""
        if said is None:
            self._said.put(None)
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

    def __init__(self, address: str, make: Callable[[], Sequence[Any]], ask: Callable[..., Any], close: Callable[[Any], None]) -> None:
        """address: of this node in the cluster's network. close: ends an actor, whatever it does."""
        self.address, self.lost = address, False
        self._make, self._ask, self._close = make, ask, close
        self._hosts: Sequence[Any] = ()

    def rank(self, rank: int, question: str, *words: Any) -> Any:
        """One of RankHost's answers. Raises LostError."""
        self._hosts = self._hosts or self._make()
        try:
            return self._ask(self._hosts[rank - 1], question, *words)
        except LostError:
            self.lost = True
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

    def close(self) -> None:
        """They end, and their processes."""
        for host in self._hosts:
            self._close(host)
        self._hosts = ()


class LostError(OSError):
    """A node that computes a rank is gone."""
