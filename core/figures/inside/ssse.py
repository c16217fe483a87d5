"""Inside Single-Step Sample Erasure: curvature, damping, the step, and the losses along it."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import plotly.graph_objects as go

from core.figures.inside.figures import Line, bars, lines
from core.figures.inside.frames import Frame, Panel, Story, missing
from core.figures.palette import ACCENT, QUIET, SET_COLOUR, SET_DASH, SET_SYMBOL, SET_TITLE, THRESHOLD
from core.figures.plotly_layout import base_layout

BLOCKS = 6  # blocks of weights whose spectrum is drawn: those with the largest eigenvalues
SHADES = ("#D55E00", "#2F7FC1", "#4E9E8A", "#AD3A9C", "#A97B00", "#808890")


def frames(story: Story, live: Callable[[], None]) -> list[Frame]:
    """live: draws the interactive path with its slider."""
    blocks = {name.removesuffix("/spectrum"): values for name, values in story.under("ssse").items() if name.endswith("/spectrum")}
    if not blocks:
        return [missing("Curvature", "eigenvalues and no step")]
    by_block = {block: _numbers(story, block) for block in blocks}
    stiff, total = sum(_stiff(blocks[b], by_block[b]["damping"]) for b in blocks), sum(len(values) for values in blocks.values())
    return [
        Frame(
            "Curvature: what is stiff, what is loose",
            "Along each eigenvector of the Fisher the loss reacts with its eigenvalue: a step along a stiff direction costs accuracy "
            "everywhere, along a loose one hardly any.", partial(_spectrum, blocks, by_block, False),
        ),
        Frame(
            "Damping: no direction gets an endless step",
            f"λ is added to every eigenvalue, which bounds the step by 1/λ: {stiff} of the {total} directions shown are stiffer than λ and "
            "are spared by their curvature, the others move about as plain ascent would.", partial(_spectrum, blocks, by_block, True),
        ),
        Frame(
            "The step against plain gradient ascent",
            "Curvature turns the step from the forget set's gradient to what the rest of the data minds less: 1 would be plain ascent, 0 "
            f"square to it; here {_range([numbers['cosine_with_ascent'] for numbers in by_block.values()])}.",
            partial(_direction, story, by_block),
        ),
        Frame(
            "What was promised, and what came",
            "The step is computed from gradients at the start; as far as the loss is not a straight line, an image's loss changes "
            "otherwise than they say.", partial(_predicted_losses, story, by_block),
        ),
        Frame(
            "Along the step, and beyond",
            "t = 0 is the original, t = 1 the unlearned network: pull t and the engine asks the network there, on images to forget, to "
            "keep, and unseen.", lambda: [Panel("", draw=live)],
        ),
    ]  # fmt: skip


def _numbers(story: Story, block: str) -> dict[str, float]:
    recorded = story.under(f"ssse/{block}")
    return {name: float(recorded[name]) for name in ("damping", "cosine_with_ascent", "mean_gradient_norm") if name in recorded}


def _range(values: Sequence[float]) -> str:
    low, high = f"{min(values):.2f}", f"{max(values):.2f}"
    return f"the cosine is {low}" if low == high else f"cosines go from {low} to {high}"


def _stiff(values: np.ndarray, damping: float) -> int:
    return int((np.asarray(values) > damping).sum())


def largest(blocks: Mapping[str, np.ndarray]) -> list[str]:
    """The blocks to draw, largest eigenvalue first."""
    return sorted(blocks, key=lambda block: -float(np.max(blocks[block])))[:BLOCKS]


def spectra(blocks: Mapping[str, np.ndarray], damping: Mapping[str, float]) -> go.Figure:
    """Eigenvalues on a log axis, one line per block; damping: block -> λ, a dashed line; {} for none."""
    shown = []
    for colour, block in zip(SHADES, largest(blocks), strict=False):
        values = np.maximum(np.asarray(blocks[block], dtype=float), 1e-30)
        smallest = values[0] * 1e-12  # rounding errors below
        values = values[values > smallest]
        shown.append(Line(block, values, colour))
        if block in damping:
            own = colour if len(blocks) > 1 else THRESHOLD
            shown.append(Line(f"λ of {block}", [damping[block]] * 2, own, "dash", [0, len(values) - 1], "line-ew", len(blocks) == 1))
    return lines(shown, "eigenvalue, the largest first", "eigenvalue of the Fisher", log=True)


def spared(blocks: Mapping[str, np.ndarray], damping: Mapping[str, float]) -> go.Figure:
    """λ / (eigenvalue + λ): the share of plain ascent's step along each direction."""
    shown = []
    for colour, block in zip(SHADES, largest(blocks), strict=False):
        left = damping[block] / (np.asarray(blocks[block], dtype=float) + damping[block])
        shown.append(Line(block, left, colour))
    return lines(shown, "eigenvalue, the largest first", "step that is left", share=True)


