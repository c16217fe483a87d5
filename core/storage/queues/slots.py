"""Which run begins beside those that run: by cores, GPUs and memory, and not while another makes what it needs too."""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Self

from core.domain.run import STAGES, RunSpec
from core.domain.threads import threads_of
from core.storage.processes import cores, free_memory, gpus, number_asked, threads_asked
from core.storage.queues.queue_order import Waiting
from core.storage.shared.shared_work import Key, shared_work

ON_CPU, ON_GPU = "cpu", "gpu "  # slots; a GPU's name follows
ON_CLUSTER = "cluster"  # likewise; which of its nodes computes a run, the run itself says
SPARE = 2**29  # bytes of memory that are left to others
UNKNOWN = 2**31  # bytes that a run is taken to need where none like it has finished here


@dataclass(frozen=True)
class Running:
    """A run that is being computed. spec: None where its row is damaged. memory: bytes that its process has now."""

    spec: RunSpec | None
    slot: str
    stage: str
    memory: int = 0


Demand = tuple[float, float]  # cores, and a share of a GPU or several
Choice = Callable[[Iterable[Waiting], Sequence[Running]], tuple[Waiting, str] | None]


def one_at_a_time(queued: Iterable[Waiting], running: Sequence[Running]) -> tuple[Waiting, str] | None:
    """The first of the queue where nothing runs."""
    first = None if running else next(iter(queued), None)
    return None if first is None else (first, ON_CPU)


@dataclass(frozen=True)
class Machine:
    """What there is to compute with. most: runs at once, whatever they use; None: as many as have cores or a GPU to themselves.

    threads: what every run computes with where OMP_NUM_THREADS says so.
    """

    cores: int
    gpus: tuple[str, ...] = ()
    most: int | None = None
    threads: int | None = None
    memory: int = field(default=2**62, compare=False)  # bytes that are free

    @classmethod
    def here(cls) -> Self:
        """This one, as FORGETSCOPE_SLOTS wants it used."""
        return cls(cores(), gpus(), number_asked("FORGETSCOPE_SLOTS"), threads_asked(), free_memory())

    def threads_of(self, spec: RunSpec | None) -> int:
        """Threads of a run on a CPU, of all its ranks together; a damaged one is taken to have all."""
        if spec is None:
            return self.cores
        ranks = ranks_of(spec)
        return ranks * threads_of(spec.model, self.cores, self.threads, ranks)

    def on_gpu(self, spec: RunSpec | None) -> bool:
        """Whether a run computes on a GPU."""
        return bool(self.gpus) and spec is not None and spec.device != "cpu"

    def lacks(self, _spec: RunSpec) -> str:
        """Why a run cannot begin here whatever else ends, in a sentence; '' where it can, or says so itself."""
        return ""

    def room_for(self, spec: RunSpec, running: Sequence[Running]) -> str | None:
        """The slot in which a run may begin beside these; None where it must wait for one of them."""
        if self.most is not None and len(running) >= self.most:
            return None
        if self.on_gpu(spec):
            wanted = spec.device.partition(":")[2]
            names = [self.gpus[int(wanted)]] if wanted and int(wanted) < len(self.gpus) else self.gpus
            taken = [name for one in running for name in gpus_in(one.slot)]
            chosen = sorted(names, key=taken.count)[: ranks_of(spec)]  # where there are fewer, the run says so as it begins
            return f"{ON_GPU}{','.join(chosen)}" if self.most is not None or not set(chosen) & set(taken) else None
        busy = sum(self.threads_of(one.spec) for one in running if not self.on_gpu(one.spec))
        return ON_CPU if self.most is not None or not busy or busy + self.threads_of(spec) <= self.cores else None


