"""Which process is on its way to supervise a home, so that many who ask at once start one and not one each."""

import json
from pathlib import Path
import time

from core.storage.home import Home
from core.storage.processes import ProcessId

LONGEST = 120.0  # seconds after which one that has not taken the lock is given up: importing takes two, on a busy machine twenty


def is_starting(home: Home) -> bool:
    """Whether a living process was started that has not taken the supervisor's lock yet."""
    try:
        note = json.loads(_note(home).read_text(encoding="utf-8"))
        age = time.time() - _note(home).stat().st_mtime
        return abs(age) < LONGEST and ProcessId(int(note["pid"]), float(note["started"])).alive()
    except (OSError, ValueError, KeyError, TypeError):  # none was started, or its note is half-written: ask again
        return False


def note_start(home: Home, process: ProcessId) -> None:
    """Write down that this process is about to supervise. Call with `home.starting_lock` held. Raises OSError."""
    _note(home).write_text(json.dumps({"pid": process.pid, "started": process.started}), encoding="utf-8")


def note_started(home: Home) -> None:
    """It has taken the lock, or leaves without: from now on the lock itself says whether anybody supervises."""
    _note(home).unlink(missing_ok=True)


def _note(home: Home) -> Path:
    return home.root / "supervisor.starting"
