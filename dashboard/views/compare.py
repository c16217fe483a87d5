"""Many runs side by side: one table, the Pareto front, and two of them in detail."""

from functools import partial

import streamlit as st

from core.figures.markdown import plain
from dashboard.components.common.examples_button import examples_button
from dashboard.components.common.fragments import fragment
from dashboard.components.common.level import guided, more_in_full
from dashboard.components.common.run_status import IMPORTED
from dashboard.components.compare.compared_runs import ComparedRuns, compared_runs, side
from dashboard.components.compare.filters import chosen_runs, count, pair, why_not_all
from dashboard.components.compare.leaderboard import show_leaderboard
from dashboard.components.compare.metrics_table import ask_over_seeds, numbers, offer_seeds, show_conclusion
from dashboard.components.compare.over_parameters import over_parameters
from dashboard.components.compare.pair_panels import warning_counts
from dashboard.components.compare.tabs import section, sections, trade_offs
from dashboard.queries import comparisons

SHOWN = 5  # imported runs that are named


def a_and_b(compared: ComparedRuns) -> None:
    """The pickers of A and B, and every chart that depends on them."""
    a, b = (side(letter, compared, run_id) for letter, run_id in zip("AB", pair(compared.about, compared.names), strict=True))
    above = st.container()
    sections(compared, a, b)
    with above:
        warning_counts(a, b)


def front(compared: ComparedRuns) -> None:
    """What the runs forget against what they keep."""
    section("Forgetting–utility trade-off (Pareto front)", partial(trade_offs, compared, {}), " or ".join(compared.names))


def say_imported(came: dict[str, str]) -> None:
    """Which of the compared runs were computed elsewhere. came: their ids, with the bundles' names."""
    if came:
        names = ", ".join(f"{run_id} ({file})" for run_id, file in list(came.items())[:SHOWN])
        more = f" and {len(came) - SHOWN} more" if len(came) > SHOWN else ""
        st.markdown(f"{IMPORTED} :small[{plain(f'computed elsewhere: {names}{more}')}]")


def compare() -> None:
    """The page: choose runs, compare all, compare two."""
    everything = comparisons.finished_runs()
    if not len(everything):
        st.info("No runs yet that have finished. Start two on the Unlearn page, then compare them here.", icon=":material/info:")
        st.page_link("views/unlearn.py", label="Go to Unlearn", icon=":material/ink_eraser:")
        examples_button()
        return
    first = st.container()  # for the conclusion, which depends on the filters below
    chosen = chosen_runs(everything)
    if not len(chosen):
        st.info("No finished run is left; take a filter out above.", icon=":material/info:")
        return
    frame = comparisons.comparison(chosen)
    if not len(frame):  # they were deleted since
        st.rerun()
    with st.container(horizontal=True, vertical_alignment="center"):
        over_seeds = ask_over_seeds(frame)
        count(frame)
    why_not_all(frame)
    say_imported(comparisons.imported(frame))
    with first:
        show_conclusion(frame)
    table, below, more = st.container(), st.container(), partial(offer_seeds, frame)
    if len(frame) == 1:
        fragment(partial(numbers, frame, over_seeds))
        st.info("There is one run to see; run a second method on the same request, and the two stand side by side here.",
                icon=":material/info:")  # fmt: skip
        st.page_link("views/unlearn.py", label="Go to Unlearn", icon=":material/ink_eraser:")
        more()
        show_leaderboard()
        return
    if guided():
        with below:
            fragment(partial(front, compared_runs(frame, over_seeds)))
        with table:
            fragment(partial(numbers, frame, over_seeds))
        more_in_full("two of the runs in detail, what would decide more, and the leaderboard")
        return
    with below:  # drawn first, although below: the browser takes a second to prepare its first figure
        fragment(partial(a_and_b, compared_runs(frame, over_seeds)))
    with table:
        fragment(partial(numbers, frame, over_seeds))
    over_parameters(frame)
    more()
    show_leaderboard()


compare()
