"""Ask for a look, follow it, cancel it: every call returns in milliseconds and none needs torch.

A look is kept under what decides it, so it outlives its page, and is shared by runs that hold the same networks.
"""

from dataclasses import dataclass, field
import json
import os
from pathlib import Path
import subprocess
import sys
from typing import Any
from uuid import uuid4

from filelock import FileLock
import numpy as np

from core.domain import MODELS, RunStatus, WrongInput, digest
from core.store.artifacts import Artifacts, Damaged
from core.store.home import Home
from core.store.liveness import ProcessId
from core.store.outcome import Kept
from core.store.results import ResultStore
from core.store.trouble import told
from core.threads import QUIET
from core.version import LOOKING, code_version

PROJECT = Path(__file__).resolve().parents[2]  # the folder that `python -m core` is run from
NEEDED = (*MODELS, "recorded")  # files of a run that a look may read


@dataclass(frozen=True)
class Look:
    """kind: a key of core.looks.shelf.LOOKS; settings: plain data, all that decides the look besides the run."""

    kind: str
    run_id: str
    settings: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Progress:
    """How a look stands. status: "absent", "running", "failed", "done"; share in [0, 1]; error: a sentence where it failed."""

    status: str
    share: float = 0.0
    note: str = ""
    error: str = ""
    seconds: float = 0.0  # that computing took


CHILDREN: list[subprocess.Popen[bytes]] = []  # begun here: one that has ended is a zombie until it is asked about


def key_of(home: Home, look: Look) -> str:
    """What decides the look's content. Raises WrongInput where the run is not there or not done."""
    with ResultStore(home.database) as store:
        run, files = store.existing(look.run_id), store.artifacts(look.run_id)
    if run.status != RunStatus.DONE:
        raise WrongInput(f"Run {look.run_id} is {run.status}; only a finished run can be looked into.")
    spec, read = run.spec, {name: file for name, file in files.items() if name in NEEDED or name.startswith("statistic/")}
    return digest([look.kind, look.settings, spec.dataset, spec.model, spec.request.text, spec.seed, read, code_version(LOOKING)])


def progress(home: Home, look: Look) -> Progress:
    """How it stands now."""
    key = key_of(home, look)
    if kept := _kept(home, key):
        return Progress("done", 1.0, seconds=kept.seconds)
    said = _said(home, key)
    if said is None:
        return Progress("absent")
    if said["error"]:
        return Progress("failed", said["share"], said["note"], said["error"])
    if ProcessId(said["pid"], said["started"]).alive():
        return Progress("running", said["share"], said["note"])
    return Progress("failed", said["share"], said["note"], f"The process that computed it ended without a word; {_log(home)} may tell why.")


def start(home: Home, look: Look) -> None:
    """Compute it in a process of its own, unless it is there or on its way, whoever else asks now. Raises WrongInput."""
    key = key_of(home, look)
    with told(folder(home)):
        folder(home).mkdir(exist_ok=True)
        with FileLock(folder(home) / "start.lock"), open(_log(home), "ab") as log:
            if progress(home, look).status in ("done", "running"):
                return
            process = subprocess.Popen(
                [sys.executable, "-m", "core.looks.process", str(home.root), key, json.dumps([look.kind, look.run_id, look.settings])],
                cwd=PROJECT, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, env={**os.environ, **QUIET},
            )  # fmt: skip
            begun = ProcessId.of(process.pid)
            say(home, key, 0.0, "starting", begun or ProcessId(process.pid, 0.0))
    CHILDREN[:] = [child for child in CHILDREN if child.poll() is None]
    CHILDREN.append(process)


def cancel(home: Home, look: Look) -> None:
    """End it at once; what it had begun is gone. Nothing where it does not run."""
    key = key_of(home, look)
    if said := _said(home, key):
        ProcessId(said["pid"], said["started"]).kill()
        settled(home, key)


def arrays(home: Home, look: Look) -> dict[str, np.ndarray]:
    """What came of it. Raises WrongInput where it is not done, or its file is damaged (it can then be asked for anew)."""
    key = key_of(home, look)
    kept = _kept(home, key)
    if kept is None:
        raise WrongInput(f"The {look.kind} of run {look.run_id} is not computed yet.")
    try:
        return Artifacts(home.artifacts_folder).get_arrays(kept.file)
    except Damaged:
        with ResultStore(home.database) as store:
            store.forget_kept(key)
        raise


def keep(home: Home, key: str, kind: str, made: dict[str, np.ndarray], seconds: float) -> None:
    """Keep what came of a look; those of an older engine, for which nobody asks any more, are given up."""
    version = code_version(LOOKING)
    file = Artifacts(home.artifacts_folder).put_arrays(made)
    with ResultStore(home.database) as store:
        store.keep(key, f"look/{kind}@{version}", file, seconds)
        store.forget_older("look/", version)


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


def _kept(home: Home, key: str) -> Kept | None:
    with ResultStore(home.database) as store:
        return store.kept(key)


def _log(home: Home) -> Path:
    return home.logs_folder / "looks.log"
