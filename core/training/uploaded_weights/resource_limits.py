"""Limits on memory and time while an untrusted file is read; only for a process of its own, which they may end."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
import resource
import signal
import sys

import psutil

ROOM = 256 * 2**20  # bytes beyond what the process has already
TIMES = 3  # times the file's size beyond that: it is mapped, copied, and converted
SECONDS = 3.0  # of the processor
BYTES_A_SECOND = 100e6


@contextmanager
def bounded(path: Path) -> Iterator[None]:
    """While it lasts, what needs too much memory raises MemoryError or RuntimeError, and what takes too long ends the process.

    The end is by SIGPROF. On systems that bound no process's memory, only time is bounded.
    """
    size = path.stat().st_size if path.is_file() else 0
    before = resource.getrlimit(resource.RLIMIT_AS)
    if sys.platform == "linux":
        wanted = psutil.Process().memory_info().vms + ROOM + TIMES * size
        resource.setrlimit(resource.RLIMIT_AS, (wanted if before[1] < 0 else min(wanted, before[1]), before[1]))
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_PROF, SECONDS + size / BYTES_A_SECOND)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0.0)
        resource.setrlimit(resource.RLIMIT_AS, before)
