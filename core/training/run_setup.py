"""What a run's spec names, made concrete: data, recipe, device, untrained models, and the keys of what is computed from them."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import product
import os
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from core.data.dataset import Dataset, Examples
from core.data.registry import load_dataset
from core.data.splits import Splits, split
from core.domain.code_version import results_versions, shared_version, training_version
from core.domain.errors import WrongInput
from core.domain.info import DatasetInfo
from core.domain.presets import preset_for
from core.domain.run import Recipe, RunSpec
from core.domain.threads import threads_of
from core.domain.training.own_recipe import with_own
from core.domain.training.sharding import check_sharding, check_stored
from core.models.ensemble import builder_of
from core.storage.artifacts import Damaged
from core.storage.processes import cores, threads_asked
from core.training.cache import ArtifactCache, Shared, key_of
from core.training.checkpoints import DAYS, Checkpoints, Curve, as_array
from core.training.context import RunContext, choose_device, derived_seed
from core.training.early_stop import Validation
from core.training.grid import Grid, Sharded, Weights, grid_of
from core.training.loop import fit
from core.training.ranks.crew import over_ranks
from core.training.ranks.work import TRAIN, Task, begins_alike, extensions_of
from core.training.sharding import cell_passes, joined, train_cell
from core.training.training_state import Training

STAGE, PASSING = "stage/", "passing stage/"  # kinds of what is kept: for requests to come; while a network is trained
Noted = Callable[..., None]  # mean loss and accuracy of an epoch, and where a share is held out those on it


@dataclass(frozen=True)
class RunSetup:
    """A run's spec with the objects that it names, but for its method; and the keys under which what it computes is cached.

    training, engine, results: versions of the code as the run began, under which all that it computes is filed, though the files change
    meanwhile; results: of what is computed of trained networks, by module of core.metrics.
    """

    spec: RunSpec
    splits: Splits
    recipe: Recipe
    build: Callable[[], nn.Module]
    device: str
    cache: ArtifactCache
    training: str
    engine: str
    results: Mapping[str, str]
    data: DatasetInfo

    def context(
        self, purpose: str, say: Callable[[float, str], None], statistics: dict[str, dict[str, Tensor]]
    ) -> RunContext:
        """A context whose seed belongs to one purpose alone; statistics: precomputed arrays on the device, by the statistic's key."""
        seed = derived_seed(self.spec.seed, purpose)
        sharded = self.sharded(~self.splits.forgotten) if self.recipe.sharded else None
        first = derived_seed(self.spec.seed, "original")
        return RunContext(self.build, self.recipe, seed, self.device, say, statistics, sharded, first)

    def sharded(self, kept: Tensor) -> Sharded:
        """Of a recipe that trains by shards or slices. kept: bool (n,), the training examples that are trained on."""
        grid = self.grid
        return Sharded(lambda: builder_of(self.spec.model, 1)(self.data), self.spec.seed, grid.of(kept), grid.of(~kept).counts, self._stage)

    @property
    def grid(self) -> Grid:
        """Where each training example is; of the run's seed, whatever is forgotten."""
        return grid_of(len(self.splits.train), self.recipe.shards, self.recipe.slices, derived_seed(self.spec.seed, "shards"))

    def stage_key(self, network: str, cell: tuple[int, int], kept: Tensor) -> str:
        """Names the weights of a shard's member after a stage: by all examples that it has been trained on by then.

        network: the key of the original, or of the reference, which is trained without looking at what is stored of the original.
        """
        return key_of("stage", network, *cell, (self.grid.until(*cell) & kept).nonzero().flatten().tolist())

    def _stage(self, shard: int, stage: int) -> Weights | None:
        """Of the original, of all stages but the last; None where it is not kept."""
        everything = torch.ones(len(self.splits.train), dtype=torch.bool)
        return self.cache.load(self.stage_key(self.original_key, (shard, stage), everything))

    def key(self, purpose: str, *parts: object) -> str:
        """Names a trained model: all that decides its weights."""
        deciding = (self.spec.dataset, self.spec.model, self.recipe.deciding, self.spec.seed, self.device)
        return key_of(purpose, self.training, *deciding, *parts)

    def task(self, kind: str, seed: int) -> Task:
        """What all ranks of a recipe with several do together; seed: of a training."""
        threads = threads_of(self.spec.model, cores(), threads_asked(), self.recipe.ranks)
        extensions = extensions_of(self.spec.model)
        return Task(kind, self.spec.model, self.data, self.recipe, seed, self.device, self.training, threads, extensions)

    @property
    def root(self) -> Path:
        """The home's folder."""
        return self.cache.store.db.path.parent

    @property
    def subject(self) -> str:
        """The dataset and the model, which have versions of their own."""
        return f"{self.spec.dataset}/{self.spec.model}"

    @property
    def flips(self) -> tuple[str, ...]:
        """Part of the keys of what was trained on labels that the request flipped: its text; () where it flipped none."""
        return () if self.splits.truth is None else (self.spec.request.text,)

    @property
    def own(self) -> tuple[str, ...]:
        """Part of the keys of what is computed from uploaded weights: their hash and how they are read; () where there are none."""
        return tuple(filter(None, (self.spec.weights, self.spec.weights_as)))

    @property
    def original_key(self) -> str:
        """Names the original model."""
        return self.key("original", *self.flips)

    @property
    def reference_key(self) -> str:
        """Names the reference: by the examples of the forget set, however the request words them."""
        held = self.splits.held
        unseen = [held.named.nonzero().flatten().tolist()] if held is not None and held.named.any() else []  # which it is not chosen by
        return self.key("reference", self.splits.forgotten.nonzero().flatten().tolist(), *unseen)

    def statistic_key(self, statistic: str) -> str:
        """Names a statistic of the training set at the original model."""
        return self.key("statistic", statistic, self.engine, *self.flips, *self.own)


