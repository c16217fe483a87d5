"""What stands first of a run, on numbers planted by hand: bands, words, confidence and costs."""

from math import sqrt

import pandas as pd
import pytest

from core.data.datasets.digits import INFO as DIGITS
from core.domain.requests.registry import parse_request
from core.reports.checks.case import Case, CheckWarning, ClassResult
from core.reports.checks.registry import Finding, examine
from core.reports.cost_line import cost_line
from core.reports.first_screen import Confidence, class_rows, confidence, headline, of_stored_run
from core.reports.gauges import AS_RETRAINED, MISSING, NO_REFERENCE, NOTHING, UNCLEAR, gauges
from core.storage.runs import ResultStore
from tests.planted import plant, spec

NUMBERS = {  # class 0 of four forgotten as a retrained network would
    "original": {"test_forget_accuracy": 0.95, "test_retain_accuracy": 0.95, "attack_auc": 0.55, "relearn_steps": 0.0,
                 "anamnesis_index": 0.0},
    "unlearned": {"test_forget_accuracy": 0.0, "test_retain_accuracy": 0.95, "attack_auc": 0.5, "relearn_steps": 18.0,
                  "anamnesis_index": 0.9, "parameter_distance": 0.3},
    "reference": {"test_forget_accuracy": 0.0, "test_retain_accuracy": 0.95, "attack_auc": 0.5, "relearn_steps": 20.0,
                  "anamnesis_index": 1.0},
}  # fmt: skip
PER_CLASS = {model: [ClassResult(0.95, 100)] * 4 for model in NUMBERS}
SECOND = {  # retrained from another seed: known again after 5 steps, a fourth of the reference's
    "unlearned": {"test_forget_accuracy": 0.04, "test_retain_accuracy": 0.91, "attack_auc": 0.6, "relearn_steps": 5.0,
                  "anamnesis_index": 0.25},
    "reference": NUMBERS["reference"],
}  # fmt: skip


def changed(**values):
    return NUMBERS | {"unlearned": NUMBERS["unlearned"] | values}


def case(numbers=NUMBERS, request="class:0", **about):
    return Case(numbers, PER_CLASS, parse_request(request), ("cat", "dog", "owl", "fox"), **{"forget_count": 400} | about)


def four(numbers=NUMBERS, reasons=None, **about):
    """By title."""
    return {gauge.title: gauge for gauge in gauges(case(numbers, **about), reasons or {})}


def words(numbers=NUMBERS, **about):
    return [gauge.word for gauge in four(numbers, **about).values()]


# Bands.


def test_each_band_is_as_wide_as_chance_and_the_checks_allow():
    """Forget: 5 points around 0. Retain: three standard errors of two shares of 0.95 on 300 images. Attack: three errors of two
    areas of 0.5 with 400 members and 100 others, each sqrt((m + n + 1) / 12mn). Relearning: a third of 20 steps to three times as many.
    """
    found = four()
    assert list(found) == ["Forget accuracy", "Retain accuracy", "Membership attack", "Relearning"]
    assert found["Forget accuracy"].band == (0.0, 0.05)
    slack = 3 * sqrt(2 * 0.95 * 0.05 / 300)
    assert found["Retain accuracy"].band == pytest.approx((0.95 - slack, 1.0))
    reach = 3 * sqrt(2) * sqrt(501 / (12 * 400 * 100))
    assert found["Membership attack"].band == pytest.approx((0.5 - reach, 0.5 + reach))
    assert found["Relearning"].band == pytest.approx((20 / 3, 60))
    assert words() == [AS_RETRAINED] * 4


def test_a_second_reference_widens_them_to_twice_its_gap_and_relearning_on_its_own_side_alone():
    found = four(second_reference=SECOND)
    assert found["Forget accuracy"].band == pytest.approx((0.0, 0.08))
    assert found["Retain accuracy"].band == pytest.approx((0.87, 1.0))
    assert found["Membership attack"].band == pytest.approx((0.3, 0.7))
    assert found["Relearning"].band == pytest.approx((20 / 16, 60))  # a fourth of the steps, twice on a log scale
    assert [gauge.values["second"] for gauge in found.values()] == [0.04, 0.91, 0.6, 5.0]


