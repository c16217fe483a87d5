"""Files of weights that ask for more than they hold, and mutations of honest ones."""

from collections.abc import Iterator
import io
import pickle
import random
import struct
from zipfile import ZipFile

from safetensors.torch import save
import torch

TRIVIAL = {"conv1.weight": torch.arange(6.0).view(2, 3), "norm1.num_batches_tracked": torch.tensor(3), "deep.er.bias": torch.zeros(40)}
HUGE = (0, 1, 2**15, 2**31 - 1, 2**32 - 1, 2**63 - 1, 2**64 - 1)


def pth(content: object, **how: object) -> bytes:
    """As torch.save writes it."""
    out = io.BytesIO()
    torch.save(content, out, **how)
    return out.getvalue()


def calls(module: str, name: str, number: int) -> bytes:
    """A pickle that calls MODULE.NAME(NUMBER)."""
    return b"\x80\x02c" + f"{module}\n{name}\n".encode() + b"\x8a\x08" + struct.pack("<q", number) + b"\x85R."


def in_zip(described: bytes) -> bytes:
    """An archive as torch.save writes it, with this pickle in it."""
    whole, out = io.BytesIO(pth({})), io.BytesIO()
    with ZipFile(whole) as source, ZipFile(out, "w") as sink:
        for entry in source.infolist():
            sink.writestr(entry.filename, described if entry.filename.endswith(".pkl") else source.read(entry))
    return out.getvalue()


def old(described: bytes) -> bytes:
    """A file as PyTorch wrote them before 1.6, with this pickle in it."""
    head = pth({}, _use_new_zipfile_serialization=False)
    start = sum(len(part) for part in _pickles(head)[:3])
    return head[:start] + described + pickle.dumps([], 2)


def _pickles(raw: bytes) -> list[bytes]:
    stream, found = io.BytesIO(raw), []
    for _ in range(5):
        at = stream.tell()
        pickle.load(stream)  # a file of our own
        found.append(raw[at : stream.tell()])
    return found


def claiming(numbers: int) -> bytes:
    """A pickle of one tensor whose storage claims so many numbers, as the old format has it."""
    claims = b"\x8a\x08" + struct.pack("<q", numbers)
    storage = b"(X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpu" + claims + b"NtQ"
    return (
        b"\x80\x02}X\x01\x00\x00\x00actorch._utils\n_rebuild_tensor_v2\n(" + storage + b"K\x00K\x01\x85K\x01\x85\x89ccollections\n"
        b"OrderedDict\n)RtRs."
    )


def hostile() -> dict[str, bytes]:
    """Name -> content, each of which should be refused in one sentence at once."""
    found = {"steps.pth": pickle.dumps([[] for _ in range(2_000_000)], 2)}
    for wrap, name in ((in_zip, "zip"), (old, "old"), (bytes, "bare")):
        found |= {
            f"{name}-storage.pth": wrap(calls("torch", "FloatStorage", 800_000_000)),
            f"{name}-bytes.pth": wrap(calls("__builtin__", "bytearray", 3_000_000_000)),
            f"{name}-tensor.pth": wrap(calls("torch", "Tensor", 800_000_000)),
            f"{name}-claims.pth": wrap(claiming(800_000_000)),
            f"{name}-long.pth": wrap(b"\x80\x02X" + struct.pack("<I", 2**31) + b"aa."),
            f"{name}-memo.pth": wrap(b"\x80\x02]r" + struct.pack("<I", 2**31) + b"."),
            f"{name}-nested.pth": wrap(b"\x80\x02" + b"(" * 100_000 + b"t" * 100_000 + b"."),
        }
    for length in (100, 2**24, 2**62):
        found[f"header-{length}.safetensors"] = struct.pack("<Q", length) + b"{" + b" " * 90
    shapes = ('"data_offsets":[0,4]', '"data_offsets":[0,3000000000]')
    for index, offsets in enumerate(shapes):
        header = f'{{"a":{{"dtype":"F32","shape":[1000000000,1000000000],{offsets}}}}}'.encode()
        found[f"shape-{index}.safetensors"] = struct.pack("<Q", len(header)) + header + b"\0" * 4
    return found


def mutations(count: int, seed: int = 0) -> Iterator[tuple[str, bytes]]:
    """Name and content of so many files of weights with something wrong in each, the same ones every time.

    A third of them have it in the pickle alone, in an archive that is whole.
    """
    draw = random.Random(seed)
    with ZipFile(io.BytesIO(pth(TRIVIAL))) as archive:
        described = next(archive.read(name) for name in archive.namelist() if name.endswith(".pkl"))
    honest = {
        "inner.pth": described, "inner.ckpt": described, "zip.pth": pth(TRIVIAL),
        "old.pth": pth(TRIVIAL, _use_new_zipfile_serialization=False), "own.safetensors": save(TRIVIAL),
    }  # fmt: skip
    for index in range(count):
        name = draw.choice(list(honest))
        raw = bytearray(honest[name])
        for _ in range(draw.choice((1, 1, 2, 8)) if raw else 0):
            _mutate(raw, draw)
        yield f"{index}-{name}", in_zip(bytes(raw)) if name.startswith("inner") else bytes(raw)


def _mutate(raw: bytearray, draw: random.Random) -> None:
    at, length = draw.randrange(len(raw) + 1), draw.choice((1, 1, 4, 8, 64))
    kind = draw.choice(("flip", "cut", "copy", "number", "drop"))
    if kind == "flip":
        raw[at : at + length] = draw.randbytes(length)
    elif kind == "cut":
        del raw[max(1, at) :]
    elif kind == "copy":
        start = draw.randrange(max(1, len(raw)))
        raw[at:at] = raw[start : start + 16 * length]
    elif kind == "number":
        raw[at : at + 8] = struct.pack("<Q", draw.choice(HUGE))[: draw.choice((4, 8))]
    else:
        del raw[max(1, at) : at + length]
