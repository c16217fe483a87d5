"""A figure for the stage: nothing in it acts or asks, and everything in it is read from the last row."""

from base64 import b64encode
import json
import random
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest

from core.domain.errors import WrongInput
from core.figures.plotly_script import plain_figure
from core.figures.stage_figure import LETTERS, TEXT, TRACES, VALUES, safe_figure, staged

PIXEL = "data:image/png;base64,iVBORw0KGgo="


def figure(**trace: Any) -> dict[str, Any]:
    return {"data": [{"type": "scatter", "x": [1, 2], "y": [3, 4], **trace}], "layout": {}}


def sizes(part: Any, key: str = "") -> list[float]:
    """The sizes of all fonts of a figure."""
    if isinstance(part, dict):
        own = [part["size"]] if key.endswith("font") and "size" in part else []
        return own + [size for name, inner in part.items() for size in sizes(inner, name)]
    return [size for inner in part for size in sizes(inner)] if isinstance(part, list) else []


def test_packed_numbers_are_lists():
    packed = {"dtype": "f8", "bdata": b64encode(np.array([1.5, np.nan, -2.0]).tobytes()).decode()}
    grid = {"dtype": "i2", "bdata": b64encode(np.array([1, 2, 3, 4, 5, 6], "<i2").tobytes()).decode(), "shape": "2, 3"}
    (trace,) = safe_figure(figure(x=packed, y=grid))["data"]
    assert trace["x"] == [1.5, None, -2.0]
    assert trace["y"] == [[1, 2, 3], [4, 5, 6]]
    json.dumps(trace, allow_nan=False)
    told = safe_figure(plain_figure(go.Figure(go.Scatter(x=np.arange(5), y=np.arange(5.0)))))  # as plotly.py itself packs them
    assert told["data"][0]["y"] == [0, 1, 2, 3, 4]


def test_numbers_that_no_axis_can_show_are_left_out():
    found = staged(safe_figure(figure(x=[10**400, -(10**400), 1e308, float("nan"), 10**20, 2], line={"width": 1.7e308})))
    assert found["data"][0]["x"] == [None, None, None, None, 10**20, 2]
    json.dumps(found, allow_nan=False)


@pytest.mark.parametrize(
    "text, shown",
    [("<b>3 ✕</b><br>a<sub>2</sub>", "<b>3 ✕</b><br>a<sub>2</sub>"), ("<a href='javascript:alert(1)'>x</a>", "x"),
     ("<span style='background:url(//evil)'>y</span>", "y"), ("<img src=x onerror=alert(1)>", "&lt;img src=x onerror=alert(1)>"),
     ("<b onclick=alert(1)>z</b>", "&lt;b onclick=alert(1)>z</b>"), ("%{y}<extra></extra>", "%{y}<extra></extra>")],
)  # fmt: skip
def test_of_a_text_s_markup_only_plain_tags_remain(text, shown):
    assert safe_figure(figure(name=text))["data"][0]["name"] == shown


def test_pictures_come_from_the_figure_itself():
    pictures = [{"source": PIXEL}, {"source": "https://elsewhere.example/a.png"}, {"source": "data:text/html;base64,PGI+"}]
    layout = safe_figure({**figure(), "layout": {"images": pictures}})["layout"]
    assert layout["images"] == [{"source": PIXEL}]
    with pytest.raises(WrongInput, match="PNG or an SVG"):
        safe_figure(figure(type="image", source="https://elsewhere.example/a.png"))


@pytest.mark.parametrize(
    "raw, why",
    [(None, "no figure"), ({"data": [], "layout": {}}, "has 0"), ({"data": [{}] * (TRACES + 1), "layout": {}}, "has 301"),
     (figure(type="scattermapbox"), "'scattermapbox'"), (figure(type=["bar"]), "kind"), (figure(text="a" * (TEXT + 1)), "20,001"),
     (figure(x=list(range(VALUES))), "400,000 values"), (figure(x={"dtype": "f8", "bdata": "!"}), "packed numbers"),
     (figure(x={"dtype": "object", "bdata": "AAAA"}), "packed numbers"), (figure(x={"dtype": ["i1"], "bdata": "AAAA"}), "packed numbers"),
     (figure(x={"dtype": "u1", "bdata": "AAAA", "shape": str(10**30)}), "packed numbers"),
     (figure(x={"dtype": "u1", "bdata": "AAAA", "shape": "9,9"}), "packed numbers")],
)  # fmt: skip
def test_what_is_no_figure_for_a_slide_is_refused_with_a_sentence(raw, why):
    with pytest.raises(WrongInput, match=why):
        safe_figure(raw)


