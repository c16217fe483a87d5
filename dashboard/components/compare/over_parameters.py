"""On Compare: a metric over a parameter that the compared runs vary."""

import pandas as pd
import streamlit as st

from core.domain.errors import WrongInput
from core.figures.compare.metric_columns import columns_of
from core.figures.compare.over_parameters import over_parameter
from core.figures.plotly_layout import CONFIG
from core.reports.compare.comparison import metric_columns
from core.reports.compare.over_parameters import LINES, axes, curve
from dashboard.components.common.fragments import errors_shown, fragment
from dashboard.queries import catalogue
from dashboard.session import stays

FIRST = ("test_forget_accuracy", "train_forget_accuracy")  # the metrics that are drawn first, where there are any


def over_parameters(frame: pd.DataFrame) -> None:
    """The section, where a parameter or a part of the recipe takes two values or more; nothing else."""
    if frame["dataset"].nunique() == 1 and axes(frame):
        st.subheader("A metric over a parameter")
        with errors_shown(st.info):
            fragment(lambda: _draw(frame))


def _draw(frame: pd.DataFrame) -> None:
    offered = {axis.title: axis for axis in axes(frame)}
    there = [name for name in metric_columns(frame) if "." not in name and frame[name].notna().any()]
    columns = {column.info.title: column for column in columns_of(there, catalogue.current().metrics)}
    if not columns:
        raise WrongInput("These runs have no metric that can be compared.")
    left, right = st.columns([1, 3], gap="medium")
    stays("over", list(offered))
    chosen = offered[left.selectbox("Parameter", list(offered), key="over", bind="query-params")]
    start = next((title for title, column in columns.items() if column.key in FIRST), next(iter(columns)))
    stays("over_metric", list(columns), start)
    titles = list(columns)
    metric = columns[left.selectbox("Metric", titles, titles.index(start), key="over_metric", bind="query-params")]
    found = curve(frame, chosen, metric.key)
    if not found.lines:
        raise WrongInput(f"None of these runs has a value of {metric.info.title} for {chosen.title}.")
    right.plotly_chart(
        over_parameter(found, chosen, metric), key="over-parameter", config=CONFIG,
        alt=f"{metric.info.title} over {chosen.title}, a line for each other setting, beside the original's and the reference's",
    )  # fmt: skip
    more = f" {found.left_out} lines with fewer points are left out; {LINES} are drawn." if found.left_out else ""
    left.caption("Points are means of runs that differ by their seed alone, bars their 95 % intervals (Student’s t); a point without a bar "
                 f"is one run. Lines join runs that are alike in all else.{more}")  # fmt: skip
