"""The search of settings that a run made: what it tried, what it chose, what it cost."""

from collections.abc import Mapping
from math import isnan

import numpy as np
import pandas as pd

TRIED = "search/of_"


def search_table(recorded: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """One row before the search and one a trial: its settings, accuracy on the draws of forget and retain set, whether it was chosen.

    Empty where nothing was searched.
    """
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
