"""A question about weights: where the moments of an unlearning lie in the plane of original, reference and unlearned network."""

from typing import Any

import torch
from torch import Tensor

from core.domain import WrongInput
from core.maths.blocks import blocks
from core.maths.trail import sketch
from core.opened import Opened, open_models
from core.store.home import Home

MOMENTS, SKETCH, TRAJECTORY = "perturbation/moments", "perturbation/sketch", "perturbation/trajectory"


def plane(home: Home, run_id: str) -> dict[str, Any]:
    """Coordinates in lengths of the original's weights: the original at (0, 0), x towards the reference, y square to it.

    `reference`: [x, 0]; `unlearned`: [x, y], both exact; `moments`: of each kept moment [look, x, y, beside], where beside
    is how far it lies from the plane. Of a moment a sketch is known, right to about 1 % of its length; it is split into a
    multiple of the unlearned network's change, whose place is exact, and a rest. All of the weights that the method moved.
    Raises WrongInput where one of the three networks is missing, or there is no such recording.
    """
    opened = open_models(home, run_id)
    if "reference" not in opened.weights:
        raise WrongInput(f"Run {run_id} has no reference model, which spans the plane; ask for it with a reference.")
    recorded = opened.arrays("recorded") if "recorded" in opened.files else {}
    if SKETCH not in recorded:
        raise WrongInput(f"Run {run_id} recorded no moments of its weights; an older Forgetscope computed it, run it again.")
    start, away, gone = _flat(opened)
    unit = float(start.norm())
    towards, final = away / unit, gone / unit
    length = float(towards.norm())
    x = float(final @ towards) / length
    off = final - x / length * towards
    y = float(off.norm())
    axes = (towards / length, off / y if y > 0 else torch.zeros_like(off))
    sketched, end = [sketch([axis]) for axis in axes], sketch([final])
    moments = []
    for look, change in zip(recorded[MOMENTS].tolist(), recorded[SKETCH] / unit, strict=True):
        far = float(recorded[TRAJECTORY][int(look), 1])  # exact
        along = float(change @ end) / max(float(end @ end), 1e-30)  # 1 at the last moment
        rest = change - along * end
        place = [along * x + float(rest @ sketched[0]), along * y + float(rest @ sketched[1])]
        moments.append([int(look), *place, max(0.0, far**2 - place[0] ** 2 - place[1] ** 2) ** 0.5])
    return {"reference": [length, 0.0], "unlearned": [x, y], "moments": moments}


def _flat(opened: Opened) -> tuple[Tensor, Tensor, Tensor]:
    """Of the weights that the method moved, in its order: the original's, and what reference and unlearned are away from it."""
    models = {name: opened.model(name) for name in ("original", "reference", "unlearned")}  # raises where one is missing
    names = [name for block in blocks(models["original"], str(opened.run.spec.params["weights"])).values() for name in block]
    flat = [torch.cat([opened.weights[m][name].flatten() for name in names]).float() for m in models]
    return flat[0], flat[1] - flat[0], flat[2] - flat[0]
