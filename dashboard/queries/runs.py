"""Current runs, and handles of finished ones: what they stored, and questions to the engine about them."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from core.domain.errors import WrongInput
from core.domain.training.sharding import ShardedRun
from core.jobs import submit
from core.metrics.tables.training_curves import training_table
from core.reports import shard_costs
from core.reports.run_report import full_report, numbers_of
from core.reports.verdict import Numbers
from core.storage import related_runs, trash
from core.storage.artifacts import Artifacts, Damaged
from core.storage.durations import Place, history, queue
from core.storage.home import Home
from core.storage.queues.live_curves import read as read_live_curves
from core.storage.record_types import Run
from core.storage.related_runs import Beside
from core.storage.runs import ResultStore
from core.storage.trash import Deleted
from dashboard.queries import engine
from dashboard.session import home


@dataclass(frozen=True)
class RunHandle:
    """Access to what a finished run stored; each result is cached under the handle's fields and the arguments.

    finished: when it was computed, since the same spec can be deleted and computed again under the same id. root: the home's folder.
    """

    id: str
    finished: str
    root: str

    def table(self, name: str) -> pd.DataFrame:
        """A table that the run stored. Raises WrongInput where it stored none of that name, or the file is missing or damaged."""
        return _table(self, name)

    def arrays(self, name: str) -> dict[str, np.ndarray]:
        """Arrays that the run stored. Raises WrongInput as `table`."""
        return _arrays(self, name)

    def recorded(self) -> dict[str, np.ndarray]:
        """What the method recorded; empty where it recorded nothing. Shared by all pages: read, never write. Raises WrongInput."""
        return _recorded(self)

    def recorded_summary(self) -> list[tuple[str, tuple[int, ...], int, float | None]]:
        """(name, shape, bytes, its value where it is one number) of every array in `recorded`. Raises WrongInput."""
        return _recorded_summary(self)

    def numbers(self) -> Numbers:
        """model -> metric -> value; far cheaper than the report."""
        return _numbers(self)

    def report(self) -> dict[str, Any]:
        """All numbers; where a file that the report reads is missing or damaged, `lost` says so, and that is not cached."""
        try:
            return _report(self)
        except Damaged:
            return _current_report(self)

    def overlap(self, other: "RunHandle") -> dict[str, tuple[int, int, int]]:
        """Layer -> how many of its weights this run changed, how many the other, and how many both; of layers that both have.

        Raises WrongInput where either stored nothing of the kind.
        """
        return _overlap(self, other)

    def ask(self, question: str, /, **about: Any) -> Any:
        """The engine's answer to a question of `core.analysis.registry.QUESTIONS` about this run, as plain data.

        about: the question's other arguments: plain data, handles of other runs, and an upload where a file is wanted.
        Raises WrongInput with a sentence where there is no answer.
        """
        return _question(question)(self, question, about)

    @property
    def home(self) -> Home:
        """Where the run is stored."""
        return Home(Path(self.root))

    def files(self) -> dict[str, str]:
        """Name -> file in Artifacts, read now."""
        with ResultStore(self.home.database) as store:
            return store.artifacts(self.id)

    @property
    def artifacts(self) -> Artifacts:
        """The folder of those files."""
        return Artifacts(self.home.artifacts_folder)


def handle(run: Run) -> RunHandle:
    """The handle of a finished run as it is now."""
    return RunHandle(run.id, str(run.finished_at), str(home().root))


def live_curves(run_id: str) -> pd.DataFrame:
    """The curves of a run that trains now, as far as they are: see `training_table`; no rows of any other."""
    curves = read_live_curves(home().curves(run_id))
    return training_table({name: np.array(curve) for name, curve in curves.items() if curve})


@st.cache_data(max_entries=64, show_spinner=False)
def _table(run: RunHandle, name: str) -> pd.DataFrame:
    files = run.files()
    if name not in files:
        raise WrongInput(f"Run {run.id} stored no table {name!r}: another version of Forgetscope made it; run it again.")
    return run.artifacts.get_table(files[name])


@st.cache_data(max_entries=32, show_spinner=False)
def _arrays(run: RunHandle, name: str) -> dict[str, np.ndarray]:
    files = run.files()
    if name not in files:
        raise WrongInput(f"Run {run.id} stored no {name}: another version of Forgetscope made it; run it again.")
    return run.artifacts.get_arrays(files[name])


@st.cache_resource(max_entries=4, show_spinner="Reading what the method recorded …")
def _recorded(run: RunHandle) -> dict[str, np.ndarray]:
    files = run.files()
    return run.artifacts.get_arrays(files["recorded"]) if "recorded" in files else {}


@st.cache_data(max_entries=64, show_spinner=False)
def _recorded_summary(run: RunHandle) -> list[tuple[str, tuple[int, ...], int, float | None]]:
    files = run.files()
    arrays = run.artifacts.get_arrays(files["recorded"]) if "recorded" in files else {}
    return [(name, a.shape, a.nbytes, float(a.reshape(())) if a.size == 1 else None) for name, a in arrays.items()]


@st.cache_data(max_entries=512, show_spinner=False)
def _numbers(run: RunHandle) -> Numbers:
    with ResultStore(run.home.database) as store:
        return numbers_of(store, run.id)


@st.cache_data(max_entries=64, show_spinner=False)
def _report(run: RunHandle) -> dict[str, Any]:
    """Raises Damaged, so that it is not cached."""
    report = _current_report(run)
    if report["lost"]:
        raise Damaged(report["lost"][0])
    return report


def _current_report(run: RunHandle) -> dict[str, Any]:
    with ResultStore(run.home.database) as store:
        return full_report(run.home, store, store.standing(run.id) or store.existing(run.id))


@st.cache_data(max_entries=2048, show_spinner=False)
def _overlap(one: RunHandle, other: RunHandle) -> dict[str, tuple[int, int, int]]:
    ours, theirs = one.arrays("touched"), other.arrays("touched")
    return {
        layer: (_ones(mask), _ones(theirs[layer]), _ones(mask & theirs[layer]))
        for layer, mask in ours.items()
        if layer in theirs and theirs[layer].shape == mask.shape
    }


def _ones(packed: np.ndarray) -> int:
    return int(np.bitwise_count(packed).sum())


# Question to the engine -> its spinner's text; the others are quick.
WAITING = {
    "importance_view": "Reading the importances …", "top_filters": "Looking for the images that drive these filters …",
    "touched_map": "Comparing the networks' weights …", "path_curve": "Evaluating the network along the step …",
    "noise_answers": "Classifying the noise …", "plane": "Measuring where the weights lie …",
    "saliency_offer": "Opening the networks …",
}  # fmt: skip
ANSWERS = 512  # cached at most, of all questions together


@cache
def _question(question: str) -> Callable[[RunHandle, str, dict[str, Any]], Any]:
    """`_answer` with the question's own spinner; Streamlit has one cache for all, as it is one function."""
    by_id: dict[str | type, Callable[[Any], Any]] = {UploadedFile: lambda upload: upload.file_id}
    return st.cache_data(max_entries=ANSWERS, show_spinner=WAITING.get(question, False), hash_funcs=by_id)(_answer)


