"""What a step player plays: frames of a run, each a sentence and up to four things to see, made only when it is shown."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from core.domain.requests.base import ForgetRequest


@dataclass(frozen=True)
class Panel:
    """One thing to see: a figure, a wall of images (uint8 (H, W, 3)), a `note` on why there is none, or `draw`, which draws what
    answers clicks itself. wide: with a row of its own."""

    title: str
    how: str = ""  # to read it; follows "How to read it: "
    alt: str = ""
    figure: go.Figure | None = None
    wall: np.ndarray | None = None
    note: str = ""
    draw: Callable[[], None] | None = None
    wide: bool = False


@dataclass(frozen=True)
class Frame:
    """sentence: markdown, one line: what happens and why. panels: makes what there is to see; may raise WrongInput.

    missing: it stands for a step that the run did not record.
    """

    title: str
    sentence: str
    panels: Callable[[], Sequence[Panel]] = tuple
    missing: bool = False


@dataclass(frozen=True)
class Story:
    """What frames are made of: a finished run as plain data. `table` reads one of the run's tables; raises WrongInput."""

    title: str  # the method's
    params: Mapping[str, Any]
    request: ForgetRequest
    classes: tuple[str, ...]
    recorded: Mapping[str, np.ndarray]
    table: Callable[[str], pd.DataFrame]
    layers: Sequence[str] = ()  # every parameter tensor, input to output
    multi: bool = False

    @property
    def forgotten(self) -> tuple[int, ...]:
        """Classes that had to go whole."""
        return self.request.classes

    def under(self, folder: str) -> dict[str, np.ndarray]:
        """What was recorded as `folder/name`: name -> array; layers and blocks of layers from input to output."""
        found = {name.removeprefix(f"{folder}/"): array for name, array in self.recorded.items() if name.startswith(f"{folder}/")}
        return dict(sorted(found.items(), key=lambda item: self._place(item[0])))

    def _place(self, name: str) -> int:
        block = name.partition("/")[0]
        return next((i for i, layer in enumerate(self.layers) if layer == block or layer.startswith(f"{block}.")), len(self.layers))


def missing(title: str, what: str) -> Frame:
    """A frame in the place of one whose recording is not there."""
    why = "because another version of Forgetscope computed it: run it again to see this step"
    return Frame(title, f"This run recorded no {what}, {why}.", missing=True)
