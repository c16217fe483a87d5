"""Searches of settings, how they stand, and their trials as a table."""

import pandas as pd

from core.domain.errors import WrongInput
from core.figures.tuning import Axis
from core.jobs import tuning
from core.jobs.tuning import Standing
from core.tuning import home_presets
from core.tuning.home_presets import HomePreset
from core.tuning.journal import Search
from dashboard.session import home


def standings() -> tuple[list[Standing], list[str]]:
    """All searches, the one that changed last first; and a sentence for each that is damaged."""
    return tuning.standings(home())


def standing(search_id: str) -> Standing:
    """Raises WrongInput where there is no such search."""
    return tuning.standing(home(), search_id)


def presets() -> tuple[HomePreset, ...]:
    """This home's own."""
    return home_presets.read(home().root)


def objectives(search: Search) -> list[Axis]:
    """Of its objectives, each with the mode in its title."""
    plan = search.plan
    return [Axis(o.key, f"{o.title} ({plan.mode})", o.low, o.share, log=not o.share) for o in plan.measured]


def settings(search: Search) -> list[Axis]:
    """Of the tuned parameters."""
    return [Axis(one.name, one.name.replace("_", " "), log=one.log, choices=one.choices) for one in search.plan.ranges]


def frame(search: Search) -> pd.DataFrame:
    """A row a trial: `number`, `state`, `front`, `closest`, `seconds`, `why`, every tuned setting, every objective (nan unless it is done).

    A word of a setting that is a number, such as the preset's, is left out. Raises WrongInput.
    """
    front, closest, axes = search.front, search.closest, settings(search)
    rows = []
    for trial in search.trials:
        values = tuning.settings_of(search, trial.number)
        chosen = {axis.key: None if isinstance(values[axis.key], str) and not axis.choices else values[axis.key] for axis in axes}
        rows.append({
            "number": trial.number, "state": trial.state, "front": trial.number in front, "closest": trial.number == closest,
            "seconds": trial.seconds if trial.values else None, "why": trial.why, **chosen,
            **{key: trial.values.get(key) for key in search.plan.objectives},
        })  # fmt: skip
    if not rows:
        raise WrongInput("No trial is done yet.")
    return pd.DataFrame(rows)