def set_up(spec: RunSpec, cache: ArtifactCache, datasets: Path | None = None) -> RunSetup:
    """Turn a spec's names into objects; nothing is computed. datasets: those that the user added. Raises WrongInput."""
    pair = spec.dataset, spec.model
    versions = training_version(*pair), shared_version(*pair), results_versions(*pair)
    device = choose_device(spec.device)
    make_deterministic(threads_of(spec.model, cores(), threads_asked()))
    dataset = load_dataset(spec.dataset, datasets)
    recipe = with_own(preset_for(spec.dataset, spec.model).recipe, spec.recipe)
    splits = splits_of(spec, dataset, recipe)
    build = builder_of(spec.model, recipe.shards)
    setup = RunSetup(spec, splits, recipe, lambda: build(dataset.info), device, cache, *versions, dataset.info)
    if recipe.sharded:
        _check_sharded(setup)
    return setup


def splits_of(spec: RunSpec, dataset: Dataset, recipe: Recipe) -> Splits:
    """The sets of a run; what its recipe holds out is the same whatever is forgotten, by any seed. Raises WrongInput."""
    return split(dataset, spec.request, recipe.validation)


def _check_sharded(setup: RunSetup) -> None:
    """Raises WrongInput where training by these shards and slices cannot be, or keeps too much, or where the request empties a shard."""
    check_sharding(setup.recipe, len(setup.splits.train))
    with torch.device("meta"):  # its weights are not needed, only their shapes
        weights = sum(tensor.nbytes for tensor in setup.build().state_dict().values())
    check_stored(setup.recipe, weights // setup.recipe.shards)
    if emptied := (setup.grid.of(~setup.splits.forgotten).counts.sum(1) == 0).nonzero().flatten().tolist():
        raise WrongInput(
            f"The request {setup.spec.request.text} names every image of shard {emptied[0] + 1} of {setup.recipe.shards}, whose network "
            "would be left untrained; choose fewer shards or another request."
        )


def make_deterministic(threads: int) -> None:
    """Same seed, same weights: no kernel that adds in a changing order where there is another, and as many threads whatever else runs."""
    torch.set_num_threads(threads)  # pages stay quick, since runs are niced
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.backends.cudnn.benchmark = False
    # By default memory is filled before it is used, which makes training a third slower and changes no number.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]  # set by the module itself
    torch.set_deterministic_debug_mode("warn")  # as use_deterministic_algorithms, without its 2 s of imports


def train_or_load(
    setup: RunSetup, key: str, purpose: str, examples: Examples, say: Callable[[float, str], None], noted: Noted = lambda *_: None,
    resumed: Callable[[float], None] = lambda share: None,
) -> Shared:  # fmt: skip
    """A network trained on these examples from a fresh model, or loaded from the cache; purpose: decides its seed.

    Its curve is kept beside it (`curve_of`); noted: is told of each epoch as it ends. Training that was stopped goes on where it last was
    kept; resumed: is told which share of it that is.
    """
    if setup.recipe.sharded:
        return _train_sharded(setup, key, purpose, examples, say, noted)
    context, kind = setup.context(purpose, say, {}), f"curve/{setup.subject}@"
    at = Checkpoints(setup.cache, key, f"checkpoint/{setup.subject}@{setup.training}")
    for older in (kind, f"checkpoint/{setup.subject}@"):
        setup.cache.store.forget_older(older, setup.training)
    setup.cache.store.forget_stale("checkpoint/", DAYS)

    def note(*point: float) -> None:
        at.curve.append(point)
        noted(*point)

    def resume(training: Training) -> int:
        done = at.resume(training)
        for point in at.curve:
            noted(*point)
        resumed(done / setup.recipe.epochs)
        return done

    def make() -> dict[str, Tensor]:
        held = setup.splits.validation(reference=purpose == "reference")
        with over_ranks(setup.task(TRAIN, context.seed), setup.root, examples, validation=held) as ranks:
            weights = fit(
                context.fresh_model(), examples, setup.recipe, context, noted=note, resume=begins_alike(ranks, resume), ended=at.ended,
                validation=None if held is None else Validation(held, setup.recipe.patience), ranks=ranks,
            ).state_dict()  # fmt: skip
        _keep_curve(setup, key, at.curve)
        return weights

    found = setup.cache.load_or_make(key, purpose, make, setup.device, earlier=lambda: at.earlier)
    at.done()
    return found


@dataclass
class _Stages:
    """The stages of one network that is trained by shards and slices: each is kept as it ends, so that what was stopped goes on there."""

    setup: RunSetup
    key: str
    purpose: str
    examples: Examples
    noted: Noted
    earlier: float = 0.0  # seconds of the stages that were there
    curves: dict[tuple[int, int], Curve] = field(default_factory=dict)

    @property
    def kept(self) -> Tensor:
        """bool (n,): the training examples that are trained on."""
        gone = self.setup.splits.forgotten
        return ~gone if self.purpose == "reference" else torch.ones_like(gone)

    def make(self, context: RunContext) -> Weights:
        """All stages, shard by shard."""
        about, members, done = self.setup.sharded(self.kept), list[Weights](), 0.0
        passes = cell_passes(self.setup.recipe, about.retained)
        for shard in range(self.setup.recipe.shards):
            weights: Weights | None = None
            for stage in range(1, self.setup.recipe.slices + 1):
                ahead = done + float(passes[shard, stage - 1] / passes.sum())
                weights = self._stage(about, (shard, stage), weights, context.part(done, ahead))
                done = ahead
            members.append(weights or {})
        return joined(members)

    def _stage(self, about: Sharded, cell: tuple[int, int], start: Weights | None, run: RunContext) -> Weights:
        curve, key = Curve(), self.setup.stage_key(self.key, cell, self.kept)

        def note(*point: float) -> None:
            curve.append(point)
            self.noted(*point)

        def make() -> Weights:
            made = train_cell(about, about.retained, self.examples, cell, start, run, note)
            _keep_curve(self.setup, key, curve)
            return made

        kind = PASSING if self._passes(cell) else STAGE
        found = self.setup.cache.load_or_make(key, f"{kind}{self.setup.subject}@{self.setup.training}", make, self.setup.device)
        if not found.made_now:
            self.earlier += found.seconds
        self.curves[cell] = curve if found.made_now else [(float(loss), float(share)) for loss, share in curve_of(self.setup, key)]
        return found.tensors

    def _passes(self, cell: tuple[int, int]) -> bool:
        """Whether nobody begins with this stage once the network is kept."""
        return cell[1] == self.setup.recipe.slices or self.purpose != "original"

    def done(self) -> None:
        """The network is kept, with its curve: stages that nobody begins with go; their files are swept away."""
        for cell in product(range(self.setup.recipe.shards), range(1, self.setup.recipe.slices + 1)):
            key = self.setup.stage_key(self.key, cell, self.kept)
            self.setup.cache.store.forget_kept(_curve_key(key))
            if self._passes(cell):
                self.setup.cache.store.forget_kept(key)

    def curve(self) -> Curve:
        """Of each epoch the mean over the shards, in which it is an epoch of the same stage."""
        shards, found = self.setup.recipe.shards, Curve()
        for stage in range(1, self.setup.recipe.slices + 1):
            of = [self.curves[shard, stage] for shard in range(shards) if self.curves[shard, stage]]
            means = np.mean(of, axis=0) if of and len({len(one) for one in of}) == 1 else np.zeros((0, 2))
            found += [(float(loss), float(share)) for loss, share in means]
        return found


def _train_sharded(setup: RunSetup, key: str, purpose: str, examples: Examples, say: Callable[[float, str], None], noted: Noted) -> Shared:
    """As `train_or_load`, for a recipe that trains by shards or slices."""
    for kind in (STAGE, PASSING):
        setup.cache.store.forget_older(f"{kind}{setup.subject}@", setup.training)
    setup.cache.store.forget_stale(PASSING, DAYS)
    stages, context = _Stages(setup, key, purpose, examples, noted), setup.context(purpose, say, {})

    def make() -> Weights:
        weights = stages.make(context)
        _keep_curve(setup, key, stages.curve())
        return weights

    found = setup.cache.load_or_make(key, purpose, make, setup.device, earlier=lambda: stages.earlier)
    stages.done()
    return found


def _keep_curve(setup: RunSetup, key: str, curve: Curve) -> None:
    file = setup.cache.artifacts.put_arrays({"curve": as_array(curve)})
    setup.cache.store.keep(_curve_key(key), f"curve/{setup.subject}@{setup.training}", file, 0.0)


def curve_of(setup: RunSetup, key: str) -> np.ndarray:
    """(epochs, 2): mean loss and accuracy of each epoch of the network of this key; (epochs, 4) where a share was held out, with those on
    it; none where it was not kept.
    """
    with suppress(Damaged):
        if kept := setup.cache.store.kept(_curve_key(key)):
            return setup.cache.artifacts.get_arrays(kept.file)["curve"]
    return np.zeros((0, 2))


def _curve_key(key: str) -> str:
    return key_of("curve", key)


def restore(setup: RunSetup, tensors: dict[str, Tensor]) -> nn.Module:
    """A model in eval mode on the run's device, with these weights."""
    model = setup.build()
    model.load_state_dict(tensors)
    return model.to(setup.device).eval()
