"""The other ranks as the first sees them: started, told what to do, watched, and ended."""

from collections.abc import Iterator
from contextlib import contextmanager
import json
from pathlib import Path
from queue import Empty, Queue
import re
import sys
from threading import Lock, Thread
from time import monotonic
from typing import Any

from safetensors.numpy import save_file
import torch
from torch import nn

from core.data.dataset import Examples
from core.domain.errors import WrongInput
from core.storage.atomic import folder_beside
from core.storage.disk_and_memory_errors import out_of_memory
from core.training.cache import to_arrays
from core.training.loop import Diverged
from core.training.ranks.group import ALONE, Ranks
from core.training.ranks.places import PLACES
from core.training.ranks.work import (
    EXAMPLES,
    PATIENCE,
    VALIDATION,
    WEIGHTS,
    Meeting,
    Task,
    abort,
    check_machine,
    hand_over,
    leave,
)

START = 180.0  # seconds until a process has imported what it needs, on a machine that has much else to do
READ = 600.0  # seconds until it has read what was handed over, and built its network
END = 60.0  # seconds until it says that it is done, once the first rank is
AGAIN = 60.0  # seconds for which processes without a task are asked again; they leave by themselves a while later
SAY = 5.0  # seconds in which others say what went wrong, once sums fail


class RankFailed(WrongInput):
    """Nothing was asked for wrongly: a process of a training over ranks ended, failed or did not answer."""


class Silent(RankFailed):
    """It did not answer."""


class Member:
    """One other process. extended: whether its network may be an extension's."""

    def __init__(self, rank: int, count: int, extended: bool) -> None:
        """Raises WrongInput or OSError where it cannot be started."""
        self.rank, self.count, self.extended, self.on_gpu = rank, count, extended, False
        self._said: Queue[dict[str, Any] | None] = Queue()
        self.process = PLACES[0].start(rank, "core.extensions.rank_process" if extended else "core.training.ranks.member")
        Thread(target=self._listen, name=f"rank-{rank}", daemon=True).start()

    @property
    def name(self) -> str:
        """For people, who count from 1."""
        return f"Process {self.rank + 1} of {self.count} that share each batch"

    def tell(self, about: dict[str, Any]) -> None:
        """Raises RankFailed where it is gone."""
        try:
            self.process.tell(json.dumps(about))
        except OSError:
            raise RankFailed(self._ended()) from None

    def hear(self, seconds: float) -> None:
        """Wait for its next word. Raises what it failed by, and RankFailed where it ended or is silent for so long."""
        try:
            said = self._said.get(timeout=seconds)
        except Empty:
            raise Silent(f"{self.name} did not answer within {seconds:.0f} seconds; Retry goes on from the last kept epoch.") from None
        if said is None:
            self._said.put(None)  # for whoever asks next
            raise RankFailed(self._ended())
        if "error" in said:
            raise self._failed(said["kind"], said["error"])

    def end(self, seconds: float = 0.0) -> None:
        """It leaves by itself within so many seconds of being told, or is killed."""
        self.process.end(seconds)

    def _listen(self) -> None:
        for line in self.process.lines():
            said = json.loads(line)
            self._said.put(said)
            if "error" in said:
                break
        self._said.put(None)
        if self.on_gpu:  # there a sum waits for ever for a rank that is gone
            abort()

    def _ended(self) -> str:
        code = self.process.code(SAY)
        how = f"was ended by signal {-code}, perhaps for want of memory" if code is not None and code < 0 else "ended without a word"
        return f"{self.name} {how}; Retry goes on from the last kept epoch."

    def _failed(self, kind: str, sentence: str) -> Exception:
        if kind == "memory":
            return MemoryError(f"{self.name}: {sentence}")
        known = {"wrong": WrongInput, "diverged": Diverged}.get(kind)
        return known(sentence) if known else RankFailed(f"{self.name} failed: {sentence}")


_lock = Lock()
_crew: list[Member] = []
_last = 0.0  # when they were last asked


@contextmanager
def over_ranks(
    task: Task, root: Path, examples: Examples, *, validation: Examples | None = None, weights: nn.Module | None = None
) -> Iterator[Ranks]:
    """Within it, as many processes as the task's recipe says do it together, of which this is the first; one alone is left as it is.

    examples, validation, weights: what the others are handed, by files below root. Where they are on other machines is for `PLACES` to
    say. Raises what one of them failed by, WrongInput where there is not a GPU for each, or RankFailed, and leaves none of them then.
    """
    global _last  # beside the processes that it is about
    count = task.recipe.ranks
    if count == 1:
        yield ALONE
        return
    place = PLACES[0]
    check_machine(count, task.device, apart=bool(place.address))
    before, on_gpu, well = (torch.get_num_threads(), sys.excepthook), task.device.startswith("cuda"), False
    with _lock, folder_beside(root) as folder:
        try:
            hand_over(folder, {EXAMPLES: examples} | ({} if validation is None else {VALIDATION: validation}))
            if weights is not None:
                save_file(to_arrays(weights.state_dict()), folder / WEIGHTS)
            members = _ready(count, bool(task.extensions))
            place.give(folder)
            store = Meeting(folder, count, place.address)
            for member in members:
                member.on_gpu, gpu = on_gpu, 0 if place.address else member.rank
                about = {"folder": str(folder), "rank": member.rank, "count": count, "gpu": gpu if on_gpu else None}
                member.tell({"task": task.plain(), "host": place.address, "port": store.port, **about})
            for member in members:
                member.hear(READ)
            torch.set_num_threads(task.threads)
            yield store.join(0, 0 if on_gpu else None, place.address)
            for member in members:
                member.hear(END)
                member.on_gpu = False
            well, _last = True, monotonic()
        except Exception as error:
            _tell_cause(error)
            raise
        finally:
            if not well:
                dismiss(0.0)
            leave()
            torch.set_num_threads(before[0])
            sys.excepthook = before[1]  # PyTorch puts one around it with each group


def dismiss(seconds: float = END) -> None:
    """The other processes leave, or are killed after so many seconds."""
    for member in _crew:
        member.end(seconds)
    _crew.clear()


def _ready(count: int, extended: bool) -> list[Member]:
    """Processes that wait for a task: those that there are, or new ones; of an extension always new ones. Raises RankFailed."""
    global _last  # noqa: PLW0603  # beside the processes that it is about
    alive = len(_crew) == count - 1 and all(member.process.is_alive() and not member.extended for member in _crew)
    if extended or not alive or monotonic() - _last > AGAIN:
        dismiss(SAY)
        _crew.extend(Member(rank, count, extended) for rank in range(1, count))
        for member in _crew:
            member.hear(START)
    _last = monotonic()
    return _crew


def _tell_cause(error: BaseException) -> None:
    """Raises what another rank failed by, where a sum failed here because of it."""
    if not isinstance(error, RuntimeError) or out_of_memory(error):
        return
    for member in _crew:
        try:
            member.hear(SAY / len(_crew))
        except Silent:
            continue
        except (WrongInput, Diverged, MemoryError) as failed:
            raise failed from error
    if re.search("timed? ?out", str(error), re.IGNORECASE):
        minutes = PATIENCE.total_seconds() / 60
        raise RankFailed(f"The processes that share each batch did not answer each other within {minutes:.0f} minutes.") from error
