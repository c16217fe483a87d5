"""For the Inside page: accuracy along SSSE's step, weight perturbation's trajectory in a plane, predictions on UNSIR's noise."""

from copy import deepcopy
from functools import lru_cache
from time import perf_counter
from typing import Any

import torch
from torch import Tensor, nn

from core.analysis.finished_run import FinishedRun, open_models
from core.data.dataset import Examples
from core.data.label_kinds import loss as label_loss
from core.data.label_kinds import right
from core.domain.errors import WrongInput
from core.methods.weight_perturbation import sketch
from core.models.layers import from_normalised
from core.storage.home import Home
from core.training.layer_blocks import blocks
from core.training.loop import predict

STEP = "step/"
EVALUATED, FEWEST = 1000, 32  # examples of a set that are evaluated, at most and at least
SECONDS = 0.3  # that one point of the path may take, all sets together
CURVE_SECONDS = 12.0  # that the curve may take, as far as fewer points help
POINTS = tuple(0.25 * index for index in range(-4, 13))  # of the curve: one step back to three steps on
LONGEST = 10.0  # steps either way


def path_at(home: Home, run_id: str, t: float) -> dict[str, Any]:
    """Set (forget, retain, unseen) -> {"loss": nats, "accuracy": share} at theta* + t * delta, and `looked_at`: set -> examples.

    t: -LONGEST to LONGEST; 0 is the original, 1 the unlearned network. unseen: the test retain set.
    Raises WrongInput where the run recorded no step, or has no original.
    """
    if not -LONGEST <= t <= LONGEST:
        raise WrongInput(f"t must lie between {-LONGEST:g} and {LONGEST:g}; got {t:g}.")
    sets, model, start, step = _prepared(open_models(home, run_id))
    with torch.no_grad():
        for name, move in step.items():
            model.get_parameter(name).copy_(start[name] + t * move)
    return {name: _measured(model, examples) for name, examples in sets.items()} | {
        "looked_at": {name: len(examples) for name, examples in sets.items()}
    }


def path_curve(home: Home, run_id: str) -> dict[str, Any]:
    """`t`: the points; set -> {"loss": [...], "accuracy": [...]}, a value a point; `looked_at` as in `path_at`.

    A slow network is evaluated at every second or fourth of POINTS; 0 and 1 are always among them.
    """
    sets = path_at(home, run_id, POINTS[0])["looked_at"]  # which loads the network
    began = perf_counter()
    path_at(home, run_id, POINTS[0])
    each = perf_counter() - began
    every = next((n for n in (1, 2) if each * len(POINTS) / n <= CURVE_SECONDS), 4)
    ts = POINTS[::every]
    points = [path_at(home, run_id, t) for t in ts]
    return {"t": list(ts), "looked_at": sets} | {
        name: {what: [point[name][what] for point in points] for what in ("loss", "accuracy")} for name in sets
    }


@lru_cache(maxsize=2)
def _prepared(finished: FinishedRun) -> tuple[dict[str, Examples], nn.Module, dict[str, Tensor], dict[str, Tensor]]:
    """The sets, a copy of the network whose weights are overwritten for every t, the original weights, and the step."""
    recorded = finished.arrays("recorded") if "recorded" in finished.files else {}
    step = {name.removeprefix(STEP): move for name, move in recorded.items() if name.startswith(STEP)}
    if not step:
        raise WrongInput(f"Run {finished.run.id} recorded no single step; only SSSE takes one.")
    model = deepcopy(finished.model("original"))
    splits = finished.splits
    whole = {"forget": splits.forget, "retain": splits.retain, "unseen": splits.test_retain}
    count = _count(model, splits.retain, len(whole))
    return {name: e.sample(count) for name, e in whole.items() if len(e)}, model, finished.weights["original"], step


def _count(model: nn.Module, examples: Examples, sets: int) -> int:
    """How many examples of each set this network predicts within SECONDS."""
    probe = examples.first(FEWEST)
    predict(model, probe, "cpu")  # the first pass is slower than all others
    began = perf_counter()
    predict(model, probe, "cpu")
    each = (perf_counter() - began) / len(probe)
    return int(min(EVALUATED, max(FEWEST, SECONDS / sets / each)))


