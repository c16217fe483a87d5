"""Interactive analysis: accuracy and divergence of SSD at another alpha and lambda, without a new run; read-only."""

from dataclasses import dataclass
from functools import lru_cache
from time import thread_time
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from core.analysis.finished_run import FinishedRun, open_models
from core.analysis.weights.importance_of_run import Importances, importances_of, views
from core.data.dataset import Examples
from core.domain.hyperparameters import params_of
from core.methods.ssd import SSD, adaptive_alpha
from core.metrics.accuracy import accuracy, accuracy_by_class, accuracy_of
from core.metrics.reference_agreement import js_divergence
from core.storage.home import Home
from core.training.loop import predict

HALF_A_DECADE = 10**0.5


class Axis(NamedTuple):
    """Of alpha. automatic: what the adaptive rule says, at most the largest alpha that SSD takes; it lies between the ends."""

    low: float
    high: float
    automatic: float


def axis_of(importances: Importances, forget_share: float) -> Axis:
    """From the smallest to the largest ratio I_forget / I_all of weights with both above 0, cut to what SSD takes for alpha.

    The automatic value, which no setting limits below, widens it where it lies outside; where nothing is left between the
    ends they are half a decade either way.
    """
    declared = params_of(SSD)["alpha"]
    least, most = declared.low or 0.0, declared.high or float("inf")
    automatic = min(most, adaptive_alpha(importances.of_forget, importances.of_all, forget_share))
    forget, everything = importances.forget, importances.everything
    both = (forget > 0) & (everything > 0)
    ratios = forget[both].double() / everything[both]
    ends = [float(ratios.min()), float(ratios.max())] if len(ratios) else [1.0]
    inside = [min(max(end, least), most) for end in ends] + ([automatic] if automatic > 0 else [])
    low, high = min(inside), max(inside)
    if low == high:
        low, high = min(low, max(least, low / HALF_A_DECADE)), max(high, min(most, high * HALF_A_DECADE))
    return Axis(low, high, automatic)


EVALUATED = 2000  # examples of a set that are evaluated, at most; the page says how many
SECONDS = {"test": 0.08, "forget": 0.04}  # that predicting a set may take
FEWEST = {"test": 32, "forget": 16}  # examples of a set, however slow the network
PROBED, TRIES, PROBING = 32, 5, 0.2  # examples by which seconds are measured; how often, and seconds that it may take
BINS = 20  # of the histogram of beta


@dataclass(frozen=True, eq=False)
class Dampenable:
    """A finished run prepared for dampening. seconds: that the network takes for one example."""

    finished: FinishedRun
    importances: Importances
    axis: Axis
    model: nn.Module  # its weights are views of `weights`, which is overwritten at every call
    weights: Tensor  # (d,)
    original: Tensor  # (d,)
    seconds: float
    sets: dict[str, Examples]  # test, forget
    test_forgotten: Tensor  # bool, of the evaluated test examples
    reference_logits: Tensor | None  # on the forget set
    others_by_class: dict[str, list[float | None]]  # original, and reference where there is one -> as `per_class` of redampen


@lru_cache(maxsize=4)
def load(finished: FinishedRun, importance_key: str = "") -> Dampenable:
    """importance_key: of the background analysis with the importances, '' for the run's own. Raises WrongInput where there are none."""
    importances, splits, model = importances_of(finished, importance_key), finished.splits, finished.fresh().eval()
    model.load_state_dict(finished.weights["original"])
    original = torch.cat([p.detach().flatten() for p in model.parameters()])
    weights = original.clone()
    pieces = views(weights, {name: p.shape for name, p in model.named_parameters()})
    for name, parameter in model.named_parameters():
        parameter.data = pieces[name]
    seconds = _seconds(model, splits.test)
    count = {name: int(min(EVALUATED, max(FEWEST[name], most / seconds))) for name, most in SECONDS.items()}
    rows = splits.test.some(count["test"])
    sets = {"test": splits.test.subset(rows), "forget": splits.forget.sample(count["forget"])}
    reference = predict(finished.model("reference"), sets["forget"], "cpu") if "reference" in finished.models else None
    others = [name for name in finished.models if name != "unlearned"]
    test, multi = sets["test"], finished.data.info.multi
    others_by_class = {name: accuracy_by_class(predict(finished.model(name), test, "cpu"), test.labels, multi) for name in others}
    axis, forgotten = axis_of(importances, splits.forget_share), splits.test_forgotten[rows]
    return Dampenable(finished, importances, axis, model, weights, original, seconds, sets, forgotten, reference, others_by_class)


