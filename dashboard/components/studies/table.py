"""A study's table: mean and interval of each variant over its seeds, with the original and the references."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from core.export.report.study_table import cell, families_of, missing, study_rows
from core.figures.compare.metric_columns import Column
from core.figures.markdown import plain
from core.figures.metric_tables import GOAL
from core.jobs.catalogue import Catalogue
from core.jobs.studies.table import StudySummary
from core.reports.compare.unchanged_methods import UNCHANGED, UNCHANGED_SAYS
from core.reports.intervals import Spread
from dashboard.components.common.tables import pinned_width, show_frame

if TYPE_CHECKING:
    from pandas.io.formats.style import Styler

ROW = 35  # pixels of a table's row


def draw(summary: StudySummary, available: Catalogue, below_table: Callable[[], None] = lambda: None) -> None:
    """The answer, the tables, one tab per family, and why numbers are missing."""
    if summary.answer:
        st.markdown(f"**{plain(summary.answer)}**")
    _tables(summary, available)
    below_table()


def _tables(summary: StudySummary, available: Catalogue) -> None:
    if summary.caution:
        st.warning(plain(summary.caution), icon=":material/warning:")
    if summary.older:
        st.warning(plain(summary.older), icon=":material/history:")
    families = families_of(summary, available.metrics)
    if not families:
        st.caption("No run of this study has finished yet.")
        return
    tabs = st.tabs(list(families), key=f"families-{summary.id}", on_change="rerun")
    for tab, (family, columns) in zip(tabs, families.items(), strict=True):
        if not tab.open:
            continue
        with tab:
            show_frame(
                table(summary, columns), key=f"numbers-{summary.id}-{family}", row_height=ROW, height="content",
                alt=f"{family}: every variant's mean and interval over its seeds",
                column_config={
                    "Variant": st.column_config.TextColumn(pinned=True, width=pinned_width(any(row.unchanged for row in summary.variants))),
                    "n": st.column_config.NumberColumn(help="Seeds whose runs are done.", width=50),
                    **{column.header: st.column_config.NumberColumn(help=column.help) for column in columns},
                },
            )  # fmt: skip
            st.caption(" ".join(f"**{plain(c.title)}** ({GOAL[c.info.goal]}): {plain(c.info.definition)}" for c in columns))
    for reason in missing(summary, {column.key for columns in families.values() for column in columns}):
        st.caption(f":material/info: {plain(reason)}")
    apart = "; the second reference shows how far two retrained networks lie apart, and no method can be expected to do better"
    floor = apart if summary.floor else ""
    st.caption(
        f"Mean ± half of its 95 % interval (Student's t) {summary.plan.covers}. A number marked ≈ should be the "
        f"reference's{floor}."
        + (f" {UNCHANGED.capitalize()}: {UNCHANGED_SAYS} {summary.judged_by}" if any(row.unchanged for row in summary.variants) else "")
    )


def table(summary: StudySummary, columns: list[Column]) -> "Styler":
    """One row per variant, then original, reference and second reference; cells are means, so that a click on a header sorts them."""
    rows = study_rows(summary)
    means = pd.DataFrame(
        [{"Variant": name, "n": n, **{c.header: _mean(numbers.get(c.key)) for c in columns}} for name, numbers, n in rows]
    )
    style = means.style
    for index, (_, numbers, n) in enumerate(rows):
        for column in columns:
            text = cell(column, numbers.get(column.key), n)
            style.format(partial(_always, text), subset=pd.IndexSlice[[index], [column.header]])
    return style


def _mean(over: Spread | None) -> float:
    return over.mean if over else float("nan")


def _always(text: str, _: float) -> str:
    return text
