"""Which epoch of training is the best by its losses on held-out images; read where networks train and where their curves are shown."""

from collections.abc import Sequence
from math import inf, isnan


def best_epoch(losses: Sequence[float]) -> int:
    """From 1, the first of the lowest loss; a loss that is not a number is above all others. 0 before the first."""
    known = [inf if isnan(loss) else loss for loss in losses]
    return known.index(min(known)) + 1 if known else 0
