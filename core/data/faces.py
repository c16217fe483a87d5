"""Cartoon faces, drawn by our own seeded generator: synthetic, labelled so, and every attribute's true pixels are known.

200 people with twenty images each, in other poses, light and noise; the task is the age group, as in MUFAC.
"""

from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor

from core.data.cartoon import PARTS, Look, draw

SEED, PEOPLE, IMAGES, UNSEEN, SIDE = 0, 200, 20, 4, 32  # UNSEEN: of each person's images, those to test on
AGES = ("child", "adult", "senior")
CHUNK = 256  # images at once: what fits the cache
NOISE = 0.03


@dataclass(frozen=True)
class Faces:
    """images uint8 (N, 3, side, side); identity int64 (N,) from 0; age int64 (N,); attributes: name -> bool (N,)."""

    images: Tensor
    identity: Tensor
    age: Tensor
    attributes: dict[str, Tensor]


def make_faces(people: int, images: int, side: int, seed: int = SEED) -> Faces:
    """`images` images of each of `people` people, person by person; the same for the same arguments."""
    look, identity, age = _looks(people, images, seed)
    draws = torch.Generator().manual_seed(seed + 1)
    pictures = []
    for start in range(0, len(identity), CHUNK):
        picture, _ = draw(look.part(slice(start, start + CHUNK)), side)
        picture += NOISE * torch.randn(picture.shape, generator=draws)
        pictures.append(picture.clamp_(0, 1).mul_(255).round_().to(torch.uint8))
    attributes = {"glasses": look.glasses > 0, "smile": look.smile > 0, "long_hair": look.long_hair > 0, "bald": look.bald > 0}
    return Faces(torch.cat(pictures), identity, age, attributes)


def true_pixels(people: int, images: int, side: int, rows: Tensor, seed: int = SEED) -> dict[str, Tensor]:
    """Part -> bool (n, side, side): the pixels that show it, at least half, on the chosen rows of `make_faces`; see PARTS."""
    look, _, _ = _looks(people, images, seed)
    chosen = Look(**{name: getattr(look, name)[rows] for name in vars(look)})
    _, covers = draw(chosen, side)
    return {part: covers[part] >= 0.5 for part in PARTS}


def _looks(people: int, images: int, seed: int) -> tuple[Look, Tensor, Tensor]:
    """What is the same in all images of a person first, then what each image draws anew."""
    draws = torch.Generator().manual_seed(seed)

    def between(low: float, high: float, count: int) -> Tensor:
        return low + (high - low) * torch.rand(count, generator=draws)

    def one_of(colours: list[tuple[float, float, float]], count: int) -> Tensor:
        chosen = torch.tensor(colours)[torch.randint(len(colours), (count,), generator=draws)]
        return (chosen * (1 + 0.08 * torch.randn(count, 1, generator=draws))).clamp(0, 1)

    def chance(share: float, count: int) -> Tensor:
        return (torch.rand(count, generator=draws) < share).float()

    person = torch.arange(people).repeat_interleave(images)
    age = torch.arange(people) % len(AGES)
    child, senior = (age == 0).float(), (age == 2).float()
    hair = one_of([(0.12, 0.09, 0.08), (0.35, 0.2, 0.1), (0.75, 0.58, 0.25), (0.55, 0.2, 0.1)], people)
    grey = between(0.6, 0.85, people)[:, None].expand(-1, 3)
    height = between(0.62, 0.74, people) - 0.1 * child
    own = {
        "skin": one_of([(0.95, 0.8, 0.69), (0.87, 0.67, 0.51), (0.65, 0.45, 0.32), (0.42, 0.28, 0.2)], people),
        "hair": torch.where(senior[:, None] > 0, grey, hair),
        "iris": one_of([(0.25, 0.45, 0.7), (0.3, 0.5, 0.3), (0.35, 0.22, 0.12)], people),
        "width": between(0.48, 0.6, people) + 0.02 * child,
        "height": height,
        "eyes_apart": between(0.2, 0.28, people),
        "eye_size": between(0.06, 0.085, people) + 0.025 * child,
        "nose": between(0.07, 0.14, people) - 0.03 * child,
        "mouth": between(0.16, 0.26, people) - 0.03 * child,
        "long_hair": chance(0.4, people),
        "bald": chance(0.25, people) * (1 - child),
        "glasses": chance(0.35, people),
        "wrinkles": senior,
    }
    every = people * images
    smiling = chance(0.5, every)
    look = Look(
        **{name: value[person] for name, value in own.items()},
        ground=one_of([(0.75, 0.82, 0.9), (0.85, 0.85, 0.78), (0.55, 0.62, 0.6)], every),
        smile=smiling * between(0.1, 0.2, every) - (1 - smiling) * between(0.0, 0.06, every),
        shift_x=between(-0.1, 0.1, every), shift_y=between(-0.08, 0.08, every), turn=between(-0.2, 0.2, every),
        size=between(0.92, 1.08, every), light=between(-0.25, 0.25, every),
    )  # fmt: skip
    return look, person, age[person]


@cache
def _all() -> Faces:
    return make_faces(PEOPLE, IMAGES, SIDE)
