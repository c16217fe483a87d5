"""The ends of metrics: every unit has them, and the numbers of finished runs lie between them."""

from math import inf

import pytest

from core.domain.errors import WrongInput
from core.domain.metric_ranges import BELOW_0, BY_UNIT, check_value, range_of
from core.metrics.registry import METRICS


def test_every_unit_of_a_registered_metric_has_its_ends():
    assert {metric.info.unit for metric in METRICS.values()} <= BY_UNIT.keys()
    assert set(BELOW_0) <= METRICS.keys()


@pytest.mark.parametrize(("key", "value", "fits"), [
    ("attack_auc", 0.0, True), ("attack_auc", 1.0 + 1e-9, True), ("attack_auc", 1.1, False), ("attack_auc", inf, False),
    ("zrf_of_code", -7.0, True), ("zrf_of_code", 1.5, False), ("relearn_steps", -1.0, False), ("relearn_steps", inf, False),
    ("parameter_distance", inf, True), ("parameter_distance", 1e39, True), ("parameter_distance", 1e300, False),
    ("forget_entropy", float("nan"), False),
])  # fmt: skip
def test_what_lies_beyond_is_refused(key, value, fits):
    if fits:
        check_value(key, value, METRICS[key].info)
    else:
        with pytest.raises(WrongInput, match=f"{key} should lie between"):
            check_value(key, value, METRICS[key].info)


def test_of_an_unknown_metric_only_the_size_is_known():
    assert range_of(None) == (-inf, inf)
    check_value("of tomorrow", -3.0, None)
    with pytest.raises(WrongInput):
        check_value("of tomorrow", 1e300, None)
