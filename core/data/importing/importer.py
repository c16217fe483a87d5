"""Imports a folder or zip of images as a cached dataset, unless the same images are there already."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
import hashlib
import json
from pathlib import Path
import re

import numpy as np
import PIL

from core.data.importing import store
from core.data.importing.decode import READING, TOGETHER, Plan, Say, build
from core.data.importing.layouts.registry import AUTO, listing_of
from core.data.importing.listing import Listing, labelled
from core.data.importing.read_image import LARGEST, SMALLEST, more_pictures, quietly, read
from core.data.importing.writer import writing
from core.data.importing.zip_archive import unpacked
from core.data.name_order import composed
from core.domain.errors import WrongInput
from core.domain.info import DatasetInfo

SIDES = (SMALLEST, LARGEST)
CHANNELS = {"auto": None, "grey": 1, "colour": 3}
LONGEST = 40  # letters of a key's name


@dataclass(frozen=True)
class ImportOptions:
    """Options of an import. size: side in pixels, 0 for the layout's own; label, name: '' for the layout's own."""

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
    """new: it was not there before. notes: sentences on what was not read."""

    info: DatasetInfo
    new: bool
    notes: tuple[str, ...]


def add(root: Path, options: ImportOptions, datasets: Path, say: Say = lambda share, note: None) -> Added:
    """Cache the images under `root`, a folder or a zip of one, in `datasets`, unless the same are there already.

    A zip is unpacked into a temporary folder there, which is gone at the end. Raises WrongInput with the name of what is wrong;
    lets OSError of writing (a full disk) through. Nothing is left behind
    in either case.
    """
    options.check()
    root = root.resolve()
    if not root.is_file():
        return _add_folder(root, options, datasets, say)
    say(0.0, f"unpacking {root.name}")
    with unpacked(root, datasets) as (folder, notes):
        try:
            added = _add_folder(folder, options, datasets, say)
        except WrongInput as wrong:  # the user knows the archive and not the temporary folder
            raise WrongInput(str(wrong).replace(str(folder), root.name)) from None
    return replace(added, notes=(*notes, *added.notes))


def _add_folder(root: Path, options: ImportOptions, datasets: Path, say: Say) -> Added:
    listing = listing_of(root, options.layout)
    with quietly():
        return _added(listing, options, root, datasets, say)


def _added(listing: Listing, options: ImportOptions, root: Path, datasets: Path, say: Say) -> Added:
    name = composed(options.name or root.name)
    plan = _planned(listing, options, say)
    notes = (*listing.notes, *_notes_of(plan))
    key = f"{_slug(name)}@{_digest(plan)[:8]}"
    try:
        store.arrays_of(datasets, key, whole=True)
        return Added(store.info_of(datasets, key), False, notes)
    except store.Damaged:
        store.remove(datasets, key)  # its source is here: write it anew
    except WrongInput:  # it is not there
        pass
    title = name + (f" by {options.label}" if options.label else "")
    with writing(datasets, key) as draft:
        draft.info = build(plan, draft, say)
        draft.info = replace(draft.info, key=key, title=title, about=_about(draft.info, root, plan))
    return Added(draft.info, True, notes)


def _planned(listing: Listing, options: ImportOptions, say: Say) -> Plan:
    chosen = labelled(listing, options.label)
    order = np.argsort(~listing.train, kind="stable")  # training images first
    files = tuple(listing.paths[place] for place in order)
    read_of = list(_digests(listing.root.resolve(), files, say))
    digests = tuple(digest for digest, _ in read_of)
    columns = tuple(replace(column, codes=column.codes[order]) for column in chosen.columns)
    chosen = replace(chosen, labels=chosen.labels[order], columns=columns)
    size = options.size or listing.size
    several = sum(more for _, more in read_of)
    return Plan(listing, chosen, files, digests, size, CHANNELS[options.channels] or listing.channels, several)


def _notes_of(plan: Plan) -> tuple[str, ...]:
    if not plan.several:
        return ()
    one = plan.several == 1
    return (f"{plan.several} file{'' if one else 's'} with several pictures: the first of {'it' if one else 'each'} is read.",)


def _digests(root: Path, files: tuple[str, ...], say: Say) -> Iterator[tuple[bytes, bool]]:
    """SHA-256 of each file, and whether more pictures are in it than the first."""
    for place, file in enumerate(files):
        if place % TOGETHER == 0:
            say(READING * place / len(files), f"reading image {place + 1} of {len(files)}")
        raw = read(root, file)
        yield hashlib.sha256(raw).digest(), more_pictures(raw)


def _digest(plan: Plan) -> str:
    """Of all that decides the cached bytes: the files, their labels and columns, the decoding, and Pillow's version."""
    chosen = plan.chosen
    deciding = [store.FORMAT, PIL.__version__, plan.size, plan.channels, chosen.classes, chosen.subclass]
    hasher = hashlib.sha256(json.dumps([*deciding, [(c.name, c.values) for c in chosen.columns]]).encode())
    for array in (chosen.labels, *(column.codes for column in chosen.columns)):
        hasher.update(np.ascontiguousarray(array).tobytes())
    hasher.update(int(plan.listing.train.sum()).to_bytes(8, "little"))
    hasher.update(b"".join(plan.digests))
    return hasher.hexdigest()


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower())[:LONGEST].strip("-") or "images"


def _about(info: DatasetInfo, root: Path, plan: Plan) -> str:
    kind = "grey" if info.channels == 1 else "colour"
    resized = ", cut square and resized" if plan.size else ""
    came = f"; {plan.listing.about}" if plan.listing.about else ""
    return f"Your own images from the folder {composed(root.name)}, {info.width}x{info.height} {kind}{resized}{came}."
