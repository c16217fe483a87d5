"""From a folder of images to a dataset: what is kept of it, by hand and by Pillow and NumPy."""

import csv
import os
from pathlib import Path

import numpy as np
from PIL import Image
import pytest
import torch

from core.data.importing import decode
from core.data.importing import store as cache
from core.data.importing.importer import ImportOptions, add
from core.data.registry import load_dataset
from core.data.splits import split
from core.domain.code_version import catalogue_version
from core.domain.errors import WrongInput
from core.domain.requests.classes import ClassRequest
from core.domain.requests.subclass import SubclassRequest
from core.domain.run import RunSpec
from core.jobs.catalogue import catalogue, dataset_images
from core.jobs.write_catalogue import write
from core.pipeline import prepare
from core.storage.artifacts import Artifacts
from core.storage.runs import ResultStore
from core.training.cache import ArtifactCache
from tests.core.data.importing.made_up import COLOUR, GREY, folder, index, picture


@pytest.fixture
def datasets(tmp_path):
    return tmp_path / "datasets"


def pixels(path):
    """(C, H, W) by Pillow alone."""
    found = np.asarray(Image.open(path))
    return found[None] if found.ndim == 2 else found.transpose(2, 0, 1)


@pytest.mark.parametrize("shape", [GREY, COLOUR], ids=["grey", "colour"])
def test_images_labels_counts_mean_and_deviation_are_those_of_the_files(tmp_path, datasets, shape):
    root = folder(tmp_path / "Pets", ("b10", "b2"), (3, 2), shape)
    info = add(root, ImportOptions(), datasets).info
    arrays = cache.arrays_of(datasets, info.key)
    trained = [pixels(root / "train" / name / f"{place}.png") for name in ("b2", "b10") for place in range(3)]
    np.testing.assert_array_equal(arrays["train_images"], trained)
    assert info.classes == ("b2", "b10")  # 2 before 10
    assert (arrays["train_labels"].tolist(), arrays["test_labels"].tolist()) == ([0, 0, 0, 1, 1, 1], [0, 0, 1, 1])
    assert (info.train_counts, info.test_count, info.multi) == ((3, 3), 4, False)
    share = np.stack(trained) / 255
    assert info.mean == pytest.approx(share.mean((0, 2, 3)), abs=1e-6)
    assert info.deviation == pytest.approx(share.std((0, 2, 3)), abs=1e-6)
    assert (info.channels, info.height, info.width) == (share.shape[1], 8, 8)


def test_the_key_names_the_content_and_the_same_again_is_not_decoded(tmp_path, datasets, monkeypatch):
    root = folder(tmp_path / "My Pets!")
    first = add(root, ImportOptions(), datasets)
    assert cache.KEY.fullmatch(first.info.key)
    assert first.info.key.startswith("my-pets@")
    monkeypatch.setattr(decode, "decode", None)
    again = add(root, ImportOptions(), datasets)
    assert (again.info, again.new, first.new) == (first.info, False, True)


def test_other_content_another_size_or_another_label_is_another_dataset(tmp_path, datasets):
    root = folder(tmp_path / "pets")
    index(root, "kind", say=lambda p: ("big" if p.stem == "0" else "small",))
    others = ({}, {"size": 9}, {"label": "kind"}, {"channels": "grey"})
    keys = [add(root, ImportOptions(**options), datasets).info.key for options in others]
    picture(root / "train" / "cat" / "0.png", 999)
    keys.append(add(root, ImportOptions(), datasets).info.key)
    assert len(set(keys)) == 5
    assert cache.keys(datasets) == sorted(keys)


def test_many_images_go_through_in_parts(tmp_path, datasets, monkeypatch):
    monkeypatch.setattr(decode, "TOGETHER", 4)
    root, shares = folder(tmp_path / "pets", counts=(5, 3)), []
    info = add(root, ImportOptions(), datasets, lambda share, note: shares.append(share)).info
    found = cache.arrays_of(datasets, info.key)
    parts = [(half, name, count) for half, count in (("train", 5), ("test", 3)) for name in ("cat", "dog")]
    files = [root / half / name / f"{place}.png" for half, name, count in parts for place in range(count)]
    np.testing.assert_array_equal(np.concatenate([found["train_images"], found["test_images"]]), [pixels(f) for f in files])
    assert shares == sorted(shares)


