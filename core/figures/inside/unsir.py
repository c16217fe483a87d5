"""Inside UNSIR: error-maximising noise for the forget class, then impairing and repairing."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import numpy as np
import plotly.graph_objects as go

from core.domain.formatting import percent
from core.figures.inside.aru import grid_of
from core.figures.inside.figures import Line, bars, lines
from core.figures.inside.frames import Frame, Panel, Story, missing
from core.figures.markdown import name as shown_name
from core.figures.markdown import on_axis
from core.figures.palette import ACCENT, QUIET, SET_COLOUR
from core.figures.plotly_layout import base_layout

TARGETS = 2  # forgotten classes whose noise is shown
MOST = 24  # classes in the bars, at most
Predictions = Callable[[], Mapping[str, list[list[list[float]]]]]  # see core.analysis.method_steps.noise_answers
Levels = tuple[tuple[float, ...], tuple[float, ...]]  # mean and deviation of the training pixels, by channel


def frames(story: Story, levels: Levels, predictions: Predictions) -> list[Frame]:
    """The noise at recorded steps; then the two epochs of training."""
    return [*_noise(story, levels, predictions), *_training(story)]


def _noise(story: Story, levels: Levels, predictions: Predictions) -> list[Frame]:
    if (kind := story.params.get("noise", "optimised")) != "optimised":
        what = "plain Gaussian noise, which nothing made fit the network" if kind == "gaussian" else "no noise at all"
        why = f"This run is an ablation: it impairs with {what}, so that the optimised noise can be held against it."
        return [Frame("No noise to watch", why)]
    recorded = story.under("unsir_noise")
    grown = {name.removesuffix("/frames"): np.asarray(array) for name, array in recorded.items() if name.endswith("/frames")}
    if not grown:
        return [missing("The noise", "noise")]
    frames_made = []
    for target in list(grown)[:TARGETS]:
        moments, curve = grown[target], np.asarray(recorded[f"{target}/curve"], dtype=float)
        steps = np.linspace(0, len(curve), len(moments)).round().astype(int)
        name = shown_name(story.classes[int(target)])
        for moment, step in enumerate(steps):
            frames_made.append(Frame(
                f"Noise against {name}: step {step} of {len(curve)}", _sentence(int(step), curve, name),
                partial(_moment, story, target, moment, pixels(moments[moment], levels), (curve, int(step)), predictions),
            ))  # fmt: skip
    return frames_made


def _sentence(step: int, curve: np.ndarray, name: str) -> str:
    now = f"{curve[min(step, len(curve) - 1), 0]:.1f} nats"
    if step == 0:
        return f"It begins as plain random numbers: the network's loss under the name {name} is {now}, and that shall become large."
    if step >= len(curve):
        return (f"Before its last step its loss under the name {name} was {now}: to learn this as {name}, the network must give up "
                "what it knew of it.")  # fmt: skip
    return f"Adam moves the noise up the loss under the name {name}, now {now}; its length holds it back, so that no pixel runs away."


def pixels(noise: np.ndarray, levels: Levels) -> np.ndarray:
    """Noise (N, C, H, W) in normalised space as pixels, not held to [0, 1]."""
    mean, deviation = (np.array(level).reshape(1, -1, 1, 1) for level in levels)
    return np.asarray(noise * deviation + mean)


def stretched(shown: np.ndarray) -> np.ndarray:
    """Pixels moved and scaled to fill [0, 1]."""
    low, high = float(shown.min()), float(shown.max())
    return np.asarray((shown - low) / max(high - low, 1e-12))


def _moment(
    story: Story, target: str, moment: int, shown: np.ndarray, at: tuple[np.ndarray, int], predictions: Predictions
) -> Sequence[Panel]:
    curve, step = at
    probabilities = np.array(predictions()[target][moment]).mean(0)  # (classes,)
    own = story.params.get("norm_mode") != "eval"
    modes = " Here BatchNorm is as the network is used; while it learns, the noise sees that of its own batch." if own else ""
    return [
        Panel(
            "Above: the noise as the network sees it · below: the same, with all contrast that there is",
            "above, what lies beyond black or white is cut; below, from the darkest to the brightest pixel, so that a pattern can be seen.",
            f"{len(shown)} noise images at step {step}, and the same with contrast stretched",
            grid=grid_of(np.concatenate([shown, stretched(shown)]), len(shown)), wide=True,
        ),
        Panel("What the network takes it for", "the original's mean probability of each class over these images; ✕: forget set." + modes,
              "Bars: mean probability of each class on the noise", class_probabilities(probabilities, story.classes, int(target))),
        Panel("How it grows", "the line stands at this frame; loss under the class's name should rise, and the length stay bounded.",
              "Lines: cross-entropy and length of the noise against steps", growth(curve, step)),
    ]  # fmt: skip


def class_probabilities(probabilities: np.ndarray, classes: tuple[str, ...], target: int) -> go.Figure:
    """Bars: probability of each class, or of the likeliest where there are many; the forgotten one in colour."""
    likely = np.argsort(-probabilities, kind="stable")[:MOST].tolist()
    here = sorted({*likely, target})
    names = [f"<b>{one} ✕</b>" if index == target else one for index, one in zip(here, on_axis([classes[i] for i in here]), strict=True)]
    return go.Figure(
        go.Bar(x=names, y=probabilities[here], marker={"color": [ACCENT if i == target else QUIET for i in here]},
               hovertemplate="%{x}: %{y:.1%}<extra></extra>"),
        base_layout("class", "mean probability", xaxis={"type": "category"}, yaxis={"range": [0, 1.04], "tickformat": ".0%"}),
    )  # fmt: skip


def growth(curve: np.ndarray, step: int) -> go.Figure:
    """Cross-entropy (left axis) and mean squared length (right axis) before each step. curve: (steps, 2)."""
    figure = lines([Line("loss under the class's name", curve[:, 0], ACCENT)], "step", "cross-entropy, nats", at=step)
    figure.add_scatter(name="squared length", x=np.arange(len(curve)), y=curve[:, 1], yaxis="y2", mode="lines",
                       line={"color": QUIET, "dash": "dot"}, hovertemplate="step %{x}: squared length %{y:.3g}<extra></extra>")  # fmt: skip
    right = {"overlaying": "y", "side": "right", "title": "mean squared length", "showgrid": False, "tickmode": "auto"}
    figure.update_layout(yaxis2={**right, "rangemode": "tozero"})
    return figure


def _training(story: Story) -> list[Frame]:
    if "unsir/retain" not in story.recorded:
        return [missing("Impair and repair", "accuracies while impairing and repairing")]
    accuracies = np.asarray(story.recorded["unsir/retain"], dtype=float)
    return [
        Frame(
            "Impair",
            "One epoch teaches the noise under the forget class's name, with retain images in between: retain accuracy goes from "
            f"{percent(accuracies[0])} to {percent(accuracies[1])}.", partial(_stages, accuracies, 2),
        ),
        Frame(
            "Repair",
            "More training, on retain images alone, is to repair what the impairing broke, and nothing repairs the "
            f"forgotten class: accuracy on what is kept is now {percent(accuracies[2])}.", partial(_stages, accuracies, 3),
        ),
    ]  # fmt: skip


def _stages(accuracies: np.ndarray, shown: int) -> Sequence[Panel]:
    names = ["before", "after impairing", "after repairing"]
    values = [value if index < shown else np.nan for index, value in enumerate(accuracies)]
    figure = bars(names, values, "stage", "accuracy on the retain images", share=True, colour=SET_COLOUR["retain"])
    return [Panel("Accuracy on the retain images that it trains on", "a small dip that is repaired is the price; UNSIR never reads a "
                  "forgotten image, so it cannot watch their accuracy: the last frames do.",
                  "Bars: accuracy on retain images by stage", figure)]  # fmt: skip
