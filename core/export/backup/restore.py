"""Makes a home of a backup: all of it is checked before a byte is written, and the home is there whole or not at all."""

from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
import hashlib
import json
import os
from pathlib import Path
import sqlite3
from typing import Any
import zipfile

from core.data.importing.zip_archive import check_directory, check_places, path_of
from core.domain.errors import WrongInput
from core.export.backup import snapshot
from core.export.backup.layout import (
    ARTIFACT,
    BLOCK,
    EXTENSION,
    FORMAT,
    MANIFEST,
    MOST_EXTENSION_BYTES,
    MOST_EXTENSION_FILES,
    MOST_MANIFEST,
    MOST_MEMBERS,
    MOST_VALUES,
    VERSION,
    has_a_place,
)
from core.export.backup.target import check_room, check_target, move_in
from core.export.bundle.read import BROKEN, Entry, entry_of, values_in
from core.storage.atomic import folder_beside
from core.storage.database import check_copy
from core.storage.disk_and_memory_errors import told
from core.storage.home import DATABASE
from core.storage.migrations import MIGRATIONS
from core.storage.permissions import FOLDER, opener
from core.storage.runs import ResultStore

HELD = ("lost", "damaged")  # of the list of contents: files of Artifacts that runs name, and that the backup lacks or that were damaged
Say = Callable[[float], None]  # share of the bytes that were checked and written


@dataclass(frozen=True)
class Restored:
    """What a home has now. waiting: runs in its queue, which begin when somebody looks. lost: files that its runs lack."""

    home: Path
    made: str
    runs: int
    studies: int
    waiting: int
    lost: tuple[str, ...]
    extensions: tuple[str, ...]


@dataclass(frozen=True)
class Backup:
    """An open backup, whose members were looked through. entries: path -> digest and size, by its list of contents.

    without: files of Artifacts that its runs name and that it lacks, or has damaged; the latter are no entries.
    """

    name: str
    archive: zipfile.ZipFile
    members: dict[str, zipfile.ZipInfo]
    entries: dict[str, Entry]
    made: str
    schema: int
    without: frozenset[str]

    def blocks(self, path: str) -> Iterator[bytes]:
        """A member's content. Raises WrongInput at its end where that is not what the list of contents says."""
        hasher = hashlib.sha256()
        for block in _blocks(self.name, self.archive, self.members[path]):
            hasher.update(block)
            yield block
        if hasher.hexdigest() != self.entries[path].sha256:
            raise _not_whole(self.name, f"{path!r:.200} has another SHA-256 than its list of contents says")


def restore(path: Path, target: Path, *, extensions: bool = True, say: Say = lambda _: None) -> Restored:
    """The home that a backup holds, in the folder `target`, which must be empty, not there, or a home in which nothing was done yet.

    extensions: also its extensions, which are code. Raises WrongInput, in one sentence; nothing has changed then.
    """
    with told(path):
        if not path.is_file():
            raise WrongInput(f"There is no file {str(path)!r:.200}; a backup that `backup` wrote is wanted.")
        check_directory(path)
    target = Path(os.path.realpath(target))
    with told(target):
        check_target(target)
    with _opened(path) as archive:
        found = _listed(path, archive)
        wanted = [one for one in found.entries if extensions or not EXTENSION.fullmatch(one)]
        count = len(found.entries) + len(wanted)
        for at, one in enumerate(found.entries):
            for _ in found.blocks(one):
                pass
            say((at + 1) / count)
        with told(target), folder_beside(target.parent) as folder:
            folder.chmod(FOLDER)
            check_room(sum(entry.bytes for entry in found.entries.values()), target.parent)
            _unpack(found, [DATABASE], folder)
            _check_database(found, folder / DATABASE)
            for at, one in enumerate(one for one in wanted if one != DATABASE):
                _unpack(found, [one], folder)
                say((len(found.entries) + at + 1) / count)
            snapshot.settle(folder / DATABASE)
            restored = _told(found, folder, target, wanted)
            for inner, *_ in os.walk(folder):
                os.chmod(inner, FOLDER)
            move_in(folder, target)
    say(1.0)
    return restored


