"""A temporary folder beside the place that its content will go to: gone afterwards, whatever happened."""

from collections.abc import Iterator
from contextlib import contextmanager
import os
from pathlib import Path
import re
import shutil
from uuid import uuid4

import psutil

_NAME = re.compile(r"\.writing-(\d+)-[0-9a-f]{32}")  # the process id is in the name


def place_beside(parent: Path) -> Path:
    """A path in `parent` that is not there yet, and that `sweep` knows."""
    return parent / f".writing-{os.getpid()}-{uuid4().hex}"


@contextmanager
def folder_beside(parent: Path) -> Iterator[Path]:
    """An empty folder in `parent`, which is made where missing; removed at the end unless it was renamed."""
    parent.mkdir(parents=True, exist_ok=True)
    sweep(parent)
    folder = place_beside(parent)
    try:
        folder.mkdir()
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def sweep(parent: Path) -> None:
    """Remove what processes that are gone left half-written."""
    for place in parent.glob(".writing-*"):
        found = _NAME.fullmatch(place.name)
        if found and not psutil.pid_exists(int(found.group(1))):
            shutil.rmtree(place, ignore_errors=True)

