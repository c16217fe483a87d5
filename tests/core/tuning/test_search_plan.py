"""A search's plan: what decides its id, and what is refused."""

from dataclasses import replace

import pytest

from core.domain.errors import WrongInput
from core.domain.presets import FRESH_SEEDS, TUNING_SEEDS
from core.tuning.objectives import ORACLE
from core.tuning.plan import Budget, SearchPlan
from core.tuning.ranges import Range
from tests.core.tuning.searched import RANGES, plan


def test_a_larger_budget_is_the_same_search_and_anything_else_another():
    first = plan()
    assert plan(trials=50).id == first.id
    assert SearchPlan.from_plain(first.to_plain()).id == first.id
    others = [plan(mode=ORACLE), plan(seeds=TUNING_SEEDS), plan(draw=1), plan(objectives=("forgetting",)), plan(ranges=RANGES[:1]),
              plan(ranges=(Range("alpha", 0.42, 41.0, log=True), RANGES[1]))]  # fmt: skip
    assert len({first.id, *(other.id for other in others)}) == 7


def test_the_seeds_on_which_settings_are_judged_are_never_searched_on():
    for seed in FRESH_SEEDS:
        with pytest.raises(WrongInput, match=f"judged on the seeds 0, 1, 2, 21, 22.*got {seed}"):
            plan(seeds=(TUNING_SEEDS[0], seed)).check()
    plan(seeds=TUNING_SEEDS).check()
    assert plan().spec.seed in FRESH_SEEDS  # with which a trial opens as a run


def test_the_preset_s_values_are_told_to_the_sampler_where_they_lie_in_the_ranges():
    assert plan().preset_within() == {"alpha": 4.2, "lambda": 1.0}
    assert plan(ranges=(Range("alpha", 5.0, 9.0), RANGES[1])).preset_within() is None
    auto = replace(plan().spec, params={**plan().spec.params, "settings": "auto"})
    assert plan(spec=auto).preset_within() is None


def test_a_budget_is_spent_by_what_comes_first():
    assert not Budget(5, 1.0).spent(4, 59.0)
    assert Budget(5, 1.0).spent(5, 0.0)
    assert Budget(5, 1.0).spent(1, 60.0)
    assert Budget(None, 2.0).share(3, 30.0) == 0.25
    assert Budget(50, 2.5).text == "50 trials or 2.5 minutes"
    for wrong in (Budget(None, None), Budget(0), Budget(1001), Budget(None, 0.0), Budget(None, float("nan"))):
        with pytest.raises(WrongInput):
            wrong.check()


@pytest.mark.parametrize("name, value", [
    ("spec", "{}"), ("mode", "sighted"), ("ranges", []), ("ranges", [{"name": "alpha"}]), ("objectives", [3]), ("seeds", []),
    ("seeds", [0.5]), ("seeds", [0]), ("budget", {}), ("budget", {"trials": "many"}), ("draw", None),
])  # fmt: skip
def test_a_damaged_plan_is_refused(name, value):
    with pytest.raises(WrongInput):
        SearchPlan.from_plain(plan().to_plain() | {name: value})
