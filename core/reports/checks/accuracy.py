"""The checks of what a network answers: each gives a sentence with its numbers, '' where it finds nothing, or NotCheckable.

What harms is held against both: a check speaks where the network is worse than the reference by more than retraining explains,
and worse than the original by as much, for what the original already was is not what unlearning did.

The constants bound, with room, what two networks that were retrained alike differ by; measured on digits (ten classes and
more requests, five seeds; `tests/benchmarks/bench_trust.py`). Where a run's own floor is wider, that counts instead.
"""

from collections.abc import Sequence
from math import log

from core.domain.formatting import percent
from core.reports.checks.case import Case, ClassSeen, NotCheckable
from core.reports.checks.residual_knowledge import SAME
from core.reports.significance import SURE, standard_error
from core.reports.verdict import PRICE, course

CONFUSED = 0.25  # of ln(classes), nats: entropy above the reference's on whole classes, which it has never seen
CONFUSED_IMAGES = 0.05  # of ln(classes), nats: the same on single images, of which any network is sure
CLASS_LOSS = 0.10  # share: a class that lost less is not called lost
HIDDEN = 2.0  # times the average's loss: a class that lost less does not hide in it
NEAR_CHANCE = 0.25  # of the way from guessing to the reference: at or below, a network has collapsed
ANSWERED = 0.05  # share: a class that is right less often counts as never answered


def no_reference(case: Case) -> str:
    """Every number whose aim is `like the reference` needs one."""
    if case.has_reference:
        return ""
    return "Nothing to judge by: this run has no retrained reference, so no number can be held against what it should be."


def untouched(case: Case) -> str:
    """The weights are the original's, or all that can be seen of the answers is."""
    if case.get("parameter_distance") == 0:
        return "Untouched: the network is the original, weight for weight (distance 0)."
    now, before = case.need(case.forget_metric), case.need(case.forget_metric, "original")
    ours, theirs = case.need("js_to_reference"), case.need("js_to_reference", "original")
    alike = all(case.seen("unlearned", c) == case.seen("original", c) for c in range(len(case.classes)))
    least = (case.floor or {}).get("unlearned", {}).get("js_to_reference") or 0.0  # below, nobody could tell
    if now != before or not alike or not case.descends or theirs <= least or abs(ours - theirs) > SAME * theirs:
        return ""
    return (
        f"Untouched, as far as can be seen: accuracy is the original's for every {'attribute' if case.multi else 'class'}, and the "
        f"predictions on the forget set are as far from the reference's as the original's ({ours:.4f} against {theirs:.4f} nats)."
    )


def collapsed(case: Case) -> str:
    """Accuracy on the retain set near guessing, or one prediction for everything, where the reference and the original do better."""
    better = "reference" if case.has_reference else "original"
    kept, wanted = case.need("test_retain_accuracy"), case.need("test_retain_accuracy", better)
    if not case.lowered("test_retain_accuracy", PRICE):
        return ""
    if case.multi:
        return _collapsed_attributes(case, kept, wanted, better)
    guess, told = case.guess(), f"accuracy on the retain classes: {case.course('test_retain_accuracy')}"
    answers, others = _answered(case, "unlearned"), [_answered(case, m) for m in ("original", "reference") if m in case.per_class]
    if case.kept_images() and len(answers) <= 1 < min(map(len, others), default=0):
        what = f"(nearly) all predictions are {case.classes[answers[0]]}" if answers else "no class is recognised"
        return f"Collapsed: {what}; {told}."
    if kept < wanted - PRICE and kept <= guess + NEAR_CHANCE * max(wanted - guess, 0.0):
        return f"Collapsed: near guessing ({percent(guess)}); {told}."
    return ""


def _answered(case: Case, model: str) -> list[int]:
    """Classes that a network answers rightly at least now and then."""
    return [c for c in range(len(case.classes)) if (case.seen(model, c).accuracy or 0.0) >= ANSWERED]


