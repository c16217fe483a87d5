"""Decodes planned images a few at a time into a draft, and describes the dataset: shape, counts, mean and deviation."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
import hashlib
import os

import numpy as np

from core.data.importing.listing import Coded, Labelled, Listing
from core.data.importing.read_image import decode, read
from core.data.importing.writer import Draft
from core.domain.errors import WrongInput
from core.domain.info import Column, DatasetInfo

Say = Callable[[float, str], None]
TOGETHER = 64  # images decoded at once
FLATTEST = 1 / 255  # least deviation: the first layer divides by it
READING = 0.2  # share of the work that was the digests


@dataclass(frozen=True)
class Plan:
    """The import before any image is decoded. files: training images first; digests: SHA-256 of each; several: how many files have
    more than one picture."""

    listing: Listing
    chosen: Labelled
    files: tuple[str, ...]
    digests: tuple[bytes, ...]
    size: int | None
    channels: int | None
    several: int = 0


def build(plan: Plan, draft: Draft, say: Say) -> DatasetInfo:
    """Writes all arrays to the draft; returns the description, whose key is set later. Raises WrongInput."""
    total, trained = len(plan.files), int(plan.listing.train.sum())
    blocks = _decoded(plan, say)
    first = next(blocks)
    shape = first.shape[1:]
    growing = [draft.array(f"{half}_images", (count, *shape)) for half, count in (("train", trained), ("test", total - trained))]
    histogram = np.zeros((shape[0], 256), dtype=np.int64)  # of the training pixels, by channel
    done, block = 0, first
    while True:
        cut = min(max(trained - done, 0), len(block))
        growing[0].append(block[:cut])
        growing[1].append(block[cut:])
        for channel in range(shape[0]):
            histogram[channel] += np.bincount(block[:cut, channel].ravel(), minlength=256)
        done += len(block)
        if done == total:
            break
        block = next(blocks)
    for name, values in (("labels", plan.chosen.labels), *((f"column/{c.name}", c.codes) for c in plan.chosen.columns)):
        for half, part in (("train", values[:trained]), ("test", values[trained:])):
            draft.array(f"{half}_{name}", part.shape, part.dtype.type).append(part)
    return _described(plan.chosen, trained, total - trained, shape, histogram)


def _decoded(plan: Plan, say: Say) -> Iterator[np.ndarray]:
    """Blocks of uint8 (B, C, H, W), all of one shape. Raises WrongInput with the name of the file that differs."""
    root, total = plan.listing.root.resolve(), len(plan.files)
    with ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as pool:

        def one(place: int) -> np.ndarray:
            raw = read(root, plan.files[place])
            if hashlib.sha256(raw).digest() != plan.digests[place]:
                raise WrongInput(f"The image {plan.files[place]} has changed while it was read; add the folder again.")
            return decode(raw, plan.files[place], plan.size, plan.channels)

        like = one(0)
        together = max(1, min(TOGETHER, (1 << 26) // like.nbytes))
        for start in range(0, total, together):
            say(READING + (1 - READING) * start / total, f"decoding image {start + 1} of {total}")
            places = range(start, min(start + together, total))
            images = list(pool.map(one, places))
            for place, image in zip(places, images, strict=True):
                _check_alike(image, like, plan.files[place], plan.files[0])
            yield np.stack(images)


def _check_alike(image: np.ndarray, like: np.ndarray, name: str, first: str) -> None:
    """Raises WrongInput where the image's shape differs from the first one's."""
    if image.shape[0] != like.shape[0]:
        here, there = ("1 channel (grey)" if each.shape[0] == 1 else f"{each.shape[0]} channels" for each in (image, like))
        raise WrongInput(f"The image {name} has {here}, and {first} has {there}; make them alike, or say --channels grey or colour.")
    if image.shape != like.shape:
        sizes = [f"{each.shape[2]}x{each.shape[1]}" for each in (image, like)]
        raise WrongInput(f"The image {name} is {sizes[0]}, and {first} is {sizes[1]}; give --size to resize them all.")


def _described(chosen: Labelled, trained: int, tested: int, shape: tuple[int, ...], histogram: np.ndarray) -> DatasetInfo:
    levels = np.arange(256) / 255
    mean = (histogram * levels).sum(1) / histogram.sum(1)
    variance = (histogram * (levels - mean[:, None]) ** 2).sum(1) / histogram.sum(1)
    labels = chosen.labels[:trained]
    counts = labels.sum(0, dtype=np.int64) if chosen.multi else np.bincount(labels, minlength=len(chosen.classes))
    return DatasetInfo(
        key="", title="", about="", channels=shape[0], height=shape[1], width=shape[2], classes=chosen.classes,
        train_counts=tuple(counts.tolist()), test_count=tested, mean=tuple(np.round(mean, 6).tolist()),
        deviation=tuple(np.maximum(np.round(np.sqrt(variance), 6), FLATTEST).tolist()), multi=chosen.multi,
        columns=tuple(_column(column, trained) for column in chosen.columns), subclass=chosen.subclass,
        multi_count=trained if chosen.multi else 0,
    )  # fmt: skip


def _column(column: Coded, trained: int) -> Column:
    counts = np.bincount(column.codes[:trained], minlength=len(column.values))
    return Column(column.name, column.values, tuple(counts.tolist()))
