"""Unpacks a zip of images into a temporary folder: members are checked before anything is written, and their sizes while it is."""

from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import contextmanager
import os
from pathlib import Path, PurePosixPath
import stat
import struct
from typing import BinaryIO
import zipfile
import zlib

from core.data.importing.layouts.image_folders import MAC, ending_of
from core.data.importing.read_image import is_image
from core.data.name_order import composed
from core.domain.errors import WrongInput
from core.storage.atomic import folder_beside

TABLES = (".csv", ".txt")  # what is unpacked besides images
MOST_MEMBERS = 1_000_000
MOST_DIRECTORY = 2**27  # bytes of the list of members; Python takes about six times as much to read it
MOST_BYTES = 2**35  # that all members together may claim
MOST_TIMES = 100  # what they claim of the archive's own size: images are packed already
UNCHECKED = 2**28  # bytes up to which that is not checked
LONGEST_NAME = 255  # bytes of a part of a path
DEEPEST = 32  # parts of a path
BLOCK = 2**20
_END, _END_SIZE, _END_REACH = b"PK\x05\x06", 22, 2**16 + 22
_END_64 = b"PK\x06\x06"


@contextmanager
def unpacked(archive: Path, parent: Path) -> Iterator[tuple[Path, tuple[str, ...]]]:
    """A folder in `parent` with the archive's images and tables, removed at the end; and notes on what was left out of it.

    Raises WrongInput, naming the archive and the member, before anything is written where a member would lead out of the folder,
    is a link, is encrypted, or where they are too many or claim too much. Lets OSError of writing (a full disk) through.
    """
    check_directory(archive)
    try:
        with zipfile.ZipFile(archive) as opened, folder_beside(parent) as temporary:
            wanted, left = _checked(opened, archive)
            folder = temporary / (composed(archive.stem)[:80] or "images")
            folder.mkdir()
            for member, path in wanted:
                _write(opened, member, folder / path, archive)
            yield folder, _notes(left)
    except (zipfile.BadZipFile, zlib.error, EOFError, struct.error, NotImplementedError, UnicodeDecodeError) as error:
        raise _broken(archive, error) from error


def _broken(archive: Path, error: Exception) -> WrongInput:
    why = " ".join(f"{type(error).__name__}: {error}".split())[:120]
    return WrongInput(f"{archive.name} is no zip archive that can be read ({why}); pack it anew, or give the folder itself.")


def check_directory(archive: Path) -> None:
    """Checks the size of the list of members, which `zipfile` reads into memory. Raises WrongInput."""
    try:
        size = archive.stat().st_size
        with open(archive, "rb") as file:
            listed = _directory_size(file, size)
    except OSError as error:
        raise WrongInput(f"{archive.name} cannot be read ({error.strerror}).") from error
    if listed > MOST_DIRECTORY:
        raise WrongInput(f"{archive.name} lists too many members ({listed / 2**20:.0f} MB of names); {MOST_MEMBERS:,} at most are read.")


def _directory_size(file: BinaryIO, size: int) -> int:
    """Bytes of the list of members, by the archive's end record; 0 where there is none, which `zipfile` reports."""
    file.seek(max(0, size - _END_REACH))
    tail = file.read()
    place = tail.rfind(_END)
    if place < 0 or len(tail) - place < _END_SIZE:
        return 0
    length: int = struct.unpack("<I", tail[place + 12 : place + 16])[0]
    if length == 0xFFFFFFFF and (long := tail.rfind(_END_64)) >= 0 and len(tail) - long >= 56:
        length = struct.unpack("<Q", tail[long + 40 : long + 48])[0]
    return min(length, size)


