"""Accuracies over the whole axis of alpha, for networks too slow to answer while the user waits."""

from collections.abc import Callable

import numpy as np

from core.explore.alphas import PATIENT, curve
from core.explore.dampening import load
from core.opened import open_models
from core.store.home import Home


def alphas(home: Home, run_id: str, say: Callable[[float, str], None], *, lambda_: float, importance: str = "") -> dict[str, np.ndarray]:
    """`alpha` (A,); `accuracy/PART` (A,), nan where the part is empty; `images/PART`: how many were asked.

    importance: the key of the look that computed the importances, '' for the run's own.
    """
    values, accuracies, asked = curve(load(open_models(home, run_id), importance), lambda_, PATIENT, say)
    return (
        {"alpha": np.array(values)}
        | {f"accuracy/{part}": np.array(row) for part, row in accuracies.items()}
        | {f"images/{part}": np.array(count) for part, count in asked.items()}
    )
