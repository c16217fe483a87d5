"""Ranges of a search: around the preset, as they are written, and what is refused."""

import pytest

from core.domain.errors import WrongInput
from core.domain.hyperparameters import params_of
from core.methods.registry import METHODS
from core.tuning.ranges import Range, default_range, parse_range, spelled, tunable, tuned_at_first

SSD = list(params_of(METHODS["ssd"]).values())
SCRUB = list(params_of(METHODS["scrub"]).values())
PRESET = {"settings": "given", "importance": "per_sample", "batch_size": 64, "alpha": 4.3, "lambda": 1.0}


def named(params, name):
    return next(p for p in params if p.name == name)


def test_a_range_lies_around_the_preset_within_the_declared_bounds_on_a_log_scale_where_it_spans_decades():
    assert default_range(named(SSD, "alpha"), 4.3) == Range("alpha", 0.43, 43.0, log=True)
    assert default_range(named(SSD, "alpha"), 500.0) == Range("alpha", 50.0, 1000.0, log=True)
    assert default_range(named(SSD, "alpha"), "percentile") == Range("alpha", 0.01, 1000.0, log=True)
    assert default_range(named(SSD, "lambda"), 0.0) == Range("lambda", 0.0, 1.0)
    assert default_range(named(SSD, "importance"), "batch") == Range("importance", choices=("per_sample", "batch", "label_free"))
    assert default_range(named(SCRUB, "epochs"), 5) == Range("epochs", 1.0, 20.0, log=True, whole=True)
    assert default_range(named(SCRUB, "max_epochs"), 0) == Range("max_epochs", 0.0, 10.0, whole=True)


@pytest.mark.parametrize("key", METHODS)
def test_every_parameter_of_every_method_has_a_range_around_its_default(key):
    for p in tunable(params_of(METHODS[key]).values()):
        found = default_range(p, p.default)
        assert found.choices or (p.low <= found.low < found.high <= p.high), p.name
        assert not found.log or found.low > 0
        assert isinstance(p.default, str) or found.holds(p.default)
        assert parse_range(found.text, [p], {p.name: p.default}).name == p.name


def test_first_tuned_is_what_a_method_would_search_by_itself_else_all_numbers_but_the_size_of_batches():
    assert tuned_at_first(SSD, PRESET) == ["alpha", "lambda"]
    finetune = list(params_of(METHODS["finetune"]).values())
    assert tuned_at_first(finetune, {p.name: p.default for p in finetune}) == ["epochs", "learning_rate"]


@pytest.mark.parametrize("text, found", [
    ("alpha", Range("alpha", 0.43, 43.0, log=True)), ("alpha=1:20", Range("alpha", 1.0, 20.0, log=True)),
    (" alpha = 1 : 5 ", Range("alpha", 1.0, 5.0)), ("alpha=1:20:linear", Range("alpha", 1.0, 20.0)),
    ("alpha=1:2:log", Range("alpha", 1.0, 2.0, log=True)),
    ("importance=batch|per_sample", Range("importance", choices=("batch", "per_sample"))),
    ("batch_size=16:64", Range("batch_size", 16.0, 64.0, whole=True)),
])  # fmt: skip
def test_a_range_is_read_as_it_is_written(text, found):
    assert parse_range(text, SSD, PRESET) == found
    assert parse_range(found.text, SSD, PRESET) == found or found.log != (found.high >= 10 * found.low)


@pytest.mark.parametrize("text", [
    "beta", "settings", "alpha=1", "alpha=1:2:3", "alpha=5:1", "alpha=0.001:5", "alpha=1:5000", "alpha=nan:5", "alpha=1:inf", "alpha=a:b",
    "importance=batch", "importance=batch|new", "importance=batch|batch", "batch_size=1.5:8", "lambda=0:1:log", "",
])  # fmt: skip
def test_what_is_no_range_is_refused_in_one_sentence(text):
    with pytest.raises(WrongInput) as refused:
        parse_range(text, SSD, PRESET)
    assert "\n" not in str(refused.value)


def test_a_trial_s_params_are_a_run_s_searched_by_nobody_and_with_defaults_where_nothing_depends_on_them():
    preset = {**PRESET, "settings": "auto", "batch_size": 99}
    assert spelled(preset, {"alpha": 2.0}, SSD) == {**PRESET, "alpha": 2.0}
    assert spelled(preset, {"alpha": 2.0, "importance": "batch"}, SSD) == {**PRESET, "alpha": 2.0, "importance": "batch", "batch_size": 99}
    assert spelled(preset, {}, SSD)["settings"] == "auto"  # the preset itself
