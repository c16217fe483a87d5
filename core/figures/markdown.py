"""Text from outside (names of classes, columns and files, errors, titles), shown letter for letter and no longer than can be read.

Streamlit takes almost every text for Markdown, Plotly every text for a little HTML. `plain` and `name` are for what Streamlit
draws, `in_figure` and `on_axis` for what Plotly draws, `in_html` for what stands in HTML of our own.
"""

from collections import Counter
from collections.abc import Sequence
from html import escape
import re
from textwrap import wrap

LONGEST = 2000  # letters of a sentence
NAME = 60  # letters of a name inside a sentence or on a button
TICK = 18  # letters of a name on an axis
WRAP = 60  # letters of a line in a hover
_HARMLESS = re.compile(r"[^\W_]+(?:[ '/,_-][^\W_]+)*")  # what Markdown leaves alone; most names are like that
_MARKS = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~:$&^=])")
# Streamlit makes links, icons and arrows of finished text, where no backslash can be seen any more. An invisible joiner between the
# letters keeps them apart: http://, www., a@b, :material/name:, :smile:, ->, <-, --, <=, >=.
_JOINER = "\u2060"
_MADE_LATER = re.compile(r"(?<=:)(?=[/\w])|(?<=@)(?=[-\w]+\.)|(?<=www)(?=\.)|(?<=[-<>=!])(?=[-<>=])", re.IGNORECASE)
_SPACES = re.compile(r"\s*[\t\n\v\f\r\x1c-\x1e\x85\u2028\u2029]\s*")
# Letters that turn the direction of all that follows, or that are no letters at all, are shown by their number.
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1b\x1f\x7f-\x84\x86-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufff9-\ufffb]")


def plain(text: str, most: int = LONGEST) -> str:
    """For Markdown: shown letter for letter. No image, link, icon or formula results from what a user or an error says.

    most: letters that are shown; of a longer text the middle is left out.
    """
    text = short(visible(text), most)
    if _HARMLESS.fullmatch(text):
        return text
    return _MARKS.sub(r"\\\1", _MADE_LATER.sub(_JOINER, text))


def name(text: str) -> str:
    """A name from outside inside a sentence, on a button or in a list, for Markdown: as `plain`, and not longer than a line."""
    return plain(text, NAME)


def visible(text: str) -> str:
    """On one line, and what cannot be seen or would turn what follows around as its number: ‹U+202E›."""
    return _CONTROL.sub(lambda found: f"‹U+{ord(found[0]):04X}›", _SPACES.sub(" ", text)).strip()


def short(text: str, most: int) -> str:
    """At most so many letters. Names often differ at their ends alone, so the middle goes."""
    if len(text) <= most:
        return text
    tail = (most - 1) // 3
    return f"{text[: most - 1 - tail]}…{text[len(text) - tail :] if tail else ''}"


def in_html(text: str, most: int = LONGEST) -> str:
    """For HTML of our own, in its text or in an attribute."""
    return escape(short(visible(text), most))


def in_figure(text: str, most: int = NAME) -> str:
    """For Plotly, which takes tags and entities for markup, and %{...} in a hover for a value."""
    return escape(short(visible(text), most), quote=False).replace("%{", "%\u2060{").replace("$", "$\u2060")


def hovered(text: str) -> str:
    """A whole name for a hover, in lines: up to eight of them."""
    return "<br>".join(in_figure(line, WRAP) for line in wrap(short(visible(text), 7 * WRAP), WRAP))


def on_axis(names: Sequence[str], most: int = TICK) -> list[str]:
    """Names short enough for an axis, for Plotly, and unique: a category axis would draw two bars as one."""
    return distinct([in_figure(one, most) for one in names])


def labels(names: Sequence[str], most: int = NAME) -> dict[str, str]:
    """Name -> its label in a list of options, labels unique; for widgets that show plain text (selectbox, multiselect)."""
    return dict(zip(names, distinct([short(visible(one), most) for one in names]), strict=True))


def pill_labels(names: Sequence[str], most: int = NAME) -> dict[str, str]:
    """The same for widgets whose options are Markdown (pills, segmented control, radio)."""
    return {one: plain(text) for one, text in labels(names, most).items()}


def distinct(texts: list[str]) -> list[str]:
    """Duplicates get their position appended."""
    times = Counter(texts)
    numbered = [f"{text} [{place}]" if times[text] > 1 else text for place, text in enumerate(texts)]
    return numbered if len(set(numbered)) == len(numbered) else [f"{text} [{place}]" for place, text in enumerate(texts)]
