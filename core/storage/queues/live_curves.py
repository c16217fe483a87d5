"""The curves of a run that trains, in a small file of its own that pages read meanwhile; it goes when the run ends."""

from contextlib import suppress
from dataclasses import dataclass, field
import json
from math import isfinite
from pathlib import Path
from time import monotonic

from core.storage import atomic

BETWEEN = 0.5  # seconds from one writing to the next
MOST = 2**20  # bytes that are read of a file
Curves = dict[str, list[tuple[float, ...]]]  # network -> loss and accuracy of each epoch, and where a share is held out those on it
POINTS = (2, 4)  # numbers of an epoch


@dataclass
class LiveCurves:
    """Written at most twice a second; what cannot be written is not shown, and nothing more."""

    path: Path
    curves: Curves = field(default_factory=dict)
    last: float = -1.0

    def add(self, network: str, *point: float) -> None:
        """One more epoch of a network."""
        self.curves.setdefault(network, []).append(point)
        if (now := monotonic()) - self.last >= BETWEEN:
            self.last = now
            with suppress(OSError):
                atomic.write(self.path, json.dumps(self.curves).encode())

    def close(self) -> None:
        """The run has ended."""
        with suppress(OSError):
            self.path.unlink(missing_ok=True)


def read(path: Path) -> Curves:
    """What there is; empty where there is none, or it is damaged."""
    try:
        with open(path, "rb") as stream:
            found = json.loads(stream.read(MOST))
        curves = {str(network): _points(curve) for network, curve in found.items()}
    except (OSError, ValueError, TypeError, AttributeError, RecursionError):
        return {}
    return {network: [point for point in curve if all(map(isfinite, point[:2]))] for network, curve in curves.items()}


def _points(curve: list[list[float]]) -> list[tuple[float, ...]]:
    """Raises ValueError where they are none, or do not all say as much."""
    if not {len(point) for point in curve} <= set(POINTS) or len({len(point) for point in curve}) > 1:
        raise ValueError(f"points of {POINTS} numbers were wanted")
    return [tuple(map(float, point)) for point in curve]
