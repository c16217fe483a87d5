"""Datasets on the shelf, and the digits against scikit-learn's own."""

import numpy as np
import pytest
from sklearn.datasets import load_digits
import torch

from core.data.datasets import digits
from core.data.datasets.torchvision_sets import Published
from core.data.paths import OFFLINE
from core.data.registry import DATASETS, load_dataset
from core.domain.errors import WrongInput


@pytest.fixture
def loaded(monkeypatch):
    """Loads what is here, and never downloads; published sets whose files are not here (FORGETSCOPE_DATA) are skipped."""

    def load(key):
        monkeypatch.setenv(OFFLINE, "1")
        try:
            return load_dataset(key)
        except WrongInput as absent:
            assert isinstance(DATASETS[key], Published)
            pytest.skip(str(absent))

    return load


# `slow`: the same faces, drawn larger.
@pytest.mark.parametrize("key", [pytest.param(key, marks=[pytest.mark.slow] if key.endswith("_64") else []) for key in DATASETS])
def test_what_its_description_says_is_true(key, loaded):
    data = loaded(key)
    info = data.info
    assert info.key == key
    assert info is DATASETS[key].INFO
    assert (len(data.train), len(data.test)) == (info.train_count, info.test_count)
    for part in (data.train, data.test):
        assert part.images.shape == (len(part), info.channels, info.height, info.width)
        assert part.images.dtype == torch.uint8
        if info.multi:
            assert part.labels.dtype == torch.uint8
            assert part.labels.shape == (len(part), len(info.classes))
            assert part.labels.amin(0).tolist() == [0] * len(info.classes)
            assert part.labels.amax(0).tolist() == [1] * len(info.classes)
        else:
            assert part.labels.dtype == torch.int64
            assert set(part.labels.tolist()) == set(range(len(info.classes)))
        assert part.pixels().min() >= 0
        assert part.pixels().max() == 1
    counts = data.train.labels.sum(0) if info.multi else torch.bincount(data.train.labels)
    assert counts.tolist() == list(info.train_counts)
    for column in info.columns:
        for columns, part in ((data.train_columns, data.train), (data.test_columns, data.test)):
            assert columns[column.name].dtype == torch.int64
            assert len(columns[column.name]) == len(part)
        assert torch.bincount(data.train_columns[column.name], minlength=len(column.values)).tolist() == list(column.counts)
    assert not info.subclass or info.subclass in [column.name for column in info.columns]
    pixels = data.train.pixels()
    assert pixels.mean((0, 2, 3)).tolist() == pytest.approx(info.mean, abs=0.005)
    assert pixels.std((0, 2, 3)).tolist() == pytest.approx(info.deviation, abs=0.005)


def test_the_split_is_1437_and_360_and_always_the_same():
    first, again = digits.load(), digits.load()
    assert (len(first.train), len(first.test)) == (1437, 360)
    for part in ("train", "test"):
        assert torch.equal(getattr(first, part).images, getattr(again, part).images)
        assert torch.equal(getattr(first, part).labels, getattr(again, part).labels)


def test_together_they_are_scikit_learns_digits_each_once_with_its_label():
    data, raw = digits.load(), load_digits()
    ours = torch.cat([data.train.images, data.test.images]).squeeze(1).numpy()
    labels = torch.cat([data.train.labels, data.test.labels]).numpy()
    found = sorted((image.tobytes(), int(label)) for image, label in zip(ours, labels, strict=True))
    wanted = sorted((i.tobytes(), int(t)) for i, t in zip(raw.images.astype(np.uint8), raw.target, strict=True))
    assert found == wanted
    assert data.train.pixels().max() == raw.images.max() / 16


def test_an_unknown_dataset_is_a_key_error():
    with pytest.raises(WrongInput, match="There is no dataset 'nothing' here"):
        load_dataset("nothing")
