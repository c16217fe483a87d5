"""Runs as they stand, and what finished ones left behind."""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from core.domain.errors import WrongInput
from core.domain.run import digest
from core.jobs import submit
from core.reports.comparison import about
from core.reports.comparison import comparison as compare_runs
from core.reports.comparison import second_retrainings as retrained_beside
from core.reports.comparison_sentence import answer as answer_of
from core.reports.comparison_sentence import groups_in
from core.reports.comparison_table import table_of
from core.reports.rows import Rows
from core.reports.run_report import full_report, numbers_of
from core.reports.verdict import Numbers
from core.storage import trash
from core.storage.artifacts import Artifacts, Damaged
from core.storage.durations import Place, history, queue
from core.storage.records import Run
from core.storage.related_runs import Beside
from core.storage.related_runs import beside as runs_beside
from core.storage.related_runs import same_original as runs_of_same_original
from core.storage.runs import ResultStore
from core.storage.trash import Deleted
from dashboard.queries.catalogue import catalogue
from dashboard.session import home

MADE_AT = "made at"  # in a comparison's `attrs`: the revision of the finished runs that it was read at, and the home


def edition(run: Run) -> tuple[str, str]:
    """Tells one computation of a run from another of the same id: the same spec can be deleted and asked again."""
    return (str(run.finished_at), str(home().root))


def run(run_id: str) -> Run | None:
    """One run as it stands now. Who watches it keeps somebody computing."""
    with ResultStore(home().database) as store:
        submit.look_after(home(), store)
        return store.run(run_id)


def places() -> dict[str, Place]:
    """Where every queued run stands in the queue; looked at every other second at most, whoever watches."""
    return _places(str(home().root))


@st.cache_data(ttl=2.0, max_entries=2, show_spinner=False)
def _places(root: str) -> dict[str, Place]:
    with ResultStore(home().database) as store:
        return queue(store.db, history(store.db), datetime.now(UTC))


def deleted() -> list[Deleted]:
    """Runs and studies that were deleted and can be put back, the last deleted first."""
    with ResultStore(home().database) as store:
        return trash.deleted(store.db)


def beside(run: Run) -> Beside:
    """The run's floor and its controls as they stand now."""
    with ResultStore(home().database) as store:
        return runs_beside(store, run.spec)


def report(run_id: str, finished: str, root: str) -> dict[str, Any]:
    """All numbers of a finished run; where a file that it reads is gone or damaged, `lost` says so, and that is not remembered."""
    try:
        return _report(run_id, finished, root)
    except Damaged:
        return _report_now(run_id)


@st.cache_data(max_entries=64, show_spinner=False)
def _report(run_id: str, finished: str, root: str) -> dict[str, Any]:
    """Raises Damaged, so that it is not remembered."""
    told = _report_now(run_id)
    if told["lost"]:
        raise Damaged(told["lost"][0])
    return told


def _report_now(run_id: str) -> dict[str, Any]:
    with ResultStore(home().database) as store:
        return full_report(home(), store, store.existing(run_id))


@st.cache_data(max_entries=512, show_spinner=False)
def numbers(run_id: str, finished: str, root: str) -> Numbers:
    """model -> metric -> value of a finished run; far cheaper than its report."""
    with ResultStore(home().database) as store:
        return numbers_of(store, run_id)


@st.cache_data(max_entries=64, show_spinner=False)
def table(run_id: str, name: str, finished: str, root: str) -> pd.DataFrame:
    """A table that a finished run left. Raises WrongInput."""
    place = home()
    with ResultStore(place.database) as store:
        files = store.artifacts(run_id)
    if name not in files:
        raise WrongInput(
            f"Run {run_id} stored no table {name!r}: another version of Forgetscope made it; run it again."
        )
    return Artifacts(place.artifacts_folder).get_table(files[name])


@st.cache_data(max_entries=32, show_spinner=False)
def arrays(run_id: str, name: str, finished: str, root: str) -> dict[str, np.ndarray]:
    """Arrays that a finished run left. Raises WrongInput."""
    place = home()
    with ResultStore(place.database) as store:
        files = store.artifacts(run_id)
    if name not in files:
        raise WrongInput(f"Run {run_id} stored no {name}: another version of Forgetscope made it; run it again.")
    return Artifacts(place.artifacts_folder).get_arrays(files[name])


def finished_runs() -> pd.DataFrame:
    """What every finished run is about, newest first: see core.reports.comparison.about. Shared by all pages: read, never write."""
    with ResultStore(home().database) as store:
        return _finished_runs(store.finished_revision(), str(home().root))


@st.cache_resource(max_entries=2, show_spinner=False)
def _finished_runs(revision: int, root: str) -> pd.DataFrame:
    with ResultStore(home().database) as store:
        return about(store, catalogue().methods)


def comparison(run_ids: Sequence[str]) -> pd.DataFrame:
    """See core.reports.comparison.comparison. Shared by all pages: read, never write."""
    with ResultStore(home().database) as store:
        return _comparison(digest(list(run_ids)), store.finished_revision(), str(home().root), run_ids)


@st.cache_resource(max_entries=8, show_spinner=False)
def _comparison(which: str, revision: int, root: str, _run_ids: Sequence[str]) -> pd.DataFrame:
    with ResultStore(home().database) as store:
        frame = compare_runs(store, _run_ids, catalogue().methods)
    frame.attrs[MADE_AT] = (revision, root)
    return frame


