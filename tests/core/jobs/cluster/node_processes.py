"""Processes on nodes, as a test finds them."""

import psutil


def process_of(run_id: str) -> psutil.Process | None:
    """That computes a run on a node: the one that prints into the run's log there."""
    for process in psutil.process_iter(["pid"]):
        try:
            if any("forgetscope-node-" in file.path and file.path.endswith(f"{run_id}.log") for file in process.open_files()):
                return process
        except psutil.Error:
            continue
    return None
