"""The table of the Compare page, with the controls of its rows and columns."""

from functools import partial

import pandas as pd
import streamlit as st

from core.figures.compare.metric_columns import COST, DEFAULT, columns_of, header_of
from core.figures.compare.run_labels import differing
from core.figures.markdown import plain
from core.figures.metric_tables import by_family
from core.reports.compare.comparison import comparable, one_subject
from core.reports.compare.runs_by_seed import Rows
from core.reports.compare.unchanged_methods import UNCHANGED, UNCHANGED_SAYS
from core.reports.intervals import FEW
from dashboard.components.common.tables import pinned_width, show_frame
from dashboard.components.compare.columns import styled
from dashboard.components.studies.more_seeds import offer_more_seeds
from dashboard.queries import catalogue, comparisons, studies
from dashboard.session import link, linked, recall

BY_RUN, OVER_SEEDS = "by run", "over seeds"
NEAREST = "average_gap"  # to the reference: what rows are sorted by until somebody clicks a header
ROW, TALLEST = 35, 14  # pixels of a table's row; rows in sight


def ask_over_seeds(frame: pd.DataFrame) -> bool:
    """Whether to average runs that differ by their seed alone; a widget where there are such runs."""
    if not comparisons.several_seeds(frame):
        return False
    options = [OVER_SEEDS, BY_RUN]
    rows = st.segmented_control(
        "Rows", options, default=OVER_SEEDS, key="rows", bind="query-params", required=True, label_visibility="collapsed",
        help="over seeds: the mean of runs that differ by their seed alone, with its 95 % interval (Student's t).",
    )  # fmt: skip
    return rows == OVER_SEEDS


def numbers(frame: pd.DataFrame, over_seeds: bool) -> None:
    """The table, its column chooser, and its limits."""
    metrics = catalogue.current().metrics
    there = [name for name in comparable(frame) if "." not in name and frame[name].notna().any()]
    above, (left, right) = st.container(), st.columns([1, 6])
    with left:
        columns = columns_of(_columns(there), metrics)
    rows = comparisons.rows(frame, [c.key for c in columns], over_seeds, NEAREST if NEAREST in there else "")
    with above:
        show_frame(
            styled(rows, columns, differing(frame)), key="numbers", row_height=ROW,
            height=ROW * (min(TALLEST, len(rows.about)) + 1) + 3, alt="One row a run, one column a measure",
            column_config={
                "Method": st.column_config.TextColumn(pinned=True, width=pinned_width(bool(rows.about["unchanged"].any()))),
                **{column.header: st.column_config.NumberColumn(help=column.help) for column in columns},
            },
        )  # fmt: skip
    right.caption(
        "How to read it: " + reading(rows)
        + (" Nearest to the reference comes first; a click" if NEAREST in there else " A click") + " on a header sorts."
    )
    if over_seeds and rows.few:
        methods = int((rows.about["of"] == "unlearned").sum())
        few = f"{rows.few} of the {methods} rows of methods rest" if rows.few < methods else "All rows rest"
        st.caption(f":material/info: {few} on fewer than {FEW} seeds: too few for a claim about the method.")


def reading(rows: Rows) -> str:
    """What colours, intervals and the mark `unchanged` mean."""
    aims = "nearest to the run's own retrained reference (≈), highest (↑) or lowest (↓)"
    if rows.series is None:
        text = f"Blue is best and orange worst in its column: {aims}. One run a row: the colours compare these runs, not the methods."
    else:
        covered = f" {'; '.join(rows.covers[:3])}{', …' if len(rows.covers) > 3 else ''}" if rows.covers else ""
        text = (
            f"± is half of the 95 % interval (Student's t){covered}. Blue is better in its column ({aims}) than others by more than "
            "the intervals of the differences, paired by seed, leave to chance; orange is worse; no colour where nothing can be told."
        )
    return text + (f" {UNCHANGED.capitalize()}: {UNCHANGED_SAYS}" if rows.about["unchanged"].any() else "")


def show_conclusion(frame: pd.DataFrame) -> None:
    """The conclusion of these runs in one sentence; nothing where they are about several requests."""
    if one_subject(frame):
        st.markdown(f"**{plain(comparisons.sentence(frame))}**")


def offer_seeds(frame: pd.DataFrame) -> None:
    """What would decide what the conclusion cannot tell, where a study has all these runs."""
    if one_subject(frame) and (more := comparisons.more(frame)) and (study := studies.of_runs(set(frame["id"]))):
        active = bool(study.now.active) and not study.stored.cancelled
        offer_more_seeds(study.stored.id, study.plan, more, active=active, page="compare")


def _columns(there: list[str]) -> list[str]:
    """The chosen columns, by family; stored in the address by their keys."""
    linked_columns = [name for name in linked("columns").split("-") if name in there]
    every = catalogue.current().metrics | COST
    now = linked_columns or [name for name in DEFAULT if name in there] or there[:8]
    with st.popover("Columns", icon=":material/view_column:"):
        for family, names in by_family(there, every).items():
            key = f"columns of {family} {'-'.join(now)}"
            st.pills(
                family, names, selection_mode="multi", default=[name for name in names if name in now], key=key,
                format_func=partial(header_of, metrics=every), on_change=_link_columns, args=(key, tuple(names), tuple(now)),
            )  # fmt: skip
    return now


def _link_columns(key: str, family: tuple[str, ...], now: tuple[str, ...]) -> None:
    chosen = recall(key) or []
    selected = [name for name in now if name not in family or name in chosen]
    link("columns", "-".join([*selected, *(name for name in chosen if name not in selected)]))