def _measured(model: nn.Module, examples: Examples) -> dict[str, float]:
    logits = predict(model, examples, "cpu")
    return {"loss": float(label_loss(logits, examples.labels)), "accuracy": float(right(logits, examples.labels).mean())}


MOMENTS, SKETCH, TRAJECTORY = "perturbation/moments", "perturbation/sketch", "perturbation/trajectory"


def plane(home: Home, run_id: str) -> dict[str, Any]:
    """Coordinates in lengths of the original's weights: the original at (0, 0), x towards the reference, y square to it.

    `reference`: [x, 0]; `unlearned`: [x, y], both exact; `moments`: of each recorded one [its number, x, y, distance from the
    plane]. Of a moment only a sketch is stored, right to about 1 % of its length; it is split into a multiple of the unlearned
    network's change, whose place is exact, and a rest. All of the weights that the method moved.
    Raises WrongInput where one of the three networks is missing, or there is no such recording.
    """
    finished = open_models(home, run_id)
    if "reference" not in finished.weights:
        raise WrongInput(f"Run {run_id} has no reference model, which spans the plane; ask for it with a reference.")
    recorded = finished.arrays("recorded") if "recorded" in finished.files else {}
    if SKETCH not in recorded:
        raise WrongInput(f"Run {run_id} recorded no moments of its weights; an older Forgetscope computed it, run it again.")
    start, to_reference, to_unlearned = _flat(finished)
    unit = float(start.norm())
    towards, final = to_reference / unit, to_unlearned / unit
    length = float(towards.norm())
    x = float(final @ towards) / length
    off = final - x / length * towards
    y = float(off.norm())
    axes = (towards / length, off / y if y > 0 else torch.zeros_like(off))
    sketched, end = [sketch([axis]) for axis in axes], sketch([final])
    moments = []
    for moment, change in zip(recorded[MOMENTS].tolist(), recorded[SKETCH] / unit, strict=True):
        far = float(recorded[TRAJECTORY][int(moment), 1])  # exact
        along = float(change @ end) / max(float(end @ end), 1e-30)  # 1 at the last moment
        rest = change - along * end
        place = [along * x + float(rest @ sketched[0]), along * y + float(rest @ sketched[1])]
        moments.append([int(moment), *place, max(0.0, far**2 - place[0] ** 2 - place[1] ** 2) ** 0.5])
    return {"reference": [length, 0.0], "unlearned": [x, y], "moments": moments}


def _flat(finished: FinishedRun) -> tuple[Tensor, Tensor, Tensor]:
    """Of the weights that the method moved, in its order: the original's, and the reference's and the unlearned's minus them."""
    models = {name: finished.model(name) for name in ("original", "reference", "unlearned")}  # raises where one is missing
    names = [name for block in blocks(models["original"], str(finished.run.spec.params["weights"])).values() for name in block]
    flat = [torch.cat([finished.weights[m][name].flatten() for name in names]).float() for m in models]
    return flat[0], flat[1] - flat[0], flat[2] - flat[0]


NOISE, FRAMES = "unsir_noise/", "/frames"


def noise_answers(home: Home, run_id: str) -> dict[str, Any]:
    """Class (its index, as text) -> moments x images x classes: the original's probabilities, with BatchNorm as it is used later.

    The images are those of the recorded frames. Raises WrongInput where the run recorded no noise.
    """
    finished = open_models(home, run_id)
    recorded = finished.arrays("recorded") if "recorded" in finished.files else {}
    grown = {name.removeprefix(NOISE).removesuffix(FRAMES): frames for name, frames in recorded.items()
             if name.startswith(NOISE) and name.endswith(FRAMES)}  # fmt: skip
    if not grown:
        raise WrongInput(f"Run {run_id} recorded no noise; only UNSIR's optimised noise is.")
    model, probabilities_of = finished.model("original"), {}
    for target, frames in grown.items():  # (moments, images, C, H, W)
        probabilities = model(from_normalised(model, frames.flatten(0, 1))).softmax(1)
        probabilities_of[target] = probabilities.detach().view(*frames.shape[:2], -1).tolist()
    return probabilities_of
