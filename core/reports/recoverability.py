"""Recoverability: is the forget set harder, equally hard or easier to recover than from a retrained network? No torch.

The one rule for it: the Privacy page shows it, and the checks `shallow` and `over_forgotten` use it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import exp, inf, log
from typing import TYPE_CHECKING

from core.domain.formatting import percent
from core.reports.chance_tolerance import SURE, allowed, standard_error
from core.reports.verdict import Numbers

if TYPE_CHECKING:
    import pandas as pd

# By how much two networks that were retrained alike differ by chance; measured on digits (`tests/benchmarks/bench_trust.py`).
# A second reference widens each to twice its own gap, that of relearning on one side.
DESCENDS = 0.7  # of the original's length: a network trained from another start points elsewhere and lies at 1 or farther
EASIER = 3.0  # times fewer relearning steps than the reference, or more, for a network that descends from the original
STRANGER = 8.0  # the same for one that does not: two retrained ones differed by up to 4 times
STEP = 1  # relearning steps: the curve is read at whole steps
FOUND = 0.15  # share: a probe's accuracy above the reference's, or below
FITS = 0.25  # share: accuracy with the original's last layer above the reference's
HALF = 0.5  # of the retain classes are right: the original's last layer fits this network's layers
NO_CLASS = "A probe detects a forgotten class; this request names images, not a class."
NO_GRAFT = "A retrained network gets most of these images right without having seen them, so a graft that does too proves nothing."
NO_FIT = "The original's last layer does not fit this network's own layers, so what a graft predicts is chance and shows nothing."


@dataclass(frozen=True)
class Part:
    """One way of recovering it. key: the metric; word: easier, equal, harder, or unknown with the reason as sentence."""

    key: str
    word: str
    sentence: str


def descends(numbers: Numbers) -> bool:
    """Whether the weights lie nearer to the original's than another network's would; True where the distance is not known."""
    distance = numbers.get("unlearned", {}).get("parameter_distance")
    return distance is None or distance < DESCENDS


def unknown(key: str, reason: str) -> Part:
    """A way that gives no result, and why."""
    return Part(key, "unknown", reason)


def _pair(key: str, numbers: Numbers, reasons: Mapping[str, str]) -> tuple[float, float] | Part:
    """The unlearned's and the reference's value, or why there is none."""
    ours, theirs = (numbers.get(model, {}).get(key) for model in ("unlearned", "reference"))
    if ours is not None and theirs is not None:
        return ours, theirs
    if not numbers.get("reference"):
        return unknown(key, "This run has no retrained reference to compare with.")
    reason = next((reasons[name] for m in ("unlearned", "reference") if reasons.get(name := f"{m}/{key}")), "")
    return unknown(key, reason or "This run has no such number: another version of Forgetscope made it; run it again.")


def _log_ratio(ours: float, theirs: float) -> float:
    return 0.0 if ours == theirs else inf if theirs == 0 else -inf if ours == 0 else log(ours / theirs)


def _word(easier: float, tolerance: float) -> str:
    """easier: by how much it is easier; below zero, harder. A hair is left for rounding."""
    return "equal" if abs(easier) <= tolerance + 1e-9 else "easier" if easier > 0 else "harder"


def _relearning_tolerance(numbers: Numbers, second_reference: Numbers | None, fewer: bool) -> float:
    """Of the logarithm of the ratio of steps to the reference's: on the side of fewer steps, or of more."""
    least = log(EASIER if descends(numbers) else STRANGER)
    second_index = (second_reference or {}).get("unlearned", {}).get("anamnesis_index")
    on_its_side = second_index is not None and (second_index < 1) == fewer
    return allowed("anamnesis_index", second_reference if on_its_side else None, least, _log_ratio)


def equal_steps(numbers: Numbers, second_reference: Numbers | None) -> tuple[float, float] | None:
    """The fewest and the most relearning steps that `relearning` calls equal to the reference's; None where these are 0 or unknown."""
    theirs = numbers.get("reference", {}).get("relearn_steps")
    if not theirs:
        return None
    fewer, more = (_relearning_tolerance(numbers, second_reference, side) for side in (True, False))
    return max(0.0, min(theirs * exp(-fewer), theirs - STEP)), max(theirs * exp(more), theirs + STEP)


