"""What of a home can go, and its going: nothing that a run, what waits or is computed, a search, a sequence or a study needs."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
import time

from core.data.importing.store import KEY
from core.domain.code_version import (
    analysis_version,
    catalogue_version,
    results_versions,
    shared_version,
    training_version,
)
from core.domain.errors import WrongInput
from core.jobs import submit
from core.jobs.catalogue import Catalogue, catalogue
from core.storage import atomic, trash
from core.storage.artifacts import GRACE
from core.storage.home import OLD_STATES, Home
from core.storage.runs import ResultStore
from core.storage.upkeep import unneeded
from core.storage.upkeep.disk_use import bytes_of
from core.storage.upkeep.unneeded import Unneeded

HALF, UPLOADS = "what ended processes left half-written", "uploads that no import needs"
LOGS, SHELVES = "logs of runs and jobs that are gone", "descriptions by other versions of the code"
OF_A_RUN = (".curves.json", ".log")  # how the files of a run's or job's own in the folder of logs end


@dataclass(frozen=True)
class Kind:
    """One reason for which things can go: how many, and their bytes."""

    why: str
    count: int
    bytes: int


@dataclass(frozen=True)
class Found:
    """What can go. places: files and folders by reason; stored: of Artifacts; notes: what stays, and why."""

    places: dict[str, tuple[Path, ...]]
    stored: tuple[Unneeded, ...]
    notes: tuple[str, ...]

    @property
    def kinds(self) -> list[Kind]:
        """By reason, what frees most first."""
        found = [Kind(one.why, len(one.files) or len(one.rows), one.bytes) for one in self.stored]
        found += [Kind(why, len(places), sum(map(bytes_of, places))) for why, places in self.places.items() if places]
        return sorted(found, key=lambda kind: (-kind.bytes, kind.why))


def look(home: Home, older_than: int | None = None) -> Found:
    """What can go, while runs are computed or not. older_than: days, for networks that no run has. Raises WrongInput below 0 days."""
    if older_than is not None and older_than < 0:
        raise WrongInput(f"--older-than wants a number of days from 0; got {older_than}.")
    shelves = cache(lambda: catalogue(home.root))
    with ResultStore(home.database) as store:
        store.reconcile()
        stored, notes = unneeded.unneeded(home, store, lambda *subject: _versions(shelves, *subject), older_than)
        places = {
            HALF: _half_written(home), UPLOADS: [*submit.old_uploads(home, store), *_there(home.root / OLD_STATES)],
            LOGS: _logs(home, store), SHELVES: _descriptions(home),
        }  # fmt: skip
    return Found({why: tuple(found) for why, found in places.items()}, tuple(stored), tuple(notes))


def clean(home: Home, found: Found) -> int:
    """It goes, unless it came into use since; the bytes that this freed. Raises DiskTrouble."""
    with ResultStore(home.database) as store:
        trash.empty(store.db)
        freed = unneeded.remove(home, store, found.stored)
        uploads = {*submit.old_uploads(home, store), *_there(home.root / OLD_STATES)}
        still = {HALF: set(_half_written(home)), UPLOADS: uploads, LOGS: set(_logs(home, store)), SHELVES: set(_descriptions(home))}
        for why, places in found.places.items():
            for place in still[why].intersection(places):
                freed += bytes_of(place)
                atomic.remove(place)
        submit.remove_old_jobs(home, store)
    return freed


def _versions(shelves: Callable[[], Catalogue], dataset: str, model: str) -> set[str] | None:
    """All that today's code stores about a dataset and a model bears one of these; None where it does not know them."""
    known = shelves()
    if (dataset not in known.datasets and not KEY.fullmatch(dataset)) or model not in known.models:
        return None
    subject = dataset, model
    return {training_version(*subject), shared_version(*subject), analysis_version(*subject), *results_versions(*subject).values()}


def _there(*places: Path) -> list[Path]:
    return [place for place in places if place.exists()]


def _old(place: Path) -> bool:
    """Whether nobody can be making it."""
    try:
        return time.time() - place.stat().st_mtime > GRACE
    except OSError:
        return False


def _half_written(home: Home) -> list[Path]:
    folders = (
        home.root, home.artifacts_folder, home.datasets_folder, home.tuning_folder, home.sequences_folder, home.logs_folder,
        home.uploads_folder, home.root / "catalogue",
    )  # fmt: skip
    probes = [place for folder in folders for place in folder.glob(".probe-*") if _old(place)]
    return sorted({*probes, *(place for folder in folders for place in atomic.left_behind(folder))})


def _logs(home: Home, store: ResultStore) -> list[Path]:
    """Those of rows that are nowhere any more, and cannot be put back either."""
    rows = (row["id"] for table in ("runs", "jobs") for row in store.db.read(f"select id from {table}"))
    mine = {one for one in rows if type(one) is str} | {one.id for one in trash.deleted(store.db)} | {"supervisor"}
    return [path for path in _files(home.logs_folder) if _row_of(path) and _row_of(path) not in mine and _old(path)]


def _row_of(path: Path) -> str:
    """The run or job that a log is of; '' for what is no log of ours."""
    ending = next((ending for ending in OF_A_RUN if path.name.endswith(ending)), "")
    return path.name.removesuffix(ending) if ending else ""


def _files(folder: Path) -> Iterable[Path]:
    return sorted(path for path in folder.glob("*") if path.is_file())


def _descriptions(home: Home) -> list[Path]:
    """Of the shelves, and copies of their images for pages, as another version wrote them: each version writes its own when asked."""
    today, places = catalogue_version(), (home.root / "catalogue").glob("[!.]*")
    return sorted(place for place in places if place.name.partition(".")[0] != today and _old(place))
