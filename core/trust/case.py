"""What the checks look at: one run's numbers, and how far two retrained networks may differ by chance."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import exp, log

from core.domain import ForgetRequest
from core.verdict import Numbers

SURE = 3.0  # standard errors: a difference of shares below this may be chance
TIMES_FLOOR = 2.0  # a gap no larger than this many times the floor's is no doubt
DESCENDS = 0.7  # of the original's length: a network trained from another start points elsewhere and lies at 1 or farther


@dataclass(frozen=True)
class Doubt:
    """One reason not to trust a run: a key to ask by, and a sentence with the numbers it rests on."""

    key: str
    sentence: str


@dataclass(frozen=True)
class ClassSeen:
    """A network on the test images of one class: share of right answers (None without images), and of how many."""

    accuracy: float | None
    count: int


PerClass = Mapping[str, Sequence[ClassSeen]]  # model -> by class index


class NotCheckable(ValueError):
    """A check cannot be made here; the message is the reason, as in `not checked for want of a reference`."""


@dataclass(frozen=True)
class Case:
    """`floor`: numbers of the run in which the network was retrained a second time; its `unlearned` is that second network.

    `controls`: what each is -> numbers; None where this run can have none. `forget_count`: training examples that had to go.
    """

    numbers: Numbers
    per_class: PerClass
    request: ForgetRequest
    classes: tuple[str, ...]
    floor: Numbers | None = None
    controls: Mapping[str, Numbers] | None = None
    method: str = ""
    forget_count: int | None = None

    @property
    def forget_metric(self) -> str:
        """The accuracy that has to go: on unseen images of the classes, else on the forget set."""
        return "test_forget_accuracy" if self.request.by_class else "train_forget_accuracy"

    @property
    def has_reference(self) -> bool:
        """Whether there are numbers of a retrained network."""
        return any(value is not None for value in self.numbers.get("reference", {}).values())

    @property
    def descends(self) -> bool:
        """Whether the network lies so near the original that it still is a changed original, not a stranger to it."""
        distance = self.get("parameter_distance")
        return distance is not None and distance < DESCENDS

    @property
    def kept(self) -> tuple[int, ...]:
        """Indices of the classes that the request leaves alone."""
        return tuple(c for c in range(len(self.classes)) if not (self.request.by_class and c in self.request.picks))

    def get(self, metric: str, model: str = "unlearned") -> float | None:
        """None where the run has no such number."""
        return self.numbers.get(model, {}).get(metric)

    def need(self, metric: str, model: str = "unlearned") -> float:
        """Raises NotCheckable."""
        value = self.get(metric, model)
        if value is None:
            raise NotCheckable("for want of numbers in this run" if self.has_reference else "for want of a reference")
        return value

    def pair(self, metric: str) -> tuple[float, float]:
        """The unlearned network's value and the reference's. Raises NotCheckable."""
        return self.need(metric), self.need(metric, "reference")

    def seen(self, model: str, index: int) -> ClassSeen:
        """A model on a class; no images where the table does not know it."""
        rows = self.per_class.get(model, ())
        return rows[index] if index < len(rows) else ClassSeen(None, 0)

    def forget_images(self) -> int:
        """How many images stand behind `forget_metric`; 0 where that is not known."""
        if not self.request.by_class:
            return self.forget_count or 0
        return sum(self.seen("unlearned", c).count for c in self.request.picks)

    def allowed(self, metric: str, least: float) -> float:
        """How far a value may lie from the reference's without a doubt: twice the floor's own gap, and at least `least`."""
        ours, theirs = ((self.floor or {}).get(model, {}).get(metric) for model in ("unlearned", "reference"))
        return least if ours is None or theirs is None else max(least, TIMES_FLOOR * abs(ours - theirs))

    def allowed_times(self, metric: str, least: float) -> float:
        """The same for a metric that is a ratio to the reference's: so many times more or fewer are no doubt."""
        theirs = (self.floor or {}).get("unlearned", {}).get(metric)
        return max(least, exp(TIMES_FLOOR * abs(log(theirs)))) if theirs else least


def standard_error(one: float, other: float, count: int) -> float:
    """Of the difference of two shares, each seen on `count` images, if both were the same share; 0 for no images."""
    both = (one + other) / 2
    return float((2 * both * (1 - both) / count) ** 0.5) if count else 0.0
