"""The true pixels of some faces are those of the faces that the dataset holds."""

import torch

from core.analysis.saliency.part_masks import true_parts
from core.data.registry import load_dataset


def test_the_parts_are_those_of_the_very_rows():
    for key in ("faces", "faces_attributes"):
        data = load_dataset(key)
        for half, columns in (("train", data.train_columns), ("test", data.test_columns)):
            rows = torch.tensor([0, 17, 333, 501])
            found = true_parts(key, half, rows)
            assert found["glasses"].shape == (4, 32, 32)
            assert [bool(p.any()) for p in found["glasses"]] == (columns["glasses"][rows] == 1).tolist()
            assert [bool(p.any()) for p in found["smile"]] == (columns["smile"][rows] == 1).tolist()


def test_of_other_data_nobody_knows():
    assert true_parts("digits", "train", torch.tensor([0])) == {}
