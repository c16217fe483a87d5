"""Which runs are compared, and which two of them are A and B: widgets whose values are stored in the address."""

from collections.abc import Callable, Mapping
from functools import partial

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.figures.compare.run_labels import shortened
from core.figures.markdown import plain
from core.reports.compare.comparison import network_of
from core.reports.compare.runs_by_seed import scenarios
from dashboard.components.compare.compared_runs import requests_of
from dashboard.queries import comparisons, studies
from dashboard.session import ask_to_open, belongs, link, linked, recall, remember

FILTERS = {"dataset": "Dataset", "model": "Model", "request": "Forget request", "method": "Methods", "seed": "Seeds"}
ALL = ""  # of the runs, not a study's
# The pickers stay visible while their charts scroll, where there is room for both.
STICKY = """<style>@media (min-width: 900px) and (min-height: 700px) {
[data-testid="stLayoutWrapper"]:has(> .st-key-pair) {position: sticky; top: 60px; z-index: 90; padding: 8px 0; background: %s;}
}</style>"""


MOST = 1000  # runs that are compared at once: no study has more, and nobody reads more rows


def chosen_runs(everything: pd.DataFrame) -> list[str]:
    """The ids of those of all finished runs that the study and the filters leave, newest first; of very many, the newest."""
    with st.container(key="which"):
        shown = [name for name in FILTERS if name != "model" or everything["model"].nunique() > 1]
        cells = st.grid(len(shown) + bool(studies.names()), min_column_width=160)
        study = _study(cells.cell)
        about = everything[["id", *FILTERS]].assign(request=scenarios(everything))  # all draws of a request are one choice
        words: dict[str, str] = {}
        once = about[["request", "dataset"]].drop_duplicates()
        for text, title in zip(once["request"], requests_of(once), strict=True):
            words[text] = title if words.get(text, title) == title else text  # two datasets have other names for it
        left = pd.Series(True, about.index) if study == ALL else about["id"].isin(studies.run_ids(study))
        if not left.any():
            st.info("No run of this study has finished yet.", icon=":material/info:")
            return []
        start = _start(about[left])
        for name in shown:
            left &= _wanted(about[name], name, start.get(name, []), cells.cell().multiselect, study, words)
        return newest(list(about["id"][left]), len(everything))


def newest(ids: list[str], everything: int) -> list[str]:
    """At most MOST of them, with A and B of the address among them; says so where that leaves some out."""
    if len(ids) <= MOST:
        return ids
    st.caption(
        f"{len(ids):,} of {everything:,} finished runs are chosen; the newest {MOST:,} are compared. Choose a study, a method or a seed "
        "to compare others."
    )
    pair_ids = {linked("a"), linked("b")}
    named = [run_id for run_id in ids[MOST:] if run_id in pair_ids]
    return ids[: MOST - len(named)] + named


def _study(cell: Callable[[], DeltaGenerator]) -> str:
    """The chosen study's id; ALL where none is chosen or the address names a missing one. cell: makes its place."""
    names = studies.names()
    linked_id = linked("study")
    if not names and not linked_id:
        return ALL
    now = linked_id if linked_id in names else ALL
    key, options = f"study-of-{now}", [ALL, *names]
    cell().selectbox(
        "Study", options, options.index(now), format_func=lambda i: names[i] + f" · {i[-4:]}" if i else "all runs", key=key,
        on_change=_link_study, args=(key, options),
    )  # fmt: skip
    if linked_id and linked_id not in names:
        st.caption(plain(f"There is no study '{linked_id[:24]}' here; all runs are offered."))
    return now


def _link_study(key: str, options: list[str]) -> None:
    if recall(key) in options:
        link("study", recall(key))


def _start(frame: pd.DataFrame) -> dict[str, list[object]]:
    """The filters' start: the subject of A and B where the address names them, else of the newest run, by whichever recipe trained."""
    linked_runs = frame[frame["id"].isin([linked("a"), linked("b")])]
    about = linked_runs if len(linked_runs) else frame.iloc[:1]
    start = {name: list(about[name].unique()) for name in ("dataset", "model", "request")}
    if len(about) and not len(linked_runs):
        alike = frame[(frame["dataset"] == about["dataset"].iloc[0]) & (frame["request"] == about["request"].iloc[0])]
        models = alike["model"].unique()
        start["model"] = [model for model in models if network_of(model) == network_of(start["model"][0])]
    return start


