"""What a run's spec names, made concrete: data, recipe, device, untrained models, and the keys of what is computed from them."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
import os
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from core.data.dataset import Examples
from core.data.registry import load_dataset
from core.data.splits import Splits, split
from core.domain.code_version import results_versions, shared_version, training_version
from core.domain.presets import preset_for
from core.domain.run import Recipe, RunSpec
from core.domain.threads import threads_of
from core.domain.training.own_recipe import with_own
from core.models.registry import MODELS
from core.storage.artifacts import Damaged
from core.storage.processes import cores, threads_asked
from core.training.cache import ArtifactCache, Shared, key_of
from core.training.checkpoints import DAYS, Checkpoints
from core.training.context import RunContext, choose_device, derived_seed
from core.training.loop import fit
from core.training.training_state import Training

Noted = Callable[[float, float], None]  # mean loss and accuracy of an epoch


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

    def context(
        self, purpose: str, say: Callable[[float, str], None], statistics: dict[str, dict[str, Tensor]]
    ) -> RunContext:
        """A context whose seed belongs to one purpose alone; statistics: precomputed arrays on the device, by the statistic's key."""
        seed = derived_seed(self.spec.seed, purpose)
        return RunContext(self.build, self.recipe, seed, self.device, say, statistics=statistics)

    def key(self, purpose: str, *parts: object) -> str:
        """Names a trained model: all that decides its weights."""
        deciding = (self.spec.dataset, self.spec.model, asdict(self.recipe), self.spec.seed, self.device)
        return key_of(purpose, self.training, *deciding, *parts)

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
        return self.key("reference", self.splits.forgotten.nonzero().flatten().tolist())

    def statistic_key(self, statistic: str) -> str:
        """Names a statistic of the training set at the original model."""
        return self.key("statistic", statistic, self.engine, *self.flips, *self.own)


def set_up(spec: RunSpec, cache: ArtifactCache, datasets: Path | None = None) -> RunSetup:
    """Turn a spec's names into objects; nothing is computed. datasets: those that the user added. Raises WrongInput."""
    pair = spec.dataset, spec.model
    versions = training_version(*pair), shared_version(*pair), results_versions(*pair)
    device = choose_device(spec.device)
    _make_deterministic(spec.model)
    dataset = load_dataset(spec.dataset, datasets)
    recipe, splits = with_own(preset_for(spec.dataset, spec.model).recipe, spec.recipe), split(dataset, spec.request)
    return RunSetup(spec, splits, recipe, lambda: MODELS[spec.model](dataset.info), device, cache, *versions)


def _make_deterministic(model: str) -> None:
    """Same seed, same weights: no kernel that adds in a changing order where there is another, and as many threads whatever else runs."""
    torch.set_num_threads(threads_of(model, cores(), threads_asked()))  # pages stay quick, since runs are niced
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
    context, kind = setup.context(purpose, say, {}), f"curve/{setup.subject}@"
    at = Checkpoints(setup.cache, key, f"checkpoint/{setup.subject}@{setup.training}")
    for older in (kind, f"checkpoint/{setup.subject}@"):
        setup.cache.store.forget_older(older, setup.training)
    setup.cache.store.forget_stale("checkpoint/", DAYS)

    def note(loss: float, accuracy: float) -> None:
        at.curve.append((loss, accuracy))
        noted(loss, accuracy)

    def resume(training: Training) -> int:
        done = at.resume(training)
        for point in at.curve:
            noted(*point)
        resumed(done / setup.recipe.epochs)
        return done

    def make() -> dict[str, Tensor]:
        weights = fit(
            context.fresh_model(), examples, setup.recipe, context, noted=note, resume=resume, ended=at.ended
        ).state_dict()
        file = setup.cache.artifacts.put_arrays({"curve": np.array(at.curve, dtype=np.float64).reshape(-1, 2)})
        setup.cache.store.keep(_curve_key(key), f"{kind}{setup.training}", file, 0.0)
        return weights

    found = setup.cache.load_or_make(key, purpose, make, setup.device, earlier=lambda: at.earlier)
    at.done()
    return found


def curve_of(setup: RunSetup, key: str) -> np.ndarray:
    """(epochs, 2): mean loss and accuracy of each epoch of the network of this key; none where it was not kept."""
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
