"""One declaration of a hyperparameter: what it accepts and what it says of the rest."""

from dataclasses import asdict, dataclass

import pytest

from core.domain.errors import WrongInput
from core.domain.hyperparameters import Param, param, param_from_dict, params_of, with_params

RATE = Param("rate", 0.5, low=0.0, high=2.0)
COUNT = Param("count", 5, low=1, high=200, whole=True)
ALPHA = Param("alpha", "percentile", low=0.01, high=1000.0, words=("percentile",), renamed=(("auto", "percentile"),))
KIND = Param("kind", "a", choices=("a", "b"))


@dataclass(frozen=True)
class Sample:
    plain: int = 3
    count: int = param(5, low=1, high=200, help="How many.")
    lambda_: float = param(1.0, low=0.0, high=2.0, symbol="λ")
    kind: str = param("a", choices=("a", "b"))


@pytest.mark.parametrize(
    "p, raw, value",
    [
        (RATE, "0", 0.0),
        (RATE, 2, 2.0),
        (RATE, " 1e-3 ", 0.001),
        (COUNT, "200", 200),
        (COUNT, 7.0, 7),
        (ALPHA, "percentile", "percentile"),
        (ALPHA, "auto", "percentile"),
        (ALPHA, "3.5", 3.5),
        (KIND, "b", "b"),
    ],
)
def test_a_value_comes_out_in_its_own_type(p, raw, value):
    assert p.parse(raw) == value
    assert type(p.parse(raw)) is type(value)


@pytest.mark.parametrize(
    "p, wanted, raws",
    [
        (RATE, "a number from 0 to 2", ["-0.1", "2.0001", "nan", "inf", "-inf", "", "x", "1,5", None, "0x1"]),
        (COUNT, "a whole number from 1 to 200", ["0", "201", "1.5", "nan", "inf", "five", "1e400"]),
        (ALPHA, "a number from 0.01 to 1000 or percentile", ["0", "AUTO", "automatic", "nan"]),
        (KIND, "a or b", ["c", "", "1", "nan", "a b"]),
    ],
)
def test_what_cannot_be_is_refused_in_one_sentence_that_says_what_was_wanted(p, wanted, raws):
    for raw in raws:
        with pytest.raises(WrongInput) as told:
            p.parse(raw)
        assert str(told.value) == f"{p.name} must be {wanted}; got {str(raw).strip()!r}."


def test_fields_become_params_in_their_order_without_the_underscore_and_plain_fields_do_not():
    declared = params_of(Sample)
    assert list(declared) == ["count", "lambda_", "kind"]
    assert [p.name for p in declared.values()] == ["count", "lambda", "kind"]
    assert [p.whole for p in declared.values()] == [True, False, False]
    assert declared["lambda_"].symbol == "λ"


def test_an_instance_is_made_from_text_by_param_names():
    assert with_params(Sample, {"lambda": "0.25", "count": "7"}) == Sample(count=7, lambda_=0.25)
    assert with_params(Sample, {}) == Sample()


@pytest.mark.parametrize("name", ["lambda_", "plain", "Lambda", ""])
def test_an_unknown_name_is_told_the_known_ones(name):
    with pytest.raises(WrongInput, match=r"the parameters are: count, lambda, kind\.$"):
        with_params(Sample, {name: 1})


@pytest.mark.parametrize("p", [RATE, COUNT, ALPHA, KIND, *params_of(Sample).values()])
def test_a_param_comes_back_whole_from_plain_data(p):
    import json

    assert param_from_dict(json.loads(json.dumps(asdict(p)))) == p
