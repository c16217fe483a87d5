"""Cards as HTML: every formula of every card becomes MathML, and nothing in a text becomes a tag of its own."""

from html import escape
import re

import pytest

from core.export.markdown_html import html_of, line_of
from core.reports.method_card import FOLDER


@pytest.mark.parametrize("card", sorted(FOLDER.glob("*.md")), ids=lambda path: path.stem)
def test_every_formula_of_a_card_is_mathml(card):
    html = html_of(card.read_text())
    formulas = re.findall(r"<math.*?</math>", html, re.DOTALL)
    assert len(formulas) >= 2
    assert not re.search(r"\\[a-zA-Z]+|\$|\d(pt|em)\b", re.sub("<[^>]*>", " ", html))  # no command, dollar or length of LaTeX is left
    assert html.count("<mtable") == len(re.findall(r"\\begin\{", card.read_text()))


def test_a_formula_is_what_it_says():
    assert re.sub(r' \w+="[^"]*"', "", line_of("$a_i^2$")) == (
        "<span><math><mrow><msubsup><mi>a</mi><mi>i</mi><mn>2</mn></msubsup></mrow></math></span>"
    )


def test_nothing_becomes_a_tag_or_a_link_that_runs():
    html = html_of('a <script>alert(1)</script> [x](javascript:alert(1)) ![y](http://a.b/c.png)\n\n<img src=x onerror=alert(1)>')
    assert "<script" not in html
    assert "<img" not in html
    assert 'href="javascript' not in html
    assert line_of(r"conv1\.weight **b**") == "conv1.weight <strong>b</strong>"


@pytest.mark.parametrize("latex", [
    r"\text{<img src=x onerror=alert(1)>}", r"\text{<script>alert(1)</script>}", r"\href{javascript:alert(1)}{x}", r"\style{color:red}{x}",
    r"\text{a & b}", "_", r"\frac{", "a^", r"\left(",
])  # fmt: skip
@pytest.mark.parametrize("mark", ["$", "$$"])
def test_what_is_no_formula_or_more_than_one_is_shown_as_its_source(latex, mark):
    html = html_of(f"see {mark}{latex}{mark} there")
    assert f"<code>{escape(latex)}</code>" in html
    assert "<math" not in html
    assert not re.search(r"<(img|script)|href=|style=", html)


def test_comparisons_are_formulas():
    assert ">&#x0003C;<" in line_of("$a < b$")
