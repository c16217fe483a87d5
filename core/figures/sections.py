"""What a report is made of, as plain data: sections with sentences, figures, tables and pictures, in the order of reading."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
import plotly.graph_objects as go


@dataclass(frozen=True)
class FigureBlock:
    """name: of its file, as `class-accuracy`; how: how to read it; alt: what it shows, for those who do not see it. wide: a row alone."""

    name: str
    title: str
    figure: go.Figure
    alt: str
    how: str = ""
    wide: bool = True


@dataclass(frozen=True)
class TableBlock:
    """title: '' where the section's stands for it. Cells are text already, or numbers without a unit."""

    title: str
    table: pd.DataFrame
    how: str = ""


@dataclass(frozen=True)
class PicturesBlock:
    """Pictures side by side: each a title, a PNG and its alternative text. how: how to read them."""

    title: str
    pictures: tuple[tuple[str, bytes, str], ...]
    how: str = ""


@dataclass(frozen=True)
class TextBlock:
    """A text that was laid out beforehand. code: shown letter for letter; else HTML of our own making, already safe."""

    text: str
    title: str = ""
    code: bool = False


Block = FigureBlock | TableBlock | PicturesBlock | TextBlock


@dataclass(frozen=True)
class Section:
    """key: of its link; sentences: paragraphs above its blocks."""

    key: str
    title: str
    sentences: Sequence[str] = ()
    blocks: Sequence[Block] = field(default_factory=tuple)

    @property
    def figures(self) -> list[FigureBlock]:
        """Of its blocks, the figures."""
        return [block for block in self.blocks if isinstance(block, FigureBlock)]


def rows_of(table: pd.DataFrame) -> list[list[Any]]:
    """Rows as lists; a missing value is a dash."""
    return [["–" if pd.isna(value) else value for value in row] for row in table.itertuples(index=False, name=None)]
