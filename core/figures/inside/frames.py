"""What the step player plays: frames of a run, each a sentence and up to four panels, built only when shown."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from core.domain.requests.base import ForgetRequest


@dataclass(frozen=True)
class Panel:
    """One panel: a figure, an image grid (uint8 (H, W, 3)), a `note` on why there is none, or `draw`, which draws interactive
    content. wide: in its own row."""

    title: str
    how: str = ""  # to read it; follows "How to read it: "
    alt: str = ""
    figure: go.Figure | None = None
    grid: np.ndarray | None = None
    note: str = ""
    draw: Callable[[], None] | None = None
    wide: bool = False


@dataclass(frozen=True)
class Frame:
    """One step. sentence: markdown, one line: what happens and why. panels: builds the panels; may raise WrongInput.

    missing: a placeholder for a step that the run did not record.
    """

    title: str
    sentence: str
    panels: Callable[[], Sequence[Panel]] = tuple
    missing: bool = False


@dataclass(frozen=True)
class Story:
    """A finished run as plain data, from which frames are built. `table` reads one of its tables; raises WrongInput."""

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
        """Classes that the request forgets entirely."""
        return self.request.classes

    def under(self, folder: str) -> dict[str, np.ndarray]:
        """Arrays recorded as `folder/name`: name -> array; layers and blocks of layers from input to output."""
        arrays = {name.removeprefix(f"{folder}/"): array for name, array in self.recorded.items() if name.startswith(f"{folder}/")}
        return dict(sorted(arrays.items(), key=lambda item: self._place(item[0])))

    def _place(self, name: str) -> int:
        block = name.partition("/")[0]
        return next((i for i, layer in enumerate(self.layers) if layer == block or layer.startswith(f"{block}.")), len(self.layers))


def missing(title: str, what: str) -> Frame:
    """A placeholder for a frame whose recording is missing."""
    why = "because another version of Forgetscope computed it: run it again to see this step"
    return Frame(title, f"This run recorded no {what}, {why}.", missing=True)