def test_no_mutation_of_a_figure_raises_anything_but_a_sentence():
    random.seed(7)
    start = figure(marker={"size": [3], "line": {"width": 1}, "colorbar": {}}, line={"width": 2}, textfont={"size": 8}, name="a")
    start["layout"] = {"xaxis": {"title": {"text": "x"}, "tickfont": {"size": 9}}, "annotations": [{"font": {"size": 3}, "yshift": 1}],
                       "shapes": [{"line": {"width": 1}}], "legend": {"y": 1}, "coloraxis": {"colorbar": {"title": "t"}}}  # fmt: skip
    wild = [None, True, -1, "x", [], {}, [None], {"a": 1}, float("inf"), [[1], "b"], 10**400, -1.7e308, {"bdata": "AAAA", "dtype": ["i1"]}]

    def mutated(part: Any) -> Any:
        if random.random() < 0.12:
            return random.choice(wild)
        if isinstance(part, dict):
            return {name: mutated(inner) for name, inner in part.items()}
        return [mutated(inner) for inner in part] if isinstance(part, list) else part

    drawn = 0
    for _ in range(500):
        try:
            json.dumps(staged(safe_figure(mutated(start))), allow_nan=False)
            drawn += 1
        except WrongInput:
            continue
    assert drawn > 100


def test_numbers_of_a_heat_map_are_shown_where_they_have_room():
    def shown(text: str, rows: int, columns: int) -> bool:
        heat = {"type": "heatmap", "z": [[1.0] * columns] * rows, "text": [[text] * columns] * rows, "texttemplate": "%{text}"}
        (trace,) = staged({"data": [heat], "layout": {}})["data"]
        return "texttemplate" in trace

    assert shown("123", 10, 10)  # counts of ten classes
    assert not shown("0.0016", 2, 12)
    assert shown("0.94", 1, 12)
    assert not shown("1", 13, 1)


def test_notes_above_a_figure_get_room_and_headings_of_image_grids_one_line():
    note = {"text": "α 4.2", "yref": "paper", "y": 1, "yanchor": "bottom", "yshift": 16}
    assert staged({**figure(), "layout": {"annotations": [note]}})["layout"]["margin"]["t"] == 8 + 1.3 * 28 + 32
    assert staged(figure())["layout"]["margin"]["t"] == 8
    grid = staged({**figure(name="a"), "layout": {"images": [{"source": PIXEL}], "annotations": [{"text": "<b>Forget set</b><br>7 of 9"}]}})
    assert grid["layout"]["annotations"][0]["text"] == "<b>Forget set</b>"


def test_every_letter_of_a_staged_figure_is_large_and_the_page_s_own_looks_are_gone():
    page = {
        "data": [{"type": "bar", "x": ["a"], "y": [1], "textfont": {"size": 9, "color": "#fff"}, "name": "one"},
                 {"type": "heatmap", "z": [[1.0] * 40], "text": [["1"] * 40], "texttemplate": "%{text}",
                  "colorbar": {"title": "share", "tickfont": {"size": 8}}},
                 {"type": "scatter", "x": [1], "y": [1], "name": "two", "line": {"width": 4},
                  "marker": {"size": 10, "line": {"width": 2}}}],
        "layout": {"font": {"size": 12}, "width": 400, "height": 300, "title": "T", "paper_bgcolor": "red", "template": {"a": 1},
                   "xaxis": {"title": "accuracy", "tickfont": {"size": 10}}, "yaxis2": {"title": {"text": "y", "font": {"size": 9}}},
                   "annotations": [{"text": "a", "font": {"size": 13, "color": "#0e1420"}}, {"text": "b", "font": {"size": 40}}]},
    }  # fmt: skip
    before = json.dumps(page)
    stage = staged(page)
    assert json.dumps(page) == before
    assert min(sizes(stage)) == LETTERS == 28
    assert [note["font"]["size"] for note in stage["layout"]["annotations"]] == [28, 40]
    assert stage["layout"]["annotations"][0]["font"]["color"] == "#0e1420"
    assert stage["layout"]["xaxis"]["title"] == {"text": "accuracy", "font": {"size": 28}, "standoff": 10}
    assert not stage["layout"].keys() & {"width", "height", "title", "paper_bgcolor", "template"}
    assert "texttemplate" not in stage["data"][1]  # 40 columns have no room for numbers of 28 pixels
    assert stage["data"][2]["marker"] == {"size": 15, "line": {"width": 3}}
    assert stage["data"][2]["line"]["width"] == 6
    assert stage["layout"]["showlegend"] is True  # two names, and no other figure beside that says them
