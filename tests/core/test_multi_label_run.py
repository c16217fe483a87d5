"""Whole runs on images with several attributes: from the request to the verdict, the checks, the report and the explorer."""

from dataclasses import replace

import pytest
import torch

from core import pipeline
from core.analysis.weights.importance_summary import importance_view
from core.analysis.weights.ssd_what_if import load, redampen
from core.domain.errors import WrongInput
from core.domain.requests.registry import parse_request
from core.jobs.validation import make_spec
from core.jobs.write_catalogue import describe
from core.reports.checks.across_seeds import check_study
from core.reports.checks.case import Case, ClassResult
from core.reports.checks.registry import examine
from core.reports.checks.stored_run import finding_of
from core.reports.run_report import full_report, numbers_of
from core.reports.verdict import verdict
from core.storage.runs import ResultStore
from tests.attributes import KEY, computed, shelve


@pytest.fixture
def shelves(monkeypatch):
    """The shelves with tiny attributes on them."""
    shelve(monkeypatch)
    yield describe()
    torch.set_deterministic_debug_mode("default")


def asked(shelves, forget="attribute:person=3", method="ssd", **settings):
    return make_spec(shelves, KEY, "small_cnn", parse_request(forget), method, settings)


@pytest.mark.parametrize("forget", ["attribute:person=3", "random:0.2", "samples:0,5,7"])
def test_a_run_goes_from_the_request_to_a_verdict_on_attributes(home, shelves, forget):
    run = computed(home, asked(shelves, forget))
    data = shelves.datasets[KEY]
    with ResultStore(home.database) as store:
        numbers, report, finding = numbers_of(store, run.id), full_report(home, store, run), finding_of(home, store, run, data)
    said = verdict(numbers, run.spec.request, data).sentence
    assert "Attributes predicted correctly on the forget set" in said
    assert "class" not in said
    assert len(report["per_class"]["test"]["unlearned"]) == len(data.classes)
    assert all(0 <= share <= 1 for share in report["per_class"]["test"]["reference"])
    assert not any("class" in doubt.sentence for doubt in finding.warnings)
    assert (numbers["unlearned"]["test_forget_accuracy"] is None) == (not forget.startswith("attribute"))


def test_an_untouched_network_is_found_out(home, shelves):
    run = computed(home, asked(shelves, method="original"))
    with ResultStore(home.database) as store:
        finding = finding_of(home, store, run, shelves.datasets[KEY])
    assert [doubt.key for doubt in finding.warnings] == ["untouched"]


@pytest.mark.parametrize("method", ["unsir", "random_label", "salun", "delete"])
def test_a_method_that_cannot_serve_is_refused_before_anything_is_queued(shelves, method):
    with pytest.raises(WrongInput, match=r"cannot serve images with several attributes: it .*\.$"):
        asked(shelves, "random:0.2", method)


def test_a_refused_method_is_refused_by_the_pipeline_too(home, shelves):
    spec = replace(asked(shelves, "random:0.2", "finetune"), method="random_label", params={})
    with pytest.raises(WrongInput, match="cannot serve images with several attributes"):
        pipeline.run(spec, home, lambda *_: None)


def test_the_explorer_answers_by_attribute_and_as_the_run_did(home, shelves):
    run = computed(home, asked(shelves, "random:0.2", alpha=1.5))
    view = importance_view(home, run.id)
    assert view["ceiling"] == pytest.approx(5)
    answer = redampen(home, run.id, 1.5, 1.0)
    load.cache_clear()
    with ResultStore(home.database) as store:
        numbers, report = numbers_of(store, run.id), full_report(home, store, run)
    assert answer["per_class"] == pytest.approx(report["per_class"]["test"]["unlearned"])
    for model, row in answer["beside"].items():
        assert row == pytest.approx(report["per_class"]["test"][model])
    assert len(answer["images"]) == len(answer["per_class"])
    assert answer["forget"] == pytest.approx(numbers["unlearned"]["train_forget_accuracy"])
    assert answer["test_retain"] == pytest.approx(numbers["unlearned"]["test_retain_accuracy"])
    assert answer["test_forget"] is None
    assert answer["js_to_reference"] == pytest.approx(numbers["unlearned"]["js_to_reference"], rel=1e-4)


# The checks, on numbers by hand: two attributes, 100 test images, of which 60 and 50 have them.

RANDOM = parse_request("random:0.2")


def numbers_by_hand(kept=0.95, forget=0.95):
    return {
        "unlearned": {"test_retain_accuracy": kept, "train_forget_accuracy": forget, "parameter_distance": 0.3, "js_to_reference": 0.01,
                      "forget_entropy": 0.1},
        "original": {"test_retain_accuracy": 0.95, "train_forget_accuracy": 1.0, "js_to_reference": 0.05},
        "reference": {"test_retain_accuracy": 0.95, "train_forget_accuracy": 0.95, "forget_entropy": 0.1},
    }  # fmt: skip


def seen(*pairs):
    """(accuracy, answered with yes) of each attribute."""
    return [ClassResult(share, 100, has, yes) for (share, yes), has in zip(pairs, (60, 50), strict=True)]


def doubts(ours, **about):
    good = seen((0.95, 60), (0.95, 50))
    table = {"unlearned": ours, "original": good, "reference": good}
    found = examine(Case(numbers_by_hand(**about), table, RANDOM, ("striped", "dark"), forget_count=100, multi=True)).warnings
    return {doubt.key: doubt.sentence for doubt in found}


def test_a_network_that_answers_alike_for_every_image_has_collapsed():
    said = doubts(seen((0.6, 100), (0.5, 0)), kept=0.55)
    assert set(said) == {"collapsed"}
    assert said["collapsed"] == (
        "Collapsed: every image gets the same prediction; attributes predicted correctly on test images: 95 % before, 55 % now "
        "(95 % if retrained)."
    )


def test_a_network_no_better_than_the_more_frequent_answers_has_collapsed():
    # Always the more frequent answer: (60 + 50) / 200 = 55 %, so 0.55 + a quarter of 0.4 is the bar.
    said = doubts(seen((0.65, 70), (0.63, 40)), kept=0.64)
    assert said["collapsed"].endswith("always predicting the more frequent value would be right 55 % of the time.")
    assert "collapsed" not in doubts(seen((0.68, 70), (0.68, 40)), kept=0.68)


def test_a_rare_attribute_that_is_always_answered_alike_by_the_reference_too_is_no_collapse():
    constant = seen((0.6, 100), (0.5, 0))
    table = {"unlearned": constant, "original": constant, "reference": constant}
    found = examine(Case(numbers_by_hand(), table, RANDOM, ("striped", "dark"), forget_count=100, multi=True)).warnings
    assert "collapsed" not in {doubt.key for doubt in found}


def test_an_attribute_that_the_average_hides_is_named():
    said = doubts(seen((0.97, 60), (0.6, 20)), kept=0.93)
    assert said["hidden_worst_class"] == (
        "The average hides an attribute: on test images dark is predicted correctly: 95 % before, 60 % now (95 % if retrained), while "
        "all attributes lost 16.5 % on average."
    )


def test_a_good_run_on_attributes_raises_no_doubt():
    assert doubts(seen((0.95, 60), (0.95, 50))) == {}


def test_a_study_of_attributes_is_judged_by_its_divergence():
    runs = {seed: numbers_by_hand() for seed in range(3)}
    assert check_study(runs, RANDOM) == []
