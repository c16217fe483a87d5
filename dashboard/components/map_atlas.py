"""All images of a map in one picture, small, that a browser cuts up again; pure."""

from dataclasses import dataclass
from io import BytesIO

import numpy as np
import pandas as pd
from PIL import Image

from dashboard.components.images import to_rgb
from dashboard.components.privacy_walls import pictures

SIDE, COLUMNS = 32, 50  # pixels of a thumbnail's long side, at most; thumbnails in a row
EXACT = 1_000_000  # bytes of pixels up to which a PNG costs little; above, what is lost to WebP nobody sees at this size
MOST = 1_000_000  # bytes of the file: 1.4 MB as text
QUALITIES = (80, 60, 40, 20)  # the first that is small enough, else the last


@dataclass(frozen=True)
class Atlas:
    """Thumbnails of width x height pixels, COLUMNS in a row, in the table's order. kind: of the file, "png" or "webp"."""

    kind: str
    content: bytes
    width: int
    height: int


def atlas_of(table: pd.DataFrame, stored: dict[str, np.ndarray]) -> Atlas:
    """table: `set` and `index` of N images, N at least 1; stored: see core.catalogue.dataset_images."""
    rows, peak = np.arange(len(table)), int(stored["peak"])
    # A row of the atlas at a time: the images themselves may be large.
    strips = [_strip(to_rgb(pictures(table, rows[at : at + COLUMNS], stored), peak)) for at in range(0, len(rows), COLUMNS)]
    wall = np.concatenate(strips)
    height, width = strips[0].shape[0], strips[0].shape[1] // COLUMNS
    return Atlas(*_encoded(wall), width, height)


def _strip(tiles: np.ndarray) -> np.ndarray:
    """uint8 (n, H, W, 3), n <= COLUMNS -> uint8 (h, COLUMNS * w, 3), black after the last."""
    count, height, width, _ = tiles.shape
    line = np.zeros((height, COLUMNS, width, 3), np.uint8)
    line[:, :count] = tiles.transpose(1, 0, 2, 3)
    flat = line.reshape(height, COLUMNS * width, 3)
    shrink = SIDE / max(height, width)
    if shrink >= 1:
        return flat
    size = (COLUMNS * max(1, round(width * shrink)), max(1, round(height * shrink)))
    return np.asarray(Image.fromarray(flat).resize(size, Image.Resampling.BOX))  # a box never mixes two thumbnails


def _encoded(wall: np.ndarray) -> tuple[str, bytes]:
    image = Image.fromarray(wall)
    if wall.nbytes <= EXACT:
        return "png", _saved(image, "PNG")
    for quality in QUALITIES:
        content = _saved(image, "WEBP", quality=quality, method=2)
        if len(content) <= MOST:
            break
    return "webp", content


def _saved(image: Image.Image, kind: str, **how: int) -> bytes:
    buffer = BytesIO()
    image.save(buffer, kind, **how)
    return buffer.getvalue()
