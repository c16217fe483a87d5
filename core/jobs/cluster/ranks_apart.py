"""In the process of a run on a node: the processes of its other ranks, which are on other nodes, by way of the process beside."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from core.domain.errors import WrongInput
from core.storage.shared.remote_parts import RANK, RANKS_GIVE, Link
from core.training.ranks.places import OtherProcess


class ApartProcess:
    """See `OtherProcess`. What is asked of it after its node is gone raises OSError."""

    def __init__(self, link: Link, rank: int, module: str) -> None:
        self._link, self._rank, self._ended = link, rank, False
        self._started = link.ask(RANK, rank, "start", module)

    def tell(self, line: str) -> None:
        """As of any."""
        if not self._ask("tell", line):
            raise BrokenPipeError(line[:40])

    def lines(self) -> Iterator[str]:
        """As of any; over a connection of its own, since an answer may take long."""
        link = self._link.another()
        try:
            while (said := link.ask(RANK, self._rank, "hear", self._started)) is not None:
                if said:
                    yield said
        except (OSError, EOFError, WrongInput):  # its node is gone, or the process beside
            pass
        finally:
            self._ended = True
            link.close()

    def is_alive(self) -> bool:
        """As of any."""
        return not self._ended

    def code(self, seconds: float) -> int | None:
        """As of any."""
        try:
            found: int | None = self._ask("code", seconds)
        except OSError:
            return None
        return found

    def end(self, seconds: float) -> None:
        """As of any."""
        try:
            self._ask("end", seconds)
        except OSError:
            self._ended = True

    def _ask(self, question: str, *words: Any) -> Any:
        try:
            return self._link.ask(RANK, self._rank, question, *words)
        except (WrongInput, EOFError) as error:
            raise BrokenPipeError(str(error)) from None


class Apart:
    """See `Places`; address: of this node in the cluster's network."""

    def __init__(self, link: Link, address: str) -> None:
        self._link, self.address = link, address

    def start(self, rank: int, module: str) -> OtherProcess:
        """As of any."""
        return ApartProcess(self._link, rank, module)

    def give(self, folder: Path) -> None:
        """As of any. Raises WrongInput where a node is gone."""
        self._link.ask(RANKS_GIVE, str(folder))
