"""Spoiled inputs by a seed, and what every reader of them must hold: its answer or one sentence, in bounded time and memory."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
import random
import time
import tracemalloc

import numpy as np
from PIL import Image

from core.analysis.saliency.uploaded_image import read_uploaded_image
from core.data.importing.importer import ImportOptions, add
from core.data.importing.read_image import quietly
from core.domain.errors import WrongInput
from core.domain.requests.index_file import samples_from
from core.domain.requests.registry import parse_request
from core.jobs.catalogue import Catalogue
from core.jobs.studies.toml_file import plan_from_toml
from tests.core.data.importing.made_up import folder, index

SECONDS = 5.0  # of CPU, for one input
MEMORY = 10**9  # bytes that Python's own objects may take; Pillow's images are bounded by their headers
SNIPPETS = (
    b"", b"\0", b"\xff", b"\xff\xfe", b"\xef\xbb\xbf", b'"', b"'", b",", b"=", b"[", b"]", b"{", b"\n", b"\r", b"\r\n", b"..", b"/", b"\\",
    b"9" * 30, b"-1", b"1e999", b"nan", b"../" * 9, b"[" * 2000, b"a." * 2000, b'"""', b"\\u0000", "é".encode(), "e\u0301".encode(),
    "\u202e\u2028".encode(), b"\xed\xa0\x80", b"<script>", b"![](http://a)", b"A" * 5000, b"%s%n", b"\x1b[31m",
)  # fmt: skip


def mutated(raw: bytes, draw: random.Random) -> bytes:
    """One to six changes: bytes flipped, cut, doubled, swapped, or something put in."""
    out = bytearray(raw)
    for _ in range(draw.randint(1, 6)):
        size = len(out)
        first, last = sorted(draw.randrange(size + 1) for _ in range(2))
        kind = draw.randrange(7)
        if kind == 0 and size:
            out[first % size] ^= 1 << draw.randrange(8)
        elif kind == 1:
            del out[first : min(last, first + draw.choice((1, 4, 64, size)))]
        elif kind == 2:
            out[first:first] = draw.choice(SNIPPETS)
        elif kind == 3:
            out[last:last] = out[first : min(last, first + 200)]
        elif kind == 4 and size:
            out[first % size] = draw.choice((0, 1, 127, 128, 255))
        elif kind == 5 and size > 8:  # a length, a size or an offset
            out[first % (size - 4) : first % (size - 4) + 4] = draw.choice((0, 1, 2**31 - 1, 2**31, 2**32 - 1)).to_bytes(
                4, draw.choice(("big", "little"))
            )
        else:
            out = out[:first] if draw.random() < 0.3 else out
    return bytes(out)


@dataclass(frozen=True)
class Reader:
    """inputs: good ones. read: given a spoiled one; raises WrongInput where it is none."""

    inputs: tuple[bytes, ...]
    read: Callable[[bytes], object]


def pictures() -> tuple[bytes, ...]:
    """One small picture in every format that is read, and with what Pillow reads besides pixels."""
    draws = np.random.default_rng(0)
    colour, grey = (Image.fromarray(draws.integers(0, 256, shape, dtype=np.uint8)) for shape in ((16, 20, 3), (16, 20)))
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "about"
    saved = (
        (colour, "PNG", {}), (grey, "PNG", {"exif": exif}), (colour.convert("P"), "PNG", {"transparency": bytes([255] * 9)}),
        (colour, "JPEG", {"exif": exif}), (grey, "JPEG", {"progressive": True}), (colour, "BMP", {}), (colour.convert("P"), "GIF", {}),
        (colour.convert("P"), "GIF", {"save_all": True, "append_images": [colour.rotate(9).convert("P")]}),
        (colour, "WEBP", {}), (colour, "WEBP", {"lossless": True, "exif": exif}), (colour, "TIFF", {}),
        (colour, "TIFF", {"compression": "tiff_lzw"}), (grey, "TIFF", {"compression": "tiff_adobe_deflate"}), (colour, "PPM", {}),
    )  # fmt: skip
    found = []
    for picture, kind, how in saved:
        out = BytesIO()
        picture.save(out, kind, **how)
        found.append(out.getvalue())
    return tuple(found)


def readers(place: Path, shelves: Catalogue) -> dict[str, Reader]:
    """Every way in. place: an empty folder."""
    root = folder(place / "pets", ("cat", "café"), (2, 1))
    index(root, "who", "split", "age", say=lambda p: (f"w{p.stem}", p.parts[0], ">=25" if p.stem == "0" else "<25"))
    table = (root / "index.csv").read_bytes()
    info = add(root, ImportOptions(), place / "datasets").info
    image = folder(place / "one", ("cat", "dog"), (1, 1)) / "train/cat/0.png"

    def add_image(raw: bytes) -> object:
        image.write_bytes(raw)
        return add(place / "one", ImportOptions(size=8), place / "datasets")

    def add_indexed(raw: bytes) -> object:
        (root / "index.csv").write_bytes(raw)
        return add(root, ImportOptions(), place / "datasets")

    def own(raw: bytes) -> object:
        return read_uploaded_image(raw, "mine.png", info)

    def asked(raw: bytes) -> object:
        request = parse_request(raw.decode(errors="replace"), info)
        return parse_request(request.text)

    study = (
        b'title = "Two"\ndataset = "digits"\nmodel = "small_cnn"\nforget = "class:3"\nseeds = [0, 1]\n'
        b'[[methods]]\nname = "ssd"\nalpha = 2.0\n[[methods]]\nname = "finetune"\nepochs = 1\n'
    )
    requests = (
        "class:cat", "classes:cat,café", "class:0", "attribute:who=w0", "attribute:age=>=25", "attribute:age=<25,>=25", "samples:0,1",
        "random:0.5@7", "mislabelled:1", "subclass:x",
    )  # fmt: skip
    return {
        "images": Reader(pictures(), add_image),
        "own pictures": Reader(pictures(), own),
        "CSV of indices": Reader(
            (b"index\n1\n5\n12\n", b"3\r\n4\r\n", b'\xef\xbb\xbf"index"\n"3"\n'), lambda raw: samples_from(raw, "a.csv")
        ),
        "TOML": Reader((study,), lambda raw: plan_from_toml(raw.decode(errors="replace"), shelves)),
        "index.csv": Reader((table,), add_indexed),
        "query values": Reader(tuple(text.encode() for text in requests), asked),
    }


def spoiled(reader: Reader, count: int, seed: int = 0) -> Iterator[bytes]:
    """That many spoiled inputs, always the same."""
    draw = random.Random(seed)
    for _ in range(count):
        yield mutated(draw.choice(reader.inputs), draw)


def holds(reader: Reader, raw: bytes) -> str:
    """The sentence, '' where the input was read. AssertionError where it is no one sentence, or took too long or too much."""
    if tracemalloc.is_tracing():
        tracemalloc.reset_peak()
    start, said = time.process_time(), ""
    try:
        with quietly():
            reader.read(raw)
    except WrongInput as wrong:
        said = str(wrong)
        assert said.strip(), raw[:200]
        assert said.endswith("."), (said[:300], raw[:200])
        assert len(said) < 2000, said[:300]
    assert time.process_time() - start < SECONDS, raw[:200]
    assert not tracemalloc.is_tracing() or tracemalloc.get_traced_memory()[1] < MEMORY, raw[:200]
    return said
