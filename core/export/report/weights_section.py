"""What happened to the weights of a run: the method's own steps, as far as they were recorded, and how far each layer moved."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
import re
from typing import Any

import numpy as np

from core.analysis.weights.importance_statistics import importance_statistics
from core.domain.errors import WrongInput
from core.domain.methods.chains import is_chain
from core.domain.recordings import params_in_effect
from core.domain.training.own_recipe import forget_count, trained_data
from core.export.markdown_html import line_of
from core.export.report.run_contents import RunContents
from core.figures import class_figures
from core.figures.inside import aru, chains, shared_frames, ssd, ssse, unsir, weight_perturbation
from core.figures.inside.frames import Frame, Panel, Story
from core.figures.palette import MODEL_TITLE
from core.figures.sections import Block, FigureBlock, Section, TextBlock
from core.reports.odd_results import told_of

STATISTIC, IMPORTANCE = "statistic/Importance", "importance_forget/"  # what SSD stores


def weights(run: RunContents) -> Section:
    """The method's own steps, as far as the run recorded them, and how far each layer moved."""
    blocks: list[Block] = []
    with suppress(WrongInput), told_of(run.run.id):
        blocks += _steps(run)
    with suppress(WrongInput), told_of(run.run.id):
        blocks.append(FigureBlock(
            "change-by-layer", "How far each layer moved", class_figures.layer_change(run.table("layers")),
            "Relative change of each parameter tensor from the original's weights",
            "Length of the change over that of the original's weights; retraining starts elsewhere and ends far off.",
        ))  # fmt: skip
    none = () if blocks else ("What happened to the weights is not stored: its files are gone, or another version made this run.",)
    return Section("weights", "What happened to the weights", none, blocks)


def _steps(run: RunContents) -> Iterator[Block]:
    """The frames of the page Inside that need no engine: a sentence each, and the figures that say something new."""
    recorded, spec = run.arrays("recorded"), run.run.spec
    layers = tuple(run.table("layers")["layer"]) if "layers" in run.files else ()
    data = run.data
    if data is None:
        return
    story = Story(run.method_title, params_in_effect(spec.params, recorded), spec.request, data.classes, recorded, run.table, layers,
                  data.multi)  # fmt: skip
    own: dict[str, Callable[[], list[Frame]]] = {
        "ssd": lambda: ssd.frames(story, partial(importances_of, run, recorded)),
        "ssse": lambda: ssse.frames(story, _nothing),
        "aru": lambda: aru.frames(story, None, _nothing, _nothing),
        "unsir": lambda: unsir.frames(story, (data.mean, data.deviation), _no_answer),
        "weight_perturbation": lambda: weight_perturbation.frames(story, None, partial(_true_class_probabilities, run)),
    }
    about = run.method.about if run.method else ""
    if is_chain(spec.method):
        pixels, methods = (data.mean, data.deviation), {step.key: step for step in run.method.steps} if run.method else {}
        frames = chains.frames(spec.method, story, methods, pixels, partial(_true_class_probabilities, run),
                               partial(importances_of, run, recorded))  # fmt: skip
    else:
        frames = own[spec.method]() if spec.method in own else shared_frames.method_frames(story, about)
    shown: dict[str, tuple[Frame, list[Panel]]] = {}  # of frames that mark the same figure further, the last
    for frame in frames:
        with suppress(WrongInput):
            panels = [panel for panel in frame.panels() if panel.figure is not None]
            if panels:
                shown[panels[0].title] = frame, panels
    number = 0
    for frame, panels in shown.values():
        yield TextBlock(line_of(frame.sentence), line_of(frame.title))
        for panel in panels:
            number += 1
            name = re.sub(r"[^a-z0-9]+", "-", panel.title.lower()).strip("-")[:40].strip("-")
            yield FigureBlock(f"step-{number}-{name}", panel.title, panel.figure, panel.alt, panel.how[:1].upper() + panel.how[1:],
                              wide=len(panels) == 1)  # fmt: skip


def _nothing() -> None:
    """In place of what a page draws with sliders of its own."""


def _no_answer() -> Any:
    raise WrongInput("This step needs the network itself.")


def importances_of(run: RunContents, recorded: dict[str, np.ndarray]) -> dict[str, Any]:
    """The importances that SSD stored, by layer and as ratios; `ceiling`: n/k, None where the estimator has none. Raises WrongInput."""
    statistic = next((name for name in run.files if name.startswith(STATISTIC)), None)
    if statistic is None:
        raise WrongInput("The importances of this run are not stored.")
    everything = run.arrays(statistic)
    forget = {name.removeprefix(IMPORTANCE): array for name, array in recorded.items() if name.startswith(IMPORTANCE)}
    order = [name for name in (run.table("layers")["layer"] if "layers" in run.files else forget) if name in forget and name in everything]
    if not order:
        raise WrongInput("The importances of this run are not stored.")
    exact = run.run.spec.params.get("importance") == "per_sample" and run.data is not None
    left = trained_data(run.run.spec, run.data) if exact and run.data else None
    ceiling = left.train_count / forget_count(run.run.spec, run.data) if left and run.data else None
    return importance_statistics({name: forget[name] for name in order}, everything) | {"ceiling": ceiling}


def _true_class_probabilities(run: RunContents) -> dict[str, np.ndarray]:
    """Model -> probability of the true class on each evaluated forget image."""
    examples, predictions = run.table("examples"), run.arrays("answers")
    rows = np.flatnonzero(examples["set"] == "forget")
    labels = examples["truth" if "truth" in examples else "label"].to_numpy()[rows]  # a mislabelled image was taught another
    return {model: predictions[model][rows, labels] for model in MODEL_TITLE if model in predictions}
