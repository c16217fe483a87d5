"""Every method's card: plain words first, then the same headings in the same order; reconstructions say so."""

import re

import pytest

from core.catalogue import Catalogue
from core.describe import describe
from dashboard.components.cards import FOLDER, text_of

HEADINGS = ["Rule", "Needs", "Cannot do", "Paper", "Departures", "Standing"]
STANDING = re.compile(
    r"Faithful to the authors' code, but for the departures above\.|The published rule; the full paper was not at hand, .+\.|"
    r"Faithful to the paper; details that it leaves open are ours\.|Reconstruction: .+|Exact\.|Control\."
)
SHELVES: Catalogue = describe()


@pytest.fixture(params=SHELVES.methods.values(), ids=SHELVES.methods)
def method(request):
    return request.param


def parts(method) -> dict[str, str]:
    text = (FOLDER / f"{method.key}.md").read_text()
    found = re.split(r"^## (.+)$", text, flags=re.MULTILINE)
    return {"": found[0].strip(), **{name: body.strip() for name, body in zip(found[1::2], found[2::2], strict=True)}}


def test_a_card_has_every_heading_once_and_in_order_and_a_known_standing(method):
    found = parts(method)
    assert list(found) == ["", *HEADINGS]
    assert all(found.values())
    assert STANDING.fullmatch(found["Standing"])
    assert "—" not in "".join(found.values())


def test_its_plain_words_are_three_sentences_without_formulas(method):
    words = parts(method)[""]
    assert len(re.findall(r"[.?!](?=\s|$)", words)) == 3, words
    assert "$" not in words
    assert "\n\n" not in words


def test_its_rule_is_a_formula(method):
    assert parts(method)["Rule"].count("$$") >= 2


def test_its_paper_is_the_one_that_the_method_names(method):
    for number in re.findall(r"arXiv:(\d+\.\d+)", method.paper):
        assert f"https://arxiv.org/abs/{number}" in parts(method)["Paper"]


def test_a_reconstruction_says_so_on_its_card_and_in_its_title_and_nothing_else_does(method):
    says = parts(method)["Standing"].startswith("Reconstruction")
    assert says == method.reconstruction == ("reconstruction" in method.title.lower())
    if says:
        assert "reconstruction" in parts(method)[""]


def test_its_needs_name_the_sets_that_the_method_reads_and_no_other(method):
    needs = parts(method)["Needs"]
    for name in ("forget", "retain"):
        assert (f"{name} set" in needs) == (name in method.uses), needs


def test_the_fine_print_keeps_every_heading(method):
    plain_words, fine_print = text_of(method)
    assert plain_words == parts(method)[""]
    assert re.findall(r"^#### (.+)$", fine_print, flags=re.MULTILINE) == HEADINGS


def test_there_is_no_card_without_a_method():
    assert {path.stem for path in FOLDER.glob("*.md")} == set(SHELVES.methods)
