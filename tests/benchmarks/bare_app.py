"""A bare Streamlit app: per page of the dashboard as many figures, pictures, tables and widgets of the same size, and nothing else.

streamlit run tests/benchmarks/bare_app.py -- INVENTORY.json, in which `bench_browser` wrote what each page of the dashboard shows.
"""

from collections.abc import Callable
from functools import partial
import json
from pathlib import Path
import sys
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import streamlit as st

START = "Start"  # a page without anything, from which the others are opened
ALPHA, STEPS = "α", 121  # the first slider of a page
WIDGETS: dict[str, Callable[[str], object]] = {  # the element's test id -> one of its kind
    "stSlider": lambda key: st.slider(key, 0, 100, 50, key=key),
    "stSelectbox": lambda key: st.selectbox(key, ["a", "b", "c"], key=key),
    "stMultiSelect": lambda key: st.multiselect(key, ["a", "b", "c"], key=key),
    "stButtonGroup": lambda key: st.segmented_control(key, ["a", "b", "c"], key=key),
    "stCheckbox": lambda key: st.toggle(key, key=key),
    "stTextInput": lambda key: st.text_input(key, key=key),
    "stNumberInput": lambda key: st.number_input(key, key=key),
    "stFileUploader": lambda key: st.file_uploader(key, key=key),
    "stButton": lambda key: st.button(key, key=key),
}
Json = dict[str, Any]


def figure(drawn: Json, step: int, draw: np.random.Generator) -> go.Figure:
    """Traces of those types and as many points; their values depend on the step."""
    traces = []
    for trace in drawn["traces"]:
        axes = {name: trace[name] for name in ("xaxis", "yaxis") if trace[name]}
        mode = {"mode": trace["mode"]} if trace["mode"] else {}
        values = {"z": draw.random(trace["z"]) * step} if trace["z"] else {"x": np.arange(trace["x"]), "y": draw.random(trace["y"]) * step}
        traces.append({"type": trace["type"], **mode, **axes, **values})
    return go.Figure(traces, {"width": drawn["width"], "height": drawn["height"]})


def page(shown: Json) -> None:
    """Widgets, figures, pictures, tables; the first slider moves the figures that are named as moving."""
    draw, step = np.random.default_rng(0), 1
    for kind, count in shown["widgets"].items():
        for number in range(count):
            if kind == "stSlider" and not number:
                step = 1 + st.slider(ALPHA, 0, STEPS - 1, STEPS // 2)
            else:
                WIDGETS[kind](f"{kind}{number}")
    for drawn in shown["figures"]:
        st.plotly_chart(figure(drawn, step if drawn["moves"] else 1, draw), key=drawn["key"], width="content")
    for height, width in shown["pictures"]:
        st.image(draw.integers(0, 256, (height, width, 3), np.uint8))
    for show, kind in ((st.table, "tables"), (st.dataframe, "grids")):
        for rows, columns in shown[kind]:
            show(pd.DataFrame(draw.random((rows, columns)), columns=[f"c{n}" for n in range(columns)]))


def main() -> None:
    """What Streamlit runs for every page."""
    inventory: Json = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    st.set_page_config(layout="wide")
    pages = [st.Page(lambda: None, title=START, url_path="start", default=True)]
    pages += [st.Page(partial(page, shown), title=title, url_path=shown["path"]) for title, shown in inventory.items()]
    chosen = st.navigation(pages)
    st.title(chosen.title)
    chosen.run()


if __name__ == "__main__":
    main()