def relearning(numbers: Numbers, second_reference: Numbers | None, reasons: Mapping[str, str]) -> Part:
    """By the steps of relearning. A second reference widens the tolerance on its own side alone: one that took longer does not
    excuse a network that relearns faster than both, nor the reverse.
    """
    pair = _pair("anamnesis_index", numbers, reasons)
    if isinstance(pair, Part):
        return pair
    index = pair[0]  # the reference's own is 1
    word = _word(-_log_ratio(index, 1.0), _relearning_tolerance(numbers, second_reference, index < 1))
    ours, theirs = (numbers[model].get("relearn_steps") for model in ("unlearned", "reference"))
    if ours is None and theirs is not None and index >= 1:  # given up before it was there: the true ratio is higher
        gave_up = f"{index * theirs:.0f} training steps do not bring it back, {theirs:.0f} do from the reference"
        if word != "harder":
            return unknown("anamnesis_index", f"Relearning: {gave_up}, too few to tell how hard it is.")
        above = f"the ratio, its Anamnesis index, is above {index:.2g} ({_EFFORT[word]})"
        return Part("anamnesis_index", word, f"Relearning: {gave_up}; {above}.")
    if theirs is None and ours is not None:  # the reference was given up: the true ratio is lower
        tried = f"{ours / index:.0f}" if index else "those that were tried"
        if word != "easier":
            return unknown("anamnesis_index", f"Relearning: {tried} steps do not bring it back from the reference, too few to tell.")
        gave_up = f"{ours:.0f} training steps bring it back, {tried} do not from the reference"
        below = f"the ratio, its Anamnesis index, is below {index:.2g} ({_EFFORT[word]})"
        return Part("anamnesis_index", word, f"Relearning: {gave_up}; {below}.")
    counted = ""
    if ours is not None and theirs is not None:
        word = "equal" if abs(ours - theirs) <= STEP else word
        already = "" if ours else "it was never gone: "
        counted = f"{already}{ours:.0f} training {'step brings' if ours == 1 else 'steps bring'} it back, {theirs:.0f} from the reference; "
    return Part("anamnesis_index", word, f"Relearning: {counted}the ratio, its Anamnesis index, is {index:.2g} ({_EFFORT[word]}).")


_EFFORT = {"easier": "less effort", "equal": "two retrained networks may differ as much", "harder": "more effort"}


def probe(numbers: Numbers, second_reference: Numbers | None, reasons: Mapping[str, str]) -> Part:
    """By a linear probe of the features."""
    pair = _pair("probe_accuracy", numbers, reasons)
    if isinstance(pair, Part):
        return pair
    word = _word(pair[0] - pair[1], allowed("probe_accuracy", second_reference, FOUND))
    return Part(
        "probe_accuracy", word,
        f"Probe: in the features before the last layer the forgotten class is told apart with {percent(pair[0])} balanced "
        f"accuracy, with {percent(pair[1])} in the reference ({_LEFT[word]}).",
    )  # fmt: skip


def graft(
    numbers: Numbers, second_reference: Numbers | None, reasons: Mapping[str, str], retain_accuracy: Mapping[str, float], images: int
) -> Part:  # fmt: skip
    """By the original's last layer on this network's layers, where it fits them; else the predictions are chance."""
    pair = _pair("graft_forget_accuracy", numbers, reasons)
    if isinstance(pair, Part):
        return pair
    if not _fits(numbers, retain_accuracy):
        return unknown("graft_forget_accuracy", NO_FIT)
    stranger = is_stranger(retain_accuracy)
    theirs, tolerance = _graft_tolerance(pair, second_reference, stranger, images)
    word = _word(max(0.0, pair[0] - theirs), tolerance)  # less than the reference's shows nothing
    return Part(
        "graft_forget_accuracy", word,
        f"Graft: with the original's last layer on top, {percent(pair[0])} of the forgotten class is right again, {percent(pair[1])} "
        f"on the reference{', whose layers it does not fit' if stranger else ''} ({_LEFT[word]}).",
    )  # fmt: skip


def equal_graft(
    numbers: Numbers, second_reference: Numbers | None, retain_accuracy: Mapping[str, float], images: int
) -> tuple[float, float] | None:  # fmt: skip
    """The least and the most that `graft` calls equal to the reference's; None where that cannot be told. Arguments as there."""
    pair = _pair("graft_forget_accuracy", numbers, {})
    if isinstance(pair, Part) or not _fits(numbers, retain_accuracy):
        return None
    theirs, tolerance = _graft_tolerance(pair, second_reference, is_stranger(retain_accuracy), images)
    return 0.0, min(1.0, theirs + tolerance)


