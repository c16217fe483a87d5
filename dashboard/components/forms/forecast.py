"""What a run or a study is likely to take, above the button that starts it."""

from collections.abc import Callable

import streamlit as st

from core.domain.errors import WrongInput
from dashboard.components.common.fragments import fragment
from dashboard.components.common.markdown import plain
from dashboard.queries import forecasts

POLL = 1.0  # seconds between looks while the engine reckons


def show_forecast(say: Callable[[], str]) -> bool:
    """The sentence of `say`, with an icon while the engine is still reckoning; False, with the reason, for what memory cannot hold.

    Until the engine has answered, what it takes is not known, and nothing is refused: the run itself looks once more.
    """
    try:
        said = say()
    except WrongInput as refused:
        st.error(plain(str(refused)), icon=":material/memory:")
        return False
    waits = forecasts.pending()

    def again() -> None:
        if waits and not forecasts.pending():
            st.rerun()
        st.caption(f":material/timer: {plain(said)}" + (" A pass of this network is being measured …" if waits else ""))

    if said or waits:
        fragment(again, run_every=POLL if waits else None)
    return True
