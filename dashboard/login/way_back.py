"""After a login people are where they wanted to go: the provider sends them to the first page, whatever link they had opened."""

from threading import Lock
import time

import streamlit as st
from streamlit.web.server.starlette.starlette_app_utils import decode_xsrf_token_string
from streamlit.web.server.starlette.starlette_server_config import XSRF_COOKIE_NAME

MOST, HOLDS, LONGEST = 1000, 600.0, 4000  # browsers that are remembered; seconds in which one logs in; letters of an address
Place = tuple[str, dict[str, list[str]]]  # path of a page, and what its address says
_lock = Lock()
_wanted: dict[bytes, tuple[float, Place]] = {}  # what tells one browser from the next -> when, and where it wanted to go


def remember(page: str) -> None:
    """From a callback of the login page. page: the path that was opened."""
    query = {name: st.query_params.get_all(name) for name in st.query_params}
    browser = _browser()
    if browser is None or (not page and not query) or len(str(query)) > LONGEST:
        return
    with _lock:
        _wanted.pop(browser, None)
        while len(_wanted) >= MOST:
            del _wanted[next(iter(_wanted))]
        _wanted[browser] = time.monotonic(), (page, query)


def take(page: str) -> Place | None:
    """Where this browser wanted to go before it logged in, once, and only from the first page."""
    browser = _browser() if _wanted and not page and not st.query_params.to_dict() else None
    if browser is None:
        return None
    with _lock:
        when, place = _wanted.pop(browser, (0.0, ("", {})))
    return place if place != ("", {}) and time.monotonic() - when < HOLDS else None


def _browser() -> bytes | None:
    """The token that a browser has against forged requests stays when somebody logs in, however it is masked."""
    return decode_xsrf_token_string(st.context.cookies.get(XSRF_COOKIE_NAME, ""))[0]
