"""At the head, in the supervisor's process: connects to a Ray cluster, gives it the runs whose turn it is, writes down how each ended."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
import hashlib
import json
import logging
import os
from pathlib import Path
import platform
import shutil
import signal
from tempfile import mkdtemp
import threading
import time
from typing import Any

from core.domain.errors import WrongInput
from core.domain.run import Measurement, RunStatus
from core.jobs.cluster.asked import NEEDED, Asked, Unreachable
from core.jobs.cluster.ends import LOST, UNWANTED, WAITS
from core.jobs.cluster.keeper import Keeper, holder_of
from core.jobs.cluster.maker import MakerOrder
from core.jobs.cluster.node import Order
from core.jobs.cluster.tasks import on_node, trials_on_node
from core.storage.home import Home
from core.storage.processes import PROJECT
from core.storage.queues import run_queue
from core.storage.queues.run_queue import MEMORY_END, SILENT_END
from core.storage.queues.slots import Nodes, ranks_of
from core.storage.record_types import Outcome
from core.storage.runs import ResultStore
from core.tuning.plan import SearchPlan

SETTLED = 2.0  # seconds after which Ray's count of what is free knows of a task
FRESH = 0.5  # seconds that what is known of the nodes holds
HEARD = 5.0  # seconds between looks whether the cluster is still there, while nothing is asked of it
SHY = 5.0  # seconds for which nothing begins, once a task was lost before it began: the cluster may be on its way down
GONE = 10.0  # seconds of silence after which the connection is given up: Ray itself goes on trying with a whole core
OF_HEAD = ("FORGETSCOPE_HOME", "FORGETSCOPE_EXTENSIONS", "FORGETSCOPE_DATA")  # settings that the keeper heeds as the supervisor does
CALLS = 64  # of nodes that the keeper answers at once


@dataclass
class _Known:
    """What was last heard of the cluster, and when, by `time.monotonic`."""

    nodes: list[dict[str, Any]] = field(default_factory=list)
    nodes_at: float = -FRESH
    free: dict[str, float] = field(default_factory=dict)
    taken: tuple[float, float] = (0.0, 0.0)
    changed_at: float = -SETTLED  # when a task of ours, or a node, came or went
    ended: set[Any] = field(default_factory=set)
    asked_at: float = field(default_factory=time.monotonic)  # whether it is there
    silent: str = ""  # why nobody answered then
    silent_from: float | None = None  # the first look since which nobody did
    shy_until: float = 0.0


class Cluster:
    """A Ray cluster that this machine belongs to; closed: by us, or because it is gone, with all that ran there."""

    def __init__(self, home: Home, asked: Asked, pipeline: str) -> None:
        """Raises Unreachable where nobody answers now, WrongInput where Ray is not installed."""
        try:
            import ray  # noqa: PLC0415  # an option: requirements-ray.txt
        except ModuleNotFoundError:
            raise WrongInput(NEEDED) from None
        if why := asked.silent():
            raise Unreachable(_out_of_reach(asked, why))
        self.closed = False
        self._ray, self._home, self._asked, self._pipeline = ray, home, asked, pipeline
        self._known, self._refs = _Known(), dict[Any, tuple[float, float]]()  # task -> its cores and share of a GPU
        self._groups = dict[Any, Any]()  # task -> the placement group of one whose ranks are on several nodes
        self._sources = _staged(pipeline)
        ours = {sign: signal.getsignal(sign) for sign in (signal.SIGTERM, signal.SIGINT)}
        try:
            ray.init(
                address=asked.address, namespace=f"forgetscope-{_name_of(home)}", log_to_driver=False, logging_level=logging.WARNING,
                runtime_env={"working_dir": str(self._sources)},
            )  # fmt: skip
        except (OSError, RuntimeError, ValueError, ray.exceptions.RayError) as error:  # ConnectionError is an OSError
            raise Unreachable(_out_of_reach(asked, " ".join(str(error).split()))) from None
        finally:
            shutil.rmtree(self._sources, ignore_errors=True)  # Ray has read them
            if threading.current_thread() is threading.main_thread():
                for sign, handler in ours.items():
                    signal.signal(sign, handler)  # Ray puts its own there, which would leave without a word
        self._place = str(ray.get_runtime_context().gcs_address)
        here = ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
        options = {"num_cpus": 0, "max_concurrency": CALLS, "max_restarts": -1, "max_task_retries": -1, "scheduling_strategy": here}
        told = {name: os.environ[name] for name in OF_HEAD if name in os.environ}  # Ray's processes have what Ray was started with
        self._keeper = ray.remote(Keeper).options(**options).remote(str(home.root), asked.files, told)
        self._task, self._trials = ray.remote(on_node), ray.remote(trials_on_node)

    def machine(self) -> Nodes:
        """What there is to compute with now. Raises Unreachable where the cluster's head does not answer."""
        known = self._known
        if time.monotonic() < known.shy_until:
            return Nodes(cores=0)
        if time.monotonic() - known.nodes_at >= FRESH:
            if why := self._silent(FRESH):  # Ray would wait for a minute, and then end this process
                raise Unreachable(_out_of_reach(self._asked, why))
            with self._told_as_ours():
                before, known.nodes = len(known.nodes), [one for one in self._ray.nodes() if one["Alive"]]
                known.changed_at = known.changed_at if len(known.nodes) == before else time.monotonic()
                known.free, known.nodes_at = self._ray.available_resources(), time.monotonic()
        resources = self._computing()
        each = tuple((float(one["CPU"]), float(one.get("GPU", 0))) for one in resources)
        machine = Nodes(
            cores=int(min((cores for cores, _ in each), default=0)), gpus=("of the cluster",) if any(gpus for _, gpus in each) else (),
            most=self._asked.most, threads=self._asked.threads, memory=int(sum(one.get("memory", 0) for one in resources)),
            each=each, share=self._asked.share,
        )  # fmt: skip
        return replace(machine, taken=self._taken(each))

    def _silent(self, every: float) -> str:
        """Why nobody answers there, '' where somebody does; looked at again after so many seconds. Closed where that goes on."""
        known = self._known
        if not self.closed and time.monotonic() - known.asked_at >= every:
            known.asked_at, known.silent = time.monotonic(), self._asked.silent(self._place)
            known.silent_from = (known.silent_from or known.asked_at) if known.silent else None
            if known.silent_from and time.monotonic() - known.silent_from >= GONE:
                self.close()
        return known.silent

    def _taken(self, each: Sequence[tuple[float, float]]) -> tuple[float, float]:
        """Cores and GPUs that others use; as they were while tasks of ours have just begun or ended, which Ray's count may not know yet."""
        known = self._known
        if known.nodes_at - known.changed_at >= SETTLED:
            ours = [sum(demand[place] for ref, demand in self._refs.items() if ref not in known.ended) for place in (0, 1)]
            free = [float(known.free.get(name, 0)) for name in ("CPU", "GPU")]
            cores, gpus = (max(0.0, sum(one[place] for one in each) - free[place] - ours[place]) for place in (0, 1))
            known.taken = cores, gpus
        return known.taken

    def _computing(self) -> list[dict[str, float]]:
        """What each node has that computes."""
        return [one["Resources"] for one in self._known.nodes if one["Resources"].get("CPU", 0) > 0]

    @contextmanager
    def _told_as_ours(self) -> Iterator[None]:
        """What Ray raises where it cannot reach its own is Unreachable."""
        try:
            yield
        except (self._ray.exceptions.RayError, RuntimeError, OSError) as error:
            raise Unreachable(_out_of_reach(self._asked, " ".join(str(error).split()))) from None

    def start(self, store: ResultStore, run_id: str, attempt: int, needs: float | None) -> Any:
        """Give a claimed run to the cluster; the reference of its task. needs: bytes of memory, where known."""
        spec, machine = store.existing(run_id).spec, self.machine()
        pieces = machine.pieces(spec)
        cores, gpu = pieces[0]
        ranks = 1 if len(pieces) > 1 else ranks_of(spec)  # of a piece
        order = Order(
            run_id=run_id, attempt=attempt, spec=spec.to_json(), evaluation=store.evaluation(run_id).text, pipeline=self._pipeline,
            home=_name_of(self._home), threads=None if gpu else max(1, int(cores) // ranks), files=self._asked.files,
            apart=len(pieces) - 1,
        )  # fmt: skip
        return self._given(self._task, order, run_id, pieces, needs)

    def start_maker(self, plan: SearchPlan, maker: str, attempt: int, needs: float | None) -> Any:
        """Have one more of the cluster make trials of a search; the reference of its task. maker: its name. needs: as of `start`.

        Raises WrongInput where no node has a GPU for each rank of a trial.
        """
        machine = self.machine()
        cores, gpu = machine.demand(plan.spec)
        if gpu and len(machine.pieces(plan.spec)) > 1:
            raise WrongInput(f"Each trial of a search is on one node, and none has {ranks_of(plan.spec)} GPUs; choose fewer ranks.")
        order = MakerOrder(
            search=plan.id, plan=json.dumps(plan.to_plain()), maker=maker, attempt=attempt, pipeline=self._pipeline,
            home=_name_of(self._home), threads=None if gpu else int(cores), files=self._asked.files,
        )  # fmt: skip
        return self._given(self._trials, order, maker, ((cores, gpu),), needs)

    def _given(self, task: Any, order: Any, name: str, pieces: Sequence[tuple[float, float]], needs: float | None) -> Any:
        """pieces: cores and share of a GPU of each node that computes it; the task is in the first."""
        cores, gpu = pieces[0]
        options: dict[str, Any] = {"num_cpus": cores, "num_gpus": gpu, "max_retries": 0, "scheduling_strategy": "SPREAD"}
        able = [one.get("memory", 0.0) for one in self._computing() if one["CPU"] >= cores and one.get("GPU", 0.0) >= gpu]
        if needs and able and not gpu and (len(pieces) == 1 or needs <= min(able)):  # any of them may get all pieces
            options["memory"] = int(min(needs / len(pieces), max(able)))  # what no node has would be waited for for ever
        with self._told_as_ours():
            group = self._group(options, len(pieces)) if len(pieces) > 1 else None
            if group:
                place = self._ray.util.scheduling_strategies.PlacementGroupSchedulingStrategy(group, placement_group_bundle_index=0)
                options["scheduling_strategy"] = place
            ref = task.options(name=f"forgetscope {name}", **options).remote(order, self._keeper)
        self._refs[ref], self._known.changed_at = (sum(one for one, _ in pieces), sum(one for _, one in pieces)), time.monotonic()
        if group:
            self._groups[ref] = group
        return ref

    def _group(self, options: dict[str, Any], count: int) -> Any:
        """A placement group of as many pieces as one task's options ask for."""
        names = {"num_cpus": "CPU", "num_gpus": "GPU", "memory": "memory"}
        bundle = {name: options[asked] for asked, name in names.items() if options.get(asked)}
        return self._ray.util.placement_group([bundle] * count, strategy="PACK")

    def has_ended(self, ref: Any) -> bool:
        """Whether a task has; all are asked about at once."""
        self._silent(HEARD)
        if self.closed or ref in self._known.ended:
            return True
        waiting = list(self._refs.keys() - self._known.ended)
        with self._told_as_ours():
            ready, _ = self._ray.wait(waiting, num_returns=len(waiting), timeout=0)
        if ready:
            self._known.ended.update(ready)
            self._known.changed_at = time.monotonic()
        return ref in self._known.ended

    def cancel(self, ref: Any, *, force: bool) -> None:
        """Nothing where it has ended."""
        if not self.closed:
            with self._told_as_ours():
                self._ray.cancel(ref, force=force)

    def wait(self, ref: Any, timeout: float | None) -> None:
        """Until it has ended, or that many seconds."""
        if not self.closed:
            with self._told_as_ours():
                self._ray.wait([ref], timeout=timeout)

    def settle(self, store: ResultStore, ref: Any, run_id: str, attempt: int) -> bool:
        """Write down how a task ended; nothing where that is written already. Raises what a call to the store may.

        Whether its node only had no memory for it now, so that the next should not begin at once.
        """
        told = self._told(ref)
        status, error = told["status"], str(told["error"])
        if status == LOST and not store.existing(run_id).node:
            self._known.shy_until = time.monotonic() + SHY
        if status in {LOST, WAITS}:
            run_queue.node_lost(store.db, run_id, attempt, counts=status == LOST)
        elif status == RunStatus.DONE:
            measurements = tuple(Measurement(**one) for one in told["measurements"])
            store.finish(run_id, attempt, RunStatus.DONE, outcome=Outcome(measurements=measurements, **told["outcome"]))
        else:
            ended = RunStatus.INTERRUPTED if status == UNWANTED else RunStatus(status)
            store.finish(run_id, attempt, ended, error=error or SILENT_END)
        self._home.curves(run_id).unlink(missing_ok=True)
        self._forget(ref)
        self._tell_keeper("gone", holder_of(run_id, attempt))
        return bool(status == WAITS)

    def maker_ended(self, ref: Any, search_id: str, attempt: int, maker: str) -> dict[str, Any]:
        """How one ended that made trials: `status` and `error`, as `_told` has them. What it was making is made by another."""
        told = self._told(ref)
        if told["status"] == LOST:
            self._known.shy_until = time.monotonic() + SHY
        self._forget(ref)
        self._tell_keeper("maker_gone", search_id, attempt, maker)
        return told

    def search_over(self, search_id: str) -> None:
        """Nobody makes trials of it here any more."""
        self._tell_keeper("search_over", search_id)

    def _tell_keeper(self, name: str, *words: Any) -> None:
        """Nothing where it cannot be told."""
        if not self.closed:
            with suppress(Unreachable), self._told_as_ours():
                getattr(self._keeper, name).remote(*words)

    def _forget(self, ref: Any) -> None:
        self._refs.pop(ref, None)
        self._known.ended.discard(ref)
        if (group := self._groups.pop(ref, None)) and not self.closed:
            with suppress(Unreachable), self._told_as_ours():
                self._ray.util.remove_placement_group(group)  # with the ranks that a task has left

    def _told(self, ref: Any) -> dict[str, Any]:
        """What the task brought home, or what its end without that means; that it waits again where the cluster is gone."""
        return {"status": WAITS, "error": ""} if self.closed else self._brought(ref)

    def _brought(self, ref: Any) -> dict[str, Any]:
        errors = self._ray.exceptions
        try:
            return dict(self._ray.get(ref))
        except (errors.TaskCancelledError, KeyboardInterrupt):
            return {"status": RunStatus.INTERRUPTED, "error": SILENT_END}
        except errors.OutOfMemoryError:
            return {"status": RunStatus.FAILED, "error": MEMORY_END}
        except errors.RayTaskError as error:  # our own code on the node raised
            cause = error.cause if isinstance(getattr(error, "cause", None), Exception) else error
            if isinstance(cause, errors.RayError):  # it could not ask the keeper, say
                return {"status": LOST, "error": ""}
            line = str(cause) if isinstance(cause, WrongInput) else f"{type(cause).__name__}: {cause}"
            return {"status": RunStatus.FAILED, "error": f"{error}\n{' '.join(line.split())}"}
        except errors.RayError:  # the node, or its process, is gone
            return {"status": LOST, "error": ""}

    def close(self) -> None:
        """What still runs there ends."""
        self.closed = True
        with suppress(Exception):
            self._ray.shutdown()


def _out_of_reach(asked: Asked, why: str) -> str:
    return f"The Ray cluster {asked.address} cannot be reached from this machine ({why:.300})."


def _name_of(home: Home) -> str:
    """Of a head's home, for nodes that several heads may use."""
    return hashlib.sha256(f"{platform.node()}:{home.root}".encode()).hexdigest()[:12]


def _staged(pipeline: str) -> Path:
    """A folder with the sources that a node needs, which are those that this process has: no node computes by others."""
    folder = Path(mkdtemp(prefix="forgetscope-sources-"))
    for package in {"core", pipeline.partition(".")[0]}:
        shutil.copytree(PROJECT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__", "*.pyc", "artifacts"))
    return folder
