"""The Pareto front: runs as points between two quantities, and those that no other dominates. Pure functions."""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
import re
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from core.domain.formatting import percent
from core.domain.methods.ablations import SECOND_REFERENCE_METHOD
from core.domain.requests.registry import CLASS_KINDS
from core.figures.markdown import hovered
from core.figures.palette import ACCENT, MODEL_COLOUR, MODEL_SYMBOL, MODEL_TITLE, QUIET
from core.figures.plotly_layout import base_layout, merge_layout
from core.reports.compare.comparison_table import marked
from core.reports.compare.paired_differences import beaten
from core.reports.compare.runs_by_seed import GROUP, Rows, once, once_keys, rows_of
from core.reports.compare.unchanged_methods import UNCHANGED
from core.reports.intervals import FEW, spread

APART = 0.03  # share of an axis: points closer than this in both get one label, or their names would overlap
SHARES = {"minallowed": -0.02, "maxallowed": 1.02}  # a share lies between 0 and 1, whatever margin the axis adds
LABELLED = 8  # points of the front that are named in the figure; of more, names appear on hover
FRONT, BEATEN, IDLE, UNJUDGED = "on the front", "beaten by another", UNCHANGED, "one seed: not judged"
SYMBOL = {BEATEN: "circle", IDLE: "x-thin-open", UNJUDGED: "circle-open"}
Take = Callable[[pd.DataFrame, str], pd.Series]  # (runs, "" or "original." or "reference.") -> one value a run


@dataclass(frozen=True)
class Quantity:
    """A quantity that a method should minimise (or maximise), computed from a comparison's frame."""

    title: str
    take: Take
    low: bool = True  # is better
    share: bool = True  # else seconds, on a log axis
    gap: bool = False  # to the reference's own value
    own: bool = True  # relative to the run's own reference, so that runs of different requests can be compared

    def text(self, value: float) -> str:
        """A value with its unit."""
        return percent(value) if self.share else f"{value:.3g} s"


def _forgotten(frame: pd.DataFrame, model: str) -> pd.Series:
    """Accuracy on the forget request: on test images of the classes, else on the forget set itself."""
    train, unseen = (_column(frame, f"{model}{name}_accuracy") for name in ("train_forget", "test_forget"))
    return unseen.where(frame["kind"].isin(CLASS_KINDS), train)


def _attack(frame: pd.DataFrame, model: str) -> pd.Series:
    """The directed attack's AUC; the attack's accuracy where an older version computed all of the runs."""
    directed = _column(frame, "attack_auc").notna().any()
    return _column(frame, f"{model}{'attack_auc' if directed else 'attack_loss_accuracy'}")


def _gap(take: Take) -> Take:
    return lambda frame, model: (take(frame, model) - take(frame, "reference.")).abs()


def _seconds(frame: pd.DataFrame, model: str) -> pd.Series:
    """Seconds of unlearning; of retraining for the reference; nan for the original, since a log axis has no 0."""
    if model == "reference.":
        return frame["seconds"] * frame["speedup"]
    return frame["seconds"] if not model else pd.Series(np.nan, frame.index)


def _column(frame: pd.DataFrame, name: str) -> pd.Series:
    return frame[name] if name in frame else pd.Series(np.nan, frame.index)


QUANTITIES = {
    "forgetting": Quantity("forgetting gap", _gap(_forgotten), gap=True),
    "retain": Quantity("retain accuracy", lambda f, m: _column(f, f"{m}test_retain_accuracy"), low=False, own=False),
    "attack": Quantity("attack gap", _gap(_attack), gap=True),
    "seconds": Quantity("seconds", _seconds, share=False),
}


def points_of(
    frame: pd.DataFrame, x: Quantity, y: Quantity, over_seeds: bool, names: Mapping[str, str], everything: pd.DataFrame | None = None,
) -> pd.DataFrame:  # fmt: skip
    """One row a point: name, id, ids, n, x, y, x_half, y_half, place. Runs without either number are left out.

    place: FRONT; BEATEN, by another that is significantly better in one quantity and significantly no worse in the other (single runs:
    by more than the retraining variability); IDLE, of methods that changed nothing, which are not ranked; UNJUDGED, one seed among
    several. everything: a frame that may also hold the second references.
    """
    taken = frame[["id", *GROUP, "seed", "draw"]].assign(x=x.take(frame, ""), y=y.take(frame, ""))
    with_references = frame if everything is None else everything
    rows = marked(rows_of(taken, ["x", "y"], over_seeds), frame, with_references, over_seeds)
    points = rows.about[["id", "ids", "n"]].join(rows.values).join(rows.halves.add_suffix("_half"))
    signs = np.array([1 if q.low else -1 for q in (x, y)])
    points["place"] = _places(rows, signs, _variability(with_references, frame, x, y))
    points["name"] = [
        names[i].rpartition(" · seed ")[0] + f", {n} seeds" if n > 1 else names[i]
        for i, n in zip(points["id"], points["n"], strict=True)
    ]
    return points.dropna(subset=["x", "y"]).reset_index(drop=True)