def _opened(path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except (*BROKEN, OSError, ValueError) as error:
        why = " ".join(f"{type(error).__name__}: {error}".split())[:120]
        raise _not_whole(path.name, f"it is no zip archive that can be read ({why})") from error


def _not_whole(name: str, what: str) -> WrongInput:
    return WrongInput(f"{name!r:.120} is no backup that can be restored: {what}; use another copy of it.")


def _blocks(name: str, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Iterator[bytes]:
    read = 0
    try:
        with archive.open(member) as source:
            while block := source.read(BLOCK):
                read += len(block)
                yield block
    except (*BROKEN, OSError, ValueError) as error:
        why = " ".join(f"{type(error).__name__}: {error}".split())[:120]
        raise _not_whole(name, f"{member.filename!r:.200} cannot be unpacked ({why})") from error
    if read != member.file_size:
        raise _not_whole(name, f"{member.filename!r:.200} has another size than it says")


def _members(path: Path, archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    """Path -> member. Raises WrongInput where one has no place in a backup, or they claim more than the file holds."""
    name, listed, found = path.name, archive.infolist(), dict[str, zipfile.ZipInfo]()
    if len(listed) > MOST_MEMBERS:
        raise _not_whole(name, f"it holds {len(listed):,} files, and {MOST_MEMBERS:,} at most are read")
    for member in listed:
        inner = path_of(member, path)
        if inner in found:
            raise _not_whole(name, f"it holds {inner!r:.200} twice")
        if member.is_dir() or (inner != MANIFEST and not has_a_place(inner)):
            raise _not_whole(name, f"it holds {inner!r:.200}, which no backup holds")
        if member.flag_bits & 0x41 or member.compress_type != zipfile.ZIP_STORED or member.compress_size != member.file_size:
            raise _not_whole(name, f"{inner!r:.200} is packed or encrypted, and a backup's files are stored as they are")
        found[inner] = member
    if sum(member.file_size for member in found.values()) > path.stat().st_size:
        raise _not_whole(name, "its files claim more bytes than it has, which may be a trap")
    check_places(found, path)
    own = [inner for inner in found if EXTENSION.fullmatch(inner)]
    if len(own) > MOST_EXTENSION_FILES or sum(found[inner].file_size for inner in own) > MOST_EXTENSION_BYTES:
        most = f"{MOST_EXTENSION_FILES:,} of {MOST_EXTENSION_BYTES // 2**30} GB together are read"
        raise _not_whole(name, f"its extensions have {len(own):,} files; {most}")
    for needed in (MANIFEST, DATABASE):
        if needed not in found:
            raise _not_whole(name, f"it holds no {needed}")
    return found


def _listed(path: Path, archive: zipfile.ZipFile) -> Backup:
    """Raises WrongInput where the list of contents is none, of a newer version, or not what the file holds."""
    name, members = path.name, _members(path, archive)
    said = _contents(name, archive, members[MANIFEST])
    for what, known in (("version", VERSION), ("schema", len(MIGRATIONS))):
        if type(said.get(what)) is not int or said[what] < 1:
            raise _not_whole(name, f"its list of contents says no {what}")
        if said[what] > known:
            newer = f"({what} {said[what]}; this one knows {known})"
            raise WrongInput(f"{name!r:.120} was written by a newer Forgetscope {newer}; restore it with that one.")
    names = {key: said.get(key) for key in HELD}
    if not isinstance(said.get("files"), dict) or not all(_are_names(one) for one in names.values()):
        raise _not_whole(name, "its list of contents is damaged")
    try:
        entries = {one: entry_of(entry) for one, entry in said["files"].items()}
    except WrongInput as wrong:
        raise _not_whole(name, str(wrong)) from None
    if differing := sorted(entries.keys() ^ (members.keys() - {MANIFEST})):
        raise _not_whole(name, f"{differing[0]!r:.200} is in it and not in its list of contents, or the other way round")
    damaged = frozenset(names["damaged"] or ())
    for one, entry in entries.items():
        artifact = ARTIFACT.fullmatch(one)
        if entry.bytes != members[one].file_size or (artifact and artifact[1] != entry.sha256 and one.partition("/")[2] not in damaged):
            raise _not_whole(name, f"{one!r:.200} is not what its list of contents says")
    made = said.get("made")
    return Backup(
        name, archive, members, {one: entry for one, entry in entries.items() if one.partition("/")[2] not in damaged},
        made[:40] if isinstance(made, str) and made.isprintable() else "", said["schema"], frozenset(names["lost"] or ()) | damaged,
    )  # fmt: skip


def _contents(name: str, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> dict[str, Any]:
    """The list of contents as plain data, bounded before it is made. Raises WrongInput where it is none."""
    if member.file_size > MOST_MANIFEST:
        raise _not_whole(name, f"its list of contents has more than {MOST_MANIFEST // 2**20} MB")
    content = b"".join(_blocks(name, archive, member))
    if values_in(content) > MOST_VALUES:
        raise _not_whole(name, f"its list of contents has more than {MOST_VALUES:,} values")
    with suppress(ValueError, RecursionError):
        said = json.loads(content.decode())
        if isinstance(said, dict) and said.get("format") == FORMAT:
            return said
    raise _not_whole(name, f"{MANIFEST} is no list of a backup's contents")


def _are_names(found: object) -> bool:
    """Whether it is a list of names of files of Artifacts."""
    return isinstance(found, list) and all(isinstance(one, str) and ARTIFACT.fullmatch(f"artifacts/{one}") for one in found)


def _unpack(found: Backup, paths: list[str], folder: Path) -> None:
    for path in paths:
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        with open(place, "xb", opener=opener) as file:
            for block in found.blocks(path):
                file.write(block)
            file.flush()
            os.fsync(file.fileno())


def _check_database(found: Backup, database: Path) -> None:
    """Raises WrongInput where it is not Forgetscope's, is damaged or changed, or names files that the backup does not hold."""
    try:
        with closing(sqlite3.connect(f"{database.as_uri()}?immutable=1", uri=True)) as opened:
            wrong = check_copy(opened, found.schema)
    except sqlite3.Error as error:
        wrong = str(error)
    if wrong:
        raise _not_whole(found.name, f"its database {wrong}")
    with ResultStore(database) as store:
        named = {f"artifacts/{file}" for file in store.files() if file not in found.without}
    if missing := sorted(named - found.entries.keys()):
        raise _not_whole(found.name, f"its runs need {missing[0]!r:.200}, which it does not hold")


def _told(found: Backup, folder: Path, target: Path, wanted: list[str]) -> Restored:
    with ResultStore(folder / DATABASE) as store:
        counts = store.db.read(
            "select (select count(*) from runs) as runs, (select count(*) from studies) as studies, "
            "(select count(*) from runs where status = 'queued') as waiting"
        )[0]
    extensions = sorted({path.split("/")[1].removesuffix(".py") for path in wanted if EXTENSION.fullmatch(path)})
    lost = tuple(sorted(found.without))
    return Restored(target, found.made, counts["runs"], counts["studies"], counts["waiting"], lost, tuple(extensions))
