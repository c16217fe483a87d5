"""A run's row in the list: what it is and what came of it, with live progress, and the buttons that act on it."""

from pathlib import Path

import streamlit as st

from core.domain.formatting import duration
from core.domain.run import ACTIVE, RunStatus
from core.figures.run_rows import RunRow, row_html
from core.storage.record_types import Run
from core.storage.run_list import Related
from dashboard.components.common.run_status import act_button, age, error_details, name_of, progress_text, state_word
from dashboard.components.runs.label_form import label_button
from dashboard.login.may import whose
from dashboard.queries import catalogue
from dashboard.queries.run_rows import Outcome
from dashboard.session import ask_to_open

WIDTHS = [7, 2]  # of a row: what it says, and its buttons
CSS = Path(__file__).with_name("rows.css")


def row_style() -> None:
    """The rows' style; once a page."""
    st.html(CSS.read_text(encoding="utf-8"))


def show_row(run: Run, related: Related, outcome: Outcome | None) -> None:
    """outcome: of a run that is done."""
    what, buttons = st.columns(WIDTHS, vertical_alignment="center")
    with what:
        st.html(row_html(row_of(run, related, outcome)))
        if run.status in ACTIVE:
            st.progress(run.share, progress_text(run))
        error_details(run)
    with buttons, st.container(horizontal=True, horizontal_alignment="right", gap="xsmall"):
        if st.button("Open", key=f"open-{run.id}", type="primary" if run.status == RunStatus.DONE else "secondary"):
            ask_to_open(run.id, "views/result.py")
        for action in ("Cancel", "Retry", "Delete"):
            act_button(action, run, "runs")
        label_button(run, "runs")


def row_of(run: Run, related: Related, outcome: Outcome | None) -> RunRow:
    """The row as plain data."""
    usual = name_of(run, catalogue.current()).removeprefix(f"{run.label.name} · ")
    title, aside = (run.label.name, f"{usual} · {run.id}") if run.label.name else (usual, run.id)
    if related.companion and related.companion != RunStatus.DONE:
        second = f"second reference {related.companion}" + (f", {related.share:.0%}" if related.companion == RunStatus.RUNNING else "")
        aside += f" · {second}"
    if owner := whose(run.owner):
        aside += f" · {owner}" + (f" and {len(others)} more" if (others := set(run.askers) - {run.owner}) else "")
    took = sum(run.seconds.values())
    stopped = f"{state_word(run)}: {run.error_line}" if run.error else state_word(run)
    return RunRow(
        title, aside, outcome.lead if outcome else stopped, outcome.gauges if outcome else (), duration(took) if took else "–",
        age(run.created_at), "imported" if run.imported else "", run.label.tags, run.label.note,
    )  # fmt: skip
