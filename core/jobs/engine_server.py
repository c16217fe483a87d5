"""The warm engine's process: one question a line on stdin, one answer a line on stdout, both JSON.

python -m core.jobs.engine_server ROOT; it ends when its stdin closes, so it never outlives the dashboard that asked.
"""

import json
import os
from pathlib import Path
import sys
from typing import Any

import torch

from core.analysis.registry import QUESTIONS
from core.domain.errors import WrongInput
from core.extensions.load import load_extensions
from core.jobs.catalogue import usable_extensions
from core.jobs.codec import encode
from core.jobs.planned_work import planned_work
from core.storage.home import Home
from core.storage.processes import cores

OF_RUNS = {"planned_work": planned_work}  # questions about runs that have not begun
NICENESS = 1  # behind the page that draws, before runs


def answer(home: Home, line: str) -> dict[str, Any]:
    """{"answer": ...}, or {"wrong": sentence} where the question cannot be answered."""
    asked = json.loads(line)
    load_extensions(usable_extensions(home.root))
    try:
        return {"answer": (QUESTIONS | OF_RUNS)[asked["question"]](home, **asked["about"])}
    except WrongInput as wrong:
        return {"wrong": str(wrong)}
    except RuntimeError as error:
        if not str(error).startswith("Error(s) in loading state_dict"):
            raise
        return {"wrong": "The stored networks of this run are not of its architecture, so they cannot be opened."}


def main() -> None:
    """Serve until stdin closes."""
    if not os.environ.get("OMP_NUM_THREADS"):  # whoever set it knows better
        torch.set_num_threads(cores())
    os.nice(NICENESS)
    home, voice = Home(Path(sys.argv[1])), sys.stdout
    sys.stdout = sys.stderr  # a library's print must not be taken for an answer
    for question in QUESTIONS.values():  # before the first is asked
        question.load()
    for line in sys.stdin:
        print(encode(answer(home, line)), file=voice, flush=True)


if __name__ == "__main__":
    main()
