"""Computes one look: python -m core.jobs.background_worker ROOT KEY LOOK; the look as JSON, [kind, run's id, settings]."""

import json
import os
from pathlib import Path
import sys
from time import monotonic, perf_counter
import traceback

from filelock import FileLock

from core.analysis.registry import LOOKS
from core.analysis.stored_results import Analysis, keep
from core.domain.errors import WrongInput
from core.jobs.background import anothers, folder, say, settled
from core.storage.error_messages import out_of_memory
from core.storage.home import Home
from core.storage.processes import ProcessId

NICENESS = 5  # the page that waits for an answer goes first
SECONDS_BETWEEN_WRITES = 0.1


def main(root: str, key: str, asked: str) -> int:
    """Exit status: 0 where the look is kept now."""
    home, this = Home(Path(root)), ProcessId.of_this_process()
    kind, run_id, settings = json.loads(asked)
    os.nice(NICENESS)
    last_note, last_time = "", 0.0

    def heard(share: float, note: str) -> None:
        nonlocal last_note, last_time
        if note != last_note or monotonic() - last_time > SECONDS_BETWEEN_WRITES:
            last_note, last_time = note, monotonic()
            if anothers(home, key, this):
                raise SystemExit("This look is another process's now.")
            say(home, key, share, note, this)

    heard(0.0, "waiting for another look to end")
    try:
        with FileLock(folder(home) / "one.lock"):  # two would only slow each other down
            heard(0.0, "reading the networks")
            began = perf_counter()
            made = LOOKS[kind](home, run_id, heard, **settings)
        keep(home, key, Analysis(kind, run_id, settings), made, perf_counter() - began)
        settled(home, key)
    except Exception as error:  # a look that failed is told on its page
        traceback.print_exc()
        say(home, key, 1.0, "failed", this, _sentence(error))
        return 1
    return 0


def _sentence(error: Exception) -> str:
    if isinstance(error, WrongInput):
        return str(error)
    if out_of_memory(error):
        return "This needs more memory than is free; close other programs, or look at fewer images."
    return " ".join(f"{type(error).__name__}: {error}".split())


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
