"""A figure for the stage: plain JSON in which nothing can act, with letters and lines that are read from the last row.

What is pinned comes from a browser, so it is judged as any input: only drawings of known kinds, little text markup, no addresses.
"""

from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import Iterator, Mapping
import re
from typing import Any, TypeGuard

import numpy as np

from core.domain.errors import WrongInput

LETTERS = 28  # pixels of the smallest letters, on a stage 1280 pixels wide
LARGER = 1.5  # times: lines and marks, which a page draws for 14 pixels of letters
KINDS = ("scatter", "scattergl", "bar", "heatmap", "histogram", "box", "violin", "sankey", "image", "contour")  # none asks a server
TRACES, DEPTH, VALUES, TEXT = 300, 14, 400_000, 20_000  # the most of a figure; TEXT: letters of one text
PICTURE = re.compile(r"data:image/(?:png|svg\+xml);base64,[A-Za-z0-9+/]+={0,2}")
FULL_ROWS, FULL_LETTERS = 12, 68  # of a heat map whose cells have room for their numbers: rows, letters side by side
_LARGEST = 1e300  # of numbers; larger ones have no end once they are multiplied
_PACKED = {"i1", "u1", "i2", "u2", "i4", "u4", "f4", "f8"}  # dtypes in which plotly packs arrays
_SCREEN = (  # parts of a layout that are about the page which it was drawn on
    "template", "width", "height", "autosize", "title", "font", "margin", "paper_bgcolor", "plot_bgcolor", "sliders", "updatemenus",
    "dragmode", "selectdirection", "clickmode", "uirevision", "modebar", "newshape", "activeshape", "hoverlabel", "meta", "transition",
)  # fmt: skip
_DROPPED = ("meta", "uid", "ids", "selectedpoints", "transforms", "src", "xsrc", "ysrc")  # parts of a trace that no stage needs
_HELD = re.compile(r"</?(?:span|a)\b[^>]*>", re.IGNORECASE)  # markup that says how or whereto, around a text that stays
_OPENS = re.compile(r"<(?!/?(?:br|b|i|em|sub|sup|s|u|extra)\s*/?>)", re.IGNORECASE)  # all but the tags that are harmless
_AXIS = re.compile(r"[xy]axis\d*")


def safe_figure(raw: object) -> dict[str, Any]:
    """`data` and `layout` of a figure as plain JSON: typed arrays are lists, texts have no links. Raises WrongInput for anything else."""
    if not isinstance(raw, Mapping) or not isinstance(raw.get("data"), list) or not isinstance(raw.get("layout"), Mapping):
        raise WrongInput("A figure has a list of traces and a layout; what came is no figure.")
    traces = [trace for trace in raw["data"] if isinstance(trace, Mapping)]
    if not traces or len(traces) != len(raw["data"]) or len(traces) > TRACES:
        raise WrongInput(f"A figure on a slide has between 1 and {TRACES} traces; this one has {len(raw['data'])}.")
    for trace in traces:
        if (kind := trace.get("type", "scatter")) not in KINDS:
            raise WrongInput(f"A slide can show {', '.join(KINDS)}; this figure has a trace of the kind {kind!r:.40}.")
    left = [VALUES]
    data = [_plain({name: part for name, part in trace.items() if name not in _DROPPED}, left) for trace in traces]
    layout: dict[str, Any] = _plain({name: part for name, part in raw["layout"].items() if name not in _SCREEN}, left)
    if isinstance(layout.get("images"), list):
        layout["images"] = [one for one in layout["images"] if isinstance(one, dict) and is_picture(one.get("source"))]
    for trace in data:
        if "source" in trace and not is_picture(trace["source"]):
            raise WrongInput("A picture on a slide is a PNG or an SVG inside the slide itself.")
    return {"data": data, "layout": layout}


def is_picture(source: object) -> bool:
    """Whether it is a PNG or SVG as a data URI: nothing that asks for an address."""
    return isinstance(source, str) and PICTURE.fullmatch(source) is not None


