"""Reads and decodes one image file to uint8 (C, H, W); errors name the file."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from io import BytesIO
import logging
import os
from pathlib import Path
import struct
from threading import Lock
import warnings
import zlib

import numpy as np
from PIL import Image, ImageFile, ImageOps, TiffImagePlugin, UnidentifiedImageError

from core.data.name_order import place_of
from core.domain.errors import WrongInput

ENDINGS = (
    *(".png", ".apng", ".jpg", ".jpeg", ".jpe", ".jfif", ".jif", ".jfi", ".bmp", ".dib", ".gif", ".webp"),
    *(".pbm", ".pgm", ".ppm", ".pnm", ".tif", ".tiff"),
)
FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "DIB", "TIFF", "PPM")  # whatever the file's ending; EPS, say, would start Ghostscript
MOST_BYTES = 2**28  # of a file
MOST_PIXELS = 50_000_000  # that an image may claim: a phone's best; more may be a trap, and WebP takes 16 bytes for each
LONGEST_SIDE = 65_535  # JPEG's own; each row costs memory beside its pixels
ALONE = 2**22  # pixels beyond which images are decoded one at a time
SMALLEST = 8  # the networks halve an image up to three times
LARGEST = 1024  # pixels of a side: larger images, kept whole, would fill a disk and outlast any training
GREY = ("1", "L", "LA")
_BROKEN = (OSError, ValueError, SyntaxError, EOFError, LookupError, TypeError, OverflowError, struct.error, zlib.error)
_LARGE, _STDERR = Lock(), Lock()
logging.getLogger("PIL").setLevel(logging.CRITICAL)  # it logs tags that it ignores; errors are raised


@contextmanager
def quietly() -> Iterator[None]:
    """Without Pillow's warnings, which name paths of this machine. For all threads at once: enter it before they start."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def is_image(name: str) -> bool:
    """By its ending; hidden files are none."""
    return name.lower().endswith(ENDINGS) and not name.startswith(".")


def read(root: Path, name: str) -> bytes:
    """A file's bytes. root: without links. Raises WrongInput where the file is not there, too large, or outside by a link or `..`."""
    try:
        path = f"{root}{os.sep}{name}"
        if not name.isascii() and (place := place_of(root, name)):
            path = str(place)
        real = os.path.realpath(path, strict=True)
        if not real.startswith(f"{str(root).rstrip(os.sep)}{os.sep}"):
            raise WrongInput(f"{name} lies outside {root}, by a link or by '..'; every image must lie inside the folder.")
        if not os.path.isfile(real):
            raise WrongInput(f"An image file is wanted at {name} in {root}; there is something else.")
        with open(real, "rb") as file:
            raw = file.read(MOST_BYTES + 1)
        if len(raw) > MOST_BYTES:
            raise WrongInput(f"The image {name} is larger than {MOST_BYTES // 2**20} MB; make it smaller first.")
        return raw
    except FileNotFoundError:
        raise WrongInput(f"The image {name} is named, but is not in {root}.") from None
    except (OSError, ValueError) as error:
        if isinstance(error, WrongInput):
            raise
        raise WrongInput(f"The image {name} in {root} cannot be read ({_line(error)}).") from error


def decode(raw: bytes, name: str, size: int | None, channels: int | None) -> np.ndarray:
    """uint8 (C, H, W), rotated by its EXIF orientation.

    size: cut to the middle square, then resized to that side; None leaves it as it is. channels: 1 or 3 turns it to grey or
    colour; None leaves it as it is. What is too large is refused by its header, before it is decoded. Raises WrongInput with
    the file's name.
    """
    try:
        with Image.open(BytesIO(raw), formats=FORMATS) as image:
            check_claim(image, name)
            if size is None:
                _check_sides(image, name)
            _refuse_deep(image, name)
            if size is not None:
                image.draft(None, (2 * size, 2 * size))  # a JPEG need not be decoded much larger than is wanted
            with _LARGE if image.width * image.height > ALONE else nullcontext():
                return _decoded(image, name, size, channels)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise _too_large(name) from None
    except _BROKEN as error:
        if isinstance(error, WrongInput):
            raise
        why = "no picture is in it" if isinstance(error, UnidentifiedImageError) else _line(error)
        raise WrongInput(f"The image {name} is broken or of an unknown kind ({why}); mend it or take it out.") from error