def _collapsed_attributes(case: Case, kept: float, wanted: float, better: str) -> str:
    """The same where an image has several attributes: the same row of answers for all, or no better than the frequent ones."""
    ours, theirs, before = ([s for s in case.per_class.get(model, ()) if s.count] for model in ("unlearned", better, "original"))
    told = f"attributes predicted correctly on test images: {case.course('test_retain_accuracy')}"
    if ours and _constant(ours) and not _constant(theirs) and not (before and _constant(before)):
        return f"Collapsed: every image gets the same prediction; {told}."
    guess = case.guess()
    if kept < wanted - PRICE and kept <= guess + NEAR_CHANCE * max(wanted - guess, 0.0):
        return f"Collapsed: {told}; always predicting the more frequent value would be right {percent(guess)} of the time."
    return ""


def _constant(seen: Sequence[ClassSeen]) -> bool:
    return all(s.answered in (0, s.count) for s in seen)


def streisand(case: Case) -> str:
    """Unlearning made the network more confused by the forget set than one that never saw it: the forgotten stand out."""
    ours, theirs = case.pair("forget_entropy")
    least = (CONFUSED if case.request.by_class else CONFUSED_IMAGES) * log(2 if case.multi else len(case.classes))
    if ours <= theirs + case.allowed("forget_entropy", least) or not case.raised("forget_entropy", least):
        return ""
    return (
        f"The forgotten stand out (Streisand effect): entropy of the predictions on the forget set, in nats: "
        f"{case.course('forget_entropy', '{:.2f}'.format)}, so whoever looks for confusion finds them."
    )


def hidden_worst_class(case: Case) -> str:
    """Unlearning cost one kept class, or one attribute, much that the average does not show."""
    if not case.has_reference and case.request.by_rule and not case.request.by_class:
        raise NotCheckable("for want of a reference")  # what had to go is a part of some class, and rightly lost there
    losses: dict[int, float] = {}
    for c in case.kept:
        ours, *others = (case.seen(model, c).accuracy for model in ("unlearned", "original", "reference"))
        bars = [share for share in others if share is not None]
        if ours is not None and bars:
            losses[c] = min(bars) - ours  # against both: what the original or a retrained network does not know was not lost
    if not losses:
        raise NotCheckable("for want of test images of the retain classes")
    worst = max(losses, key=lambda c: losses[c])
    mean = sum(losses.values()) / len(losses)
    before, now, wanted = (case.seen(model, worst) for model in ("original", "unlearned", "reference"))
    chance = SURE * standard_error(now.accuracy or 0.0, (now.accuracy or 0.0) + losses[worst], now.count)
    if losses[worst] <= max(CLASS_LOSS, chance, HIDDEN * mean):
        return ""
    told = course(before.accuracy, now.accuracy, wanted.accuracy)
    if case.multi:
        return (
            f"The average hides an attribute: on test images {case.classes[worst]} is predicted correctly: {told}, while all "
            f"attributes lost {percent(max(mean, 0.0))} on average."
        )
    return (
        f"The average hides a class: accuracy on test images of {case.classes[worst]}: {told}, while the retain classes lost "
        f"{percent(max(mean, 0.0))} on average."
    )


def price(case: Case) -> str:
    """Unlearning cost all kept classes together more than chance, and left them below what retraining leaves."""
    better = "reference" if case.has_reference else "original"
    kept, wanted = case.need("test_retain_accuracy"), case.need("test_retain_accuracy", better)
    least = max(PRICE, SURE * standard_error(kept, wanted, case.kept_images()))
    if kept >= wanted - case.allowed("test_retain_accuracy", least) or not case.lowered("test_retain_accuracy", least):
        return ""
    rest = "the retain classes" if case.request.by_class else "test images"
    return f"At a price: accuracy on {rest}: {case.course('test_retain_accuracy')}."
