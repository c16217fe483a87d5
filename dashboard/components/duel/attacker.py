"""The Attacker's turn: choose tools, read what they measure, and call each one a trace or none."""

from collections.abc import Mapping
from html import escape

import streamlit as st

from core.domain.duel import ATTACK, Duel
from core.figures import gauges as drawn
from core.figures import plotly_layout
from core.figures.markdown import plain
from core.reports.gauges import MARKS, Gauge, unjudged
from core.reports.teaching.duel import TOOLS, usable
from core.storage.record_types import Run
from dashboard.components.common.fragments import errors_shown
from dashboard.queries import catalogue, duels
from dashboard.session import recall

CALLS = {True: "A trace is left", False: "No trace"}


def attacker(duel: Duel, run: Run) -> None:
    """run: the finished one that was handed over."""
    case, found = duels.measured(run)
    what = run.spec.request.words(catalogue.dataset(run.spec.dataset))
    if duel.stage == ATTACK:
        _choose(duel, found, what)
    else:
        _call(duel, found, what, f"{case.forget_count or 0} images to forget, {case.test_images()} test images")


def _choose(duel: Duel, found: Mapping[str, Gauge], what: str) -> None:
    can = usable(found)
    wanted = min(duel.rules.tools, len(can))
    tools = "tool" if wanted == 1 else "tools"
    st.html(f"<h2 class='du-title'>Is {escape(what)} really gone?</h2><div class='du-text'>This network should have forgotten "
            f"{escape(what)}. How it was made, you do not know. Choose {wanted} {tools}.</div>")  # fmt: skip
    chosen = []
    grid = st.grid(3, min_column_width=260)
    for tool in can:
        with grid.cell(), st.container(border=True, height="stretch", key=f"duel_tool_{tool}"):
            if st.checkbox(f"**{plain(found[tool].title)}**", key=f"duel-{duel.code}-use-{tool}"):
                chosen.append(tool)
            st.markdown(TOOLS[tool])
    for tool in (tool for tool in found if tool not in can):
        st.caption(f"{plain(found[tool].title)} cannot be used on this network: {plain(found[tool].word)}. {plain(found[tool].why)}")
    count = f"{len(chosen)} of {wanted} chosen"
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(f"Use {'it' if wanted == 1 else 'them'}", type="primary", icon=":material/biotech:", key="duel-use",
                  disabled=len(chosen) != wanted, on_click=_use, args=(duel, tuple(chosen), len(can)))  # fmt: skip
        st.html(f"<div class='du-small'>{count}{'; take one back' if len(chosen) > wanted else ''}.</div>")


def _use(duel: Duel, tools: tuple[str, ...], can: int) -> None:
    """A callback."""
    with errors_shown(st.toast):
        duels.change(duel, duel.chose(tools, can))


def _call(duel: Duel, found: Mapping[str, Gauge], what: str, images: str) -> None:
    st.html(f"<h2 class='du-title'>Trace, or chance?</h2><div class='du-text'>● is the network that should have forgotten {escape(what)}, "
            "■ one that never saw it. Two retrained networks (■ and □) differ as well, and the fewer the images, the more by chance: here "
            f"{images}. Is ● farther off than that?</div>")  # fmt: skip
    gauges = {tool: unjudged(found[tool]) for tool in duel.tools if tool in found}
    marks = [mark for mark in MARKS if any(gauge.place(mark) is not None for gauge in gauges.values())]
    st.html(drawn.legend(marks, 16, band=False))
    calls: dict[str, bool] = {}
    for tool, gauge in gauges.items():
        with st.container(border=True, key=f"duel_call_{tool}"):
            st.plotly_chart(drawn.gauge_figure([gauge], marks, size=17, row=112), key=f"duel-call-{tool}", config=plotly_layout.CONFIG,
                            alt=f"{gauge.title}: {readings(gauge)}")  # fmt: skip
            with st.container(horizontal=True, vertical_alignment="center"):
                st.html(f"<div class='du-small'><b>{escape(readings(gauge))}</b><br>{escape(gauge.why)}</div>", width="stretch")
                key = f"duel-{duel.code}-call-{tool}"
                st.segmented_control(f"{gauge.title}: trace or not?", list(CALLS), format_func=CALLS.__getitem__, key=key,
                                     label_visibility="collapsed", width="content")  # fmt: skip
                if isinstance(called := recall(key), bool):
                    calls[tool] = called
    st.button("Decide", type="primary", icon=":material/gavel:", key="duel-decide", disabled=len(calls) < len(gauges),
              on_click=_decide, args=(duel, calls))  # fmt: skip


def readings(gauge: Gauge) -> str:
    """The numbers of a gauge in words, without what they mean."""
    names = {"unlearned": "this network", "reference": "retrained", "second": "retrained a second time", "original": "before"}
    return " · ".join(f"{name} {gauge.text(mark)}" for mark, name in names.items() if gauge.place(mark) is not None)


def _decide(duel: Duel, calls: dict[str, bool]) -> None:
    """A callback."""
    with errors_shown(st.toast):
        duels.change(duel, duel.called(calls))
