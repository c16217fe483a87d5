"""The verdict on a run, one sentence from its numbers; no torch."""

from collections.abc import Callable
from typing import NamedTuple

from core.domain.formatting import percent
from core.domain.info import DatasetInfo
from core.domain.requests.base import ForgetRequest

NEAR = 0.05  # share: differences of accuracy below this are called the same
PRICE = 0.03  # share: a larger loss of accuracy on the retain set is mentioned
FAR_OFF = "No verdict on the method: the original itself is far off"
EXACT = "Exactly the reference"  # the lead of a network whose weights are all the reference's, as exact unlearning gives
SAME = "All its weights are bit for bit those of the retrained reference. "
ACCURACIES = ("train_forget_accuracy", "test_forget_accuracy", "train_retain_accuracy", "test_retain_accuracy")
FORGOTTEN = ("Forgotten", "Partly forgotten")  # favourable leads, to which a price is added with "but"
WARNED = ", with warnings"  # of a lead
Numbers = dict[str, dict[str, float | None]]  # model -> metric -> value


class Verdict(NamedTuple):
    """lead: `Forgotten`, `Not forgotten, and at a price`, ..., without a full stop. sentence: the accuracies that it rests on."""

    lead: str
    sentence: str

    def __str__(self) -> str:
        return f"{self.lead}. {self.sentence}"

    def beside(self, *, warnings: bool) -> "Verdict":
        """The same; where the checks warn of what was forgotten, the lead says so."""
        return self._replace(lead=self.lead + WARNED) if warnings and self.lead.startswith("Forgotten") else self


def verdict(numbers: Numbers, request: ForgetRequest, data: DatasetInfo | None, far_off: bool = False) -> Verdict:
    """What a run did, from its numbers.

    data: the dataset's description, for the names; None where it is no longer registered. Of a multi-label set, an accuracy is
    the mean share of attributes that is predicted correctly. far_off: the checks found the original itself far off, so that no
    method can be judged by it.
    """
    forget_metric = "test_forget_accuracy" if request.by_class else "train_forget_accuracy"
    after, before = numbers["unlearned"].get(forget_metric), numbers["original"].get(forget_metric)
    retain_after, retain_before = (numbers[model].get("test_retain_accuracy") for model in ("unlearned", "original"))
    if after is None or before is None or retain_after is None or retain_before is None:
        return Verdict("No verdict", "There are no test images of the forget set's kind, or none of the retain set's.")
    reference = numbers.get("reference", {})
    wanted, retain_wanted = reference.get(forget_metric), reference.get("test_retain_accuracy")
    unchanged = numbers["unlearned"].get("parameter_distance") == 0
    lead = (
        FAR_OFF
        if far_off
        else "Nothing was changed"
        if unchanged
        else EXACT
        if is_the_reference(numbers)
        else _lead(before, after, 0.0 if wanted is None and request.by_class else wanted)
    )
    lost, below = retain_after < retain_before - PRICE, retain_wanted is None or retain_after < retain_wanted - PRICE
    price = (" but" if lead in FORGOTTEN else ", and") + " at a price" if lost and below and not far_off else ""
    what = _judged_on(request, data)
    rest = "the other classes" if request.by_class else "test images"
    share = "Attributes predicted correctly" if data is not None and data.multi else "Accuracy"
    return Verdict(
        lead + price,
        f"{SAME if lead == EXACT else ''}{share} on {what}: {before_and_after(before, after, wanted)}; "
        f"on {rest}: {before_and_after(retain_before, retain_after, retain_wanted)}{_judged(lost, below, retain_after, retain_wanted)}.",
    )


def is_the_reference(numbers: Numbers) -> bool:
    """Whether the unlearned network is the reference: it has its weights to the bit, and, since it has running statistics besides, its
    accuracies on training and test images."""
    ours, theirs = numbers["unlearned"], numbers.get("reference", {})
    alike = all(ours.get(name) == theirs.get(name) for name in ACCURACIES)
    return bool(theirs) and alike and ours.get("parameter_distance_to_reference") == 0


def _judged(lost: bool, below: bool, after: float, wanted: float | None) -> str:
    """Whether the loss on the retain set is a price: it is measured against the original and judged by the reference."""
    if lost and below:
        judge = ", with no retrained model to judge it by" if wanted is None else " and against retraining"
        return f"; a price against the original{judge}"
    if lost:
        better = wanted is not None and percent(wanted) != percent(after) and wanted > after
        return f"; lost against the original, but retraining does {'little' if better else 'no'} better"
    return "; less than retraining gives, but so was the original" if below and wanted is not None else ""


def _lead(before: float, after: float, wanted: float | None) -> str:
    if wanted is None:
        return "No retrained reference to judge by"
    if abs(before - wanted) <= NEAR and abs(after - wanted) <= NEAR:
        return "Accuracy cannot tell: the original already predicts like a retrained model"
    if abs(after - wanted) <= NEAR:
        return "Forgotten"
    fallen = after < before - NEAR
    if after < wanted:
        return "Over-forgotten" if fallen else "Unchanged, where a retrained model does better"
    if not fallen:
        return "Not forgotten"
    return "Partly forgotten" if after <= (before + wanted) / 2 else "Mostly remembered"


def _retrained(value: float | None, form: Callable[[float], str]) -> str:
    return "" if value is None else f" ({form(value)} if retrained)"


def _judged_on(request: ForgetRequest, data: DatasetInfo | None) -> str:
    named = request.words(data)
    if request.by_class:
        return f"test images of {named}"
    if request.flips_labels:
        return f"the forget set ({named}, by their wrong labels)"
    return f"the forget set ({named})" if request.by_rule else "the forget set"


def before_and_after(before: float | None, now: float | None, wanted: float | None, form: Callable[[float], str] | None = None) -> str:
    """What unlearning did to a number, as text: the original's, the unlearned network's, the reference's; unknown ones are left out.

    form: of one number; percent where none is given. As in `95 % before, 40 % now (93 % if retrained)`.
    """
    form = form or percent
    steps = [f"{form(value)} {word}" for value, word in ((before, "before"), (now, "now")) if value is not None]
    return ", ".join(steps) + _retrained(wanted, form)
