"""Every metric of a run, one tab per family, and the second reference: offered, watched while it trains, then a column."""

from typing import Any

import streamlit as st

from core.domain.code_version import shared_part, shared_version
from core.domain.methods.ablations import SECOND_REFERENCE_METHOD
from core.domain.run import ACTIVE, RunStatus
from core.figures.markdown import plain
from core.figures.metric_tables import families, nomus_remark
from core.jobs import submit
from core.jobs.catalogue import Catalogue
from core.jobs.validation import floor_spec, why_no_floor
from core.reports.verdict import Numbers
from core.storage.record_types import Run
from dashboard.components.common.checks_panel import second_reference_numbers
from dashboard.components.common.run_status import watch
from dashboard.components.common.tables import show_table
from dashboard.queries import runs
from dashboard.session import home

WHY = "how far two retrained networks differ is the retraining variability, and no method can come nearer"


def second_reference_line(run: Run, available: Catalogue) -> None:
    """The offer or the progress of the second reference; nothing where the run has one, or can have none."""
    if not run.spec.reference or run.spec.method == SECOND_REFERENCE_METHOD:
        return
    if why := why_no_floor(run.spec):
        st.caption(plain(why))
        return
    second_reference = runs.related(run).floor
    if second_reference is None or second_reference.status not in (*ACTIVE, RunStatus.DONE):
        _offer(run, second_reference, available)
    elif second_reference.status in ACTIVE:
        watch(second_reference, "Training the second reference")


def _offer(run: Run, stopped: Run | None, available: Catalogue) -> None:
    """A sentence and the button that queues it."""
    with st.container(horizontal=True, vertical_alignment="center", key="floor_line"):
        if shared_part(run.spec.engine) != shared_version(run.spec.dataset, run.spec.model):
            st.caption(f"There is no second reference: {WHY}. Another version of Forgetscope computed this run; run it again to train one.")
            return
        why = f"The second reference was {stopped.status}. " if stopped else ""
        st.markdown(plain(f"{why}No second reference yet: {WHY}."), width="content")
        st.button("Train a second reference", icon=":material/straighten:", key="measure_floor", on_click=_measure, args=(run, available))


def _measure(run: Run, available: Catalogue) -> None:
    """A callback: once per click."""
    submit.submit(home(), floor_spec(run.spec, available))


# Numbers and units do not wrap; on a phone the table scrolls sideways instead of squeezing its definitions.
ROOM = """<style>
[class*='st-key-numbers-'] :is(th, td):first-child {min-width: 8rem}
[class*='st-key-numbers-'] td:nth-child(n + 2):nth-child(-n + 5) * {white-space: nowrap}
[class*='st-key-numbers-'] td:last-child {min-width: 15rem}
@media (max-width: 640px) {[class*='st-key-numbers-'] td:last-child {min-width: 26rem}}
</style>"""


def numbers_by_family(run: Run, report: dict[str, Any], available: Catalogue) -> None:
    """Heading, the second reference, the tables, and how to read them."""
    st.subheader("Numbers against the reference")
    second_reference_line(run, available)
    second = None if run.spec.method == SECOND_REFERENCE_METHOD else second_reference_numbers(run)
    tables = families(report, available.metrics, second)
    st.html(ROOM)
    for tab, (title, table) in zip(st.tabs(list(tables)), tables.items(), strict=True):
        with tab, st.container(key=f"numbers-{title.split()[0].lower()}"):
            show_table(table, alt=f"{title}: every measure for each network, with its definition")
            if title == "Membership" and (remark := nomus_remark(report_numbers(report), run.spec.request)):
                st.caption(remark)
    st.caption(
        "Compare the unlearned column with the reference's; only measures that say so are better high or low."
        + (" What lies no farther from the reference than the second reference does, lies as near as can be told." if second else "")
    )


def report_numbers(report: dict[str, Any]) -> Numbers:
    """model -> metric -> value."""
    return {"unlearned": report["metrics"], "original": report["original"], "reference": report["reference"] or {}}
