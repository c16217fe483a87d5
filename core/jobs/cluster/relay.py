"""On a node: answers the process of a run, which asks for what runs share (see `core.storage.shared.remote_parts`), by asking the head."""

from collections.abc import Callable
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
from core.jobs.cluster.files import ByCalls, Route, SharedFolder, taken
from core.jobs.cluster.keeper import holder_of
from core.storage.artifacts import Artifacts
from core.storage.shared import remote_parts

Call = Callable[..., Any]  # (name of a method of Keeper, *what it takes) -> what it returns
LONGEST = 2**20  # bytes of a question


class Head:
    """What a node asks of the keeper, and the files that go both ways."""

    def __init__(self, call: Call, artifacts: Artifacts, files: str, run_id: str, attempt: int) -> None:
        """files: see `asked.Asked`."""
        self.call, self.holder = call, holder_of(run_id, attempt)
        self._artifacts, self._run = artifacts, (run_id, attempt)
        self._folder: Route | None = SharedFolder(files) if files else None
        self._calls = ByCalls(lambda file, content: call("write", file, content), lambda file: call("read", file))

    def report(self, told: dict[str, Any]) -> bool:
        """See `Keeper.report`."""
        return bool(self.call("report", *self._run, told))

    def fetch(self, file: str) -> bool:
        """Whether the file is here now."""
        if self._artifacts.has(file):
            return True
        if self._folder is None:
            return taken(self._artifacts, self._calls, file)
        return taken(self._artifacts, self._folder, file) or (
            bool(self.call("offer", file)) and taken(self._artifacts, self._folder, file)
        )

    def send(self, *files: str) -> None:
        """Those that the head lacks. Raises Damaged."""
        for file in self.call("lacking", list(files)):
            content = self._artifacts.content(file)
            if self._folder is None:
                self._calls.give(file, content)
            else:
                self._folder.give(file, content)
                self.call("fetch", file)

    # The questions of the run's process.

    def kept(self, key: str) -> dict[str, Any] | None:
        """The row that the head has, with its file here; None where it has none, or its file does not arrive whole."""
        found = self.call("kept", key)
        return found if found and self.fetch(found["file"]) else None

    def keep(self, key: str, kind: str, file: str, seconds: float) -> None:
        """The file goes first."""
        self.send(file)
        self.call("keep", key, kind, file, seconds)

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
        self.call("end_lease", key, self.holder)

    def older(self, kind: str, version: str) -> None:
        """See `Keeper.older`."""
        self.call("older", kind, version)

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
        with connection, suppress(OSError, EOFError):
            question, *words = json.loads(connection.recv_bytes(LONGEST))
            if question not in remote_parts.QUESTIONS:
                return
            try:
                answer = {"answer": getattr(self._head, question)(*words)}
            except WrongInput as wrong:
                answer = {"wrong": str(wrong)}
            except Exception as error:  # the head is gone, say: the run ends with that
                answer = {"wrong": f"The head of the cluster could not be asked ({type(error).__name__}: {error:.200})."}
            connection.send_bytes(json.dumps(answer).encode())
