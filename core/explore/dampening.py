"""Questions answered while the user waits: what would this network do at another alpha and lambda? No run, no write."""

from dataclasses import dataclass
from functools import lru_cache
from time import perf_counter
from typing import Any

import torch
from torch import Tensor, nn

from core.data.catalog import load_dataset
from core.data.examples import Examples
from core.data.labels import is_multi
from core.data.splits import split
from core.domain import RunSpec, WrongInput
from core.kept import to_tensors
from core.methods.ssd import adaptive_alpha, dampening
from core.metrics.accuracy import accuracy
from core.metrics.divergence import js_divergence
from core.models import MODELS
from core.store.artifacts import Artifacts
from core.store.home import Home
from core.store.results import ResultStore
from core.training import predict

LOOKED_AT = 2000  # examples of a set that an answer looks at, at most; the page says how many
SECONDS, PROBED = 5.0, 32  # that asking about both sets may take, and examples by which it is measured
BINS = 60  # of the histogram of ratios
RECORDED = "importance_forget/"


@dataclass(frozen=True)
class Dampenable:
    """A finished run whose importances are stored. Tensors by parameter name, on the CPU."""

    spec: RunSpec
    model: nn.Module
    original: dict[str, Tensor]
    of_forget: dict[str, Tensor]
    of_all: dict[str, Tensor]
    forget_share: float
    sets: dict[str, Examples]  # test, forget
    test_forgotten: Tensor  # bool, of the test set looked at
    reference_logits: Tensor | None  # on the forget set


@lru_cache(maxsize=4)
def load(home: Home, run_id: str) -> Dampenable:
    """Raises WrongInput where the run is not there, not done, or has no importances."""
    with ResultStore(home.database) as store:
        run, files = store.existing(run_id), store.artifacts(run_id)
    statistics = [file for name, file in files.items() if name.startswith("statistic/Importance")]
    if not statistics or "recorded" not in files:
        raise WrongInput(f"Run {run_id} has no stored importances; open a finished SSD run.")
    artifacts = Artifacts(home.artifacts_folder)
    tensors = {
        name: to_tensors(artifacts.get_arrays(file)) for name, file in files.items() if file.endswith(".safetensors")
    }
    recorded, of_all = tensors["recorded"], next(t for name, t in tensors.items() if name.startswith("statistic/"))
    dataset = load_dataset(run.spec.dataset, home.datasets_folder)
    splits = split(dataset, run.spec.request)
    model = MODELS[run.spec.model](dataset.info).eval()
    count = _looked_at(model, splits.test)
    rows = splits.test.some(count)
    sets = {"test": splits.test.subset(rows), "forget": splits.forget.sample(count)}
    reference = None
    if "reference" in tensors:
        model.load_state_dict(tensors["reference"])
        reference = predict(model, sets["forget"], "cpu")
    return Dampenable(
        run.spec,
        model,
        tensors["original"],
        {name: recorded[RECORDED + name] for name, _ in model.named_parameters()},  # in the network's order
        {name: of_all[name] for name, _ in model.named_parameters()},
        splits.forget_share,
        sets,
        splits.test_forgotten[rows],
        reference,
    )


def _looked_at(model: nn.Module, test: Examples) -> int:
    """As many examples of each set as this network answers while the user waits."""
    probe = test.first(PROBED)
    predict(model, probe, "cpu")  # the first pass is slower than all others
    began = perf_counter()
    predict(model, probe, "cpu")
    each = (perf_counter() - began) / len(probe)
    return int(min(LOOKED_AT, max(PROBED, SECONDS / 2 / each)))


def importance_view(home: Home, run_id: str) -> dict[str, Any]:
    """What does not depend on alpha and lambda.

    `layers`: per parameter tensor, its name, count of weights and mean importance on forget and on all data.
    `histogram`: counts of log10(I_forget / I_all) over all weights with both above 0, and the bins' edges.
    `ceiling`: n/k, which no ratio of per-sample importances exceeds; None for other estimators.
    `automatic`: the adaptive alpha, at most 1000. `dead`: share of weights that feel no gradient on any data.
    """
    known = load(home, run_id)
    forget, everything = (torch.cat([t.flatten() for t in d.values()]) for d in (known.of_forget, known.of_all))
    both = (forget > 0) & (everything > 0)
    logs = (forget[both] / everything[both]).double().log10()
    low, high = (float(logs.min()), float(logs.max())) if len(logs) else (-1.0, 1.0)
    counts = torch.histc(logs, BINS, low, high) if len(logs) else torch.zeros(BINS)
    step = (high - low) / BINS
    return {
        "layers": [
            {"layer": name, "weights": t.numel(), "forget": float(t.double().mean()),
             "all": float(known.of_all[name].double().mean())}
            for name, t in known.of_forget.items()
        ],
        "histogram": {"counts": counts.tolist(), "edges": [low + step * i for i in range(BINS + 1)]},
        "ceiling": 1 / known.forget_share if known.spec.params.get("importance") == "per_sample" else None,
        "automatic": min(1000.0, adaptive_alpha(known.of_forget, known.of_all, known.forget_share)),
        "dead": float((everything == 0).double().mean()),
    }  # fmt: skip


def redampen(home: Home, run_id: str, alpha: float, lambda_: float) -> dict[str, Any]:
    """The network dampened anew from the stored importances, and what it answers.

    `dampened`: share of weights made smaller, by parameter tensor; `dampened_all`: over all. `per_class`: accuracy on test
    images by class (None where a class is absent), or on all of them by attribute. `forget`, `test_retain`,
    `test_forget`: accuracies (None where the set is empty). `js_to_reference`: nats on the forget set, None without a
    reference. `looked_at`: how many images of each set were asked.
    """
    known = load(home, run_id)
    factors = dampening(known.of_forget, known.of_all, alpha, lambda_)
    dampened = {name: factor < 1 for name, factor in factors.items()}  # a selected weight with beta = 1 stays as it is
    known.model.load_state_dict({n: t * factors[n] if n in factors else t for n, t in known.original.items()})
    test, forget = (predict(known.model, known.sets[name], "cpu") for name in ("test", "forget"))
    labels = known.sets["test"].labels
    gone = known.test_forgotten
    weights = sum(mask.numel() for mask in dampened.values())
    return {
        "dampened": {name: float(mask.double().mean()) for name, mask in dampened.items()},
        "dampened_all": sum(int(mask.sum()) for mask in dampened.values()) / weights,
        "per_class": _by_class(test, labels),
        "forget": accuracy(forget, known.sets["forget"].labels),
        "test_forget": _accuracy(test, labels, gone),
        "test_retain": _accuracy(test, labels, ~gone),
        "js_to_reference": None
        if known.reference_logits is None
        else js_divergence(forget, known.reference_logits, multi=is_multi(labels)),
        "looked_at": {"test": len(labels), "forget": len(forget)},
    }


def _by_class(logits: Tensor, labels: Tensor) -> list[float | None]:
    if is_multi(labels):
        return [accuracy(logits[:, [a]], labels[:, [a]]) for a in range(logits.shape[1])]
    return [_accuracy(logits, labels, labels == index) for index in range(logits.shape[1])]


def _accuracy(logits: Tensor, labels: Tensor, chosen: Tensor) -> float | None:
    return accuracy(logits[chosen], labels[chosen]) if chosen.any() else None
