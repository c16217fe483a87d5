"""What a run or a study is likely to take, above the button that starts it."""

from collections.abc import Callable

import streamlit as st

from core.domain.errors import WrongInput
from core.figures.markdown import plain
from core.storage.record_types import Forecast
from dashboard.queries import forecasts


def show_forecast(ask: Callable[[], Forecast], say: Callable[[Forecast], str]) -> bool:
    """The sentence of `say`; False, with the reason, for what memory cannot hold.

    While the engine measures a pass of the network the sentence says so, and the next click on the page has the answer: a part that
    redraws by itself here would still draw while Run opens another page. Until then nothing is refused: the run itself looks once more.
    """
    try:
        likely = ask()
    except WrongInput as refused:
        st.error(plain(str(refused)), icon=":material/memory:")
        return False
    said, measured = say(likely), likely.seconds != 0 and forecasts.pending()  # 0: it is stored
    waits = " A pass of this network is being measured; what it takes stands here after the next click." if measured else ""
    if said or waits:
        st.caption(f":material/timer: {plain(said)}{waits}")
    return True
