"""The checks over several seeds: whether there is an effect, and a difference to other methods, beyond chance."""

from collections.abc import Mapping

from core.domain.formatting import percent
from core.domain.requests.base import ForgetRequest
from core.reports.checks.case import CheckWarning
from core.reports.intervals import FEW, Spread, change, spread
from core.reports.verdict import Numbers

BySeed = Mapping[tuple[int, str], Numbers]  # (seed, draw) -> a run's numbers; the draw is '' where nothing is drawn
DIVERGENCE = "js_to_reference"


def check_study(seeds: BySeed, request: ForgetRequest, *, rivals: Mapping[str, BySeed] | None = None) -> list[CheckWarning]:
    """Warnings about one method's runs over several seeds; rivals: title (another method, an ablation) -> its runs.

    The effect is how much accuracy on the forget request fell, for class requests, else how much nearer the predictions came to
    the reference's; between rivals, the difference of that distance, seed by seed. Only seeds that have both values count, and
    too few of them give a warning: an empty list means that the effect and every difference are significant.
    """
    if len(seeds) < FEW:
        return [CheckWarning("few_seeds", f"Too few seeds for a claim: {len(seeds)}, at least {FEW} are wanted.")]
    metric = "test_forget_accuracy" if request.by_class else DIVERGENCE
    effect = spread([v for n in seeds.values() if (v := _less(n, "original", n, "unlearned", metric)) is not None])
    what = "accuracy on the forget request" if request.by_class else "the distance to the reference"
    warnings = [_of_effect(what, effect, metric)]
    for title, others in (rivals or {}).items():
        shared = [seed for seed in seeds if seed in others]
        both = [_less(others[s], "unlearned", seeds[s], "unlearned", DIVERGENCE) for s in shared]
        warnings.append(_of_difference(title, spread([v for v in both if v is not None])))
    return [warning for warning in warnings if warning]


def _of_effect(what: str, effect: Spread, metric: str) -> CheckWarning | None:
    if effect.few:
        return CheckWarning("few_seeds", f"It cannot be told whether {what} fell: {_paired(effect)} with that number.")
    if effect.mean <= 0:
        return CheckWarning("no_effect", f"There is no effect: on average, {what} {_moved(effect, metric)}.")
    if _wide(effect):
        return CheckWarning("wide_interval", f"The interval is wider than the effect: {what} {_moved(effect, metric)}.")
    return None


def _of_difference(title: str, apart: Spread) -> CheckWarning | None:
    if apart.few:
        return CheckWarning("few_seeds", f"A difference to {title} cannot be told: {_paired(apart)} with a distance to the reference.")
    nearer_to, farther_from, as_far_from = (f"lie {way} the reference's" for way in ("nearer to", "farther from", "as far from"))
    nearer = f"the predictions {change(apart, nearer_to, farther_from, as_far_from, _nats)}"
    if _wide(apart):
        return CheckWarning("wide_interval", f"No difference to {title} can be told: {nearer}, an interval that holds zero.")
    if apart.mean <= 0:
        return CheckWarning("rival_nearer", f"No better than {title}: {nearer}.")
    return None


def _paired(over: Spread) -> str:
    return f"{over.n} paired {'seed' if over.n == 1 else 'seeds'}"


def _less(one: Numbers, of_one: str, other: Numbers, of_other: str, metric: str) -> float | None:
    """The first's value minus the second's; None where one of them has none."""
    a, b = one.get(of_one, {}).get(metric), other.get(of_other, {}).get(metric)
    return None if a is None or b is None else a - b


def _wide(over: Spread) -> bool:
    """Whether the interval holds zero."""
    return over.half_width is None or over.half_width >= abs(over.mean)


def _moved(fall: Spread, metric: str) -> str:
    """`fall`: above zero, it fell."""
    return change(fall, "fell", "rose", "did not change", percent if metric != DIVERGENCE else _nats)


def _nats(value: float) -> str:
    return f"{value:.3f} nats"
