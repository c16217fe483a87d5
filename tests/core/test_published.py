"""Published sets: torchvision's objects become ours; what is not here, or not whole, is told in one sentence; no download."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from core.data import published_sets
from core.data.cifar100 import CIFAR20, CIFAR100, COARSE, FINE, SUPERCLASS_OF, SUPERCLASSES
from core.data.folder import OFFLINE
from core.data.published import Published, examples_of
from core.domain import WrongInput


def stub(labels, shape=(32, 32, 3), **about):
    """As torchvision's: `data` and `targets`; the first pixel of an image is its index."""
    data = np.zeros((len(labels), *shape), np.uint8)
    data.reshape(len(labels), -1)[:, 0] = np.arange(len(labels))
    return SimpleNamespace(data=data, targets=list(labels), **about)


def fakes(source, train, test):
    """The set as if torchvision had opened these labels, described truly."""
    counts = torch.bincount(source.sorted_out(torch.tensor(train))[0], minlength=len(source.INFO.classes)).tolist()
    info = replace(source.INFO, train_counts=tuple(counts), test_count=len(test))
    return replace(source, INFO=info, of=lambda root, first, download: stub(train if first else test))


def test_cifar_100_has_a_hundred_kinds_in_alphabetical_order_five_to_each_of_twenty_superclasses():
    assert len(FINE) == len(set(FINE)) == 100
    assert list(FINE) == sorted(FINE)
    assert list(COARSE) == sorted(COARSE)
    assert np.bincount(SUPERCLASS_OF).tolist() == [5] * 20
    # Spot checks against the published table: label -> name, superclass.
    assert [(FINE.index(name), SUPERCLASS_OF[FINE.index(name)]) for name in ("apple", "beaver", "rocket", "worm")] == [
        (0, 4), (4, 0), (69, 19), (99, 13),
    ]  # fmt: skip
    assert SUPERCLASSES["vehicles 2"][1] == "rocket"


def test_cifar_100_keeps_its_classes_and_knows_their_superclasses():
    data = fakes(CIFAR100, [4, 69, 0, 4], [99, 1]).load()
    assert data.train.images.shape == (4, 3, 32, 32)
    assert data.train.images[:, 0, 0, 0].tolist() == [0, 1, 2, 3]
    assert data.train.labels.tolist() == [4, 69, 0, 4]
    assert data.train_columns["superclass"].tolist() == [0, 19, 4, 0]
    assert data.test_columns["superclass"].tolist() == [13, 1]  # worm, aquarium fish
    assert data.info.subclass == ""


def test_cifar_20_has_superclasses_for_classes_and_the_kinds_as_subclasses():
    data = fakes(CIFAR20, [4, 69, 0, 4], [99]).load()
    assert data.train.labels.tolist() == [0, 19, 4, 0]
    assert data.train_columns["class"].tolist() == [4, 69, 0, 4]
    assert (data.test.labels.tolist(), data.test_columns["class"].tolist()) == ([13], [99])
    (column,) = data.info.columns
    assert (data.info.subclass, column.values[4]) == ("class", "beaver")
    assert sum(column.counts) == sum(CIFAR20.INFO.train_counts) == 50_000


@pytest.mark.parametrize("shape, wanted", [((8, 8), (5, 1, 8, 8)), ((8, 8, 3), (5, 3, 8, 8)), ((3, 8, 8), (5, 3, 8, 8))])
def test_bytes_in_any_order_of_axes_become_channels_first(shape, wanted):
    found = examples_of(stub(range(5), shape))
    assert found.images.shape == wanted
    assert found.images.dtype == torch.uint8
    assert found.labels.tolist() == list(range(5))


def test_labels_go_by_either_of_torchvisions_names():
    opened = SimpleNamespace(data=np.zeros((2, 3, 4, 4), np.uint8), labels=np.array([3, 1]))
    assert examples_of(opened).labels.tolist() == [3, 1]


def refuses(root, train, download):
    if download:
        raise ConnectionError("no route to\nhost")
    raise RuntimeError("Dataset not found.")


def test_what_is_not_here_is_told_with_what_to_put_where(tmp_path, monkeypatch):
    monkeypatch.setenv("FORGETSCOPE_DATA", str(tmp_path))
    monkeypatch.delenv(OFFLINE, raising=False)
    absent = Published(published_sets.MNIST.INFO, refuses, "the files X")
    with pytest.raises(WrongInput, match=r"the download failed \(ConnectionError: no route to host\); put the files X there, or set"):
        absent.load()


def test_offline_nothing_is_downloaded(tmp_path, monkeypatch):
    asked = []

    def of(root, train, download):
        asked.append(download)
        return refuses(root, train, download)

    monkeypatch.setenv("FORGETSCOPE_DATA", str(tmp_path))
    monkeypatch.setenv(OFFLINE, "1")
    with pytest.raises(WrongInput, match=r"^MNIST is not in .* and FORGETSCOPE_OFFLINE is set, so it was not downloaded; put "):
        Published(published_sets.MNIST.INFO, of, "the files X").load()
    assert asked == [False]


def test_a_set_with_other_counts_than_described_is_not_taken():
    short = replace(fakes(CIFAR100, [4, 69], [1]), INFO=CIFAR100.INFO)
    with pytest.raises(WrongInput, match=r"not complete: it should have 50000 images .* and 10000 to test, and has 2 and 1\.$"):
        short.load()
