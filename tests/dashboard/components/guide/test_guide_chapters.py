"""The guide's chapters on the page: all files of the folder, their titles, and links that stay on the page."""

from core.reports.glossary import glossary
from dashboard.components.glossary.marked_terms import sent
from dashboard.components.guide.chapters import FOLDER, ORDER, chapter, titles


def test_every_file_is_a_chapter():
    assert sorted(ORDER) == sorted(path.stem for path in FOLDER.glob("*.md"))
    assert titles()["start"] == "Start"
    assert all(titles().values())


def test_links_between_chapters_open_chapters_and_others_are_plain_words():
    text = chapter("start")
    assert not text.startswith("# ")
    assert "[Reading the evidence](./guide?chapter=reading-the-evidence)" in text
    card = chapter("what-it-can-do")
    assert "README" not in card.splitlines()[0], "the trail of links is for readers of files"
    assert "](../" not in card
    assert "[2308.07707](https://arxiv.org/abs/2308.07707)" in card


def test_a_term_is_found_in_plural_and_by_its_other_names():
    alpha, mask = sent(glossary()["α-selection-threshold"]), sent(glossary()["mask"])
    assert {"α", "alpha", "selection threshold"} <= set(alpha["names"])
    assert mask["names"] == ["Mask", "Masks"]
