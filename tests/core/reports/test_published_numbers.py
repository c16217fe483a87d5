"""Published numbers beside ours, worked by hand."""

import pytest

from core.reports.intervals import Spread
from core.reports.published_numbers import Compared, PublishedNumber, compared, differences


def number(row="ssd", metric="test_forget_accuracy", value=0.10):
    return PublishedNumber(row, metric, value, "Table 3", "arXiv:0000.00000", "the paper")


@pytest.mark.parametrize(
    "ours, difference, covered",
    [
        (Spread(0.13, 0.04, 3), 0.03, True),
        (Spread(0.13, 0.02, 3), 0.03, False),
        (Spread(0.06, 0.04, 5), -0.04, True),  # its end is the number itself
        (Spread(0.13, None, 1), 0.03, None),  # one seed has no interval
        (None, None, None),
    ],
)
def test_the_difference_is_ours_minus_theirs_and_is_covered_within_our_interval(ours, difference, covered):
    row = Compared(number(), ours)
    assert row.difference == (None if difference is None else pytest.approx(difference))
    assert row.covered is covered


def test_a_number_that_could_not_be_verified_has_ours_and_no_difference():
    row = Compared(number(value=None), Spread(0.13, 0.04, 3))
    assert (row.difference, row.covered, row.ours) == (None, None, Spread(0.13, 0.04, 3))


def test_each_number_has_ours_or_the_reason_why_there_is_none():
    ours = {"ssd": {"test_forget_accuracy": Spread(0.2, 0.1, 3), "nomus": Spread(float("nan"), None, 0)}, "reference": {}}
    numbers = [number(), number("ssd", "nomus"), number("reference", "nomus"), number("cf3", "nomus")]
    rows = compared(numbers, ours, {"ssd": {"nomus": "No reference was trained."}})
    assert [row.published for row in rows] == numbers
    assert [row.ours for row in rows] == [Spread(0.2, 0.1, 3), None, None, None]
    assert [row.absent for row in rows] == [
        "", "No reference was trained.", "No run has this number.", "There is no such method here.",
    ]  # fmt: skip


def test_settings_differ_where_both_are_named_and_unequal_and_are_told_with_both_values():
    published = {"training images": 50_000, "epochs": 20, "learning rate": 0.1, "optimiser": "SGD, momentum 0.9", "rotation": "15 degrees"}
    ours = {"epochs": 3, "learning rate": 0.1, "training images": 10_000, "optimiser": "SGD, momentum 0.9", "seeds": 3}
    assert [one.text for one in differences(published, ours)] == [
        "training images: 10,000 here; 50,000 in the paper", "epochs: 3 here; 20 in the paper",
    ]  # fmt: skip
