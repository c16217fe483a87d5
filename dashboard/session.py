"""The only module that touches session state, query parameters and the home folder."""

from collections.abc import Collection, Mapping, Sequence
from math import isinf
import os
from typing import Any

import streamlit as st

from core.domain.errors import WrongInput
from core.storage.home import Home, open_home

RUN = "run"  # the open run's id; bound to the address
IDS = (RUN, "a", "b", "study", "of", "live", "duel")  # in the address; a hexadecimal id may parse as an infinite number
LONGEST = 1000  # letters of a value that is taken from the address


# Not cache_resource: Streamlit 1.67 raises KeyError where an entry of it runs out between being found and being read.
@st.cache_data(ttl=2.0, show_spinner=False)
def _checked_home(named: str | None) -> Home:
    return open_home()


def home() -> Home:
    """The user's home. Raises WrongInput where it cannot serve.

    Checked on disk at most every two seconds: a page asks ten times a run.
    """
    return _checked_home(os.environ.get("FORGETSCOPE_HOME"))


def open_run(run_id: str) -> None:
    """Make a run the open one; call before its widget is drawn, or in a callback."""
    st.session_state[RUN] = run_id


def opened_run() -> str:
    """The open run's id, or ''."""
    return str(st.session_state.get(RUN) or "").strip()


def ask_to_open(run_id: str, page: str) -> None:
    """From the body of a page: open the run on another page. The frame applies it before its widgets are drawn."""
    st.session_state["_open_next"] = run_id
    # An empty query, not None: switch_page refuses to clear parameters that are bound to widgets.
    st.switch_page(page, query_params={})


def apply_pending() -> None:
    """Apply what `ask_to_open` and `ask_to_set` stored; the frame calls it first."""
    run_id = st.session_state.pop("_open_next", None)
    if run_id:
        open_run(run_id)
    for key, value in st.session_state.pop("_set_next", {}).items():
        st.session_state[key] = value


def ask_to_set(key: str, value: Any) -> None:
    """From the body of a page: redraw it with another value in a widget that is already drawn."""
    ask_to_set_all({key: value})


def ask_to_set_all(values: dict[str, Any]) -> None:
    """The same for several widgets; also from a fragment, where a callback would not redraw the rest of the page."""
    st.session_state["_set_next"] = values
    st.rerun()


def ask_elsewhere(values: dict[str, Any], page: str, owners: dict[str, object] | None = None) -> None:
    """From the body of a page: open another page with these values in its widgets; they may be long, since no address holds them.

    owners: of values that `belongs` guards there.
    """
    st.session_state["_set_next"] = values | {f"_owner.{key}": owner for key, owner in (owners or {}).items()}
    st.switch_page(page, query_params={})


def check_address() -> None:
    """Raises WrongInput for an infinite number, which Streamlit's own parsing of the address fails on."""
    for name, value in st.query_params.to_dict().items():
        try:
            endless = name not in IDS and isinf(float(value))
        except ValueError:  # Streamlit ignores what is no number
            continue
        if endless:
            raise WrongInput(f"The address says {name}={value[:32]}; a finite number is wanted there.")


def pass_on(own: Collection[str], page: str) -> None:
    """From the body of a page: where the address has names that are not its `own`, open the other page with these.

    own: the names of the frame too, which go with every page and may be bound to its widgets.
    """
    if others := set(st.query_params) - set(own):
        st.switch_page(page, query_params={name: st.query_params.get_all(name) for name in sorted(others)})


def belongs(key: str, owner: object, value: Any) -> None:
    """A bound widget's value belongs to its owner (a run, a preset): with another owner it is reset to `value`.

    Call before the widget is drawn. A value from a fresh link is left unchanged.
    """
    previous = st.session_state.get(f"_owner.{key}", owner)
    if previous != owner:
        st.session_state[key] = value
    st.session_state[f"_owner.{key}"] = owner


def follows(key: str, preset: Any) -> None:
    """A widget at its preset follows when the preset changes; call before it is drawn."""
    was = st.session_state.get(f"_preset.{key}", preset)
    if was != preset and st.session_state.get(key, was) == was:
        st.session_state[key] = preset
    st.session_state[f"_preset.{key}"] = preset


def stays(key: str, options: Sequence[str], start: str = "") -> None:
    """A choice that is no longer among the options, such as another dataset's, is reset to the widget's start.

    Call before the widget is drawn; start: what a single choice starts from, where it is not the first option.
    """
    now = st.session_state.get(key)
    if isinstance(now, list):
        if not set(now) <= set(options):
            st.session_state[key] = [one for one in now if one in options]
    elif now is not None and now not in options:
        st.session_state[key] = start or options[0]


def spelled(key: str, shown: Mapping[str, str], *, several: bool = False) -> None:
    """Let an address name a bound widget's options by their own names too, not only as shown: older addresses and people do.

    Call before the widget is drawn. shown: option -> how it is shown. several: the widget's value is a list.
    """
    linked_options = st.query_params.get_all(key)
    if key in st.session_state or all(shown.get(one, one) == one for one in linked_options):
        return
    names = {text: one for one, text in shown.items()} | {one: one for one in shown}
    options = [names[one] for one in dict.fromkeys(linked_options) if one in names]
    st.session_state[key] = options if several else options[0]


def remember(key: str, value: Any) -> None:
    """Set a widget's value; call before it is drawn, or from a callback."""
    st.session_state[key] = value


def recall(key: str, default: Any = None) -> Any:
    """A widget's value."""
    return st.session_state.get(key, default)


def given(key: str) -> bool:
    """Whether a bound widget has a value, here or in the address, before it is drawn."""
    return key in st.session_state or key in st.query_params


def in_address(name: str) -> str:
    """The address's value of a name; '' where there is none."""
    return str(st.query_params.get(name, ""))[:LONGEST]


def linked(name: str) -> str:
    """The address's value of a name that belongs to no widget, else its value when this page was last open."""
    value = in_address(name)
    if value:
        st.session_state[f"_linked.{name}"] = value
    return value or str(st.session_state.get(f"_linked.{name}", ""))


def travels(name: str) -> str:
    """The same, of a name that stays in the address of every page that is opened after it."""
    value = linked(name)
    if value and name not in st.query_params:
        st.query_params[name] = value
    return value


def link(name: str, value: str) -> None:
    """Put a value into the address, for widgets whose labels do not suit it; '' removes it. From a callback."""
    st.session_state[f"_linked.{name}"] = value
    if value:
        st.query_params[name] = value
    else:
        st.query_params.pop(name, None)
