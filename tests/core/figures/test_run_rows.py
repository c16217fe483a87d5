"""Rows of the list of runs: what they say, letter for letter, and their gauges."""

from core.figures.run_rows import COLUMNS, RunRow, header_html, row_html
from core.reports.gauges import Gauge

ENDS = {0.0: "0 %", 1.0: "100 %"}
GAUGE = Gauge("test_forget_accuracy", "Forget accuracy", {"unlearned": 0.25}, (0.0, 0.1), "still recognised", "", ENDS)


def test_a_row_says_everything_and_no_text_becomes_markup():
    row = RunRow("<script>x</script>", "id & more", "Not forgotten", (GAUGE,) * 4, "12 s", "3 h ago", "imported", ("<b>", "paper"), "a\nb")
    html = row_html(row)
    assert "<script>" not in html
    assert "<b>paper" not in html
    for said in ("&lt;script&gt;x&lt;/script&gt;", "id &amp; more", "Not forgotten", "&lt;b&gt;", ">paper<", ">imported<", "a b"):
        assert said in html, said
    assert ("12 s" in html, "3 h ago" in html) == (True, True)
    assert html.count("<img src='data:image/svg+xml;base64,") == 4
    assert html.count("alt='Forget accuracy: 25 %, still recognised'") == 4


def test_a_row_without_gauges_gives_its_place_to_what_it_says():
    html = row_html(RunRow("a run", "id", "failed: " + "x" * 900, (), "–", "just now"))
    assert "run-verdict run-wide" in html
    assert "…" in html
    assert len(html) < 1000


def test_the_header_names_every_cell():
    assert header_html().count("<span>") == len(COLUMNS) == 8
