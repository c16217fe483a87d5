"""A picture that the user brings, made into what a network looks at: any size, mode or turn of the camera."""

from io import BytesIO
import warnings

import numpy as np
from PIL import Image, ImageOps

from core.data.pictures import GREY
from core.descriptions import DatasetInfo
from core.domain import WrongInput

PIXELS = 64_000_000  # that a picture may claim: a phone's best; more may be a trap
PAPER = 255  # what shows through transparent pixels: white


def own_picture(raw: bytes, name: str, data: DatasetInfo) -> np.ndarray:
    """uint8 (C, H, W) of the dataset's shape: turned as the camera says, cut to the middle, resized, grey or colour.

    A picture that claims too many pixels is refused by its header. Raises WrongInput with one sentence.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns of size from 89 million pixels on; we refuse before
            with Image.open(BytesIO(raw)) as image:
                if image.width * image.height > PIXELS:
                    raise WrongInput(
                        f"The picture {name} claims {image.width}x{image.height} pixels; at most {PIXELS // 10**6} million are wanted."
                    )
                image.draft(None, (2 * data.width, 2 * data.height))  # a JPEG need not be decoded much larger than is wanted
                flat = _flat(ImageOps.exif_transpose(image))
                fitted = ImageOps.fit(flat, (data.width, data.height), Image.Resampling.BICUBIC)
    except WrongInput:
        raise
    except Image.DecompressionBombError:
        raise WrongInput(f"The picture {name} claims more pixels than {PIXELS // 10**6} million, which may be a trap.") from None
    except Exception as error:  # Pillow's readers raise whatever their format's parser does; none of it is the program's
        raise WrongInput(f"The file {name} is no picture that can be read; a PNG, JPEG, WebP, GIF, BMP or TIFF is wanted.") from error
    pixels = np.array(fitted.convert("L" if data.channels == 1 else "RGB"))
    return np.ascontiguousarray(pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1))


def _flat(image: Image.Image) -> Image.Image:
    """As L or RGB: deep grey brought to 8 bits by its own range, transparency laid on white."""
    if image.mode.startswith(("I", "F")):
        values = np.nan_to_num(np.asarray(image, dtype=np.float64))
        low, high = values.min(), values.max()
        top = 65535.0 if image.mode.startswith("I") and low >= 0 and high > 255 else high
        low = 0.0 if low >= 0 else low
        scaled = (values - low) / (top - low) * 255 if top > low else np.zeros_like(values)
        return Image.fromarray(scaled.round().astype(np.uint8))
    if "A" in image.getbands() or "a" in image.getbands() or "transparency" in image.info:
        over = image.convert("RGBA")
        paper = Image.new("RGBA", over.size, (PAPER,) * 3 + (255,))
        image = Image.alpha_composite(paper, over)
    return image.convert("L" if image.mode in GREY else "RGB")