@dataclass(frozen=True)
class Nodes(Machine):
    """A cluster, whose scheduler decides which node computes a run: there is room where some node has the cores, or the GPU, free.

    cores: of the smallest node, so that a study spreads over all. each: cores and GPUs of every node; taken: those that others use.
    share: of a GPU, that a run gets.
    """

    each: tuple[Demand, ...] = ()
    taken: Demand = (0.0, 0.0)
    share: float = 1.0

    def demand(self, spec: RunSpec | None) -> tuple[float, float]:
        """Cores and share of a GPU that a run on one node is given; each of several ranks has a GPU to itself."""
        if self.on_gpu(spec):
            ranks = ranks_of(spec) if spec else 1
            return float(ranks), self.share if ranks == 1 else float(ranks)
        return min(float(self.threads_of(spec)), max((cores for cores, _ in self.each), default=1.0)), 0.0

    def pieces(self, spec: RunSpec | None) -> list[Demand]:
        """What a run is given: on one node or, where none has as much as all its ranks need but all together do, for each by itself."""
        whole, ranks = self.demand(spec), 1 if spec is None else ranks_of(spec)
        each, left = (1.0, 1.0 if whole[1] else 0.0), list(self.each)
        if ranks == 1 or any(_holds(node, (float(ranks), whole[1])) for node in self.each):
            return [whole]
        return [each] * ranks if all(_place(each, left) for _ in range(ranks)) else [whole]

    def lacks(self, spec: RunSpec) -> str:
        """As of any machine; others pass such a run, which waits for nodes that may come."""
        ranks = ranks_of(spec)
        if ranks == 1:  # of which there may be thousands
            return ""
        left = list(self.each)
        if not self.each or all(_place(piece, left) for piece in self.pieces(spec)):
            return ""
        cores, gpus = (int(there) for there in _sum(self.each))
        wanted = f"{ranks} GPUs" if gpus < ranks else f"{ranks} cores on nodes with GPUs"
        return f"It waits until the cluster has {wanted}, one for each rank; now it has {gpus if gpus < ranks else cores}."

    def room_for(self, spec: RunSpec, running: Sequence[Running]) -> str | None:
        """As of one machine. Those that run are thought to lie as close as they can."""
        if self.most is not None and len(running) >= self.most:
            return None
        left, wanted = sorted(self.each), self.pieces(spec)
        ours = [piece for one in running for piece in self.pieces(one.spec)]
        whole, used, needed = (_sum(part) for part in (left, [*ours, self.taken], wanted))
        if not _holds((whole[0] - used[0], whole[1] - used[1]), needed):
            return None
        for demand in sorted(ours, reverse=True):
            _place(demand, left)
        return ON_CLUSTER if all(_place(piece, left) for piece in wanted) else None


def _place(demand: Demand, left: list[Demand]) -> bool:
    """Whether a node has it, of which it is taken."""
    place = next((place for place, one in enumerate(left) if _holds(one, demand)), None)
    if place is None:
        return False
    left[place] = left[place][0] - demand[0], left[place][1] - demand[1]
    return True


def _sum(demands: Sequence[Demand]) -> Demand:
    return sum(cores for cores, _ in demands), sum(gpus for _, gpus in demands)


def _holds(node: Demand, demand: Demand) -> bool:
    return node[0] >= demand[0] and node[1] >= demand[1] - 1e-9


def beside(machine: Machine, made: Collection[Key], needs: Callable[[RunSpec], float | None]) -> Choice:
    """Who is next on a machine: see `next_beside`. made: what is there already, by `shared_work`. needs: bytes of a run, where known."""

    def choose(queued: Iterable[Waiting], running: Sequence[Running]) -> tuple[Waiting, str] | None:
        return next_beside(queued, running, machine, made, lambda spec: needs(spec) or UNKNOWN)

    return choose


def next_beside(
    queued: Iterable[Waiting], running: Sequence[Running], machine: Machine, made: Collection[Key], needs: Callable[[RunSpec], float],
) -> tuple[Waiting, str] | None:  # fmt: skip
    """The run that begins now, and its slot; None where the next must wait.

    Nobody is overtaken for want of cores, a GPU or memory, so that a large run gets its turn; but a run that needs what another is
    just making (an original, a reference, its evaluation) lets those pass that do not: it would only wait, or make it twice.
    """
    making = {key for one in running for key in _making(one)} - set(made)
    growth = sum(max(0.0, needs(one.spec) - one.memory) for one in running if one.spec)
    full = set[bool]()
    for one in queued:
        spec = one.run_spec
        if spec is None:
            return one, ON_CPU  # damaged: it ends as it begins
        if machine.on_gpu(spec) in full or machine.lacks(spec) or making.intersection(shared_work(spec).values()):
            continue
        slot = machine.room_for(spec, running)
        if slot is None:
            full.add(machine.on_gpu(spec))
            if len(full) > bool(machine.gpus):
                return None  # nobody finds a place
            continue
        if running and needs(spec) + growth + SPARE > machine.memory:
            return None
        return one, slot
    return None


def _making(one: Running) -> list[Key]:
    """What a run makes from where it stands to its end."""
    if one.spec is None:
        return []
    stages = STAGES[STAGES.index(one.stage) :] if one.stage in STAGES else STAGES
    return [key for stage, key in shared_work(one.spec).items() if stage in stages]


def ranks_of(spec: RunSpec) -> int:
    """Processes that share each batch of a run's training, each with a GPU or cores of its own."""
    return int(spec.recipe.get("ranks", 1))


def gpu_in(slot: str) -> str:
    """The GPUs that a run in this slot may see, as CUDA_VISIBLE_DEVICES names them; '' where it sees what there is."""
    return slot.removeprefix(ON_GPU) if slot.startswith(ON_GPU) else ""


def gpus_in(slot: str) -> list[str]:
    """Their names, one by one."""
    return [name for name in gpu_in(slot).split(",") if name]
