"""The checks of a network's predictions: each returns a sentence with its numbers, '' for no warning, or raises NotCheckable.

A loss is compared with both: a check warns where the network is worse than the reference by more than retraining explains, and
worse than the original by as much, since what the original already lacked was not lost by unlearning.

The constants bound, with room, what two networks that were retrained alike differ by; measured on digits (ten classes and more
requests, five seeds; `tests/benchmarks/bench_trust.py`). Where a run's own retraining variability is larger, that counts instead.
"""

from collections.abc import Sequence
from math import log

from core.domain.formatting import percent
from core.reports.chance_tolerance import SURE, standard_error
from core.reports.checks.case import Case, ClassResult, NotCheckable
from core.reports.checks.residual_knowledge import SAME
from core.reports.verdict import PRICE, before_and_after

CONFUSED = 0.25  # of ln(classes), nats: entropy above the reference's on whole classes, on which it was not trained
CONFUSED_IMAGES = 0.05  # of ln(classes), nats: the same on single images, of which any network is certain
CLASS_LOSS = 0.10  # share: a class that lost less is not called lost
HIDDEN = 2.0  # times the average's loss: a class that lost less does not hide in it
NEAR_CHANCE = 0.25  # of the way from guessing to the reference: at or below, a network has collapsed
ANSWERED = 0.05  # share: a class that is predicted correctly less often counts as not recognised


def no_reference(case: Case) -> str:
    """A warning where the run has no reference, which every number with the goal `match` needs."""
    if case.has_reference:
        return ""
    return "Nothing to judge by: this run has no retrained reference, so no number can be held against what it should be."


def unchanged(case: Case) -> str:
    """The weights are the original's, or the predictions are, as far as the numbers tell."""
    if case.get("parameter_distance") == 0:
        return "Untouched: the network is the original, weight for weight (distance 0)."
    now, before = case.need(case.forget_metric), case.need(case.forget_metric, "original")
    ours, theirs = case.need("js_to_reference"), case.need("js_to_reference", "original")
    alike = all(case.on_class("unlearned", c) == case.on_class("original", c) for c in range(len(case.classes)))
    tolerance = (case.second_reference or {}).get("unlearned", {}).get("js_to_reference") or 0.0  # below: retraining variability
    if now != before or not alike or not case.descends or theirs <= tolerance or abs(ours - theirs) > SAME * theirs:
        return ""
    return (
        f"Untouched, as far as can be seen: accuracy is the original's for every {'attribute' if case.multi else 'class'}, and the "
        f"predictions on the forget set are as far from the reference's as the original's ({ours:.4f} against {theirs:.4f} nats)."
    )


def collapsed(case: Case) -> str:
    """Accuracy on the retain set near guessing, or one prediction for everything, where the reference and the original do better."""
    better = "reference" if case.has_reference else "original"
    accuracy, wanted = case.need("test_retain_accuracy"), case.need("test_retain_accuracy", better)
    if not case.lowered("test_retain_accuracy", PRICE):
        return ""
    if case.multi:
        return _collapsed_attributes(case, accuracy, wanted, better)
    guess, changed = case.guess(), f"accuracy on the retain classes: {case.before_and_after('test_retain_accuracy')}"
    recognised = _recognised_classes(case, "unlearned")
    others = [_recognised_classes(case, m) for m in ("original", "reference") if m in case.per_class]
    if case.retain_images() and len(recognised) <= 1 < min(map(len, others), default=0):
        what = f"(nearly) all predictions are {case.classes[recognised[0]]}" if recognised else "no class is recognised"
        return f"Collapsed: {what}; {changed}."
    if accuracy < wanted - PRICE and accuracy <= guess + NEAR_CHANCE * max(wanted - guess, 0.0):
        return f"Collapsed: near guessing ({percent(guess)}); {changed}."
    return ""


def _recognised_classes(case: Case, model: str) -> list[int]:
    """Classes that a network predicts correctly on a share ANSWERED of their test images or more."""
    return [c for c in range(len(case.classes)) if (case.on_class(model, c).accuracy or 0.0) >= ANSWERED]


