"""The guide and the glossary, in the app."""

import streamlit as st

from dashboard.components.guide.chapters import chapter, titles
from dashboard.components.guide.glossary_chapter import CHAPTER, show_glossary
from dashboard.session import spelled

TEACHERS = "for-teachers"
names = titles() | {CHAPTER: "Glossary"}
spelled("chapter", names)
left, right = st.columns([1, 3])
with left:
    chosen = str(st.radio("Chapter", list(names), format_func=names.__getitem__, key="chapter", bind="query-params"))
with right:
    if chosen == CHAPTER:
        show_glossary()
    else:
        st.markdown(f"## {names[chosen]}\n\n{chapter(chosen)}")
        if chosen == TEACHERS:
            st.page_link("views/duel.py", label="Play a duel", icon=":material/swords:")