def _answer(run: RunHandle, question: str, about: dict[str, Any]) -> Any:
    return engine.ask(run.root, question, run_id=run.id, **{name: _to_json(value) for name, value in about.items()})


def _to_json(value: Any) -> Any:
    """An argument as plain data: of handles the ids."""
    if isinstance(value, list):
        return [_to_json(each) for each in value]
    return value.id if isinstance(value, RunHandle) else value


def run(run_id: str) -> Run | None:
    """One run as it is now. Starts a supervisor where the queue has none."""
    with ResultStore(home().database) as store:
        submit.look_after(home(), store)
        return store.run(run_id)


def standing(run_id: str) -> Run | None:
    """See ResultStore.standing."""
    with ResultStore(home().database) as store:
        return store.standing(run_id)


def places() -> dict[str, Place]:
    """The place of every queued run in the queue; read at most every two seconds."""
    return _places(str(home().root))


@st.cache_data(ttl=2.0, max_entries=2, show_spinner=False)
def _places(root: str) -> dict[str, Place]:
    with ResultStore(home().database) as store:
        return queue(store.db, history(store.db), datetime.now(UTC))


def deleted() -> list[Deleted]:
    """Runs and studies that were deleted and can be put back, the last deleted first."""
    with ResultStore(home().database) as store:
        return trash.deleted(store.db)


def related(run: Run) -> Beside:
    """The run's second reference and its ablations as they are now."""
    with ResultStore(home().database) as store:
        return related_runs.beside(store, run.spec)


def sharded_alike(run: Run) -> list[ShardedRun]:
    """See core.reports.shard_costs.alike."""
    with ResultStore(home().database) as store:
        return shard_costs.alike(store, run.spec)


def same_original(run: Run) -> list[Run]:
    """See core.storage.related_runs.same_original."""
    with ResultStore(home().database) as store:
        return related_runs.same_original(store, run.id)


def present_files(run: Run) -> frozenset[str]:
    """Names of what a run stored and whose files are there."""
    return _files(run)[0]


def missing_files(run: Run) -> frozenset[str]:
    """Names of what a run stored and whose files are no longer there."""
    return _files(run)[1]


def _files(run: Run) -> tuple[frozenset[str], frozenset[str]]:
    """(present, missing)."""
    run_handle = handle(run)
    files, folder = run_handle.files(), run_handle.artifacts
    present = frozenset(name for name, file in files.items() if folder.has(file))
    return present, frozenset(files) - present


def damaged_files(run: Run, names: Collection[str] | None = None) -> frozenset[str]:
    """Those of `names` (without: of its tables and what its method recorded, which are small) whose files are there, but not as written."""
    files = handle(run).files()
    wanted = [name for name in files if name in names] if names is not None else [
        name for name, file in files.items() if file.endswith(".parquet") or name == "recorded"
    ]  # fmt: skip
    return frozenset(name for name in wanted if _is_damaged(home().artifacts_folder / files[name]))


def _is_damaged(path: Path) -> bool:
    """False where it is missing."""
    try:
        now = path.stat()
    except OSError:
        return False
    return not _sound(str(path), now.st_mtime_ns, now.st_size)


@st.cache_data(max_entries=4096, show_spinner=False)
def _sound(path: str, changed: int, size: int) -> bool:
    """Reads the whole file; again only after it was written to."""
    return Artifacts(Path(path).parent).sound(Path(path).name)
