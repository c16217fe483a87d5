"""Numbers as people read them."""

import pytest

from core.catalogue import Catalogue
from core.descriptions import MetricInfo
from dashboard.components.numbers import numbers_table, seconds, shown


@pytest.mark.parametrize(
    "value, unit, text",
    [
        (None, "share", "–"),
        (None, "nats", "–"),
        (0.0, "share", "0 %"),
        (1.0, "share", "100 %"),
        (0.9969, "share", "99.7 %"),
        (0.1, "share", "10 %"),
        (0.13983, "nats", "0.140 nats"),
        (1.1857, "", "1.186"),
    ],
)
def test_a_value_is_shown_with_its_unit(value, unit, text):
    assert shown(value, unit) == text


@pytest.mark.parametrize("value, text", [(0, "stored"), (0.0214, "21 ms"), (0.9994, "999 ms"), (1.0, "1.0 s"), (63.27, "63.3 s")])
def test_seconds_keep_the_digits_that_matter(value, text):
    assert seconds(value) == text


def shelves(*metrics: MetricInfo) -> Catalogue:
    return Catalogue({}, {}, {}, {metric.key: metric for metric in metrics})


ACCURACY = MetricInfo("accuracy", "Accuracy", "share", "high", "Share of right answers.")
DISTANCE = MetricInfo("js", "Divergence", "nats", "match", "Jensen-Shannon.")


def test_one_row_a_metric_with_its_aim_and_definition():
    report = {
        "original": {"accuracy": 1.0},
        "metrics": {"accuracy": 0.5, "js": 0.25},
        "reference": {"accuracy": 0.75},
        "reasons": {},
    }
    table = numbers_table(report, shelves(ACCURACY, DISTANCE))
    assert table.to_dict("records") == [
        {"Measure": "Accuracy", "Original": "100 %", "Unlearned": "50 %", "Reference": "75 %", "Aim": "higher is better",
         "Definition": "Share of right answers."},
        {"Measure": "Divergence", "Original": "–", "Unlearned": "0.250 nats", "Reference": "–", "Aim": "like the reference",
         "Definition": "Jensen-Shannon."},
    ]  # fmt: skip


def test_a_run_without_a_reference_shows_dashes_and_the_reason():
    reasons = {"unlearned/js": "There is no reference."}
    report = {"original": {"accuracy": 1.0}, "metrics": {"accuracy": 1.0, "js": None}, "reference": None, "reasons": reasons}
    table = numbers_table(report, shelves(ACCURACY, DISTANCE))
    assert list(table["Reference"]) == ["–", "–"]
    assert table["Definition"][1] == "Jensen-Shannon. There is no reference."
