"""Opens a bundle and checks it. Nothing of it is executed, nothing is written by a name that it gives, and no more is read than it says."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
import hashlib
import json
import os
from pathlib import Path
import struct
from typing import Any
import zipfile
import zlib

from core.data.importing.zip_archive import check_directory, path_of
from core.domain.errors import WrongInput
from core.domain.json_checks import check_plain, said_of
from core.export.bundle.contents import run_from_plain, study_from_plain
from core.export.bundle.layout import (
    BLOCK,
    DATA,
    FOLDERS,
    FORMAT,
    MANIFEST,
    METADATA,
    MOST_BYTES,
    MOST_MEMBERS,
    MOST_RECORD,
    MOST_RECORDS,
    MOST_RUNS,
    MOST_STUDIES,
    MOST_TABLE,
    MOST_TEXT,
    MOST_TIMES,
    MOST_VALUES,
    RUN,
    STUDY,
    UNCHECKED,
    VERSION,
)
from core.storage.permissions import opener
from core.storage.portable import PortableRun, PortableStudy

BROKEN = (  # what a file that is no zip, or is one no more, makes Python raise
    zipfile.BadZipFile, zlib.error, EOFError, struct.error, NotImplementedError, UnicodeError, RuntimeError, OverflowError,
)  # fmt: skip
HEX = frozenset("0123456789abcdef")


@dataclass(frozen=True)
class Entry:
    """What a bundle says of one of its files."""

    sha256: str
    bytes: int


@dataclass(frozen=True)
class Bundle:
    """An open bundle whose members have been looked through, but not read.

    name: of its file. sha256: of its list of contents. entries: path -> what that says of each file; members: path -> what the zip has.
    """

    name: str
    sha256: str
    asked: tuple[str, ...]
    entries: dict[str, Entry]
    members: dict[str, zipfile.ZipInfo]
    archive: zipfile.ZipFile

    def blocks(self, path: str) -> Iterator[bytes]:
        """A member's content; no more of it than it claims, and no less. Raises WrongInput where it cannot be unpacked."""
        member, read = self.members[path], 0
        try:
            with self.archive.open(member) as source:
                while block := source.read(BLOCK):
                    read += len(block)
                    if read > member.file_size:
                        break
                    yield block
        except (*BROKEN, OSError, ValueError) as error:
            raise _broken(self.name, error, path) from error
        if read != member.file_size:
            raise WrongInput(f"{self.name} holds {path} in another size than it says; get the bundle anew.")

    def text(self, path: str) -> bytes:
        """A member that is small enough to be read whole, by its own claim, checked by its digest. Raises WrongInput."""
        size, most = self.members[path].file_size, MOST_TEXT if path in (MANIFEST, METADATA) else MOST_RECORD
        if size > most:
            raise WrongInput(f"{self.name} holds {path} of {size / 2**20:,.1f} MB; {most // 2**20} MB at most are read.")
        content = b"".join(self.blocks(path))
        if path in self.entries and hashlib.sha256(content).hexdigest() != self.entries[path].sha256:
            raise changed(self.name, path)
        return content


def changed(name: str, path: str) -> WrongInput:
    """The sentence for a member that is not what was written."""
    return WrongInput(f"{name} is damaged or was changed: {path} has another SHA-256 than its list of contents says; get the bundle anew.")


@contextmanager
def opened(path: Path) -> Iterator[Bundle]:
    """The bundle in a file. Raises WrongInput, in one sentence, where it is none that may be read."""
    check_directory(path)  # which `zipfile` reads into memory
    try:
        archive = zipfile.ZipFile(path)
    except (*BROKEN, OSError, ValueError) as error:
        raise _broken(path.name, error) from error
    with archive:
        members = _members(archive, path.name, path.stat().st_size)
        yield _listed(archive, path.name, members)


def _broken(name: str, error: Exception, path: str = "") -> WrongInput:
    why = " ".join(f"{type(error).__name__}: {error}".split())[:120]
    what = f"{path} in {name} cannot be unpacked" if path else f"{name} is no zip archive that can be read"
    return WrongInput(f"{what} ({why}); get the bundle anew.")


