"""The input of the checks: one run's numbers, and those of its second reference and its ablations."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from core.domain.requests.base import ForgetRequest
from core.reports.chance_tolerance import SURE, allowed, auc_error, standard_error
from core.reports.recoverability import Recoverability, descends, recoverability
from core.reports.verdict import NEAR, PRICE, Numbers, before_and_after

AUC_GAP = 0.10  # share: two retrained networks differed by up to 0.09


@dataclass(frozen=True)
class CheckWarning:
    """One reason not to trust a run: the check's key, and a sentence with its numbers."""

    key: str
    sentence: str


@dataclass(frozen=True)
class ClassResult:
    """A network on the test images of one class: share of correct predictions (None without images), and the count of images.

    Of an attribute: on all test images; `positives` of them have it, for `answered` of them it is predicted.
    """

    accuracy: float | None
    count: int
    positives: int = 0
    answered: int = 0


PerClass = Mapping[str, Sequence[ClassResult]]  # model -> by class index


class NotCheckable(ValueError):
    """A check cannot be made here; the message is the reason, as in `not checked for want of a reference`."""


@dataclass(frozen=True)
class Case:
    """`second_reference`: numbers of the run that retrained a second time; its `unlearned` is that second network.

    `ablations`: title -> numbers; None where this run can have none. `forget_count`: images of the forget set that were evaluated.
    `grafted`: model -> accuracy on the retain classes with the original's last layer put on its own layers; None: not known.
    `multi`: an image has several attributes, which `classes` and `per_class` are then about. `own_weights`: the original's
    weights were uploaded, not trained here. `brought`: what of these came in a bundle, while the run itself was computed here -> its file.
    """

    numbers: Numbers
    per_class: PerClass
    request: ForgetRequest
    classes: tuple[str, ...]
    second_reference: Numbers | None = None
    ablations: Mapping[str, Numbers] | None = None
    method: str = ""
    forget_count: int | None = None
    grafted: Mapping[str, float] | None = None
    multi: bool = False
    own_weights: bool = False
    brought: Mapping[str, str] = field(default_factory=dict)

    @property
    def forget_metric(self) -> str:
        """The accuracy that unlearning should lower: on test images of the classes, else on the forget set."""
        return "test_forget_accuracy" if self.request.by_class else "train_forget_accuracy"

    @property
    def forget_set(self) -> str:
        """The set that `forget_metric` is measured on, in words."""
        return "the test forget set" if self.request.by_class else "the forget set"

    @property
    def as_labelled(self) -> str:
        """In words, which labels `forget_metric` compares predictions with."""
        return "by its wrong labels" if self.request.flips_labels else "correctly"

    @property
    def has_reference(self) -> bool:
        """Whether there are numbers of a retrained network."""
        return any(value is not None for value in self.numbers.get("reference", {}).values())

    @property
    def descends(self) -> bool:
        """Whether the network's weights lie so near the original's that it is a changed original: see `recoverability.descends`."""
        return descends(self.numbers)

    @property
    def retain_classes(self) -> tuple[int, ...]:
        """Indices of the classes that the request leaves alone."""
        return tuple(c for c in range(len(self.classes)) if c not in self.request.classes)

    def get(self, metric: str, model: str = "unlearned") -> float | None:
        """A model's number; None where the run has none."""
        return self.numbers.get(model, {}).get(metric)

    def need(self, metric: str, model: str = "unlearned") -> float:
        """A model's number. Raises NotCheckable where the run has none."""
        value = self.get(metric, model)
        if value is None:
            raise NotCheckable("for want of numbers in this run" if self.has_reference else "for want of a reference")
        return value

    def pair(self, metric: str) -> tuple[float, float]:
        """The unlearned network's value and the reference's. Raises NotCheckable."""
        return self.need(metric), self.need(metric, "reference")

    def before_and_after(self, metric: str, form: Callable[[float], str] | None = None) -> str:
        """What unlearning changed: the number `before`, `now`, and `if retrained`, as far as they are known."""
        return before_and_after(self.get(metric, "original"), self.get(metric), self.get(metric, "reference"), form)

    def lowered(self, metric: str, slack: float) -> bool:
        """Whether the number is more than `slack` below the original's; True where one of the two is not known."""
        before, now = self.get(metric, "original"), self.get(metric)
        return before is None or now is None or now < before - slack

    def raised(self, metric: str, slack: float) -> bool:
        """Whether the number is more than `slack` above the original's; True where one of the two is not known."""
        before, now = self.get(metric, "original"), self.get(metric)
        return before is None or now is None or now > before + slack

    def guess(self) -> float:
        """Accuracy on the test retain set of always predicting the most frequent class; of attributes, their mean."""
        if self.multi:
            shares = [max(s.positives, s.count - s.positives) / s.count for s in self.per_class.get("unlearned", ()) if s.count]
            return sum(shares) / len(shares) if shares else 0.5
        counts = [self.on_class("unlearned", c).count for c in self.retain_classes]
        return max(counts) / sum(counts) if sum(counts) else 1 / len(self.classes)

    def on_class(self, model: str, index: int) -> ClassResult:
        """A model's result on a class; without images where the table has none."""
        rows = self.per_class.get(model, ())
        return rows[index] if index < len(rows) else ClassResult(None, 0)

    def forget_images(self) -> int:
        """How many images `forget_metric` is measured on; 0 where that is not known."""
        if not self.request.by_class:
            return self.forget_count or 0
        return sum(self.on_class("unlearned", c).count for c in self.request.classes)

    def test_images(self) -> int:
        """How many test images are the non-members of the attacks by loss: those of the classes, else all; 0: not known."""
        return self.forget_images() if self.request.by_class else self.retain_images()

    def retain_images(self) -> int:
        """How many test retain images there are, by the table of classes."""
        counts = [self.on_class("unlearned", c).count for c in self.retain_classes]
        return max(counts, default=0) if self.multi else sum(counts)  # an attribute is looked for on every image

    def forget_slack(self, ours: float, theirs: float) -> float:
        """How far two forget accuracies may lie apart by chance, where the retraining variability is not known."""
        return max(NEAR, SURE * standard_error(ours, theirs, self.forget_images()))

    def retain_slack(self, ours: float, theirs: float) -> float:
        """The same of two accuracies on the test retain set."""
        return max(PRICE, SURE * standard_error(ours, theirs, self.retain_images()))

    def auc_slack(self, ours: float, theirs: float) -> float | None:
        """The same of the attack's two areas under the curve; None where the count of members or non-members is not known."""
        members, others = self.forget_count or 0, self.test_images()
        return max(AUC_GAP, SURE * 2**0.5 * auc_error((ours + theirs) / 2, members, others)) if members and others else None

    def recoverability(self, reasons: Mapping[str, str] | None = None) -> Recoverability:
        """How hard the forget set is to recover; `reasons`: `model/metric` -> why a number is missing."""
        images = self.forget_images() if self.request.by_class else 0
        return recoverability(self.numbers, self.second_reference, self.request.by_class, reasons, self.grafted, images)

    def allowed(self, metric: str, least: float) -> float:
        """How far a value may lie from the reference's without a warning: see `core.reports.chance_tolerance.allowed`."""
        return allowed(metric, self.second_reference, least)
