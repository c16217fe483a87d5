"""Inside SISA: which stages of which shards were trained again, what requests cost, and what shards cost in accuracy."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import plotly.graph_objects as go

from core.domain.formatting import percent
from core.domain.run import Recipe
from core.domain.training.sharding import ShardedRun, expected_share, price, share_of_many, share_of_one
from core.figures.inside.figures import Line, lines
from core.figures.inside.frames import Frame, Panel, Story, missing
from core.figures.palette import ACCENT, CLASS_COLOURS, CLASS_SYMBOLS, QUIET, binary, ink
from core.figures.plotly_layout import base_layout, hatch

MOST = 10  # numbers of slices that have a line of their own


def frames(
    story: Story, recipe: Recipe, beside: Callable[[], Sequence[ShardedRun]], votes: Callable[[], Mapping[str, Any]]
) -> list[Frame]:
    """recipe: of the original; beside: runs that differ in shards and slices, this one among them; votes: see
    core.analysis.member_votes.
    """
    arrays = {name: np.asarray(array, dtype=float) for name, array in story.under("sisa").items()}
    if "redone" not in arrays or recipe.shards == recipe.slices == 1:
        return [missing("The grid of shards and slices", "shards")]
    told = [_votes(votes)] if recipe.shards > 1 and not story.multi else []
    return [_grid(arrays), _costs(arrays, recipe), *told, _accuracy(recipe, beside)]


def share_redone(arrays: dict[str, np.ndarray]) -> float:
    """Passes of the stages that were trained again, of those that training all stages takes on the images that stay."""
    whole = (arrays["retained"].cumsum(1) * arrays["epochs"]).sum()
    return float(arrays["passes"].sum() / max(1.0, whole))


def _grid(arrays: dict[str, np.ndarray]) -> Frame:
    forgotten, redone = arrays["forgotten"], arrays["redone"]
    hit, shards = int((forgotten.sum(1) > 0).sum()), len(forgotten)
    every = " No shard is spared, so that only slices save." if hit == shards else ""
    return Frame(
        "Which stages are trained again",
        f"The {int(forgotten.sum()):,} forgotten images lie in {hit} of {shards} shards: {int(redone.sum())} of {redone.size} stages are "
        f"trained again, {int(arrays['passes'].sum()):,} passes over an image, {percent(share_redone(arrays))} of training all.{every}",
        partial(_grid_panels, arrays),
    )  # fmt: skip


def _grid_panels(arrays: dict[str, np.ndarray]) -> list[Panel]:
    how = (
        "a row is a network, a column a slice and the stage that first has it; orange stages were trained again, from the first slice with "
        "a forgotten image on; the number counts forgotten images of the slice."
    )
    return [Panel("Shards and slices", how, "Grid: shards by slices, with stages that were trained again marked", grid(arrays), wide=True)]


def grid(arrays: dict[str, np.ndarray]) -> go.Figure:
    """arrays: redone, forgotten, retained, seconds, each (shards, slices)."""
    shards, slices = arrays["redone"].shape
    said = np.stack([arrays["forgotten"], arrays["retained"], arrays["seconds"]], axis=-1)
    ticks: dict[str, Any] = {"showgrid": False, "zeroline": False}
    return go.Figure(
        go.Heatmap(
            z=arrays["redone"], x=np.arange(1, slices + 1), y=np.arange(1, shards + 1), colorscale=binary(), zmin=0, zmax=1,
            showscale=False, xgap=3, ygap=3, customdata=said, text=arrays["forgotten"].astype(int), texttemplate="%{text}",
            textfont={"color": ink()},
            hovertemplate="shard %{y}, slice %{x}: %{customdata[0]:.0f} forgotten, %{customdata[1]:.0f} stay; "
            "trained again in %{customdata[2]:.2f} s<extra></extra>",
        ),
        base_layout(
            "slice, and the stage that first has it", "shard", max(220, 60 + 28 * shards), xaxis={**ticks, "dtick": 1},
            yaxis={**ticks, "dtick": 1, "autorange": "reversed"},
        ),
    )  # fmt: skip


def _costs(arrays: dict[str, np.ndarray], recipe: Recipe) -> Frame:
    count = int(arrays["forgotten"].sum())
    return Frame(
        "What a request costs",
        f"One image takes {percent(expected_share(recipe, 1))} of training on average, (2R + 1)/3RS = "
        f"{percent(share_of_one(recipe.shards, recipe.slices))} by the formula; {count:,} drawn at random take "
        f"{percent(expected_share(recipe, count))}, and these took {percent(share_redone(arrays))}.",
        lambda: [Panel("Cost by the number of forgotten images", "the lines are averages over images drawn at random, in one request; "
                       "where they reach the top, SISA is retraining.", "Lines: share of training by number of forgotten images",
                       costs(recipe, count, share_redone(arrays)), wide=True)],
    )  # fmt: skip


def costs(recipe: Recipe, count: int, share: float) -> go.Figure:
    """count, share: the run's own forgotten images, and the share of training that they took."""
    at = np.unique(np.round(np.geomspace(1, max(10 * recipe.shards * recipe.slices, 2 * count), 60)).astype(int))
    series = [Line("shards alone, 1 - (1 - 1/S)^K", [share_of_many(recipe.shards, int(k)) for k in at], QUIET, "dash", at)]
    if recipe.slices > 1:
        series.append(Line("with slices", [expected_share(recipe, int(k)) for k in at], ACCENT, "solid", at))
    figure = lines(series, "forgotten images K", "share of training", share=True)
    figure.add_scatter(name="this run", x=[count], y=[share], mode="markers", marker={"symbol": "star", "size": 14, "color": ACCENT},
                       hovertemplate="this run, %{x} images: %{y:.1%}<extra></extra>")  # fmt: skip
    figure.update_xaxes(type="log")
    return figure


