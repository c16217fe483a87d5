"""The checks of several seeds: is there an effect at all, and a difference to others, beyond chance?"""

from collections.abc import Mapping

from core.domain import ForgetRequest
from core.spread import FEW, Spread, spread
from core.trust.case import Doubt
from core.verdict import Numbers, percent

BySeed = Mapping[int, Numbers]
DIVERGENCE = "js_to_reference"


def check_study(seeds: BySeed, request: ForgetRequest, *, rivals: Mapping[str, BySeed] | None = None) -> list[Doubt]:
    """Doubts about one method's runs over several seeds; rivals: what each is (another method, a control) -> its runs.

    The effect is how much accuracy on what had to go fell, for class requests, else how much nearer the answers came to the
    reference's; between rivals, the difference of that distance, seed by seed.
    """
    if len(seeds) < FEW:
        return [Doubt("few_seeds", f"Too few seeds for a claim: {len(seeds)}, at least {FEW} are wanted.")]
    metric = "test_forget_accuracy" if request.by_class else DIVERGENCE
    effect = spread([v for n in seeds.values() if (v := _less(n, "original", n, "unlearned", metric)) is not None])
    doubts = []
    if _wide(effect):
        what = "accuracy on what had to go" if request.by_class else "the distance to the reference"
        doubts.append(Doubt("wide_interval", f"The interval is wider than the effect: {what} fell by {_text(effect, metric)}."))
    for title, others in (rivals or {}).items():
        shared = [seed for seed in seeds if seed in others]
        both = [_less(others[s], "unlearned", seeds[s], "unlearned", DIVERGENCE) for s in shared]
        apart = spread([v for v in both if v is not None])
        if _wide(apart):
            doubts.append(
                Doubt(
                    "wide_interval",
                    f"No difference to {title} can be told: the answers lie nearer to the reference's by "
                    f"{_text(apart, DIVERGENCE)}, an interval wider than the effect.",
                )
            )
    return doubts


def _less(one: Numbers, of_one: str, other: Numbers, of_other: str, metric: str) -> float | None:
    """The first's value minus the second's; None where one of them has none."""
    a, b = one.get(of_one, {}).get(metric), other.get(of_other, {}).get(metric)
    return None if a is None or b is None else a - b


def _wide(found: Spread) -> bool:
    return found.half_width is not None and found.half_width >= abs(found.mean)


def _text(found: Spread, metric: str) -> str:
    return found.text(percent if metric != DIVERGENCE else lambda nats: f"{nats:.3f} nats")
