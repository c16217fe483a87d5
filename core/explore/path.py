"""Questions about a single step's path: what the network would answer at theta* + t * delta, for any t."""

from copy import deepcopy
from functools import lru_cache
from time import perf_counter
from typing import Any

import torch
from torch import Tensor, nn

from core.data.examples import Examples
from core.data.labels import loss as label_loss
from core.data.labels import right
from core.domain import WrongInput
from core.opened import Opened, open_models
from core.store.home import Home
from core.training import predict

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
