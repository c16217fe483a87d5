"""Numbers by class, by pair of classes and by layer, as tables for the pages."""

import pandas as pd
import torch

from core.data.label_kinds import answers
from core.data.splits import Splits
from core.metrics.base import Evidence
from core.metrics.weight_distance import changed_share, relative_distance


def per_class(evidence: Evidence) -> pd.DataFrame:
    """One row per split (train, test), model and class: accuracy (share, NaN where the class is absent) and count.

    Of several attributes one row an attribute, its index under `class`: accuracy over all images, `count` of them,
    `positives` of which have it and `answered` of which the model predicts to have it.
    """
    if evidence.multi:
        return _per_attribute(evidence)
    parts = []
    for split, model, logits, labels in _logits(evidence):
        classes = logits.shape[1]
        right = (logits.argmax(1) == labels).double()
        count = torch.bincount(labels, minlength=classes)
        accuracy = torch.bincount(labels, right, minlength=classes) / count
        parts.append(
            pd.DataFrame({"split": split, "model": model, "class": range(classes), "accuracy": accuracy.numpy(), "count": count.numpy()})
        )
    return pd.concat(parts, ignore_index=True)


def _per_attribute(evidence: Evidence) -> pd.DataFrame:
    rows = []
    for split, model, logits, labels in _logits(evidence):
        predicted, truth = answers(logits, multi=True) > 0, labels > 0
        for index in range(logits.shape[1]):
            here, there = predicted[:, index], truth[:, index]
            value = float((here == there).double().mean()) if len(here) else float("nan")
            rows.append(
                {"split": split, "model": model, "class": index, "accuracy": value, "count": len(here),
                 "positives": int(there.sum()), "answered": int(here.sum())}
            )  # fmt: skip
    return pd.DataFrame(rows)


def confusion(evidence: Evidence) -> pd.DataFrame:
    """One row per split, model, true and predicted class that an image has: count, and mean confidence (share).

    A cell without an image has no row, so that the table grows with the images and not with the square of the classes; a
    missing cell is 0. Splits: train, test, and `forget`, the forget set alone. Empty where an image has several attributes:
    then no class is predicted in place of another, and `per_class` has all counts.
    """
    columns = ["split", "model", "true", "predicted", "count", "confidence"]
    if evidence.multi:
        return pd.DataFrame([], columns=columns)
    forgotten = [("forget", model, *own.of("forget", evidence.splits)) for model, own in evidence.logits.items()]
    parts = []
    for split, model, logits, labels in [*_logits(evidence), *forgotten]:
        surest, predicted = logits.softmax(1).max(1)
        classes = logits.shape[1]
        cells, place = torch.unique(labels * classes + predicted, return_inverse=True)  # sorted: by true, then predicted class
        count = torch.bincount(place, minlength=len(cells))
        confidence = torch.bincount(place, surest.double(), minlength=len(cells)) / count
        values = (cells // classes, cells % classes, count, confidence)
        numbers = {name: value.numpy() for name, value in zip(columns[2:], values, strict=True)}
        parts.append(pd.DataFrame({"split": split, "model": model, **numbers}))
    return pd.concat(parts, ignore_index=True)


def layers(evidence: Evidence) -> pd.DataFrame:
    """One row per parameter tensor: count of weights, share changed, relative distances from the original's weights."""
    original, unlearned = evidence.weights["original"], evidence.weights["unlearned"]
    reference = evidence.weights.get("reference")
    return pd.DataFrame(
        {
            "layer": name,
            "weights": weights.numel(),
            "changed": changed_share(unlearned[name], weights),
            "distance": relative_distance({name: unlearned[name]}, {name: weights}),
            "reference_distance": relative_distance({name: reference[name]}, {name: weights})
            if reference
            else float("nan"),
        }
        for name, weights in original.items()
    )


def _logits(evidence: Evidence) -> list[tuple[str, str, torch.Tensor, torch.Tensor]]:
    splits: Splits = evidence.splits
    return [
        (split, model, logits, labels.cpu())
        for model, own in evidence.logits.items()
        for split, logits, labels in (
            ("train", own.train, splits.train.labels.cpu()[own.train_rows]),
            ("test", own.test, splits.test.labels),
        )
    ]
