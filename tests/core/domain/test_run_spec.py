"""The nouns: requests as text, specs as JSON, ids."""

from dataclasses import replace
import json

import pytest

from core.domain.errors import WrongInput
from core.domain.requests.attribute import AttributeRequest
from core.domain.requests.classes import ClassesRequest, ClassRequest
from core.domain.requests.mislabelled import MislabelledRequest
from core.domain.requests.random import RandomRequest
from core.domain.requests.registry import parse_request
from core.domain.requests.samples import SamplesRequest
from core.domain.requests.subclass import SubclassRequest
from core.domain.run import ACTIVE, STOPPED, RunSpec, RunStatus, digest

SPEC = RunSpec("digits", "small_cnn", ClassRequest((3,)), "ssd", {"alpha": 3.0, "lambda": 1.0}, seed=1)


@pytest.mark.parametrize(
    "text, request_",
    [
        ("class:3", ClassRequest((3,))),
        ("classes:3,5", ClassesRequest((3, 5))),
        ("samples:12,90,401", SamplesRequest((12, 90, 401))),
        ("random:0.05", RandomRequest(amount=0.05)),
        ("random:100", RandomRequest(amount=100)),
        ("random:100@7", RandomRequest(amount=100, seed=7)),
        ("random:0.1234567", RandomRequest(amount=0.1234567)),
        ("random:1234567", RandomRequest(amount=1234567)),
        ("random:1e-05@12", RandomRequest(amount=0.00001, seed=12)),
        ("mislabelled:0.05@7", MislabelledRequest(amount=0.05, seed=7)),
        ("subclass:7", SubclassRequest((7,))),
        ("attribute:identity=3,17", AttributeRequest((3, 17), column="identity")),
        ("attribute:a=b=1", AttributeRequest((1,), column="a=b")),
    ],
)
def test_a_request_and_its_text_are_each_others_inverse(text, request_):
    assert parse_request(text) == request_
    assert request_.text == text


@pytest.mark.parametrize(
    "text, same",
    [
        ("classes:5,3,3", "classes:3,5"),
        ("samples: 9, 1 ,", "samples:1,9"),
        ("random:100.0@0", "random:100"),
        ("class:03", "class:3"),
    ],
)
def test_equal_requests_however_written_are_one(text, same):
    assert parse_request(text) == parse_request(same)
    assert parse_request(text).text == same


@pytest.mark.parametrize(
    "text", ["", "klass:3", "class:three", "class:3.5", "random:", "random:lots", "random:5@x", "samples:1;2",
             "attribute:3", "attribute:=3", "subclass:a=3", "mislabelled:", "attribute:identity=x"],
)
def test_a_request_that_is_no_request_is_told_the_forms(text):
    with pytest.raises(WrongInput, match=r"must be written class:3, classes:3,5, subclass:7, .* random:0\.05") as told:
        parse_request(text)
    assert repr(text) in str(told.value)


def test_several_for_class_is_told_how_to_ask_for_them():
    with pytest.raises(WrongInput, match=r"write classes:3,5 for several"):
        parse_request("class:5,3")


@pytest.mark.parametrize("text", ["class:3", "classes:3,5", "random:0.05@3", "samples:1,2", "subclass:7", "attribute:id=4"])
def test_a_spec_comes_back_whole_from_json(text):
    spec = replace(SPEC, request=parse_request(text))
    assert RunSpec.from_json(spec.to_json()) == spec
    assert RunSpec.from_json(spec.to_json()).id == spec.id


def test_ids_are_equal_whatever_the_order_of_keys():
    turned = replace(SPEC, params=dict(reversed(SPEC.params.items())))
    assert list(turned.params) != list(SPEC.params)
    assert turned.id == SPEC.id
    shuffled = json.dumps(dict(reversed(json.loads(SPEC.to_json()).items())))
    assert RunSpec.from_json(shuffled).id == SPEC.id
    assert digest({"a": 1, "b": {"c": 2, "d": 3}}) == digest({"b": {"d": 3, "c": 2}, "a": 1})


@pytest.mark.parametrize(
    "change",
    [
        {"dataset": "other"},
        {"model": "other"},
        {"request": ClassRequest((4,))},
        {"method": "other"},
        {"params": {"alpha": 3.0, "lambda": 1.1}},
        {"seed": 2},
        {"reference": False},
        {"device": "cuda:1"},
        {"engine": "newer"},
    ],
)
def test_all_that_decides_the_numbers_decides_the_id(change):
    assert replace(SPEC, **change).id != SPEC.id
    assert len(SPEC.id) == 12
    assert int(SPEC.id, 16) >= 0


def test_a_run_without_columns_keeps_the_id_that_it_had_before_there_were_any():
    """Computed by hand from the spec as it was stored then."""
    request = {"kind": "class", "picks": [3], "amount": 0.0, "seed": 0}
    plain = json.loads(SPEC.to_json()) | {"request": request}
    del plain["weights"], plain["weights_as"]  # fields of later versions, empty
    assert SPEC.id == digest(plain)[:12]
    by_column = replace(SPEC, request=AttributeRequest((3,), column="identity"))
    assert by_column.id != replace(SPEC, request=AttributeRequest((3,), column="age")).id


def test_every_status_is_active_stopped_or_done():
    assert {*ACTIVE, *STOPPED, RunStatus.DONE} == set(RunStatus)
    assert len(ACTIVE) + len(STOPPED) + 1 == len(RunStatus)
