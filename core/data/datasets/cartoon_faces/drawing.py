"""Draws cartoon faces: ellipses and strokes with soft edges, one tensor operation for all faces of a batch; no files.

Everything is measured in face units: the picture spans -1 to 1, x to the right, y down.
"""

from dataclasses import dataclass, fields

import torch
from torch import Tensor

PARTS = ("hair", "glasses", "smile", "wrinkles")  # those whose true pixels are handed out


@dataclass(frozen=True)
class Look:
    """What one image shows, each (N,) or (N, 3) float32. Colours in [0, 1]; lengths in face units; `turn` in radians."""

    skin: Tensor
    hair: Tensor
    ground: Tensor
    iris: Tensor
    width: Tensor  # of the head, half
    height: Tensor
    eyes_apart: Tensor
    eye_size: Tensor
    nose: Tensor
    mouth: Tensor  # half its width
    smile: Tensor  # bend of the mouth: above 0 a smile
    bald: Tensor  # 0 or 1
    long_hair: Tensor  # 0 or 1
    glasses: Tensor  # 0 or 1
    wrinkles: Tensor  # 0 or 1
    shift_x: Tensor
    shift_y: Tensor
    turn: Tensor
    size: Tensor
    light: Tensor  # brightness of the right side over that of the left

    def part(self, chosen: slice | Tensor) -> "Look":
        """The looks of some images."""
        return Look(**{f.name: getattr(self, f.name)[chosen] for f in fields(self)})


def draw(look: Look, side: int) -> tuple[Tensor, dict[str, Tensor]]:
    """Pictures float32 (N, 3, side, side) in [0, 1], and part -> the share of each pixel that it covers (N, side, side)."""
    line = (torch.arange(side) + 0.5) / side * 2 - 1
    x, y = line[None, None, :], line[None, :, None]
    soft = 1.5 / side  # half a pixel on each side of an edge

    def each(values: Tensor) -> Tensor:
        return values[:, None, None]

    cos, sin = each(look.turn.cos() / look.size), each(look.turn.sin() / look.size)
    x, y = x - each(look.shift_x), y - each(look.shift_y)
    x, y = cos * x + sin * y, cos * y - sin * x  # the face's own axes

    def inside(distance: Tensor) -> Tensor:
        """Coverage, from a distance that is below 0 inside."""
        return (0.5 - distance / (2 * soft)).clamp_(0, 1)

    def ellipse(cx: Tensor | float, cy: Tensor | float, rx: Tensor | float, ry: Tensor | float) -> Tensor:
        """Signed distance, nearly: exact on the axes and at the edge."""
        u, v = (x - cx) / rx, (y - cy) / ry
        smaller = torch.minimum(torch.as_tensor(rx), torch.as_tensor(ry))
        return ((u.square() + v.square()).sqrt_() - 1).mul_(smaller)

    width, height = each(look.width), each(look.height)
    apart, eye = each(look.eyes_apart), each(look.eye_size)
    head = inside(ellipse(0.0, 0.05, width, height))
    mane = inside(ellipse(0.0, 0.1, width * 1.22, height * 1.12)) * each(look.long_hair)
    cap = inside(ellipse(0.0, -0.12, width * 1.08, height * 0.98)) * inside(y + 0.3 - 0.25 * x.abs())
    cap = cap * (1 - each(look.bald))
    mane = mane * (1 - each(look.bald))
    white, iris, pupil, brow = (torch.zeros_like(head) for _ in range(4))
    frame = torch.zeros_like(head)
    for sign in (-1.0, 1.0):
        cx = sign * apart
        white = torch.maximum(white, inside(ellipse(cx, -0.05, eye * 1.5, eye)))
        iris = torch.maximum(iris, inside(ellipse(cx, -0.05, eye * 0.75, eye * 0.75)))
        pupil = torch.maximum(pupil, inside(ellipse(cx, -0.05, eye * 0.35, eye * 0.35)))
        brow = torch.maximum(brow, inside(ellipse(cx, -0.05 - 2.1 * eye, eye * 1.6, 0.035)))
        frame = torch.maximum(frame, inside(ellipse(cx, -0.05, apart * 0.72, apart * 0.62).abs() - 0.035))
    bridge = inside(torch.maximum((y + 0.05).abs() - 0.03, x.abs() - apart * 0.3))
    glasses = torch.maximum(frame, bridge) * each(look.glasses)
    nose = inside(ellipse(0.0, 0.14, 0.05, each(look.nose)))
    reach = each(look.mouth)
    arc = y - 0.44 + each(look.smile) * ((x / reach).square() - 0.5)  # a parabola; below 0 above it
    mouth = inside(torch.maximum(arc.abs() - 0.045, x.abs() - reach))
    lines = torch.zeros_like(head)
    for cy in (-0.36, -0.45):
        lines = torch.maximum(lines, inside(torch.maximum((y - cy).abs() - 0.016, x.abs() - 0.5 * width)))
    for sign in (-1.0, 1.0):
        fold = (x - sign * (0.24 + 0.25 * (y - 0.3))).abs()
        lines = torch.maximum(lines, inside(torch.maximum(fold - 0.018, (y - 0.3).abs() - 0.12)))
    lines = lines * head * each(look.wrinkles)

    picture = look.ground[:, :, None, None].expand(-1, -1, side, side).clone()
    dark = look.skin * 0.6
    colours = ((mane, look.hair), (head, look.skin), (lines, dark), (cap, look.hair), (nose, look.skin * 0.8),
               (white, torch.ones(1, 3)), (iris, look.iris), (pupil, torch.zeros(1, 3)), (brow, look.hair * 0.7),
               (mouth, torch.tensor([[0.72, 0.2, 0.22]])), (glasses, torch.full((1, 3), 0.08)))  # fmt: skip
    for cover, colour in colours:
        picture.lerp_(colour[:, :, None, None].expand_as(picture), cover[:, None].expand_as(picture))
    picture *= (1 + each(look.light) * line)[:, None]
    behind = (1 - head) * mane  # the head hides the hair behind it
    smiling = mouth * (each(look.smile) > 0)
    return picture.clamp_(0, 1), {"hair": torch.maximum(behind, cap), "glasses": glasses, "smile": smiling, "wrinkles": lines}
