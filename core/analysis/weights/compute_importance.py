"""Importance of every weight to the forget set and to all training data, at the original of any finished run."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from functools import partial

import numpy as np
from torch import Tensor, nn

from core.analysis.finished_run import FinishedRun, open_models
from core.analysis.weights.importance_of_run import ALL, FORGET
from core.data.dataset import Examples
from core.domain.code_version import shared_part, shared_version
from core.domain.hyperparameters import params_of
from core.methods.ssd import SSD, importance_for
from core.storage.artifacts import Artifacts
from core.storage.home import Home
from core.storage.runs import ResultStore
from core.training.cache import ArtifactCache, to_arrays
from core.training.context import RunContext
from core.training.precomputed import ImportanceStatistic
from core.training.run_setup import RunSetup, set_up

Say = Callable[[float, str], None]


def importance(home: Home, run_id: str, say: Say, *, estimator: str, batch_size: int = 0) -> dict[str, np.ndarray]:
    """`forget/NAME`, `all/NAME`: float32, shaped like the parameter; `per_sample` is there for that estimator alone.

    batch_size: examples a squared mean, 0 for SSD's own; the exact one has none.
    What an SSD run of the same original has cached for all data is used again. Raises WrongInput for an unknown estimator,
    and where the run has no original.
    """
    params_of(SSD)["importance"].parse(estimator)
    finished = open_models(home, run_id)
    original = finished.model("original")
    batch_size = batch_size or int(params_of(SSD)["batch_size"].default)
    statistic = importance_for(finished.run.spec.request, estimator, batch_size)
    settings = {"importance": estimator, "batch_size": batch_size, "alpha": "percentile", "lambda": 1.0}
    spec = replace(finished.run.spec, method=SSD.key, params=settings)
    with ResultStore(home.database) as store:
        setup = set_up(spec, ArtifactCache(store, Artifacts(home.artifacts_folder)), home.datasets_folder)
        model = deepcopy(original).to(setup.device)
        share = len(finished.splits.forget) / (len(finished.splits.forget) + len(finished.splits.trained))

        def on(examples: Examples, part: tuple[float, float], what: str) -> dict[str, Tensor]:
            context = RunContext(setup.build, setup.recipe, device=setup.device, on_progress=_named(say, what)).part(*part)
            return {name: t.cpu() for name, t in statistic.compute(model, examples, context).items()}

        forget = on(finished.splits.forget, (0.0, share), "on the forget set")
        everything = _on_all(setup, finished, model, statistic, partial(on, finished.splits.trained, (share, 1.0), "on all training data"))
    arrays = {f"{FORGET}{n}": t for n, t in forget.items()} | {f"{ALL}{n}": t for n, t in everything.items()}
    return to_arrays(arrays) | ({"per_sample": np.array(1)} if estimator == "per_sample" else {})


def _named(say: Say, what: str) -> Say:
    return lambda share, note: say(share, f"{note} {what}")


def _on_all(
    setup: RunSetup, finished: FinishedRun, model: nn.Module, statistic: ImportanceStatistic, make: Callable[[], dict[str, Tensor]]
) -> dict[str, Tensor]:
    """From the cache that runs use, where this original is the one that they would begin with now; else computed without it."""
    if not _of_now(setup, finished):
        return make()
    key = setup.statistic_key(statistic.key)
    return setup.cache.load_or_make(key, "statistic", make, setup.device, partial(statistic.fits, model=model)).tensors


def _of_now(setup: RunSetup, finished: FinishedRun) -> bool:
    """Whether a run started now would use this very original: not where the code or the device is another one."""
    run = finished.run
    if shared_part(run.spec.engine) != shared_version(run.spec.dataset, run.spec.model) or run.device != setup.device:
        return False
    cached = setup.cache.store.kept(setup.original_key)
    return bool(setup.own) or (cached is not None and cached.file == finished.files["original"])
