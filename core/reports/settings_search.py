"""The search of settings that a run made: what it tried, what it chose, what it cost."""

from collections.abc import Mapping
from math import isnan
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

TRIED, CHOSEN = "search/of_", "search/to_"


def search_outcome(recorded: Mapping[str, np.ndarray]) -> dict[str, Any] | None:
    """The chosen settings, of how many trials, and whether they held both bars; None where nothing was searched."""
    if not {"search/accuracies", "search/met"} <= recorded.keys():
        return None
    chosen = {name.removeprefix(CHOSEN): float(value) for name, value in recorded.items() if name.startswith(CHOSEN)}
    return {"chosen": chosen, "trials": len(recorded["search/accuracies"]) - 1, "met": bool(recorded["search/met"])}


def outcome_line(outcome: Mapping[str, Any]) -> str:
    """`Settings chosen by a search of 3 trials: alpha=4.14, lambda=0.5.`, and whether they forget enough without harm."""
    chosen, trials = ", ".join(f"{name}={value:.4g}" for name, value in outcome["chosen"].items()), outcome["trials"]
    line = f"Settings chosen by a search of {trials} trial{'s' * (trials != 1)}: {chosen}"
    return f"{line}." if outcome["met"] else f"{line}; no trial forgot enough without harm, so this is the best compromise."


def search_table(recorded: Mapping[str, np.ndarray]) -> "pd.DataFrame":
    """One row before the search and one a trial: its settings, accuracy on the draws of forget and retain set, whether it was chosen.

    Empty where nothing was searched.
    """
    import pandas as pd  # noqa: PLC0415  # half a second that a report on the command line need not pay

    if "search/accuracies" not in recorded:
        return pd.DataFrame()
    settings = {name.removeprefix(TRIED): values for name, values in recorded.items() if name.startswith(TRIED)}
    chosen, accuracies = int(recorded["search/chosen"]), recorded["search/accuracies"]
    return pd.DataFrame([
        {
            "trial": "before" if row == 0 else str(row),
            **{name: "" if row == 0 else f"{values[row - 1]:.4g}" for name, values in settings.items()},
            "forget accuracy": _shown(forget), "retain accuracy": _shown(retain), "chosen": "yes" if row == chosen + 1 else "",
        }
        for row, (forget, retain) in enumerate(accuracies)
    ])  # fmt: skip


def _shown(accuracy: float) -> str:
    return "diverged" if isnan(accuracy) else f"{accuracy:.3f}"


def search_sentence(recorded: Mapping[str, np.ndarray]) -> str:
    """How the search ended and what it cost."""
    met, seconds = bool(recorded["search/met"]), float(recorded["search/seconds"])
    end = ("The chosen trial forgets enough and harms nothing on these images." if met else
           "No trial forgot enough without harm on these images: the best compromise was taken.")  # fmt: skip
    return (
        "Settings chosen by a search (settings = auto) on up to 300 images of the forget set and 300 of the retain set; no reference and "
        "no test image was read. The retained ones are no validation part: the original was trained on them, and a method that trains on "
        f"the retain set trains on them in its trials, so that harm to unseen images may be greater. {end} It took {seconds:.1f} s of the "
        "method's time. A run with these settings given makes the same network."
    )
