"""Imports one file of weights: python -m core.training.uploaded_weights.process ROOT; the request is JSON on stdin, replies are lines.

{"answer": …} once the weights are stored and again with the accuracy trials, or {"wrong": sentence}. In the answer, "mapping": rows
[their name, ours, shape] where names were matched by order and shape alone, which whoever asked has to confirm; else empty.
"""

import json
import os
from pathlib import Path
import sys
from typing import Any

from core.data.paths import LOOKING, OFFLINE
from core.domain.errors import WrongInput
from core.storage.disk_and_memory_errors import out_of_memory
from core.storage.home import Home
from core.storage.processes import cores
from core.training.uploaded_weights.resource_limits import bounded
from core.training.uploaded_weights.scan_foreign import scan_foreign

NICENESS = 1  # behind the page that draws, before runs


def main(root: str) -> None:
    """Read one request and reply."""
    os.nice(NICENESS)
    os.environ.setdefault(OFFLINE, LOOKING)  # an import must not start a download of minutes
    home, request = Home(Path(root)), json.loads(sys.stdin.read())
    replies, sys.stdout = sys.stdout, sys.stderr  # a library's print must not be taken for a reply

    def reply(result: dict[str, Any]) -> None:
        print(json.dumps(result), file=replies, flush=True)

    path, name = Path(request["path"]), request["name"]
    try:
        with bounded(path):
            scan_foreign(path, name)
    except WrongInput as wrong:
        reply({"wrong": str(wrong)})
        return
    # Late: torch takes seconds that refusing most broken files need not pay.
    import torch  # noqa: PLC0415

    from core.training.uploaded_weights.name_translation import under_our_names  # noqa: PLC0415
    from core.training.uploaded_weights.read_checkpoint import read_checkpoint  # noqa: PLC0415
    from core.training.uploaded_weights.stored_weights import store_loaded, tried  # noqa: PLC0415

    try:
        torch.set_num_threads(1)  # each thread would claim room for itself
        with bounded(path):
            loaded = read_checkpoint(path, name)
        if not os.environ.get("OMP_NUM_THREADS"):  # set by the user
            torch.set_num_threads(cores())
        named = under_our_names(loaded, request["dataset"], request["model"], home.datasets_folder)
        result, network = store_loaded(home, request["dataset"], request["model"], named.weights)
        result["mapping"] = named.mapping
    except WrongInput as wrong:
        reply({"wrong": str(wrong)})
        return
    reply({"answer": result})
    try:
        result |= tried(home, request["dataset"], network, result["carried"])
    except WrongInput as wrong:  # for example where the dataset is not downloaded
        result["untried"] = str(wrong)
    except (RuntimeError, MemoryError) as error:
        if not out_of_memory(error):
            raise
        result["untried"] = "Evaluating it needs more memory than is free."
    reply({"answer": result})


if __name__ == "__main__":
    main(sys.argv[1])