def test_a_network_from_another_start_may_take_an_eighth_or_eight_times_the_steps():
    assert four(changed(parameter_distance=1.1))["Relearning"].band == pytest.approx((2.5, 160))


def test_outside_the_band_the_word_says_on_which_side():
    low = changed(test_retain_accuracy=0.8, attack_auc=0.2, relearn_steps=6.0, anamnesis_index=0.3)
    assert words(low) == [AS_RETRAINED, "below retrained", "below retrained", "comes back sooner"]
    high = changed(test_forget_accuracy=0.3, attack_auc=0.8, relearn_steps=80.0, anamnesis_index=4.0)
    assert words(high) == ["still predicted", AS_RETRAINED, "recognised", "harder to bring back"]


@pytest.mark.parametrize("key, title, values", [
    ("not_forgotten", "Forget accuracy", {"test_forget_accuracy": 0.13}),
    ("price", "Retain accuracy", {"test_retain_accuracy": 0.88}),
    ("still_recognised", "Membership attack", {"attack_auc": 0.64}),
    ("shallow", "Relearning", {"relearn_steps": 6.0, "anamnesis_index": 0.3}),
])  # fmt: skip
def test_a_gauge_is_outside_its_band_where_the_check_warns_and_a_hair_less_is_inside(key, title, values):
    at_edge = {"not_forgotten": 0.05, "price": 0.885, "still_recognised": 0.63}
    numbers = changed(**values)
    assert key in [warning.key for warning in examine(case(numbers)).warnings]
    assert four(numbers)[title].inside is False
    metric = next(iter(values))
    near = changed(**({metric: at_edge[key]} if key in at_edge else {"relearn_steps": 7.0, "anamnesis_index": 0.35}))
    assert key not in [warning.key for warning in examine(case(near)).warnings]
    assert four(near)[title].inside is True


# Numbers that are missing.


def test_without_a_reference_there_are_no_bands_and_nothing_is_judged():
    numbers = NUMBERS | {"reference": {}}
    found = four(numbers, second_reference=SECOND)  # of another run, and none to be the second to
    assert words(numbers) == [NO_REFERENCE] * 4
    assert [gauge.band for gauge in found.values()] == [None] * 4
    assert {gauge.inside for gauge in found.values()} == {None}
    assert found["Forget accuracy"].values == {"original": 0.95, "unlearned": 0.0, "reference": None, "second": None}


def test_a_missing_number_has_its_reason_and_the_band_stays():
    numbers, reasons = changed(attack_auc=None, relearn_steps=None, anamnesis_index=None), {
        "unlearned/attack_auc": "Left out to save time.", "unlearned/relearn_steps": "Left out, too.",
    }  # fmt: skip
    found = four(numbers, reasons)
    assert [(found[t].word, found[t].why) for t in ("Membership attack", "Relearning")] == [
        (MISSING, "Left out to save time."), (MISSING, "Left out, too."),
    ]  # fmt: skip
    assert found["Membership attack"].band is not None
    assert found["Membership attack"].place("unlearned") is None
    assert found["Membership attack"].text("unlearned") == "–"


def test_relearning_that_never_came_back_stands_at_the_right_end():
    numbers = changed(relearn_steps=None, anamnesis_index=10.0)
    gauge = four(numbers, {"unlearned/relearn_steps": "Not learnt back in 200 steps: accuracy 3 % where 90 % was wanted."})["Relearning"]
    assert gauge.given_up == {"unlearned": 200}
    assert (gauge.place("unlearned"), gauge.text("unlearned")) == (1.0, "not in 200 steps")
    assert (gauge.word, gauge.inside) == ("harder to bring back", False)


