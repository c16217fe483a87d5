"""Where the processes of the other ranks are: beside this one, or wherever `PLACES` was told."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
import subprocess
from typing import Protocol

from core.storage.processes import python_module


class OtherProcess(Protocol):
    """The process of another rank: it takes lines, gives lines, and leaves once it is given no more."""

    def tell(self, line: str) -> None:
        """Raises OSError where it is gone."""

    def lines(self) -> Iterator[str]:
        """What it says, until it has ended."""

    def is_alive(self) -> bool:
        """Whether it has not ended, as far as is known."""

    def code(self, seconds: float) -> int | None:
        """Its exit code, waited for that long; None where it is not known."""

    def end(self, seconds: float) -> None:
        """It is told nothing more, and leaves within so many seconds or is killed."""


class Places(Protocol):
    """address: of this machine, at which others meet it; '' where all ranks are on it."""

    address: str

    def start(self, rank: int, module: str) -> OtherProcess:
        """Raises OSError or WrongInput where it cannot be."""

    def give(self, folder: Path) -> None:
        """The files of a folder to all that were started."""


class HereProcess(subprocess.Popen[str]):
    """On this machine."""

    def __init__(self, module: str) -> None:
        super().__init__(**python_module(module), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def tell(self, line: str) -> None:
        """As of any."""
        assert self.stdin is not None  # a pipe
        self.stdin.write(f"{line}\n")
        self.stdin.flush()

    def lines(self) -> Iterator[str]:
        """As of any."""
        assert self.stdout is not None  # a pipe
        with self.stdout as said:
            yield from said

    def is_alive(self) -> bool:
        """As of any."""
        return self.poll() is None

    def code(self, seconds: float) -> int | None:
        """As of any."""
        with suppress(subprocess.TimeoutExpired):
            self.wait(timeout=seconds)
        return self.returncode

    def end(self, seconds: float) -> None:
        """As of any."""
        with suppress(OSError):
            if self.stdin:
                self.stdin.close()
        try:
            self.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            self.wait()


class Here:
    """All ranks on this machine, which read the same files."""

    address = ""

    def start(self, _rank: int, module: str) -> OtherProcess:
        """As of any."""
        return HereProcess(module)

    def give(self, folder: Path) -> None:
        """They see it."""


PLACES: list[Places] = [Here()]  # of this process; one
