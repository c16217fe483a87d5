"""Reads, cached by run id; the only module that opens the store to read, and that asks the warm engine.

`finished` and `root` (the home) are arguments only to be part of the cache's key: see `edition`.
"""

from dashboard.queries.listing import listed, offered
from dashboard.queries.looking import look_arrays, look_key, look_progress
from dashboard.queries.results import (
    arrays,
    beside,
    comparison,
    deleted,
    edition,
    finished_runs,
    gone,
    numbers,
    overlap,
    places,
    recorded,
    recorded_arrays,
    report,
    run,
    same_original,
    second_retrainings,
    stored,
    table,
)
from dashboard.queries.saliency import saliency, saliency_offer
from dashboard.queries.shelves import catalogue, dataset, images, study_name, titled
from dashboard.queries.steps import noise_answers, path_at, path_curve, plane
from dashboard.queries.studying import (
    damaged_studies,
    new_runs,
    plan_seconds,
    standings,
    studies,
    study_runs,
    study_summary,
)
from dashboard.queries.warm import engine, own_weights
from dashboard.queries.weights import (
    alpha_curve,
    importance_view,
    kernel_map,
    redampen,
    top_filters,
    touched_layer,
    touched_map,
)

__all__ = [
    "alpha_curve",
    "arrays",
    "beside",
    "catalogue",
    "comparison",
    "damaged_studies",
    "dataset",
    "deleted",
    "edition",
    "engine",
    "finished_runs",
    "gone",
    "images",
    "importance_view",
    "kernel_map",
    "listed",
    "look_arrays",
    "look_key",
    "look_progress",
    "new_runs",
    "noise_answers",
    "numbers",
    "offered",
    "overlap",
    "own_weights",
    "path_at",
    "path_curve",
    "places",
    "plan_seconds",
    "plane",
    "recorded",
    "recorded_arrays",
    "redampen",
    "report",
    "run",
    "saliency",
    "saliency_offer",
    "same_original",
    "second_retrainings",
    "standings",
    "stored",
    "studies",
    "study_name",
    "study_runs",
    "study_summary",
    "table",
    "titled",
    "top_filters",
    "touched_layer",
    "touched_map",
]