def test_a_size_cuts_to_the_middle_square_and_resizes_mixed_sizes(tmp_path, datasets):
    root = folder(tmp_path / "pets")
    wide = np.zeros((10, 30, 3), np.uint8)
    wide[:, 10:20] = 200  # the middle square
    Image.fromarray(wide).save(root / "train" / "cat" / "0.png")
    info = add(root, ImportOptions(size=10), datasets).info
    assert (info.height, info.width) == (10, 10)
    assert (cache.arrays_of(datasets, info.key)["train_images"][0] == 200).all()


def test_images_too_large_to_be_kept_whole_are_refused_unless_a_size_is_given(tmp_path, datasets):
    root = folder(tmp_path / "pets")
    for path in root.glob("*/*/*.png"):
        picture(path, 1, (8, 1025))
    with pytest.raises(WrongInput, match=r"^The image train/cat/0\.png is 1025x8, beyond 1024 a side; give --size to resize them all\.$"):
        add(root, ImportOptions(), datasets)
    assert not list(datasets.iterdir())
    assert add(root, ImportOptions(size=8), datasets).info.width == 8


def test_a_camera_held_upright_is_believed(tmp_path, datasets):
    root = folder(tmp_path / "pets")
    path = root / "train" / "cat" / "0.png"
    straight = pixels(path)
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees clockwise to see it right
    Image.open(path).save(path, exif=exif)
    info = add(root, ImportOptions(), datasets).info
    np.testing.assert_array_equal(cache.arrays_of(datasets, info.key)["train_images"][0], np.rot90(straight, -1, (1, 2)))


def test_columns_of_index_csv_are_values_by_image_and_a_finer_one_is_the_subclass(tmp_path, datasets):
    root = folder(tmp_path / "pets")
    index(
        root, "split", "label", "identity", "subclass", "file",
        say=lambda p: (p.parts[0], str(int(p.parts[1] == "dog")), p.stem, f"{p.parts[1]}{int(p.stem) % 2}", "-".join(p.parts)),
    )  # fmt: skip
    info = add(root, ImportOptions(), datasets).info
    known = {column.name: column for column in info.columns}
    assert known.keys() == {"identity", "subclass"}  # the label says what the class says, and file names each image
    assert info.subclass == "subclass"
    assert known["subclass"].values == ("cat0", "cat1", "dog0", "dog1")
    assert known["subclass"].counts == (2, 1, 2, 1)
    assert known["identity"].values == ("0", "1", "2")
    arrays = cache.arrays_of(datasets, info.key)
    assert arrays["train_column/identity"].tolist() == [0, 1, 2, 0, 1, 2]
    assert arrays["test_column/subclass"].tolist() == [0, 1, 2, 3]


def test_a_column_as_label_makes_the_folders_class_the_subclass(tmp_path, datasets):
    root = folder(tmp_path / "zoo", ("cat", "dog", "eagle"))
    index(root, "superclass", "number", say=lambda p: ("bird" if p.parts[1] == "eagle" else "beast", "7" if p.parts[1] == "eagle" else "3"))
    info = add(root, ImportOptions(label="superclass"), datasets).info
    assert info.classes == ("beast", "bird")
    assert info.train_counts == (6, 3)
    assert (info.subclass, [c.name for c in info.columns]) == ("class", ["class"])
    assert info.title == "zoo by superclass"
    data = load_dataset(info.key, datasets)
    parts = split(data, SubclassRequest((1,)))
    assert parts.forgotten.tolist() == [False] * 3 + [True] * 3 + [False] * 3


def test_the_engine_reads_tensors_over_the_files_and_a_part_of_them_copies_no_image(tmp_path, datasets):
    info = add(folder(tmp_path / "pets"), ImportOptions(), datasets).info
    data = load_dataset(info.key, datasets)
    assert data.info == info
    assert (data.train.images.dtype, data.train.labels.dtype) == (torch.uint8, torch.int64)
    parts = split(data, ClassRequest((1,)))
    assert parts.retain.stored.data_ptr() == parts.forget.stored.data_ptr() == data.train.stored.data_ptr()
    assert parts.forget.images.tolist() == data.train.images[3:].tolist()
    assert [y.tolist() for _, y in parts.forget.batches(2)] == [[1, 1], [1]]


