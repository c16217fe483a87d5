"""Ask a home's supervisor to end, and wait for it: what runs is marked, and nothing of this home computes any more."""

import argparse
from contextlib import suppress
import os
from pathlib import Path
import signal
import sys
import time

from core.jobs.supervisor_start_lock import on_its_way, serving
from core.storage.home import Home, open_home

SECONDS = 8.0  # that it is given: `docker stop` and most managers of services end everything after ten
POLL = 0.02


def stop(home: Home, seconds: float = SECONDS) -> bool:
    """Whether no supervisor of the home lives after at most so many seconds. Runs are `interrupted` then, and jobs wait in the queue."""
    process, end = serving(home) or on_its_way(home), time.monotonic() + seconds
    if process is None:
        return True
    with suppress(ProcessLookupError):  # it left just now
        os.kill(process.pid, signal.SIGTERM)
    while process.alive():
        if time.monotonic() >= end:
            return False
        time.sleep(POLL)
    return True


def main() -> None:
    """`python -m core.jobs.stop [HOME]`, from the project's folder; exit status 1 where it still lives."""
    parser = argparse.ArgumentParser(prog="python -m core.jobs.stop", description=__doc__)
    parser.add_argument("home", type=Path, nargs="?", help="the home's folder; else that of FORGETSCOPE_HOME, or the usual one")
    named = parser.parse_args().home
    home = Home(named) if named else open_home()
    if not stop(home):
        sys.exit(f"The supervisor of {home.root} still lives after {SECONDS:.0f} seconds; its process is {serving(home)}.")


if __name__ == "__main__":
    main()
