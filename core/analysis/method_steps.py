"""What the Inside page asks about a method's steps: predictions along a step's path, where its moments lie among the weights, its noise."""

from copy import deepcopy
from functools import lru_cache
from time import perf_counter
from typing import Any

import torch
from torch import Tensor, nn

from core.analysis.finished_run import Opened, open_models
from core.data.dataset import Examples
from core.data.labels import loss as label_loss
from core.data.labels import right
from core.domain.errors import WrongInput
from core.methods.weight_perturbation import sketch
from core.models.layers import from_normalised
from core.storage.home import Home
from core.training.loop import predict
from core.training.parameter_blocks import blocks

STEP = "step/"
LOOKED_AT, FEWEST = 1000, 32  # examples of a set that an answer looks at, at most and at least
SECONDS = 0.3  # that one point of the path may take, all sets together
CURVE_SECONDS = 12.0  # that the curve may take, as far as fewer points help
POINTS = tuple(0.25 * index for index in range(-4, 13))  # of the curve: one step back to three steps on
LONGEST = 10.0  # steps either way


def path_at(home: Home, run_id: str, t: float) -> dict[str, Any]:
    """Set (forget, retain, unseen) -> {"loss": nats, "accuracy": share} at theta* + t * delta, and `looked_at`: set -> examples.

    t: -LONGEST to LONGEST; 0 is the original, 1 the unlearned network. unseen: test images that the request leaves alone.
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

    A slow network is asked at every second or fourth of POINTS; 0 and 1 are always among them.
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
def _prepared(opened: Opened) -> tuple[dict[str, Examples], nn.Module, dict[str, Tensor], dict[str, Tensor]]:
    """The sets, a network of its own whose weights are put anew for every question, its original weights, and the step."""
    recorded = opened.arrays("recorded") if "recorded" in opened.files else {}
    step = {name.removeprefix(STEP): move for name, move in recorded.items() if name.startswith(STEP)}
    if not step:
        raise WrongInput(f"Run {opened.run.id} recorded no single step; only SSSE takes one.")
    model = deepcopy(opened.model("original"))
    splits = opened.splits
    whole = {"forget": splits.forget, "retain": splits.retain, "unseen": splits.test_retain}
    count = _count(model, splits.retain, len(whole))
    return {name: e.sample(count) for name, e in whole.items() if len(e)}, model, opened.weights["original"], step


def _count(model: nn.Module, examples: Examples, sets: int) -> int:
    """As many examples of each set as this network answers in time."""
    probe = examples.first(FEWEST)
    predict(model, probe, "cpu")  # the first pass is slower than all others
    began = perf_counter()
    predict(model, probe, "cpu")
    each = (perf_counter() - began) / len(probe)
    return int(min(LOOKED_AT, max(FEWEST, SECONDS / sets / each)))


def _measured(model: nn.Module, examples: Examples) -> dict[str, float]:
    logits = predict(model, examples, "cpu")
    return {"loss": float(label_loss(logits, examples.labels)), "accuracy": float(right(logits, examples.labels).mean())}


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


NOISE, FRAMES = "unsir_noise/", "/frames"


def noise_answers(home: Home, run_id: str) -> dict[str, Any]:
    """Class (its index, as text) -> moments x images x classes: the original's probabilities, with BatchNorm as it is used later.

    The images are those of the recorded frames. Raises WrongInput where the run recorded no noise.
    """
    opened = open_models(home, run_id)
    recorded = opened.arrays("recorded") if "recorded" in opened.files else {}
    grown = {name.removeprefix(NOISE).removesuffix(FRAMES): frames for name, frames in recorded.items()
             if name.startswith(NOISE) and name.endswith(FRAMES)}  # fmt: skip
    if not grown:
        raise WrongInput(f"Run {run_id} recorded no noise; only UNSIR's optimised noise is.")
    model, answers = opened.model("original"), {}
    for target, frames in grown.items():  # (moments, images, C, H, W)
        probabilities = model(from_normalised(model, frames.flatten(0, 1))).softmax(1)
        answers[target] = probabilities.detach().view(*frames.shape[:2], -1).tolist()
    return answers
