"""What benchmarks found, appended to RESULTS.md with the day, the machine and the versions."""

from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
import os
from pathlib import Path
import platform
import sys

import torch

from core.domain.presets import FRESH_SEEDS

RESULTS = Path(__file__).parent / "RESULTS.md"
Row = Sequence[object]


def fresh_seeds() -> tuple[int, ...]:
    """The first of FRESH_SEEDS, as many as the command's first word says, else three."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    if not 0 < count <= len(FRESH_SEEDS):
        raise SystemExit(f"There are {len(FRESH_SEEDS)} seeds that no setting was found on, {FRESH_SEEDS}; {count} were asked for.")
    return FRESH_SEEDS[:count]


def verdict(name: str, figure: str, good: bool) -> bool:
    """One bar, printed."""
    print(f"{'PASS' if good else 'FAIL'}  {name:86} {figure}", flush=True)
    return good


def table(head: Row, rows: Sequence[Row]) -> str:
    """Markdown; floats to three decimals."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(f"{c:.3f}" if isinstance(c, float) else str(c) for c in line) + " |" for line in lines)


def machine() -> str:
    """What the figures were measured on."""
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else f"{os.cpu_count()} CPU cores, no GPU"
    load = f"load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    versions = ", ".join(f"{name} {version(name)}" for name in ("torch", "torchvision", "numpy"))
    return f"{device}, {platform.machine()}, {load}; Python {platform.python_version()}, {versions}"


def append(title: str, *parts: str) -> None:
    """Print a section and add it to RESULTS.md."""
    now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    text = "\n\n".join([f"## {title}", f"{now}; {machine()}", *parts])
    print(f"\n{text}\n", flush=True)
    if not RESULTS.exists():
        RESULTS.write_text("# What `make bench` measured\n\nNewest last. Ratios within one table were measured side by side in one run.\n")
    with RESULTS.open("a") as file:
        file.write(f"\n{text}\n")
