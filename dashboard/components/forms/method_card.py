"""A method's card: what it does in plain words, and the fine print."""

import streamlit as st

from core.domain.info import DatasetInfo, MethodInfo
from core.figures.markdown import plain
from core.jobs.catalogue import Catalogue
from core.reports.method_card import text_of
from dashboard.components.common.level import guided

COST = (
    "Counted on digits with their preset: a pass computes every training image forward and backward, as an epoch of training does, and an "
    "image that is only predicted counts a third. Statistics that are stored once are not in it."
)


def card(method: MethodInfo) -> None:
    """The method's claims; what it reads is enforced by the engine, so the page may state it. Guided: its plain words alone."""
    st.markdown(f"**{method.title}**" + (" :orange-badge[reconstruction]" if method.reconstruction else ""))
    plain_words, fine_print = text_of(method)
    st.markdown(plain_words)
    if guided():
        return
    reads = ", ".join(method.uses) or "nothing"
    if method.searches and (more := {"forget", "retain"} - set(method.uses)):
        reads += f"; with settings = auto also {', '.join(sorted(more))}"
    kept = f" · {', '.join(method.keeps)} (stored once)" if method.keeps else ""
    cost = f"Costs {method.passes:.2g} training passes (one class of digits)"
    st.caption(" · ".join(filter(None, (f"Reads: {reads}{kept}", cost, method.paper))), help=COST)
    if fine_print:
        # What nobody has opened is not sent: formulas would be laid out anew at every click on the page.
        box = st.expander("Rule, needs, limits, paper, departures", key="card", on_change="rerun", bind="query-params")
        if box.open:
            box.markdown(fine_print)


def methods_not_offered(shelves: Catalogue, data: DatasetInfo) -> None:
    """A caption that names the methods which cannot serve the dataset's labels, each with its reason; nothing where all can."""
    unfit = [f"{method.title} ({method.not_multi})" for method in shelves.methods.values() if data.multi and not method.multi]
    if unfit:
        st.caption("Not offered, because an image here has several attributes: " + plain("; ".join(unfit)) + ".")