def _plain(value: object, left: list[int], depth: int = 0) -> Any:
    """left: how many values may still come, counted down."""
    left[0] -= 1
    if left[0] < 0 or depth > DEPTH:
        raise WrongInput(f"A figure on a slide has at most {VALUES:,} values, {DEPTH} deep; this one has more.")
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return value if abs(value) <= _LARGEST else None  # nan is no less
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, list):
        return [_plain(one, left, depth + 1) for one in value]
    if isinstance(value, Mapping):
        if "bdata" in value:
            return _unpacked(value, left)
        return {str(name)[:100]: _plain(one, left, depth + 1) for name, one in value.items()
                if isinstance(name, str) and not name.startswith("_")}  # fmt: skip
    raise WrongInput(f"A figure is made of numbers, texts, lists and objects; this one has {type(value).__name__}.")


def _text(text: str) -> str:
    if is_picture(text):
        return text
    if len(text) > TEXT:
        raise WrongInput(f"A text in a figure has at most {TEXT:,} letters; this one has {len(text):,}.")
    return _OPENS.sub("&lt;", _HELD.sub("", text))


def _unpacked(packed: Mapping[str, Any], left: list[int]) -> list[Any]:
    """An array that plotly packed as base64, as lists."""
    kind, content, shape = packed.get("dtype"), packed.get("bdata"), packed.get("shape")
    try:
        if not isinstance(kind, str) or kind not in _PACKED or not isinstance(content, str):
            raise ValueError
        flat = np.frombuffer(b64decode(content, validate=True), np.dtype(kind).newbyteorder("<"))
        sizes = [int(size) for size in str(shape).split(",")] if shape is not None else [flat.size]
        found: list[Any] = flat.reshape(sizes).tolist()
    except (ValueError, OverflowError, NotBase64):
        raise WrongInput("A figure's packed numbers are damaged: they are base64 of a known type and shape.") from None
    return [_plain(one, left) for one in found]


