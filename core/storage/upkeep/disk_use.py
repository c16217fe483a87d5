"""How many bytes a home has on its disk, and how many it may have: FORGETSCOPE_QUOTA."""

from contextlib import suppress
import os
from pathlib import Path
import re

from core.domain.errors import WrongInput
from core.storage.home import Home

QUOTA = "FORGETSCOPE_QUOTA"
UNITS = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30, "TIB": 2**40}
_SIZE = re.compile(r"(\d{1,15}(?:\.\d{1,6})?)\s*([A-Za-z]{0,3})")


def quota() -> int | None:
    """Bytes that the home may have; None where nobody set any. Raises WrongInput where the variable says something else."""
    text = os.environ.get(QUOTA, "").strip()
    if not text:
        return None
    found = _SIZE.fullmatch(text)
    if not found or found[2].upper() not in UNITS:
        raise WrongInput(f"{QUOTA} must be a size such as 20GB or 500MB; got {text!r:.60}.")
    return int(float(found[1]) * UNITS[found[2].upper()])


def bytes_of(place: Path) -> int:
    """Of a file, or of all in a folder; no link is followed, and 0 where there is nothing."""
    total = 0
    with suppress(OSError):
        about = place.lstat()
        if not place.is_dir() or place.is_symlink():
            return about.st_size
    for at, _, names in os.walk(place):
        for name in names:
            with suppress(OSError):  # it goes at this moment
                total += os.lstat(os.path.join(at, name)).st_size  # a path object for each is ten times as slow
    return total


def usage(home: Home) -> dict[str, int]:
    """Folder or file of the home -> its bytes."""
    return {path.name: bytes_of(path) for path in sorted(home.root.iterdir())}
