"""Where early stopping ended a run's training, read from its curves."""

from typing import TYPE_CHECKING

from core.domain.best_epoch import best_epoch
from core.domain.run import MODELS, RunSpec
from core.domain.training.own_recipe import recipe_for

if TYPE_CHECKING:
    import pandas as pd


def kept_epochs(spec: RunSpec, curves: "pd.DataFrame") -> dict[str, int]:
    """Network -> the epoch whose weights it has, where training could stop early: not where the request names all that is held out.

    curves: as `training_table` makes them.
    """
    if not recipe_for(spec).patience or "validation_loss" not in curves:
        return {}
    known = curves[curves["validation_loss"].notna()]
    found = {model: known[known["model"] == model].sort_values("epoch") for model in MODELS}
    return {model: int(rows["epoch"].iloc[best_epoch(rows["validation_loss"].tolist()) - 1]) for model, rows in found.items() if len(rows)}


def stopping_words(spec: RunSpec, curves: "pd.DataFrame") -> str:
    """A sentence about the networks whose training could stop early; '' where none could."""
    most, kept = recipe_for(spec).epochs, kept_epochs(spec, curves)
    parts = [f"the {model} of epoch {epoch} of {int(curves[curves['model'] == model]['epoch'].max())}" for model, epoch in kept.items()]
    if not parts:
        return ""
    return f"Early stopping: the weights are those of the lowest validation loss, {' and '.join(parts)}; {most} epochs were the most."
