"""How many more seeds: powers and sizes by the tables and by SciPy's noncentral t, and what a comparison says of them."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from core.domain.methods.ablations import SECOND_REFERENCE_METHOD
from core.reports.compare.comparison_sentence import answer, groups_in
from core.reports.compare.more_seeds import MOST, MoreSeeds, more_seeds, power, seeds_to_tell, wanted_pairs
from tests.core.reports.compare.test_comparison_sentence import TITLES, runs, second


def by_seed(*values):
    return {(seed, ""): value for seed, value in enumerate(values)}


@pytest.mark.parametrize(("effect", "n"), [(0.5, 34), (0.8, 15), (1.0, 10), (2.0, 5)])
def test_the_sizes_are_those_of_the_published_tables(effect, n):
    """G*Power 3.1, difference between two dependent means, two-sided, 5 %, power 80 %: 34, 15, 10; by Cohen's d_z."""
    assert wanted_pairs(effect) == n
    assert power(effect, n - 1) < 0.8 <= power(effect, n)


def test_power_is_that_of_a_noncentral_t_and_of_a_simulation():
    for effect, n in ((0.3, 8), (1.2, 4), (2.5, 3)):
        critical = stats.t.ppf(0.975, n - 1)
        by_scipy = stats.nct.sf(critical, n - 1, effect * n**0.5) + stats.nct.cdf(-critical, n - 1, effect * n**0.5)
        assert power(effect, n) == pytest.approx(by_scipy, abs=1e-6)
    drawn = np.random.default_rng(0).normal(1.2, 1.0, (20_000, 4))
    told = stats.ttest_1samp(drawn, 0.0, axis=1).pvalue < 0.05
    assert power(1.2, 4) == pytest.approx(told.mean(), abs=0.01)


def test_a_small_effect_is_not_promised():
    assert wanted_pairs(0.41) == 49  # by G*Power
    assert wanted_pairs(0.39) is None
    assert wanted_pairs(0.0) is None


def test_seeds_are_reckoned_from_the_differences_of_each_seed():
    """Hand: the differences are 3, 1 and -1, whose mean is 1 and whose standard deviation 2, an effect of a half: 34."""
    one = by_seed(10.0, 20.0, 30.0)
    assert seeds_to_tell(one, by_seed(13.0, 21.0, 29.0)) == 34
    assert seeds_to_tell(by_seed(13.0, 21.0, 29.0), one) == 34
    assert seeds_to_tell(one, by_seed(13.0, 20.0, 27.0)) is None  # 3, 0, -3: a mean of nothing
    assert seeds_to_tell(one, by_seed(11.0)) is None
    assert seeds_to_tell(one, one) is None


@pytest.mark.parametrize(("means", "least", "most"), [((0.0,) * 2, 0.0, 0.3), ((0.0,) * 5, 0.0, 0.3), ((0.0, 0.5), 0.1, 0.6)])
def test_no_share_is_promised_for_seeds_chosen_by_a_difference_that_was_seen_decide_less_often(means, least, most):
    """Simulated: three seeds, the pair that fewest seeds would tell, then so many seeds in all; had its difference been the true one,
    80 % would have been told."""
    draw, told, as_seen = np.random.default_rng(0), [], []
    while len(told) < 150:
        values = draw.normal(np.array(means)[:, None], 1.0, (len(means), MOST))
        pairs = {}
        for one, other in combinations(range(len(means)), 2):
            seen = values[one, :3], values[other, :3]
            if stats.ttest_rel(*seen).pvalue >= 0.05 and (n := seeds_to_tell(by_seed(*seen[0]), by_seed(*seen[1]))):
                pairs[one, other] = max(n, 4)
        if pairs:
            (one, other), n = min(pairs.items(), key=lambda item: item[1])
            apart = values[other] - values[one]
            told.append(stats.ttest_1samp(apart[:n], 0.0).pvalue < 0.05)
            scale = apart[:3].std(ddof=1)
            as_seen.append(stats.ttest_1samp(draw.normal(apart[:3].mean(), scale, n), 0.0).pvalue < 0.05)
    assert least <= np.mean(told) <= most
    assert np.mean(as_seen) > 0.75
    assert "%" not in MoreSeeds(2, (("test accuracy", 2),), 3).text