def _checked(opened: zipfile.ZipFile, archive: Path) -> tuple[list[tuple[zipfile.ZipInfo, str]], Counter[str]]:
    """Each member that is unpacked, with its path; and how many others there are, by ending. Raises WrongInput."""
    members = opened.infolist()
    if len(members) > MOST_MEMBERS:
        raise WrongInput(f"{archive.name} holds {len(members):,} members; {MOST_MEMBERS:,} at most are read.")
    claimed = sum(member.file_size for member in members)
    size = max(1, archive.stat().st_size)
    if claimed > MOST_BYTES or (claimed > UNCHECKED and claimed > MOST_TIMES * size):
        raise WrongInput(
            f"{archive.name} of {size / 2**20:.1f} MB claims to unpack to {claimed / 2**20:,.0f} MB, which may be a trap; at most "
            f"{MOST_BYTES // 2**30} GB and {MOST_TIMES} times its size are unpacked."
        )
    wanted: dict[str, zipfile.ZipInfo] = {}
    left: Counter[str] = Counter()
    for member in members:
        path = path_of(member, archive)
        parts = PurePosixPath(path).parts
        if member.is_dir() or any(part.startswith(".") or part == MAC for part in parts):
            continue
        if not (is_image(parts[-1]) or parts[-1].lower().endswith(TABLES)):
            left[ending_of(parts[-1])] += 1
            continue
        if member.flag_bits & 1:
            raise WrongInput(f"{archive.name} is encrypted ({path:.200}); pack it without a password.")
        if path in wanted:
            raise WrongInput(f"{archive.name} holds {path:.200} twice; pack it anew.")
        wanted[path] = member
    if not wanted:
        raise WrongInput(f"{archive.name} holds no image; a zip of a folder as `data add` reads it is wanted.")
    check_places(wanted, archive)
    return [(member, path) for path, member in wanted.items()], left


def path_of(member: zipfile.ZipInfo, archive: Path) -> str:
    """Raises WrongInput where the path is none inside a folder, or the member a link or something else that is no file."""
    name = _name_of(member).replace("\\", "/")  # as some packers of Windows write it
    parts = name.rstrip("/").split("/")
    odd = not name or name.startswith("/") or "\0" in name or (len(name) > 1 and name[1] == ":")
    if odd or any(part in ("", ".", "..") for part in parts):
        raise WrongInput(f"{archive.name} holds {name!r:.200}, a path that may lead out of the folder; pack it anew.")
    if len(parts) > DEEPEST or any(len(os.fsencode(part)) > LONGEST_NAME for part in parts):
        raise WrongInput(f"{archive.name} holds {name!r:.120}, a path too long or too deep; pack it anew.")
    kind = stat.S_IFMT(member.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise WrongInput(f"{archive.name} holds {name!r:.200}, a link or another thing that is no file; pack the file itself.")
    return "/".join(parts)


def _name_of(member: zipfile.ZipInfo) -> str:
    """Macs write UTF-8 without saying so, which `zipfile` takes for an old code page."""
    name = member.orig_filename
    if not member.flag_bits & 0x800 and not name.isascii():
        try:
            return name.encode("cp437").decode()
        except UnicodeError:
            return name
    return name


def check_places(wanted: Collection[str], archive: Path) -> None:
    """Raises WrongInput where a file's path is another one's folder."""
    for path in wanted:
        for above in PurePosixPath(path).parents:
            if str(above) in wanted:
                raise WrongInput(f"{archive.name} holds {str(above)!r:.200} as a file and as a folder; pack it anew.")


def _write(opened: zipfile.ZipFile, member: zipfile.ZipInfo, path: Path, archive: Path) -> None:
    """Raises WrongInput where more or less comes out than was claimed, or other bytes than were packed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    written = 0
    try:
        with opened.open(member) as source, open(path, "wb") as target:
            while block := source.read(BLOCK):
                written += len(block)
                if written > member.file_size:
                    break
                target.write(block)
        if written != member.file_size:
            raise zipfile.BadZipFile(f"{member.filename} has another size than the list of members says")
    except RuntimeError as error:  # an encrypted member whose flag says otherwise
        raise _broken(archive, error) from error


def _notes(left: Counter[str]) -> tuple[str, ...]:
    if not left:
        return ()
    named = ", ".join(f"{count} {ending}" for ending, count in sorted(left.items(), key=lambda one: (-one[1], one[0]))[:5])
    more = " and others" if len(left) > 5 else ""
    return (f"{left.total()} members of the archive that are no image were not unpacked ({named}{more}).",)
