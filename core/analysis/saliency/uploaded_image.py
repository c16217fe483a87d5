"""Converts an uploaded image, of any size, mode or orientation, to a network's input."""

from io import BytesIO
import warnings

import numpy as np
from PIL import Image, ImageOps

from core.data.importing.read_image import GREY, LONGEST_SIDE, MOST_BYTES, MOST_PIXELS, load
from core.domain.errors import WrongInput
from core.domain.info import DatasetInfo

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")  # whatever the file's ending; others may start programs, as EPS does Ghostscript
PAPER = 255  # what shows through transparent pixels: white
SPARE = 4  # times the network's side, below which a picture is left as fine as it came
STRIP = 2**20  # pixels that are held in several copies at once
TURN = 0x0112  # EXIF's tag for how the camera was held


def read_uploaded_image(raw: bytes, name: str, data: DatasetInfo) -> np.ndarray:
    """uint8 (C, H, W) of the dataset's shape: rotated by its EXIF orientation, cropped to the middle, resized, grey or colour.

    A file too large, or an image that claims too many pixels, is refused by its header. Beside the decoded image, of 4 bytes a
    pixel at most, only strips of it are in memory. Raises WrongInput with one sentence.
    """
    if len(raw) > MOST_BYTES:
        raise WrongInput(f"The picture {name} is larger than {MOST_BYTES // 2**20} MB; bring a smaller one.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns of size from 89 million pixels on; we refuse before
            with Image.open(BytesIO(raw), formats=FORMATS) as image:
                if image.width * image.height > MOST_PIXELS or max(image.size) > LONGEST_SIDE:
                    raise WrongInput(
                        f"The picture {name} claims {image.width}x{image.height} pixels; at most {MOST_PIXELS // 10**6} million are "
                        f"wanted, and {LONGEST_SIDE} a side."
                    )
                image.draft(None, (2 * data.width, 2 * data.height))  # a JPEG need not be decoded much larger than is wanted
                load(image)
                small = _small(image, data)
                small.getexif()[TURN] = image.getexif().get(TURN, 1)
                fitted = ImageOps.fit(ImageOps.exif_transpose(small), (data.width, data.height), Image.Resampling.BICUBIC)
    except WrongInput:
        raise
    except Image.DecompressionBombError:
        raise WrongInput(f"The picture {name} claims more pixels than {MOST_PIXELS // 10**6} million, which may be a trap.") from None
    except Exception as error:  # Pillow's readers raise whatever their format's parser does; none of it is the program's
        raise WrongInput(f"The file {name} is no picture that can be read; a PNG, JPEG, WebP, GIF, BMP or TIFF is wanted.") from error
    pixels = np.array(fitted.convert("L" if data.channels == 1 else "RGB"))
    return np.ascontiguousarray(pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1))


def _small(image: Image.Image, data: DatasetInfo) -> Image.Image:
    """Its middle as L or RGB, of at most about 2 SPARE times the network's side; strip by strip, for one of RGBA is thrice its size."""
    sides, least = (data.width, data.height), min(image.size)
    most = least * -(-max(sides) // min(sides))  # what is longer is cut off by the fit, however the camera was held
    width, height = min(image.width, most), min(image.height, most)
    left, top = (image.width - width) // 2, (image.height - height) // 2
    factor = max(1, least // (SPARE * max(sides)))
    rows = factor * max(1, STRIP // (width * factor))
    strips = [
        np.asarray(_flat(image.crop((left, top + row, left + width, top + min(row + rows, height)))).reduce(factor))
        for row in range(0, height, rows)
    ]
    values = np.concatenate(strips)
    return Image.fromarray(values if values.dtype == np.uint8 else _eight_bits(values, image.mode))


def _flat(image: Image.Image) -> Image.Image:
    """As L or RGB, transparency laid on white; deep grey as F, in its own numbers."""
    if image.mode.startswith(("I", "F")):
        return Image.fromarray(np.nan_to_num(np.asarray(image).astype(np.float32)))
    if "A" in image.getbands() or "a" in image.getbands() or "transparency" in image.info:
        over = image.convert("RGBA")
        paper = Image.new("RGBA", over.size, (PAPER,) * 3 + (255,))
        image = Image.alpha_composite(paper, over)
    return image.convert("L" if image.mode in GREY else "RGB")


def _eight_bits(deep: np.ndarray, mode: str) -> np.ndarray:
    """Deep grey brought to uint8 by its own range."""
    values = deep.astype(np.float64)
    low, high = values.min(), values.max()
    top = 65535.0 if mode.startswith("I") and low >= 0 and high > 255 else high
    low = 0.0 if low >= 0 else low
    scaled = (values - low) / (top - low) * 255 if top > low else np.zeros_like(values)
    return np.asarray(scaled.round().astype(np.uint8))
