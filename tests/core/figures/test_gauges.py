"""The four gauges as one figure, and one of them as a picture for a table."""

from base64 import b64decode
from xml.etree import ElementTree as Xml

import pytest

from core.figures.gauges import described, gauge_figure, legend, reading, small_gauge
from core.figures.palette import MARK_SYMBOL, MODEL_COLOUR
from core.reports.gauges import AREAS, PERCENT, Gauge

FORGET = Gauge(
    "test_forget_accuracy", "Forget accuracy", {"original": 1.0, "unlearned": 0.25, "reference": 0.1, "second": 0.15}, (0.0, 0.2),
    "still predicted", "correct predictions", PERCENT,
)  # fmt: skip
ATTACK = Gauge("attack_auc", "Membership attack", {"original": 0.6, "unlearned": None, "reference": 0.5, "second": None}, (0.4, 0.6),
               "not measured", "Left out.", AREAS)  # fmt: skip
STEPS = Gauge("relearn_steps", "Relearning", {"original": 0.0, "unlearned": None, "reference": 9.0, "second": None}, (3.0, 27.0),
              "harder to bring back", "steps", {0.0: "0", 10.0: "10", 100.0: "100", 1000.0: "1,000 steps"}, {"unlearned": 200})  # fmt: skip
GAUGES = (FORGET, ATTACK, STEPS)


def marks(figure):
    """Name -> (x, y rounded to a row) of its marks."""
    return {trace.name: [(round(x, 3), round(y)) for x, y in zip(trace.x, trace.y, strict=True)] for trace in figure.data}


def bands(figure):
    return [(shape.x0, shape.x1) for shape in figure.layout.shapes if shape.type == "rect"]


def texts(figure):
    return [note.text for note in figure.layout.annotations]


def drawn(uri):
    return Xml.fromstring(b64decode(uri.removeprefix("data:image/svg+xml;base64,")))


def test_each_network_is_one_trace_with_a_mark_on_each_gauge_that_has_its_number():
    """9 steps of 1,000 stand at log(10) / log(1001) = 0.333; the number that is missing has no mark."""
    assert marks(gauge_figure(GAUGES)) == {
        "Original": [(1.0, 0), (0.6, -1), (0.0, -2)], "Unlearned": [(0.25, 0), (1.0, -2)],
        "Retrained reference": [(0.1, 0), (0.5, -1), (0.333, -2)], "Second reference": [(0.15, 0)],
    }  # fmt: skip


def test_what_was_given_up_is_an_arrow_at_the_right_end():
    unlearned = next(trace for trace in gauge_figure(GAUGES).data if trace.name == "Unlearned")
    assert list(unlearned.marker.symbol) == ["circle", "triangle-right"]
    assert "not in 200 steps" in unlearned.text[1]


def test_bands_stand_at_their_numbers_and_paths_lead_from_the_original_to_the_unlearned_network():
    figure = gauge_figure(GAUGES)
    low, high = bands(figure)[2]
    assert bands(figure)[:2] == [(0.0, 0.2), (0.4, 0.6)]
    assert (low, high) == pytest.approx((0.2007, 0.4823), abs=1e-4)  # log(4) and log(28), over log(1001)
    paths = [(shape.x0, shape.x1) for shape in figure.layout.shapes if shape.line.color == MODEL_COLOUR["unlearned"]]
    assert paths == [(1.0, 0.25), (0.0, 1.0)]


def test_titles_numbers_and_words_stand_above_each_scale():
    shown = texts(gauge_figure(GAUGES))
    for text in ("<b>Forget accuracy</b>", "<b>25 %</b>  ⚠ still predicted", "<b>–</b>  not measured",
                 "<b>not in 200 steps</b>  ⚠ harder to bring back", "0.5 guessing", "1,000 steps"):  # fmt: skip
        assert shown.count(text) == 1
    assert reading(Gauge("a", "A", {}, (0, 1), "as retrained", "", PERCENT)) == "✓ as retrained"
    assert described(GAUGES[:2]) == "Forget accuracy: 25 %, still predicted; Membership attack: –, not measured"


def test_before_the_truth_is_shown_there_is_a_guess_and_no_unlearned_number():
    figure = gauge_figure(GAUGES, ("original", "reference"), {"test_forget_accuracy": 0.5, "relearn_steps": 1000.0})
    assert marks(figure)["Your guess"] == [(0.5, 0), (1.0, -2)]
    assert "Unlearned" not in marks(figure)
    assert not [text for text in texts(figure) if "25 %" in text or "still predicted" in text]
    assert not bands(gauge_figure(GAUGES, ("original",)))


def test_marks_differ_without_colour_and_letters_grow_for_a_stage():
    assert len(set(MARK_SYMBOL.values())) == len(MARK_SYMBOL)
    small, large = gauge_figure(GAUGES), gauge_figure(GAUGES, size=32, row=220)
    assert min(note.font.size for note in small.layout.annotations) == 13
    assert min(note.font.size for note in large.layout.annotations) == 32
    assert (small.layout.height, large.layout.height) == (3 * 112 + 4, 3 * 220 + 4)
    assert small.layout.font.color is None  # text is the theme's


def test_a_hostile_reason_is_text():
    gauge = Gauge("attack_auc", "Membership attack", {"original": 0.6}, None, "not measured", "<img src=x> %{x}", AREAS)
    assert "<img" not in gauge_figure([gauge]).data[0].text[0]


def test_the_legend_names_what_is_drawn():
    whole, bare = legend(), legend(("original", "unlearned"))
    assert all(text in whole for text in ("Original", "Unlearned", "Retrained reference", "Second reference", "Retraining variability"))
    assert not [text for text in ("Retrained reference", "Retraining variability") if text in bare]
    unjudged = legend(band=False)
    assert ("Retrained reference" in unjudged, "Retraining variability" in unjudged) == (True, False)


def test_the_small_gauge_is_an_svg_with_the_same_places():
    """On a scale of 120 pixels that begins at 8: the unlearned network at 0.25 is at 38, the band from 0 to 0.2 is 24 wide."""
    svg = drawn(small_gauge(FORGET))
    tags = {child.tag.rpartition("}")[2]: child for child in svg}
    assert tags["circle"].get("cx") == "38.0"
    assert [(box.get("x"), box.get("width")) for box in svg if box.tag.endswith("rect")] == [("8.0", "24.0"), ("16.5", "7")]
    assert tags["title"].text == "Forget accuracy: 25 %, still predicted"
    assert len(small_gauge(FORGET)) < 2000


def test_a_small_gauge_without_a_number_is_a_dash_and_one_given_up_an_arrow():
    for uri in (small_gauge(None), small_gauge(ATTACK)):
        assert [child.text for child in drawn(uri) if child.tag.endswith("text")] == ["–"]
    svg = drawn(small_gauge(STEPS))
    assert not [child for child in svg if child.tag.endswith("circle")]
    assert [child.get("d") for child in svg][-1] == "M123.0 15l9 5l-9 5z"
