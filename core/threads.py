"""What a process that computes must be told before it imports torch or NumPy, so that no thread spins while it waits; and its cores."""

import os

# OpenMP threads that spin make training 30 times slower when something else needs a core; OpenBLAS's do the same to
# scikit-learn's small problems, which no second thread would speed up.
QUIET = {"OMP_WAIT_POLICY": "PASSIVE", "OPENBLAS_NUM_THREADS": "1"}


def cores() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