def _variability(everything: pd.DataFrame, frame: pd.DataFrame, x: Quantity, y: Quantity) -> np.ndarray:
    """(2,): the retraining variability of each quantity; 0 where it is unknown, and of seconds."""
    second_references = everything[(everything["method"] == SECOND_REFERENCE_METHOD) & (everything["reference"].astype(bool))]
    wanted = set(once_keys(frame))
    if len(second_references):
        second_references = second_references[[key in wanted for key in once_keys(second_references)]]
    means = [_gap(q.take)(second_references, "").mean() if q.share else 0.0 for q in (x, y)]
    return np.array([0.0 if np.isnan(mean) else float(mean) for mean in means])


def _places(rows: Rows, signs: np.ndarray, apart: np.ndarray) -> np.ndarray:
    """(rows,) places: see `points_of`."""
    place = np.where(rows.about["unchanged"].to_numpy(bool), IDLE, FRONT).astype(object)
    ranked = rows.ranked & rows.values[["x", "y"]].notna().all(axis=1).to_numpy(bool)
    chosen = np.flatnonzero(ranked)
    if rows.series is None:
        costs = rows.values[["x", "y"]].to_numpy(float)[chosen] * signs
        place[chosen[beaten_beyond(costs.round(9), apart)]] = BEATEN  # equal accuracies differ in their last bits
        return place
    across, up = (sign * rows.series[0, axis, chosen] for axis, sign in enumerate(signs))
    place[chosen[beaten(across, up)]] = BEATEN
    alone = np.isfinite(across + up).sum(1) < 2
    place[chosen[alone]] = UNJUDGED
    return place


def beaten_beyond(costs: np.ndarray, apart: np.ndarray) -> np.ndarray:
    """bool (n,): another row is lower in one column by more than `apart` (2,), and no higher in the other. costs: (n, 2)."""
    dominated = ~undominated(costs)
    if not apart.any():
        return dominated
    for index in np.flatnonzero(dominated):
        less = costs[index] - costs
        dominated[index] = (((less > apart) & (less[:, ::-1] >= 0)).any(1)).any()
    return dominated


def undominated(costs: np.ndarray) -> np.ndarray:
    """bool (n,): no other row is at most as high in both columns and lower in one. costs: (n, 2)."""
    order = np.lexsort((costs[:, 1], costs[:, 0]))
    front, best, first = np.zeros(len(costs), bool), np.inf, np.inf
    for index in order:
        left, below = costs[index]
        if below < best or (below == best and left == first):
            front[index] = True
            best, first = below, left
    return front


def landmarks(frame: pd.DataFrame, x: Quantity, y: Quantity, everything: pd.DataFrame | None = None) -> pd.DataFrame:
    """model, x, y, x_half, y_half: the original's and the reference's mean and interval, each seed's counted once.

    The reference's gap to itself is 0; its half-width there is the distance of a second reference.
    """
    each = once(frame)
    apart = dict(zip("xy", _variability(frame if everything is None else everything, frame, x, y), strict=True))
    marks = []
    for model in ("original", "reference"):
        mark: dict[str, Any] = {"model": model}
        for axis, quantity in (("x", x), ("y", y)):
            over = spread(quantity.take(each, f"{model}."))
            half = apart[axis] if model == "reference" and quantity.gap else over.half_width
            mark |= {axis: over.mean, f"{axis}_half": np.nan if half is None or not half else half}
        marks.append(mark)
    return pd.DataFrame(marks).dropna(subset=["x", "y"])


def front(points: pd.DataFrame, marks: pd.DataFrame, x: Quantity, y: Quantity, picked: Mapping[str, str]) -> go.Figure:
    """Points with intervals, dominated ones grey, the front as a line; picked: letter -> id of its run."""
    best = points[points["place"] == FRONT]
    named = len(best) <= LABELLED
    costs = best[["x", "y"]].to_numpy(float) * [1 if q.low else -1 for q in (x, y)]
    line = best[undominated(costs.round(9))].sort_values(["x", "y"])  # best means; others may be on it by their intervals
    traces: list[dict[str, Any]] = [
        {"type": "scatter", "x": line["x"].to_numpy(), "y": line["y"].to_numpy(), "mode": "lines", "showlegend": False,
         "hoverinfo": "skip", "line": {"color": ACCENT, "width": 1.5, "dash": "dot", "shape": "hv" if x.low else "vh"}}
    ]  # fmt: skip
    for place in (UNJUDGED, IDLE, BEATEN, FRONT):
        rows = points[points["place"] == place]
        words = _words(rows, pd.concat([points, marks]), x, y) if place == FRONT and named and len(rows) else {}
        traces += [_dots(rows, x, y, place, words)] if len(rows) else []
    for mark in marks.to_dict("records"):
        title, hover = MODEL_TITLE[mark["model"]], f"{x.title} {x.text(mark['x'])}, {y.title} {y.text(mark['y'])}"
        traces.append(
            {"type": "scatter", "x": [mark["x"]], "y": [mark["y"]], "name": title, "mode": "markers",
             "hovertemplate": f"{title}: {hover}<extra></extra>", **_whiskers(mark),
             "marker": {"color": MODEL_COLOUR[mark["model"]], "symbol": MODEL_SYMBOL[mark["model"]], "size": 14, "line": {"width": 3}}}
        )  # fmt: skip
    letters = [
        {"x": _log(row["x"], x), "y": _log(row["y"], y), "text": f"<b>{letter}</b>", "font": {"size": 15}, "arrowwidth": 1.5,
         "ax": -22 if letter == "A" else 22, "ay": 22, "arrowhead": 0}
        for letter, run_id in picked.items()
        for row in points[[run_id in ids for ids in points["ids"]]].to_dict("records")
    ]  # fmt: skip
    layout = base_layout(_title(x), _title(y), 420, margin={"l": 64, "b": 48}, annotations=letters)
    return go.Figure(traces, merge_layout(layout, xaxis=_axis(x), yaxis=_axis(y)))


