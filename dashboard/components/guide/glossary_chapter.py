"""The glossary on the Guide page: searched, or opened at one term."""

import streamlit as st

from core.figures.markdown import plain
from core.reports.glossary import glossary, search
from dashboard.session import recall, remember

CHAPTER = "glossary"


def show_glossary() -> None:
    """All terms, or those that a search finds; `?term=` in the address opens one."""
    wanted = st.text_input("Search the glossary", key="term", bind="query-params", max_chars=60, placeholder="Fisher information")
    terms = glossary()
    if wanted in terms:  # a link
        st.markdown(f"### {terms[wanted].name}\n\n{terms[wanted].markdown}")
        for name in terms[wanted].see:
            other = next(term for term in terms.values() if name.lower() in (term.name.lower(), term.short.lower()))
            st.button(f"See {other.short}", key=f"see-{other.key}", on_click=remember, args=("term", other.key))
        st.button("All terms", on_click=remember, args=("term", ""))
        return
    hits = search(recall("term", ""))
    if not hits:
        st.info(f"No entry has {plain(wanted)}; try another word.", icon=":material/info:")
    for term in hits:
        st.markdown(f"#### {term.name}\n\n{term.markdown}")
