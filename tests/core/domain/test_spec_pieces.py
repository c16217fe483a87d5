"""A spec read piece by piece is the spec read as a whole."""

import json
import random

import pytest

from core.domain import run
from core.domain.errors import WrongInput
from core.domain.run import RunSpec
from tests.planted import spec

MADE = spec("ssd", "samples:12,90,401", seed=7, params={"alpha": 2.0, "mask": "own", "rate": 1e-5})
WHOLE = MADE.to_json()
ODD = [
    MADE.to_json(), spec("ssd", "random:0.05@7").to_json(), spec("ssd", params={"list": [1, 2], "object": {"a": 1}}).to_json(),
    spec("ssd", params={"brace": "}, \"request\": {", "quote": '"', "é": "\u2028", "none": None}).to_json(),
    spec("ssd", "attribute:a}b=1").to_json(), spec("ssd", seed=2**63 - 1).to_json(), WHOLE.replace('"seed": 7', '"seed": 07'),
    WHOLE.replace('"seed": 7', '"seed": 7.0'), WHOLE.replace('"seed": 7', '"seed": \u0667'),
    WHOLE.replace('"seed": 7', f'"seed": {10**18}'),
    WHOLE.replace('"seed": 7', f'"seed": {2**63}'), WHOLE.replace('"digits"', '"dig\nits"'), WHOLE.replace('"digits"', '"dig\u2028its"'),
    WHOLE.replace('"digits"', '"dig\\u0000its"'), WHOLE.replace("true", "1"), WHOLE.replace("[12,", "[true,"),
    WHOLE.replace("[12,", '["12",'),
    WHOLE.replace('"samples"', '"all"'), WHOLE.replace('"alpha": 2.0', '"alpha": "\\u0007"'), WHOLE.replace('"alpha": 2.0', '"alpha": NaN'),
    WHOLE.replace('"kind"', '"kind": "class", "kind"'), WHOLE + " ", WHOLE + "}", WHOLE[:-1], "", "[]", "\ud800", None, b"{}", 7,
]  # fmt: skip
LETTERS = ['"', "{", "}", "\\", ",", ":", "0", "9", "true", "null", "e", " ", "[", "]", ""]


def read(text):
    try:
        return RunSpec.from_json(text)
    except WrongInput as wrong:
        return str(wrong)


def both(text, monkeypatch):
    quick = read(text)
    with monkeypatch.context() as whole:
        whole.setattr(run, "_written", lambda text: None)
        return repr(quick), repr(read(text))  # nan is not itself


@pytest.mark.parametrize("text", ODD)
def test_a_spec_in_pieces_is_the_spec_as_a_whole(text, monkeypatch):
    quick, whole = both(text, monkeypatch)
    assert quick == whole


def test_so_is_a_spec_of_which_letters_were_changed(monkeypatch):
    draw = random.Random(0)
    for _ in range(3000):
        text = list(draw.choice((WHOLE, ODD[1])))
        for _ in range(draw.randint(1, 3)):
            at = draw.randrange(len(text))
            text[at : at + draw.randint(0, 2)] = draw.choice(LETTERS)
        quick, whole = both("".join(text), monkeypatch)
        assert quick == whole, "".join(text)


def test_what_to_json_writes_is_read_in_pieces():
    assert run._written(WHOLE) is not None  # else thousands of runs take three times as long
    assert RunSpec.from_json(WHOLE) == MADE


def test_params_of_one_spec_are_not_those_of_another():
    first, second = RunSpec.from_json(WHOLE), RunSpec.from_json(WHOLE)
    first.params["alpha"] = 3.0
    assert second.params == MADE.params == json.loads(WHOLE)["params"]
