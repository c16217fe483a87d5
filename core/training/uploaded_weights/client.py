"""Imports uploaded weights in a process of its own, so that a bad file can neither crash nor block the caller."""

import json
from pathlib import Path
import signal
import subprocess
from tempfile import TemporaryFile
from typing import Any

from core.domain.errors import WrongInput
from core.domain.extension_files import extension_files
from core.storage.access import actors
from core.storage.home import Home
from core.storage.processes import python_module

TOO_LONG = signal.SIGPROF  # by which core.training.uploaded_weights.resource_limits ends it
PATIENCE = 60.0  # seconds for all of it
SLOW = f"Its accuracy could not be measured within {PATIENCE:.0f} seconds."


def own_weights(home: Home, dataset: str, model: str, path: str, name: str = "") -> dict[str, Any]:
    """The result of `stored_weights.store_weights` for a file, with that of `accuracy_trials.measured`, or "untried": why there is none.

    "mapping": rows [name in the file, name here, shape] where names were matched by order and shape alone, to be confirmed; else empty.
    name: the file's name on the user's side. Raises WrongInput with one sentence.
    """
    actors.require_member("upload weights")
    name = name or Path(path).name
    request = json.dumps({"dataset": dataset, "model": model, "path": path, "name": name})
    with TemporaryFile("w+") as out, open(home.logs_folder / "weights.log", "ab") as log:
        process = subprocess.Popen(
            **python_module("core.jobs.read_weights" if extension_files() else "core.training.uploaded_weights.process", home.root),
            stdin=subprocess.PIPE, stdout=out, stderr=log, text=True,
        )  # fmt: skip
        late = False
        try:
            process.communicate(request, timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            late = True
        finally:  # also where the caller is stopped
            process.kill()
            process.wait()
        out.seek(0)
        lines = [json.loads(line) for line in out if line.endswith("\n")]
    if not lines:
        raise WrongInput(_unread(name, -process.returncode, late, log.name))
    if "wrong" in lines[-1]:
        raise WrongInput(lines[-1]["wrong"])
    result: dict[str, Any] = lines[-1]["answer"]
    if "tried" not in result and "untried" not in result:
        result["untried"] = SLOW if late else f"Its accuracy could not be measured; the end of {log.name} tells why."
    return result


def _unread(name: str, ended: int, late: bool, log: str) -> str:
    if late or ended == TOO_LONG:
        return f"{name!r} took too long to read and was given up; nothing in it was run."
    if ended > 0:
        return f"{name!r} could not be read: its reader was ended by signal {ended}, perhaps for want of memory; nothing in it was run."
    return f"{name!r} could not be read; the end of {log} tells why."
