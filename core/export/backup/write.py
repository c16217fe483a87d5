"""Writes a home into one file while it is in use: first its database as it is at one moment, then every file that this names."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
import hashlib
import json
import os
from pathlib import Path
from typing import BinaryIO
import zipfile

from core.domain.errors import WrongInput
from core.export.backup import snapshot
from core.export.backup.layout import (
    ARTIFACT,
    BLOCK,
    EXTENSION,
    FORMAT,
    MANIFEST,
    MOST_MEMBERS,
    SINGLE,
    VERSION,
    has_a_place,
)
from core.export.backup.target import check_room
from core.export.bundle.write import put
from core.storage.atomic import folder_beside, place_beside, place_new, there_already
from core.storage.disk_and_memory_errors import DiskTrouble, told
from core.storage.home import DATABASE, EXTENSIONS, Home
from core.storage.migrations import MIGRATIONS
from core.storage.permissions import opener
from core.storage.runs import ResultStore

TRIES = 5  # snapshots until none names a file that went meanwhile
LEFT_OUT = ("__pycache__",)
Say = Callable[[float], None]  # share of the bytes that are written


@dataclass(frozen=True)
class Written:
    """What went into a backup. stopped: runs that were being computed. sha256: of its list of contents, which has all other digests.

    lost: files of runs that the home lacks; damaged: that are not what was written; left: other files that have no place in a backup.
    """

    runs: int
    studies: int
    files: int
    bytes: int
    stopped: int
    sha256: str
    lost: tuple[str, ...]
    damaged: tuple[str, ...]
    left: tuple[str, ...]
    extensions: tuple[str, ...]


@dataclass
class _Source:
    """Files to write, by the path that each has in the home. read_from: where it is read, another name of it that nobody takes away.

    lost: of Artifacts, those that the snapshot names and the home lacks; left: what has no place in a backup. counts: rows by table.
    """

    root: Path
    pins: Path | None
    read_from: dict[str, Path] = field(default_factory=dict)
    lost: set[str] = field(default_factory=set)
    left: list[str] = field(default_factory=list)
    stopped: int = 0
    counts: dict[str, int] = field(default_factory=dict)

    @property
    def bytes(self) -> int:
        """Of all of them, as they are now."""
        return sum(place.stat().st_size for place in self.read_from.values() if place.is_file())

    def add(self, path: str) -> bool:
        """False where there is no such file."""
        if path in self.read_from:
            return True
        place = original = self.root / path
        if self.pins:
            place = self.pins / path
            try:
                place.parent.mkdir(parents=True, exist_ok=True)
                os.link(original, place, follow_symlinks=False)
            except OSError:  # a disk that has no links, or another one; or there is no such file
                place = original
        if not place.is_file():
            return False
        self.read_from[path] = place
        return True


def backup(home: Home, path: Path, say: Say = lambda _: None) -> Written:
    """The home as the file `path`, while it is used. Raises WrongInput where that is there or in the home, or the disk has no room."""
    path = path.absolute()
    with told(path), ExitStack() as stack:
        if path.exists() or path.is_symlink():
            raise there_already(path)
        if not path.parent.is_dir():
            raise WrongInput(f"There is no folder {str(path.parent)!r:.200} to write {path.name} into.")
        if path.resolve().is_relative_to(home.root.resolve()):
            raise WrongInput(f"A backup inside the home {home.root} would be lost with it; name a file elsewhere.")
        source = _Source(home.root, _pins(stack, home))
        _snapshot(home, source, stack.enter_context(folder_beside(path.parent)) / DATABASE)
        _collect(home, source)
        check_room(source.bytes, path.parent)
        temporary = place_beside(path.parent)
        try:
            with open(temporary, "xb", opener=opener) as stream:
                written = _write(source, stream, say)
                stream.flush()
                os.fsync(stream.fileno())
            place_new(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
    return written


def _pins(stack: ExitStack, home: Home) -> Path | None:
    """A folder for second names of the home's files; None in a home that takes none."""
    with suppress(OSError, DiskTrouble):
        return stack.enter_context(folder_beside(home.root))
    return None


