"""Every method's card: plain words first, then the same headings in the same order; reconstructions say so."""

import re

import pytest
from streamlit.testing.v1 import AppTest

from core.jobs.catalogue import Catalogue
from core.jobs.write_catalogue import describe
from core.reports.method_card import FOLDER, text_of

HEADINGS = ["Rule", "Needs", "Cannot do", "Paper", "Departures", "Standing"]
STANDING = re.compile(
    r"Faithful to the authors' code, but for the departures above\.|The published rule; the full paper was not at hand, .+\.|"
    r"Faithful to the paper; details that it leaves open are ours\.|Reconstruction: .+|Exact\.|Control\."
)
SHELVES: Catalogue = describe()


def parts(key: str) -> dict[str, str]:
    text = (FOLDER / f"{key}.md").read_text()
    found = re.split(r"^## (.+)$", text, flags=re.MULTILINE)
    return {"": found[0].strip(), **{name: body.strip() for name, body in zip(found[1::2], found[2::2], strict=True)}}


@pytest.mark.parametrize("key", SHELVES.methods)
def test_a_card_says_what_every_card_says_and_agrees_with_its_method(key):
    method, found = SHELVES.methods[key], parts(key)
    assert list(found) == ["", *HEADINGS]
    assert all(found.values())
    assert STANDING.fullmatch(found["Standing"])
    assert "—" not in "".join(found.values())

    words = found[""]  # three sentences without formulas
    assert len(re.findall(r"[.?!](?=\s|$)", words)) == 3, words
    assert "$" not in words
    assert "\n\n" not in words
    assert found["Rule"].count("$$") >= 2, "the rule is a formula"

    for number in re.findall(r"arXiv:(\d+\.\d+)", method.paper):
        assert f"https://arxiv.org/abs/{number}" in found["Paper"]
    reconstruction = found["Standing"].startswith("Reconstruction")
    assert reconstruction == method.reconstruction == ("reconstruction" in method.title.lower())
    assert not reconstruction or "reconstruction" in words
    for name in ("forget", "retain"):  # the needs name the sets that the method reads and no other
        assert (f"{name} set" in found["Needs"]) == (name in method.uses), found["Needs"]

    plain_words, fine_print = text_of(method)
    assert plain_words == words
    assert re.findall(r"^#### (.+)$", fine_print, flags=re.MULTILINE) == HEADINGS


def test_a_card_tells_what_the_method_reads_and_costs():
    def page() -> None:
        from core.jobs.write_catalogue import describe
        from dashboard.components.forms.method_card import card

        card(describe().methods["retrain"])

    (caption,) = AppTest.from_function(page).run().caption
    assert caption.value == "Reads: retain · Costs 18 training passes (one class of digits)"


def test_there_is_no_card_without_a_method():
    assert {path.stem for path in FOLDER.glob("*.md")} == set(SHELVES.methods)
