"""The checks of several seeds: is there an effect at all, and a difference to others, beyond chance?"""

from collections.abc import Mapping

from core.domain.formatting import percent
from core.domain.requests.base import ForgetRequest
from core.reports.checks.case import Doubt
from core.reports.intervals import FEW, Spread, change, spread
from core.reports.verdict import Numbers

BySeed = Mapping[tuple[int, str], Numbers]  # (seed, draw) -> a run's numbers; the draw is '' where nothing is drawn
DIVERGENCE = "js_to_reference"


def check_study(seeds: BySeed, request: ForgetRequest, *, rivals: Mapping[str, BySeed] | None = None) -> list[Doubt]:
    """Doubts about one method's runs over several seeds; rivals: what each is (another method, a control) -> its runs.

    The effect is how much accuracy on the forget request fell, for class requests, else how much nearer the answers came to the
    reference's; between rivals, the difference of that distance, seed by seed. Only values that a seed has both of count,
    and what too few of them tell is a doubt: an empty list means that the effect and every difference were found.
    """
    if len(seeds) < FEW:
        return [Doubt("few_seeds", f"Too few seeds for a claim: {len(seeds)}, at least {FEW} are wanted.")]
    metric = "test_forget_accuracy" if request.by_class else DIVERGENCE
    effect = spread([v for n in seeds.values() if (v := _less(n, "original", n, "unlearned", metric)) is not None])
    what = "accuracy on the forget request" if request.by_class else "the distance to the reference"
    found = [_of_effect(what, effect, metric)]
    for title, others in (rivals or {}).items():
        shared = [seed for seed in seeds if seed in others]
        both = [_less(others[s], "unlearned", seeds[s], "unlearned", DIVERGENCE) for s in shared]
        found.append(_of_difference(title, spread([v for v in both if v is not None])))
    return [doubt for doubt in found if doubt]


def _of_effect(what: str, effect: Spread, metric: str) -> Doubt | None:
    if effect.few:
        return Doubt("few_seeds", f"It cannot be told whether {what} fell: {_paired(effect)} with that number.")
    if effect.mean <= 0:
        return Doubt("no_effect", f"There is no effect: on average, {what} {_moved(effect, metric)}.")
    if _wide(effect):
        return Doubt("wide_interval", f"The interval is wider than the effect: {what} {_moved(effect, metric)}.")
    return None


def _of_difference(title: str, apart: Spread) -> Doubt | None:
    if apart.few:
        return Doubt("few_seeds", f"A difference to {title} cannot be told: {_paired(apart)} with a distance to the reference.")
    nearer_to, farther_from, as_far_from = (f"lie {way} the reference's" for way in ("nearer to", "farther from", "as far from"))
    nearer = f"the predictions {change(apart, nearer_to, farther_from, as_far_from, _nats)}"
    if _wide(apart):
        return Doubt("wide_interval", f"No difference to {title} can be told: {nearer}, an interval that holds zero.")
    if apart.mean <= 0:
        return Doubt("rival_nearer", f"No better than {title}: {nearer}.")
    return None


def _paired(found: Spread) -> str:
    return f"{found.n} paired {'seed' if found.n == 1 else 'seeds'}"


def _less(one: Numbers, of_one: str, other: Numbers, of_other: str, metric: str) -> float | None:
    """The first's value minus the second's; None where one of them has none."""
    a, b = one.get(of_one, {}).get(metric), other.get(of_other, {}).get(metric)
    return None if a is None or b is None else a - b


def _wide(found: Spread) -> bool:
    """Whether the interval holds zero."""
    return found.half_width is None or found.half_width >= abs(found.mean)


def _moved(fall: Spread, metric: str) -> str:
    """`fall`: above zero, it fell."""
    return change(fall, "fell", "rose", "did not change", percent if metric != DIVERGENCE else _nats)


def _nats(value: float) -> str:
    return f"{value:.3f} nats"