def _wanted(
    values: "pd.Series[str]", name: str, start: list[object], ask: Callable[..., list[object]], study: str,
    words: Mapping[str, str],
) -> "pd.Series[bool]":  # fmt: skip
    """Which rows the filter leaves; an empty filter leaves all."""
    options = sorted(values.unique()) if name == "seed" else list(values.unique())
    texts = _texts([str(option) for option in options], words)
    key = f"only.{name}"
    belongs(key, study, start)
    selected = ask(
        FILTERS[name], options, start, key=key, bind="query-params", placeholder="all",
        format_func=lambda option: texts.get(str(option), str(option)),
    )  # fmt: skip
    return values.isin(selected) if selected else values.notna()


def _texts(options: list[str], words: Mapping[str, str]) -> dict[str, str]:
    """Requests in words; long ones are cut and numbered where they become equal."""
    texts, seen = dict[str, str](), set[str]()
    for option in options:
        text = shortened(words.get(option, option), 32)
        texts[option] = text if text not in seen else f"{text} ({len(texts)})"
        seen.add(text)
    return texts


def count(frame: pd.DataFrame) -> None:
    """Shows how many runs are compared."""
    counts = [f"{frame[name].nunique()} {noun}{'s' * (frame[name].nunique() != 1)}" for name, noun in
              (("method", "method"), ("seed", "seed"))]  # fmt: skip
    st.caption(f"{len(frame)} finished run{'s' * (len(frame) != 1)}: {', '.join(counts)}.")


def why_not_all(frame: pd.DataFrame) -> None:
    """Why some comparisons are left out or need care, if so."""
    if why := comparisons.why_fewer(frame):
        st.warning(plain(why), icon=":material/compare_arrows:")


def pair(frame: pd.DataFrame, names: Mapping[str, str]) -> tuple[str, str]:
    """The pickers of A and B, and their ids: by the address, else the newest run and its likeliest counterpart."""
    a, b = pair_of(frame, linked("a"), linked("b"))
    st.html(STICKY % st.get_option(f"theme.{st.context.theme.type or 'light'}.backgroundColor"))
    with st.container(key="pair", horizontal=True, vertical_alignment="bottom"):
        for letter, now in (("A", a), ("B", b)):
            _picker(letter, now, names)
        st.button("Swap", icon=":material/swap_horiz:", key="swap", on_click=_link_pair, args=(b, a), help="A becomes B, B becomes A.")
        for letter, now in (("A", a), ("B", b)):
            help_text = f"{letter}'s own page: its verdict and all its numbers."
            if st.button(f"Open {letter}", key=f"open-{letter}", type="tertiary", help=help_text):
                ask_to_open(now, "views/result.py")
    return a, b


def pair_of(frame: pd.DataFrame, asked_a: str, asked_b: str) -> tuple[str, str]:
    """Those asked for where they exist; else the newest run, and another method, no ablation, on the same request and seed."""
    ids = list(frame["id"])
    a = asked_a if asked_a in ids else next(i for i in ids if i != asked_b or len(ids) == 1)
    if asked_b in ids:
        return a, asked_b
    ours = frame[frame["id"] == a].iloc[0]
    others = frame[frame["id"] != a]
    points = {"dataset": 32, "model": 16, "request": 8, "seed": 1}
    likely = sum((others[name] == ours[name]) * count for name, count in points.items())
    likely = likely + (others["control"] == "") * 4 + (others["method"] != ours["method"]) * 2
    return a, str(others.loc[likely.idxmax(), "id"]) if len(others) else a


def _picker(letter: str, now: str, names: Mapping[str, str]) -> None:
    key = f"pick-{letter}"
    remember(key, now)
    st.selectbox(letter, list(names), format_func=lambda i: names.get(i, i), key=key, on_change=partial(_picked, letter, key, names))


def _picked(letter: str, key: str, names: Mapping[str, str]) -> None:
    if recall(key) in names:  # the browser may send the name of a deleted run
        link(letter.lower(), recall(key))


def _link_pair(a: str, b: str) -> None:
    link("a", a)
    link("b", b)
