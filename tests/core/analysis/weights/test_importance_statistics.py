"""Importances by layer and their ratios, counted by hand."""

import numpy as np
import pytest

from core.analysis.weights.importance_statistics import BINS, importance_statistics


def test_means_ratio_and_histogram_by_hand():
    forget = {"a": np.array([[1.0, 0.0], [4.0, 10.0]], np.float32), "b": np.array([0.0], np.float32)}
    everything = {"a": np.array([[1.0, 2.0], [4.0, 1.0]], np.float32), "b": np.array([0.0], np.float32)}
    told = importance_statistics(forget, everything)
    one, other = told["layers"]
    assert (one["layer"], one["weights"], one["forget"], one["all"], one["ratio"]) == ("a", 4, 3.75, 2.0, 1.875)
    assert one["bands"]["forget"][2] == pytest.approx(np.log10(4))  # the median of 1, 4 and 10
    assert (other["ratio"], other["bands"]["ratio"]) == (None, None)
    counts, edges = told["histogram"]["counts"], told["histogram"]["edges"]
    assert (counts[0], counts[-1], sum(counts)) == (2, 1, 3)  # ratios 1, 1 and 10
    assert (len(edges), edges[0], edges[-1]) == (BINS + 1, 0, pytest.approx(1))


def test_ratios_that_are_all_one_have_bins_all_the_same():
    ones = {"a": np.ones(3, np.float32)}
    told = importance_statistics(ones, ones)
    assert sum(told["histogram"]["counts"]) == 3
    assert (told["histogram"]["edges"][0], told["histogram"]["edges"][-1]) == (-0.5, pytest.approx(0.5))