def check_claim(image: Image.Image, name: str) -> None:
    """Before anything is decoded. Raises WrongInput where the header claims more than is read."""
    if image.width * image.height > MOST_PIXELS or max(image.size) > LONGEST_SIDE:
        raise _too_large(name, f" ({image.width}x{image.height})")


def _too_large(name: str, claim: str = "") -> WrongInput:
    return WrongInput(
        f"The image {name} claims more than {MOST_PIXELS // 10**6} million pixels or {LONGEST_SIDE} a side{claim}, which may be a trap; "
        "make it smaller first."
    )


def _check_sides(image: Image.Image, name: str) -> None:
    """Raises WrongInput where an image that is not resized is too large or too small."""
    if max(image.size) > LARGEST:
        raise WrongInput(f"The image {name} is {image.width}x{image.height}, beyond {LARGEST} a side; give --size to resize them all.")
    if min(image.size) < SMALLEST:
        raise WrongInput(f"The image {name} is {image.width}x{image.height}; at least {SMALLEST}x{SMALLEST} is wanted.")


def _decoded(image: Image.Image, name: str, size: int | None, channels: int | None) -> np.ndarray:
    load(image)
    ImageOps.exif_transpose(image, in_place=True)
    picture = _flat(image, name)
    if channels is not None:
        picture = _as(picture, "L" if channels == 1 else "RGB")
    if size is not None:
        picture = ImageOps.fit(picture, (size, size), Image.Resampling.BICUBIC)
    pixels = np.asarray(picture)
    return np.ascontiguousarray(pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1))


def load(image: Image.Image) -> None:
    """Decode it. libtiff writes errors to the process's stderr, which is therefore closed while a TIFF is decoded."""
    if image.format != "TIFF":
        image.load()
        return
    with _STDERR:
        try:
            stderr, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
        except OSError:  # a process without stderr
            image.load()
            return
        try:
            os.dup2(nowhere, 2)
            image.load()
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)
            os.close(nowhere)


def more_pictures(raw: bytes) -> bool:
    """Whether a file holds more than the one picture that is read of it; a camera's small copy of it does not count."""
    if not (raw.startswith((b"GIF8", b"RIFF", b"II*", b"MM\0*")) or (raw.startswith(b"\x89PNG") and b"acTL" in raw)):
        return False
    try:
        with Image.open(BytesIO(raw), formats=FORMATS) as image:
            return bool(getattr(image, "is_animated", False))
    except (*_BROKEN, Image.DecompressionBombError, Image.DecompressionBombWarning):  # `decode` says what is wrong
        return False


def _refuse_deep(image: Image.Image, name: str) -> None:
    """Raises WrongInput for more than 8 bits a channel, which Pillow would cut to 8 without an error."""
    args = image.tile[0].args if isinstance(image, ImageFile.ImageFile) and image.tile else ()
    arguments = args if isinstance(args, tuple) else (args,)
    deep = image.format in ("PNG", "TIFF") and any(isinstance(arg, str) and ";16" in arg for arg in arguments)
    deep |= image.format == "PPM" and any(isinstance(arg, int) and arg > 255 for arg in arguments)  # its greatest value
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        bits = image.tag_v2.get(TiffImagePlugin.BITSPERSAMPLE, (8,))
        deep |= any(one > 8 for one in (bits if isinstance(bits, tuple) else (bits,)))
    if image.mode.startswith(("I", "F")) or deep:
        raise WrongInput(f"The image {name} has more than 8 bits a channel; save it with 8 first, which may lose detail.")


def _flat(image: Image.Image, name: str) -> Image.Image:
    """As L or RGB. Raises WrongInput where pixels are transparent."""
    if "A" in image.getbands() or "a" in image.getbands() or "transparency" in image.info:
        see_through = _as(image, "RGBA").getchannel("A").getextrema()
        if see_through != (255, 255):
            raise WrongInput(f"The image {name} has transparent pixels; lay it over a colour of your choice first.")
    return _as(image, "L" if image.mode in GREY else "RGB")


def _as(image: Image.Image, mode: str) -> Image.Image:
    """Converted to the mode, without a copy where it has it already."""
    return image if image.mode == mode else image.convert(mode)


def _line(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:160]
