"""A deck as one HTML file: the stage. It needs no network, and the app shows the very same file."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from core.domain.errors import WrongInput
from core.export.page import page
from core.figures.palette import BAND, EMPTY, FULL, INK, MIDDLE, NIGHT, PAPER, ZERO
from core.figures.plotly_layout import ON_WHITE
from core.figures.stage_figure import is_picture, safe_figure, staged
from core.storage.audience.decks import DamagedSlide, Slide, StoredSlide, existing, slides
from core.storage.runs import ResultStore

EMPTY_DECK = Slide(
    "text", "This deck has no slides yet", "Pin figures and sentences on any page of Forgetscope, or make a deck of a run on Present."
)
_ENDS = (EMPTY, FULL, MIDDLE, ZERO, INK, BAND)  # colours that differ on a light and on a dark ground


def deck_of(store: ResultStore, deck_id: str) -> tuple[str, str]:
    """A stored deck's title and its file's text. Raises WrongInput where there is no such deck."""
    deck = existing(store, deck_id)
    return deck.title, deck_html(deck.title, [_whole(one) for one in slides(store, deck_id)], [str(store.db.path.parent)])


def deck_html(title: str, shown: Sequence[Slide], private: Sequence[str] = ()) -> str:
    """The file's text; a slide that cannot be drawn says why. private: as in `page`."""
    return page(
        "deck.html", title=title, slides=[_drawn(slide) for slide in shown or [EMPTY_DECK]], looks=_looks(), private=private,
        style="deck.css", script="deck.js",
    )  # fmt: skip


def _whole(one: StoredSlide | DamagedSlide) -> Slide:
    return one.slide if isinstance(one, StoredSlide) else Slide("text", "A damaged slide", one.wrong)


def _drawn(slide: Slide) -> Slide:
    """Its figure restyled for the stage; nothing in it is trusted, whoever stored it."""
    try:
        if not all(is_picture(source) for _, source in slide.pictures):
            raise WrongInput("A picture on a slide is a PNG or an SVG inside the slide itself.")
        return slide if slide.figure is None else replace(slide, figure=staged(safe_figure(slide.figure)))
    except WrongInput as wrong:
        return replace(slide, kind="text", figure=None, pictures=(), table=(), text=f"This slide cannot be drawn. {wrong}")


def _looks() -> dict[str, dict[str, Any]]:
    """Look -> plotly's template, and colours that were chosen for the other look."""
    white: dict[str, Any] = ON_WHITE["layout"]
    axis = {**white["xaxis"], "gridcolor": "#2d3744", "linecolor": "#8a97a8", "zerolinecolor": "#2d3744", "tickcolor": "#8a97a8"}
    hover = {"hoverlabel": {"font": {"size": 28}}}
    dark = {**white, "paper_bgcolor": "#10151d", "plot_bgcolor": "#10151d", "font": {**white["font"], "color": INK[NIGHT]},
            "xaxis": axis, "yaxis": axis}  # fmt: skip
    return {
        "light": {"template": {"layout": {**white, **hover}}, "colours": {ends[NIGHT].lower(): ends[PAPER] for ends in _ENDS}},
        "dark": {"template": {"layout": {**dark, **hover}}, "colours": {ends[PAPER].lower(): ends[NIGHT] for ends in _ENDS}},
    }
