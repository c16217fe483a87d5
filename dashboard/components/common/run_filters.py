"""Which runs a page lists: a search, filters and an order, stored in the address."""

import streamlit as st

from core.figures.markdown import plain
from core.storage.record_types import DamagedRun
from core.storage.run_list import LONGEST, SORTS, Wanted
from dashboard.login.may import me
from dashboard.login.sessions import is_on
from dashboard.queries import run_list
from dashboard.session import ask_to_set_all, recall, stays

TITLES = {"dataset": "Dataset", "model": "Model", "method": "Method", "kind": "Kind of request", "status": "State", "tag": "Tag"}
FIND, SORT, MINE = "find", "sort", "mine"


def key_of(name: str) -> str:
    """The key of a filter's widget, also in the address."""
    return f"of-{name}"


def ask_filters() -> Wanted:
    """The search, the order and the filters; a filter with a single value is not shown."""
    offered = run_list.filter_choices()
    with st.container(border=True, key="wanted"):
        left, right = st.columns([3, 1])
        text = left.text_input(
            "Search", key=FIND, bind="query-params", max_chars=LONGEST, placeholder="words, such as: ssd class:3 alpha=2",
            help="Runs in which all these words stand: id, dataset, model, method, request and settings as the command line writes "
            "them, `seed=1`, state, device, error, name, tags, note.",
        )  # fmt: skip
        sort = right.selectbox("Order", list(SORTS), key=SORT, bind="query-params")
        mine = is_on() and st.toggle("Mine", key=MINE, bind="query-params", help="Runs that you asked for, alone or beside somebody else.")
        shown = {name: values for name, values in offered.items() if len(values) > 1 or recall(key_of(name))}
        cells = st.grid(max(1, len(shown)), min_column_width=150)
        chosen = dict[str, tuple[str, ...]]()
        for name, values in shown.items():
            stays(key_of(name), values)
            selected = cells.cell().multiselect(TITLES[name], values, key=key_of(name), bind="query-params", placeholder="all")
            chosen[name] = tuple(selected)
    return Wanted(**chosen, of=me() if mine else "", text=text or "", sort=sort if sort in SORTS else "newest", companions=False)


def clear_filters() -> None:
    """From the body of a page: redraw it without search and filters."""
    ask_to_set_all({FIND: "", MINE: False, **{key_of(name): [] for name in TITLES}})


def counted(first: int, shown: int, wanted: int, everything: int) -> str:
    """How many runs there are, and which of them are shown."""
    of_them = f"{wanted:,} of {everything:,} runs {'is' if wanted == 1 else 'are'} as asked for"
    which = of_them if wanted < everything else f"{everything:,} run{'s' * (everything != 1)}"
    return which + (f"; {first + 1:,} to {first + shown:,} are shown." if shown < wanted else ".")


def damaged_row(row: DamagedRun) -> None:
    """Says what is damaged; the run can only be deleted."""
    st.markdown(f"**A damaged run**  \n{plain(row.id)}")
    st.error(plain(f"{row.wrong} It can only be deleted; the other runs are not touched."))
