"""The check of the original itself: where its accuracy is far too low, the run says little about the method."""

from core.domain.formatting import percent
from core.reports.chance_tolerance import SURE, standard_error
from core.reports.checks.case import Case, NotCheckable

HALF = 0.5  # of the way from guessing to the reference: below it, the original is not what the data and the recipe give
GUESSES = 0.25  # the same where the request's own wrong labels may have spoiled it
FAR = 0.10  # share: a network less far below the reference is not called far off
TIMES_GUESS = 2.5  # of guessing: at most so much is near it, where there is no reference to judge by
PLACES = {  # metric -> where it is measured
    "train_retain_accuracy": "the retain set",
    "test_retain_accuracy": "test retain images",
}


def original_far_off(case: Case) -> str:
    """The original's accuracy is far too low: uploaded weights with another order of classes, or a network that was never trained.

    Compared with the reference, which was trained on the same retain set; without one, with guessing.
    """
    pairs = [(metric, case.get(metric, "original"), case.get(metric, "reference")) for metric in PLACES]
    measured = [(metric, ours, theirs) for metric, ours, theirs in pairs if ours is not None]
    if not measured or (case.multi and not case.has_reference):  # guessing rare attributes is mostly right
        raise NotCheckable("for want of numbers in this run" if case.has_reference or not measured else "for want of a reference")
    guess, share = case.guess(), GUESSES if case.request.flips_labels else HALF
    for metric, ours, theirs in measured:
        if theirs is None:
            wanted, bar = "", min(TIMES_GUESS * guess, guess + GUESSES * (1 - guess)) if not case.has_reference else 0.0
        else:
            chance = SURE * standard_error(ours, theirs, case.retain_images() if metric.startswith("test") else 0)
            wanted = f", {percent(theirs)} if retrained"
            bar = min(guess + share * (theirs - guess), theirs - case.allowed(metric, max(FAR, chance)))
        if ours < bar:
            return (
                f"The original itself is far off: accuracy on {PLACES[metric]} is {percent(ours)} before unlearning{wanted}; guessing "
                f"gives {percent(guess)}. What else is wrong may follow from that, so nothing is said of the method. {_remedy(case)}"
            )
    return ""


def _remedy(case: Case) -> str:
    if case.own_weights:
        return (
            "Its weights were uploaded: check whether the network was trained with the classes in the order of this dataset, and on "
            "images scaled and normalised as here."
        )
    if case.request.flips_labels:
        return "It was trained on the wrong labels of this request: fewer of them leave more to judge."
    return "Look at how it was trained before you judge what was made of it."
