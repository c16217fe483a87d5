"""What all trials of a search share: the data, the original, statistics, what no tuned setting changes; and a trial's own network."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field, replace
from time import perf_counter
from typing import Any, cast

import torch
from torch import Tensor, nn

from core.data.dataset import Examples
from core.data.splits import Splits
from core.domain.errors import WrongInput
from core.domain.hyperparameters import Value, with_params
from core.domain.run import RunSpec
from core.methods.base import UnlearningMethod
from core.methods.registry import METHODS
from core.methods.search import SearchingInSteps, alone
from core.pipeline import Job, Stages, original_of, precompute, prepare, unlearn
from core.storage.artifacts import Artifacts
from core.storage.home import Home
from core.storage.runs import ResultStore
from core.training.cache import ArtifactCache, Shared, key_of
from core.training.context import RunContext, derived_seed, synchronise
from core.tuning.objectives import BLIND

VALIDATION, MOST = 0.2, 1000  # share of the retain set that is its validation part, and most images of it
FEWEST = 10  # images of it, for an attack
REMEMBERED = 2  # sets of statistics, and first parts of a method, that are held in memory
Say = Callable[[float, str], None]


@dataclass(frozen=True)
class BlindJob(Job):
    """A job on the training set without the validation part, `held_out`, which knows neither a reference nor a test image."""

    held_out: Examples

    @property
    def original_key(self) -> str:
        """Of an original of its own, which was trained without the validation part."""
        return self.key("original without validation", self._left_out(), *self.flips)

    @property
    def reference_key(self) -> str:
        """There is none."""
        raise PermissionError("a blind search has no reference")

    def statistic_key(self, statistic: str) -> str:
        """On the same images as the original."""
        return key_of(super().statistic_key(statistic), self._left_out())

    def _left_out(self) -> list[int]:
        return [] if self.held_out.rows is None else self.held_out.rows.tolist()


def without_validation(job: Job) -> BlindJob:
    """The job with a fixed draw of its retain set held out, by its seed. Raises WrongInput where that leaves too few images."""
    whole, generator = job.splits, torch.Generator().manual_seed(derived_seed(job.spec.seed, "validation"))
    retain = (~whole.forgotten).nonzero()[:, 0]
    count = min(MOST, int(VALIDATION * len(retain)))
    if count < FEWEST:
        least = round(FEWEST / VALIDATION)
        raise WrongInput(f"A blind search needs {least} images in the retain set, to hold a part out; there are {len(retain)}.")
    rows = retain[torch.randperm(len(retain), generator=generator)[:count]].sort().values
    left = torch.ones(len(whole.train), dtype=torch.bool)
    left[rows] = False
    train, forgotten, nothing = whole.train.subset(left), whole.forgotten[left], torch.zeros(0, dtype=torch.int64)
    splits = Splits(
        whole.request, train, train.subset(nothing), forgotten, torch.zeros(0, dtype=torch.bool), float(forgotten.double().mean()),
        None if whole.truth is None else whole.truth[left],
    )  # fmt: skip
    return BlindJob(**{**vars(job), "splits": splits}, held_out=whole.train.subset(rows))


@dataclass
class Memory:
    """What later trials need not compute again: of the last few settings, the least recent goes first."""

    entries: dict[Any, Any] = field(default_factory=dict)

    def get(self, key: Any, make: Callable[[], Any]) -> tuple[Any, bool]:
        """What is remembered under the key, made where it is not; and whether it was there."""
        there = key in self.entries
        found = self.entries.pop(key) if there else make()
        self.entries[key] = found
        for oldest in list(self.entries)[:-REMEMBERED]:
            del self.entries[oldest]
        return found, there


@dataclass(frozen=True)
class Made:
    """The first part of a method in two: what came of it, the model as it left it, the generator's state, and its seconds."""

    part: Any
    model: nn.Module
    state: Tensor
    seconds: float


@dataclass
class Remembering:
    """In a method's place: its first part is computed once for all trials that differ in what that part does not read."""

    method: SearchingInSteps
    memory: Memory
    saved: float = 0.0  # seconds of the first part, where it was remembered

    @property
    def reads(self) -> frozenset[str]:
        """The method's."""
        return self.method.reads

    @property
    def title(self) -> str:
        """The method's."""
        return self.method.title

    def unlearn(self, model: nn.Module, splits: Splits, run: RunContext) -> nn.Module:
        """As the method's, to the last digit."""
        searched = {name.rstrip("_") for rung in self.method.rungs(run.recipe) for name in rung}
        fixed = tuple((name, value) for name, value in vars(self.method).items() if name.rstrip("_") not in searched)

        def make() -> Made:
            began = perf_counter()
            part = self.method.before(model, splits, run.part(0, self.method.share_before))
            synchronise(run.device)
            return Made(part, model, run.generator.get_state(), perf_counter() - began)

        made, there = self.memory.get((type(self.method), fixed), make)
        self.saved = made.seconds if there else 0.0
        own = alone(run.part(self.method.share_before, 1), made.state)
        unlearned = self.method.after(made.part, deepcopy(made.model), splits, own)
        run.recorded |= own.recorded
        return unlearned


@dataclass
class Networks:
    """One seed of a search: its job, its original, and what trials share."""

    job: Job
    original: Shared
    statistics: Memory = field(default_factory=Memory)
    firsts: Memory = field(default_factory=Memory)

    def unlearned(self, params: dict[str, Value]) -> tuple[nn.Module, float]:
        """The network of these settings, and the seconds of the method in a run of its own. Raises Diverged or WrongInput."""
        method: UnlearningMethod = with_params(METHODS[self.job.spec.method], params)
        stages = Stages({"precompute": 1.0, "unlearn": 1.0}, lambda *_: None)
        job = replace(self.job, method=method)
        wanted = method.statistics(job.spec.request)

        def compute() -> dict[str, Shared]:
            with torch.device("meta"):  # as `prepare` does for a run: its weights are not needed, only their shapes
                shapes = job.build()
            for statistic in wanted:
                statistic.check(shapes, len(job.splits.trained))
            return precompute(job, self.original, stages)

        statistics, _ = self.statistics.get(tuple(statistic.key for statistic in wanted), compute)
        steps = isinstance(method, SearchingInSteps) and method.settings == "given"
        if not steps:
            model, _, seconds = unlearn(job, self.original, statistics, stages)
            return model, seconds
        remembering = Remembering(cast(SearchingInSteps, method), self.firsts)
        model, _, seconds = unlearn(replace(job, method=cast(UnlearningMethod, remembering)), self.original, statistics, stages)
        return model, seconds + remembering.saved


def networks_of(
    home: Home, store: ResultStore, spec: RunSpec, mode: str, say: Say, artifacts: Artifacts | None = None
) -> Networks:  # fmt: skip
    """A spec's original, trained or loaded; of a blind search one that never saw the validation part. Raises WrongInput.

    artifacts: None for the home's own.
    """
    job = prepare(spec, ArtifactCache(store, artifacts or Artifacts(home.artifacts_folder)), home.datasets_folder)
    if mode == BLIND:
        job = without_validation(job)
    if "test" in {name[:4] for name in job.method.reads}:
        raise WrongInput(f"{job.method.title} reads test images, so its settings cannot be searched for honestly.")
    stages = Stages({"train": 1.0}, lambda share, _, note, __: say(share, note))
    return Networks(job, original_of(job, stages))
