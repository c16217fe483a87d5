"""Loss and accuracy of each epoch of training, of the networks that were trained here."""

from collections.abc import Mapping

import numpy as np
import pandas as pd


def training_table(curves: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """curves: network -> (epochs, 2) of mean loss (nats) and accuracy (share) on its training images, each as it was trained on.

    Columns: model, epoch (from 1), loss, accuracy.
    """
    rows = [
        {"model": model, "epoch": epoch, "loss": float(loss), "accuracy": float(accuracy)}
        for model, curve in curves.items() for epoch, (loss, accuracy) in enumerate(curve, 1)
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=["model", "epoch", "loss", "accuracy"])
