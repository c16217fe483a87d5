"""The folder that holds all that a user's runs leave behind."""

from dataclasses import dataclass
import os
from pathlib import Path
from uuid import uuid4

import platformdirs

from core.domain import WrongInput
from core.store.results import ResultStore
from core.store.trouble import told

PROBE_BYTES = 4096  # an empty file can be made on a full disk; one page cannot


@dataclass(frozen=True)
class Home:
    """Where things lie; `open_home` makes sure that they can."""

    root: Path

    @property
    def database(self) -> Path:
        """The one SQLite file."""
        return self.root / "forgetscope.db"

    @property
    def artifacts_folder(self) -> Path:
        """Tensors and tables, named by their content."""
        return self.root / "artifacts"

    @property
    def datasets_folder(self) -> Path:
        """Sets of images that the user added, decoded; there once the first was added."""
        return self.root / "datasets"

    @property
    def logs_folder(self) -> Path:
        """What the supervisor and each run's process printed."""
        return self.root / "logs"

    @property
    def supervisor_lock(self) -> Path:
        """Held by the one supervisor of this home."""
        return self.root / "supervisor.lock"

    @property
    def starting_lock(self) -> Path:
        """Held for a moment by who starts a supervisor."""
        return self.root / "supervisor.start.lock"

    def log(self, run_id: str) -> Path:
        """What one run's process printed."""
        return self.logs_folder / f"{run_id}.log"


def open_home(root: Path | None = None) -> Home:
    """The home at `root`, else at FORGETSCOPE_HOME, else in the user's data folder; made where missing.

    Raises WrongInput when it cannot serve; what it holds is left as it is.
    """
    named = root or os.environ.get("FORGETSCOPE_HOME") or platformdirs.user_data_dir("forgetscope", appauthor=False)
    try:
        home = Home(Path(named).expanduser().absolute())
    except RuntimeError:  # expanduser's word for an unknown ~user
        raise WrongInput(
            f"FORGETSCOPE_HOME must be a folder; {named} begins with a user that this machine does not know."
        ) from None
    for folder in (home.root, home.artifacts_folder, home.logs_folder):
        _ensure_writable(folder)
    with told(home.database):
        if home.database.exists() and not os.access(home.database, os.W_OK):
            raise WrongInput(f"Forgetscope must be able to write to {home.database}, but it is read-only.")
        with ResultStore(home.database):
            pass  # opening it checks that it is ours, whole and not from a newer Forgetscope
    return home


def _ensure_writable(folder: Path) -> None:
    """Raises WrongInput where `folder` is no folder or takes no file."""
    with told(folder):
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".probe-{uuid4().hex}"
        try:
            probe.write_bytes(bytes(PROBE_BYTES))
        finally:
            probe.unlink(missing_ok=True)