def second_retrainings(frame: pd.DataFrame) -> pd.DataFrame:
    """As `comparison`: the second retrainings beside the frame's runs, with others where all of them are in the frame itself."""
    wanted = retrained_beside(finished_runs(), frame)
    return frame if set(wanted) <= set(frame["id"]) else comparison(wanted)


def edition_of(frame: pd.DataFrame) -> tuple[str, int, str]:
    """Tells what `comparison` gave from what it gives of other runs, or after another run has finished: a part of caches' keys.

    It is the frame's own, and not as things stand now: who still holds a frame from before a run was computed again would else
    have old numbers remembered as new ones.
    """
    return digest(list(frame["id"])), *frame.attrs[MADE_AT]


def answer(frame: pd.DataFrame) -> str:
    """See core.reports.comparison_sentence.answer; frame: as `comparison` gives it, of one subject."""
    return _answer(edition_of(frame), frame)


@st.cache_data(max_entries=64, show_spinner=False)
def _answer(which: tuple[str, int, str], _frame: pd.DataFrame) -> str:
    titles = {key: method.title for key, method in catalogue().methods.items()}
    return answer_of(groups_in(_frame, second_retrainings(_frame), titles))


def rows(frame: pd.DataFrame, columns: Sequence[str], over_seeds: bool, nearest: str) -> Rows:
    """See core.reports.comparison_table.table_of; frame: as `comparison` gives it. Shared by all pages: read, never write."""
    return _rows(edition_of(frame), tuple(columns), over_seeds, nearest, frame)


@st.cache_resource(max_entries=16, show_spinner=False)
def _rows(
    which: tuple[str, int, str], columns: tuple[str, ...], over_seeds: bool, nearest: str, _frame: pd.DataFrame
) -> Rows:  # fmt: skip
    return table_of(_frame, second_retrainings(_frame), columns, over_seeds, nearest)


@st.cache_data(max_entries=2048, show_spinner=False)
def overlap(one: tuple[str, str], other: tuple[str, str], root: str) -> dict[str, tuple[int, int, int]]:
    """Layer -> how many of its weights one run touched, how many the other, and how many both; of layers that both have.

    one, other: id and edition's `finished`. Raises WrongInput where either stored nothing of the kind.
    """
    ours, theirs = (arrays(run_id, "touched", finished, root) for run_id, finished in (one, other))
    return {
        layer: (_ones(mask), _ones(theirs[layer]), _ones(mask & theirs[layer]))
        for layer, mask in ours.items()
        if layer in theirs and theirs[layer].shape == mask.shape
    }


def _ones(packed: np.ndarray) -> int:
    return int(np.bitwise_count(packed).sum())


@st.cache_data(max_entries=64, show_spinner=False)
def recorded(run_id: str, finished: str, root: str) -> list[tuple[str, tuple[int, ...], int, float | None]]:
    """(name, shape, bytes, its value where it is one number) of every array that the method handed over.

    Raises WrongInput where the file is damaged.
    """
    place = home()
    with ResultStore(place.database) as store:
        files = store.artifacts(run_id)
    if "recorded" not in files:
        return []
    arrays = Artifacts(place.artifacts_folder).get_arrays(files["recorded"])
    return [(name, a.shape, a.nbytes, float(a.reshape(())) if a.size == 1 else None) for name, a in arrays.items()]


@st.cache_resource(max_entries=4, show_spinner="Reading what the method recorded …")
def recorded_arrays(run_id: str, finished: str, root: str) -> dict[str, np.ndarray]:
    """What the method handed over; nothing where it recorded none. Shared by all pages: read, never write. Raises WrongInput."""
    place = home()
    with ResultStore(place.database) as store:
        files = store.artifacts(run_id)
    return Artifacts(place.artifacts_folder).get_arrays(files["recorded"]) if "recorded" in files else {}


def stored(run: Run) -> frozenset[str]:
    """Names of what a run left behind and whose files are there."""
    return _files(run)[0]


def gone(run: Run) -> frozenset[str]:
    """Names of what a run left behind and whose files are no longer there."""
    return _files(run)[1]


def damaged(run: Run, names: Collection[str] | None = None) -> frozenset[str]:
    """Those of `names` (without: of its tables and what its method recorded, which are small) whose files are there, but not as written."""
    with ResultStore(home().database) as store:
        files = store.artifacts(run.id)
    wanted = [name for name in files if name in names] if names is not None else [
        name for name, file in files.items() if file.endswith(".parquet") or name == "recorded"
    ]  # fmt: skip
    return frozenset(name for name in wanted if _is_damaged(home().artifacts_folder / files[name]))


def _is_damaged(path: Path) -> bool:
    """False where it is not there."""
    try:
        now = path.stat()
    except OSError:
        return False
    return not _sound(str(path), now.st_mtime_ns, now.st_size)


@st.cache_data(max_entries=4096, show_spinner=False)
def _sound(path: str, changed: int, size: int) -> bool:
    """Reads all of the file; asked again only once it was written to."""
    return Artifacts(Path(path).parent).sound(Path(path).name)


def _files(run: Run) -> tuple[frozenset[str], frozenset[str]]:
    """(present, gone)."""
    put = Artifacts(home().artifacts_folder)
    with ResultStore(home().database) as store:
        files = store.artifacts(run.id)
    present = frozenset(name for name, file in files.items() if put.has(file))
    return present, frozenset(files) - present


def same_original(run: Run) -> list[Run]:
    """See core.storage.related_runs.same_original."""
    with ResultStore(home().database) as store:
        return runs_of_same_original(store, run.id)
