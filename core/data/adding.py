"""From a folder of images to a cached dataset: read twice (digest, then pixels), decoded once, a few images at a time."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
import hashlib
import json
import os
from pathlib import Path
import re

import numpy as np
import PIL

from core.data import cache
from core.data.layouts import AUTO, listing_of
from core.data.listing import Coded, Labelled, Listing, labelled
from core.data.pictures import decode, read
from core.descriptions import Column, DatasetInfo
from core.domain import WrongInput

Say = Callable[[float, str], None]
SIDES = (8, 1024)
CHANNELS = {"auto": None, "grey": 1, "colour": 3}
TOGETHER = 64  # images decoded at once
LONGEST = 40  # letters of a key's name
FLATTEST = 1 / 255  # least deviation: the first layer divides by it


@dataclass(frozen=True)
class Asked:
    """How a folder is to be read. size: side in pixels, 0 for the layout's own; label, name: '' for the layout's own."""

    layout: str = AUTO
    size: int = 0
    label: str = ""
    name: str = ""
    channels: str = "auto"

    def check(self) -> None:
        """Raises WrongInput."""
        if self.size and not SIDES[0] <= self.size <= SIDES[1]:
            raise WrongInput(f"The size must be from {SIDES[0]} to {SIDES[1]} pixels, or 0 for as it is; got {self.size}.")
        if self.channels not in CHANNELS:
            raise WrongInput(f"The channels must be one of {', '.join(CHANNELS)}; got {self.channels!r}.")


@dataclass(frozen=True)
class Added:
    """new: it was not there before. notes: what was passed over."""

    info: DatasetInfo
    new: bool
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Plan:
    """All that is known before an image is decoded. files: training images first; digests: SHA-256 of each."""

    listing: Listing
    chosen: Labelled
    files: tuple[str, ...]
    digests: tuple[bytes, ...]
    size: int | None
    channels: int | None


def add(root: Path, asked: Asked, datasets: Path, say: Say = lambda share, note: None) -> Added:
    """Cache the images under `root` in `datasets`, unless the same are there already.

    Raises WrongInput with the name of what is wrong; lets OSError of writing (a full disk) through. Nothing is left behind
    in either case.
    """
    asked.check()
    root = root.resolve()
    listing = listing_of(root, asked.layout)
    plan = _planned(listing, asked, say)
    key = f"{_slug(asked.name or root.name)}@{_digest(plan)[:8]}"
    try:
        cache.arrays_of(datasets, key, whole=True)
        return Added(cache.info_of(datasets, key), False, listing.notes)
    except cache.Damaged:
        cache.remove(datasets, key)  # its source is here: write it anew
    except WrongInput:  # it is not there
        pass
    title = (asked.name or root.name) + (f" by {asked.label}" if asked.label else "")
    with cache.writing(datasets, key) as draft:
        draft.info = _written(plan, draft, say)
        draft.info = replace(draft.info, key=key, title=title, about=_about(draft.info, root, plan))
    return Added(draft.info, True, listing.notes)


def _planned(listing: Listing, asked: Asked, say: Say) -> _Plan:
    chosen = labelled(listing, asked.label)
    order = np.argsort(~listing.train, kind="stable")  # training images first
    files = tuple(listing.paths[place] for place in order)
    digests = tuple(_digests(listing.root.resolve(), files, say))
    columns = tuple(replace(column, codes=column.codes[order]) for column in chosen.columns)
    chosen = replace(chosen, labels=chosen.labels[order], columns=columns)
    size = asked.size or listing.size
    return _Plan(listing, chosen, files, digests, size, CHANNELS[asked.channels] or listing.channels)


def _digests(root: Path, files: tuple[str, ...], say: Say) -> Iterator[bytes]:
    for place, file in enumerate(files):
        if place % TOGETHER == 0:
            say(0.2 * place / len(files), f"reading image {place + 1} of {len(files)}")
        yield hashlib.sha256(read(root, file)).digest()


def _digest(plan: _Plan) -> str:
    """Of all that decides the cached bytes: the files' own, what is said of them, how they are decoded, and by which Pillow."""
    chosen = plan.chosen
    said = [cache.FORMAT, PIL.__version__, plan.size, plan.channels, chosen.classes, chosen.subclass]
    hasher = hashlib.sha256(json.dumps([*said, [(c.name, c.values) for c in chosen.columns]]).encode())
    for array in (chosen.labels, *(column.codes for column in chosen.columns)):
        hasher.update(np.ascontiguousarray(array).tobytes())
    hasher.update(int(plan.listing.train.sum()).to_bytes(8, "little"))
    hasher.update(b"".join(plan.digests))
    return hasher.hexdigest()


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower())[:LONGEST].strip("-") or "images"


def _written(plan: _Plan, draft: cache.Draft, say: Say) -> DatasetInfo:
    """The description, its key still to come, when all arrays are written."""
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


def _decoded(plan: _Plan, say: Say) -> Iterator[np.ndarray]:
    """Blocks of uint8 (B, C, H, W), all of one kind. Raises WrongInput with the name of the file that is not."""
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
            say(0.2 + 0.8 * start / total, f"decoding image {start + 1} of {total}")
            places = range(start, min(start + together, total))
            images = list(pool.map(one, places))
            for place, image in zip(places, images, strict=True):
                _check_alike(image, like, plan.files[place], plan.files[0])
            yield np.stack(images)


def _check_alike(image: np.ndarray, like: np.ndarray, name: str, first: str) -> None:
    """Raises WrongInput."""
    if image.shape[0] != like.shape[0]:
        here, there = ("1 channel (grey)" if found.shape[0] == 1 else f"{found.shape[0]} channels" for found in (image, like))
        raise WrongInput(f"The image {name} has {here}, and {first} has {there}; make them alike, or say --channels grey or colour.")
    if image.shape != like.shape:
        sizes = [f"{found.shape[2]}x{found.shape[1]}" for found in (image, like)]
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


def _about(info: DatasetInfo, root: Path, plan: _Plan) -> str:
    kind = "grey" if info.channels == 1 else "colour"
    resized = ", cut square and resized" if plan.size else ""
    return f"Your own images from the folder {root.name}, {info.width}x{info.height} {kind}{resized}."
