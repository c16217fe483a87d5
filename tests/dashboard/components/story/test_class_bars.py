"""What a browser sends of the bars is judged as any input."""

import pytest

from core.reports.teaching.prediction import Bar
from dashboard.components.story.class_bars.component import guess_of

BARS = (Bar("class:0", "cat", True, {"original": 0.987}), Bar("class:1", "dog", False, {"original": 1.0}))


def test_an_untouched_bar_stands_where_the_original_does():
    assert guess_of(BARS, None) == {"class:0": 0.99, "class:1": 1.0}
    assert guess_of(BARS, {"class:0": 0}) == {"class:0": 0.0, "class:1": 1.0}


@pytest.mark.parametrize("value", [-0.1, 1.1, float("nan"), float("inf"), "0.5", True, None, [0.5]])
def test_what_is_no_share_is_not_taken(value):
    assert guess_of(BARS, {"class:0": value, "class:9": 0.5}) == {"class:0": 0.99, "class:1": 1.0}


@pytest.mark.parametrize("sent", [[], "guess", 3])
def test_what_is_no_guess_is_none(sent):
    assert guess_of(BARS, sent) == {"class:0": 0.99, "class:1": 1.0}
