"""The papers' tables: what each paper needs, its study, and our numbers beside the published ones."""

from collections.abc import Callable
from contextlib import suppress
from functools import partial

import pandas as pd
import streamlit as st

from core.domain.errors import WrongInput
from core.domain.study import StudyPlan
from core.export.report.study_table import known_metrics
from core.figures.compare.metric_columns import Column, columns_of
from core.figures.markdown import plain
from core.figures.palette import MODEL_TITLE
from core.jobs.catalogue import Catalogue
from core.jobs.studies.papers import Paper, dataset_of, needed, papers, plan_for, stand_in, study_of
from core.reports.published_numbers import Compared, digits
from dashboard.components.common.tables import MISSING, show_frame, show_table
from dashboard.components.forms.forecast import show_forecast
from dashboard.components.studies.form import above_start
from dashboard.login.may import Barred, barred
from dashboard.queries import catalogue, forecasts, studies
from dashboard.session import spelled, stays

TALLEST = 247  # pixels of the list of papers: seven rows in sight
COVERED = {True: "yes", False: "no", None: MISSING}


def show_papers(start: Callable[[StudyPlan], None]) -> None:
    """A picker, the chosen paper's setting and study, and its table. start: a callback that asks for a study."""
    available = catalogue.current()
    shelf = papers()
    show_frame(pd.DataFrame(overview(shelf, available)), key="papers-table", alt="The papers, and what each needs", height=TALLEST)
    titles = {name: one.title for name, one in shelf.items()}
    stays("paper", list(shelf))
    spelled("paper", titles)
    key = st.selectbox("Paper", list(shelf), format_func=titles.__getitem__, key="paper", bind="query-params")
    paper = shelf[key]
    st.caption(plain(f"{paper.authors}. arXiv:{paper.arxiv}. Setting: {paper.setting_from}."))
    _ask_start(paper, available, start)
    found = studies.reproduction(paper)
    rows = found.rows if found else tuple(Compared(number) for number in paper.numbers)
    if rows:
        show_frame(
            pd.DataFrame(records(rows, available)), key=f"paper-{key}", alt="Published numbers, and ours beside them",
            column_config={"Method": st.column_config.TextColumn(pinned=True)}, height="content",
        )  # fmt: skip
    if found:
        st.caption(
            f"Ours: mean ± half of its 95 % interval {found.covers}, on {plain(found.dataset)}. Covered: whether that interval holds the "
            "published number. " + plain(" ".join(found.cautions))
        )
        if found.differences:
            show_table(
                [{"Setting that differs": one.name, "Here": one.ours, "In the paper": one.published} for one in found.differences],
                alt="The settings of these runs that are not the paper's",
            )  # fmt: skip
    notes = [*paper.notes, *dict.fromkeys(f"Published numbers: {row.source} ({row.evidence})." for row in paper.numbers)]
    st.caption("\n".join(f"- {plain(note)}" for note in notes))


def overview(shelf: dict[str, Paper], available: Catalogue) -> list[dict[str, object]]:
    """One row a paper: its dataset, whether that is here, its published numbers, and how far its study is."""
    standings = studies.standings()
    rows = []
    for paper in shelf.values():
        other, study = stand_in(paper, available), study_of(paper, standings)
        here = "in part: " + other.title if other else "no"
        with suppress(WrongInput):
            dataset_of(paper, available)
            here = "yes"
        rows.append({
            "Paper": paper.title, "arXiv": paper.arxiv, "Needs": needed(paper, available), "Here": here,
            "Published numbers": len(paper.numbers), "Runs done": f"{study.now.done} of {study.now.total}" if study else MISSING,
        })  # fmt: skip
    return rows


def _ask_start(paper: Paper, available: Catalogue, start: Callable[[StudyPlan], None]) -> None:
    """The dataset, or how one comes by it; how much there is to compute; and the button."""
    subset = download = False
    try:
        dataset_of(paper, available)
    except WrongInput as missing:
        st.info(plain(str(missing)), icon=":material/info:")
        other = stand_in(paper, available)
        if other is not None:
            subset = st.toggle(f"Take {plain(other.title)}, which has its classes", key="paper_subset", bind="query-params")
        if paper.files and not subset:
            download = st.toggle("Let its runs download it", key="paper_download", bind="query-params")
    plan = None
    with suppress(WrongInput):  # told above
        plan = plan_for(paper, available, subset=subset, download=download)
    refused = plan is not None and not show_forecast(lambda: forecasts.of_plan(plan), partial(above_start, plan))
    shut = barred() or Barred(disabled=plan is None or refused)
    if st.button("Start its study", type="primary", icon=":material/play_arrow:", key="start-paper", on_click=start, args=(plan,), **shut):
        st.rerun()  # the whole page: a click in here redraws this part alone


def records(rows: tuple[Compared, ...], available: Catalogue) -> list[dict[str, object]]:
    """The table: one row a number."""
    infos = known_metrics(available.metrics)
    return [_record(row, next(iter(columns_of([row.published.metric], infos)), None)) for row in rows]


def _record(row: Compared, column: Column | None) -> dict[str, object]:
    """column: None of what is no metric here, a share then."""
    number, ours = row.published, row.ours
    unit = column.info.unit if column else "share"
    half = float("nan") if ours is None or ours.half_width is None else ours.half_width
    return {
        "Method": MODEL_TITLE.get(number.row, number.row), "Metric": column.info.title if column else number.metric.replace("_", " "),
        "Published": MISSING if number.value is None else digits(number.value, unit),
        "Ours": f"{column.text(ours.mean, half)} (n = {ours.n})" if ours and column else MISSING,
        "Difference": MISSING if row.difference is None else f"{'+' * (row.difference >= 0)}{digits(row.difference, unit)}",
        "Covered": COVERED[row.covered], "Where": number.where or MISSING, "Why not": row.absent or MISSING,
    }  # fmt: skip
