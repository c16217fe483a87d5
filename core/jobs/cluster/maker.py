"""On a node: one Ray task makes trials of a search, in a process of its own beside the one that Ray started, until the head has no more."""

from contextlib import suppress
import json
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
import os
import time
from typing import Any, TypedDict

from core.domain.run import RunStatus
from core.jobs.cluster.ends import SILENT, UNWANTED
from core.jobs.cluster.node import LOOK, TELL, bring_dataset, environment, make_room, node_home, said, server
from core.jobs.cluster.relay import Call, Head, Relay
from core.storage.artifacts import Artifacts
from core.storage.home import Home
from core.storage.queues.lifecycle import TRIALS
from core.tuning.plan import SearchPlan


class MakerOrder(TypedDict):
    """What the head asks for. plan: of the search, in JSON. maker: the task's own name. Else as `node.Order`."""

    search: str
    plan: str
    maker: str
    attempt: int
    pipeline: str
    home: str
    threads: int | None
    files: str


class TrialsHead(Head):
    """What a process that makes trials asks besides."""

    def __init__(self, call: Call, artifacts: Artifacts, order: MakerOrder) -> None:
        super().__init__(call, artifacts, order["files"], order["maker"], order["attempt"])
        self._search, self._maker = (order["search"], order["attempt"]), order["maker"]
        self.wrong = ""  # why the process ended

    def next_trial(self, seconds: float) -> Any:
        """See `Keeper.next_trial`."""
        return self.call("next_trial", *self._search, self._maker, seconds)

    def trial_made(self, trial: dict[str, Any]) -> None:
        """See `Keeper.trial_made`."""
        self.call("trial_made", *self._search, trial)

    def says(self, share: float, what: str) -> bool:
        """See `Keeper.prepares`."""
        return bool(self.call("prepares", *self._search, share, what))

    def trouble(self, why: str) -> None:
        """The search ends with it."""
        self.wrong = why

    def lives(self, printed: bytes) -> bool:
        """See `Keeper.trials_report`. What waits goes then."""
        wanted = bool(self.call("trials_report", *self._search, self._maker, printed))
        self.tell()
        return wanted


def make_trials(order: MakerOrder, node: str, call: Call) -> dict[str, Any]:
    """The end: `status` (DONE, where there are no more trials for it; FAILED, UNWANTED or SILENT) and `error`. node, call: as `compute`."""
    home = node_home(node, order["home"])
    os.chdir(home.root)  # as `compute` does
    head = TrialsHead(call, Artifacts(home.artifacts_folder), order)
    if not head.lives(b""):
        return {"status": UNWANTED, "error": ""}
    make_room(home)
    bring_dataset(home, SearchPlan.from_plain(json.loads(order["plan"])).spec.dataset, call)
    told = {"env": environment(home, order["threads"], call), "plan": order["plan"], "name": node}
    warm = server(order["pipeline"])
    with Relay(head) as relay:
        told |= {"address": relay.address, "key": relay.key.hex()}
        process = warm.start(home, TRIALS, order["maker"], order["attempt"], node=told)
        try:
            wanted = _follow(home, head, process, order["maker"])
        finally:  # a cancel comes as KeyboardInterrupt
            process.kill()
            process.join()
            with suppress(OSError):
                home.log(order["maker"]).unlink()
    if head.wrong:
        return {"status": str(RunStatus.FAILED), "error": head.wrong}
    return {"status": UNWANTED if not wanted else SILENT if process.exitcode else str(RunStatus.DONE), "error": ""}


def _follow(home: Home, head: TrialsHead, process: BaseProcess, maker: str) -> bool:
    """Tell the head that this process lives, and what it prints, until it has ended; False where nobody wants it any more."""
    log, last = 0, 0.0
    while True:
        ended = not process.is_alive()
        printed = said(home.log(maker), log)
        if ended or time.monotonic() - last >= TELL:
            if not head.lives(printed):
                return False
            log, last = log + len(printed), time.monotonic()
        if ended and not printed:
            return True
        if not ended:
            wait([process.sentinel], LOOK)
