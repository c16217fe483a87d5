"""Loss and accuracy of each epoch of training, of the networks that were trained here."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

NAMES = ("loss", "accuracy", "validation_loss", "validation_accuracy")


def training_table(curves: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """curves: network -> (epochs, 2) of mean loss (nats) and accuracy (share) on its training images, each as it was trained on; or
    (epochs, 4), with those on the images that were held out.

    Columns: model, epoch (from 1), loss, accuracy; where any network has them, validation_loss and validation_accuracy.
    """
    longest = max((curve.shape[1] for curve in curves.values() if len(curve)), default=2)
    rows = [
        {"model": model, "epoch": epoch, **dict(zip(NAMES, map(float, point), strict=False))}
        for model, curve in curves.items() for epoch, point in enumerate(curve, 1)
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=["model", "epoch", *NAMES[:longest]])
