"""Marks the glossary's terms in the text of every page; a click, or the list in the sidebar, opens an entry."""

from pathlib import Path

import streamlit as st
from streamlit.components.v2 import component

from core.reports.glossary import Term, glossary

HERE = Path(__file__).parent
_mark = component(
    "forgetscope_terms", isolate_styles=False,  # the card belongs to the page, and the marks to its text
    css=(HERE / "terms.css").read_text(encoding="utf-8"), js=(HERE / "terms.js").read_text(encoding="utf-8"),
)  # fmt: skip


def mark_terms() -> None:
    """Call in the sidebar: the list of the terms that the page shows stands there."""
    _mark(key="glossary_terms", data=_sent())


@st.cache_data(show_spinner=False)
def _sent() -> dict[str, list[dict[str, object]]]:
    return {"terms": [sent(term) for term in glossary().values()]}


def sent(term: Term) -> dict[str, object]:
    """What the browser needs of an entry: plural forms too, for a term stands in a sentence as it must."""
    names = {form for name in (term.name, term.short, *term.also) for form in (name, f"{name}s")}
    return {"key": term.key, "names": sorted(names), "name": term.name, "sentence": term.sentence, "source": term.source}
