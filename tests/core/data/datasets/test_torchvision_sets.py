"""Published sets: torchvision's objects become ours; what is not here, or not whole, is told in one sentence; no download."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from core.data.datasets import torchvision_sets
from core.data.datasets.cifar100 import CIFAR20, CIFAR100, COARSE, FINE, SUPERCLASS_OF, SUPERCLASSES
from core.data.datasets.torchvision_sets import Published, examples_of
from core.data.paths import OFFLINE
from core.domain.errors import WrongInput


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
    absent = Published(torchvision_sets.MNIST.INFO, refuses, "the files X")
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
        Published(torchvision_sets.MNIST.INFO, of, "the files X").load()
    assert asked == [False]


def test_a_set_with_other_counts_than_described_is_not_taken():
    short = replace(fakes(CIFAR100, [4, 69], [1]), INFO=CIFAR100.INFO)
    with pytest.raises(WrongInput, match=r"not complete: it should have 50000 images .* and 10000 to test, and has 2 and 1\.$"):
        short.load()


@pytest.mark.parametrize("place", ["SVHN", ".", "svhn"])
def test_svhn_is_read_where_torchvision_puts_it_with_a_folder_of_its_own_or_without(tmp_path, monkeypatch, place):
    from scipy.io import savemat

    rng = np.random.default_rng(0)
    images = {split: rng.integers(0, 256, (32, 32, 3, count), dtype=np.uint8) for split, count in (("train", 20), ("test", 10))}
    (tmp_path / place).mkdir(exist_ok=True)
    for split, pixels in images.items():  # as published: ten stands for the digit 0
        savemat(tmp_path / place / f"{split}_32x32.mat", {"X": pixels, "y": (np.arange(pixels.shape[3]) % 10 + 1)[:, None]})
    monkeypatch.setattr("torchvision.datasets.utils.check_md5", lambda *_: True)  # not the published bytes
    monkeypatch.setenv("FORGETSCOPE_DATA", str(tmp_path))
    monkeypatch.setenv(OFFLINE, "1")
    small = replace(torchvision_sets.SVHN, INFO=replace(torchvision_sets.SVHN.INFO, train_counts=(2,) * 10, test_count=10))
    data = small.load()
    assert data.train.labels.tolist() == [1, 2, 3, 4, 5, 6, 7, 8, 9, 0] * 2
    np.testing.assert_array_equal(data.test.images, images["test"].transpose(3, 2, 0, 1))


def test_a_set_is_looked_for_in_each_place_and_a_download_goes_to_the_first(tmp_path, monkeypatch):
    asked = []

    def of(root, train, download):
        asked.append((str(root.relative_to(tmp_path)) if root.is_relative_to(tmp_path) else root.name, download))
        if download:
            raise ConnectionError("no route")
        if root.name != "CIFAR100":
            raise RuntimeError("Dataset not found or corrupted.")
        return stub([4, 69] if train else [1])

    monkeypatch.setenv("FORGETSCOPE_DATA", str(tmp_path))
    monkeypatch.delenv(OFFLINE, raising=False)
    source = replace(fakes(CIFAR100, [4, 69], [1]), of=of)
    with pytest.raises(WrongInput, match="the download failed"):
        source.load()
    assert [root for root, download in asked if not download] == ["."]  # folders that are not there are not opened
    assert asked[-1][0].startswith(".writing-")
    (tmp_path / "CIFAR100").mkdir()
    assert source.load().train.labels.tolist() == [4, 69]


@pytest.mark.parametrize("place", ["", "MNIST"])
def test_the_quick_way_to_mnist_looks_in_both_places(tmp_path, monkeypatch, place):
    from core.data.datasets import idx

    monkeypatch.setattr(idx, "HALVES", {"train": ("train", 3), "test": ("t10k", 2)})
    raw = tmp_path / place / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for name, count in (("train", 3), ("t10k", 2)):
        head = bytes([0, 0, 8, 3]) + b"".join(n.to_bytes(4, "big") for n in (count, 28, 28))
        (raw / f"{name}-images-idx3-ubyte").write_bytes(head + bytes(count * 28 * 28))
        (raw / f"{name}-labels-idx1-ubyte").write_bytes(bytes([0, 0, 8, 1]) + count.to_bytes(4, "big") + bytes(range(count)))
    assert idx.arrays_of("mnist", tmp_path)["train_labels"].tolist() == [0, 1, 2]
    assert idx.arrays_of("fashion_mnist", tmp_path) is None
