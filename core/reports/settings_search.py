"""The search of settings that a run made: what it tried, what it chose, what it cost."""

from collections.abc import Mapping
from math import isnan
from typing import TYPE_CHECKING, Any

import numpy as np

from core.domain.recordings import by_step

if TYPE_CHECKING:
    import pandas as pd

TRIED, CHOSEN = "search/of_", "search/to_"


def search_outcome(recorded: Mapping[str, np.ndarray]) -> dict[str, Any] | None:
    """The chosen settings, of how many trials, and whether they held both bars; of a chain those of all its searches together.

    None where nothing was searched.
    """
    chosen, trials, met = dict[str, float](), 0, list[bool]()
    for step, own in searches_of(recorded).items():
        chosen |= {f"{step}{name.removeprefix(CHOSEN)}": float(value) for name, value in own.items() if name.startswith(CHOSEN)}
        trials += len(own["search/accuracies"]) - 1
        met.append(bool(own["search/met"]))
    return {"chosen": chosen, "trials": trials, "met": all(met)} if met else None


def searches_of(recorded: Mapping[str, np.ndarray]) -> dict[str, dict[str, np.ndarray]]:
    """What each search of a run recorded, by what stands before its parameters' names: '', of a chain's later method `finetune.`."""
    first, behind = by_step(recorded)
    steps = {"": first, **{f"{step}.": own for step, own in behind.items()}}
    return {step: own for step, own in steps.items() if {"search/accuracies", "search/met"} <= own.keys()}


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

    tables = [_trials(own).assign(**{"method": step.removesuffix(".")} if step else {}) for step, own in searches_of(recorded).items()]
    return pd.concat(tables, ignore_index=True).fillna("") if tables else pd.DataFrame()


def _trials(recorded: Mapping[str, np.ndarray]) -> "pd.DataFrame":
    import pandas as pd  # noqa: PLC0415  # as above

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
    own = list(searches_of(recorded).values())
    met, seconds = all(bool(one["search/met"]) for one in own), sum(float(one["search/seconds"]) for one in own)
    end = ("The chosen trial forgets enough and harms nothing on these images." if met else
           "No trial forgot enough without harm on these images: the best compromise was taken.")  # fmt: skip
    return (
        "Settings chosen by a search (settings = auto) on up to 300 images of the forget set and 300 of the retain set; no reference and "
        "no test image was read. The retained ones are no validation part: the original was trained on them, and a method that trains on "
        f"the retain set trains on them in its trials, so that harm to unseen images may be greater. {end} It took {seconds:.1f} s of the "
        "method's time. A run with these settings given makes the same network."
    )