def _seconds(model: nn.Module, test: Examples) -> float:
    """Seconds of this network for one example: the best of several tries, in processor time of this thread.

    Wall-clock time would be longer on a busy machine, and fewer examples would be evaluated for that.
    """
    probe = test.first(PROBED)
    predict(model, probe, "cpu")  # the first pass is slower than all others
    taken: list[float] = []
    while len(taken) < TRIES and sum(taken) < PROBING:
        began = thread_time()
        predict(model, probe, "cpu")
        taken.append(thread_time() - began)
    return min(taken) / len(probe)


def dampened(prepared: Dampenable, alpha: float, lambda_: float) -> tuple[Tensor, Tensor]:
    """Sets the model's weights to the original's, dampened; returns which, int64 (m,) of all weights, and their factors (m,), below 1.

    The same weights bit for bit as by `core.methods.ssd.dampening`, ten times as fast, since only selected ones are computed.
    """
    forget, everything = prepared.importances.forget, prepared.importances.everything
    selected = (forget > alpha * everything).nonzero().flatten()
    factors = lambda_ * everything[selected] / forget[selected]
    smaller = factors < 1
    selected, factors = selected[smaller], factors[smaller]
    prepared.weights.copy_(prepared.original)
    prepared.weights[selected] = prepared.original[selected] * factors
    return selected, factors


def redampen(home: Home, run_id: str, alpha: float, lambda_: float, importance_key: str = "") -> dict[str, Any]:
    """The network dampened from the run's importances (see `load`), and its accuracies.

    `dampened`: share of weights made smaller, by parameter tensor; `dampened_all`: over all. `betas`: how many of them got a
    factor in each of BINS equal bins from 0 to 1. `per_class`: accuracy on test images by class (None where a class is
    absent), or on all of them by attribute; `beside`: the same of original and reference, on the same images; `images`: how
    many of them are of each class, or have each attribute. `forget`, `test_retain`, `test_forget`: accuracies (None where the set is
    empty). `js_to_reference`: nats on the forget set, None without a reference.
    `looked_at`: how many images of each set were evaluated; `test_forget` and `test_retain` are parts of `test`.
    """
    prepared = load(open_models(home, run_id), importance_key)
    selected, factors = dampened(prepared, alpha, lambda_)
    sizes = torch.tensor([t.numel() for t in prepared.importances.of_all.values()])
    layers = torch.bincount(torch.searchsorted(sizes.cumsum(0), selected, right=True), minlength=len(sizes))
    test, forget = (predict(prepared.model, prepared.sets[name], "cpu") for name in ("test", "forget"))
    labels, forgotten, multi = prepared.sets["test"].labels, prepared.test_forgotten, prepared.finished.data.info.multi
    reference = prepared.reference_logits
    return {
        "dampened": dict(zip(prepared.importances.of_all, (layers / sizes).tolist(), strict=True)),
        "dampened_all": len(selected) / len(prepared.original),
        "betas": torch.histc(factors, BINS, 0, 1).tolist() if len(factors) else [0.0] * BINS,
        "per_class": accuracy_by_class(test, labels, multi),
        "beside": prepared.others_by_class,
        "images": (labels.sum(0) if multi else torch.bincount(labels, minlength=test.shape[1])).tolist(),
        "forget": accuracy(forget, prepared.sets["forget"].labels),
        "test_forget": accuracy_of(test, labels, forgotten),
        "test_retain": accuracy_of(test, labels, ~forgotten),
        "js_to_reference": None if reference is None else js_divergence(forget, reference, multi=multi),
        "looked_at": {
            "test": len(labels), "forget": len(forget), "test_forget": int(forgotten.sum()), "test_retain": int((~forgotten).sum()),
        },
    }
