"""The leaderboard over studies: methods by tasks, ranked by the distance to the reference."""

from collections import Counter
from functools import partial

import pandas as pd
import streamlit as st

from core.domain.info import MetricInfo
from core.domain.requests.registry import parse_request
from core.figures.compare.metric_columns import Column
from core.figures.markdown import plain
from core.figures.metric_tables import SECOND_REFERENCE_TITLE
from core.reports.compare.leaderboard import MEASURES, Cell, Leaderboard, Task
from core.reports.compare.unchanged_methods import UNCHANGED, UNCHANGED_SAYS
from dashboard.components.common.fragments import fragment
from dashboard.components.common.tables import MISSING, show_frame
from dashboard.queries import catalogue, studies
from dashboard.session import spelled, stays

OPEN = "leaderboard"  # in the page's address


def show_leaderboard() -> None:
    """A box that ranks nothing until it is opened."""
    box = st.expander("Leaderboard over studies", key=OPEN, on_change="rerun", bind="query-params", icon=":material/leaderboard:")
    if box.open:
        with box:
            fragment(_draw)


def _draw() -> None:
    metrics = catalogue.current().metrics
    titles = {measure: metrics[measure].title for measure in MEASURES if measure in metrics}
    stays("ranked_by", list(titles))
    spelled("ranked_by", titles)
    measure = st.selectbox(
        "Ranked by", list(titles), format_func=titles.__getitem__, key="ranked_by", bind="query-params",
        help="A distance to each run's own retrained reference; lower is better.",
    )  # fmt: skip
    board = studies.leaderboard(measure)
    if not board.tasks:
        st.caption("No task has two methods that can be ranked yet: start a study with several methods on the Studies page.")
        return
    show_frame(
        pd.DataFrame(records(board, _titles(board), metrics[measure])), key="leaderboard-table",
        alt="One row a method, one column a task: rank and distance",
        column_config={"Method": st.column_config.TextColumn(pinned=True), "Mean rank": st.column_config.NumberColumn(format="%.2f")},
    )  # fmt: skip
    apart = f" {SECOND_REFERENCE_TITLE}: how far a second retraining lies away; no method can be expected to do better."
    floor = apart if board.second else ""
    unchanged = any(cell.rank is None for row in board.rows for cell in row.cells.values())
    st.caption(
        f"Rank, then {plain(metrics[measure].title.lower())} ± half of its 95 % interval. 1-3: the intervals of the differences, paired "
        f"by seed and draw, leave any rank from 1 to 3. Mean rank: of the middle of each, over tasks with two runs or more.{floor} "
        f"A task is one dataset, model, request, recipe and version of the engine."
        + (f" {UNCHANGED.capitalize()}: {UNCHANGED_SAYS}" if unchanged else "")
        + (f" {board.caution}" if board.caution and len(board.tasks) > 1 else "")
        + (f" {board.several}" if board.several else "")
    )


def _titles(board: Leaderboard) -> dict[Task, str]:
    """Headers of the tasks' columns; of tasks that differ by the engine alone, with its version."""
    requests = {task: catalogue.request_title(parse_request(task.request), task.dataset) for task in board.tasks}
    words = {task: f"{request} · {task.dataset} · {task.model}" for task, request in requests.items()}
    count = Counter(words.values())
    return {task: text if count[text] == 1 else f"{text} · engine {task.engine}" for task, text in words.items()}


def records(board: Leaderboard, titles: dict[Task, str], info: MetricInfo) -> list[dict[str, object]]:
    """The table's rows: the methods, then the second reference."""
    text = partial(cell_text, Column(info.key, info.title, info))
    rows: list[dict[str, object]] = [
        {
            "Method": row.method, "Mean rank": row.mean_rank.mean if row.mean_rank.n else None, "Tasks": row.mean_rank.n,
            **{titles[task]: text(row.cells[task]) if task in row.cells else MISSING for task in board.tasks},
        }
        for row in board.rows
    ]  # fmt: skip
    if board.second:
        floors = {titles[task]: text(Cell(board.second[task]), False) if task in board.second else MISSING for task in board.tasks}
        rows.append({"Method": SECOND_REFERENCE_TITLE, "Mean rank": None, "Tasks": 0, **floors})
    return rows


def cell_text(column: Column, cell: Cell, ranked: bool = True) -> str:
    """`1-2 · 3.1 ± 0.4 %`."""
    number = column.text(cell.gap.mean, float("nan") if cell.gap.half_width is None else cell.gap.half_width)
    return f"{cell.rank_text} · {number}" if ranked else number
