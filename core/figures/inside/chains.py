"""The frames of a chain of methods: those of each method in turn, as far as they need nothing but what it recorded."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from core.domain.errors import WrongInput
from core.domain.info import MethodInfo
from core.domain.methods.chains import own_params, steps_of
from core.domain.recordings import by_step
from core.figures.inside import aru, shared_frames, ssd, ssse, unsir, weight_perturbation
from core.figures.inside.frames import Frame, Story

View = Callable[[], Mapping[str, Any]]
Probabilities = Callable[[], Mapping[str, np.ndarray]]


def frames(
    method: str, story: Story, methods: Mapping[str, MethodInfo], pixels: tuple[tuple[float, ...], tuple[float, ...]],
    probabilities: Probabilities, importances: View,
) -> list[Frame]:  # fmt: skip
    """method: the chain's key; pixels: mean and deviation by channel; probabilities: of the true class, by network.

    importances: of the first method, where that is SSD, as `ssd.frames` takes them.
    """
    made = list[Frame]()
    for number, (step, part) in enumerate(by_method(method, story, methods), 1):
        own: dict[str, Callable[[], list[Frame]]] = {
            "ssd": partial(ssd.frames, part, _not_of_chains if number > 1 else importances),
            "ssse": partial(ssse.frames, part, _nothing),
            "aru": partial(aru.frames, part, None, _nothing, _nothing),
            "unsir": partial(unsir.frames, part, pixels, _not_of_chains),
            "weight_perturbation": partial(weight_perturbation.frames, part, None, probabilities),
        }
        about = methods[step].about if step in methods else ""
        found = own[step]() if step in own else shared_frames.method_frames(part, about)
        if number > 1:
            found[0] = replace(found[0], sentence=f"It goes on from the network that the method before it left. {found[0].sentence}")
        made += [replace(frame, title=f"{number}. {part.title}: {frame.title}") for frame in found]
    return made


def by_method(method: str, story: Story, methods: Mapping[str, MethodInfo]) -> list[tuple[str, Story]]:
    """Each method's key and what the chain's run says of it alone: its parameters and its recordings."""
    steps = steps_of(method)
    first, behind = by_step(story.recorded)
    recorded = [first, *(behind.get(step, {}) for step in steps[1:])]
    titles = [methods[step].title if step in methods else step for step in steps]
    parts = zip(steps, titles, own_params(steps, story.params), recorded, strict=True)
    return [(step, replace(story, title=title, params=params, recorded=own)) for step, title, params, own in parts]


def _nothing() -> None:
    """In place of what a page draws with sliders of its own."""


def _not_of_chains(*_: object, **__: object) -> Any:
    raise WrongInput("This figure is of a method that runs alone; run it without the others to see it.")
