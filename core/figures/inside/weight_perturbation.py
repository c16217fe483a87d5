"""Inside the weight perturbation: divergence at each evaluation, position of its weights, and confidence."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import plotly.graph_objects as go

from core.domain.errors import WrongInput
from core.domain.formatting import percent
from core.figures.inside.figures import Line, level, lines
from core.figures.inside.frames import Frame, Panel, Story, missing
from core.figures.palette import (
    ACCENT,
    MODEL_COLOUR,
    MODEL_DASH,
    MODEL_SYMBOL,
    MODEL_TITLE,
    SET_COLOUR,
    SET_DASH,
    SET_TITLE,
)
from core.figures.plotly_layout import base_layout

MOMENTS = 6  # frames that follow the trajectory
SURE = np.linspace(0, 1, 21)
Plane = Callable[[], Mapping[str, Any]]  # see core.analysis.method_steps.plane


def frames(story: Story, plane: Plane | None, sure: Callable[[], Mapping[str, np.ndarray]]) -> list[Frame]:
    """plane: None without a reference, which spans it. sure: model -> probability of the true class on each forget image."""
    if "perturbation/trajectory" not in story.recorded:
        return [missing("The trajectory", "trajectory")]
    evaluations = np.asarray(story.recorded["perturbation/trajectory"], dtype=float)
    steps = np.minimum(np.arange(len(evaluations)) * int(story.params["look_every"]), int(story.params["steps"]))
    return [
        Frame(
            "The aim: predict like one that never saw them",
            f"Small steps pull the predictions on the forget set to those of a stand-in that never saw it, until their divergence is below "
            f"τ = {float(story.params['tolerance']):g} nats; here {_ended(evaluations, story)}.",
            partial(_curves, evaluations, steps, story),
        ),
        *(_moments(story, evaluations, steps, plane) if plane else []),
        Frame(
            "Can an attack still tell?",
            "At each evaluation the losses of forget and retain images are compared: at 50 % nobody could tell them apart by their loss.",
            partial(_attack, evaluations, steps),
        ),
        *([] if story.multi else [Frame(
            "Confidence on the forget set",
            "The probability of the right class, image by image: unlearned predictions should be as sure as the reference's, no less and "
            "no more.", partial(_sure, sure),
        )]),
    ]  # fmt: skip


def _ended(evaluations: np.ndarray, story: Story) -> str:
    reached = evaluations[-1, 0] < float(story.params["tolerance"])
    return f"it went from {evaluations[0, 0]:.3f} to {evaluations[-1, 0]:.3f} nats" + ("" if reached else ", and the steps ran out first")


def _gap(evaluations: np.ndarray, steps: np.ndarray, *more: Line, at: float | None = None) -> go.Figure:
    of_forget = Line("forget set", evaluations[:, 0], SET_COLOUR["forget"], x=steps)
    return lines([of_forget, *more], "steps taken", "divergence from the target, nats", at=at)


def _curves(evaluations: np.ndarray, steps: np.ndarray, story: Story) -> Sequence[Panel]:
    gap = _gap(evaluations, steps, level(float(story.params["tolerance"]), "τ, where it stops", steps[-1]))
    far = lines([Line("weights that move", evaluations[:, 1], ACCENT, x=steps),
                 level(float(story.params["radius"]), "R, no farther", steps[-1])],
                "steps taken", "change over the start's length")  # fmt: skip
    return [
        Panel("Divergence from the stand-in's predictions", "it should fall below the dashed line, where the method stops.",
              "Line: Jensen-Shannon divergence at each evaluation", gap),
        Panel("How far the weights went", "the dashed line is the radius R, from which they are pulled back.",
              "Line: relative distance of the weights at each evaluation", far),
    ]  # fmt: skip


def _moments(story: Story, evaluations: np.ndarray, steps: np.ndarray, plane: Plane) -> list[Frame]:
    if "perturbation/moments" not in story.recorded:
        return [missing("The way of the weights", "moments of its weights")]
    recorded = np.asarray(story.recorded["perturbation/moments"]).astype(int)
    chosen = np.unique(np.linspace(0, len(recorded) - 1, min(MOMENTS, len(recorded))).round().astype(int))
    return [
        Frame(
            f"The way of the weights: {steps[recorded[index]]} steps",
            f"After {steps[recorded[index]]} steps the weights are {evaluations[recorded[index], 1]:.3f} of their length away from the "
            "start: the method looks for other answers, not for the weights of a retrained network.",
            partial(_plane, evaluations, steps, int(recorded[index]), plane),
        )
        for index in chosen
    ]


def _plane(evaluations: np.ndarray, steps: np.ndarray, evaluation: int, plane: Plane) -> Sequence[Panel]:
    gap = Panel("Divergence at this evaluation", "the line stands at this frame.", "Line: divergence by step, with this frame's marked",
                _gap(evaluations, steps, at=float(steps[evaluation])))  # fmt: skip
    try:
        view = plane()
    except WrongInput as reason:  # say, no reference: the other panel is still shown
        return [Panel("In the plane of the three networks", note=str(reason)), gap]
    return [
        Panel("In the plane of the three networks", "both axes in lengths of the original's weights, so distances are true: retraining "
              "ends far away, unlearning nearby.", "Points: original, unlearned and reference in the plane of their weights",
              full_plane(view)),
        Panel("The same, close up", "the way so far, from the original to this frame; directions are right to about 1 % of each length. "
              f"Beside this plane it lies by about {percent(max((m[3] for m in view['moments'] if m[0] <= evaluation), default=0.0))} of "
              "the original's length where that is most, by an estimate that is a fifth of the way too large at worst.",
              "Line: way of the weights, enlarged", close_up(view, evaluation)),
        gap,
    ]  # fmt: skip


def full_plane(view: Mapping[str, Any]) -> go.Figure:
    """The three networks in their plane, to scale. view: see core.analysis.method_steps.plane."""
    places = {"original": [0.0, 0.0], "unlearned": view["unlearned"], "reference": view["reference"]}
    figure = go.Figure(layout=base_layout("towards the reference", "square to it", yaxis={"scaleanchor": "x"}))
    for model, place in places.items():
        _add_network(figure, model, place)
    return figure


def _add_network(figure: go.Figure, model: str, place: Sequence[float]) -> None:
    figure.add_scatter(
        name=MODEL_TITLE[model], x=[place[0]], y=[place[1]], mode="markers",
        marker={"size": 15, "color": MODEL_COLOUR[model], "symbol": MODEL_SYMBOL[model], "line": {"width": 2}},
        hovertemplate=f"{MODEL_TITLE[model]} (%{{x:.3f}}, %{{y:.3f}})<extra></extra>",
    )  # fmt: skip


def close_up(view: Mapping[str, Any], evaluation: int) -> go.Figure:
    """The trajectory up to an evaluation, on axes that hold all of it. view: as in `full_plane`."""
    way = np.array([moment[1:4] for moment in view["moments"] if moment[0] <= evaluation])
    every = np.array([moment[1:3] for moment in view["moments"]] + [[0.0, 0.0], view["unlearned"]])
    low, high = every.min(0), every.max(0)
    room = 0.08 * max(float((high - low).max()), 1e-6)
    across, up = ({"range": [low[axis] - room, high[axis] + room]} for axis in (0, 1))
    figure = go.Figure(layout=base_layout("towards the reference", "square to it", xaxis=across, yaxis=up))
    figure.add_scatter(name="the way so far", x=way[:, 0], y=way[:, 1], mode="lines+markers", line={"color": ACCENT, "width": 2.5},
                       customdata=way[:, 2:],
                       hovertemplate="(%{x:.4f}, %{y:.4f}), about %{customdata[0]:.3f} beside the plane<extra></extra>")  # fmt: skip
    _add_network(figure, "original", (0.0, 0.0))
    _add_network(figure, "unlearned", view["unlearned"])
    return figure


def _attack(evaluations: np.ndarray, steps: np.ndarray) -> Sequence[Panel]:
    auc = lines([Line("loss attack", evaluations[:, 2], ACCENT, x=steps), level(0.5, "chance", steps[-1])],
                "steps taken", "AUC", share=True)
    names = ("forget", "retain")
    sets = [Line(SET_TITLE[name], evaluations[:, 3 + i], SET_COLOUR[name], SET_DASH[name], steps) for i, name in enumerate(names)]
    losses = lines(sets, "steps taken", "mean loss, nats")
    return [
        Panel("AUC of a loss attack, forget against retain", "above chance forgotten images have the larger losses, below it the "
              "smaller ones.", "Line: AUC at each evaluation", auc),
        Panel("Mean losses", "the forget set's loss should rise to the level of test images, the retain set's stay low.",
              "Lines: mean loss of forget and retain set at each evaluation", losses),
    ]  # fmt: skip


def _sure(sure: Callable[[], Mapping[str, np.ndarray]]) -> Sequence[Panel]:
    return [Panel("Confidence on the forget set", "what piles up at the right is known well; the unlearned line should run where the "
                  "reference's does.", "Lines: histogram of the right class's probability on the forget set, of each network",
                  confidence(sure()))]  # fmt: skip


def confidence(sure: Mapping[str, np.ndarray]) -> go.Figure:
    """Histograms as lines, distinguishable where they coincide. sure: model -> probability of the true class on each image."""
    series = [
        Line(MODEL_TITLE[model], np.histogram(values, SURE)[0], MODEL_COLOUR[model], MODEL_DASH[model], (SURE[1:] + SURE[:-1]) / 2,
             MODEL_SYMBOL[model])
        for model, values in sure.items()
    ]  # fmt: skip
    return lines(series, "probability of the right class", "images of the forget set")
