"""Image grids as one picture: a sprite costs one request, however many images it shows."""

from base64 import b64encode
from io import BytesIO
from math import ceil

import numpy as np
from PIL import Image

GAP = 2  # pixels between tiles, before scaling
TILE = 48  # pixels a tile's long side is scaled to


def sprite(images: np.ndarray, peak: int, columns: int) -> np.ndarray:
    """images: uint8 (N, C, H, W), C = 1 or 3, levels 0 to peak. A uint8 (h, w, 3) grid, row by row, nearest scaling."""
    pixels = to_rgb(images, peak)
    count, height, width, _ = pixels.shape
    scale = max(1, TILE // max(height, width))
    rows = ceil(count / columns)
    grid = np.full((rows * (height + GAP), columns * (width + GAP), 3), 127, np.uint8)
    for index in range(count):
        top, left = (index // columns) * (height + GAP), (index % columns) * (width + GAP)
        grid[top : top + height, left : left + width] = pixels[index]
    return grid[:-GAP, :-GAP].repeat(scale, 0).repeat(scale, 1)


def in_page(image: np.ndarray) -> str:
    """uint8 (H, W, 3) as a PNG within the page itself.

    A picture that Streamlit serves is dropped with the run of the script that replaces it, so that a quick click makes it a 404
    (streamlit#9079); what is within the page cannot be lost.
    """
    return f"data:image/png;base64,{b64encode(png(image, 1)).decode()}"


def cell_sheet(pixels: np.ndarray, columns: int, side: int) -> bytes:
    """uint8 (N, H, W, 3) as a PNG of equal cells about `side` pixels long, row by row; transparent between images and after the last."""
    count, height, width, _ = pixels.shape
    rows = ceil(count / columns)
    cells = np.zeros((rows, height + GAP, columns, width + GAP, 4), np.uint8)
    for index in range(count):
        cells[index // columns, :height, index % columns, :width] = np.dstack([pixels[index], np.full((height, width), 255)])
    return png(cells.reshape(rows * (height + GAP), columns * (width + GAP), 4), max(1, side // max(height, width)))


def to_rgb(images: np.ndarray, peak: int) -> np.ndarray:
    """uint8 (N, C, H, W) with levels 0 to peak -> uint8 (N, H, W, 3), 0 to 255."""
    shown = (images.astype(np.float32) * (255 / peak)).round().astype(np.uint8).transpose(0, 2, 3, 1)
    return shown.repeat(3, 3) if shown.shape[3] == 1 else shown


def png(image: np.ndarray, scale: int) -> bytes:
    """uint8 (H, W, 3) as a PNG, enlarged by a whole factor without smoothing."""
    buffer = BytesIO()
    Image.fromarray(image.repeat(scale, 0).repeat(scale, 1)).save(buffer, "PNG")
    return buffer.getvalue()
