"""The checks of what a network answers: each gives a sentence with its numbers, '' where it finds nothing, or NotCheckable.

The constants bound, with room, what two networks that were retrained alike differ by; measured on digits (ten classes and
more requests, five seeds; `tests/benchmarks/bench_trust.py`). Where a run's own floor is wider, that counts instead.
"""

from collections.abc import Sequence
from math import log

from core.chance import SURE, standard_error
from core.trust.case import Case, ClassSeen, NotCheckable
from core.trust.residue import SAME
from core.verdict import PRICE, percent

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
        f"answers on what had to go are as far from the reference's as the original's ({ours:.4f} against {theirs:.4f} nats)."
    )


def collapsed(case: Case) -> str:
    """Kept accuracy near guessing, or one answer for everything, where the reference does better."""
    better = "reference" if case.has_reference else "original"
    kept, wanted = case.need("test_retain_accuracy"), case.need("test_retain_accuracy", better)
    if case.multi:
        return _collapsed_attributes(case, kept, wanted, better)
    counts = [case.seen("unlearned", c).count for c in case.kept]
    guess = max(counts) / sum(counts) if sum(counts) else 1 / len(case.classes)
    than = f"{percent(wanted)} {_of(better)}"
    answers = [c for c in range(len(case.classes)) if (case.seen("unlearned", c).accuracy or 0.0) >= ANSWERED]
    theirs = [c for c in range(len(case.classes)) if (case.seen(better, c).accuracy or 0.0) >= ANSWERED]
    if sum(counts) and len(answers) <= 1 < len(theirs):
        what = f"(nearly) all answers are {case.classes[answers[0]]}" if answers else "no class is recognised"
        return f"Collapsed: {what}; accuracy on the kept classes is {percent(kept)}, {than}."
    if kept < wanted - PRICE and kept <= guess + NEAR_CHANCE * max(wanted - guess, 0.0):
        return f"Collapsed: accuracy on the kept classes is {percent(kept)}, near guessing ({percent(guess)}); {than}."
    return ""


def _collapsed_attributes(case: Case, kept: float, wanted: float, better: str) -> str:
    """The same where an image has several attributes: the same row of answers for all, or no better than the frequent ones."""
    ours, theirs = ([s for s in case.per_class.get(model, ()) if s.count] for model in ("unlearned", better))
    told = f"{percent(kept)} of the attributes are answered rightly on unseen images, {percent(wanted)} {_of(better)}"
    if ours and _constant(ours) and not _constant(theirs):
        return f"Collapsed: every image gets the same answers; {told}."
    guess = sum(max(s.positives, s.count - s.positives) / s.count for s in ours) / len(ours) if ours else 0.5
    if kept < wanted - PRICE and kept <= guess + NEAR_CHANCE * max(wanted - guess, 0.0):
        return f"Collapsed: {told}; always the more frequent answer would be right {percent(guess)} of the time."
    return ""


def _constant(seen: Sequence[ClassSeen]) -> bool:
    return all(s.answered in (0, s.count) for s in seen)


def streisand(case: Case) -> str:
    """More confused by the forgotten than a network that never saw it: the forgotten stand out."""
    ours, theirs = case.pair("forget_entropy")
    least = (CONFUSED if case.request.by_class else CONFUSED_IMAGES) * log(2 if case.multi else len(case.classes))
    if ours <= theirs + case.allowed("forget_entropy", least):
        return ""
    return (
        f"The forgotten stand out (Streisand effect): the answers on them have an entropy of {ours:.2f} nats, {theirs:.2f} if "
        "retrained, so whoever looks for confusion finds them."
    )


def hidden_worst_class(case: Case) -> str:
    """One kept class, or one attribute, lost much that the average does not show."""
    better = "reference" if case.has_reference else "original"
    if better == "original" and case.request.by_rule and not case.request.by_class:
        raise NotCheckable("for want of a reference")  # what had to go is a part of some class, and rightly lost there
    losses: dict[int, float] = {}
    for c in case.kept:
        ours, theirs = case.seen("unlearned", c), case.seen(better, c)
        if ours.accuracy is not None and theirs.accuracy is not None:
            losses[c] = theirs.accuracy - ours.accuracy
    if not losses:
        raise NotCheckable("for want of test images of the kept classes")
    worst = max(losses, key=lambda c: losses[c])
    mean = sum(losses.values()) / len(losses)
    ours, theirs = (case.seen(model, worst) for model in ("unlearned", better))
    chance = SURE * standard_error(ours.accuracy or 0.0, theirs.accuracy or 0.0, ours.count)
    if losses[worst] <= max(CLASS_LOSS, chance, HIDDEN * mean):
        return ""
    if case.multi:
        return (
            f"The average hides an attribute: on unseen images {case.classes[worst]} is answered rightly {percent(ours.accuracy or 0.0)} "
            f"of the time, {percent(theirs.accuracy or 0.0)} {_of(better)}, while all attributes lost {percent(max(mean, 0.0))} on average."
        )
    return (
        f"The average hides a class: on unseen images of {case.classes[worst]} accuracy is {percent(ours.accuracy or 0.0)}, "
        f"{percent(theirs.accuracy or 0.0)} {_of(better)}, while the kept classes lost {percent(max(mean, 0.0))} on average."
    )


def price(case: Case) -> str:
    """All kept classes together lost more than chance and retraining cost."""
    better = "reference" if case.has_reference else "original"
    kept, wanted = case.need("test_retain_accuracy"), case.need("test_retain_accuracy", better)
    chance = SURE * standard_error(kept, wanted, case.kept_images())
    if kept >= wanted - max(case.allowed("test_retain_accuracy", PRICE), chance):
        return ""
    rest = "the kept classes" if case.request.by_class else "unseen images"
    return f"Forgotten at a price: accuracy on {rest} is {percent(kept)}, {percent(wanted)} {_of(better)}."


def _of(model: str) -> str:
    return "if retrained" if model == "reference" else "before"
