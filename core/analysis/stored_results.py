"""Results of background analyses: what each is stored under, and reading and storing them; no torch."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from core.domain.code_version import analysis_version
from core.domain.errors import WrongInput
from core.domain.run import MODELS, RunStatus, digest
from core.storage.access import actors
from core.storage.artifacts import Artifacts, Damaged
from core.storage.home import Home
from core.storage.record_types import Kept
from core.storage.runs import ResultStore

NEEDED = (*MODELS, "recorded")  # files of a run that a look may read


@dataclass(frozen=True)
class Analysis:
    """kind: a key of core.analysis.registry.LOOKS; settings: plain data, all that decides the look besides the run."""

    kind: str
    run_id: str
    settings: dict[str, Any] = field(default_factory=dict)


def key_of(home: Home, look: Analysis) -> str:
    """What decides the look's content. Raises WrongInput where the run is not there or not done."""
    with ResultStore(home.database) as store:
        run, files = store.existing(look.run_id), store.artifacts(look.run_id)
    if run.status != RunStatus.DONE:
        raise WrongInput(f"Run {look.run_id} is {run.status}; only a finished run can be analysed.")
    spec, read = run.spec, {name: file for name, file in files.items() if name in NEEDED or name.startswith("statistic/")}
    version = analysis_version(spec.dataset, spec.model)
    return digest([look.kind, look.settings, spec.dataset, spec.model, spec.request.text, spec.seed, read, version])


def arrays(home: Home, look: Analysis) -> dict[str, np.ndarray]:
    """What came of it. Raises WrongInput where it is not done, or its file is damaged (it can then be asked for anew)."""
    key = key_of(home, look)
    kept = stored(home, key)
    if kept is None:
        raise WrongInput(f"The {look.kind} of run {look.run_id} is not computed yet.")
    try:
        return Artifacts(home.artifacts_folder).get_arrays(kept.file)
    except Damaged:
        with ResultStore(home.database) as store, actors.as_system():  # upkeep: it is damaged for whoever looks
            store.forget_kept(key)
        raise


def keep(home: Home, key: str, analysis: Analysis, made: dict[str, np.ndarray], seconds: float) -> None:
    """Keep what came of a look; those of an older engine, for which nobody asks any more, are given up."""
    file = Artifacts(home.artifacts_folder).put_arrays(made)
    with ResultStore(home.database) as store:
        spec = store.existing(analysis.run_id).spec
        about, version = f"look/{spec.dataset}/{spec.model}/", analysis_version(spec.dataset, spec.model)
        store.keep(key, f"{about}{analysis.kind}@{version}", file, seconds)
        for kind in (about, f"look/{analysis.kind}@"):  # the second: as versions before stored them
            store.forget_older(kind, version)


def stored(home: Home, key: str) -> Kept | None:
    """The result under a key, None where there is none yet."""
    with ResultStore(home.database) as store:
        return store.kept(key)


Arrays = dict[str, np.ndarray]
Say = Callable[[float, str], None]  # share in [0, 1], what is being done