def _spectrum(blocks: Mapping[str, np.ndarray], by_block: Mapping[str, Mapping[str, float]], damped: bool) -> Sequence[Panel]:
    damping = {block: by_block[block]["damping"] for block in blocks}
    some = f" The {BLOCKS} blocks with the largest of {len(blocks)} are drawn." if len(blocks) > BLOCKS else ""
    first = Panel(
        "Eigenvalues of the Fisher", ("directions above their dashed line are held by curvature, those below by λ." if damped
        else "a steep fall means that few directions matter to the training set; the flat rest is free to move.") + some,
        "Lines: eigenvalues of each block of weights, falling" + (", with the damping drawn in" if damped else ""),
        spectra(blocks, damping if damped else {}),
    )  # fmt: skip
    if not damped:
        return [first]
    return [first, Panel(
        "Share of plain ascent's step that is left", "near 0 a direction is spared, at 100 % it moves as if there were no curvature.",
        "Lines: damping over eigenvalue plus damping, of each direction", spared(blocks, damping),
    )]  # fmt: skip


def _direction(story: Story, by_block: Mapping[str, Mapping[str, float]]) -> Sequence[Panel]:
    cosines = {block: numbers["cosine_with_ascent"] for block, numbers in by_block.items()}
    cosine = bars(list(cosines), list(cosines.values()), "block of weights", "cosine with plain ascent")
    cosine.update_yaxes(range=[min(0.0, *cosines.values()) * 1.05, 1.04])
    step = story.under("step")
    norms = [float(np.linalg.norm(move)) for move in step.values()]
    lengths = bars(list(step), norms, "parameter tensor, input to output", "length of the step")
    return [
        Panel("Direction, block by block", "a low bar means that curvature turned the step far from the gradient.",
              "Bars: cosine of the step with gradient ascent, by block", cosine),
        Panel("Where the step went", "length of the change of each parameter tensor; no bar: it was not moved.",
              "Bars: length of the step, by parameter tensor", lengths),
    ]  # fmt: skip


def predicted_losses(predicted: np.ndarray, actual: np.ndarray) -> go.Figure:
    """One point per forget image: predicted against actual change of loss."""
    low, high = float(min(predicted.min(), actual.min())), float(max(predicted.max(), actual.max()))
    figure = go.Figure(layout=base_layout("predicted change of loss, nats", "actual change of loss, nats"))
    figure.add_scatter(name="as promised", x=[low, high], y=[low, high], mode="lines", hoverinfo="skip",
                       line={"color": THRESHOLD, "dash": "dash"})  # fmt: skip
    figure.add_scatter(name="an image of the forget set", x=predicted, y=actual, mode="markers",
                       marker={"color": SET_COLOUR["forget"], "opacity": 0.7},
                       hovertemplate="promised %{x:.3f}, came %{y:.3f} nats<extra></extra>")  # fmt: skip
    return figure


def _predicted_losses(story: Story, by_block: Mapping[str, Mapping[str, float]]) -> Sequence[Panel]:
    predicted = np.sum([story.recorded[f"ssse/{block}/predicted"] for block in by_block], axis=0)
    actual = np.asarray(story.recorded["ssse/actual"], dtype=float)
    losses = lines([Line("forget set", story.recorded["ssse/path_loss"], SET_COLOUR["forget"], x=story.recorded["ssse/path"])],
                   "t, multiples of the step", "mean loss, nats", at=1.0)  # fmt: skip
    return [
        Panel("Each image's loss", f"on the dashed line the promise came true; the mean of {len(actual)} images is {actual.mean():.2f} "
              f"nats, promised were {predicted.mean():.2f}.", "Points: predicted against actual change of loss",
              predicted_losses(predicted, actual)),
        Panel("Mean loss of the forget set along the step", "the line stands at the step that was taken; a curve that bends was not as the "
              "gradient said.", "Line: mean loss against multiples of the step", losses),
    ]  # fmt: skip


def path(curve: Mapping[str, Any], now: Mapping[str, Any], t: float, what: str) -> go.Figure:
    """Loss or accuracy of each set along the step, with the chosen t. curve, now: see core.analysis.method_steps."""
    sets = [name for name in SET_TITLE if name in curve]
    shown = [
        Line(SET_TITLE[name], curve[name][what], SET_COLOUR.get(name, QUIET), SET_DASH[name], curve["t"], SET_SYMBOL[name])
        for name in sets
    ]
    titles = {"loss": "mean loss, nats", "accuracy": "accuracy"}
    figure = lines(shown, "t, multiples of the step", titles[what], at=t, share=what == "accuracy")
    figure.add_scatter(name="at t", x=[t] * len(sets), y=[now[name][what] for name in sets], mode="markers", showlegend=False,
                       marker={"size": 13, "color": ACCENT, "line": {"width": 2, "color": "white"}},
                       hovertemplate="t = %{x:.2f}: %{y:.3g}<extra></extra>")  # fmt: skip
    return figure
