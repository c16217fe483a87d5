"""What the Compare page holds while A and B change, and what A and B are."""

from typing import NamedTuple

import pandas as pd
import streamlit as st

from core.domain.requests.base import ForgetRequest
from core.domain.requests.registry import parse_request
from core.reports.comparison import ABOUT
from core.reports.rows import GROUP, designed
from dashboard.components.compare import pareto_front as fronts
from dashboard.components.compare.run_labels import names_of
from dashboard.queries import catalogue, comparisons
from dashboard.queries.runs import RunHandle
from dashboard.session import home


def requests_of(frame: pd.DataFrame) -> list[str]:
    """The forget request, run by run, in words where the kind of request needs them."""
    pairs = list(zip(frame["request"], frame["dataset"], strict=True))
    told = {(text, dataset): catalogue.request_title(parse_request(text), dataset) for text, dataset in dict.fromkeys(pairs)}
    return [told[pair] for pair in pairs]


class Look:
    """The runs that are compared, and what does not change while A and B do: it outlives the fragment's reruns."""

    def __init__(self, frame: pd.DataFrame, over_seeds: bool) -> None:
        self.frame, self.over_seeds = frame, over_seeds
        self.about = frame[[*ABOUT]].reset_index(drop=True)  # without numbers, so that it is quickly searched
        self.names = names_of(frame.assign(request=requests_of(frame)))
        self._designed = designed(self.about)
        told = self._designed.assign(request=requests_of(self._designed)) if over_seeds else None
        self.point_names = self.names if told is None else names_of(told)
        self.classes = {key: data.classes for key, data in catalogue.current().datasets.items()}
        self.multi = {key for key, data in catalogue.current().datasets.items() if data.multi}
        self._points: dict[tuple[str, str], tuple[pd.DataFrame, pd.DataFrame]] = {}

    def points(self, x: fronts.Quantity, y: fronts.Quantity) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Of the front, and its landmarks."""
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


def look_at(frame: pd.DataFrame, over_seeds: bool) -> Look:
    """What was made of the same runs before, where no run has finished and no dataset was added or removed since.

    frame: as `comparisons.comparison` gives it.
    """
    return _look_at(comparisons.edition_of(frame), tuple(catalogue.current().datasets), over_seeds, frame)


@st.cache_resource(max_entries=8, show_spinner=False)
def _look_at(which: tuple[str, int, str], datasets: tuple[str, ...], over_seeds: bool, _frame: pd.DataFrame) -> Look:
    return Look(_frame, over_seeds)


class Side(NamedTuple):
    """A or B."""

    letter: str
    handle: RunHandle
    name: str
    dataset: str
    known: tuple[str, ...]  # classes; none where the dataset is no longer on the shelf
    request: ForgetRequest
    multi: bool = False  # `known` are attributes

    @property
    def title(self) -> str:
        """For above a figure."""
        return f"{self.letter}: {self.name}"

    @property
    def id(self) -> str:
        """The run's."""
        return self.handle.id

    def table(self, name: str) -> pd.DataFrame:
        """Raises WrongInput."""
        return self.handle.table(name)

    def classes(self, count: int) -> tuple[str, ...]:
        """Their names, else numbers."""
        return self.known if len(self.known) == count else tuple(map(str, range(count)))

    @property
    def picks(self) -> tuple[int, ...]:
        """The forgotten classes."""
        return self.request.classes


def side(letter: str, look: Look, run_id: str) -> Side:
    """One of the runs as A or B."""
    row = look.about.iloc[[list(look.names).index(run_id)]].to_dict("records")[0]
    handle = RunHandle(run_id, str(row["finished"].to_pydatetime()), str(home().root))
    request, classes = parse_request(row["request"]), look.classes.get(row["dataset"], ())
    return Side(letter, handle, look.names[run_id], row["dataset"], classes, request, row["dataset"] in look.multi)
