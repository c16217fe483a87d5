"""A deck as one HTML file: whole, harmless whatever a slide says, and a run's deck without a pin."""

from dataclasses import replace

from plotly.offline import get_plotlyjs
import pytest

from core.domain.errors import WrongInput
from core.export.html_deck import deck_html, deck_of
from core.export.run_deck import run_deck
from core.figures.stage_figure import LETTERS
from core.storage.audience import decks
from core.storage.audience.decks import Slide
from core.storage.runs import ResultStore
from tests.core.export.reading import Read, sha

HOSTILE = '</script><script>alert(1)</script><img src=x onerror=alert(1)> "quoted" & </h2>'
PIXEL = "data:image/png;base64,iVBORw0KGgo="
FIGURE = {"data": [{"type": "bar", "x": ["a"], "y": [1], "name": HOSTILE}], "layout": {"xaxis": {"title": HOSTILE}}}


def test_what_a_slide_says_is_shown_letter_for_letter_and_never_acts():
    slides = [
        Slide("text", HOSTILE, HOSTILE, HOSTILE, HOSTILE), Slide("figure", "f", HOSTILE, figure=FIGURE),
        Slide("image", "p", pictures=((HOSTILE, PIXEL),)),
    ]  # fmt: skip
    text = deck_html(HOSTILE, slides)
    read = Read(text)
    assert "<script>alert" not in text
    assert read.text.count("<script>alert(1)</script>") >= 6  # title, heading, text, notes, list of slides, caption
    assert [tag["src"] for tag in read.tags["img"]] == [PIXEL]
    (ours,) = (content for kind, content in read.scripts if not kind)
    assert "alert" not in ours
    assert f"script-src {sha(ours)} {sha(read.plotly)};" in read.policy
    assert read.policy.startswith("default-src 'none';")
    assert read.plotly == get_plotlyjs()
    (figure,) = read.figures
    assert figure["data"][0]["name"].startswith("&lt;/script>&lt;script>")
    assert all(not tag.get(name, "").startswith(("http", "//")) for tags in read.tags.values() for tag in tags for name in ("src", "href"))


@pytest.mark.parametrize(
    "slide", [Slide("image", "x", pictures=(("", "https://elsewhere.example/a.png"),)),
              Slide("image", "x", pictures=(("", "javascript:1"),)),
              Slide("figure", "x", figure={"data": [{"type": "scattermapbox"}], "layout": {}}),
              Slide("figure", "x", figure={})]
)  # fmt: skip
def test_a_slide_that_cannot_be_drawn_says_so_and_the_others_are_shown(slide):
    read = Read(deck_html("Talk", [slide, Slide("text", "The next", "is here")]))
    assert "This slide cannot be drawn." in read.text
    assert "is here" in read.text
    assert "elsewhere" not in str(read.tags)
    assert len([tag for tag in read.tags["section"] if "slide" in tag["class"]]) == 2


def test_no_path_of_the_machine_is_in_a_deck(home):
    said = f"The stored file {home.root}/artifacts/x is damaged"
    figure = {"data": [{"type": "bar", "name": "of /home/ada/x"}], "layout": {}}
    shown = [Slide("text", said, said, said, "/result?run=0123"), Slide("figure", "f", "/home/ada/y", figure=figure)]
    with ResultStore(home.database) as store:
        read = Read(deck_of(store, decks.make(store, "of /home/ada/talk", shown))[1])
    assert read.text.count("The stored file …/artifacts/x is damaged") >= 3
    assert "From /result?run=0123" in read.text
    assert read.figures[0]["data"][0]["name"] == "of …"
    assert not any(part in text for text in (read.text, str(read.tags), str(read.figures)) for part in ("ada", str(home.root)))


def test_a_stored_deck_has_its_slides_in_order_a_link_each_and_damaged_ones_named(home):
    with ResultStore(home.database) as store:
        deck = decks.make(store, "Talk", [Slide("text", "One"), Slide("text", "Two")])
        with store.db.transaction() as write:
            write.execute("update slides set content = '{' where place = 1")
        title, text = deck_of(store, deck)
        assert deck_of(store, decks.make(store, "Bare"))[1].count("This deck has no slides yet") >= 1
        with pytest.raises(WrongInput, match=r"no deck '\.\./etc'"):
            deck_of(store, "../etc")
    read = Read(text)
    assert title == "Talk"
    assert [tag["aria-label"] for tag in read.tags["section"]] == ["1 of 2: One", "2 of 2: A damaged slide"]
    assert [tag["href"] for tag in read.tags["a"]] == ["#1", "#2"] * 2  # dots, and the list
    assert "is damaged" in read.text


def test_a_deck_of_a_run_says_what_its_first_screen_says_and_what_it_cannot_show(planted, shelves):
    home, run_id = planted
    title, slides = run_deck(home, run_id, shelves)
    assert title == f"{shelves.methods['ssd'].title}: forget class 3"
    assert [slide.kind for slide in slides] == ["text", "figure", "figure", "text", "text"]
    lead, gauges, classes, warning, limits = slides
    assert lead.source == f"/result?run={run_id}"
    assert "confidence" in lead.notes
    assert {trace["name"] for trace in gauges.figure["data"]} == {"Original", "Unlearned", "Retrained reference", "Second reference"}
    assert "43.2 %" in gauges.notes
    assert {"Original", "Unlearned", "Retrained reference"} <= {trace["name"] for trace in classes.figure["data"]}
    assert warning.title.startswith("Doubt: ")
    assert limits.title == "What this run cannot show"
    assert 1 <= limits.text.count("\n") + 1 <= 3
    read = Read(deck_html(title, slides))
    assert len(read.figures) == 2
    assert all(note["font"]["size"] >= LETTERS for figure in read.figures for note in figure["layout"]["annotations"])
    with pytest.raises(WrongInput, match="does not know the dataset"):
        run_deck(home, run_id, replace(shelves, datasets={}))
