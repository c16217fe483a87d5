"""Brings a bundle into a home: all of it or nothing, and nothing that is there is changed."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
import os
from pathlib import Path

from core.export.bundle import check_files
from core.export.bundle.fits import check_fits
from core.export.bundle.read import check_whole, opened, records, stored_name, unpack
from core.jobs.catalogue import catalogue
from core.storage.access import actors
from core.storage.artifacts import Artifacts
from core.storage.atomic import folder_beside
from core.storage.disk_and_memory_errors import told
from core.storage.home import Home
from core.storage.portable import Brought, PortableRun, bring_in
from core.storage.record_types import Imported
from core.storage.runs import ResultStore

Check = Callable[..., None]
LONGEST_NAME = 120  # letters of a file's name that are kept


@dataclass(frozen=True)
class BroughtIn:
    """What became of a bundle's runs and studies; asked: the runs that it is about, the others stand beside them."""

    runs: list[Brought]
    studies: list[Brought]
    asked: tuple[str, ...]

    @property
    def first(self) -> str:
        """The run to look at first."""
        return next((one.id for one in self.runs if one.of in self.asked), self.runs[0].id)


def bring(home: Home, path: Path, *, ours: bool = False) -> BroughtIn:
    """Everything in the bundle `path`. Raises WrongInput, in one sentence, and leaves the home as it was.

    ours: it ships with this code, so that its numbers, tables and arrays need not be checked by a process of its own first, which takes a
    second; its digests are checked all the same.
    """
    actors.require_member("import bundles")
    with opened(path) as bundle, told(home.root), folder_beside(home.root) as folder:
        check_whole(bundle)
        runs, studies = records(bundle)
        unpack(bundle, folder)
        paths = {stored_name(path, entry): path for path, entry in bundle.entries.items() if path.startswith("files/")}
        if not ours:
            check_files.check(folder, check_fits(path.name, runs, catalogue(home.root)), paths, home)
        came = Imported("".join(letter if letter.isprintable() else "_" for letter in path.name)[:LONGEST_NAME], datetime.now(UTC), "")
        placed = dict[str, int]()
        try:
            _place(home, folder, runs, placed)
            with ResultStore(home.database) as store:
                brought = bring_in(store, runs, studies, came)
        except BaseException:
            _take_back(home, folder, placed)
            raise
    return BroughtIn(brought[: len(runs)], brought[len(runs) :], bundle.asked)


def _place(home: Home, folder: Path, runs: list[PortableRun], placed: dict[str, int]) -> None:
    """Move what runs name into Artifacts, over equal files too, which may be damaged. placed: gets those that were not there -> inode."""
    artifacts = Artifacts(home.artifacts_folder)
    for file in sorted({file for run in runs for file in run.files.values()}):
        if not artifacts.has(file):
            placed[file] = (folder / file).stat().st_ino
        os.replace(folder / file, home.artifacts_folder / file)
    descriptor = os.open(home.artifacts_folder, os.O_RDONLY)  # the renames themselves must not be lost with the power
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _take_back(home: Home, folder: Path, placed: dict[str, int]) -> None:
    """Out of Artifacts into the folder, but for what others have written there since, or name: an import or a run with an equal file."""
    with ResultStore(home.database) as store:
        named = store.files()
    for file, inode in placed.items():
        place, away = home.artifacts_folder / file, folder / file
        with suppress(OSError):
            if file not in named and place.stat().st_ino == inode:
                os.replace(place, away)
                if away.stat().st_ino != inode:  # it was written in this very moment
                    os.link(away, place)
