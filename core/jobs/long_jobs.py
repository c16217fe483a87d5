"""What searches of settings and sequences of requests share as jobs: where one stands, which there are, a process that waits for them."""

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol, TypeVar

from core.domain.code_version import version_of
from core.domain.errors import WrongInput
from core.domain.run import RunSpec
from core.jobs import submit
from core.jobs.background import Progress, job_progress
from core.storage.access import actors
from core.storage.home import Home
from core.storage.queues.line_files import LineFiles

COMPLETE, RUNNING, STOPPED, FAILED = "complete", "running", "stopped", "failed"
T = TypeVar("T")


@dataclass(frozen=True)
class State:
    """Where a long job stands: `complete`, `running` (or waiting), `stopped`, `failed` (with a sentence)."""

    state: str
    note: str = ""
    share: float = 0.0
    error: str = ""


def state_of(now: Progress, complete: bool, share: float) -> State:
    """complete, share: by what is stored."""
    if now.status == "running":
        return State(RUNNING, now.note, now.share)
    if complete:
        return State(COMPLETE, share=1.0)
    return State(FAILED if now.error else STOPPED, share=share, error=now.error)


def whole_ones(ids: Iterable[str], read: Callable[[str], T]) -> tuple[list[T], list[str]]:
    """What can be read, in order; and a sentence for each that is damaged."""
    found, damaged = list[T](), list[str]()
    for one in ids:
        try:
            found.append(read(one))
        except WrongInput as wrong:
            damaged.append(str(wrong))
    return found, damaged


def may_go_on(home: Home, files: LineFiles, job_id: str) -> bool:
    """Whether who acts has it go on: not where it is on its way. Raises Forbidden where it is somebody else's and stopped."""
    if actors.current() is not None and job_progress(home, job_id).status == "running":
        return False
    files.check_own(job_id)
    return True


def wake(home: Home) -> None:
    """Have the process that computes ready before somebody asks: importing torch takes longer than a first trial."""
    if not home.unwritable:
        with suppress(WrongInput):  # a disk that takes no file: whoever starts a search is told
            submit.ensure_supervisor(home)


class Plan(Protocol):
    """What a long job computes."""

    @property
    def id(self) -> str:
        """Of all that decides what it makes."""

    @property
    def spec(self) -> RunSpec:
        """A run, whose code is that of all of it."""

    def check(self) -> None:
        """Raises WrongInput."""


P = TypeVar("P", bound=Plan)


def begin(plan: P, noun: str, store: Callable[[P], None]) -> None:
    """Store a checked plan, or find it stored. Raises WrongInput where other code began it."""
    plan.check()
    if plan.spec.engine not in ("", version_of(plan.spec)):
        raise WrongInput(
            f"{noun.capitalize()} {plan.id} was begun by another version of the code ({plan.spec.engine}); what it found can be used, and "
            f"a new {noun} started, but it cannot go on."
        )
    store(plan)
