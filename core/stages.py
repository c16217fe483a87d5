"""Where a run stands: its stages by their share of the work, and the seconds left once they can be known."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import perf_counter

Report = Callable[[float, str, str, float | None], None]  # share, stage, note, seconds left
KNOWABLE = 0.03  # share of the work after which its speed says something
SETTLED = 0.3  # seconds of work after which it does


@dataclass
class Stages:
    """work: stage -> training passes over single examples; 0 for a stage that comes from the store."""

    work: dict[str, float]
    report: Report
    done: float = 0.0
    began: float = field(default_factory=perf_counter)

    @contextmanager
    def stage(self, name: str) -> Iterator[Callable[[float, str], None]]:
        """Yields the voice of one stage: (share of the stage, note)."""

        def say(share: float, note: str) -> None:
            whole = sum(self.work.values())
            reached = (self.done + share * self.work[name]) / whole
            spent = perf_counter() - self.began
            known = reached > KNOWABLE and spent > SETTLED
            self.report(reached, name, note, spent / reached * (1 - reached) if known else None)

        yield say
        self.done += self.work[name]
