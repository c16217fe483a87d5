"""What `show` says of an evaluation that was not whole."""

import pytest

from core.cli.output import evaluated_line
from core.data.registry import DATASETS

DIGITS = DATASETS["digits"].INFO


@pytest.mark.parametrize("count, limit, said", [
    (1437, 0, ""),
    (None, 0, ""),
    (1000, 0, "Evaluated on 1,000 of 1,437 training images, a fixed draw, as this network is costly; --all-images evaluates all."),
    (1437, 8, "Relearning given up after 8 steps, as this network is costly; --all-images evaluates all."),
    (1000, 8, "Evaluated on 1,000 of 1,437 training images, a fixed draw; relearning given up after 8 steps, as this network is costly; "
              "--all-images evaluates all."),
])  # fmt: skip
def test_the_line_names_the_draw_and_the_limit_of_relearning(count, limit, said):
    assert evaluated_line({"evaluated_train": count, "relearn_limit": limit}, DIGITS) == said
