"""The button that brings in the finished examples, for pages that have no run to show."""

import streamlit as st

from core.export import examples
from dashboard.components.common.fragments import errors_shown
from dashboard.login.may import Barred, barred
from dashboard.session import home, open_run


def examples_button() -> None:
    """A click opens the first example on the page that it stands on; they are imported from files that ship with Forgetscope."""
    st.button("Open the finished examples", key="open-examples", icon=":material/auto_stories:", on_click=_open,
              **(barred() or Barred(disabled=bool(home().unwritable))))  # fmt: skip


def _open() -> None:
    """A callback."""
    with errors_shown(st.toast):
        found = examples.restore(home())
        open_run(next(iter(found.values())))
