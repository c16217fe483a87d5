"""What a run's evaluation leaves out: written and read, and when a finished run covers what is wanted now."""

import pytest

from core.domain.errors import WrongInput
from core.domain.evaluation import COSTLY, Evaluation


@pytest.mark.parametrize("how", [Evaluation(), Evaluation(whole=True), Evaluation(without=("probes", "cka"), budget=12.5)])
def test_it_is_read_as_it_was_written(how):
    assert Evaluation.parse(how.text) == how
    assert bool(how.text) == (how != Evaluation())


@pytest.mark.parametrize("text", [
    None, "", "{", "[]", "7", "[" * 10_000, '{"without": ["everything"]}', '{"budget": -1}', '{"budget": "soon"}',
])  # fmt: skip
def test_what_cannot_be_read_is_the_usual_one(text):
    assert Evaluation.parse(text) == Evaluation()


@pytest.mark.parametrize("had, wanted, enough", [
    (Evaluation(), Evaluation(), True),
    (Evaluation(), Evaluation(whole=True), False),
    (Evaluation(whole=True), Evaluation(), True),
    (Evaluation(without=("cka",)), Evaluation(), False),
    (Evaluation(without=("cka",)), Evaluation(without=("cka", "probes")), True),
    (Evaluation(budget=10), Evaluation(), False),
    (Evaluation(budget=10), Evaluation(budget=5), True),
    (Evaluation(budget=5), Evaluation(budget=10), False),
])  # fmt: skip
def test_a_run_covers_what_it_left_no_more_out_of(had, wanted, enough):
    assert had.covers(wanted) == enough


def test_wrong_input_is_told_in_a_sentence():
    with pytest.raises(WrongInput, match=f"What can be left out of an evaluation is {', '.join(COSTLY)}; got 'everything'"):
        Evaluation(without=("everything",))
    with pytest.raises(WrongInput, match="from 0 seconds to 365 days; got -1 seconds"):
        Evaluation(budget=-1)
