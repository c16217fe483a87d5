"""Markdown with formulas as HTML that needs no network: formulas become MathML, tags in the text are shown letter for letter."""

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
    if options["display_mode"]:  # wide ones scroll, by the keyboard too
        return f'<div class="formula" tabindex="0">{convert(latex, display="block")}</div>'
    return str(convert(latex, display="inline"))


_READER = MarkdownIt("commonmark", {"html": False}).enable("table").disable("image").use(dollarmath_plugin, renderer=_formula)
