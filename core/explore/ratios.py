"""Which values of alpha are worth a look: those between the smallest and the largest ratio of the two importances."""

from typing import NamedTuple

from core.explore.importances import Importances
from core.methods.ssd import SSD, adaptive_alpha
from core.params import params_of

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