def test_a_run_of_an_added_set_is_prepared_from_the_home(tmp_path, home):
    info = add(folder(tmp_path / "pets"), ImportOptions(), home.datasets_folder).info
    spec = RunSpec(info.key, "small_cnn", ClassRequest((0,)), "original", {}, device="cpu")
    with ResultStore(home.database) as store:
        job = prepare(spec, ArtifactCache(store, Artifacts(home.artifacts_folder)), home.datasets_folder)
    assert job.splits.forgotten.tolist() == [True] * 3 + [False] * 3
    assert job.build()(job.splits.test.pixels()).shape == (4, 2)


def test_a_set_that_is_gone_or_damaged_is_told_by_the_engine(tmp_path, datasets):
    with pytest.raises(WrongInput, match="There is no added dataset 'pets@00000000'"):
        load_dataset("pets@00000000", datasets)
    info = add(folder(tmp_path / "pets"), ImportOptions(), datasets).info
    (datasets / info.key / "0.npy").write_bytes(b"")
    with pytest.raises(cache.Damaged, match="has 0 bytes"):
        load_dataset(info.key, datasets)


def test_a_damaged_set_is_written_anew_when_its_folder_is_added_again(tmp_path, datasets):
    root = folder(tmp_path / "pets")
    info = add(root, ImportOptions(), datasets).info
    (datasets / info.key / "0.npy").write_bytes(b"")
    assert add(root, ImportOptions(), datasets).new
    assert cache.arrays_of(datasets, info.key, whole=True)


def test_the_catalogue_and_the_pages_images_have_the_added_sets_and_lose_removed_ones(tmp_path, home, monkeypatch):
    write(home.root / "catalogue" / catalogue_version())  # else a process of its own would, for seconds
    before = catalogue(home.root).datasets
    info = add(folder(tmp_path / "pets"), ImportOptions(), home.datasets_folder).info
    assert catalogue(home.root).datasets == before | {info.key: info}
    arrays = dataset_images(home.root, info.key)
    assert arrays.keys() == {"train_images", "train_labels", "test_images", "test_labels", "peak"}
    assert arrays["peak"] == 255
    (home.datasets_folder / "broken@00000000").mkdir()
    assert catalogue(home.root).datasets.keys() == before.keys() | {info.key}
    with monkeypatch.context() as racing:
        racing.setattr(cache, "keys", lambda _: [info.key, "gone@00000000"])  # it was there when the folder was listed
        (home.datasets_folder / "other").mkdir()  # the folder's time changes
        assert catalogue(home.root).datasets.keys() == before.keys() | {info.key}
    cache.remove(home.datasets_folder, info.key)
    assert catalogue(home.root).datasets == before


@pytest.mark.skipif("FORGETSCOPE_DATA" not in os.environ, reason="FORGETSCOPE_DATA does not say where real images lie")
def test_a_real_folder_by_superclass_has_the_counts_of_its_own_table(datasets):
    root = Path(os.environ["FORGETSCOPE_DATA"]) / "cifar100-subset"
    if not root.is_dir():
        pytest.skip(f"{root} is not there")
    info = add(root, ImportOptions(label="superclass"), datasets).info
    rows = list(csv.DictReader((root / "index.csv").read_text().splitlines()))
    trained = [row for row in rows if row["split"] == "train"]
    assert info.train_counts == tuple(sum(row["superclass"] == name for row in trained) for name in info.classes)
    fine = next(column for column in info.columns if column.name == info.subclass)
    assert fine.counts == tuple(sum(row["class"] == name for row in trained) for name in fine.values)
    images = cache.arrays_of(datasets, info.key)["train_images"]
    wanted = {pixels(root / row["path"]).tobytes() for row in trained[::500]}
    assert wanted <= {image.tobytes() for image in images}
