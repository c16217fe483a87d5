"""Layer-wise CKA: similarity of two networks' features, layer group by layer group."""

from functools import partial

import pandas as pd
from torch import Tensor

from core.domain.info import MetricInfo
from core.metrics.base import Evidence, Metric, NotApplicable
from core.metrics.layer_features import features

FAMILY = "Agreement with the reference"
FEWEST, MOST = 10, 300  # images: with fewer a similarity means nothing; more only cost time
FEATURES_OF = (("forget", MOST), ("retain", MOST))
PAIRS = (("unlearned", "original"), ("unlearned", "reference"), ("reference", "original"))


def linear_cka(x: Tensor, y: Tensor) -> float:
    """Centred kernel alignment of features x (n, d) and y (n, e) of the same n images, in [0, 1].

    ||Y'X||^2 / (||X'X|| ||Y'Y||) of centred columns, taken from the n x n Gram matrices (Kornblith et al.,
    arXiv:1905.00414). 0 where one of them does not vary at all. Few images make any two networks look alike: this is the
    biased estimate; Unlearning Comparator's library has the unbiased one, summed over mini-batches (arXiv:2010.15327).
    """
    return alignment(gram(x), gram(y))


def gram(features: Tensor) -> Tensor:
    """The Gram matrix float64 (n, n) of features (n, d), centred."""
    centred = features.double() - features.double().mean(0)
    return centred @ centred.T


def alignment(one: Tensor, other: Tensor) -> float:
    """CKA of two networks' Gram matrices (n, n) of the same images."""
    x, y = one.double(), other.double()
    size = float(x.norm() * y.norm())
    return float((x * y).sum()) / size if size else 0.0


def grams(evidence: Evidence, model: str, split: str) -> dict[str, Tensor]:
    """Layer group -> Gram matrix, rounded to float32, of the model's features of a training split: half as large to store."""

    def compute() -> dict[str, Tensor]:
        return {layer: gram(values).float() for layer, values in features(evidence, model, split, MOST).items()}

    return evidence.cached(f"gram/{split}/{model}", compute)


def layer_similarity(evidence: Evidence, split: str, one: str, other: str) -> dict[str, float]:
    """Layer group -> CKA of two models on a training split. Raises NotApplicable below ten images."""
    for model in (one, other):
        evidence.network(model)
    count = len(evidence.sample_rows(split, MOST))
    if count < FEWEST:
        raise NotApplicable(f"Comparing features needs {FEWEST} images; the {split} set has {count}.")
    names = sorted([one, other])

    def compute() -> dict[str, float]:
        ours, theirs = (grams(evidence, model, split) for model in names)
        return {layer: alignment(ours[layer], theirs[layer]) for layer in ours}

    return evidence.cached(f"cka/{split}/{'/'.join(names)}", compute)


def cka_table(evidence: Evidence) -> pd.DataFrame:
    """One row per layer group, set (forget, retain) and pair of models; columns layer, set, model, other, cka in [0, 1]."""
    rows = []
    for split in ("forget", "retain"):
        for model, other in PAIRS:
            try:
                similarities = layer_similarity(evidence, split, model, other)
            except NotApplicable:
                continue
            rows += [{"layer": k, "set": split, "model": model, "other": other, "cka": v} for k, v in similarities.items()]
    return pd.DataFrame(rows, columns=["layer", "set", "model", "other", "cka"])


def _before_the_last(split: str, evidence: Evidence, model: str) -> float:
    return list(layer_similarity(evidence, split, model, "reference").values())[-2:][0]


def _metric(split: str, what: str) -> Metric:
    return Metric(
        MetricInfo(
            f"cka_{split}_to_reference", f"CKA with the reference, {what}", "share", "high",
            f"Linear CKA of the features before the last layer with the reference's, on up to {MOST} images of the {what}, all "
            "at once; maps are averaged to at most 4 x 4 cells. "
            "100 %: the same up to rotation and scale. Two networks that were trained apart do not reach that, and an untouched original "
            "may come nearer than they do: what lies above a second reference's value says nothing.",
        ),
        partial(_before_the_last, split), ("original", "unlearned"),
    )  # fmt: skip


METRICS = (_metric("forget", "forget set"), _metric("retain", "retain set"))
