"""Is what was forgotten harder, equally hard or easier to bring back than from a retrained network? No torch."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import inf, log

from core.trust.case import DESCENDS, TIMES_FLOOR
from core.trust.residue import EASIER, FITS, FOUND, STRANGER
from core.verdict import Numbers, percent

# What two retrained networks may differ by without its meaning anything is measured for the trust checks, which ask the same
# of one direction: EASIER (STRANGER for a network that does not descend from the original) times more or fewer steps, FOUND
# of a probe's balanced accuracy, FITS of a graft's accuracy. A known floor widens each to twice its own gap.
HALF = 0.5  # of the kept classes are right: the original's last layer fits this network's layers
STEP = 1  # relearning steps: the curve is read at whole steps

LEAD = {
    "easier": "Easier to bring back than from a retrained network",
    "equal": "As hard to bring back as from a retrained network",
    "harder": "Harder to bring back than from a retrained network",
    "unknown": "It cannot be said how hard it is to bring back",
}


@dataclass(frozen=True)
class Part:
    """One try to bring it back. key: the metric; word: easier, equal, harder, or unknown with the reason as sentence."""

    key: str
    word: str
    sentence: str


@dataclass(frozen=True)
class Comeback:
    """word: easier, equal, harder or unknown; sentence: the verdict for people; parts: relearning, probe, graft."""

    word: str
    sentence: str
    parts: tuple[Part, ...]


def comeback(
    numbers: Numbers, floor: Numbers | None, by_class: bool, reasons: Mapping[str, str] | None = None,
    kept: Mapping[str, float] | None = None,
) -> Comeback:  # fmt: skip
    """The verdict from anamnesis_index, probe_accuracy and graft_forget_accuracy, the unlearned held against the reference.

    An attacker takes the easiest way, so one easier part makes the whole easier; else one harder part makes it harder.
    floor: the numbers of a second retrained network of the same request; twice its own gaps count as no difference.
    by_class: whether a class was named; else probe and graft say nothing. reasons: `model/metric` -> why it is missing.
    kept: model -> accuracy on the kept classes under the original's last layer, which tells whether it fits at all.
    """
    known = reasons or {}
    parts = (
        _relearning(numbers, floor, known),
        _probe(numbers, floor, known) if by_class else _told("probe_accuracy", _NO_CLASS),
        _graft(numbers, floor, known, kept or {}) if by_class else _told("graft_forget_accuracy", _NO_GRAFT),
    )
    words = [part.word for part in parts]
    word = next((w for w in ("easier", "harder", "equal") if w in words), "unknown")
    return Comeback(word, f"{LEAD[word]}: {_because(word, parts)}.", parts)


_NO_CLASS = "A probe looks for a forgotten class; this request names images, not a class."
_NO_GRAFT = "A retrained network gets most of these images right without having seen them, so a graft that does too proves nothing."
_STRANGER = "The original's last layer does not fit this network's own layers, so what a graft answers is chance and shows nothing."
_NAMES = {"anamnesis_index": "relearning", "probe_accuracy": "the probe", "graft_forget_accuracy": "the graft"}


def _because(word: str, parts: tuple[Part, ...]) -> str:
    """What the verdict rests on: which tries say so, which say otherwise, which say nothing."""
    by = {w: [_NAMES[part.key] for part in parts if part.word == w] for w in LEAD}
    if word == "unknown":
        return "none of the three tries gave a number"
    said = f"by {_listed(by[word])}"
    if word == "harder":
        said += ", which is no merit: whoever looks can tell it from a network that never saw the images"
    if word == "easier" and by["harder"]:
        said += f", though harder by {_listed(by['harder'])}"
    return said + (f"; {_listed(by['unknown'])} cannot say" if by["unknown"] else "")


def _listed(words: list[str]) -> str:
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + " and " + words[-1]


def _told(key: str, reason: str) -> Part:
    return Part(key, "unknown", reason)


def _pair(key: str, numbers: Numbers, reasons: Mapping[str, str]) -> tuple[float, float] | Part:
    """The unlearned's and the reference's value, or why there is none."""
    ours, theirs = (numbers.get(model, {}).get(key) for model in ("unlearned", "reference"))
    if ours is not None and theirs is not None:
        return ours, theirs
    if not numbers.get("reference"):
        return _told(key, "This run has no retrained reference to compare with.")
    reason = next((reasons[name] for m in ("unlearned", "reference") if reasons.get(name := f"{m}/{key}")), "")
    return _told(key, reason or "This run has no such number: another version of Forgetscope made it; run it again.")


def _allowed(key: str, floor: Numbers | None, least: float, of: Callable[[float, float], float]) -> float:
    """What counts as no difference: `least`, or twice the floor's own gap where that is wider."""
    ours, theirs = ((floor or {}).get(model, {}).get(key) for model in ("unlearned", "reference"))
    return least if ours is None or theirs is None else max(least, TIMES_FLOOR * abs(of(ours, theirs)))