def test_steps_given_up_too_early_to_tell_are_not_called_harder():
    numbers = changed(relearn_steps=None, anamnesis_index=2.0)
    gauge = four(numbers, {"unlearned/relearn_steps": "Not learnt back in 40 steps: accuracy 3 % where 90 % was wanted."})["Relearning"]
    assert (gauge.word, gauge.inside) == (UNCLEAR, None)
    assert "too few to tell" in gauge.why


def test_single_images_that_the_reference_knows_need_no_relearning():
    """Of random images: accuracy on the forget set itself, and a reference that knows them."""
    numbers = {
        "original": {"train_forget_accuracy": 1.0, "test_retain_accuracy": 0.95, "attack_auc": 0.6, "relearn_steps": 0.0},
        "unlearned": {"train_forget_accuracy": 0.94, "test_retain_accuracy": 0.95, "attack_auc": 0.5, "relearn_steps": 0.0},
        "reference": {"train_forget_accuracy": 0.96, "test_retain_accuracy": 0.95, "attack_auc": 0.5, "relearn_steps": 0.0},
    }
    found = four(numbers, request="random:50", forget_count=50)
    assert found["Relearning"].word == NOTHING
    assert found["Relearning"].band is None
    slack = 3 * sqrt(2 * 0.95 * 0.05 / 50)  # of the shares' mean, on the forget set's 50 images
    assert found["Forget accuracy"].key == "train_forget_accuracy"
    assert found["Forget accuracy"].band == pytest.approx((0.96 - slack, 1.0))


def test_two_forgotten_classes_are_counted_together():
    assert case(request="classes:0,2").forget_images() == 200
    numbers = changed(test_forget_accuracy=0.5) | {"reference": NUMBERS["reference"] | {"test_forget_accuracy": 0.5}}
    slack = 3 * sqrt(2 * 0.5 * 0.5 / 200)
    assert four(numbers, request="classes:0,2")["Forget accuracy"].band == pytest.approx((0.5 - slack, 0.5 + slack))


def test_an_attribute_is_looked_for_on_every_image():
    """Of several attributes the retain accuracy's chance is that of the images, not of images times attributes."""
    slack = 3 * sqrt(2 * 0.95 * 0.05 / 100)
    assert four(multi=True, request="attribute:identity=0")["Retain accuracy"].band == pytest.approx((0.95 - slack, 1.0))


# Scales.


def test_scales_have_fixed_ends_and_steps_are_logarithmic_from_0():
    found = four()
    assert found["Forget accuracy"].ticks == {0.0: "0 %", 0.5: "50 %", 1.0: "100 %"}
    steps = found["Relearning"]
    assert steps.ticks == {0.0: "0", 10.0: "10", 100.0: "100", 1000.0: "1,000 steps"}
    assert [steps.at(value) for value in (0, 1000, 5000)] == [0, 1, 1]
    assert steps.at(sqrt(1001) - 1) == pytest.approx(0.5)
    assert max(four(changed(relearn_steps=1200.0, anamnesis_index=60.0))["Relearning"].ticks) == 10_000
    assert [gauge.text("unlearned") for gauge in found.values()] == ["0 %", "95 %", "AUC 0.50", "18 steps"]


# Confidence and warnings.

WARNING = CheckWarning("shallow", "Forgotten only on the surface; accuracy on it: 95 % before. Relearning: 3 steps.")


@pytest.mark.parametrize("finding, about, level, reason", [
    (Finding((WARNING,), ("a", "b"), {}), {"second_reference": SECOND}, "low", "1 of 3 checks warns"),
    (Finding((WARNING, WARNING), ("a",), {"b": "why"}, {"c": "why"}), {"second_reference": SECOND}, "low", "2 of 4 checks warn"),
    (Finding((), ("a", "b"), {"price": "why"}), {"second_reference": SECOND}, "medium", "1 of 3 checks not possible"),
    (Finding((), ("a", "b"), {"still_recognised": "why"}), {"second_reference": SECOND}, "low", "1 of 3 checks not possible"),
    (Finding((), ("a", "b"), {}), {}, "medium", "retraining variability not measured"),
    (Finding((), ("a", "b"), {}), {"second_reference": SECOND}, "high", "all 2 checks passed"),
    (Finding((), ("a", "b"), {}), {"method": "retrain"}, "high", "all 2 checks passed"),
    (Finding(()), {}, "low", "nothing could be checked"),
])  # fmt: skip
def test_confidence_is_counted_from_the_checks(finding, about, level, reason):
    assert confidence(case(**about), finding) == Confidence(level, reason)


