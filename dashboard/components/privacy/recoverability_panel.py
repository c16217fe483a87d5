"""Recoverability: the verdict in words, then relearning, probes and grafts, one tab each, compared with the reference."""

from collections.abc import Mapping
from functools import partial

import streamlit as st

from core.figures import plotly_layout
from core.figures.markdown import plain
from core.figures.privacy.recoverability_figures import DIRECTIONS, graft_lines, probe_lines, relearn_curves
from core.storage.record_types import Run
from dashboard.components.common.checks_panel import case_of
from dashboard.components.common.fragments import errors_shown, fragment
from dashboard.queries import runs

Reasons = Mapping[str, str]  # `model/metric` -> why there is no such number


def show_recoverability(run: Run) -> None:
    """The verdict, then the three attempts at recovery."""
    reasons = runs.handle(run).report()["reasons"]
    case = case_of(run)  # as in the checks, so that both pages agree
    verdict = case.recoverability(reasons)
    with st.container(border=True, key="comeback"):
        lead, _, rest = verdict.sentence.partition(": ")
        st.markdown(f"#### {lead}\n{plain(rest[:1].upper() + rest[1:])}\n" + "\n".join(f"- {plain(p.sentence)}" for p in verdict.parts))
        if case.second_reference is None and verdict.word != "unknown":
            st.caption("No second reference was trained for this request, so fixed tolerances decide what counts as a difference.")
    fragment(partial(_attempts, run, reasons))


def _attempts(run: Run, reasons: Reasons) -> None:
    """One tab at a time, so that the page's first figures come sooner."""
    panels = {"Relearning": _relearning, "Linear probes": _probes, "Layer grafting": _grafts}
    for tab, draw in zip(st.tabs(list(panels), key="tries", on_change="rerun", bind="query-params"), panels.values(), strict=True):
        if tab.open:
            with tab, errors_shown(st.info):
                draw(run, reasons)


def _missing(metric: str, reasons: Reasons) -> None:
    """Why there is no figure."""
    st.info(plain(reasons.get(f"unlearned/{metric}") or "This run has nothing to draw here."), icon=":material/info:")


def _relearning(run: Run, reasons: Reasons) -> None:
    """How fast the forget set is relearned."""
    table = runs.handle(run).table("relearn")
    if table.empty:
        _missing("relearn_steps", reasons)
        return
    st.plotly_chart(relearn_curves(table), key="relearn", config=plotly_layout.CONFIG,
                    alt="Accuracy on the forget set by training step, for each network, and the target")  # fmt: skip
    st.caption("How to read it: a line that reaches the target sooner than the dashed reference's still knew something.")


def _probes(run: Run, reasons: Reasons) -> None:
    """What linear probes read from each layer."""
    table = runs.handle(run).table("probes")
    if table.empty:
        _missing("probe_accuracy", reasons)
        return
    st.plotly_chart(probe_lines(table), key="probes", config=plotly_layout.CONFIG,
                    alt="Balanced accuracy of finding the forgotten classes in each layer's features, for each network")  # fmt: skip
    st.caption("How to read it: where the solid line lies above the reference's, this layer still tells the forgotten class apart.")


def _grafts(run: Run, reasons: Reasons) -> None:
    """Which layers carry the forget set, by grafting."""
    table = runs.handle(run).table("graft")
    if table.empty:
        _missing("graft_forget_accuracy", reasons)
        return
    for column, (direction, title) in zip(st.columns(2), DIRECTIONS.items(), strict=True):
        column.markdown(title)
        if not (table["direction"] == direction).any():
            column.caption("Not computed, as this network is costly: Evaluate everything on Result computes every layer, both ways.")
            continue
        column.plotly_chart(graft_lines(table, direction), key=f"graft-{direction}", config=plotly_layout.CONFIG,
                            alt=f"{title}: accuracy by number of layers, on forget and on retain images")  # fmt: skip
    tells = (
        "If the original's last layer alone brings it back (left, last point but one), only the prediction was changed, not what is known."
        if run.spec.request.by_class
        else "Any good network gets images like these right, so only thick lines that part from the thin ones say something."
    )
    st.caption(
        f"How to read it: thick lines are the forget set, thin dotted ones the retain set. {tells} The reference learned other features, "
        "so its grafts fail on the retain images too."
    )