def compared(*parts):
    frame = pd.concat(parts, ignore_index=True)
    groups = groups_in(frame, frame, TITLES)
    return answer(groups), more_seeds(groups)


SURE = {"train_forget_accuracy": 0.92, "test_retain_accuracy": 0.94, "attack_auc": 0.52, "js_to_reference": 0.05}


def test_what_cannot_be_told_says_what_would_decide_it():
    """Hand: the costs of the attack differ by 0.03, 0.01 and -0.01: an effect of a half, 34 seeds, 31 more. Forget accuracy is told; test
    accuracy differs by 0.015, 0.001, -0.015: an effect of 0.022, which no 50 seeds would tell."""
    one = runs("ssd", 3, jitter=(0.0, 0.0, 0.0), **SURE)
    other = runs("aru", 3, jitter=(0.0, 0.0, 0.0), **{
        **SURE, "train_forget_accuracy": 0.99, "attack_auc": (0.55, 0.53, 0.51), "test_retain_accuracy": (0.925, 0.939, 0.955),
        "js_to_reference": 0.05,
    })  # fmt: skip
    said, more = compared(one, other, second(3))
    assert "no difference can be told in test accuracy, distance to the reference (JS) and membership attack" in said
    assert more == MoreSeeds(31, (("test accuracy", None), ("membership attack", 31)), 3)  # the distance is the very same
    assert more.text == (
        "If the differences over these 3 seeds were the true ones: 31 more seeds would likely decide membership attack; for test accuracy "
        "more than 50 would be needed: any difference is small against its spread. But they tend to be larger than the true ones, so that "
        "it may take more, and no number of seeds tells equal methods apart."
    )


def test_of_many_methods_the_two_that_are_told_apart_first_count():
    third = runs("finetune", 3, jitter=(0.0, 0.0, 0.0), **{**SURE, "attack_auc": (0.57, 0.54, 0.525)})
    one = runs("ssd", 3, jitter=(0.0, 0.0, 0.0), **SURE)
    other = runs("aru", 3, jitter=(0.0, 0.0, 0.0), **{**SURE, "attack_auc": (0.55, 0.53, 0.51)})
    pairs = [stats.ttest_rel(a, b) for a, b in (((5, 2, 0.5), (0, 0, 0)), ((3, 1, -1), (0, 0, 0)), ((5, 2, 0.5), (3, 1, -1)))]
    assert [pair.pvalue < 0.05 for pair in pairs] == [False, False, True]  # so the metric is decided: two of them differ
    assert compared(one, other, third, second(3))[1] is None
    assert compared(one, third, second(3))[1].more == wanted_pairs(np.mean([5, 2, 0.5]) / np.std([5, 2, 0.5], ddof=1)) - 3


def test_one_seed_asks_for_three_and_where_all_is_told_nothing_is_asked():
    one, other = (runs(method, 1, **SURE) for method in ("ssd", "aru"))
    assert compared(one, other)[1] == MoreSeeds(2, (), 1)
    assert compared(one, other)[1].text == "2 more seeds would make 3, from which differences can be told at all."
    far = {"train_forget_accuracy": 0.99, "test_retain_accuracy": 0.8, "attack_auc": 0.7, "js_to_reference": 0.15}
    apart = runs("aru", 3, jitter=(0.0, 1e-4, -1e-4), **far)
    assert compared(runs("ssd", 3, jitter=(0.0,) * 3, **SURE), apart, second(3))[1] is None
    assert more_seeds([]) is None
    alone = second(3).assign(method=SECOND_REFERENCE_METHOD)
    assert compared(alone)[1] is None
    assert MoreSeeds(0, (("relearn time", None),), 4).text.startswith(
        f"If the differences over these 4 seeds were the true ones: for relearn time more than {MOST} would be needed"
    )
