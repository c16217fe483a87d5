"""How fast the Fisher's diagonal is, against a training pass and against torch.func, in one process on the CPU.

Run from the root: python tests/benchmarks/bench_importance.py [samples] [repeats]
"""

from collections.abc import Callable, Iterator
from copy import deepcopy
from functools import partial
from pathlib import Path
from statistics import median
import sys
from time import perf_counter

import torch
from torch import Tensor, nn
import torch.nn.functional as F
import torchvision

sys.path.insert(0, str(Path(__file__).parents[2]))  # a script, not a test: nothing else puts the root there

from core.training.fisher import Importance, fisher_diagonal

MOST_TRAINING_PASSES = 3.0
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
    """Wall time of one run."""
    start = perf_counter()
    work()
    return perf_counter() - start


def worst_difference(ours: Importance, theirs: Importance) -> float:
    """Largest difference in any tensor, relative to that tensor's largest value."""
    return max(float((ours[name] - value).abs().max() / value.abs().max()) for name, value in theirs.items())


def agreement(model: nn.Module, x: Tensor, y: Tensor) -> float:
    """Worst difference of B and C in double precision: in single, rounding flips a ReLU now and then, in B or in C."""
    double, x = deepcopy(model).double(), x.double()
    return worst_difference(fisher_diagonal(double, partial(chunks, x, y)), by_torch_func(double, x, y, 4))


def report(samples: int = 96, repeats: int = 5) -> bool:
    """Print times and ratios; whether both bars are met."""
    torch.manual_seed(0)
    model, x, y = resnet18(), torch.rand(samples, 3, 32, 32), torch.randint(10, (samples,))
    sizes = {size: seconds(partial(by_torch_func, model, x[:32], y[:32], size)) for size in (1, *TORCH_FUNC_CHUNKS)}
    size = min(sizes, key=lambda s: sizes[s])
    print("torch.func, 32 samples: " + ", ".join(f"chunk {s} {t:.2f} s" for s, t in sizes.items()) + f"; best {size}")
    ways: dict[str, Callable[[], object]] = {
        "A training pass": partial(training_pass, model, x, y),
        "B fisher_diagonal": partial(fisher_diagonal, model, partial(chunks, x, y)),
        "C torch.func": partial(by_torch_func, model, x, y, size),
    }
    difference = agreement(model, x[:8], y[:8])
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(repeats):
        for name, way in ways.items():
            times[name].append(seconds(way))
    a, b, c = (median(taken) for taken in times.values())
    for name, taken in times.items():
        print(f"{name}: median {median(taken):.3f} s of {', '.join(f'{t:.3f}' for t in taken)}")
    good = (b / a <= MOST_TRAINING_PASSES, c / b >= LEAST_GAIN_ON_TORCH_FUNC, difference < 1e-9)
    word = ["PASS" if ok else "FAIL" for ok in good]
    print(f"B/A {b / a:.2f} training passes (bar: at most {MOST_TRAINING_PASSES}) {word[0]}")
    print(f"C/B {c / b:.2f} times faster than torch.func (bar: at least {LEAST_GAIN_ON_TORCH_FUNC}) {word[1]}")
    print(f"B and C are {difference:.1e} of a tensor's largest value apart, in double (bar: below 1e-9) {word[2]}")
    return all(good)


if __name__ == "__main__":
    sys.exit(0 if report(*(int(word) for word in sys.argv[1:3])) else 1)
