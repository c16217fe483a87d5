"""Published sets by way of torchvision, faked here: read where they lie, downloaded whole or not at all; no network."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from core.data.datasets import celeba_download
from core.data.datasets.torchvision_sets import MNIST, Published
from core.data.paths import LOOKING, OFFLINE
from core.domain.errors import WrongInput
from core.jobs.import_dataset import _folder
from tests.core.data.importing import made_up

LABELS = [0, 1, 1, 2]
INFO = replace(MNIST.INFO, classes=("0", "1", "2"), train_counts=(1, 2, 1), test_count=4)


class Net:
    """Stands for the network: how many files it hands out before it breaks, and how often it was asked."""

    def __init__(self, breaks_after=None, rows=4):
        self.breaks_after, self.rows, self.asked = breaks_after, rows, 0

    def fetch(self, path):
        self.asked += 1
        path.parent.mkdir(parents=True, exist_ok=True)
        if self.breaks_after is not None and self.asked > self.breaks_after:
            path.write_bytes(b"half")
            raise ConnectionResetError("the peer hung up. Try later")
        np.savez(path, data=np.zeros((self.rows, 28, 28), np.uint8), targets=np.array(LABELS[: self.rows]))


class Opened:
    def __init__(self, arrays):
        self.data, self.targets = arrays["data"], arrays["targets"].tolist()


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.setenv("FORGETSCOPE_DATA", str(tmp_path / "data"))
    monkeypatch.delenv(OFFLINE, raising=False)
    return tmp_path / "data"


def published(net):
    """As torchvision's MNIST: two files, each half needs its own, and a file that is there is not asked for again."""

    def of(root, train, download):
        path = root / "MNIST" / "raw" / ("train.npz" if train else "t10k.npz")
        if not path.is_file():
            if not download:
                raise RuntimeError("Dataset not found. You can use download=True to download it")
            net.fetch(path)
        with np.load(path) as arrays:
            return Opened(dict(arrays))

    return Published(INFO, of, "the four files")


def everything(root):
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*"))


WHOLE = ["MNIST", "MNIST/raw", "MNIST/raw/t10k.npz", "MNIST/raw/train.npz"]


def test_what_is_not_there_is_downloaded_and_said_and_then_read_where_it_lies(root, capsys):
    net = Net()
    data = published(net).load()
    assert (data.train.labels.tolist(), data.train.images.shape, data.train.images.dtype) == (LABELS, (4, 1, 28, 28), torch.uint8)
    assert everything(root) == WHOLE
    assert f"MNIST is not in {root}; downloading it." in capsys.readouterr().err
    published(net).load()
    assert net.asked == 2


@pytest.mark.parametrize("breaks_after", [0, 1])
def test_a_download_that_breaks_off_half_way_leaves_nothing_and_says_what_to_put_where(root, breaks_after):
    with pytest.raises(WrongInput) as told:
        published(Net(breaks_after)).load()
    sentence = str(told.value)
    assert f"MNIST is not in {root} and the download failed (ConnectionResetError: the peer hung up; Try later)" in sentence
    assert sentence.endswith("put the four files there, or set FORGETSCOPE_DATA to the folder that holds it.")
    assert ". " not in sentence
    assert everything(root) == []
    assert published(Net()).load()


@pytest.mark.parametrize("content", [b"", b"half"], ids=["empty", "half"])
def test_a_partial_file_that_was_there_is_not_believed_but_replaced_and_others_stay(root, content):
    (root / "MNIST" / "raw").mkdir(parents=True)
    (root / "MNIST" / "raw" / "train.npz").write_bytes(content)
    (root / "MNIST" / "mine.txt").write_text("stays")
    assert published(Net()).load().train.labels.tolist() == LABELS
    assert everything(root) == sorted([*WHOLE, "MNIST/mine.txt"])


def test_offline_nothing_is_downloaded_and_the_sentence_says_so(root, monkeypatch):
    monkeypatch.setenv(OFFLINE, "1")
    net = Net()
    with pytest.raises(WrongInput, match=rf"MNIST is not in {root} .*and {OFFLINE} is set, so it was not downloaded; put the four files"):
        published(net).load()
    assert net.asked == 0
    assert not root.exists()


def test_who_only_wants_to_look_downloads_nothing(root, monkeypatch):
    monkeypatch.setenv(OFFLINE, LOOKING)
    with pytest.raises(WrongInput, match=r"is not in .* yet, and only a run downloads it; put the four files"):
        published(Net()).load()


def test_a_set_with_images_missing_is_not_believed(root):
    with pytest.raises(WrongInput, match="is not complete: it should have 4 images to train on and 4 to test, and has 3 and 3"):
        published(Net(rows=3)).load()


# CelebA, which the layout of that name reads.


def test_celeba_is_downloaded_whole_without_its_archive_and_then_found(root, monkeypatch):
    calls = []

    def fake(to, split, download):
        calls.append((split, download))
        made_up.celeba(celeba_download.Path(to))
        (celeba_download.Path(to) / "celeba" / "img_align_celeba.zip").write_bytes(b"archive")

    monkeypatch.setattr(celeba_download.datasets, "CelebA", fake)
    assert _folder("celeba", "auto") == root / "celeba"
    assert _folder("celeba", "celeba") == root / "celeba"
    assert calls == [("train", True)]
    assert "celeba/img_align_celeba/000001.jpg" in everything(root)
    assert not [name for name in everything(root) if name.endswith(".zip")]


def test_celeba_that_breaks_off_is_one_sentence_that_says_what_to_put_where(root, monkeypatch):
    def fake(to, split, download):
        made_up.celeba(celeba_download.Path(to))
        raise RuntimeError("File not found or corrupted.")

    monkeypatch.setattr(celeba_download.datasets, "CelebA", fake)
    with pytest.raises(WrongInput, match=r"^CelebA is not in .* found or corrupted\); put the folder celeba with img_"):
        _folder("celeba", "auto")
    assert everything(root) == []


def test_another_folder_that_is_not_there_is_not_downloaded(root):
    with pytest.raises(WrongInput, match="There is no folder elephants and none"):
        _folder("elephants", "auto")