def _collapsed_attributes(case: Case, accuracy: float, wanted: float, better: str) -> str:
    """The same where an image has several attributes: one prediction for all images, or no better than the frequent values."""
    ours, theirs, before = ([s for s in case.per_class.get(model, ()) if s.count] for model in ("unlearned", better, "original"))
    changed = f"attributes predicted correctly on test images: {case.before_and_after('test_retain_accuracy')}"
    if ours and _constant(ours) and not _constant(theirs) and not (before and _constant(before)):
        return f"Collapsed: every image gets the same prediction; {changed}."
    guess = case.guess()
    if accuracy < wanted - PRICE and accuracy <= guess + NEAR_CHANCE * max(wanted - guess, 0.0):
        return f"Collapsed: {changed}; always predicting the more frequent value would be right {percent(guess)} of the time."
    return ""


def _constant(results: Sequence[ClassResult]) -> bool:
    return all(result.answered in (0, result.count) for result in results)


def streisand(case: Case) -> str:
    """The entropy on the forget set rose above the reference's, so that the forget set stands out (Streisand effect)."""
    ours, theirs = case.pair("forget_entropy")
    least = (CONFUSED if case.request.by_class else CONFUSED_IMAGES) * log(2 if case.multi else len(case.classes))
    if ours <= theirs + case.allowed("forget_entropy", least) or not case.raised("forget_entropy", least):
        return ""
    return (
        f"The forgotten stand out (Streisand effect): entropy of the predictions on the forget set, in nats: "
        f"{case.before_and_after('forget_entropy', '{:.2f}'.format)}, so whoever looks for confusion finds them."
    )


def hidden_worst_class(case: Case) -> str:
    """One retain class, or one attribute, lost much accuracy that the average does not show."""
    if not case.has_reference and case.request.by_rule and not case.request.by_class:
        raise NotCheckable("for want of a reference")  # the forget set is a part of some class, and its loss there is wanted
    losses: dict[int, float] = {}
    for c in case.retain_classes:
        ours, *others = (case.on_class(model, c).accuracy for model in ("unlearned", "original", "reference"))
        bars = [share for share in others if share is not None]
        if ours is not None and bars:
            losses[c] = min(bars) - ours  # against both: what the original or the reference lacks was not lost by unlearning
    if not losses:
        raise NotCheckable("for want of test images of the retain classes")
    worst = max(losses, key=lambda c: losses[c])
    mean = sum(losses.values()) / len(losses)
    before, now, wanted = (case.on_class(model, worst) for model in ("original", "unlearned", "reference"))
    chance = SURE * standard_error(now.accuracy or 0.0, (now.accuracy or 0.0) + losses[worst], now.count)
    if losses[worst] <= max(CLASS_LOSS, chance, HIDDEN * mean):
        return ""
    text = before_and_after(before.accuracy, now.accuracy, wanted.accuracy)
    if case.multi:
        return (
            f"The average hides an attribute: on test images {case.classes[worst]} is predicted correctly: {text}, while all "
            f"attributes lost {percent(max(mean, 0.0))} on average."
        )
    return (
        f"The average hides a class: accuracy on test images of {case.classes[worst]}: {text}, while the retain classes lost "
        f"{percent(max(mean, 0.0))} on average."
    )


def price(case: Case) -> str:
    """The retain classes together lost more accuracy than chance explains, and lie below the reference's."""
    better = "reference" if case.has_reference else "original"
    accuracy, wanted = case.need("test_retain_accuracy"), case.need("test_retain_accuracy", better)
    least = case.retain_slack(accuracy, wanted)
    if accuracy >= wanted - case.allowed("test_retain_accuracy", least) or not case.lowered("test_retain_accuracy", least):
        return ""
    rest = "the retain classes" if case.request.by_class else "test images"
    return f"At a price: accuracy on {rest}: {case.before_and_after('test_retain_accuracy')}."