def _whiskers(mark: Mapping[Hashable, Any]) -> dict[str, Any]:
    """Error bars of original or reference."""
    halves = {axis: mark[f"{axis}_half"] for axis in "xy"}
    return {f"error_{axis}": {"array": [half], "thickness": 1, "width": 3} for axis, half in halves.items() if not np.isnan(half)}


def _dots(rows: pd.DataFrame, x: Quantity, y: Quantity, place: str, words: dict[str, Any]) -> dict[str, Any]:
    marker = {"color": ACCENT, "size": 10} if place == FRONT else {"color": QUIET, "size": 7, "symbol": SYMBOL[place]}
    return {
        "type": "scatter", "x": rows["x"].to_numpy(), "y": rows["y"].to_numpy(), "mode": "markers+text" if words else "markers",
        "name": place, "marker": marker, **words,
        "error_x": _bars(rows, "x"), "error_y": _bars(rows, "y"),
        "customdata": [_hover(row, x, y) for row in rows.to_dict("records")], "hovertemplate": "%{customdata}<extra></extra>",
    }  # fmt: skip


def _words(rows: pd.DataFrame, drawn: pd.DataFrame, x: Quantity, y: Quantity) -> dict[str, Any]:
    """Labels: a row's method with those of overlapping rows; '' for a row whose method is in another's label.

    drawn: x and y of all points in the figure, original and reference included.
    """
    low, high = (np.array([_log(float(getattr(drawn[name], end)()), q) for name, q in (("x", x), ("y", y))]) for end in ("min", "max"))
    places = np.array([[_log(row["x"], x), _log(row["y"], y)] for row in rows.to_dict("records")])
    here = (places - low) / np.where(high > low, high - low, 1.0)
    spots: dict[int, list[str]] = {}
    for index, name in enumerate(rows["name"]):
        spot = next((first for first in spots if (abs(here[first] - here[index]) < APART).all()), index)
        method = re.split(" · |, ", name)[0]
        if method not in spots.setdefault(spot, []):
            spots[spot].append(method)
    names = [", ".join(spots.get(index, [])) for index in range(len(rows))]
    return {"text": [f"  {name}  " for name in names], "textposition": _sides(rows["x"], drawn["x"])}


def _title(quantity: Quantity) -> str:
    return f"{quantity.title} ({'lower' if quantity.low else 'higher'} is better{'' if quantity.share else '; log scale'})"


def _axis(quantity: Quantity) -> dict[str, Any]:
    log = {"type": "log", "dtick": 1, "exponentformat": "none"}
    numbers = {"tickformat": ".2~%", "autorangeoptions": SHARES} if quantity.share else log
    return {**numbers, "automargin": False}  # short numbers need no measuring


def _log(value: float, quantity: Quantity) -> float:
    """An annotation's place on a log axis is the logarithm."""
    return value if quantity.share else float(np.log10(value))


def _bars(rows: pd.DataFrame, axis: str) -> dict[str, object] | None:
    """Error bars where there are enough seeds; of fewer, intervals exceed the figure and appear on hover."""
    halves = rows[f"{axis}_half"].where(rows["n"] >= FEW)
    return {"array": halves.to_numpy(), "thickness": 1, "width": 3} if halves.notna().any() else None


def _sides(here: pd.Series, everywhere: pd.Series) -> list[str]:
    """A label's side: where there is more room."""
    middle = (everywhere.min() + everywhere.max()) / 2
    return ["top right" if value <= middle else "top left" for value in here]


def _hover(row: Mapping[Hashable, Any], x: Quantity, y: Quantity) -> str:
    lines = [hovered(str(row["name"]))]
    for quantity, axis in ((x, "x"), (y, "y")):
        half = row[f"{axis}_half"]
        lines.append(f"{quantity.title} {quantity.text(row[axis])}" + ("" if np.isnan(half) else f" ± {quantity.text(half)}"))
    return "<br>".join(lines)
