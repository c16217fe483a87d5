"""What `show` says of an evaluation that was not whole."""

import pytest

from core.cli.output import evaluated_line
from core.data.registry import DATASETS

DIGITS = DATASETS["digits"].INFO


def report(count=1437, limit=0, without=(), reasons=None):
    """The part of a run's report that the line is made of."""
    how = {"whole": False, "without": without, "budget": None}
    return {"evaluated_train": count, "relearn_limit": limit, "evaluation": how, "reasons": reasons or {}}


@pytest.mark.parametrize("count, limit, said", [
    (1437, 0, ""),
    (None, 0, ""),
    (1000, 0, "Evaluated on 1,000 of 1,437 training images, a fixed draw, as this network is costly; --all-images evaluates all."),
    (1437, 8, "Relearning given up after 8 steps, as this network is costly; --all-images evaluates all."),
    (1000, 8, "Evaluated on 1,000 of 1,437 training images, a fixed draw; relearning given up after 8 steps, as this network is costly; "
              "--all-images evaluates all."),
])  # fmt: skip
def test_the_line_names_the_draw_and_the_limit_of_relearning(count, limit, said):
    assert evaluated_line(report(count, limit), DIGITS) == said


def test_the_line_names_parts_that_were_left_out_and_how_to_have_them():
    assert evaluated_line(report(without=("relearning", "probes")), DIGITS) == (
        "Evaluated without relearning and probes; `run` without --without computes the rest."
    )
    spent = {"unlearned/relearn_steps": "Left out: the evaluation's budget of 1 s was spent."}
    assert evaluated_line(report(reasons=spent), DIGITS) == (
        "Parts were left out, as the evaluation's budget was spent; `run` without --budget computes them."
    )
    assert evaluated_line(report(reasons={"unlearned/truth_accuracy": "This request gave no image a wrong label."}), DIGITS) == ""
