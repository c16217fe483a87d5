"""Markdown with formulas as HTML that needs no network: formulas become MathML, tags in the text are shown letter for letter."""

from html import escape
import re
from xml.etree import ElementTree

from latex2mathml.converter import convert
from markdown_it import MarkdownIt
from markupsafe import Markup
from mdit_py_plugins.dollarmath import dollarmath_plugin


def html_of(markdown: str) -> Markup:
    """Paragraphs, lists, tables and headings. Markup: not to be escaped again."""
    return Markup(_READER.render(markdown))


def line_of(markdown: str) -> Markup:
    """The same of one line, without a paragraph around it."""
    return Markup(_READER.renderInline(markdown))


def _formula(latex: str, options: dict[str, bool]) -> str:
    """As its source where it is no formula, or would be more than one."""
    known = _SPACE.sub(r"\\\\", latex)
    for unknown, word in _KNOWN.items():
        known = known.replace(unknown, word)
    try:
        mathml = str(convert(known, display="block" if options["display_mode"] else "inline"))
    except Exception:  # the converter raises whatever its place in the text leads to
        mathml = ""
    shown = mathml if _is_mathml(mathml) else f"<code>{escape(latex)}</code>"
    if options["display_mode"]:  # wide ones scroll, by the keyboard too
        return f'<div class="formula" tabindex="0">{shown}</div>'
    return shown


def _is_mathml(text: str) -> bool:
    """Whether it is nothing but a formula: the converter hands through tags in a text, and links."""
    try:
        parts = list(ElementTree.fromstring(text).iter())
    except ElementTree.ParseError:
        return False
    return all(part.tag.startswith(_MATHML) and part.attrib.keys() <= _LOOKS for part in parts)


_MATHML = "{http://www.w3.org/1998/Math/MathML}m"  # its elements all begin so
_LOOKS = {  # attributes that only say how a part looks
    "accent", "columnalign", "columnlines", "columnspacing", "depth", "display", "displaystyle", "fence", "form", "height", "largeop",
    "linethickness", "lspace", "mathcolor", "mathsize", "mathvariant", "maxsize", "minsize", "movablelimits", "notation", "rowlines",
    "rowspacing", "rspace", "scriptlevel", "separator", "stretchy", "symmetric", "voffset", "width",
}  # fmt: skip
_KNOWN = {  # environment that the converter does not know -> one that it does
    "{gathered}": "{matrix}", r"\begin{aligned}": r"\begin{array}{rl}", r"\end{aligned}": r"\end{array}",
}  # fmt: skip
_SPACE = re.compile(r"\\\\\s*\[[^\]]*\]")  # between rows
_READER = MarkdownIt("commonmark", {"html": False}).enable("table").disable("image").use(dollarmath_plugin, renderer=_formula)
