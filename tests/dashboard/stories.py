"""Finished runs of several methods on the digits: each method was really run, on the home's own networks, with few steps."""

from functools import cache
from typing import Any

import numpy as np
from torch import Tensor

from core.analysis.finished_run import open_models
from core.domain.hyperparameters import with_params
from core.domain.presets import preset_for
from core.domain.requests.classes import ClassRequest
from core.domain.run import RunSpec
from core.jobs.catalogue import catalogue
from core.jobs.validation import make_spec
from core.methods.registry import METHODS
from core.storage.home import Home
from core.training.cache import to_arrays
from core.training.context import RunContext
from tests.planted import plant

QUICK: dict[str, dict[str, Any]] = {
    "ssse": {"scope": "classifier", "rank": 64},
    "aru": {"epochs": 2},
    "unsir": {"noise_count": 12, "noise_steps": 10},
    "weight_perturbation": {"variant": "B", "steps": 40, "look_every": 10, "tolerance": 0.0},
    "salun": {"epochs": 1},
    "scrub": {"epochs": 2, "max_epochs": 1},
    "finetune": {"epochs": 1},
}


def spec_of(home: Home, key: str, **settings: Any) -> RunSpec:
    """Of class 3 of the digits."""
    values = QUICK.get(key, {}) | settings
    return make_spec(catalogue(home.root), "digits", "small_cnn", ClassRequest((3,)), key, values)


def tell(home: Home, key: str, source: tuple[Home, str], **settings: Any) -> str:
    """The id of a run in the home that is done, with what the method left behind. source: a finished run of the digits."""
    made = spec_of(home, key, **settings)
    recorded, unlearned = worked(source, key, tuple(sorted(made.params.items())))
    opened = open_models(*source)
    files: dict[str, Any] = {name: to_arrays(weights) for name, weights in opened.weights.items()}
    return plant(home, made, files=files | {"unlearned": unlearned, "recorded": recorded or None})


@cache
def worked(source: tuple[Home, str], key: str, params: tuple[tuple[str, Any], ...]) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """What the method recorded, and the weights that it left."""
    opened = open_models(*source)
    method, recipe = with_params(METHODS[key], dict(params)), preset_for("digits", "small_cnn").recipe
    model = opened.fresh()
    model.load_state_dict(opened.weights["original"])
    lent: dict[str, dict[str, Tensor]] = {
        s.key: s.compute(model.eval(), opened.splits.train, RunContext(opened.fresh, recipe, 1))
        for s in method.statistics(opened.splits.request)
    }
    run = RunContext(opened.fresh, recipe, 1, statistics=lent)
    unlearned = method.unlearn(model.eval(), opened.splits.only(method.uses), run)
    return to_arrays(run.recorded), to_arrays(unlearned.state_dict())
