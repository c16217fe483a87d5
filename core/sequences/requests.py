"""Which images each request of a sequence names, for one seed; and a step's job: the data without what was forgotten before."""

from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter

import torch
from torch import Tensor

from core.data.dataset import Dataset
from core.data.splits import Splits, split
from core.domain.errors import WrongInput
from core.pipeline import Job
from core.sequences.plan import SequencePlan, overlap
from core.training.cache import ArtifactCache, Shared
from core.training.context import RunContext, derived_seed, synchronise


@dataclass(frozen=True)
class Named:
    """train: bool (count, N), which training images each request names, none of them twice; test: bool (count, M), by the same rules."""

    train: Tensor
    test: Tensor

    def before(self, number: int) -> tuple[Tensor, Tensor]:
        """bool (N,) and (M,): what all requests before this one name; number: from 1 on."""
        return self.train[: number - 1].any(0), self.test[: number - 1].any(0)

    def upto(self, number: int) -> tuple[Tensor, Tensor]:
        """The same with this one's."""
        return self.before(number + 1)


def named(plan: SequencePlan, dataset: Dataset, seed: int) -> Named:
    """Raises WrongInput where two requests share an image, or nothing would be left to keep."""
    if plan.parts:
        train = _parts(plan, dataset, seed)
        test = torch.zeros(plan.count, len(dataset.test), dtype=torch.bool)
    else:
        found = [split(dataset, plan.of_seed(spec, seed).request) for spec in plan.specs]
        train, test = torch.stack([one.forgotten for one in found]), torch.stack([one.test_forgotten for one in found])
    if shared := (train.sum(0) > 1).nonzero().flatten().tolist():
        first, second, *_ = (train[:, shared[0]].nonzero().flatten() + 1).tolist()
        raise overlap(first, second, int((train[first - 1] & train[second - 1]).sum()))
    if train.any(0).all():
        raise WrongInput("The requests of the sequence name every training image together; leave some to keep.")
    if test.any(0).all():
        raise WrongInput("The requests of the sequence name every test image together, so nothing says what the network can still do.")
    return Named(train, test)


def _parts(plan: SequencePlan, dataset: Dataset, seed: int) -> Tensor:
    """The j-th part of the draw of which an ordinary run of the request forgets the first."""
    request, total = plan.of_seed(plan.spec, seed).request, len(dataset.train)
    size = request.count(dataset.info)
    order = torch.randperm(total, generator=torch.Generator().manual_seed(request.seed))
    train = torch.zeros(plan.count, total, dtype=torch.bool)
    for index in range(plan.count):
        train[index, order[index * size : (index + 1) * size]] = True
    return train


class Uncached(ArtifactCache):
    """In a cache's place: what depends on a network that no other run has is computed, and not stored."""

    def load_or_make(
        self, key: str, kind: str, make: Callable[[], dict[str, Tensor]], device: str,
        fits: Callable[[dict[str, Tensor]], bool] = lambda _: True, earlier: Callable[[], float] = lambda: 0.0,
    ) -> Shared:  # fmt: skip
        """Of `make`, timed."""
        synchronise(device)
        began = perf_counter()
        tensors = {name: tensor.detach().cpu() for name, tensor in make().items()}
        return Shared(tensors, "", perf_counter() - began, made_now=True)


@dataclass(frozen=True)
class StepJob(Job):
    """A request behind the first: on what the earlier ones left of the data, with draws of its own. number: from 2 on."""

    number: int

    def context(
        self, purpose: str, say: Callable[[float, str], None], statistics: dict[str, dict[str, Tensor]]
    ) -> RunContext:
        """As a run's, from a seed of this step: a method that draws noise must not draw the same each time."""
        seed = derived_seed(self.spec.seed, f"{purpose}, request {self.number}")
        return RunContext(self.build, self.recipe, seed, self.device, say, statistics=statistics)


def step_job(job: Job, found: Named, number: int) -> Job:
    """job: of an ordinary run of this request. The first request's is that very run's."""
    earlier, earlier_test = found.before(number)
    forgotten, test_forgotten, whole = found.train[number - 1], found.test[number - 1], job.splits
    if number == 1:
        return Job(**{**vars(job), "splits": _splits(whole, forgotten, test_forgotten)})
    left, left_test = ~earlier, ~earlier_test
    splits = Splits(
        whole.request, whole.train.subset(left), whole.test.subset(left_test), forgotten[left], test_forgotten[left_test],
        float(forgotten[left].double().mean()),
    )  # fmt: skip
    return StepJob(**{**vars(job), "splits": splits, "cache": Uncached(job.cache.store, job.cache.artifacts)}, number=number)


def whole_job(job: Job, found: Named) -> Job:
    """All requests in one, from the original."""
    return Job(**{**vars(job), "splits": _splits(job.splits, found.train.any(0), found.test.any(0))})


def _splits(whole: Splits, forgotten: Tensor, test_forgotten: Tensor) -> Splits:
    return Splits(whole.request, whole.train, whole.test, forgotten, test_forgotten, float(forgotten.double().mean()))
