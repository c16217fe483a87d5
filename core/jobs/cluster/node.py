"""On a node: one Ray task computes one run, in a process of its own beside the one that Ray started, and tells the head of it."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
import hashlib
import json
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
import os
from pathlib import Path
import re
import shutil
import stat
import sys
import tempfile
import time
from typing import TYPE_CHECKING, Any, TypedDict

from filelock import FileLock

from core.data.importing import store as imported
from core.data.paths import OFFLINE
from core.domain.errors import WrongInput
from core.domain.evaluation import Evaluation
from core.domain.run import ACTIVE, RunSpec, RunStatus
from core.jobs import submit
from core.jobs.cluster.asked import CACHE, NODE_HOME, RAY, USUAL_CACHE
from core.jobs.cluster.ends import LOST, UNWANTED, WAITS
from core.jobs.cluster.relay import Call, Head, Relay
from core.jobs.forking.fork_server import WarmServer
from core.storage import atomic
from core.storage.artifacts import GRACE, Artifacts
from core.storage.home import Home, open_home
from core.storage.processes import ProcessId, number_asked
from core.storage.queues.lifecycle import RUN
from core.storage.queues.run_queue import SILENT_END
from core.storage.queues.slots import ON_CPU
from core.storage.runs import ResultStore

if TYPE_CHECKING:
    from core.jobs.cluster.rank_host import Hosts

LOOK = 0.1  # seconds between looks at the run's process
TELL = 0.5  # seconds between reports, but of a new stage; where nothing is new, they ask whether the run is still wanted
SAID = 2**16  # bytes of a log in a report
OLD = 14 * 86400.0  # seconds after which logs and extensions on a node go
DYING = 10.0  # seconds that an earlier attempt on this node may take to end


class Order(TypedDict):
    """What the head asks for. attempt: the head's. home: names the head's home. threads: of a process, None where a GPU computes.

    files: see `Asked`. apart: how many ranks are on other nodes; all but the first, or none.
    """

    run_id: str
    attempt: int
    spec: str
    evaluation: str
    pipeline: str
    home: str
    threads: int | None
    files: str
    apart: int


class RunHead(Head):
    """What a run asks besides: of its ranks on other nodes."""

    def __init__(self, call: Call, artifacts: Artifacts, order: Order, hosts: "Hosts | None") -> None:
        super().__init__(call, artifacts, order["files"], order["run_id"], order["attempt"])
        self.hosts = hosts

    def rank(self, rank: int, question: str, *words: Any) -> Any:
        """See `Hosts.rank`."""
        return self._hosts().rank(rank, question, *words)

    def ranks_give(self, folder: str) -> None:
        """See `Hosts.give`."""
        self._hosts().give(Path(folder))

    def _hosts(self) -> "Hosts":
        if self.hosts is None:
            raise WrongInput("All ranks of this run are on one node.")
        return self.hosts


_SERVERS = dict[str, WarmServer]()  # by pipeline; of this process of Ray's, which computes one run after the other


def compute(order: Order, node: str, call: Call, hosts: "Hosts | None" = None) -> dict[str, Any]:
    """The run's end: `status` (a RunStatus, UNWANTED, WAITS or LOST), `error`, and of one that is done its `outcome` and `measurements`.

    node: the node's name. call: see `Head`. hosts: of its ranks on other nodes, where it has any.
    """
    home = node_home(node, order["home"])
    os.chdir(home.root)  # Ray may take its own folder away, and with it what a new process begins in
    head = RunHead(call, Artifacts(home.artifacts_folder), order, hosts)
    spec = RunSpec.from_json(order["spec"])
    if not head.report({"node": node}):
        return {"status": UNWANTED, "error": ""}
    make_room(home)
    bring_dataset(home, spec.dataset, call)
    its, warm = environment(home, order["threads"], call), server(order["pipeline"])
    attempt = _claimed(home, spec, order)
    try:
        with Relay(head) as relay:
            told = {"env": its, "address": relay.address, "key": relay.key.hex(), "apart": hosts.address if hosts else ""}
            process = warm.start(home, RUN, spec.id, attempt, node=told)
            try:
                wanted = _follow(home, head, process, spec.id)
                if hosts and wanted:
                    hosts.look()
            finally:  # a cancel comes as KeyboardInterrupt
                process.kill()
                process.join()
    finally:
        if hosts:
            hosts.close()
        with ResultStore(home.database) as store:
            store.reconcile()
            store.finish(spec.id, attempt, RunStatus.INTERRUPTED, error=SILENT_END)  # nothing where it has ended otherwise
    return _end(home, head, spec.id) if wanted else {"status": UNWANTED, "error": ""}


def node_home(node: str, head: str) -> Home:
    """Where a node keeps what it works with for a head's home: a cache that may be deleted at any time when nothing runs."""
    base = Path(os.environ.get(NODE_HOME) or tempfile.gettempdir())
    name = re.sub(r"[^A-Za-z0-9.-]", "-", node)[:60]
    home = open_home(base / f"forgetscope-node-{os.getuid()}-{name}-{head}")
    about = home.root.lstat()
    if about.st_uid != os.getuid() or not stat.S_ISDIR(about.st_mode):
        raise WrongInput(f"{home.root} on this node belongs to somebody else; name another folder by {NODE_HOME}.")
    return home