def _snapshot(home: Home, source: _Source, database: Path) -> None:
    """Fill `database`, and add every file of Artifacts that it names; a file that went while this looked gives another try."""
    for _ in range(TRIES):
        database.unlink(missing_ok=True)
        source.stopped = snapshot.take(home.database, database)
        with ResultStore(database) as store:
            named = store.files()
            missing = {file for file in named if not ARTIFACT.fullmatch(f"artifacts/{file}") or not source.add(f"artifacts/{file}")}
            with ResultStore(home.database) as live:
                gone_meanwhile = missing - live.files()
            snapshot.forget_lost(store, missing)
            source.lost = missing & store.files()
            for table in ("runs", "studies"):
                source.counts[table] = int(store.db.read(f"select count(*) as n from {table}")[0]["n"])
        if not gone_meanwhile:
            break
    wanted = {f"artifacts/{file}" for file in named}
    source.read_from = {path: place for path, place in source.read_from.items() if path in wanted}
    source.read_from[DATABASE] = database


def _collect(home: Home, source: _Source) -> None:
    """Add what lies beside the database: added datasets, searches, sequences, presets, logs and extensions; no link is followed."""
    for name in SINGLE:
        if name != DATABASE and (home.root / name).is_file():
            source.add(name)
    folders = (home.datasets_folder, home.tuning_folder, home.sequences_folder, home.logs_folder, home.root / EXTENSIONS)
    for folder in folders:
        for path in _files_in(folder):
            name = path.relative_to(home.root).as_posix()
            if not path.is_symlink() and has_a_place(name):
                source.add(name)
            elif folder.name in (home.datasets_folder.name, EXTENSIONS):  # elsewhere it is what only a living process needs
                source.left.append(name)
    if len(source.read_from) + 1 > MOST_MEMBERS:
        raise WrongInput(f"This home has {len(source.read_from):,} files, and {MOST_MEMBERS:,} at most go into a backup.")


def _files_in(folder: Path) -> Iterator[Path]:
    for at, inner, names in os.walk(folder):
        inner[:] = sorted(name for name in inner if name not in LEFT_OUT and not name.startswith("."))
        yield from (Path(at) / name for name in sorted(names))


def _write(source: _Source, stream: BinaryIO, say: Say) -> Written:
    files, damaged, done = dict[str, dict[str, object]](), list[str](), 0
    order = sorted(source.read_from, key=lambda path: (path != DATABASE, path))
    whole = source.bytes or 1
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
        for path in order:
            try:
                opened = open(source.read_from[path], "rb")  # noqa: SIM115  # closed just below
            except FileNotFoundError:  # a log, say, that went meanwhile
                if ARTIFACT.fullmatch(path):
                    source.lost.add(path.partition("/")[2])
                continue
            with opened:
                size, hasher = os.fstat(opened.fileno()).st_size, hashlib.sha256()
                put(archive, path, size, _blocks(opened, size, hasher.update))
            sha256, size = hasher.hexdigest(), archive.getinfo(path).file_size
            files[path] = {"sha256": sha256, "bytes": size}
            if (artifact := ARTIFACT.fullmatch(path)) and artifact[1] != sha256:
                damaged.append(path.partition("/")[2])
            done += size
            say(min(1.0, done / whole))
        extensions = sorted({path.split("/")[1].removesuffix(".py") for path in files if EXTENSION.fullmatch(path)})
        manifest = json.dumps({
            "format": FORMAT, "version": VERSION, "schema": len(MIGRATIONS), "made": datetime.now(UTC).isoformat(timespec="seconds"),
            **source.counts, "extensions": extensions, "lost": sorted(source.lost), "damaged": damaged, "files": files,
        }).encode()  # fmt: skip
        put(archive, MANIFEST, len(manifest), iter([manifest]))
    return Written(
        source.counts["runs"], source.counts["studies"], len(files), done, source.stopped, hashlib.sha256(manifest).hexdigest(),
        tuple(sorted(source.lost)), tuple(damaged), tuple(source.left), tuple(extensions),
    )  # fmt: skip


def _blocks(opened: BinaryIO, size: int, seen: Callable[[bytes], None]) -> Iterator[bytes]:
    """No more than it had when it was opened: a log grows."""
    while size and (block := opened.read(min(BLOCK, size))):
        seen(block)
        size -= len(block)
        yield block
