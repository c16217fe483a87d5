"""Is what was forgotten harder, equally hard or easier to bring back than from a retrained network? No torch.

The one rule for it: the Privacy page shows it, and the trust checks (`shallow`, `over_forgotten`) ask it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.comeback.parts import NO_CLASS, NO_GRAFT, Part, descends, graft, probe, relearning, told
from core.verdict import Numbers

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["LEAD", "Comeback", "Part", "comeback", "descends", "kept_under_the_last_layer"]

LEAD = {
    "easier": "Easier to bring back than from a retrained network",
    "equal": "As hard to bring back as from a retrained network",
    "harder": "Harder to bring back than from a retrained network",
    "unknown": "It cannot be said how hard it is to bring back",
}


@dataclass(frozen=True)
class Comeback:
    """word: easier, equal, harder or unknown; sentence: the verdict for people; parts: relearning, probe, graft."""

    word: str
    sentence: str
    parts: tuple[Part, ...]


def comeback(
    numbers: Numbers, floor: Numbers | None, by_class: bool, reasons: Mapping[str, str] | None = None,
    kept: Mapping[str, float] | None = None, images: int = 0,
) -> Comeback:  # fmt: skip
    """The verdict from anamnesis_index, probe_accuracy and graft_forget_accuracy, the unlearned held against the reference.

    An attacker takes the easiest way, so one easier part makes the whole easier; else one harder part makes it harder.
    floor: the numbers of a second retrained network of the same request; twice its own gaps count as no difference (of relearning, on its
    side alone).
    by_class: whether a class was named; else probe and graft say nothing. reasons: `model/metric` -> why it is missing.
    kept: model -> accuracy on the kept classes under the original's last layer, which tells whether it fits at all.
    images: unseen ones of what was forgotten, behind the graft's accuracy; 0 where that is not known.
    """
    known = reasons or {}
    parts = (
        relearning(numbers, floor, known),
        probe(numbers, floor, known) if by_class else told("probe_accuracy", NO_CLASS),
        graft(numbers, floor, known, kept or {}, images) if by_class else told("graft_forget_accuracy", NO_GRAFT),
    )
    words = [part.word for part in parts]
    word = next((w for w in ("easier", "harder", "equal") if w in words), "unknown")
    return Comeback(word, f"{LEAD[word]}: {_because(word, parts)}.", parts)


def kept_under_the_last_layer(graft: "pd.DataFrame") -> dict[str, float]:
    """Model -> accuracy on the kept images with the original's last layer on its own. graft: the table of a finished run."""
    here = graft[(graft["direction"] == "model_below") & (graft["k"] == graft["k"].max() - 1)]
    return {str(model): float(share) for model, share in zip(here["model"], here["retain"], strict=True)}


_NAMES = {"anamnesis_index": "relearning", "probe_accuracy": "the probe", "graft_forget_accuracy": "the graft"}


def _because(word: str, parts: tuple[Part, ...]) -> str:
    """What the verdict rests on: which tries say so, which say otherwise, which say nothing."""
    by = {w: [_NAMES[part.key] for part in parts if part.word == w] for w in LEAD}
    if word == "unknown":
        return "none of the three tries gave a number to hold against a reference's"
    said = f"by {_listed(by[word])}"
    if word == "harder":
        said += ", which is no merit: whoever looks can tell it from a network that never saw the images"
    if word == "easier" and by["harder"]:
        said += f", though harder by {_listed(by['harder'])}"
    return said + (f"; {_listed(by['unknown'])} cannot say" if by["unknown"] else "")


def _listed(words: list[str]) -> str:
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + " and " + words[-1]
