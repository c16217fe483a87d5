"""The quick way to MNIST's and Fashion-MNIST's images, without torch: a page that shows them need not wait for it."""

from pathlib import Path

import numpy as np

FOLDERS = {"mnist": "MNIST", "fashion_mnist": "FashionMNIST"}
PLACES = {"mnist": ("", "MNIST", "mnist"), "fashion_mnist": ("", "FashionMNIST", "fashion_mnist")}  # in which those folders lie
HALVES = {"train": ("train", 60_000), "test": ("t10k", 10_000)}
SIDE = 28


def arrays_of(key: str, root: Path) -> dict[str, np.ndarray] | None:
    """As `core.data.write_image_arrays` writes them; None where the set is another, or not whole in `root`: others say so better."""
    if key not in FOLDERS:
        return None
    for place in PLACES[key]:
        try:
            return _arrays(root / place / FOLDERS[key] / "raw")
        except (OSError, ValueError):
            continue
    return None


def _arrays(raw: Path) -> dict[str, np.ndarray]:
    arrays = {}
    for half, (name, count) in HALVES.items():
        arrays[f"{half}_images"] = _read(raw / f"{name}-images-idx3-ubyte", (count, SIDE, SIDE))[:, None]
        arrays[f"{half}_labels"] = _read(raw / f"{name}-labels-idx1-ubyte", (count,)).astype(np.int64)
    return arrays | {"peak": np.array(255)}


def _read(path: Path, shape: tuple[int, ...]) -> np.ndarray:
    """uint8, of this shape. IDX: two zeros, 8 for bytes, the number of axes, then each axis' length (big-endian), then bytes."""
    content = np.fromfile(path, np.uint8)
    head = 4 + 4 * len(shape)
    wanted = bytes([0, 0, 8, len(shape)]) + b"".join(length.to_bytes(4, "big") for length in shape)
    if content[:head].tobytes() != wanted:
        raise ValueError(f"{path} is no IDX file of shape {shape}.")
    return content[head:].reshape(shape)