def server(pipeline: str) -> WarmServer:
    """Of this process, with the pipeline imported."""
    if pipeline not in _SERVERS:
        sys.modules["__main__"].__file__ = None  # Ray's own, which is none of a run's process's business
        _SERVERS[pipeline] = WarmServer(pipeline)
    _SERVERS[pipeline].warm.wait()
    return _SERVERS[pipeline]


def _claimed(home: Home, spec: RunSpec, order: Order) -> int:
    """The run is in the node's own store now, running; its attempt there. Raises WrongInput where an earlier one does not end."""
    with ResultStore(home.database) as store:
        give_up = time.monotonic() + DYING
        while True:
            store.reconcile()
            there = store.row(spec.id)
            if there is None or getattr(there, "status", None) not in ACTIVE:
                break
            if time.monotonic() > give_up:
                raise WrongInput(f"An earlier attempt of this run has not ended on this node after {DYING:.0f} seconds.")
            if getattr(there, "status", None) == RunStatus.QUEUED:
                store.request_cancel(spec.id)
            time.sleep(LOOK)
    if there is not None:
        submit.delete(home, spec.id, for_good=True)
    home.log(spec.id).unlink(missing_ok=True)
    with ResultStore(home.database) as store:
        store.add(spec, evaluation=Evaluation.parse(order["evaluation"]))
        claimed = store.claim(
            ProcessId.of_this_process(), lambda line, _: next(((one, ON_CPU) for one in line if one.id == spec.id), None)
        )
    if claimed is None:
        raise WrongInput("The run could not begin on this node.")
    return claimed[1]


def _follow(home: Home, head: RunHead, process: BaseProcess, run_id: str) -> bool:
    """Tell the head where the run stands until its process has ended; False where nobody wants it any more."""
    sent, log, last, first = dict[str, Any](), 0, 0.0, {"begins": True}
    curves_of = 0.0
    with ResultStore(home.database) as store:
        while True:
            ended = not process.is_alive()
            if not ended and head.hosts and head.hosts.lost:
                process.kill()  # it would wait for the other ranks
            rows = store.db.read("select share, stage, note, seconds_left, forecast, device from runs where id = ?", (run_id,))
            now = dict(rows[0]) if rows else {}
            told = {name: value for name, value in now.items() if sent.get(name, "") != value} | first
            if says := said(home.log(run_id), log):
                told["log"] = says
            if (changed := _changed(home.curves(run_id))) != curves_of:
                told["curves"] = _content(home.curves(run_id))
            if ended or time.monotonic() - last >= TELL or now.get("stage") != sent.get("stage"):
                if not head.report(told):
                    return False
                sent, log, last, first, curves_of = now, log + len(says), time.monotonic(), {}, changed
            if ended and len(says) < SAID:
                return True
            if not ended:
                wait([process.sentinel], LOOK)


def said(log: Path, start: int) -> bytes:
    """What a run's log says from there on."""
    try:
        with open(log, "rb") as stream:
            stream.seek(start)
            return stream.read(SAID)
    except OSError:
        return b""


