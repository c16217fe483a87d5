"""Questions answered while the user waits: what would this network do at another alpha and lambda? No run, no write."""

from dataclasses import dataclass
from functools import lru_cache
from time import thread_time
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from core.analysis.finished_run import Opened, open_models
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


LOOKED_AT = 2000  # examples of a set that an answer looks at, at most; the page says how many
SECONDS = {"test": 0.08, "forget": 0.04}  # that asking about a set may take
FEWEST = {"test": 32, "forget": 16}  # examples of a set, however slow the network
PROBED, TRIES, PROBING = 32, 5, 0.2  # examples by which seconds are measured; how often, and seconds that it may take
BINS = 20  # of the histogram of beta


@dataclass(frozen=True, eq=False)
class Dampenable:
    """A finished run whose importances are known. seconds: that one example takes."""

    opened: Opened
    importances: Importances
    axis: Axis
    model: nn.Module  # its weights are pieces of `weights`, which is written anew at every question
    weights: Tensor  # (d,)
    original: Tensor  # (d,)
    seconds: float
    sets: dict[str, Examples]  # test, forget
    test_forgotten: Tensor  # bool, of the test set looked at
    reference_logits: Tensor | None  # on the forget set
    beside: dict[str, list[float | None]]  # original, and reference where there is one -> as `per_class` of redampen


@lru_cache(maxsize=4)
def load(opened: Opened, kept: str = "") -> Dampenable:
    """kept: the key of the look that computed the importances, '' for the run's own. Raises WrongInput where there are none."""
    importances, splits, model = importances_of(opened, kept), opened.splits, opened.fresh().eval()
    model.load_state_dict(opened.weights["original"])
    original = torch.cat([p.detach().flatten() for p in model.parameters()])
    weights = original.clone()
    pieces = views(weights, {name: p.shape for name, p in model.named_parameters()})
    for name, parameter in model.named_parameters():
        parameter.data = pieces[name]
    seconds = _seconds(model, splits.test)
    count = {name: int(min(LOOKED_AT, max(FEWEST[name], most / seconds))) for name, most in SECONDS.items()}
    rows = splits.test.some(count["test"])
    sets = {"test": splits.test.subset(rows), "forget": splits.forget.sample(count["forget"])}
    reference = predict(opened.model("reference"), sets["forget"], "cpu") if "reference" in opened.models else None
    others = [name for name in opened.models if name != "unlearned"]
    test, multi = sets["test"], opened.data.info.multi
    beside = {name: accuracy_by_class(predict(opened.model(name), test, "cpu"), test.labels, multi) for name in others}
    axis, gone = axis_of(importances, splits.forget_share), splits.test_forgotten[rows]
    return Dampenable(opened, importances, axis, model, weights, original, seconds, sets, gone, reference, beside)


def _seconds(model: nn.Module, test: Examples) -> float:
    """That this network takes for one example: the best of several tries, by the seconds that this thread was at work.

    Those of the clock would be longer on a machine that does other things too, and fewer examples would be asked for that.
    """
    probe = test.first(PROBED)
    predict(model, probe, "cpu")  # the first pass is slower than all others
    taken: list[float] = []
    while len(taken) < TRIES and sum(taken) < PROBING:
        began = thread_time()
        predict(model, probe, "cpu")
        taken.append(thread_time() - began)
    return min(taken) / len(probe)


def dampened(known: Dampenable, alpha: float, lambda_: float) -> tuple[Tensor, Tensor]:
    """Its model's weights are now the original's, dampened: which, int64 (m,) of all weights, and their factors (m,), below 1.

    The same weights bit for bit as `core.methods.ssd.dampening` gives, ten times as fast, for it only computes what is selected.
    """
    forget, everything = known.importances.forget, known.importances.everything
    selected = (forget > alpha * everything).nonzero().flatten()
    factors = lambda_ * everything[selected] / forget[selected]
    smaller = factors < 1
    selected, factors = selected[smaller], factors[smaller]
    known.weights.copy_(known.original)
    known.weights[selected] = known.original[selected] * factors
    return selected, factors


def redampen(home: Home, run_id: str, alpha: float, lambda_: float, kept: str = "") -> dict[str, Any]:
    """The network dampened anew from its importances (see `load`), and what it answers.

    `dampened`: share of weights made smaller, by parameter tensor; `dampened_all`: over all. `betas`: how many of them got a
    factor in each of BINS equal bins from 0 to 1. `per_class`: accuracy on test images by class (None where a class is
    absent), or on all of them by attribute; `beside`: the same of original and reference, on the same images; `images`: how
    many of them are of each class, or have each attribute. `forget`, `test_retain`, `test_forget`: accuracies (None where the set is
    empty). `js_to_reference`: nats on the forget set, None without a reference.
    `looked_at`: how many images of each set were asked; `test_forget` and `test_retain` are parts of `test`.
    """
    known = load(open_models(home, run_id), kept)
    selected, factors = dampened(known, alpha, lambda_)
    sizes = torch.tensor([t.numel() for t in known.importances.of_all.values()])
    layers = torch.bincount(torch.searchsorted(sizes.cumsum(0), selected, right=True), minlength=len(sizes))
    test, forget = (predict(known.model, known.sets[name], "cpu") for name in ("test", "forget"))
    labels, gone, multi = known.sets["test"].labels, known.test_forgotten, known.opened.data.info.multi
    reference = known.reference_logits
    return {
        "dampened": dict(zip(known.importances.of_all, (layers / sizes).tolist(), strict=True)),
        "dampened_all": len(selected) / len(known.original),
        "betas": torch.histc(factors, BINS, 0, 1).tolist() if len(factors) else [0.0] * BINS,
        "per_class": accuracy_by_class(test, labels, multi),
        "beside": known.beside,
        "images": (labels.sum(0) if multi else torch.bincount(labels, minlength=test.shape[1])).tolist(),
        "forget": accuracy(forget, known.sets["forget"].labels),
        "test_forget": accuracy_of(test, labels, gone),
        "test_retain": accuracy_of(test, labels, ~gone),
        "js_to_reference": None if reference is None else js_divergence(forget, reference, multi=multi),
        "looked_at": {"test": len(labels), "forget": len(forget), "test_forget": int(gone.sum()), "test_retain": int((~gone).sum())},
    }
