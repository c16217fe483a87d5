"""The end of a duel: who won and why, points by tool, every tool on its gauge, how it was made, and the next duel."""

from html import escape

import streamlit as st

from core.domain.duel import ATTACKER, FORGETTER, Duel
from core.figures import gauges as drawn
from core.figures import plotly_layout
from core.figures.markdown import plain
from core.reports.gauges import Gauge
from core.reports.teaching.duel import Outcome, kept, outcome
from core.storage.record_types import Run
from dashboard.components.common.fragments import errors_shown
from dashboard.components.common.run_status import settings_of
from dashboard.components.duel.seats import other, sit, watch
from dashboard.queries import catalogue, duels
from dashboard.session import ask_to_open


def ending(duel: Duel, run: Run, seat: str) -> None:
    """run: the finished one that was handed over."""
    case, found = duels.measured(run)
    result = outcome(duel, found, kept(case, duel.rules.budget))
    st.html(f"<div class='du-won'><h2 class='du-title'>{escape(result.result)}</h2><div class='du-text'>{escape(result.why)}</div></div>")
    left, right = st.columns([50, 50], gap="large")
    with left:
        st.html(_table(result))
        _made(duel, run, result)
        _next(duel, run, seat)
    with right:
        st.html(drawn.legend(size=14))
        _gauges("What the tools measured", [one.gauge for one in result.judged], "duel-used")
        _gauges("What the others would have shown", [gauge for tool, gauge in found.items() if tool not in duel.tools], "duel-unused")
        st.html(f"<div class='du-small'>{escape(result.floor)}</div>")


def _gauges(title: str, gauges: list[Gauge], key: str) -> None:
    if gauges:
        st.html(f"<h3 class='du-head'>{title}</h3>")
        st.plotly_chart(drawn.gauge_figure(gauges, size=14, row=80), key=key, config=plotly_layout.CONFIG, alt=drawn.described(gauges))


def _table(result: Outcome) -> str:
    rows = []
    for one in result.judged:
        gauge, band = one.gauge, one.gauge.band
        within = f"{gauge.text_of(band[0])} to {gauge.text_of(band[1])}" if band else "–"
        rows.append(
            f"<tr><td><b>{escape(gauge.title)}</b><br>{escape(gauge.text('unlearned'))}</td><td class='mid'>{escape(within)}</td>"
            f"<td>{'a trace' if one.called else 'no trace'}</td><td>{escape(one.word)}</td>"
            f"<td class='n'>{one.points[FORGETTER]}</td><td class='n'>{one.points[ATTACKER]}</td></tr>"
        )
    if result.kept.met is False:
        rows.append("<tr><td colspan='6'>⚠ Over the budget, so the points do not count.</td></tr>")
    rows.append(f"<tr class='sum'><td>Points</td><td class='mid'></td><td></td><td></td><td class='n'>{result.points[FORGETTER]}</td>"
                f"<td class='n'>{result.points[ATTACKER]}</td></tr>")  # fmt: skip
    head = ("<tr><th>Tool</th><th class='mid'>A retrained network</th><th>Called</th><th>It was</th><th class='n'>Forgetter</th>"
            "<th class='n'>Attacker</th></tr>")  # fmt: skip
    return f"<table class='du-points'><thead>{head}</thead><tbody>{''.join(rows)}</tbody></table>"


def _made(duel: Duel, run: Run, result: Outcome) -> None:
    data = catalogue.dataset(run.spec.dataset)
    settings = settings_of(run)
    how = f"**{plain(catalogue.method_title(run.spec.method))}**" + (f" ({plain(settings)})" if settings else "")
    mark = {True: "✓ ", False: "⚠ ", None: ""}[result.kept.met]
    st.markdown(f"It was made to forget {plain(run.spec.request.words(data))} by {how}. {mark}{plain(result.kept.sentence)}")


def _next(duel: Duel, run: Run, seat: str) -> None:
    with st.container(horizontal=True):
        st.button("Again, with swapped seats", type="primary", icon=":material/swap_horiz:", key="duel-again", on_click=_again,
                  args=(duel, seat))  # fmt: skip
        if st.button("Open its result", icon=":material/monitoring:", key="duel-result"):
            ask_to_open(run.id, "views/result.py")
    if seat:
        if duel.successor:
            st.info(f"The other seat has begun the next duel, {duel.successor}. *Again* takes you to it.", icon=":material/swords:")
        else:
            watch(duel)


def _again(duel: Duel, seat: str) -> None:
    """A callback: both seats come to the same duel, each in the other's place."""
    with errors_shown(st.toast):
        sit(duels.go_on(duel).code, other(seat) if seat else "")
