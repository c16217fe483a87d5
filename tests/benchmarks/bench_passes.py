"""What each method costs in passes over the training set, counted by hooks: no clock, so the same on every machine.

python -m tests.benchmarks.bench_passes     (a minute)

A pass is the forward and backward computation of every training image, as an epoch of training makes it. A backward computation counts
for two forward ones, so that an image that is only predicted is a third. Backward counts where the gradient comes down to the first
layer: what a method does to the last layer alone costs it the forward computation.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
import sys

import torch
from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_hook

from core.data.dataset import Dataset
from core.data.registry import load_dataset
from core.data.splits import Splits, split
from core.domain.hyperparameters import with_params
from core.domain.info import DatasetInfo
from core.domain.presets import preset_for
from core.domain.requests.classes import ClassRequest
from core.jobs.validation import preset_values
from core.jobs.write_catalogue import describe_method
from core.methods.base import UnlearningMethod
from core.methods.registry import METHODS
from core.models.layers import Normalise
from core.models.registry import MODELS
from core.training.context import RunContext
from core.training.loop import fit
from tests.benchmarks.results import append, table, verdict

MODEL, CLASS = "small_cnn", 3
MOST_OFF = 0.10


@dataclass
class Count:
    """Images that went forward through a network, and those whose gradient came back to its first layer."""

    forward: int = 0
    backward: int = 0

    @property
    def passes(self) -> float:
        """Training passes of one image."""
        return (self.forward + 2 * self.backward) / 3


def rows(x: Tensor) -> int:
    """Images in a batch; within torch.func.vmap, those of all its calls."""
    level = torch._C._functorch
    count = 1
    while level.is_functorch_wrapped_tensor(x):
        inner = level.get_unwrapped(x)
        if level.is_batchedtensor(x):
            count *= inner.shape[level.maybe_get_bdim(x)]
        x = inner
    return count * (len(x) if count == 1 else 1)


@contextmanager
def counting() -> Iterator[Count]:
    """Counts what goes through any network of ours: each begins with `Normalise`, and a layer with weights comes next."""
    count, entered = Count(), [0]

    def note(module: nn.Module, args: tuple[Tensor, ...], output: object) -> None:
        if isinstance(module, Normalise):
            entered[0] = rows(args[0])
            count.forward += entered[0]
        elif entered[0] and isinstance(module, nn.Conv2d | nn.Linear):
            images, entered[0] = entered[0], 0
            if isinstance(output, Tensor) and output.requires_grad:

                def back(_: Tensor) -> None:
                    count.backward += images

                output.register_hook(back)  # type: ignore[no-untyped-call]  # torch does not annotate it

    hook = register_module_forward_hook(note)
    try:
        yield count
    finally:
        hook.remove()


def preset_method(key: str, info: DatasetInfo, forget: int) -> UnlearningMethod:
    """A method with the preset of the images, for a request that names one class."""
    method = METHODS[key]
    made: UnlearningMethod = with_params(method, preset_values(describe_method(method), info, MODEL, ClassRequest((forget,))))
    return made


def counted(method: UnlearningMethod, original: nn.Module, splits: Splits, run: RunContext) -> tuple[Count, Count]:
    """Of the statistics that are computed once, and of the method itself, on a network that it may change."""
    with counting() as once:
        run.statistics = {s.key: s.compute(original, splits.train, run) for s in method.statistics(splits.request)}
    with counting() as each:
        method.unlearn(original, splits.only(method.reads), run)
    return once, each


def main() -> bool:
    """Whether what each method says that it costs is what is counted."""
    data: Dataset = load_dataset("digits")
    recipe = preset_for("digits", MODEL).recipe

    def context(seed: int) -> RunContext:
        return RunContext(lambda: MODELS[MODEL](data.info), recipe, seed)

    splits = split(data, ClassRequest((CLASS,)))
    n, k = len(splits.train), int(splits.forgotten.sum())
    trained = fit(context(0).fresh_model(), splits.train, recipe, context(0)).state_dict()
    rows_, good = [], True
    for key in METHODS:
        method, original = preset_method(key, data.info, CLASS), context(0).fresh_model()
        original.load_state_dict(trained)
        if key == "amnesiac":  # a class is in every batch
            method = replace(method, every_batch="subtract")  # type: ignore[type-var]  # methods are dataclasses
        once, each = counted(method, original.eval(), splits, context(0))
        says = method.passes(n, k, recipe)
        good &= verdict(f"{key}: says what it costs within {MOST_OFF:.0%}", f"{says / n:.3f}, counted {each.passes / n:.3f}",
                        abs(says - each.passes) <= MOST_OFF * each.passes)  # fmt: skip
        rows_.append((key, each.passes / n, says / n, each.forward / n, each.backward / n, once.passes / n))
    append(
        f"What each method costs, in passes over the training set: digits, {MODEL}, class {CLASS}, presets",
        table(("method", "passes", "as it says", "images forward", "images backward", "statistics, once"), rows_),
    )
    return good


if __name__ == "__main__":
    sys.exit(not main())
