"""A number from several seeds: its mean, its 95 % interval, and of how many."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from math import isfinite, isnan, nan, sqrt
from statistics import fmean, stdev

FEW = 3  # with fewer values than this, pages say that they are too few for a claim
LEVEL = 0.95
Pair = tuple[int, str]  # a run's seed and its draw ('' where nothing is drawn): runs that share both can be paired


@dataclass(frozen=True)
class Spread:
    """mean: nan of no values. half_width: of the interval around it, None below two finite values. n: how many values."""

    mean: float
    half_width: float | None
    n: int

    @property
    def few(self) -> bool:
        """Whether the values are too few for a claim."""
        return self.n < FEW

    def text(self, show: Callable[[float], str] = "{:.3f}".format, *, with_n: bool = True) -> str:
        """`0.934 ± 0.012 (n = 3)`; a dash where there is no value."""
        if not self.n:
            return "–"
        around = "" if self.half_width is None else f" ± {show(self.half_width)}"
        return f"{show(self.mean)}{around}" + (f" (n = {self.n})" if with_n else "")


def change(over: Spread, more: str, less: str, same: str, show: Callable[[float], str] = "{:.3f}".format) -> str:
    """A signed change in words and its size without a sign: `rose by 0.081 ± 0.002 (n = 3)`, never `fell by -0.081`.

    more, less, same: what to say where the mean is above, below, or at zero.
    """
    size = replace(over, mean=abs(over.mean)).text(show)
    return f"{more if over.mean > 0 else less} by {size}" if over.mean else f"{same} ({size})"


def spread(values: Iterable[float]) -> Spread:
    """Student's two-sided 95 % interval for the mean of independent values; nan among them counts as no value."""
    from scipy.special import stdtrit  # noqa: PLC0415  # a fifth of a second that commands without studies need not pay

    there = [float(value) for value in values if not isnan(value)]
    n = len(there)
    if n < 2 or not all(map(isfinite, there)):
        return Spread(sum(there) / n if there else nan, None, n)
    quantile = float(stdtrit(n - 1, (1 + LEVEL) / 2))
    return Spread(fmean(there), quantile * stdev(there) / sqrt(n), n)
