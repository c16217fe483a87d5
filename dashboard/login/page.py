"""The page of who is not let in, and in the sidebar who is."""

from base64 import b64encode
from pathlib import Path

import streamlit as st

from core.domain.errors import WrongInput
from core.figures.markdown import plain
from core.storage.access import actors
from core.storage.access.actors import Actor, Forbidden
from dashboard.login import sessions, way_back
from dashboard.login.identity import NOT_LOGGED_IN

STYLE = f"<style>{Path(__file__).with_suffix('.css').read_text(encoding='utf-8')}</style>"


def refusal() -> str:
    """'' where who opened this page is let in, or no login is on; else why not, in a sentence."""
    if not sessions.install():
        return ""
    try:
        sessions.acting()
    except Forbidden as forbidden:
        return str(forbidden)
    return ""


def in_page(picture: Path) -> str:
    """A PNG within the page itself: files that the server hands out are for who is let in."""
    return f"data:image/png;base64,{b64encode(picture.read_bytes()).decode()}"


def show_login(why: str, logo: Path, page: str) -> None:
    """Who runs this server, and one button for each way in. why: of `refusal`. page: the path that was opened."""
    st.html(STYLE)
    with st.container(key="login", border=True):
        st.html(f'<img alt="Forgetscope" width="200" src="{in_page(logo)}">')
        try:
            access = sessions.providers()
        except Forbidden:
            st.title("Forgetscope")
            st.error(plain(why), icon=":material/lock:")
            return
        st.title(plain(access.name))
        st.markdown("What happens when a trained network is made to forget: runs, studies and figures of this group's own server.")
        if access.contact:
            st.caption(f"Run by {plain(access.contact)}.")
        if why != NOT_LOGGED_IN:
            st.error(plain(why), icon=":material/lock:")
        if sessions.claims_are_of_somebody():
            st.button("Log out and in again", key="log-out", type="primary", icon=":material/logout:", on_click=sessions.log_out)
            return
        for name, title in access.providers:
            label = f"Log in with {plain(title)}" if title else "Log in"
            st.button(label, key=f"log-in-{name}", type="primary", icon=":material/login:", width="stretch", on_click=_log_in,
                      args=(name, page))  # fmt: skip
        st.caption("You are sent to your identity provider and come back here. This server keeps your e-mail address beside what you make.")


def show_person() -> None:
    """In the sidebar: who is logged in, in which role, and the way out. Nothing without a login."""
    if not sessions.is_on():
        return
    try:
        acts = actors.current()
    except WrongInput:  # the page itself says it
        return
    if isinstance(acts, Actor):
        with st.container(key="person", horizontal=True, vertical_alignment="center"):
            st.markdown(f":material/person: **{plain(acts.name)}** :small[{acts.role}]", help=f"{plain(acts.id)}. {MAY[acts.role]}")
            st.button("Log out", key="log-out", type="tertiary", icon=":material/logout:", on_click=sessions.log_out)


MAY = {
    "admin": "An admin changes everything.",
    "member": "A member looks at everything, and changes what is his or her own.",
    "reader": "A reader looks at everything and changes nothing.",
}


def _log_in(name: str, page: str) -> None:
    """A callback."""
    way_back.remember(page)
    st.login(None if name == "default" else name)
