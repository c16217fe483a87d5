"""What the checks look at: one run's numbers, and how far two retrained networks may differ by chance."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from core.domain.requests.base import ForgetRequest
from core.reports.recoverability import Comeback, comeback, descends
from core.reports.significance import allowed
from core.reports.verdict import Numbers, course


@dataclass(frozen=True)
class Doubt:
    """One reason not to trust a run: a key to ask by, and a sentence with the numbers it rests on."""

    key: str
    sentence: str


@dataclass(frozen=True)
class ClassSeen:
    """A network on the test images of one class: share of correct predictions (None without images), and of how many.

    Of an attribute: on all test images; `positives` of them have it, `answered` of them the network says so.
    """

    accuracy: float | None
    count: int
    positives: int = 0
    answered: int = 0


PerClass = Mapping[str, Sequence[ClassSeen]]  # model -> by class index


class NotCheckable(ValueError):
    """A check cannot be made here; the message is the reason, as in `not checked for want of a reference`."""


@dataclass(frozen=True)
class Case:
    """`floor`: numbers of the run in which the network was retrained a second time; its `unlearned` is that second network.

    `controls`: what each is -> numbers; None where this run can have none. `forget_count`: training examples that had to go.
    `grafted`: model -> accuracy on the retain classes with the original's last layer put on its own layers; None: not known.
    `multi`: an image has several attributes, which `classes` and `per_class` are then about. `own_weights`: the original's
    weights were uploaded, not trained here.
    """

    numbers: Numbers
    per_class: PerClass
    request: ForgetRequest
    classes: tuple[str, ...]
    floor: Numbers | None = None
    controls: Mapping[str, Numbers] | None = None
    method: str = ""
    forget_count: int | None = None
    grafted: Mapping[str, float] | None = None
    multi: bool = False
    own_weights: bool = False

    @property
    def forget_metric(self) -> str:
        """The accuracy that has to go: on test images of the classes, else on the forget set."""
        return "test_forget_accuracy" if self.request.by_class else "train_forget_accuracy"

    @property
    def as_labelled(self) -> str:
        """How a sentence says that `forget_metric` counts an answer."""
        return "by its wrong labels" if self.request.flips_labels else "correctly"

    @property
    def has_reference(self) -> bool:
        """Whether there are numbers of a retrained network."""
        return any(value is not None for value in self.numbers.get("reference", {}).values())

    @property
    def descends(self) -> bool:
        """Whether the network lies so near the original that it still is a changed original, not a stranger to it."""
        return descends(self.numbers)

    @property
    def kept(self) -> tuple[int, ...]:
        """Indices of the classes that the request leaves alone."""
        return tuple(c for c in range(len(self.classes)) if c not in self.request.classes)

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

    def course(self, metric: str, form: Callable[[float], str] | None = None) -> str:
        """What unlearning changed: the number `before`, `now`, and `if retrained`, as far as they are known."""
        return course(self.get(metric, "original"), self.get(metric), self.get(metric, "reference"), form)

    def lowered(self, metric: str, slack: float) -> bool:
        """Whether unlearning took more than `slack` off the original's number; where that is not known, only the reference can judge."""
        before, now = self.get(metric, "original"), self.get(metric)
        return before is None or now is None or now < before - slack

    def raised(self, metric: str, slack: float) -> bool:
        """Whether unlearning added more than `slack` to the original's number; where that is not known, only the reference can judge."""
        before, now = self.get(metric, "original"), self.get(metric)
        return before is None or now is None or now > before + slack

    def guess(self) -> float:
        """Accuracy on the retain set's test images of always the most frequent answer; of attributes, their mean."""
        if self.multi:
            shares = [max(s.positives, s.count - s.positives) / s.count for s in self.per_class.get("unlearned", ()) if s.count]
            return sum(shares) / len(shares) if shares else 0.5
        counts = [self.seen("unlearned", c).count for c in self.kept]
        return max(counts) / sum(counts) if sum(counts) else 1 / len(self.classes)

    def seen(self, model: str, index: int) -> ClassSeen:
        """A model on a class; no images where the table does not know it."""
        rows = self.per_class.get(model, ())
        return rows[index] if index < len(rows) else ClassSeen(None, 0)

    def forget_images(self) -> int:
        """How many images stand behind `forget_metric`; 0 where that is not known."""
        if not self.request.by_class:
            return self.forget_count or 0
        return sum(self.seen("unlearned", c).count for c in self.request.classes)

    def unseen_images(self) -> int:
        """How many test images the attacks by loss hold against the forget set: of the classes, else all; 0: not known."""
        return self.forget_images() if self.request.by_class else self.kept_images()

    def kept_images(self) -> int:
        """How many test retain images there are, as far as the table tells."""
        counts = [self.seen("unlearned", c).count for c in self.kept]
        return max(counts, default=0) if self.multi else sum(counts)  # an attribute is looked for on every image

    def comeback(self, reasons: Mapping[str, str] | None = None) -> Comeback:
        """How hard it is to bring back; `reasons`: `model/metric` -> why it is missing."""
        images = self.forget_images() if self.request.by_class else 0
        return comeback(self.numbers, self.floor, self.request.by_class, reasons, self.grafted, images)

    def allowed(self, metric: str, least: float) -> float:
        """How far a value may lie from the reference's without a doubt: twice the floor's own gap, and at least `least`."""
        return allowed(metric, self.floor, least)