def staged(figure: Mapping[str, Any]) -> dict[str, Any]:
    """A safe figure with the stage's letters, marks and lines; it takes whatever size its slide has. The figure itself is left as it is."""
    traces = [_large_trace(dict(trace)) for trace in figure["data"]]
    layout = {name: part for name, part in figure["layout"].items() if name not in _SCREEN}
    axes = {name: part for name, part in layout.items() if _AXIS.fullmatch(name) and isinstance(part, Mapping)}
    crowded = sum(name.startswith("x") for name in axes) > 2
    for name in {"xaxis", "yaxis", *axes}:
        layout[name] = _large_axis(dict(axes.get(name, {})), crowded)
    notes = [_large_note(dict(note)) for note in _objects(layout.get("annotations"))]
    if layout.get("images"):  # headings of grids of images: their second lines have no room, and stand in the figure's alternative text
        notes = [{**note, "text": str(note.get("text", "")).partition("<br>")[0]} for note in notes]
    layout["annotations"] = notes
    layout["shapes"] = [_large_line(dict(shape)) for shape in _objects(layout.get("shapes"))]
    if scale := _object(layout.get("coloraxis")):
        layout["coloraxis"] = _large_bar(dict(scale))
    names = {trace["name"] for trace in traces if isinstance(trace.get("name"), str) and trace.get("showlegend") is not False} - {""}
    legend = {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom", **_object(layout.get("legend"))}
    layout["legend"] = {**legend, "font": {"size": LETTERS}, "title": {}}
    # On a page another figure may have the legend; here the figure stands alone. Grids of images have titles instead.
    layout["showlegend"] = 1 < len(names) <= 8 and not layout.get("images")
    above = [_above(note) for note in notes] + [LETTERS if layout.get("images") else 0]
    margin = {"l": 16, "r": 16, "t": 8 + max(above), "b": 4}
    return {"data": traces, "layout": {**layout, "margin": margin, "font": {"size": LETTERS}}}


def _above(note: Mapping[str, Any]) -> float:
    """Pixels that a note stands above the figure, which plotly makes no room for."""
    if note.get("yref") != "paper" or note.get("y") != 1 or note.get("yanchor") != "bottom":
        return 0
    shift = note.get("yshift", 0)
    return 1.3 * LETTERS * (1 + str(note.get("text", "")).count("<br>")) + (shift if _number(shift) else 0)


def _object(found: object) -> Mapping[str, Any]:
    return found if isinstance(found, Mapping) else {}


def _objects(found: object) -> Iterator[Mapping[str, Any]]:
    return (one for one in found if isinstance(one, Mapping)) if isinstance(found, list) else iter(())


def _large_trace(trace: dict[str, Any]) -> dict[str, Any]:
    _large_line(trace)
    if isinstance(marker := trace.get("marker"), Mapping):
        trace["marker"] = _large_bar(_large_line({**marker, **_times(marker, "size")}))
    for part in ("textfont", "insidetextfont", "outsidetextfont"):
        if part in trace or (part == "textfont" and trace.get("type") not in ("bar", "image")):
            trace[part] = {**_colour_of(trace.get(part)), "size": LETTERS}
    if trace.get("type") in ("heatmap", "contour"):
        rows = [row for row in trace["text"] if isinstance(row, list)] if isinstance(trace.get("text"), list) else []
        longest = max((len(str(cell)) for row in rows for cell in row), default=0)
        if len(rows) > FULL_ROWS or max(map(len, rows), default=0) * (longest + 1) > FULL_LETTERS:
            trace.pop("texttemplate", None)  # numbers would lie upon each other
        _large_bar(trace)
    return trace


def _large_bar(holder: dict[str, Any]) -> dict[str, Any]:
    """A scale of colours: of a heat map, of marks, of the layout."""
    if holder.get("showscale") is not False and (isinstance(holder.get("colorbar"), Mapping) or holder.get("type") == "heatmap"):
        bar = _object(holder.get("colorbar"))
        holder["colorbar"] = {**bar, "tickfont": {"size": LETTERS}, "title": _large_title(bar.get("title")), "thickness": 28}
    return holder


def _large_axis(axis: dict[str, Any], crowded: bool) -> dict[str, Any]:
    axis["tickfont"] = {**_colour_of(axis.get("tickfont")), "size": LETTERS}
    axis["title"] = {**_large_title(axis.get("title")), "standoff": 10}  # else it lies on the ticks' labels
    if crowded and "tickvals" not in axis:
        axis["nticks"] = 4
    return {**axis, "automargin": True, "fixedrange": True, "exponentformat": "none"}  # exponents would be smaller letters


def _large_title(title: object) -> dict[str, Any]:
    found = dict(title) if isinstance(title, Mapping) else {"text": title} if isinstance(title, str) else {}
    return {**found, "font": {"size": LETTERS}}


def _large_note(note: dict[str, Any]) -> dict[str, Any]:
    old = _object(note.get("font"))
    size = old.get("size")
    return {**note, **_times(note, "yshift", 2.0), **_times(note, "xshift", 2.0),
            "font": {**_colour_of(old), "size": max(LETTERS, size) if _number(size) else LETTERS}}  # fmt: skip


def _large_line(holder: dict[str, Any]) -> dict[str, Any]:
    if isinstance(line := holder.get("line"), Mapping):
        holder["line"] = {**line, **_times(line, "width")}
    return holder


def _times(holder: Mapping[str, Any], name: str, by: float = LARGER) -> dict[str, Any]:
    """The number, or the list of numbers, of that name made larger; nothing where there is none."""
    value = holder.get(name)
    if _number(value):
        return {name: round(value * by, 2)}
    if isinstance(value, list):
        return {name: [round(one * by, 2) if _number(one) else one for one in value]}
    return {}


def _number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _colour_of(font: object) -> dict[str, Any]:
    return {"color": font["color"]} if isinstance(font, Mapping) and "color" in font else {}