def _changed(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def _end(home: Home, head: RunHead, run_id: str) -> dict[str, Any]:
    """What came of it; its files are at the head."""
    with ResultStore(home.database) as store:
        store.reconcile()
        run = store.existing(run_id)
        if run.status == RunStatus.QUEUED:
            store.request_cancel(run_id)
            return {"status": WAITS, "error": ""}
        if run.status != RunStatus.DONE and head.hosts and head.hosts.lost:
            return {"status": LOST, "error": ""}
        if run.status != RunStatus.DONE:
            return {"status": str(run.status), "error": run.error}
        files, measurements = store.artifacts(run_id), store.measurements(run_id)
    head.send(files.values())
    outcome = {
        "seconds": run.seconds, "speedup": run.speedup, "artifacts": files, "device": run.device, "threads": run.threads,
        "peak_bytes": run.peak_bytes,
    }  # fmt: skip
    return {"status": str(RunStatus.DONE), "error": "", "outcome": outcome, "measurements": [asdict(one) for one in measurements]}


def environment(home: Home, threads: int | None, call: Call) -> dict[str, str]:
    """What a process that computes here must find in its environment. threads: None where a GPU computes."""
    folder = _bring_extensions(home, call)
    found = {"FORGETSCOPE_HOME": str(home.root), "FORGETSCOPE_EXTENSIONS": str(folder), "FORGETSCOPE_QUOTA": "", RAY: "", OFFLINE: "1"}
    if threads:
        found["OMP_NUM_THREADS"] = str(threads)
    if "CUDA_VISIBLE_DEVICES" in os.environ:
        found["CUDA_VISIBLE_DEVICES"] = os.environ["CUDA_VISIBLE_DEVICES"]
    return found


def _bring_extensions(home: Home, call: Call) -> Path:
    """A folder with the extensions of the head's, as they are now."""
    files: dict[str, bytes] = call("extensions")
    digest = hashlib.sha256(json.dumps({name: hashlib.sha256(file).hexdigest() for name, file in files.items()}, sort_keys=True).encode())
    folder = home.root / f"extensions-{digest.hexdigest()[:16]}"
    with _made_once(folder) as beside:
        if beside:
            for name, content in files.items():
                inside(beside, name).write_bytes(content)
    return folder


def bring_dataset(home: Home, key: str, call: Call) -> None:
    """The files of a set that the user added, checked by their digests. Raises WrongInput where the head has it no more."""
    if not imported.KEY.fullmatch(key):
        return
    with _made_once(home.datasets_folder / key) as beside:
        if beside is None:
            return
        for name, (size, digest) in call("dataset_files", key).items():
            path, hasher = inside(beside, name), hashlib.sha256()
            with open(path, "wb") as stream:
                while stream.tell() < size and (block := call("dataset_block", key, name, stream.tell())):
                    stream.write(block)
                    hasher.update(block)
            if hasher.hexdigest() != digest:
                raise WrongInput(f"The set of images {key} came to this node damaged ({name}); Retry fetches it again.")


@contextmanager
def _made_once(folder: Path) -> Iterator[Path | None]:
    """A folder beside it to fill, which takes its name at the end; None where it is there. Others wait meanwhile."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{folder}.lock"):
        if folder.is_dir():
            yield None
            return
        with atomic.folder_beside(folder.parent) as beside:
            yield beside
            beside.rename(folder)


def inside(folder: Path, name: str) -> Path:
    """Raises WrongInput for a name that leads out of the folder."""
    path = folder / name
    if not path.resolve().is_relative_to(folder.resolve()):
        raise WrongInput(f"The name of a file of the head's leads out of its folder: {name!r:.80}.")
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def make_room(home: Home) -> None:
    """The oldest files go where there are more than the node may keep: what is needed again is fetched, or computed, again.

    Logs and extensions of weeks ago go too.
    """
    for path in [*home.logs_folder.iterdir(), *home.root.glob("extensions-*.lock")]:
        with suppress(OSError):
            if time.time() - path.stat().st_mtime > OLD:
                path.unlink()
                shutil.rmtree(path.with_suffix(""), ignore_errors=True)
    atomic.sweep(home.root)  # what was handed to ranks of a run that is gone
    artifacts, most = Artifacts(home.artifacts_folder), (number_asked(CACHE) or USUAL_CACHE) * 10**9
    stats = sorted(artifacts.stats().items(), key=lambda one: one[1][1])
    too_much, before = sum(size for _, (size, _) in stats) - most, time.time() - GRACE
    for file, (size, _) in stats:
        if too_much <= 0:
            return
        too_much -= artifacts.remove_older(file, before) and size
