"""One colour and one mark for each model on every page; distinguishable without colour too.

Okabe and Ito's palette, darkened until each passes 3:1 on both themes' backgrounds.
"""

from contextvars import ContextVar

MODEL_COLOUR = {"original": "#808890", "unlearned": "#D55E00", "reference": "#2F7FC1"}
MODEL_PATTERN = {"original": "", "unlearned": "", "reference": "/"}
MODEL_TITLE = {"original": "Original", "unlearned": "Unlearned", "reference": "Retrained reference"}
MODEL_DASH = {"original": "dot", "unlearned": "solid", "reference": "dash"}  # of lines
MODEL_SYMBOL = {"original": "diamond-open", "unlearned": "circle", "reference": "square-open"}  # of points
MARK_TITLE = MODEL_TITLE | {"second": "Second reference", "guess": "Your guess"}  # of gauges; a guess is a reader's
MARK_COLOUR = MODEL_COLOUR | {"second": MODEL_COLOUR["reference"], "guess": "#C25BB4"}
MARK_SYMBOL = {"original": "diamond-open", "unlearned": "circle", "reference": "square", "second": "square-open", "guess": "x-thin"}
SET_COLOUR = {"forget": "#AD3A9C", "retain": "#4E9E8A", "unseen": "#A97B00"}  # of examples; never a model's colour
SET_DASH = {"forget": "solid", "retain": "dot", "unseen": "dash"}
SET_SYMBOL = {"forget": "star", "retain": "circle-open", "unseen": "x"}
SET_TITLE = {"forget": "Forget set", "retain": "Retain set", "unseen": "Test images"}
PAIR_COLOUR = {"A": "#0E8388", "B": "#B07D00"}  # of two runs side by side; never a model's colour
PAIR_SYMBOL = {"A": "circle", "B": "square"}
SIGN_COLOUR = {"against": "#2166AC", "for": "#B2182B"}  # of signed maps over a picture; ColorBrewer's RdBu
CLASS_COLOURS = ("#2F7FC1", "#D55E00", "#4E9E8A", "#AD3A9C", "#A97B00", "#808890", "#A06CD5")  # of points; a shape goes with each
CLASS_SYMBOLS = (
    "circle", "square", "diamond", "cross", "x", "triangle-up", "triangle-down", "pentagon", "star", "hexagram",
)  # seven and ten have no common factor: seventy classes differ
OUTCOME_COLOUR = {"forgotten": "#2F7FC1", "not forgotten": "#D55E00", "over-forgotten": "#AD3A9C"}  # of a forgotten image
ACCENT, QUIET, THRESHOLD = "#D55E00", "#808890", "#A06CD5"

Scale = list[list[float | str]]  # (share, colour) as Plotly takes them


DARK: ContextVar[bool] = ContextVar("DARK", default=False)  # set where a page or a fragment of it begins to be drawn


def is_dark() -> bool:
    """Whether the page that is being drawn has the dark theme."""
    return DARK.get()


PAPER, NIGHT = False, True  # the ends of the scales below on a light and on a dark ground
EMPTY = {PAPER: "#f1f5f9", NIGHT: "#1b232e"}
FULL = {PAPER: "#0b4f8a", NIGHT: "#7cc0f5"}
MIDDLE = {PAPER: "#f3f3f1", NIGHT: "#242b35"}
ZERO = {PAPER: "#DDE2E8", NIGHT: "#2a3442"}
INK = {PAPER: "#0e1420", NIGHT: "#e8edf4"}  # of letters
BAND = {PAPER: "rgba(47,127,193,0.13)", NIGHT: "rgba(90,165,230,0.20)"}
ON_PAPER = {ends[NIGHT]: ends[PAPER] for ends in (EMPTY, FULL, MIDDLE, ZERO, INK, BAND)}  # a colour in the dark -> on a light ground


def sequential() -> Scale:
    """Colour scale of a heat map: from the page's background, so that empty cells do not stand out, to a strong blue."""
    return [[0.0, EMPTY[is_dark()]], [1.0, FULL[is_dark()]]]


def diverging() -> Scale:
    """Blue below, orange above, the page's own tone in the middle: distinguishable by colour-blind readers too."""
    return [[0.0, MODEL_COLOUR["reference"]], [0.5, MIDDLE[is_dark()]], [1.0, ACCENT]]


def ink() -> str:
    """The theme's text, where a figure's own letters must be as strong; else Streamlit draws them paler."""
    return INK[is_dark()]


def band_colour() -> str:
    """Ground of a band of numbers like the reference's, pale enough for marks on it to keep 3:1."""
    return BAND[is_dark()]


def binary() -> Scale:
    """Colour scale of a heat map of 0 and 1."""
    return [[0.0, ZERO[is_dark()]], [1.0, ACCENT]]


STATUS_ICON = {
    "queued": ":material/schedule:",
    "running": ":material/progress_activity:",
    "done": ":material/check_circle:",
    "failed": ":material/error:",
    "cancelled": ":material/cancel:",
    "interrupted": ":material/power_off:",
}