def test_a_warning_is_cut_after_its_first_words():
    assert headline(WARNING.sentence) == ("Forgotten only on the surface", "accuracy on it: 95 % before. Relearning: 3 steps.")
    assert headline("At a price: accuracy fell.") == ("At a price", "accuracy fell.")
    assert headline("Nothing more.") == ("Nothing more", "")


# Costs, classes, and a stored run.


def test_costs_are_one_line():
    report = {
        "seconds": {"train": 6.8, "reference": 0.0, "precompute": 0.4, "unlearn": 0.039, "evaluate": 3.1}, "precompute_seconds": 0.369,
        "speedup": 136.4, "reference": {}, "own_weights": "", "device": None,
    }  # fmt: skip
    assert cost_line(report) == (
        "Unlearning 39 ms after 369 ms of precomputing · training the reference 5.3 s (stored), 136 × as long · training the "
        "original 6.8 s · evaluation 3.1 s · cpu"
    )
    trained = report | {"seconds": report["seconds"] | {"reference": 5.3}}
    assert "training the reference 5.3 s, 136 × as long" in cost_line(trained)
    assert "training the reference stored ·" in cost_line(report | {"speedup": None})
    files = {"elsewhere": ["train", "reference", "unlearn"], "own_weights": "brought"}
    brought = trained | files | {"precompute_seconds": 0.0, "speedup": None}
    assert cost_line(brought) == "Unlearning elsewhere · training the reference elsewhere · evaluation 3.1 s · cpu"
    bare = report | {"precompute_seconds": 0.0, "speedup": None, "reference": None, "own_weights": "uploaded", "device": "cuda"}
    assert cost_line(bare) == "Unlearning 39 ms · evaluation 3.1 s · cuda"


def test_the_second_reference_is_a_network_more_in_the_table_of_classes():
    rows = [(split, model, 0, share) for split in ("train", "test") for model, share in (("original", 1.0), ("unlearned", 0.25))]
    table = pd.DataFrame(rows, columns=["split", "model", "class", "accuracy"])
    assert class_rows(table)["accuracy"].tolist() == [1.0, 0.25]
    both = class_rows(table, table.assign(accuracy=0.5))
    assert both[["model", "accuracy"]].to_numpy().tolist() == [["original", 1.0], ["unlearned", 0.25], ["second", 0.5]]


def test_a_stored_run_is_read_whole_with_its_second_reference(home):
    run_id = plant(home, spec("ssd"))
    plant(home, spec("retrain"), test_retain_accuracy=0.8)
    with ResultStore(home.database) as store:
        run = store.existing(run_id)
        found = of_stored_run(home, store, run, DIGITS, "Selective Synaptic Dampening")
        measured = {(m.model, m.metric): m.value for m in store.measurements(run_id)}
    assert found.about == ("Selective Synaptic Dampening", "Handwritten digits", "small_cnn", "forget class 3", f"run {run_id[:4]}")
    assert found.forgotten == (3,)
    assert found.names == DIGITS.classes
    retain = found.gauges[1]
    assert retain.values == {
        **{m: measured[m, "test_retain_accuracy"] for m in ("original", "unlearned", "reference")}, "second": 0.8,
    }  # fmt: skip
    assert set(found.classes["model"]) == {"original", "unlearned", "reference", "second"}
    assert found.confidence.level == ("low" if found.warnings else "medium" if "not possible" in found.confidence.reason else "high")
    inside = [gauge.inside for gauge in found.gauges if gauge.inside is not None]
    assert found.nearness == f"{sum(inside)} of {len(inside)} as retrained"
    assert found.lead.startswith("Forgotten")
