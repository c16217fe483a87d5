"""Many runs side by side: one table, what each gives up for what, and two of them in every detail."""

from functools import partial

import streamlit as st

from dashboard.components.common.sections import fragment
from dashboard.components.compare.filters import chosen_runs, count, pair, why_not_all
from dashboard.components.compare.metrics_table import answered, asked_over_seeds, numbers
from dashboard.components.compare.pair_panels import doubts
from dashboard.components.compare.selection import Look, look_at, side
from dashboard.components.compare.tabs import sections
from dashboard.queries import comparisons


def a_and_b(look: Look) -> None:
    """The pickers, and every chart that they drive."""
    a, b = (side(letter, look, run_id) for letter, run_id in zip("AB", pair(look.about, look.names), strict=True))
    above = st.container()
    sections(look, a, b)
    with above:
        doubts(a, b)


def compare() -> None:
    """Choose, look at all, look at two."""
    everything = comparisons.finished_runs()
    if not len(everything):
        st.info("No runs yet that have finished. Start two on the Unlearn page, then compare them here.", icon=":material/info:")
        st.page_link("views/unlearn.py", label="Go to Unlearn", icon=":material/ink_eraser:")
        return
    first = st.container()  # for the answer, which the filters below decide
    chosen = chosen_runs(everything)
    if not len(chosen):
        st.info("No finished run is left; take a filter out above.", icon=":material/info:")
        return
    frame = comparisons.comparison(chosen)
    if not len(frame):  # they were deleted since
        st.rerun()
    with st.container(horizontal=True, vertical_alignment="center"):
        over_seeds = asked_over_seeds(frame)
        count(frame)
    why_not_all(frame)
    with first:
        answered(frame)
    table, below = st.container(), st.container()
    if len(frame) == 1:
        fragment(partial(numbers, frame, over_seeds))
        st.info("There is one run to see; run a second method on the same request, and the two stand side by side here.",
                icon=":material/info:")  # fmt: skip
        st.page_link("views/unlearn.py", label="Go to Unlearn", icon=":material/ink_eraser:")
        return
    with below:  # first, although it stands below: the browser needs a second to make ready for its first figure
        fragment(partial(a_and_b, look_at(frame, over_seeds)))
    with table:
        fragment(partial(numbers, frame, over_seeds))


compare()
