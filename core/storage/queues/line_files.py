"""What long jobs make bit by bit, as it is stored: a file each, a JSON line for the plan and one for each thing done, only ever added to.

Whoever stops such a job, or ends its process, loses at most the line that was being written.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
import json
import os
from pathlib import Path
import re
from typing import Any, TypeVar

from core.domain.errors import WrongInput
from core.storage import permissions
from core.storage.access import actors
from core.storage.disk_and_memory_errors import told

LARGEST = 16 * 2**20  # bytes of a file that is read
OWNER = "owner"  # in a plan's line, where somebody was logged in
ID = re.compile(r"[0-9a-f]{12}")
DAMAGED = (ValueError, KeyError, TypeError, RecursionError, AttributeError)  # what reading a damaged line may raise
T = TypeVar("T")
Line = Mapping[str, Any]


@dataclass(frozen=True)
class LineFiles:
    """All files of one folder. noun: what each is, as `search`, and the name of its first line; command: which lists them."""

    folder: Path
    noun: str
    command: str

    def file_of(self, line_id: str) -> Path:
        """Where one is stored. Raises WrongInput for what is no id."""
        if not ID.fullmatch(line_id):
            raise self.no_such(line_id)
        return self.folder / f"{line_id}.jsonl"

    def no_such(self, line_id: str) -> WrongInput:
        """The one sentence for one that is not there."""
        return WrongInput(f"There is no {self.noun} {line_id!r:.40}; `python -m core {self.command}` lists those that there are.")

    def begin(self, line_id: str, plan: Line) -> bool:
        """Store a plan, unless it is there; whether it was not."""
        actors.require_member(f"begin a {self.noun}")
        path = self.file_of(line_id)
        with told(path):
            path.parent.mkdir(exist_ok=True, mode=permissions.FOLDER)
        if path.is_file():
            return False
        with told(path):
            permissions.make_file(path)
        whose = {OWNER: owner} if (owner := actors.owner()) else {}
        self._add(line_id, {self.noun: plan, "created": datetime.now(UTC).isoformat(), **whose})
        return True

    def add(self, line_id: str, line: Line) -> None:
        """One more line, on the disk when this returns; what a process that was ended has half written before it is cut off.

        Raises WrongInput where it was removed meanwhile, Forbidden where it is somebody else's.
        """
        self.check_own(line_id)
        self._add(line_id, line)

    def _add(self, line_id: str, line: Line) -> None:
        path = self.file_of(line_id)
        if not path.is_file():
            raise self.no_such(line_id)
        with told(path), open(path, "r+b") as stream:
            if torn := _torn(stream.read()):
                stream.truncate(stream.tell() - torn)
            stream.seek(0, os.SEEK_END)
            stream.write(json.dumps(line, allow_nan=False).encode() + b"\n")
            stream.flush()
            os.fsync(stream.fileno())

    def remove(self, line_id: str) -> None:
        """Forget one. Raises WrongInput where there is none, Forbidden where it is somebody else's."""
        path = self.file_of(line_id)
        if not path.is_file():
            raise self.no_such(line_id)
        self.check_own(line_id)
        with told(path):
            path.unlink()
            path.with_suffix(".lock").unlink(missing_ok=True)

    def owner(self, line_id: str) -> str:
        """Whose it is: see `core.storage.access.actors`; '' also where it is damaged. Raises WrongInput where there is none."""
        path = self.file_of(line_id)
        try:
            with open(path, "rb") as stream:
                said = json.loads(stream.readline(LARGEST))[OWNER]
        except FileNotFoundError:
            raise self.no_such(line_id) from None
        except (OSError, *DAMAGED):
            return ""
        return said if type(said) is str else ""

    def check_own(self, line_id: str) -> None:
        """Raises Forbidden where it is somebody else's."""
        if actors.current() is not None:
            actors.require_owner(self.owner(line_id), f"{self.noun} {line_id}")

    def ids(self) -> list[str]:
        """Of all that are stored, the one that changed last first."""
        found = dict[str, float]()
        for path in self.folder.glob("*.jsonl"):
            if ID.fullmatch(path.stem):
                with suppress(FileNotFoundError):
                    found[path.stem] = path.stat().st_mtime
        return sorted(found, key=lambda one: -found[one])

    def stamp(self, line_id: str) -> tuple[int, int]:
        """Changes whenever the file does. Raises WrongInput where there is none."""
        try:
            about = self.file_of(line_id).stat()
        except FileNotFoundError:
            raise self.no_such(line_id) from None
        return about.st_mtime_ns, about.st_size

    def read(self, line_id: str, begun: Callable[[Any, datetime], T], with_line: Callable[[T, dict[str, Any]], T]) -> T:
        """What the lines make together; one of them that is damaged counts as none.

        begun: from the plan as it was stored; with_line: with one more line. Raises WrongInput where there is none, or its plan is damaged.
        """
        path = self.file_of(line_id)
        if not path.is_file():
            raise self.no_such(line_id)
        with told(path), open(path, "rb") as stream:
            content = stream.read(LARGEST + 1)
        if len(content) > LARGEST:
            raise WrongInput(f"{path.name} is larger than {LARGEST // 2**20} MB, which no {self.noun} becomes; remove it.")
        lines = content[: content.rfind(b"\n") + 1].splitlines()
        try:
            first = json.loads(lines[0]) if lines else {}
            found = begun(first[self.noun], datetime.fromisoformat(first["created"]))
        except DAMAGED as wrong:
            raise WrongInput(f"The {self.noun} in {path.name} is damaged ({str(wrong)[:120]}); remove it and start it anew.") from None
        for line in lines[1:]:
            with suppress(*DAMAGED):
                found = with_line(found, json.loads(line))
        return found


def _torn(content: bytes) -> int:
    """Bytes behind the last whole line."""
    return len(content) - (content.rfind(b"\n") + 1)
