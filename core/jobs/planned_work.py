"""What a run that was not begun yet amounts to: passes over examples by stage, what one costs on this machine, and the memory it takes."""

from collections.abc import Mapping
import platform
from statistics import median
from time import perf_counter
from typing import Any

import torch
from torch import Tensor, nn

from core.data.label_kinds import loss
from core.data.registry import info_of
from core.domain.code_version import training_version
from core.domain.hyperparameters import with_params
from core.domain.info import DatasetInfo
from core.domain.methods.judged import METHOD
from core.domain.presets import preset_for
from core.domain.requests.registry import parse_request
from core.domain.run import Recipe
from core.domain.threads import threads_of
from core.domain.training.own_recipe import with_own
from core.domain.training.sharding import stored_bytes
from core.methods.baselines.original import Original
from core.methods.registry import METHODS
from core.metrics.evaluated_images import operations_per_image
from core.metrics.relearning import copies_at_most
from core.models.ensemble import builder_of
from core.models.registry import MODELS
from core.pipeline import whole_work
from core.storage.artifacts import Artifacts
from core.storage.home import Home
from core.storage.processes import cores, threads_asked
from core.storage.runs import ResultStore
from core.training.batch_size import MOST_ON_CPU, ROOM
from core.training.cache import ArtifactCache, key_of
from core.training.context import choose_device, synchronise

FEW = 8  # examples of a pass from which a large network's is reckoned: a whole batch of ViT-B/16 takes a minute
ENOUGH = 0.2  # seconds of steps after which no more are timed
LONGEST = 5.0  # seconds of a step of a whole batch; of a larger one FEW stand for it
EVALUATION_SECONDS = 1.0  # besides: attacks, tables and files, whatever the network
WEIGHTS = 10  # copies at once, about: of four networks and one that relearns, two that are stored, a gradient, two of the optimiser's
OF_RANK = 5  # of those another rank of a training has: weights, gradient, momentum, what is summed, and the best epoch's
ENGINE = 600 * 2**20  # bytes of the process before it has read anything: PyTorch's own


def planned_work(
    home: Home, dataset: str, model: str, method: str, params: dict[str, Any], request: str, recipe: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """passes: stage -> training passes over single examples, were nothing stored; seconds: of one; bytes: that the run needs at once.

    stored: bytes of the networks that a recipe by shards and slices keeps, 0 for any other. recipe: as a RunSpec has it. Raises WrongInput.
    """
    info, trained_by = info_of(dataset, home.datasets_folder), with_own(preset_for(dataset, model).recipe, recipe or {})
    asked = parse_request(request, info)
    left = info.trained_on(trained_by.validation)
    n, k = left.train_count, asked.count(info if asked.drawn else left)
    unlearning = Original() if method == METHOD else with_params(METHODS[method], params)
    one, statistics = _measured(home, info, model, trained_by), unlearning.statistics(asked)
    members, operations = trained_by.shards, trained_by.shards * int(one["operations"])
    passes = whole_work(unlearning, statistics, trained_by, (n, k, info.test_count), operations)
    passes["evaluate"] += EVALUATION_SECONDS / float(one["seconds"])
    images = (info.train_count + info.test_count) * info.channels * info.height * info.width
    activations = max(members * trained_by.batch_size * float(one["bytes"]), min(2.0 * ROOM, MOST_ON_CPU * members * float(one["bytes"])))
    with torch.device("meta"):  # its weights are not needed, only their shapes
        shapes = builder_of(model, members)(info)
    held = (WEIGHTS + copies_at_most(operations)) * members * float(one["weights"]) + sum(s.bytes(shapes, n) for s in statistics)
    memory = ENGINE + 2.0 * images + held + activations
    if (ranks := trained_by.ranks) > 1:  # which map one file of images
        memory += images + (ranks - 1) * (ENGINE + OF_RANK * float(one["weights"]) + activations / ranks)
    stored = stored_bytes(trained_by, int(one["weights"])) if trained_by.sharded else 0
    return {"passes": passes, "seconds": float(one["seconds"]), "bytes": memory, "stored": stored}


def _measured(home: Home, info: DatasetInfo, model: str, recipe: Recipe) -> Mapping[str, Tensor]:
    """`measure` of a network, once a machine and version of its code."""
    device, threads = choose_device(), threads_of(model, cores(), threads_asked())
    shape = (info.channels, info.height, info.width, len(info.classes), info.multi)
    deciding = (*shape, model, recipe.batch_size, device, threads, platform.node(), training_version(info.key, model))
    with ResultStore(home.database) as store:
        cache = ArtifactCache(store, Artifacts(home.artifacts_folder))

        def make() -> dict[str, Tensor]:
            before = torch.get_num_threads()
            torch.set_num_threads(threads)
            try:
                with torch.random.fork_rng(devices=[]):
                    return measure(MODELS[model](info), info, recipe.batch_size, device)
            finally:
                torch.set_num_threads(before)

        return cache.load_or_make(key_of("measured pass, operations", *deciding), "measured pass", make, device).tensors


def measure(model: nn.Module, info: DatasetInfo, batch_size: int, device: str) -> dict[str, Tensor]:
    """Per example of a training step on noise: seconds (the median of some) and bytes held for the backward pass.

    Besides the bytes of the weights, and the operations of predicting one example. The model is spoilt by it.
    """
    operations = operations_per_image(model.eval(), torch.zeros(1, info.channels, info.height, info.width))
    model = model.to(device).train().to(memory_format=torch.channels_last)
    optimiser = torch.optim.SGD(model.parameters(), lr=0.0, momentum=0.9)

    def step(count: int) -> float:
        x = torch.rand(count, info.channels, info.height, info.width, device=device).contiguous(memory_format=torch.channels_last)
        y = torch.zeros((count, len(info.classes)) if info.multi else count, dtype=torch.long, device=device)
        synchronise(device)
        began = perf_counter()
        optimiser.zero_grad()
        loss(model(x), y.byte() if info.multi else y).backward()  # type: ignore[no-untyped-call]  # torch does not annotate it
        optimiser.step()
        synchronise(device)
        return perf_counter() - began

    few, held, own = min(FEW, batch_size), dict[int, int](), {theta.data_ptr() for theta in model.parameters()}

    def note(saved: Tensor) -> Tensor:
        if saved.data_ptr() not in own:
            held[saved.data_ptr()] = saved.nbytes
        return saved

    with torch.autograd.graph.saved_tensors_hooks(note, lambda saved: saved):
        step(few)
    count = few if step(few) / few * batch_size > LONGEST else batch_size
    took, spent = list[float](), 0.0
    while len(took) < 2 or spent < ENOUGH:
        took.append(step(count))
        spent += took[-1]
    weights = sum(theta.nbytes for theta in model.parameters())
    return {name: torch.tensor(value, dtype=torch.float64) for name, value in
            (("seconds", median(took) / count), ("bytes", sum(held.values()) / few), ("weights", float(weights)),
             ("operations", float(operations)))}  # fmt: skip
