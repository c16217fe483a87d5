"""What every kind of forget request keeps, whatever the registry holds."""

from dataclasses import FrozenInstanceError, asdict, replace
import json
import re

import pytest

from core.data.datasets.digits import INFO as DIGITS
from core.domain.errors import WrongInput
from core.domain.requests.base import ForgetRequest
from core.domain.requests.column_values import ValueRequest
from core.domain.requests.random import RandomRequest
from core.domain.requests.registry import CLASS_KINDS, DRAWN_KINDS, FORMS, KINDS, parse_request, request_from
from core.domain.requests.samples import SamplesRequest

FIRST = {"class", "classes", "subclass", "attribute", "random", "mislabelled", "samples"}  # of the version that this folder came with
FIELDS = ["kind", "picks", "amount", "seed", "column"]


def examples_of(kind):
    return re.findall(rf"\b{kind.kind}:[^ ]*[^ ,]", kind.examples)


@pytest.mark.parametrize("key, kind", KINDS.items(), ids=KINDS)
def test_its_examples_are_read_and_written_and_stored_alike(key, kind):
    assert examples_of(kind)
    for text in examples_of(kind):
        request = parse_request(text)
        assert (type(request), request.kind, request.text) == (kind, key, text)
        assert list(asdict(request)) == FIELDS  # what is stored, for the run's id, too
        assert request_from(json.loads(json.dumps(asdict(request)))) == request
        assert len({request, parse_request(text)}) == 1
        assert request.words(None).isprintable()
        with pytest.raises(FrozenInstanceError):
            request.seed = 1
        assert kind.examples in FORMS


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_it_has_one_of_the_three_forms_that_splits_and_pages_follow(kind):
    assert [issubclass(kind, form) for form in (ValueRequest, RandomRequest, SamplesRequest)].count(True) == 1
    assert kind.by_rule == issubclass(kind, ValueRequest)
    assert kind.drawn == issubclass(kind, RandomRequest)
    assert not kind.by_class or kind.by_rule


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_what_names_nothing_is_refused_in_a_sentence(kind):
    with pytest.raises(WrongInput, match=r"^[^.]*\b(empty|needs|no column|no subclasses)\b.*\.$"):
        kind().check(DIGITS)


def test_what_a_rule_names_splits_test_data_too_and_what_is_drawn_or_picked_does_not():
    kinds = {key: kind for key, kind in KINDS.items() if key in FIRST}
    assert set(kinds) == FIRST
    assert {key for key, kind in kinds.items() if kind.by_rule} == {"class", "classes", "subclass", "attribute"}
    assert {key for key, kind in kinds.items() if kind.drawn} == {"random", "mislabelled"}
    assert {key for key, kind in kinds.items() if kind.flips_labels} == {"mislabelled"}


def test_a_request_of_classes_names_them_and_others_none():
    assert {"class", "classes"} == CLASS_KINDS & FIRST
    assert parse_request("classes:5,3").classes == (3, 5)
    assert parse_request("subclass:5").classes == parse_request("samples:3").classes == ()
    assert set(DRAWN_KINDS) == {key for key, kind in KINDS.items() if replace(kind(), seed=7).text.endswith("@7")}


def test_a_kind_that_a_newer_version_stored_is_refused_in_words():
    with pytest.raises(WrongInput, match=r"^request\.kind should be one of class, classes, .*, but is 'later'$"):
        request_from({"kind": "later", "picks": [1]})


def test_what_is_no_kind_cannot_be_made():
    with pytest.raises(TypeError, match="abstract"):
        ForgetRequest((3,))


def test_a_request_for_classes_needs_a_dataset_that_has_them():
    data = replace(DIGITS, multi=True, multi_count=10)
    for kind in ("class:3", "classes:3,5", "mislabelled:3"):
        with pytest.raises(WrongInput, match="digits has several attributes and no class; ask for"):
            parse_request(kind).check(data)
    parse_request("random:3").check(data)
