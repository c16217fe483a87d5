"""Touched weights: all that changed, or the tenth that moved farthest; packed as NumPy packs."""

import numpy as np
import torch

from core.metrics.tables.changed_weight_masks import changed_masks, packed

ORIGIN = {"a": torch.zeros(3, 4), "b": torch.zeros(8)}


def test_few_changes_are_all_taken():
    weights = {"a": torch.zeros(3, 4), "b": torch.zeros(8)}
    weights["a"][1, 2] = 1e-6
    weights["b"][7] = -5
    masks = changed_masks(weights, ORIGIN)
    assert masks["a"].nonzero().tolist() == [[1, 2]]
    assert masks["b"].nonzero().tolist() == [[7]]


def test_of_many_changes_the_tenth_that_moved_farthest_is_taken_over_all_tensors():
    weights = {"a": torch.arange(12.0).view(3, 4) / 100, "b": -torch.arange(8.0)}
    masks = changed_masks(weights, ORIGIN)
    assert sum(int(m.sum()) for m in masks.values()) == 2  # of 20
    assert masks["b"].nonzero().flatten().tolist() == [6, 7]


def test_nothing_changed_nothing_touched():
    assert not any(m.any() for m in changed_masks(ORIGIN, ORIGIN).values())


def test_packing_is_numpys():
    generator = torch.Generator().manual_seed(2)
    masks = {"a": torch.rand(3, 5, generator=generator) > 0.5, "b": torch.rand(16, generator=generator) > 0.5, "c": torch.tensor(True)}
    for name, bits in packed(masks).items():
        assert np.array_equal(bits.numpy(), np.packbits(masks[name].numpy().flatten()))
