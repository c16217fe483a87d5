"""Ask for a look, follow it, cancel it: every call returns in milliseconds and none needs torch.

A look is kept under what decides it, so it outlives its page, and is shared by runs that hold the same networks.
"""

from dataclasses import dataclass
import json
import os
from pathlib import Path
import subprocess
import sys
from typing import Any
from uuid import uuid4

from filelock import FileLock

from core.analysis.stored_results import Analysis, key_of, stored
from core.storage.error_messages import told
from core.storage.home import Home
from core.storage.processes import QUIET, ProcessId

PROJECT = Path(__file__).resolve().parents[2]  # the folder that `python -m core` is run from


@dataclass(frozen=True)
class Progress:
    """How a look stands. status: "absent", "running", "failed", "done"; share in [0, 1]; error: a sentence where it failed."""

    status: str
    share: float = 0.0
    note: str = ""
    error: str = ""
    seconds: float = 0.0  # that computing took


CHILDREN: list[subprocess.Popen[bytes]] = []  # begun here: one that has ended is a zombie until it is asked about


def progress(home: Home, look: Analysis) -> Progress:
    """How it stands now."""
    key = key_of(home, look)
    if kept := stored(home, key):
        return Progress("done", 1.0, seconds=kept.seconds)
    said = _said(home, key)
    if said is None:
        return Progress("absent")
    if said["error"]:
        return Progress("failed", said["share"], said["note"], said["error"])
    if ProcessId(said["pid"], said["started"]).alive():
        return Progress("running", said["share"], said["note"])
    return Progress("failed", said["share"], said["note"], f"The process that computed it ended without a word; {_log(home)} may tell why.")


def start(home: Home, look: Analysis) -> None:
    """Compute it in a process of its own, unless it is there or on its way, whoever else asks now. Raises WrongInput."""
    key = key_of(home, look)
    with told(folder(home)):
        folder(home).mkdir(exist_ok=True)
        with FileLock(folder(home) / "start.lock"), open(_log(home), "ab") as log:
            if progress(home, look).status in ("done", "running"):
                return
            asked = json.dumps([look.kind, look.run_id, look.settings])
            process = subprocess.Popen(
                [sys.executable, "-m", "core.jobs.background_worker", str(home.root), key, asked],
                cwd=PROJECT, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, env={**os.environ, **QUIET},
            )  # fmt: skip
            begun = ProcessId.of(process.pid)
            say(home, key, 0.0, "starting", begun or ProcessId(process.pid, 0.0))
    CHILDREN[:] = [child for child in CHILDREN if child.poll() is None]
    CHILDREN.append(process)


def cancel(home: Home, look: Analysis) -> None:
    """End it at once; what it had begun is gone. Nothing where it does not run."""
    key = key_of(home, look)
    if said := _said(home, key):
        ProcessId(said["pid"], said["started"]).kill()
        settled(home, key)


def say(home: Home, key: str, share: float, note: str, process: ProcessId, error: str = "") -> None:
    """Write down how a look stands; the process that computes it calls this, and `start` the first time."""
    state = {"pid": process.pid, "started": process.started, "share": share, "note": note, "error": error}
    beside = _state(home, key).with_suffix(f".{uuid4().hex}")
    beside.write_text(json.dumps(state), encoding="utf-8")
    beside.replace(_state(home, key))


def anothers(home: Home, key: str, process: ProcessId) -> bool:
    """Whether the look is another process's now: it was cancelled and asked for again."""
    said = _said(home, key)
    return said is not None and said["pid"] != process.pid


def settled(home: Home, key: str) -> None:
    """Nothing more is to be said of it: it is kept, or was cancelled."""
    _state(home, key).unlink(missing_ok=True)


def folder(home: Home) -> Path:
    """Where it is said how looks stand."""
    return home.root / "looks"


def _state(home: Home, key: str) -> Path:
    return folder(home) / f"{key[:24]}.json"


def _said(home: Home, key: str) -> dict[str, Any] | None:
    try:
        said: dict[str, Any] = json.loads(_state(home, key).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return said


def _log(home: Home) -> Path:
    return home.logs_folder / "looks.log"
