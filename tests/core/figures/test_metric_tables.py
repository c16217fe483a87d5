"""Numbers as people read them."""

import pytest

from core.domain.info import MetricInfo
from core.domain.requests.registry import parse_request
from core.figures.metric_tables import by_family, families, nomus_remark, numbers_table, shown
from core.jobs.write_catalogue import describe
from core.reports.cost_line import seconds
from dashboard.components.result.recordings_table import recorded_table


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


@pytest.mark.parametrize("value, text", [
    (0, "stored"), (0.0214, "21 ms"), (0.9994, "999 ms"), (0.9996, "1.0 s"), (1.0, "1.0 s"),
    (63.27, "63.3 s"), (0.0004, "0.4 ms"), (0.0043, "4.3 ms"), (99.96, "100 s"), (3145.2, "3,145 s"),
])  # fmt: skip
def test_seconds_keep_the_digits_that_matter(value, text):
    assert seconds(value) == text


def shelves(*metrics: MetricInfo) -> dict[str, MetricInfo]:
    return {metric.key: metric for metric in metrics}


ACCURACY = MetricInfo("accuracy", "Accuracy", "share", "high", "Share of correct predictions.")
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
         "Definition": "Share of correct predictions."},
        {"Measure": "Divergence", "Original": "–", "Unlearned": "0.250 nats", "Reference": "–", "Aim": "like the reference",
         "Definition": "Jensen-Shannon."},
    ]  # fmt: skip


def test_a_run_without_a_reference_shows_dashes_and_the_reason():
    reasons = {"unlearned/js": "There is no reference."}
    report = {"original": {"accuracy": 1.0}, "metrics": {"accuracy": 1.0, "js": None}, "reference": None, "reasons": reasons}
    table = numbers_table(report, shelves(ACCURACY, DISTANCE))
    assert list(table["Reference"]) == ["–", "–"]
    assert table["Definition"][1] == "Jensen-Shannon. There is no reference."

STEPS = MetricInfo("steps", "Steps", "steps", "match", "To learn it back.")


def test_steps_are_whole():
    assert shown(12.0, "steps") == "12"


def a_report(**unlearned):
    return {"original": dict.fromkeys(unlearned, 1.0), "metrics": unlearned, "reference": dict.fromkeys(unlearned, 0.75), "reasons": {}}


def test_the_floor_has_a_column_of_its_own_with_the_second_networks_numbers():
    floor = {"unlearned": {"accuracy": 0.625}, "reference": {"accuracy": 0.75}, "original": {}}
    (row,) = numbers_table(a_report(accuracy=0.5), shelves(ACCURACY), floor).to_dict("records")
    assert list(row) == ["Measure", "Original", "Unlearned", "Reference", "Second reference", "Aim", "Definition"]
    assert row["Second reference"] == "62.5 %"


def test_numbers_come_by_family_and_what_belongs_to_none_comes_last():
    forget = MetricInfo("test_forget_accuracy", "Forgotten", "share", "match", "…", "Accuracy")
    attack = MetricInfo("attack_loss_accuracy", "Attack", "share", "match", "…", "Membership")
    tables = families(a_report(accuracy=0.5, attack_loss_accuracy=0.5, test_forget_accuracy=0.5), shelves(forget, attack, ACCURACY))
    assert {title: list(table["Measure"]) for title, table in tables.items()} == {
        "Accuracy": ["Forgotten"], "Membership": ["Attack"], "Other": ["Accuracy"],
    }  # fmt: skip
    assert list(tables) == ["Accuracy", "Membership", "Other"]


def test_every_metric_has_the_family_that_its_file_declares():
    infos = describe().metrics
    five = ["Accuracy", "Agreement with the reference", "Residual knowledge", "Membership", "Weights"]
    assert list(by_family(infos, infos))[:5] == five
    assert all(info.family != "Other" for info in infos.values())
    assert by_family(["brand_new", "tow", "zrf"], infos) == {
        "Agreement with the reference": ["tow"], "Residual knowledge": ["zrf"], "Other": ["brand_new"],
    }  # fmt: skip


CLASS, IMAGES = parse_request("class:3"), parse_request("random:0.05")


def nomus(before, now, theirs, forget, wanted, metric="test_forget_accuracy"):
    return {"original": {"nomus": before}, "unlearned": {"nomus": now, metric: forget}, "reference": {"nomus": theirs, metric: wanted}}


def test_a_fall_of_nomus_is_explained_only_after_a_good_run():
    said = nomus_remark(nomus(0.95, 0.8, 0.81, 0.0, 0.0), CLASS)
    assert said.startswith("NoMUS fell from 95 % to 80 % although the forgetting went well: it knows no reference")
    assert said.endswith("the retrained reference itself has 81 %.")
    assert nomus_remark(nomus(0.95, 0.8, 0.81, 0.5, 0.0), CLASS) == ""  # not a good run
    assert nomus_remark(nomus(0.95, 0.945, 0.81, 0.0, 0.0), CLASS) == ""  # it did not fall
    assert nomus_remark(nomus(None, 0.8, 0.81, 0.0, 0.0), CLASS) == ""
    assert "itself" not in nomus_remark(nomus(0.95, 0.8, None, 0.0, None), CLASS)
    assert nomus_remark(nomus(0.95, 0.8, None, 0.9, None, "train_forget_accuracy"), IMAGES) == ""  # nobody knows what is good


def test_what_was_recorded_is_one_row_a_kind_and_single_numbers_show_their_value():
    table = recorded_table(
        [
            ("ssse/a/damping", (), 4, 0.5), ("ssse/b/damping", (1,), 4, 2.0), ("ssd/alpha", (), 4, 4.2),
            ("step/conv.weight", (2, 3), 24, None), ("old", (1,), 4, 7.0),
        ]
    ).set_index("array")  # fmt: skip
    assert list(table.index) == ["old", "ssd/alpha", "ssse/*/damping", "step/*"]
    assert dict(table["value"]) == {"old": "7", "ssd/alpha": "4.2", "ssse/*/damping": "0.5 to 2", "step/*": "–"}
    assert list(table["arrays"]) == [1, 1, 2, 1]
    assert list(table["shape"]) == ["1", "1", "one each", "2 × 3"]
    assert "another version" in table.loc["old", "meaning"]
    assert len(recorded_table([])) == 0
