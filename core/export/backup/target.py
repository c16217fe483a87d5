"""The folder into which a backup is restored: whether it is free, and putting the home in its place."""

from contextlib import closing, suppress
from pathlib import Path
import shutil
import sqlite3

from core.domain.errors import WrongInput
from core.jobs.submit import is_supervised
from core.storage.atomic import place_beside
from core.storage.database import to_look_at
from core.storage.disk_and_memory_errors import DiskTrouble
from core.storage.home import DATABASE, EXTENSIONS, OURS, Home

# What a new home may have though nobody did anything in it.
_OF_ITSELF = ("artifacts", "logs", "catalogue", "catalogue.lock", DATABASE, "supervisor.", ".probe-", ".writing-")
SPARE = 2**26  # bytes that a disk must have besides
_ROWLESS = ("revision", "finished_revision", "queue_revision")


def check_target(target: Path) -> None:
    """Raises WrongInput where the folder holds anything but a home in which nothing was done yet, or is no folder."""
    if not target.exists():
        return
    if not target.is_dir():
        raise WrongInput(f"A folder is wanted to restore into, but {target} is a file; name another with --home.")
    names = sorted(path.name for path in target.iterdir())
    if foreign := [name for name in names if not name.startswith((*OURS, EXTENSIONS))]:
        raise WrongInput(f"{target} holds {foreign[0]!r:.80}, which is no home's; name an empty or new folder with --home.")
    home = Home(target)
    if what := _done(home, names):
        raise WrongInput(f"{target} is a home in use ({what}), and a backup is restored into an empty or new one; name it with --home.")
    if home.supervisor_lock.exists() and is_supervised(home):
        raise WrongInput(f"{target} is a home whose supervisor runs; wait for a minute until it has left, or name another with --home.")


def _done(home: Home, names: list[str]) -> str:
    """What was done in a home, in a few words; '' where nothing was."""
    for name in names:
        place = home.root / name
        if not name.startswith(_OF_ITSELF) and not (place.is_dir() and not any(place.iterdir())):
            return f"it has {name}"
    if any(not path.name.startswith(".") for path in home.artifacts_folder.glob("*")):
        return "it has stored files"
    if not home.database.is_file():
        return ""
    with closing(to_look_at(home.database)) as opened:
        tables = [row["name"] for row in opened.execute("select name from sqlite_master where type = 'table'")]
        for table in tables:
            ours = table not in _ROWLESS and not table.startswith("sqlite_")
            if ours and (count := opened.execute(f'select count(*) from "{table}"').fetchone()[0]):
                return f"it has {count:,} {table.replace('_', ' ')}"
    return ""


def check_room(wanted: int, folder: Path) -> None:
    """Raises DiskTrouble before anything is written where so many bytes have no room on the folder's disk."""
    if wanted + SPARE > (free := shutil.disk_usage(folder).free):
        said = f"{(wanted + SPARE) / 1e9:.1f} GB are needed in {folder}, and its disk has {free / 1e9:.1f} GB free"
        raise DiskTrouble(f"{said}; free some, or name another disk.")


def move_in(folder: Path, target: Path) -> None:
    """Rename the folder to the target, in place of an empty home, which goes. Raises OSError, and leaves the target as it was."""
    if not target.exists() or not any(target.iterdir()):
        folder.rename(target)
        return
    aside = place_beside(target.parent)
    target.rename(aside)
    try:
        folder.rename(target)
    except OSError:
        aside.rename(target)
        raise
    with suppress(OSError, sqlite3.Error):
        shutil.rmtree(aside)
