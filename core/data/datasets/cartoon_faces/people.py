"""People and their images for the cartoon faces: who has which looks, and what each image draws anew; all from a seed."""

from dataclasses import dataclass

import torch
from torch import Tensor

from core.data.datasets.cartoon_faces.drawing import PARTS, Look, draw

SEED = 0
AGES = ("child", "adult", "senior")
CHUNK = 2**18  # pixels drawn at once: what fits the cache
NOISE = 0.03


@dataclass(frozen=True)
class People:
    """What is true of each image: identity int64 (N,) from 0, age int64 (N,), attributes: name -> bool (N,)."""

    look: Look
    identity: Tensor
    age: Tensor

    @property
    def attributes(self) -> dict[str, Tensor]:
        """Name -> bool (N,)."""
        look = self.look
        return {"glasses": look.glasses > 0, "smile": look.smile > 0, "long_hair": look.long_hair > 0, "bald": look.bald > 0}


def make_faces(people: People, side: int, seed: int = SEED) -> Tensor:
    """uint8 (N, 3, side, side), the same for the same arguments."""
    draws = torch.Generator().manual_seed(seed + 1)
    pictures, chunk = [], CHUNK // side**2
    for start in range(0, len(people.identity), chunk):
        picture, _ = draw(people.look.part(slice(start, start + chunk)), side)
        picture += NOISE * torch.randn(picture.shape, generator=draws)
        pictures.append(picture.clamp_(0, 1).mul_(255).round_().to(torch.uint8))
    return torch.cat(pictures)


def true_pixels(people: People, side: int, rows: Tensor) -> dict[str, Tensor]:
    """Part -> bool (n, side, side): the pixels that show it, at least half, on the chosen rows, int64 (n,); see PARTS."""
    _, covers = draw(people.look.part(rows), side)
    return {part: covers[part] >= 0.5 for part in PARTS}


def make_people(people: int, images: int, seed: int = SEED) -> People:
    """`images` images of each of `people` people, person by person; the same for the same arguments.

    Drawn first what is the same in all images of a person, then what each image has for itself.
    """
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
    bald = chance(0.25, people) * (1 - child)
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
        "long_hair": chance(0.4, people) * (1 - bald),
        "bald": bald,
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
    return People(look, person, age[person])