def is_stranger(retain_accuracy: Mapping[str, float]) -> bool:
    """Whether the original's last layer does not fit the reference's layers: its predictions are chance, and count as nothing recovered."""
    return retain_accuracy.get("reference", 1.0) < HALF


def _fits(numbers: Numbers, retain_accuracy: Mapping[str, float]) -> bool:
    """The same of the unlearned network: else its predictions are chance."""
    return retain_accuracy["unlearned"] >= HALF if "unlearned" in retain_accuracy else descends(numbers)


def _graft_tolerance(
    pair: tuple[float, float], second_reference: Numbers | None, stranger: bool, images: int
) -> tuple[float, float]:  # fmt: skip
    """What counts as recovered from the reference, and how much more may be, for chance. pair: the unlearned's and the reference's."""
    theirs = 0.0 if stranger else pair[1]
    tolerance = allowed("graft_forget_accuracy", None if stranger else second_reference, FITS)
    return theirs, max(tolerance, SURE * standard_error(pair[0], theirs, images))


_LEFT = {"easier": "more is left", "equal": "two retrained networks may differ as much", "harder": "less is left"}
LEAD = {
    "easier": "Easier to recover than from a retrained network",
    "equal": "As hard to recover as from a retrained network",
    "harder": "Harder to recover than from a retrained network",
    "unknown": "It cannot be said how hard it is to recover",
}


@dataclass(frozen=True)
class Recoverability:
    """word: easier, equal, harder or unknown; sentence: the verdict for people; parts: relearning, probe, graft."""

    word: str
    sentence: str
    parts: tuple[Part, ...]


def recoverability(
    numbers: Numbers, second_reference: Numbers | None, by_class: bool, reasons: Mapping[str, str] | None = None,
    grafted: Mapping[str, float] | None = None, images: int = 0,
) -> Recoverability:  # fmt: skip
    """The verdict from anamnesis_index, probe_accuracy and graft_forget_accuracy, the unlearned compared with the reference.

    An attacker takes the easiest way, so one easier part makes the whole easier; else one harder part makes it harder.
    second_reference: numbers of a second retrained network of the same request; twice its own gaps count as no difference (of
    relearning, on its side alone).
    by_class: whether a class was named; else probe and graft do not apply. reasons: `model/metric` -> why it is missing.
    grafted: model -> accuracy on the retain classes with the original's last layer, which tells whether it fits at all.
    images: test images of the forgotten class that the graft's accuracy is measured on; 0 where that is not known.
    """
    reasons = reasons or {}
    parts = (
        relearning(numbers, second_reference, reasons),
        probe(numbers, second_reference, reasons) if by_class else unknown("probe_accuracy", NO_CLASS),
        graft(numbers, second_reference, reasons, grafted or {}, images) if by_class else unknown("graft_forget_accuracy", NO_GRAFT),
    )
    words = [part.word for part in parts]
    word = next((w for w in ("easier", "harder", "equal") if w in words), "unknown")
    return Recoverability(word, f"{LEAD[word]}: {_because(word, parts)}.", parts)


def grafted_retain_accuracy(graft: "pd.DataFrame") -> dict[str, float]:
    """Model -> accuracy on the test retain set with the original's last layer on its own. graft: the table of a finished run."""
    here = graft[(graft["direction"] == "model_below") & (graft["k"] == graft["k"].max() - 1)]
    return {str(model): float(share) for model, share in zip(here["model"], here["retain"], strict=True)}


_NAMES = {"anamnesis_index": "relearning", "probe_accuracy": "the probe", "graft_forget_accuracy": "the graft"}


def _because(word: str, parts: tuple[Part, ...]) -> str:
    """What the verdict rests on: which parts agree with it, which differ, which give no result."""
    by = {w: [_NAMES[part.key] for part in parts if part.word == w] for w in LEAD}
    if word == "unknown":
        return "none of the three tries gave a number to hold against a reference's"
    text = f"by {_listed(by[word])}"
    if word == "harder":
        text += ", which is no merit: whoever looks can tell it from a network that never saw the images"
    if word == "easier" and by["harder"]:
        text += f", though harder by {_listed(by['harder'])}"
    return text + (f"; {_listed(by['unknown'])} cannot say" if by["unknown"] else "")


def _listed(words: list[str]) -> str:
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + " and " + words[-1]
