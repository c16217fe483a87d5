"""On a node: answers the process of a run, which asks for what runs share (see `core.storage.shared.remote_parts`), by asking the head."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
import json
from multiprocessing import AuthenticationError
from multiprocessing.connection import Connection, Listener
import os
from pathlib import Path
import shutil
import socket
from tempfile import mkdtemp
import threading
from typing import Any, Self

from core.domain.errors import WrongInput
from core.jobs.cluster.files import SharedFolder, taken
from core.jobs.cluster.keeper import holder_of
from core.storage.artifacts import Artifacts, Damaged
from core.storage.shared import remote_parts

Call = Callable[..., Any]  # (name of a method of Keeper, *what it takes) -> what it returns
Row = tuple[str, str, str, float]  # key, kind, file and seconds of what is kept
LONGEST = 2**20  # bytes of a question
SMALL = 2**18  # bytes of a file that goes with what is said of it
LOT = 2**25  # bytes of files that are sent in one call, unless a single one is larger
MANY = 64  # rows that wait at most


class Head:
    """What a node asks of the keeper, and the files that go both ways.

    What is kept goes to the head in lots: as a lease ends, so that the next who needs it finds it, with the reports, and at the end.
    """

    def __init__(self, call: Call, artifacts: Artifacts, files: str, run_id: str, attempt: int) -> None:
        """files: see `asked.Asked`."""
        self.call, self.holder = call, holder_of(run_id, attempt)
        self._artifacts, self._run = artifacts, (run_id, attempt)
        self._folder = SharedFolder(files) if files else None
        self._rows, self._older = list[Row](), set[tuple[str, str]]()  # what waits to be told
        self._told = set[tuple[str, str]]()  # of `_older`
        self._sent = set[str]()  # files that are at the head
        self._telling = threading.RLock()  # of these, and while what waits is on its way

    def report(self, told: dict[str, Any]) -> bool:
        """See `Keeper.report`. What waits goes then."""
        wanted = bool(self.call("report", *self._run, told))
        self.tell()
        return wanted

    def fetch(self, file: str) -> bool:
        """Whether the file is here now."""
        if self._folder is None:
            return taken(self._artifacts, lambda file: self.call("read", file), file)
        get = self._folder.get
        return taken(self._artifacts, get, file) or (bool(self.call("offer", file)) and taken(self._artifacts, get, file))

    def send(self, files: Iterable[str]) -> None:
        """Those that the head lacks, several in a call. Raises Damaged."""
        lot, size = dict[str, bytes](), 0
        for file in self.call("lacking", sorted(set(files))):
            content = self._artifacts.content(file)
            if lot and size + len(content) > LOT:
                self._give(lot)
                lot, size = {}, 0
            lot[file] = content
            size += len(content)
        if lot:
            self._give(lot)

    def _give(self, lot: dict[str, bytes]) -> None:
        if self._folder is None:
            self.call("take", lot)
            return
        for file, content in lot.items():
            self._folder.give(file, content)
        self.call("fetch", list(lot))

    def tell(self) -> None:
        """What waits, in one call with its small files; it goes on waiting where that fails."""
        with self._telling:
            if not self._rows and not self._older:
                return
            rows, older, files = list(self._rows), set(self._older), dict[str, bytes]()
            for file in {row[2] for row in rows} - self._sent:
                with suppress(Damaged):  # since it was kept: whoever needs it makes it anew
                    files[file] = self._artifacts.content(file)
            there = [row for row in rows if row[2] in files or row[2] in self._sent]
            self.call("leave", there, sorted(older), files)
            del self._rows[: len(rows)]
            self._older -= older
            self._told |= older

    # The questions of the run's process.

    def kept(self, key: str) -> dict[str, Any] | None:
        """The row that the head has, with its file here; None where it has none, or its file does not arrive whole."""
        found: dict[str, Any] | None = self.call("kept", key, 0 if self._folder else SMALL)
        if not found:
            return None
        content = found.pop("content", None)
        if content is not None and not self._artifacts.has(found["file"]):
            self._artifacts.take(found["file"], content)
        return found if self.fetch(found["file"]) else None

    def keep(self, key: str, kind: str, file: str, seconds: float, older: Sequence[tuple[str, str]]) -> None:
        """Its file is here; a large one goes to the head now, the rest before long. Raises Damaged."""
        large = self._folder is not None or self._artifacts.size(file) > SMALL
        if large:
            self.send([file])  # while others may tell: it takes long
        with self._telling:
            self._sent |= {file} if large else set()
            self._rows.append((key, kind, file, seconds))
            self._older |= {(kind, version) for kind, version in older} - self._told
            if len(self._rows) >= MANY:
                self.tell()

    def file(self, name: str) -> bool:
        """Whether a file that is missing or damaged here is whole now."""
        if self._artifacts.has(name):
            self._artifacts.remove(name)
        return self.fetch(name)

    def lease(self, key: str) -> bool:
        """See `Keeper.lease`."""
        return bool(self.call("lease", key, self.holder))

    def end_lease(self, key: str) -> None:
        """See `Keeper.end_lease`."""
        try:
            self.tell()
        finally:
            self.call("end_lease", key, self.holder)

    def dataset(self, key: str) -> str | None:
        """The name of a file, here, with the arrays of a set of the shelf; None where the head has it not either."""
        file: str | None = self.call("dataset", key)
        return file if file and self.fetch(file) else None


class Relay:
    """A socket in a folder of its own that only this user can enter, and the thread that answers there."""

    def __init__(self, head: Head) -> None:
        self._head, self.key, self._closing = head, os.urandom(32), False
        self._folder = Path(mkdtemp(prefix="forgetscope-"))
        self.address = str(self._folder / "head")
        self._listener = Listener(self.address, "AF_UNIX", authkey=self.key)
        threading.Thread(target=self._listen, name="relay", daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._closing = True
        with suppress(OSError), socket.socket(socket.AF_UNIX) as knock:  # else the thread would wait for ever; nobody need answer
            knock.connect(self.address)
        self._listener.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _listen(self) -> None:
        while not self._closing:
            try:
                connection = self._listener.accept()
            except (AuthenticationError, EOFError):
                continue
            except OSError:  # it was closed
                return
            threading.Thread(target=self._answer, args=(connection,), name="relay-answer", daemon=True).start()

    def _answer(self, connection: Connection) -> None:
        """Until the one who asks has ended."""
        with connection, suppress(OSError, EOFError):
            while True:
                question, *words = json.loads(connection.recv_bytes(LONGEST))
                if question not in remote_parts.QUESTIONS:
                    return
                try:
                    answer = {"answer": getattr(self._head, question)(*words)}
                except WrongInput as wrong:
                    answer = {"wrong": str(wrong)}
                except Exception as error:  # the head is gone, say: the run ends with that
                    answer = {"wrong": f"The head of the cluster could not be asked ({type(error).__name__}: {error!s:.200})."}
                connection.send_bytes(json.dumps(answer).encode())
