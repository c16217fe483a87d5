"""Linear probes: whether a network's features still separate the forgotten classes, whatever it predicts."""

import warnings

import numpy as np
import pandas as pd
import torch

from core.domain.info import MetricInfo
from core.domain.run import MODELS
from core.metrics.base import Evidence, Metric, NotApplicable
from core.metrics.layer_features import features

FAMILY = "Residual knowledge"
FEWEST = 5  # test images of the forgotten classes, and of the retain classes
FORGET, RETAIN, TEST = 300, 600, 1000  # images of each set, at most
FEATURES_OF = (("forget", FORGET), ("retain", RETAIN), ("test_forget", TEST), ("test_retain", TEST))
PASSES = 200  # of the solver


def probe(train: tuple[np.ndarray, np.ndarray], test: tuple[np.ndarray, np.ndarray]) -> float:
    """Balanced accuracy, in [0, 1], on `test` of a logistic regression fitted on `train`; 0.5 is chance.

    train, test: (features of the forget set (n, d), of the retain set (m, d)). Standardised, classes weighed alike.
    """
    from sklearn.exceptions import ConvergenceWarning  # noqa: PLC0415  # a second that listing metrics need not pay
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415  # see above
    from sklearn.metrics import balanced_accuracy_score  # noqa: PLC0415  # see above
    from sklearn.pipeline import make_pipeline  # noqa: PLC0415  # see above
    from sklearn.preprocessing import StandardScaler  # noqa: PLC0415  # see above

    (x, y), (test_x, test_y) = (
        (np.concatenate(sides), np.repeat([1, 0], [len(side) for side in sides])) for sides in (train, test)
    )
    classifier = make_pipeline(StandardScaler(), LogisticRegression(class_weight="balanced", max_iter=PASSES, tol=1e-3))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # PASSES is enough for a probe
        classifier.fit(x, y)
    return float(balanced_accuracy_score(test_y, classifier.predict(test_x)))


def probes(evidence: Evidence, model: str) -> dict[str, float]:
    """Layer group -> balanced accuracy, in [0, 1], of detecting the forgotten classes in its features. Raises NotApplicable."""
    if not evidence.splits.request.by_class:
        raise NotApplicable("A probe detects a forgotten class; this request names images, not a class.")
    evidence.network(model)
    fewest = min(len(evidence.sample_rows(name, TEST)) for name in ("test_forget", "test_retain"))
    if fewest < FEWEST:
        raise NotApplicable(f"A probe needs {FEWEST} test images of the forgotten and of the retain classes; there are {fewest}.")
    return evidence.cached(f"probes/{model}", lambda: _probes(evidence, model))


def _probes(evidence: Evidence, model: str) -> dict[str, float]:
    forget, retain, test_forget, test_retain = (features(evidence, model, name, count) for name, count in FEATURES_OF)
    return {
        layer: probe(_numpy(forget[layer], retain[layer]), _numpy(test_forget[layer], test_retain[layer]))
        for layer in forget
    }


def _numpy(*tensors: torch.Tensor) -> tuple[np.ndarray, np.ndarray]:
    one, other = (t.numpy() for t in tensors)
    return one, other


def probe_table(evidence: Evidence) -> pd.DataFrame:
    """One row per model and layer group: model, layer, accuracy (balanced share)."""
    rows = []
    for model in (m for m in MODELS if m in evidence.networks):
        try:
            rows += [{"model": model, "layer": k, "accuracy": v} for k, v in probes(evidence, model).items()]
        except NotApplicable:
            continue
    return pd.DataFrame(rows, columns=["model", "layer", "accuracy"])


METRICS = (
    Metric(
        MetricInfo(
            "probe_accuracy", "Linear probe accuracy", "share", "match",
            "Balanced accuracy, on test images, of a logistic regression that looks for the forgotten classes in the features "
            "before the last layer. 50 % is chance; a network that never saw a class may tell it apart all the same: see the reference.",
        ),
        lambda evidence, model: list(probes(evidence, model).values())[-2:][0], trains=True,
    ),
)  # fmt: skip
