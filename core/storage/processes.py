"""Processes of ours: how they are started, and whether one that was seen once is still that process and lives."""

from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import version
import os
from pathlib import Path
import signal
import sys
from typing import Any, Self

import psutil

# Linux rounds the time of boot to a second and may move it by one while the clock is being set; a process id does not
# come round again that fast.
TOLERANCE = 1.5  # seconds


@dataclass(frozen=True)
class ProcessId:
    """A process for good: ids are used again, an id with its time of start is not."""

    pid: int
    started: float  # seconds since boot, so that setting the clock changes nothing

    @classmethod
    def of_this_process(cls) -> Self:
        """The process that asks."""
        return cls(os.getpid(), _start_of(os.getpid()) or 0.0)

    @classmethod
    def of(cls, pid: int) -> Self | None:
        """None where no such process lives."""
        started = _start_of(pid)
        return None if started is None else cls(pid, started)

    @classmethod
    def stored(cls, pid: object, started: object) -> Self | None:
        """As it was written down; None where that is nothing, or no process."""
        if type(pid) is not int or type(started) not in (int, float) or not 0 < pid < 2**31:
            return None
        return cls(pid, float(started))  # type: ignore[arg-type]  # it is a number: see above

    def alive(self) -> bool:
        """A zombie is dead."""
        started = _start_of(self.pid)
        return started is not None and abs(started - self.started) <= TOLERANCE

    def kill(self) -> None:
        """At once and for certain; nothing where it is dead already."""
        if self.alive():
            with suppress(ProcessLookupError):  # it left between the two lines
                os.kill(self.pid, signal.SIGKILL)


def _start_of(pid: int) -> float | None:
    """Seconds from boot to the start of a living process; None for the dead."""
    try:
        process = psutil.Process(pid)
        if process.status() in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD):
            return None
        return float(process.create_time() - psutil.boot_time())
    except psutil.Error:
        return None


# OpenMP threads that spin make training 30 times slower when something else needs a core; OpenBLAS's do the same to
# scikit-learn's small problems, which no second thread would speed up.
QUIET = {"OMP_WAIT_POLICY": "PASSIVE", "OPENBLAS_NUM_THREADS": "1"}
PROJECT = Path(__file__).resolve().parents[2]  # the folder that `python -m core` is run from


def python_module(module: str, *words: object) -> dict[str, Any]:
    """What `subprocess.run` and `Popen` need to start `python -m module words …` as a process of ours."""
    return {"args": [sys.executable, "-m", module, *map(str, words)], "cwd": PROJECT, "env": {**QUIET, **os.environ}}


def cores() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def number_asked(name: str) -> int | None:
    """A variable's whole number from 1; None where it says anything else."""
    text = os.environ.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and 1 <= int(text) <= 10_000 else None


def threads_asked() -> int | None:
    """What the user wants every run to compute with on a CPU."""
    return number_asked("OMP_NUM_THREADS")


def gpus() -> tuple[str, ...]:
    """The names by which CUDA_VISIBLE_DEVICES knows the GPUs that this process may use; without torch, which takes seconds to import."""
    if "+cpu" in version("torch"):
        return ()
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    if named is not None:
        return tuple(name.strip() for name in named.split(",") if name.strip() not in ("", "-1"))
    return tuple(str(index) for index in range(sum(1 for _ in Path("/dev").glob("nvidia[0-9]*"))))


CGROUP = Path("/sys/fs/cgroup")  # of a container: its own limits


def free_memory() -> int:
    """Bytes that processes may still take, a container's own limit included."""
    free = int(psutil.virtual_memory().available)
    with suppress(OSError, ValueError):  # no such limit
        free = min(free, int((CGROUP / "memory.max").read_text()) - int((CGROUP / "memory.current").read_text()) + _cached())
    return free


def whole_memory() -> int:
    """Bytes that there are, used or not, within a container's own limit."""
    whole = int(psutil.virtual_memory().total)
    with suppress(OSError, ValueError):  # as above
        whole = min(whole, int((CGROUP / "memory.max").read_text()))
    return whole


def _cached() -> int:
    """Bytes of files that the container's system holds in memory, and gives up when they are needed."""
    lines = (line.split() for line in (CGROUP / "memory.stat").read_text().splitlines())
    return next((int(value) for name, value in lines if name == "inactive_file"), 0)


def memory_of(pid: object) -> int:
    """Bytes that a process has; 0 where there is none."""
    try:
        return int(psutil.Process(pid).memory_info().rss) if type(pid) is int and pid > 0 else 0
    except psutil.Error:
        return 0
