"""The compared runs, which stay while A and B change, and the data of A and B."""

from typing import NamedTuple

import pandas as pd
import streamlit as st

from core.domain.requests.base import ForgetRequest
from core.domain.requests.registry import parse_request
from core.figures.compare import pareto_front as fronts
from core.figures.compare.run_labels import names_of
from core.reports.compare.comparison import ABOUT
from core.reports.compare.runs_by_seed import GROUP, designed
from dashboard.queries import catalogue, comparisons
from dashboard.queries.runs import RunHandle
from dashboard.session import home


def requests_of(frame: pd.DataFrame) -> list[str]:
    """The forget request, run by run, in words where the kind of request needs them."""
    pairs = list(zip(frame["request"], frame["dataset"], strict=True))
    titles = {(text, dataset): catalogue.request_title(parse_request(text), dataset) for text, dataset in dict.fromkeys(pairs)}
    return [titles[pair] for pair in pairs]


class ComparedRuns:
    """The compared runs and all that does not depend on A and B: it outlives the fragment's reruns."""

    def __init__(self, frame: pd.DataFrame, over_seeds: bool) -> None:
        self.frame, self.over_seeds = frame, over_seeds
        self.about = frame[[*ABOUT]].reset_index(drop=True)  # without numbers, so that it is quickly searched
        self.names = names_of(frame.assign(request=requests_of(frame)))
        self._designed = designed(self.about)
        groups = self._designed.assign(request=requests_of(self._designed)) if over_seeds else None
        self.point_names = self.names if groups is None else names_of(groups)
        self.classes = {key: data.classes for key, data in catalogue.current().datasets.items()}
        self.multi = {key for key, data in catalogue.current().datasets.items() if data.multi}
        self._points: dict[tuple[str, str], tuple[pd.DataFrame, pd.DataFrame]] = {}

    def points(self, x: fronts.Quantity, y: fronts.Quantity) -> tuple[pd.DataFrame, pd.DataFrame]:
        """The points of the front, and the landmarks."""
        key = (x.title, y.title)
        if key not in self._points:
            everything = comparisons.second_retrainings(self.frame)
            points = fronts.points_of(self.frame, x, y, self.over_seeds, self.point_names, everything)
            self._points[key] = (points, fronts.landmarks(self.frame, x, y, everything))
        return self._points[key]

    def group_of(self, run_id: str) -> pd.Series:
        """Which rows differ from that run by their seed alone."""
        ours = self._designed.loc[list(self.names).index(run_id)]
        return (self._designed[list(GROUP)] == ours[list(GROUP)]).all(axis=1)


def compared_runs(frame: pd.DataFrame, over_seeds: bool) -> ComparedRuns:
    """Cached until another run finishes or a dataset is added or removed.

    frame: as `comparisons.comparison` gives it.
    """
    return _compared_runs(comparisons.edition_of(frame), tuple(catalogue.current().datasets), over_seeds, frame)


@st.cache_resource(max_entries=8, show_spinner=False)
def _compared_runs(which: tuple[str, int, str], datasets: tuple[str, ...], over_seeds: bool, _frame: pd.DataFrame) -> ComparedRuns:
    return ComparedRuns(_frame, over_seeds)


class Side(NamedTuple):
    """A or B."""

    letter: str
    handle: RunHandle
    name: str
    dataset: str
    class_names: tuple[str, ...]  # empty where the dataset is no longer registered
    request: ForgetRequest
    multi: bool = False  # `class_names` are attributes

    @property
    def title(self) -> str:
        """Heading of a figure."""
        return f"{self.letter}: {self.name}"

    @property
    def id(self) -> str:
        """The run's."""
        return self.handle.id

    def table(self, name: str) -> pd.DataFrame:
        """Raises WrongInput."""
        return self.handle.table(name)

    def classes(self, count: int) -> tuple[str, ...]:
        """The class names, or numbers where they are unknown."""
        return self.class_names if len(self.class_names) == count else tuple(map(str, range(count)))

    @property
    def picks(self) -> tuple[int, ...]:
        """The forgotten classes."""
        return self.request.classes


def side(letter: str, compared: ComparedRuns, run_id: str) -> Side:
    """One of the runs as A or B."""
    row = compared.about.iloc[[list(compared.names).index(run_id)]].to_dict("records")[0]
    handle = RunHandle(run_id, str(row["finished"].to_pydatetime()), str(home().root))
    request, classes = parse_request(row["request"]), compared.classes.get(row["dataset"], ())
    return Side(letter, handle, compared.names[run_id], row["dataset"], classes, request, row["dataset"] in compared.multi)