def _difference(ours: float, theirs: float) -> float:
    return ours - theirs


def _log_ratio(ours: float, theirs: float) -> float:
    return 0.0 if ours == theirs else inf if theirs == 0 else -inf if ours == 0 else log(ours / theirs)


def _word(easier: float, tolerance: float) -> str:
    """easier: by how much it is easier; below zero, harder. A hair is left for rounding."""
    return "equal" if abs(easier) <= tolerance + 1e-9 else "easier" if easier > 0 else "harder"


def _descends(numbers: Numbers) -> bool:
    """Whether the network still is a changed original; where its distance is not known, it is taken for one."""
    distance = numbers.get("unlearned", {}).get("parameter_distance")
    return distance is None or distance < DESCENDS


def _relearning(numbers: Numbers, floor: Numbers | None, reasons: Mapping[str, str]) -> Part:
    pair = _pair("anamnesis_index", numbers, reasons)
    if isinstance(pair, Part):
        return pair
    index = pair[0]  # the reference's own is 1
    least = log(EASIER if _descends(numbers) else STRANGER)
    word = _word(-_log_ratio(index, 1.0), _allowed("anamnesis_index", floor, least, _log_ratio))
    steps = [numbers[model].get("relearn_steps") for model in ("unlearned", "reference")]
    told = ""
    if steps[0] is not None and steps[1] is not None:
        word = "equal" if abs(steps[0] - steps[1]) <= STEP else word
        brings = "step brings" if steps[0] == 1 else "steps bring"
        told = f"{steps[0]:.0f} training {brings} it back, {steps[1]:.0f} from the reference; "
    return Part("anamnesis_index", word, f"Relearning: {told}the ratio, its Anamnesis index, is {index:.2g} ({_EFFORT[word]}).")


_EFFORT = {"easier": "less effort", "equal": "two retrained networks may differ as much", "harder": "more effort"}


def _probe(numbers: Numbers, floor: Numbers | None, reasons: Mapping[str, str]) -> Part:
    pair = _pair("probe_accuracy", numbers, reasons)
    if isinstance(pair, Part):
        return pair
    word = _word(pair[0] - pair[1], _allowed("probe_accuracy", floor, FOUND, _difference))
    return Part(
        "probe_accuracy", word,
        f"Probe: in the features before the last layer the forgotten class is told apart with {percent(pair[0])} balanced "
        f"accuracy, with {percent(pair[1])} in the reference ({_LEFT[word]}).",
    )  # fmt: skip


def _graft(numbers: Numbers, floor: Numbers | None, reasons: Mapping[str, str], kept: Mapping[str, float]) -> Part:
    pair = _pair("graft_forget_accuracy", numbers, reasons)
    if isinstance(pair, Part):
        return pair
    if not (kept["unlearned"] >= HALF if "unlearned" in kept else _descends(numbers)):
        return _told("graft_forget_accuracy", _STRANGER)
    stranger = kept.get("reference", 1.0) < HALF  # then what it answers is chance, and counts as nothing brought back
    more = max(0.0, pair[0] - (0.0 if stranger else pair[1]))  # less than the reference's shows nothing
    word = _word(more, _allowed("graft_forget_accuracy", None if stranger else floor, FITS, _difference))
    return Part(
        "graft_forget_accuracy", word,
        f"Graft: with the original's last layer on top, {percent(pair[0])} of the forgotten class is right again, {percent(pair[1])} "
        f"on the reference{', whose layers it does not fit' if stranger else ''} ({_LEFT[word]}).",
    )  # fmt: skip


_LEFT = {"easier": "more is left", "equal": "two retrained networks may differ as much", "harder": "less is left"}
