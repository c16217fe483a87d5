"""The frame of every page: logo, open run, title, and input errors shown as one sentence."""

from contextlib import suppress
from pathlib import Path
from typing import Any

import streamlit as st

from core.domain.errors import WrongInput
from core.figures.markdown import plain
from core.figures.palette import DARK
from core.jobs.cluster.asked import Asked
from dashboard.components.classroom.in_class import check_link, class_line
from dashboard.components.common.copy_link import copy_link
from dashboard.components.common.figure_downloads.component import offer_downloads
from dashboard.components.common.fragments import errors_shown
from dashboard.components.common.level import choose_level
from dashboard.components.common.theme_reload import follow_theme
from dashboard.components.glossary.marked_terms import mark_terms
from dashboard.components.pins.pin_list import offer_pins
from dashboard.login.page import show_login, show_person
from dashboard.login.sessions import is_on
from dashboard.session import RUN, apply_pending, check_address, home

STYLE = f"<style>{Path(__file__).with_suffix('.css').read_text(encoding='utf-8')}</style>"
ASSETS = Path(__file__).resolve().parents[3] / "assets"
# Streamlit writes white on the primary colour in both themes; on the dark theme's light blue that is 1.9:1.
ON_PRIMARY = (
    "[data-testid='stBaseButton-primary']:not(:disabled) *", "[data-testid='stBaseLinkButton-primary'] *",
    "[data-testid='stMultiSelectTagsContainer'] [data-tag] *",
)  # fmt: skip
DARK_BUTTON = f"<style>{', '.join(ON_PRIMARY)} {{color: #10151d;}}</style>"

READ_ONLY = "What is stored can be viewed; nothing new can be started or stored until then."


def _where() -> str:
    """Where what is asked for is computed."""
    here = "server" if is_on() else "machine"
    try:
        cluster = Asked.of_environment()
    except WrongInput:
        cluster = None  # each run says so
    if cluster is None:
        return f"Everything runs on this {here}; nothing is sent anywhere."
    return f"Runs go to the Ray cluster {plain(cluster.address)}; all else stays on this {here}."


def frame(page: Any, refused: str = "") -> None:
    """page: what `st.navigation` chose. refused: why who opened it may not see it, in a sentence; '' where he may."""
    if refused:
        DARK.set(st.context.theme.type == "dark")
        st.html(STYLE + (DARK_BUTTON if DARK.get() else ""))
        show_login(refused, ASSETS / "logo.png", page.url_path)
        return
    apply_pending()
    st.logo(str(ASSETS / "logo.png"), size="large", icon_image=str(ASSETS / "favicon.png"))
    DARK.set(st.context.theme.type == "dark")
    st.html(STYLE + (DARK_BUTTON if DARK.get() else ""))
    with st.sidebar:
        st.text_input(
            "Open run", key=RUN, bind="query-params", placeholder="none", max_chars=64,
            help="The id of the run that Result and Parameters show. It is part of the address, so a link opens the same view.",
        )  # fmt: skip
        st.caption(_where())
        show_person()
        choose_level()
        class_line()
        below = st.container()
        follow_theme()
    st.title(page.title)
    try:
        with errors_shown():
            check_address()
            if why := home().unwritable:
                st.warning(plain(f"{why} {READ_ONLY}"), icon=":material/lock:")
            check_link()
            page.run()
    finally:
        with below:
            _tools(page)


def _tools(page: Any) -> None:
    """What reads the page in the browser and waits for a click: it comes after the page, whose first figure does not wait for it."""
    copy_link()
    mark_terms()
    if page.url_path != "present":  # which shows what is pinned already
        with suppress(WrongInput):  # of the home; the page itself says it
            offer_pins()
    offer_downloads()
