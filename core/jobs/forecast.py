"""What runs are likely to take on this machine: seconds and memory, said before they begin; one that memory cannot hold is refused."""

from collections.abc import Callable, Mapping
from contextlib import suppress
import json
import os
from typing import Any

from core.domain.errors import WrongInput
from core.domain.evaluation import Evaluation
from core.domain.formatting import duration
from core.domain.run import RunSpec, RunStatus
from core.jobs.cluster.asked import RAY
from core.storage.durations import Ask, History, Work, history
from core.storage.processes import whole_memory
from core.storage.queues.slots import Machine
from core.storage.record_types import PASSES, Forecast, Run
from core.storage.runs import ResultStore

GB = 1e9  # bytes
QUESTION = "planned_work"  # to the engine


def unknown(_: RunSpec) -> Work | None:
    """Asks nobody: only what has finished here is known."""
    return None


def question_of(spec: RunSpec) -> dict[str, Any]:
    """What the engine must know to reckon a run that was not begun."""
    about = {"dataset": spec.dataset, "model": spec.model, "method": spec.method, "params": spec.params, "request": spec.request.text}
    return about | ({"recipe": spec.recipe} if spec.recipe else {})


def asking(ask: Callable[..., Any]) -> Ask:
    """Asks the engine where nothing like a run has finished here, once for all seeds. ask: (question, **about) -> answer."""
    answers = dict[str, Work | None]()

    def work(spec: RunSpec) -> Work | None:
        about = question_of(spec)
        if (key := json.dumps(about, sort_keys=True)) not in answers:
            answers[key] = None
            with suppress(WrongInput):  # a set of images that is gone, say: the run itself will tell
                told = ask(QUESTION, **about)
                answers[key] = Work(told["passes"], told["seconds"], told["bytes"], told.get("stored", 0.0))
        return answers[key]

    return work


def forecast(
    store: ResultStore, spec: RunSpec, ask: Ask = unknown, known: History | None = None, how: Evaluation | None = None
) -> Forecast:  # fmt: skip
    """Of one run, were it begun now; no seconds where it is done already, with all that is to be evaluated.

    known: what has finished here, where it has been read. how: what is to be evaluated; None: what is there, or else the usual.
    """
    stored = store.row(spec.id)
    if isinstance(stored, Run) and stored.status == RunStatus.DONE and (how is None or store.evaluation(spec.id).covers(how)):
        return Forecast(0.0, None)
    return (known or history(store.db, how)).forecasts([spec], ask)[0]


def sentence(likely: Forecast) -> str:
    """`About 15 s and 0.7 GB of memory on this machine, by what has finished here.`; '' where nothing is known, or to do."""
    parts = [duration(likely.seconds)] if likely.seconds else []
    parts += [f"{size(likely.bytes)} of memory"] if likely.bytes is not None else []
    if not parts:
        return ""
    kept = f" Its training keeps {size(likely.stored)} of networks on disk." if likely.stored else ""
    basis = "reckoned from a measured pass of this network" if likely.basis == PASSES else "by what has finished here"
    return f"About {' and '.join(parts)} on this machine, {basis}.{kept}"


def forecast_and_truth(report: Mapping[str, Any]) -> str:
    """`Took 16 s and 0.6 GB; forecast: 15 s and 0.7 GB.` of a run's report; '' where nothing was forecast."""
    made = report["forecast"] and Forecast(**report["forecast"])
    if not made or made.seconds is None or report["took"] is None:
        return ""

    def both(seconds: float, count: float | None) -> str:
        return duration(seconds) + (f" and {size(count)}" if count else "")

    return f"Took {both(report['took'], report['peak_bytes'])}; forecast: {both(made.seconds, made.bytes)}."


def size(count: float) -> str:
    """Bytes as people say them: 3 MB, 0.7 GB, 23 GB."""
    if count < GB / 20:
        return f"{max(1.0, count / 1e6):.0f} MB"
    return f"{count / GB:.1f} GB" if count < 10 * GB else f"{count / GB:.0f} GB"


def check_memory(likely: Forecast, spec: RunSpec, room: float | None = None, what: str = "this machine has") -> None:
    """Raises WrongInput for a run that would outgrow the memory. room: bytes, by default all that there are; what: in words.

    A GPU's memory is its own, and is not looked at, nor is this machine's where runs go to a cluster and no room is named.
    """
    if room is None and os.environ.get(RAY):
        return  # it is computed elsewhere, where it is looked at
    room = float(whole_memory()) if room is None else room
    if likely.bytes is None or likely.bytes <= room or Machine.here().on_gpu(spec):
        return
    raise WrongInput(
        f"This run would need about {size(likely.bytes)} of memory, and {what} {size(room)}; choose a smaller model, or a dataset with "
        "fewer or smaller images, or end other programs."
    )
