"""Files and folders that only their owner may open. Windows, whose permissions are others, is left as it is."""

import os
from pathlib import Path
import stat

FOLDER, FILE = 0o700, 0o600
OTHERS = stat.S_IRWXG | stat.S_IRWXO


def opener(path: str, flags: int) -> int:
    """For `open(..., opener=)`: what is made is the owner's alone from its first byte."""
    return os.open(path, flags, FILE)


def make_file(path: Path) -> None:
    """An empty file where there is none. Raises OSError."""
    os.close(os.open(path, os.O_CREAT | os.O_WRONLY, FILE))


def tighten(path: Path) -> None:
    """Take from others what they may do with a file or folder of this user's; nothing where it is another's, gone or a link."""
    if os.name != "posix":
        return
    try:
        found = path.lstat()
        ours = found.st_uid == os.geteuid() and not stat.S_ISLNK(found.st_mode)
        if ours and found.st_mode & OTHERS and not found.st_mode & stat.S_ISVTX:  # a sticky folder, as /tmp, is everybody's
            path.chmod(stat.S_IMODE(found.st_mode) & ~OTHERS)
    except OSError:  # gone meanwhile, or on a disk that cannot be written to: it can still be looked at
        return