def _members(archive: zipfile.ZipFile, name: str, size: int) -> dict[str, zipfile.ZipInfo]:
    """Path -> member. Raises WrongInput where one has no place in a bundle, or all together claim too much."""
    found, listed = dict[str, zipfile.ZipInfo](), archive.infolist()
    if len(listed) > MOST_MEMBERS:
        raise WrongInput(f"{name} holds {len(listed):,} members; {MOST_MEMBERS:,} at most are read.")
    for member in listed:
        path = path_of(member, Path(name))
        if member.is_dir() and member.filename in FOLDERS:
            continue
        if path in found:
            raise WrongInput(f"{name} holds {path:.200} twice; a bundle holds each file once.")
        if member.flag_bits & 0x41:
            raise WrongInput(f"{name} is encrypted ({path:.200}); a bundle without a password is wanted.")
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise WrongInput(f"{name} holds {path:.200} packed in a way that is not read; store or deflate are.")
        found[path] = member
    claimed = sum(member.file_size for member in found.values())
    if claimed > MOST_BYTES or (claimed > UNCHECKED and claimed > MOST_TIMES * size):
        raise WrongInput(
            f"{name} of {size / 2**20:.1f} MB claims to unpack to {claimed / 2**20:,.0f} MB, which may be a trap; at most "
            f"{MOST_BYTES // 2**30} GB and {MOST_TIMES} times its size are read."
        )
    if MANIFEST not in found or METADATA not in found:
        raise WrongInput(f"{name} is no bundle of Forgetscope: it holds no {MANIFEST if MANIFEST not in found else METADATA}.")
    for path in found:
        if path != MANIFEST and not _has_a_place(path):
            raise WrongInput(f"{name} holds {path!r:.200}, which no bundle of Forgetscope holds.")
    return found


def _has_a_place(path: str) -> bool:
    """Whether a bundle's list of contents may name such a file."""
    return path == METADATA or any(kind.fullmatch(path) for kind in (DATA, RUN, STUDY))


def _listed(archive: zipfile.ZipFile, name: str, members: dict[str, zipfile.ZipInfo]) -> Bundle:
    """With what its list of contents says. Raises WrongInput where that is none, or of another version."""
    bare = Bundle(name, "", (), {}, members, archive)
    content = bare.text(MANIFEST)
    said = _object(name, MANIFEST, content)
    if said.get("format") != FORMAT:
        raise WrongInput(f"{name} is no bundle of Forgetscope: {MANIFEST} does not say so.")
    version = said.get("version")
    if type(version) is not int or version < 1:
        raise WrongInput(f"{name} says no version of its format; {VERSION} is read.")
    if version > VERSION:
        raise WrongInput(f"{name} was written by a newer Forgetscope (version {version} of bundles; this one reads up to {VERSION}).")
    try:
        for key, wanted in (("asked", list), ("studies", list), ("files", dict)):
            check_plain(key, said.get(key), wanted)
        for key, kind in (("asked", RUN), ("studies", STUDY)):
            for any_id in said[key]:
                check_plain(f"one of {key}", any_id, str)
                if f"{kind.pattern.partition('/')[0]}/{any_id}.json" not in said["files"]:
                    raise WrongInput(f"what {key} names should be in the bundle, but {said_of(any_id)} is not")
        for path in said["files"]:
            if not _has_a_place(path):
                raise WrongInput(f"files should be those that a bundle holds, but one is {said_of(path)}")
        entries = {path: entry_of(entry) for path, entry in said["files"].items()}
    except WrongInput as wrong:
        raise _wrong(name, MANIFEST, wrong) from None
    return Bundle(name, hashlib.sha256(content).hexdigest(), tuple(said["asked"]), entries, members, archive)


def entry_of(raw: object) -> Entry:
    """What a list of contents says of a file. Raises WrongInput."""
    if not isinstance(raw, dict) or type(raw.get("sha256")) is not str or type(raw.get("bytes")) is not int:
        raise WrongInput(f"a file's SHA-256 and size are wanted, but there is {said_of(raw)}")
    if len(raw["sha256"]) != 64 or not HEX.issuperset(raw["sha256"]) or raw["bytes"] < 0:
        raise WrongInput(f"a file's SHA-256 and size are wanted, but there is {said_of(raw)}")
    return Entry(raw["sha256"], raw["bytes"])


