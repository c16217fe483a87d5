"""Many finished runs at once: their subjects, their numbers side by side, and the conclusion in a sentence."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from core.domain.methods.judged import titles_of
from core.domain.run import digest
from core.reports.compare.comparison import about
from core.reports.compare.comparison import comparison as compare_runs
from core.reports.compare.comparison import second_retrainings as retrained
from core.reports.compare.comparison import why_fewer as why_fewer_of
from core.reports.compare.comparison_sentence import answer as answer_of
from core.reports.compare.comparison_sentence import groups_in
from core.reports.compare.comparison_table import table_of
from core.reports.compare.more_seeds import MoreSeeds, more_seeds
from core.reports.compare.runs_by_seed import Rows
from core.reports.compare.runs_by_seed import several_seeds as several_seeds_of
from core.storage.portable import imported_among
from core.storage.runs import ResultStore
from dashboard.queries import catalogue
from dashboard.session import home

READ_AT = "made at"  # in a comparison's `attrs`: the revision of the finished runs at which it was read, and the home


def finished_runs() -> pd.DataFrame:
    """The subject of every finished run, newest first: see comparison.about. Shared by all pages: read, never write."""
    with ResultStore(home().database) as store:
        return _finished_runs(store.finished_revision(), str(home().root))


@st.cache_resource(max_entries=2, show_spinner=False)
def _finished_runs(revision: int, root: str) -> pd.DataFrame:
    with ResultStore(home().database) as store:
        return about(store, catalogue.current().methods)


def comparison(run_ids: Sequence[str]) -> pd.DataFrame:
    """See core.reports.compare.comparison.comparison. Shared by all pages: read, never write."""
    with ResultStore(home().database) as store:
        return _comparison(digest(list(run_ids)), store.finished_revision(), str(home().root), run_ids)


@st.cache_resource(max_entries=8, show_spinner=False)
def _comparison(which: str, revision: int, root: str, _run_ids: Sequence[str]) -> pd.DataFrame:
    with ResultStore(home().database) as store:
        frame = compare_runs(store, _run_ids, catalogue.current().methods)
    frame.attrs[READ_AT] = (revision, root)
    return frame


def second_retrainings(frame: pd.DataFrame) -> pd.DataFrame:
    """A frame as of `comparison` that holds the second references of the frame's runs; the frame itself where it has them all."""
    wanted = retrained(finished_runs(), frame)
    return frame if set(wanted) <= set(frame["id"]) else comparison(wanted)


def edition_of(frame: pd.DataFrame) -> tuple[str, int, str]:
    """Identifies a result of `comparison`, for cache keys: it differs for other runs, and after another run has finished.

    It is read from the frame and not from the database: otherwise results from an old frame would be cached as new ones.
    """
    return digest(list(frame["id"])), *frame.attrs[READ_AT]


def imported(frame: pd.DataFrame) -> dict[str, str]:
    """See core.storage.portable.imported_among; frame: as `comparison` gives it."""
    return _imported(edition_of(frame), frame)


@st.cache_data(max_entries=64, show_spinner=False)
def _imported(which: tuple[str, int, str], _frame: pd.DataFrame) -> dict[str, str]:
    with ResultStore(home().database) as store:
        return imported_among(store, list(_frame["id"]))


def why_fewer(frame: pd.DataFrame) -> str:
    """See core.reports.compare.comparison.why_fewer; frame: as `comparison` gives it."""
    return _why_fewer(edition_of(frame), frame)


@st.cache_data(max_entries=64, show_spinner=False)
def _why_fewer(which: tuple[str, int, str], _frame: pd.DataFrame) -> str:
    return why_fewer_of(_frame)


def several_seeds(frame: pd.DataFrame) -> bool:
    """See core.reports.compare.runs_by_seed.several_seeds; frame: as `comparison` gives it."""
    return _several_seeds(edition_of(frame), frame)


@st.cache_data(max_entries=64, show_spinner=False)
def _several_seeds(which: tuple[str, int, str], _frame: pd.DataFrame) -> bool:
    return several_seeds_of(_frame)


def sentence(frame: pd.DataFrame) -> str:
    """See core.reports.compare.comparison_sentence.answer; frame: as `comparison` gives it, of one subject."""
    return _sentence(edition_of(frame), frame)


@st.cache_data(max_entries=64, show_spinner=False)
def _sentence(which: tuple[str, int, str], _frame: pd.DataFrame) -> str:
    titles = titles_of(catalogue.current().methods)
    return answer_of(groups_in(_frame, second_retrainings(_frame), titles))


def more(frame: pd.DataFrame) -> MoreSeeds | None:
    """See core.reports.compare.more_seeds; frame: as for `sentence`."""
    return _more(edition_of(frame), frame)


@st.cache_data(max_entries=64, show_spinner=False)
def _more(which: tuple[str, int, str], _frame: pd.DataFrame) -> MoreSeeds | None:
    titles = titles_of(catalogue.current().methods)
    return more_seeds(groups_in(_frame, second_retrainings(_frame), titles))


def rows(frame: pd.DataFrame, columns: Sequence[str], over_seeds: bool, nearest: str) -> Rows:
    """See core.reports.compare.comparison_table.table_of; frame: as `comparison` gives it. Shared by all pages: read, never write."""
    return _rows(edition_of(frame), tuple(columns), over_seeds, nearest, frame)


@st.cache_resource(max_entries=16, show_spinner=False)
def _rows(
    which: tuple[str, int, str], columns: tuple[str, ...], over_seeds: bool, nearest: str, _frame: pd.DataFrame
) -> Rows:  # fmt: skip
    return table_of(_frame, second_retrainings(_frame), columns, over_seeds, nearest)
