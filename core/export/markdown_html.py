"""Markdown with formulas as HTML that needs no network: formulas become MathML, tags in the text are shown letter for letter."""

import re

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
    latex = _SPACE.sub(r"\\\\", latex)
    for unknown, known in _KNOWN.items():
        latex = latex.replace(unknown, known)
    if options["display_mode"]:  # wide ones scroll, by the keyboard too
        return f'<div class="formula" tabindex="0">{convert(latex, display="block")}</div>'
    return str(convert(latex, display="inline"))


_KNOWN = {  # environment that the converter does not know -> one that it does
    "{gathered}": "{matrix}", r"\begin{aligned}": r"\begin{array}{rl}", r"\end{aligned}": r"\end{array}",
}  # fmt: skip
_SPACE = re.compile(r"\\\\\s*\[[^\]]*\]")  # between rows
_READER = MarkdownIt("commonmark", {"html": False}).enable("table").disable("image").use(dollarmath_plugin, renderer=_formula)
