"""How far two numbers may lie apart by chance, or by retraining variability."""

from collections.abc import Callable

from core.reports.verdict import Numbers

SURE = 3.0  # standard errors: a difference of shares below this may be chance
TIMES_VARIABILITY = 2.0  # a gap no larger than this many times the retraining variability gives no warning


def standard_error(one: float, other: float, count: int) -> float:
    """Of the difference of two shares, each seen on `count` images, if both were the same share; 0 for no images."""
    both = (one + other) / 2
    return float((2 * both * (1 - both) / count) ** 0.5) if count else 0.0


def auc_error(area: float, members: int, others: int) -> float:
    """Of an area under the curve of so many members and others; 0 where a side has none.

    Hanley and McNeil, Radiology 143 (1982), 29-36, for scores that fall off exponentially; exact at chance (0.5).
    """
    if not members or not others:
        return 0.0
    high = max(area, 1 - area)  # the same error on either side of chance: the scores of the two sides change places
    one, other = high / (2 - high), 2 * high**2 / (1 + high)
    spread = high * (1 - high) + (members - 1) * (one - high**2) + (others - 1) * (other - high**2)
    return float((spread / (members * others)) ** 0.5)


def difference(ours: float, theirs: float) -> float:
    """The gap of two shares, or of two entropies."""
    return ours - theirs


def allowed(metric: str, second_reference: Numbers | None, least: float, gap: Callable[[float, float], float] = difference) -> float:
    """How far a value may lie from the reference's without a warning: twice the second reference's gap, and at least `least`.

    second_reference: numbers of the run that retrained a second time; its `unlearned` is that second network.
    """
    ours, theirs = ((second_reference or {}).get(model, {}).get(metric) for model in ("unlearned", "reference"))
    return least if ours is None or theirs is None else max(least, TIMES_VARIABILITY * abs(gap(ours, theirs)))
