"""A study's table: mean and interval of each variant over its seeds, with the original and the references."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from core.domain.info import MetricInfo
from core.figures.compare.metric_columns import COST, Column, columns_of
from core.figures.markdown import plain
from core.figures.metric_tables import GOAL, SECOND_REFERENCE_TITLE, by_family
from core.figures.palette import MODEL_TITLE
from core.jobs.catalogue import Catalogue
from core.jobs.studies.table import StudySummary
from core.metrics.privacy.multi_seed import OVER_SEEDS
from core.reports.intervals import Spread
from core.reports.unchanged_methods import UNCHANGED, UNCHANGED_SAYS
from dashboard.components.common.tables import pinned_width, show_frame

if TYPE_CHECKING:
    from pandas.io.formats.style import Styler

ROW = 35  # pixels of a table's row
SEEDS_TOGETHER = {m.key: MetricInfo(m.key, m.title, m.unit, m.goal, m.definition, "All seeds together") for m in OVER_SEEDS}


def draw(summary: StudySummary, available: Catalogue, below_answer: Callable[[], None] = lambda: None) -> None:
    """The tables, one tab per family, and why numbers are missing."""
    if summary.answer:
        st.markdown(f"**{plain(summary.answer)}**")
    below_answer()
    if summary.caution:
        st.warning(plain(summary.caution), icon=":material/warning:")
    if summary.older:
        st.warning(plain(summary.older), icon=":material/history:")
    families = families_of(summary, available)
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


def families_of(summary: StudySummary, available: Catalogue) -> dict[str, list[Column]]:
    """Family -> its columns, of the metrics that some variant has; a family without any is left out."""
    infos = known_metrics(available)
    columns_by_family = {family: columns_of(keys, infos) for family, keys in by_family(summary.metrics, infos).items()}
    return {family: columns for family, columns in columns_by_family.items() if columns}


def known_metrics(available: Catalogue) -> Mapping[str, MetricInfo]:
    """Every metric that a study can have."""
    return {**available.metrics, **SEEDS_TOGETHER, **COST}


def table(summary: StudySummary, columns: list[Column]) -> "Styler":
    """One row per variant, then original, reference and second reference; cells are means, so that a click on a header sorts them."""
    rows = [
        (row.variant.text + (f" ({UNCHANGED})" if row.unchanged else ""), row.numbers, len(row.seeds))
        for row in summary.variants if not row.variant.is_floor
    ]  # fmt: skip
    seeds = max((over.n for over in summary.original.values()), default=0)
    rows += [(MODEL_TITLE["original"], summary.original, seeds)] if summary.original else []
    seeds = max((over.n for over in summary.reference.values()), default=0)
    rows += [(MODEL_TITLE["reference"], summary.reference, seeds)] if summary.reference else []
    rows += [(SECOND_REFERENCE_TITLE, row.numbers, len(row.seeds)) for row in summary.variants if row.variant.is_floor]
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


def cell(column: Column, over: Spread | None, n: int) -> str:
    """Mean, half-width and, where it is not the row's, the number of seeds; a dash where there is no number."""
    if over is None:
        return "–"
    text = column.text(over.mean, float("nan") if over.half_width is None else over.half_width)
    return text if over.n == n else f"{text} (n = {over.n})"


def missing(summary: StudySummary, shown: set[str]) -> list[str]:
    """Why numbers are absent, each reason once, with the variant where the metric is shown."""
    reasons: dict[str, None] = {}
    for row in summary.variants:
        for metric, reason in row.absent.items():
            if metric in shown or metric in SEEDS_TOGETHER:
                reasons[f"{row.variant.text}: {reason}" if metric in shown else reason] = None
    return list(reasons)
