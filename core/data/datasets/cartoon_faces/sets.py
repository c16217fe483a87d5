"""Cartoon faces as datasets: synthetic, labelled so, drawn by our own generator when they are asked for; no files.

200 people with twenty images each, in other poses, light and noise. The age group is one label, as in MUFAC; the attributes
are several, as in MUCAC and CelebA.
"""

from dataclasses import dataclass, replace
from functools import cache

import torch
from torch import Tensor

from core.data.dataset import Dataset, Examples
from core.data.datasets.cartoon_faces.people import AGES, People, make_faces, make_people
from core.domain.info import Column, DatasetInfo

PEOPLE, IMAGES, UNSEEN = 200, 20, 4  # UNSEEN: of each person's images, the last, to test on
ATTRIBUTES = ("glasses", "smile", "long_hair", "bald")
NO_YES = ("no", "yes")
PIXELS = {  # side -> mean and deviation of the training pixels
    32: ((0.680, 0.660, 0.623), (0.190, 0.219, 0.246)),
    64: ((0.682, 0.662, 0.624), (0.198, 0.226, 0.254)),
}


@cache
def everybody() -> People:
    """The same people for all sets; milliseconds, for nothing is drawn."""
    return make_people(PEOPLE, IMAGES)


def seen() -> Tensor:
    """bool (4000,): which images are to train on."""
    return torch.arange(PEOPLE * IMAGES) % IMAGES < IMAGES - UNSEEN


def columns_of(people: People) -> dict[str, tuple[tuple[str, ...], Tensor]]:
    """Column -> what its values are called, and each image's value, an index, int64 (N,)."""
    yes_no = {name: (NO_YES, people.attributes[name].long()) for name in ATTRIBUTES}
    return {"identity": (tuple(map(str, range(PEOPLE))), people.identity), "age": (AGES, people.age), **yes_no}


@dataclass(frozen=True)
class FaceSet:
    """One task at one size: see `core.data.registry.Source`."""

    INFO: DatasetInfo

    def load(self) -> Dataset:
        """3,200 training and 800 test faces, drawn now."""
        people, train = everybody(), seen()
        images, columns = make_faces(people, self.INFO.height), columns_of(people)
        labels = people.age
        if self.INFO.multi:
            labels = torch.stack([columns[name][1] for name in self.INFO.classes], 1).to(torch.uint8)
        first, second = (Examples(images[part], labels[part]) for part in (train, ~train))
        ours, theirs = ({name: values[part] for name, (_, values) in columns.items()} for part in (train, ~train))
        return Dataset(self.INFO, first, second, ours, theirs)


KEYS = {(32, False): "faces", (64, False): "faces_64", (32, True): "faces_attributes", (64, True): "faces_attributes_64"}


def _faces(side: int, multi: bool) -> FaceSet:
    train = seen()
    counts = {
        name: (called, tuple(torch.bincount(values[train], minlength=len(called)).tolist()))
        for name, (called, values) in columns_of(everybody()).items()
    }
    mean, deviation = PIXELS[side]
    info = DatasetInfo(
        key=KEYS[side, multi],
        title=f"Cartoon faces (synthetic), {'attributes' if multi else 'age group'}, {side}x{side}",
        about=f"Synthetic: 4,000 cartoon faces of 200 made-up people, {side}x{side} colour, drawn by Forgetscope's own generator.",
        channels=3, height=side, width=side, classes=AGES, train_counts=counts["age"][1], test_count=PEOPLE * UNSEEN,
        mean=mean, deviation=deviation, columns=tuple(Column(name, *about) for name, about in counts.items()),
    )  # fmt: skip
    if not multi:
        return FaceSet(info)
    having = tuple(counts[name][1][1] for name in ATTRIBUTES)
    return FaceSet(replace(info, classes=ATTRIBUTES, train_counts=having, multi=True, multi_count=int(train.sum())))


SETS = tuple(_faces(side, multi) for multi in (False, True) for side in PIXELS)
