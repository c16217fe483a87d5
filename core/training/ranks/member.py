"""The process of a rank but the first: python -m core.training.ranks.member; one task a line on stdin, replies are lines, all JSON.

{"ready": …} once it can take a task, {"joined": …} once it has read what was handed to it, {"done": …} at the task's end, or {"error":
sentence, "kind": …}, after which it ends. It ends with whoever started it, whose end closes its stdin, and where nothing is asked of it for
long. What a network may be beyond our own, `core.extensions.rank_process` reads.
"""

from collections.abc import Callable, Mapping
import faulthandler
import json
import os
from pathlib import Path
from queue import Empty, Queue
import signal
import sys
from threading import Thread
import traceback
from typing import Any

from safetensors.numpy import load_file

from core.domain.code_version import training_version
from core.domain.errors import WrongInput
from core.models.ensemble import builder_of
from core.storage.atomic import remove
from core.storage.disk_and_memory_errors import out_of_memory
from core.training.cache import to_tensors
from core.training.context import RunContext
from core.training.early_stop import Validation
from core.training.loop import Diverged, fit
from core.training.ranks import work
from core.training.ranks.group import Ranks
from core.training.run_setup import make_deterministic

IDLE = 120.0  # seconds without a task after which it ends
CHANGED = "The sources of training were changed while this run was under way; Retry asks anew."
KINDS = {Diverged: "diverged", WrongInput: "wrong"}  # of errors that have a sentence of their own


def serve(prepare: Callable[[Mapping[str, str]], None] = lambda extensions: None) -> None:
    """Take tasks until nobody asks. prepare: is told which extensions rank 0 has read, before a network is built that is not ours."""
    reply, lines, places = _replying(), Queue[str](), list[Path]()
    faulthandler.enable()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of a terminal: whoever started it decides
    Thread(target=_listen, args=(lines, places), name="leave-with-parent", daemon=True).start()
    reply({"ready": os.getpid()})
    while True:
        try:
            asked = json.loads(lines.get(timeout=IDLE))
        except Empty:
            return
        places[:] = [Path(asked["folder"])]
        try:
            _take_part(asked, reply, prepare)
        except Exception as error:  # the one place: rank 0 tells it
            traceback.print_exc()
            reply({"error": str(error) or type(error).__name__, "kind": _kind(error)})
            os._exit(1)  # at once, which closes what the others wait at
        reply({"done": os.getpid()})


def _take_part(asked: dict[str, Any], reply: Callable[[dict[str, Any]], None], prepare: Callable[[Mapping[str, str]], None]) -> None:
    task, folder, gpu = work.Task.of(asked["task"]), Path(asked["folder"]), asked["gpu"]
    make_deterministic(task.threads)
    if task.extensions:
        prepare(task.extensions)
    if training_version(task.data.key, task.model) != task.training:
        raise WrongInput(CHANGED)
    do = _prepared(task, folder, task.device if gpu is None else f"cuda:{gpu}")
    reply({"joined": asked["rank"]})
    meeting = work.Meeting(folder, asked["count"], asked["host"], asked["port"])
    do(meeting.join(asked["rank"], gpu, asked.get("address", "")))
    work.leave()


def _prepared(task: work.Task, folder: Path, device: str) -> Callable[[Ranks], object]:
    """All that can be read before the others wait; what is left is done together."""
    build = builder_of(task.model, 1)
    run = RunContext(lambda: build(task.data), task.recipe, task.seed, device)
    examples, held = work.handed_over(folder, work.EXAMPLES), work.handed_over(folder, work.VALIDATION)
    if examples is None:
        raise WrongInput(f"Nothing was handed over in {folder}.")
    everything = examples.to(device)
    if task.kind == work.FISHER:
        model = run.build()
        model.load_state_dict(to_tensors(load_file(folder / work.WEIGHTS)))
        model = model.to(device).eval()
        return lambda ranks: work.fisher_over(ranks, model, everything)
    untrained = run.fresh_model()
    validation = None if held is None else Validation(held, task.recipe.patience)
    return lambda ranks: fit(
        untrained, everything, task.recipe, run, noted=lambda *_: None, resume=work.begins_alike(ranks), validation=validation, ranks=ranks
    )


def _listen(lines: "Queue[str]", places: list[Path]) -> None:
    """places: the folder of what was handed over last."""
    for line in sys.stdin:
        lines.put(line)
    for place in places:  # whoever asked is gone: nobody waits for this
        remove(place)
    os._exit(0)


def _replying() -> Callable[[dict[str, Any]], None]:
    """Lines to whoever asked; what else prints, libraries in C too, goes to the log."""
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)

    def reply(about: dict[str, Any]) -> None:
        print(json.dumps(about), file=replies, flush=True)

    return reply


def _kind(error: Exception) -> str:
    if out_of_memory(error):
        return "memory"
    return next((kind for known, kind in KINDS.items() if isinstance(error, known)), "")


if __name__ == "__main__":
    serve()
