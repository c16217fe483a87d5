"""Takes in one file of weights: python -m core.training.uploaded_weights.process ROOT; the question is JSON on stdin, answers are lines.

{"answer": …} once the weights are kept and again with what was tried, or {"wrong": sentence}.
"""

import json
import os
from pathlib import Path
import sys
from typing import Any

from core.data.paths import LOOKING, OFFLINE
from core.domain.errors import WrongInput
from core.storage.error_messages import out_of_memory
from core.storage.home import Home
from core.storage.processes import cores
from core.training.uploaded_weights.resource_limits import bounded
from core.training.uploaded_weights.scan_file import scan

NICENESS = 1  # behind the page that draws, before runs


def main(root: str) -> None:
    """Answer one question."""
    os.nice(NICENESS)
    os.environ.setdefault(OFFLINE, LOOKING)  # who only wants to look does not start a download of minutes
    home, asked = Home(Path(root)), json.loads(sys.stdin.read())
    voice, sys.stdout = sys.stdout, sys.stderr  # a library's print must not be taken for an answer

    def say(answer: dict[str, Any]) -> None:
        print(json.dumps(answer), file=voice, flush=True)

    path, name = Path(asked["path"]), asked["name"]
    try:
        with bounded(path):
            scan(path, name)
    except WrongInput as wrong:
        say({"wrong": str(wrong)})
        return
    # Late: torch takes seconds that refusing most broken files need not pay.
    import torch  # noqa: PLC0415

    from core.training.uploaded_weights.read_file import read  # noqa: PLC0415
    from core.training.uploaded_weights.stored_weights import accept, tried  # noqa: PLC0415

    try:
        torch.set_num_threads(1)  # each thread would claim room for itself
        with bounded(path):
            brought = read(path, name)
        if not os.environ.get("OMP_NUM_THREADS"):  # whoever set it knows better
            torch.set_num_threads(cores())
        answer, network = accept(home, asked["dataset"], asked["model"], brought)
    except WrongInput as wrong:
        say({"wrong": str(wrong)})
        return
    say({"answer": answer})
    try:
        answer |= tried(home, asked["dataset"], network, answer["carried"])
    except WrongInput as wrong:  # its images are not here, say
        answer["untried"] = str(wrong)
    except (RuntimeError, MemoryError) as error:
        if not out_of_memory(error):
            raise
        answer["untried"] = "Evaluating it needs more memory than is free."
    say({"answer": answer})


if __name__ == "__main__":
    main(sys.argv[1])
