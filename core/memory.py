"""What running out of memory looks like, whoever says it."""

from contextlib import suppress
import errno
from pathlib import Path

VMSTAT = Path("/proc/vmstat")


def out_of_memory(error: BaseException) -> bool:
    """Also torch's own: `OutOfMemoryError` on a GPU, a RuntimeError with these words on a CPU."""
    if isinstance(error, OSError) and error.errno == errno.ENOMEM:
        return True
    words = ("can't allocate memory", "not enough memory", "CUDA out of memory")
    named = isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError"
    return named or (isinstance(error, RuntimeError) and any(word in str(error) for word in words))


def oom_kills() -> int | None:
    """How often this machine has ended a process because memory ran out, containers' own limits included; None where it does not say."""
    with suppress(OSError, ValueError):
        for line in VMSTAT.read_text().splitlines():
            name, _, count = line.partition(" ")
            if name == "oom_kill":
                return int(count)
    return None
