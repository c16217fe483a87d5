"""Sections of a page that redraw by themselves, and that show an input error in their place while the rest of the page goes on."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import streamlit as st

from core.domain.errors import WrongInput
from core.figures.markdown import LONGEST, plain
from core.figures.palette import DARK
from core.jobs.validation import NeedsShards
from core.storage.access import actors

Show = Callable[..., object]  # st.error; st.info, where an older version stored no such thing; st.toast, in a callback


@contextmanager
def errors_shown(show: Show = st.error, *, icon: str = "", most: int = LONGEST) -> Iterator[None]:
    """Shows a WrongInput raised inside, and goes on after the block. most: letters of its sentence."""
    try:
        yield
    except WrongInput as wrong:
        sentence = wrong.on_form if isinstance(wrong, NeedsShards) else str(wrong)
        show(plain(sentence, most), icon=icon or (":material/info:" if show is st.info else ":material/error:"))


def fragment(draw: Callable[[], object], run_every: float | None = None, show: Show = st.error) -> None:
    """Draw now, on each click inside, and every `run_every` seconds. Errors are shown in place, as the page frame does
    for whole pages: a fragment that redraws runs outside the frame.
    """

    def draw_safely() -> None:
        DARK.set(st.context.theme.type == "dark")
        with errors_shown(show):
            actors.current()  # who has logged out, or lost the role, sees no more of it: a fragment is drawn outside the frame
            draw()

    st.fragment(draw_safely, run_every=run_every)()