def _votes(votes: Callable[[], Mapping[str, Any]]) -> Frame:
    return Frame(
        "How the members agree",
        "Every network answers each image by itself; the softmaxes are averaged. The authors count votes instead: where the members are of "
        "one mind both give the same answer, and where they are not the two may differ.", partial(_vote_panels, votes),
    )  # fmt: skip


def _vote_panels(votes: Callable[[], Mapping[str, Any]]) -> list[Panel]:
    found = votes()
    members = found["members"]
    how = (
        f"{found['count']:,} test images, by how many of the {len(members)} members gave the answer that most gave. Right by the mean of "
        f"softmaxes {percent(found['mean'])}, by vote {percent(found['vote'])}, a member alone "
        f"{percent(sum(members) / len(members))} on average."
    )
    return [Panel("Members behind the answer", how, "Bars: test images by how many members agree, right and wrong", agreement(found),
                  wide=True)]  # fmt: skip


def agreement(found: Mapping[str, Any]) -> go.Figure:
    """found: as core.analysis.member_votes gives it. Stacked bars of images, right and wrong by vote."""
    agree, right, count = np.array(found["agree"]), np.array(found["right"]), max(1, int(found["count"]))
    figure = go.Figure(layout=base_layout("members that agree", "test images", barmode="stack", yaxis={"tickformat": ".0%"},
                                          xaxis={"dtick": 1}))  # fmt: skip
    for name, images, colour, shape in (("right", right, QUIET, ""), ("wrong", agree - right, ACCENT, "/")):
        figure.add_bar(
            name=name, x=np.arange(1, len(agree) + 1), y=images / count, marker={"color": colour, "pattern": hatch(shape)},
            customdata=images, hovertemplate=f"%{{x}} members agree, {name}: %{{customdata}} images, %{{y:.1%}}<extra></extra>",
        )  # fmt: skip
    return figure


