"""Parts of a page that are drawn anew by themselves."""

from collections.abc import Callable

import streamlit as st

from core.domain.errors import WrongInput
from dashboard.components.common.markdown import plain
from dashboard.components.common.palette import DARK


def fragment(draw: Callable[[], None], run_every: float | None = None) -> None:
    """Draw now, on each click inside, and every `run_every` seconds. Wrong input is told in place, as the frame does
    for whole pages: the frame is not around a fragment that is drawn anew."""

    def safely() -> None:
        DARK.set(st.context.theme.type == "dark")
        try:
            draw()
        except WrongInput as wrong:
            st.error(plain(str(wrong)), icon=":material/error:")

    st.fragment(safely, run_every=run_every)()


def part(draw: Callable[[], object]) -> None:
    """One part of a page. What it cannot show, because an older version stored no such thing, it says in its place."""
    try:
        draw()
    except WrongInput as reason:
        st.info(plain(str(reason)), icon=":material/info:")
