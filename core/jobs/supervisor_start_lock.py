"""Which process is on its way to supervise a home, so that many who ask at once start one and not one each; and which one does."""

import json
from pathlib import Path
import time

from core.storage.home import Home
from core.storage.processes import ProcessId

LONGEST = 120.0  # seconds after which one that has not taken the lock is given up: importing takes two, on a busy machine twenty


def is_starting(home: Home) -> bool:
    """Whether a living process was started that has not taken the supervisor's lock yet."""
    return on_its_way(home) is not None


def on_its_way(home: Home) -> ProcessId | None:
    """That process; None where there is none."""
    try:
        recent = abs(time.time() - _note(home).stat().st_mtime) < LONGEST
    except OSError:
        return None
    return _read(_note(home)) if recent else None


def note_start(home: Home, process: ProcessId) -> None:
    """Write down that this process is about to supervise. Call with `home.starting_lock` held. Raises OSError."""
    _write(_note(home), process)


def note_started(home: Home) -> None:
    """It has taken the lock, or leaves without: from now on the lock itself says whether anybody supervises."""
    _note(home).unlink(missing_ok=True)


def note_serving(home: Home, cluster: str = "") -> None:
    """Write down that this process supervises, and which cluster runs go to. Call with the supervisor's lock held. Raises OSError."""
    _write(_serving_note(home), ProcessId.of_this_process(), cluster=cluster)


def serving(home: Home) -> ProcessId | None:
    """The living process that supervises the home, by its own note; None where there is none."""
    return _read(_serving_note(home))


def cluster_served(home: Home) -> str | None:
    """Which cluster the living supervisor gives runs to, '' for none; None where no supervisor lives."""
    try:
        return str(json.loads(_serving_note(home).read_text(encoding="utf-8")).get("cluster", "")) if serving(home) else None
    except (OSError, ValueError, AttributeError):
        return None


def _write(note: Path, process: ProcessId, **more: str) -> None:
    note.write_text(json.dumps({"pid": process.pid, "started": process.started} | more), encoding="utf-8")


def _read(note: Path) -> ProcessId | None:
    """The process that a note names, where it lives. One half-written names none: ask again."""
    try:
        said = json.loads(note.read_text(encoding="utf-8"))
        process = ProcessId.stored(int(said["pid"]), float(said["started"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return process if process and process.alive() else None


def _note(home: Home) -> Path:
    return home.root / "supervisor.starting"


def _serving_note(home: Home) -> Path:
    return home.root / "supervisor.serving"