def _accuracy(recipe: Recipe, beside: Callable[[], Sequence[ShardedRun]]) -> Frame:
    return Frame(
        "What shards cost in accuracy",
        f"Each of the {recipe.shards} networks sees a part of the images alone; what the original answers less well than one network "
        "that was trained on all of them is the price of quick forgetting." if recipe.shards > 1 else
        "One network sees all images, in stages: what it answers less well than one trained at once is the price of quick forgetting.",
        partial(_accuracy_panels, recipe, beside),
    )  # fmt: skip


def _accuracy_panels(recipe: Recipe, beside: Callable[[], Sequence[ShardedRun]]) -> list[Panel]:
    points = beside()
    others = {(point.shards, point.slices) for point in points} - {(recipe.shards, recipe.slices)}
    if not others:
        note = (
            "No run of this request stands beside it whose original was trained by other shards or as a whole. Run it with shards=1 "
            "slices=1, by any method, and by SISA with other shards."
        )
        return [Panel("Accuracy of the original by shards", note=note)]
    lost = price(points, recipe.shards, recipe.slices)
    said = "" if lost is None else f" This run's original loses {100 * lost:.1f} points to the one network, on average over seeds."
    how = f"a point is an original, a line goes through the means over seeds; one shard of one slice is trained as a whole.{said}"
    panels = [Panel("Accuracy of the original by shards", how, "Lines: accuracy on test images by shards", accuracy_by_shards(points))]
    if sum(point.cost is not None for point in points) > 1:
        how = (
            "to the left, this request costs less; up, the original answers better. Seconds of SISA as a share of those of training the "
            "reference; names are shards × slices."
        )
        panels.append(Panel("Accuracy against cost", how, "Points: accuracy by cost of the request", accuracy_by_cost(points)))
    return panels


def accuracy_by_shards(points: Sequence[ShardedRun]) -> go.Figure:
    """A line for each number of slices."""
    figure = go.Figure(layout=base_layout("shards", "accuracy on test images", yaxis={"tickformat": ".1~%"}, xaxis={"rangemode": "tozero"}))
    for index, slices in enumerate(sorted({point.slices for point in points})[:MOST]):
        own = [point for point in points if point.slices == slices]
        means = {s: float(np.mean([point.accuracy for point in own if point.shards == s])) for s in sorted({point.shards for point in own})}
        style = {"color": CLASS_COLOURS[index % len(CLASS_COLOURS)]}
        name = f"{slices} slice{'s' * (slices > 1)}"
        figure.add_scatter(name=name, x=list(means), y=list(means.values()), mode="lines", line=style, hoverinfo="skip")
        figure.add_scatter(
            name=name, showlegend=False, x=[point.shards for point in own], y=[point.accuracy for point in own], mode="markers",
            marker={**style, "size": 9, "symbol": CLASS_SYMBOLS[index % len(CLASS_SYMBOLS)]}, customdata=[point.seed for point in own],
            hovertemplate=f"%{{x}} shards of {name}, seed %{{customdata}}: %{{y:.1%}}<extra></extra>",
        )  # fmt: skip
    return figure


def accuracy_by_cost(points: Sequence[ShardedRun]) -> go.Figure:
    """Of SISA's runs, each named by its shards and slices."""
    known = [point for point in points if point.cost is not None]
    return go.Figure(
        go.Scatter(
            x=[point.cost for point in known], y=[point.accuracy for point in known], mode="markers+text",
            text=[f"{point.shards}×{point.slices}" for point in known], textposition="top center", textfont={"color": ink()},
            marker={"size": 10, "color": ACCENT}, customdata=[point.seed for point in known],
            hovertemplate="%{text}, seed %{customdata}: %{y:.1%} at %{x:.0%} of retraining<extra></extra>",
        ),
        base_layout("seconds of SISA, as a share of retraining", "accuracy on test images", xaxis={"tickformat": ".0%"},
                    yaxis={"tickformat": ".1~%"}),
    )  # fmt: skip
