"""One image file becomes bytes (C, H, W), or a sentence with its name."""

from io import BytesIO
import os
from pathlib import Path
import struct
import warnings
import zlib

import numpy as np
from PIL import Image, ImageFile, ImageOps, UnidentifiedImageError

from core.domain import WrongInput

ENDINGS = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".pgm", ".ppm", ".tif", ".tiff")
SMALLEST = 8  # the networks halve an image up to three times
LARGEST = 1024  # pixels of a side: larger images, kept whole, would fill a disk and outlast any training
GREY = ("1", "L", "LA")
_BROKEN = (OSError, ValueError, SyntaxError, EOFError, LookupError, TypeError, OverflowError, struct.error, zlib.error)
# What a header promises is not decoded beyond Pillow's MAX_IMAGE_PIXELS; Pillow itself only warns up to twice that.
warnings.filterwarnings("error", category=Image.DecompressionBombWarning)


def is_image(name: str) -> bool:
    """By its ending; hidden files are none."""
    return name.lower().endswith(ENDINGS) and not name.startswith(".")


def read(root: Path, name: str) -> bytes:
    """A file's bytes. root: without links. Raises WrongInput where the file is not there, or lies outside by a link or `..`."""
    try:
        real = os.path.realpath(f"{root}{os.sep}{name}", strict=True)
        if not real.startswith(f"{str(root).rstrip(os.sep)}{os.sep}"):
            raise WrongInput(f"{name} lies outside {root}, by a link or by '..'; every image must lie inside the folder.")
        if not os.path.isfile(real):
            raise WrongInput(f"An image file is wanted at {name} in {root}; there is something else.")
        with open(real, "rb") as file:
            return file.read()
    except FileNotFoundError:
        raise WrongInput(f"The image {name} is named, but is not in {root}.") from None
    except (OSError, ValueError) as error:
        if isinstance(error, WrongInput):
            raise
        raise WrongInput(f"The image {name} in {root} cannot be read ({_line(error)}).") from error


def decode(raw: bytes, name: str, size: int | None, channels: int | None) -> np.ndarray:
    """uint8 (C, H, W), turned as its camera says (EXIF).

    size: cut to the middle square, then resized to that side; None leaves it as it is. channels: 1 or 3 turns it to grey or
    colour; None leaves it as it is. Raises WrongInput with the file's name.
    """
    try:
        with Image.open(BytesIO(raw)) as image:
            _refuse_deep(image, name)
            if size is not None:
                image.draft(None, (2 * size, 2 * size))  # a JPEG need not be decoded much larger than is wanted
            picture = _flat(ImageOps.exif_transpose(image), name)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise WrongInput(
            f"The image {name} claims more than {Image.MAX_IMAGE_PIXELS} pixels, which may be a trap; make it smaller first."
        ) from None
    except _BROKEN as error:
        if isinstance(error, WrongInput):
            raise
        why = "no picture is in it" if isinstance(error, UnidentifiedImageError) else _line(error)
        raise WrongInput(f"The image {name} is broken or of an unknown kind ({why}); mend it or take it out.") from error
    if channels is not None:
        picture = picture.convert("L" if channels == 1 else "RGB")
    if size is not None:
        picture = ImageOps.fit(picture, (size, size), Image.Resampling.BICUBIC)
    if max(picture.size) > LARGEST:
        raise WrongInput(f"The image {name} is {picture.width}x{picture.height}, beyond {LARGEST} a side; give --size to resize them all.")
    if min(picture.size) < SMALLEST:
        raise WrongInput(f"The image {name} is {picture.width}x{picture.height}; at least {SMALLEST}x{SMALLEST} is wanted.")
    pixels = np.asarray(picture)
    return np.ascontiguousarray(pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1))


def _refuse_deep(image: Image.Image, name: str) -> None:
    """Pillow reads 16-bit colour as 8-bit without a word."""
    args = image.tile[0].args if isinstance(image, ImageFile.ImageFile) and image.tile else ()
    told = args if isinstance(args, tuple) else (args,)
    deep = any((isinstance(arg, str) and ";16" in arg) or (isinstance(arg, int) and arg > 255) for arg in told)
    if image.mode.startswith(("I", "F")) or (deep and image.format in ("PNG", "PPM", "TIFF")):
        raise WrongInput(f"The image {name} has more than 8 bits a channel; save it with 8 first, which may lose detail.")


def _flat(image: Image.Image, name: str) -> Image.Image:
    """As L or RGB. Raises WrongInput where something can be seen through."""
    if "A" in image.getbands() or "a" in image.getbands() or "transparency" in image.info:
        see_through = image.convert("RGBA").getchannel("A").getextrema()
        if see_through != (255, 255):
            raise WrongInput(f"The image {name} has transparent pixels; lay it over a colour of your choice first.")
    return image.convert("L" if image.mode in GREY else "RGB")


def _line(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:160]
