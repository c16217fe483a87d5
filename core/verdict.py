"""One sentence that says what a run did, from its numbers; plain words, no torch."""

from core.descriptions import DatasetInfo
from core.domain import ForgetRequest
from core.wording import words_of

NEAR = 0.05  # share: differences of accuracy below this are called the same
PRICE = 0.03  # share of kept accuracy whose loss is worth a word

Numbers = dict[str, dict[str, float | None]]  # model -> metric -> value


def verdict(numbers: Numbers, request: ForgetRequest, data: DatasetInfo | None) -> str:
    """A lead (Forgotten, Partly forgotten, Not forgotten, ...) and the accuracies that it rests on.

    data: what the run is about, for the names; None where it is no longer on the shelf. Of a multi-label set, an accuracy is
    the mean share of attributes that is answered rightly.
    """
    forget_metric = "test_forget_accuracy" if request.by_class else "train_forget_accuracy"
    after, before = numbers["unlearned"].get(forget_metric), numbers["original"].get(forget_metric)
    kept, kept_before = (numbers[model].get("test_retain_accuracy") for model in ("unlearned", "original"))
    if after is None or before is None or kept is None or kept_before is None:
        return "No verdict: there are no unseen examples of what was forgotten, or none of what was kept."
    reference = numbers.get("reference", {})
    wanted, kept_wanted = reference.get(forget_metric), reference.get("test_retain_accuracy")
    untouched = numbers["unlearned"].get("parameter_distance") == 0
    lead = (
        "Nothing was changed"
        if untouched
        else _lead(before, after, 0.0 if wanted is None and request.by_class else wanted)
    )
    price = " but at a price" if kept < (kept_wanted if kept_wanted is not None else kept_before) - PRICE else ""
    what = _judged_on(request, data)
    rest = "the other classes" if request.by_class else "unseen images"
    share = "Attributes answered rightly" if data is not None and data.multi else "Accuracy"
    return (
        f"**{lead}{price}.** {share} on {what}: {percent(before)} before, {percent(after)} now"
        f"{_retrained(wanted)}; on {rest}: {percent(kept_before)} before, {percent(kept)} now{_retrained(kept_wanted)}."
    )


def _lead(before: float, after: float, wanted: float | None) -> str:
    if wanted is None:
        return "No retrained reference to judge by"
    if abs(before - wanted) <= NEAR and abs(after - wanted) <= NEAR:
        return "Accuracy cannot tell: the original already answers like a retrained model"
    if abs(after - wanted) <= NEAR:
        return "Forgotten"
    fallen = after < before - NEAR
    if after < wanted:
        return "Over-forgotten" if fallen else "Unchanged, where a retrained model does better"
    if not fallen:
        return "Not forgotten"
    return "Partly forgotten" if after <= (before + wanted) / 2 else "Mostly remembered"


def _retrained(value: float | None) -> str:
    return "" if value is None else f" ({percent(value)} if retrained)"


def _judged_on(request: ForgetRequest, data: DatasetInfo | None) -> str:
    named = words_of(request, data)
    if request.by_class:
        return f"unseen images of {named}"
    if request.kind == "mislabelled":
        return f"the forget set ({named}, by their wrong labels)"
    return f"the forget set ({named})" if request.by_rule else "the forget set"


def percent(share: float) -> str:
    """A share as text, one decimal where it says something."""
    text = f"{100 * share:.1f}".removesuffix(".0")
    return f"{text} %"
