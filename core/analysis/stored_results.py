"""What looks at features share, none of which needs torch."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from core.domain.code_version import LOOKING, code_version
from core.domain.errors import WrongInput
from core.domain.run import MODELS, RunStatus, digest
from core.storage.artifacts import Artifacts, Damaged
from core.storage.home import Home
from core.storage.records import Kept
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
        raise WrongInput(f"Run {look.run_id} is {run.status}; only a finished run can be looked into.")
    spec, read = run.spec, {name: file for name, file in files.items() if name in NEEDED or name.startswith("statistic/")}
    return digest([look.kind, look.settings, spec.dataset, spec.model, spec.request.text, spec.seed, read, code_version(LOOKING)])


def arrays(home: Home, look: Analysis) -> dict[str, np.ndarray]:
    """What came of it. Raises WrongInput where it is not done, or its file is damaged (it can then be asked for anew)."""
    key = key_of(home, look)
    kept = stored(home, key)
    if kept is None:
        raise WrongInput(f"The {look.kind} of run {look.run_id} is not computed yet.")
    try:
        return Artifacts(home.artifacts_folder).get_arrays(kept.file)
    except Damaged:
        with ResultStore(home.database) as store:
            store.forget_kept(key)
        raise


def keep(home: Home, key: str, kind: str, made: dict[str, np.ndarray], seconds: float) -> None:
    """Keep what came of a look; those of an older engine, for which nobody asks any more, are given up."""
    version = code_version(LOOKING)
    file = Artifacts(home.artifacts_folder).put_arrays(made)
    with ResultStore(home.database) as store:
        store.keep(key, f"look/{kind}@{version}", file, seconds)
        store.forget_older("look/", version)


def stored(home: Home, key: str) -> Kept | None:
    with ResultStore(home.database) as store:
        return store.kept(key)


Arrays = dict[str, np.ndarray]
Say = Callable[[float, str], None]  # share in [0, 1], what is being done
