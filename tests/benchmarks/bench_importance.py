"""What importance costs against a training pass and against torch.func, in one process on one core; the table goes to RESULTS.md.

Run from the root: python tests/benchmarks/bench_importance.py [samples] [repeats]

Processor time, the best of `repeats` taken in turns: what else runs on the machine does not decide.
"""

from collections.abc import Callable, Iterator
from copy import deepcopy
from functools import partial
from pathlib import Path
import sys
from time import process_time

import torch
from torch import Tensor, nn
import torch.nn.functional as F
import torchvision

sys.path.insert(0, str(Path(__file__).parents[2]))  # a script, not a test: nothing else puts the root there

from core.domain.info import DatasetInfo
from core.models.registry import MODELS
from core.training.fisher import Importance, fisher_diagonal, squared_batch_gradient, squared_length
from tests.benchmarks.results import append, table, verdict

MOST_TRAINING_PASSES = {"ResNet-18": 1.5, "small ViT": 2.5}  # of the exact Fisher
LEAST_GAIN_ON_TORCH_FUNC = 1.7
BATCH = 64
TORCH_FUNC_CHUNKS = (1, 2, 4, 8, 16, 32)


def resnet18() -> nn.Module:
    """ResNet-18 for 32 x 32 images: 3 x 3 stem, no max-pool, 10 classes; statistics not at their defaults."""
    model: nn.Module = torchvision.models.resnet18(num_classes=10)
    model.conv1 = nn.Conv2d(3, 64, 3, 1, 1, bias=False)
    model.maxpool = nn.Identity()
    with torch.no_grad():
        for _ in range(3):
            model(torch.rand(64, 3, 32, 32))
    return model.eval()


def chunks(x: Tensor, y: Tensor, size: int) -> Iterator[tuple[Tensor, Tensor]]:
    """x (N, 3, 32, 32), y (N,) in chunks."""
    yield from zip(torch.split(x, size), torch.split(y, size), strict=True)


def training_pass(model: nn.Module, x: Tensor, y: Tensor) -> None:
    """Forward and backward with weight gradients, no optimizer."""
    for some_x, some_y in chunks(x, y, BATCH):
        model.zero_grad(set_to_none=True)
        torch.autograd.backward(F.cross_entropy(model(some_x), some_y))


def by_torch_func(model: nn.Module, x: Tensor, y: Tensor, size: int) -> Importance:
    """Per-sample gradients by vmap of grad, squared and summed chunk by chunk."""
    params = {name: p.detach() for name, p in model.named_parameters()}

    def loss(params: Importance, x: Tensor, y: Tensor) -> Tensor:
        return F.cross_entropy(torch.func.functional_call(model, params, (x[None],)), y[None])

    per_sample = torch.func.vmap(torch.func.grad(loss), in_dims=(None, 0, 0))
    sums = {name: torch.zeros_like(p) for name, p in params.items()}
    for some_x, some_y in chunks(x, y, size):
        for name, gradient in per_sample(params, some_x, some_y).items():
            sums[name] += gradient.square_().sum(0)
    return {name: value / len(y) for name, value in sums.items()}


def seconds(work: Callable[[], object]) -> float:
    """Processor time of one run."""
    start = process_time()
    work()
    return process_time() - start


def worst_difference(ours: Importance, theirs: Importance) -> float:
    """Largest difference in any tensor, relative to that tensor's largest value."""
    return max(float((ours[name] - value).abs().max() / value.abs().max()) for name, value in theirs.items())


def agreement(model: nn.Module, x: Tensor, y: Tensor) -> float:
    """Worst difference of B and C in double precision: in single, rounding flips a ReLU now and then, in B or in C."""
    double, x = deepcopy(model).double(), x.double()
    return worst_difference(fisher_diagonal(double, partial(chunks, x, y)), by_torch_func(double, x, y, 4))


def vit() -> nn.Module:
    """The small ViT of the dashboard, for the same images."""
    classes = tuple("abcdefghij")
    info = DatasetInfo("noise", "Noise", "Noise.", 3, 32, 32, classes, (1,) * 10, 1, (0.5,) * 3, (0.25,) * 3)
    return MODELS["vit_small"](info).eval()


def best(ways: dict[str, Callable[[], object]], repeats: int) -> dict[str, float]:
    """The least seconds of each, taken in turns."""
    rounds = [{name: seconds(way) for name, way in ways.items()} for _ in range(repeats)]
    return {name: min(taken[name] for taken in rounds) for name in ways}


def report(samples: int = 64, repeats: int = 5) -> bool:
    """Print times and ratios; whether all bars are met."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    x, y = torch.rand(samples, 3, 32, 32), torch.randint(10, (samples,))
    good, rows = [], []
    for name, model in {"ResNet-18": resnet18(), "small ViT": vit()}.items():
        ways: dict[str, Callable[[], object]] = {
            "plain": partial(training_pass, model, x, y),
            "exact": partial(fisher_diagonal, model, partial(chunks, x, y)),
            "batch": lambda model=model: squared_batch_gradient(model, chunks(x, y, BATCH)),  # type: ignore[misc]  # bound at once
            "label-free": lambda model=model: squared_batch_gradient(  # type: ignore[misc]  # as above
                model, chunks(x, y, BATCH), loss_of=squared_length, size=torch.abs
            ),
        }
        if name == "ResNet-18":
            sizes = {size: seconds(partial(by_torch_func, model, x[:16], y[:16], size)) for size in (1, *TORCH_FUNC_CHUNKS)}
            ways["torch.func"] = partial(by_torch_func, model, x, y, min(sizes, key=lambda s: sizes[s]))
        took = best(ways, repeats)
        passes = {way: took[way] / took["plain"] for way in ways}
        rows.append((name, took["plain"], *(passes.get(way, "") for way in ("exact", "batch", "label-free", "torch.func"))))
        bar = MOST_TRAINING_PASSES[name]
        good.append(verdict(f"{name}: exact Fisher over a plain pass <= {bar}", f"{passes['exact']:.2f}", passes["exact"] <= bar))
        others = max(passes["batch"], passes["label-free"])
        good.append(verdict(f"{name}: batch and label-free no slower than exact", f"{others:.2f}", others <= passes["exact"]))
        if "torch.func" in passes:
            gain, apart = passes["torch.func"] / passes["exact"], agreement(model, x[:8], y[:8])
            least = LEAST_GAIN_ON_TORCH_FUNC
            good.append(verdict(f"times faster than torch.func >= {least}", f"{gain:.2f}", gain >= least))
            good.append(verdict("apart from torch.func, of a tensor's largest value, in double < 1e-9", f"{apart:.1e}", apart < 1e-9))
    append(
        f"Importance of {samples} images in plain passes, one core, processor time, best of {repeats}",
        table(("network", "plain pass, s", "exact", "batch", "label-free", "torch.func"), rows),
    )
    return all(good)


if __name__ == "__main__":
    sys.exit(0 if report(*(int(word) for word in sys.argv[1:3])) else 1)
