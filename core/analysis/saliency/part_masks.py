"""Ground truth of maps: which pixels of the cartoon faces show which part."""

import numpy as np
import torch
from torch import Tensor

from core.data.datasets.cartoon_faces.people import true_pixels
from core.data.datasets.cartoon_faces.sets import SETS, everybody, seen

SIDES = {source.INFO.key: source.INFO.height for source in SETS}


def true_parts(dataset: str, half: str, rows: Tensor) -> dict[str, np.ndarray]:
    """Part -> bool (n, H, W) of the pixels that show it; {} for other data. half: "train" or "test"; rows: int64 (n,)."""
    if dataset not in SIDES:
        return {}
    here = (seen() if half == "train" else ~seen()).nonzero()[:, 0]
    return {part: pixels.numpy() for part, pixels in true_pixels(everybody(), SIDES[dataset], here[rows.to(torch.int64)]).items()}
