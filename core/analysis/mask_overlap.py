"""For ARU's frames: whether noise of the other direction would have picked other slices to reset."""

from dataclasses import replace

import numpy as np

from core.analysis.finished_run import open_models
from core.analysis.stored_results import Arrays, Say
from core.domain.errors import WrongInput
from core.domain.hyperparameters import with_params
from core.domain.recordings import params_in_effect
from core.domain.training.own_recipe import recipe_for
from core.methods.aru import ARU, choose
from core.storage.home import Home
from core.training.context import RunContext, derived_seed

DIFFERENCE = "aru_difference/"
OTHER = {"minimise": "maximise", "maximise": "minimise"}


def mask_overlap(home: Home, run_id: str, say: Say) -> Arrays:
    """Weight's name -> share of the slices with the smallest differences, by the run's noise, that the other direction's share.

    NaN where none is picked. The other noise starts from the same random point and differs in nothing else; of a run that reset
    other slices, an ablation, these are the ones that the method would have picked.
    Raises WrongInput for a run of another method, or one that recorded no differences.
    """
    finished = open_models(home, run_id)
    spec, recorded = finished.run.spec, finished.arrays("recorded") if "recorded" in finished.files else {}
    scores = {name.removeprefix(DIFFERENCE): d for name, d in recorded.items() if name.startswith(DIFFERENCE)}
    if spec.method != ARU.key or not scores:
        raise WrongInput(f"Run {run_id} recorded no differences of gradients; only Attack-and-Reset does.")
    method: ARU = with_params(ARU, params_in_effect(spec.params, recorded))
    other = replace(method, direction=OTHER[method.direction])
    recipe = recipe_for(spec)  # of the context; neither noise nor gradients depend on it
    run = RunContext(finished.fresh, recipe, derived_seed(spec.seed, "unlearn"), on_progress=say)
    of_other = other.differences(finished.model("original"), finished.splits.forget, run)
    overlaps = {}
    for name, own in scores.items():
        picked, as_well = (choose(d, method.share, "aru", run.generator) for d in (own, of_other[name]))
        overlaps[name] = np.array(float((picked & as_well).sum() / picked.sum()) if picked.any() else np.nan)
    return overlaps
