"""Sequences of forget requests as they are stored: one file each in the home, a line for the plan and one for each step; no torch."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from math import isfinite
from pathlib import Path
from typing import Any

from core.domain.json_checks import check_plain
from core.domain.run import digest
from core.sequences.plan import SequencePlan
from core.storage.home import Home
from core.storage.queues.line_files import LineFiles
from core.storage.runs import ResultStore

DONE, DIVERGED = "done", "diverged"
KIND = "sequence"  # of what is kept: the network that the last step of a seed left
WHOLE = 0  # the number of the step that forgets all in one request
SETS = {
    "request": "images of this request", "earlier": "images of all earlier requests", "retain": "retain set",
    "test": "test images", "gone": "test images of what is forgotten",
}  # fmt: skip
NETWORKS = ("unlearned", "before", "original", "reference")  # before: the network that the request found
Accuracies = Mapping[str, Mapping[str, float]]  # network -> set -> share of right predictions


@dataclass(frozen=True)
class Step:
    """One request of one seed. number: from 1 on; WHOLE: all requests in one, from the original.

    images: that it names; moved: length of the change of the weights over their length before; accuracies: of sets that have images;
    agreement: share of all test images that the unlearned and the retrained network predict alike, None without a retrained one;
    seconds: `statistics` and `unlearn`, which are the method's, and `retrain`.
    why: a sentence, where the method diverged.
    """

    seed: int
    number: int
    state: str = DONE
    images: int = 0
    moved: float = 0.0
    accuracies: Accuracies = field(default_factory=dict)
    agreement: float | None = None
    seconds: Mapping[str, float] = field(default_factory=dict)
    why: str = ""

    @property
    def cost(self) -> float:
        """Seconds of the method, its statistics with them."""
        return self.seconds.get("statistics", 0.0) + self.seconds.get("unlearn", 0.0)


@dataclass(frozen=True)
class Sequence:
    """A stored sequence, with the steps that were made."""

    plan: SequencePlan
    created: datetime
    steps: tuple[Step, ...] = ()

    @property
    def id(self) -> str:
        """The plan's."""
        return self.plan.id

    @property
    def next(self) -> tuple[int, int] | None:
        """Seed and number of the step that comes next: a seed's requests in order, then all in one; None where all are made.

        Where the method diverged no request follows for that seed.
        """
        numbers = [*range(1, self.plan.count + 1), *([WHOLE] if self.plan.whole else [])]
        for seed in self.plan.seeds:
            made = {step.number: step for step in self.steps if step.seed == seed}
            ended = any(step.state == DIVERGED for step in made.values() if step.number != WHOLE)
            for number in numbers:
                if number not in made and (number == WHOLE or not ended):
                    return seed, number
        return None

    @property
    def complete(self) -> bool:
        """Whether every step is made."""
        return self.next is None

    @property
    def share(self) -> float:
        """How much of it is made, in [0, 1]."""
        return 1.0 if self.complete else len(self.steps) / self.total

    @property
    def total(self) -> int:
        """How many steps there are, where none diverges."""
        return len(self.plan.seeds) * (self.plan.count + bool(self.plan.whole))


def files(home: Home) -> LineFiles:
    """Where sequences are stored."""
    return LineFiles(home.sequences_folder, "sequence", "sequence list")


def file_of(home: Home, sequence_id: str) -> Path:
    """Where one is stored. Raises WrongInput for what is no id."""
    return files(home).file_of(sequence_id)


def begin(home: Home, plan: SequencePlan) -> None:
    """Store a plan, unless it is there."""
    files(home).begin(plan.id, plan.to_plain())


def add_step(home: Home, sequence_id: str, step: Step) -> None:
    """One more step, on the disk when this returns."""
    plain = {**vars(step), "accuracies": {name: dict(of) for name, of in step.accuracies.items()}, "seconds": dict(step.seconds)}
    files(home).add(sequence_id, {"step": plain})


def read(home: Home, sequence_id: str) -> Sequence:
    """Raises WrongInput where there is none, or its plan is damaged; a step that is damaged, and its seed's behind it, are made anew."""
    return files(home).read(sequence_id, lambda plan, created: Sequence(SequencePlan.from_plain(plan), created), _with_line)


def _with_line(found: Sequence, line: dict[str, Any]) -> Sequence:
    """The sequence with one more step. Raises ValueError, KeyError or TypeError where that is damaged or does not follow."""
    step = Step(**line["step"])
    for name, value in {"why": step.why, "state": step.state}.items():
        check_plain(name, value, str)
    numbers = [value for of in step.accuracies.values() for value in of.values()] + [step.moved, *step.seconds.values()]
    numbers += [] if step.agreement is None else [step.agreement]
    complete = step.state == DIVERGED or {"unlearned", "before", "original"} <= step.accuracies.keys()
    if step.state not in (DONE, DIVERGED) or not complete or not all(map(isfinite, numbers)):
        raise ValueError("no step")
    if (step.seed, step.number) != found.next:
        raise ValueError("no step that could follow")
    return replace(found, steps=(*found.steps, step))


def network_key(plan_id: str, seed: int, number: int) -> str:
    """Under which the network that a step left is kept, until the next step is made."""
    return digest([KIND, plan_id, seed, number])


def forget_networks(home: Home, plan: SequencePlan) -> None:
    """What is kept for going on with a sequence goes."""
    with ResultStore(home.database) as store:
        for seed in plan.seeds:
            for number in range(1, plan.count + 1):
                store.forget_kept(network_key(plan.id, seed, number))
