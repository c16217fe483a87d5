"""The folder that holds all that a user's runs leave behind."""

from dataclasses import dataclass, field, replace
import os
from pathlib import Path
from uuid import uuid4

import platformdirs

from core.domain.errors import WrongInput
from core.storage import permissions
from core.storage.disk_and_memory_errors import DiskTrouble, read_only, told
from core.storage.runs import ResultStore

DATABASE = "forgetscope.db"
FOLDERS = ("artifacts", "catalogue", "datasets", "logs", "sequences", "tuning", "uploads")
OLD_STATES = "looks"  # the folder in which versions before had the states of analyses
PRESETS, EXAMPLES, EXTENSIONS = "presets.json", "examples.json", "extensions"
# How the names of what lies in a home begin.
OURS = (*FOLDERS, OLD_STATES, DATABASE, PRESETS, EXAMPLES, "supervisor.", ".probe-", ".writing-")
PROBE_BYTES = 4096  # an empty file can be made on a full disk; one page cannot


@dataclass(frozen=True)
class Home:
    """Where things lie; `open_home` makes sure that they can.

    unwritable: why nothing can be kept here now, in a sentence; '' where it can.
    """

    root: Path
    unwritable: str = field(default="", compare=False)

    @property
    def database(self) -> Path:
        """The one SQLite file."""
        return self.root / DATABASE

    @property
    def artifacts_folder(self) -> Path:
        """Tensors and tables, named by their content."""
        return self.root / "artifacts"

    @property
    def datasets_folder(self) -> Path:
        """Sets of images that the user added, decoded; there once the first was added."""
        return self.root / "datasets"

    @property
    def uploads_folder(self) -> Path:
        """Archives that came through the page, a folder each with the name of the import that reads it."""
        return self.root / "uploads"

    @property
    def tuning_folder(self) -> Path:
        """Searches of settings, a file each; there once the first was begun."""
        return self.root / "tuning"

    @property
    def sequences_folder(self) -> Path:
        """Sequences of forget requests, a file each; there once the first was begun."""
        return self.root / "sequences"

    @property
    def presets_file(self) -> Path:
        """Settings that a search found and that are this home's defaults; there once the first was chosen."""
        return self.root / PRESETS

    @property
    def logs_folder(self) -> Path:
        """What the supervisor and each run's or job's process printed."""
        return self.root / "logs"

    @property
    def supervisor_lock(self) -> Path:
        """Held by the one supervisor of this home."""
        return self.root / "supervisor.lock"

    @property
    def starting_lock(self) -> Path:
        """Held for a moment by who starts a supervisor."""
        return self.root / "supervisor.start.lock"

    def curves(self, run_id: str) -> Path:
        """What a run that trains now says of it; see `live_curves`."""
        return self.logs_folder / f"{run_id}.curves.json"

    def log(self, row_id: str) -> Path:
        """What the process of one run or job printed."""
        return self.logs_folder / f"{row_id}.log"


def open_home(root: Path | None = None) -> Home:
    """The home at `root`, else at FORGETSCOPE_HOME, else in the user's data folder; made where missing.

    Its folders and its database are for their owner alone. One whose disk is full or read-only can still be looked at, and says
    why it is `unwritable`. Raises WrongInput when it cannot serve; what it holds is left as it is.
    """
    home = Home(place_of_home(root))
    try:
        for folder in (home.root, home.artifacts_folder, home.logs_folder):
            _ensure_writable(folder)
        with told(home.database):
            if home.database.exists() and not os.access(home.database, os.W_OK):
                raise DiskTrouble(read_only(home.database))
    except DiskTrouble as trouble:
        with told(home.database):
            if not home.database.is_file():
                raise
        home = replace(home, unwritable=str(trouble))
    with ResultStore(home.database) as store:  # opening it checks that it is ours, whole and not from a newer Forgetscope
        home = replace(home, unwritable=home.unwritable or store.db.read_only)
    _keep_private(home)
    return home


def place_of_home(root: Path | None = None) -> Path:
    """`root`, else FORGETSCOPE_HOME, else the user's data folder; it need not be there. Raises WrongInput."""
    named = root or os.environ.get("FORGETSCOPE_HOME") or platformdirs.user_data_dir("forgetscope", appauthor=False)
    try:
        return Path(named).expanduser().absolute()
    except RuntimeError:  # expanduser's word for an unknown ~user
        raise WrongInput(
            f"FORGETSCOPE_HOME must be a folder; {named} begins with a user that this machine does not know."
        ) from None


def _ensure_writable(folder: Path) -> None:
    """Raises DiskTrouble where `folder` takes no file, WrongInput where it is none."""
    with told(folder):
        folder.mkdir(parents=True, exist_ok=True, mode=permissions.FOLDER)
        probe = folder / f".probe-{uuid4().hex}"
        try:
            probe.write_bytes(bytes(PROBE_BYTES))
        finally:
            probe.unlink(missing_ok=True)


def _keep_private(home: Home) -> None:
    """Folders of a home are closed to others, the home itself too unless it holds what is not ours."""
    try:
        names = os.listdir(home.root)
    except OSError:
        return
    for name in names:
        if name in FOLDERS:
            permissions.tighten(home.root / name)
    if all(name.startswith(OURS) for name in names):
        permissions.tighten(home.root)
