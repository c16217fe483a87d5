"""Every measure of a run, a tab a family, with the floor where it is known."""

from typing import Any

import streamlit as st

from core.catalogue import Catalogue
from core.store.beside import FLOOR
from core.store.outcome import Run
from core.verdict import Numbers
from dashboard.components.floor import floor_line
from dashboard.components.numbers import families, nomus_remark
from dashboard.components.tables import show_table
from dashboard.components.trust import floor_of

# Numbers keep their unit beside them; on a telephone a table scrolls sideways rather than stand its definitions on end.
ROOM = """<style>
[class*='st-key-numbers-'] :is(th, td):first-child {min-width: 8rem}
[class*='st-key-numbers-'] td:nth-child(n + 2):nth-child(-n + 5) * {white-space: nowrap}
[class*='st-key-numbers-'] td:last-child {min-width: 15rem}
@media (max-width: 640px) {[class*='st-key-numbers-'] td:last-child {min-width: 26rem}}
</style>"""


def numbers_by_family(run: Run, report: dict[str, Any], shelves: Catalogue) -> None:
    """Heading, what there is to say of the floor, the tables, and how to read them."""
    st.subheader("Numbers against the reference")
    floor_line(run, shelves)
    floor = None if run.spec.method == FLOOR else floor_of(run)
    tables = families(report, shelves, floor)
    st.html(ROOM)
    for tab, (title, table) in zip(st.tabs(list(tables)), tables.items(), strict=True):
        with tab, st.container(key=f"numbers-{title.split()[0].lower()}"):
            show_table(table, alt=f"{title}: every measure for each network, with its definition")
            if title == "Membership" and (remark := nomus_remark(report_numbers(report), run.spec.request)):
                st.caption(remark)
    st.caption(
        "How to read it: compare the unlearned column with the reference's; only measures that say so are better high or low."
        + (" What lies no farther from the reference than the second reference does, lies as near as can be told." if floor else "")
    )


def report_numbers(report: dict[str, Any]) -> Numbers:
    """model -> metric -> value."""
    return {"unlearned": report["metrics"], "original": report["original"], "reference": report["reference"] or {}}