def _object(name: str, path: str, content: bytes) -> dict[str, Any]:
    if values_in(content) > MOST_VALUES:
        raise WrongInput(f"{name} holds {path} with more than {MOST_VALUES:,} values, which are not read.")
    try:
        found = json.loads(content.decode(), parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise WrongInput(f"{name} is damaged or no bundle: {path} is no JSON.") from None
    if not isinstance(found, dict):
        raise WrongInput(f"{name} is damaged or no bundle: {path} is no object in JSON.")
    return found


def values_in(content: bytes) -> int:
    """How many values a JSON holds at most, before any of them is made."""
    return 1 + sum(map(content.count, (b",", b"[", b"{")))


def _no_constant(text: str) -> float:
    raise ValueError(text)


def _wrong(name: str, path: str, wrong: WrongInput) -> WrongInput:
    return WrongInput(f"{name} is damaged or no bundle: in {path}, {wrong}.")


def check_whole(bundle: Bundle) -> None:
    """Raises WrongInput where the zip holds other files than the list of contents says, or of other sizes."""
    have, wanted = bundle.members.keys() - {MANIFEST}, bundle.entries.keys()
    if missing := sorted(wanted - have):
        raise WrongInput(f"{bundle.name} is not whole: it lists {missing[0]!r:.200} and does not hold it; get the bundle anew.")
    if more := sorted(have - wanted):
        raise WrongInput(f"{bundle.name} holds {more[0]!r:.200}, which its list of contents does not name.")
    for path, entry in bundle.entries.items():
        size = bundle.members[path].file_size
        if size != entry.bytes:
            raise WrongInput(f"{bundle.name} is damaged or was changed: {path} has {size:,} bytes, and {entry.bytes:,} are listed.")
        if path.endswith(".parquet") and size > MOST_TABLE:
            raise WrongInput(f"{bundle.name} holds the table {path} of {size / 2**20:,.0f} MB; {MOST_TABLE // 2**20} MB at most are read.")


def records(bundle: Bundle) -> tuple[list[PortableRun], list[PortableStudy]]:
    """Its runs, those that were asked for last, so that they come first where the newest do, and its studies; each checked.

    Raises WrongInput.
    """
    files = {path: stored_name(path, entry) for path, entry in bundle.entries.items() if DATA.fullmatch(path)}
    own = [path for path in bundle.entries if RUN.fullmatch(path)]
    told = [path for path in bundle.entries if STUDY.fullmatch(path)]
    if not own or len(own) > MOST_RUNS or len(told) > MOST_STUDIES:
        most = f"1 to {MOST_RUNS:,} and up to {MOST_STUDIES} are read"
        raise WrongInput(f"{bundle.name} holds {len(own):,} runs and {len(told)} studies; {most}.")
    if (size := sum(bundle.members[path].file_size for path in (*own, *told))) > MOST_RECORDS:
        raise WrongInput(f"{bundle.name} holds runs and studies of {size / 2**20:,.1f} MB in JSON; {MOST_RECORDS // 2**20} MB are read.")
    _object(bundle.name, METADATA, bundle.text(METADATA))
    runs, studies, values = dict[str, PortableRun](), list[PortableStudy](), 0
    for path in (*own, *told):
        text = bundle.text(path)
        values += values_in(text)
        if values > MOST_VALUES:
            raise WrongInput(f"{bundle.name} holds runs and studies with more than {MOST_VALUES:,} values, which are not read.")
        try:
            plain = _object(bundle.name, path, text)
            one = run_from_plain(plain, files) if RUN.fullmatch(path) else study_from_plain(plain, runs)
            if path.partition("/")[2] != f"{one.id}.json":
                what = "run" if isinstance(one, PortableRun) else "study"
                raise WrongInput(f"the {what}'s id should be that of its file, but is {said_of(one.id)}")
        except WrongInput as wrong:
            raise _told(bundle.name, path, wrong) from None
        if isinstance(one, PortableRun):
            runs[one.id] = one
        else:
            studies.append(one)
    return sorted(runs.values(), key=lambda run: (run.id in bundle.asked, run.created_at)), studies


def _told(name: str, path: str, wrong: WrongInput) -> WrongInput:
    """A whole sentence as it is; of a part of one, where it was."""
    return wrong if str(wrong).endswith(".") else _wrong(name, path, wrong)


def stored_name(path: str, entry: Entry) -> str:
    """What a file of the bundle is called in Artifacts."""
    return f"{entry.sha256}.{path.rpartition('.')[2]}"


def unpack(bundle: Bundle, folder: Path) -> list[str]:
    """Write every table and array into a folder, by the name that it has in Artifacts; those names. Raises WrongInput at the first whose
    digest does not hold.
    """
    written = list[str]()
    for path, entry in bundle.entries.items():
        if not DATA.fullmatch(path):
            continue
        hasher, name = hashlib.sha256(), stored_name(path, entry)
        with open(folder / name, "wb", opener=opener) as file:
            for block in bundle.blocks(path):
                hasher.update(block)
                file.write(block)
            file.flush()
            os.fsync(file.fileno())
        if hasher.hexdigest() != entry.sha256:
            raise changed(bundle.name, path)
        written.append(name)
    return written


def digests_hold(bundle: Bundle) -> dict[str, str]:
    """Path -> '' where its content is what the list of contents says, else what is wrong."""
    found = dict[str, str]()
    for path, entry in bundle.entries.items():
        if path not in bundle.members:
            found[path] = "is missing"
            continue
        hasher = hashlib.sha256()
        try:
            for block in bundle.blocks(path):
                hasher.update(block)
            found[path] = "" if hasher.hexdigest() == entry.sha256 else "was changed: it has another SHA-256"
        except WrongInput:
            found[path] = "cannot be unpacked"
    for path in bundle.members.keys() - {MANIFEST} - bundle.entries.keys():
        found[path] = "is not listed"
    return found
