"""The glossary: what an entry says, that every shipped one is complete, and how a search finds it."""

import re

import pytest

from core.reports.glossary import glossary, parse, search

TEXT = """# Glossary

## Loss
How wrong it is.
Formula: $L$
Also: cross-entropy, log loss
See: AUC

## AUC
The area
under the curve.
Source: Somebody, 2006, arXiv:1234.56789
"""


def test_an_entry_has_its_parts():
    terms = parse(TEXT)
    assert list(terms) == ["auc", "loss"]  # by alphabet
    loss, auc = terms["loss"], terms["auc"]
    assert (loss.sentence, loss.formula, loss.also, loss.see) == ("How wrong it is.", "$L$", ("cross-entropy", "log loss"), ("AUC",))
    assert auc.sentence == "The area under the curve."
    assert loss.markdown == "How wrong it is.\n\n$$L$$\n\nAlso: cross-entropy, log loss"
    assert "[arXiv:1234.56789](https://arxiv.org/abs/1234.56789)" in auc.markdown


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("\n## A\nSource: x", "'A' has no sentence"),
        ("\n## A\nOne.\n## A\nTwo.", "'A' stands there twice"),
        ("\n## A\nOne.\nSee: B", "'A' points to 'B'"),
    ],
)
def test_an_entry_that_is_incomplete_is_named(text, said):
    with pytest.raises(ValueError, match=re.escape(said)):
        parse(text)


def test_the_shipped_glossary_is_large_and_no_name_leads_to_two_entries():
    terms = glossary()
    assert len(terms) >= 60
    names = [name.lower() for term in terms.values() for name in {term.name, term.short, *term.also}]
    assert sorted(names) == sorted(set(names))
    for key in ("forget-set", "retain-set", "reference", "retraining-variability", "fisher-information", "membership-inference-attack"):
        assert terms[key].sentence.endswith("."), key
    assert all(term.formula.count("$") in (0, 2) for term in terms.values())


def test_a_search_has_names_first():
    assert search("fisher")[0].key == "fisher-information"
    assert [term.key for term in search("lira")] == ["u-lira"]
    assert search("streisand over")[0].key == "streisand-effect"
    assert search("no such word") == []
    assert len(search("")) == len(glossary())
