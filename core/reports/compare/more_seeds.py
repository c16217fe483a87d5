"""How many more seeds would decide what a comparison cannot tell, were the differences seen the true ones: power of the paired t test.

With n pairs, a difference whose observed mean and standard deviation were the true ones is told by a 95 % interval with probability
P(|T| > t(n - 1, 0.975)), where T follows Student's noncentral t with n - 1 degrees of freedom and noncentrality sqrt(n) |mean| / sd
(J. Cohen, Statistical Power Analysis for the Behavioral Sciences, 2nd ed. 1988, chapter 2). The smallest n at which it reaches 80 % is
what is asked for. It is the power at the assumed effect, not the probability that the seeds decide: of what a comparison could not
tell, the largest difference of several is seen, which is on average larger than the true one, and true differences may be zero. So
no share is promised: where methods are equal, any would be broken.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import sqrt

from core.domain.methods.ablations import SECOND_REFERENCE_METHOD
from core.reports.compare.comparison_sentence import Group, listed, sure
from core.reports.compare.paired_differences import ZERO, difference
from core.reports.intervals import FEW, LEVEL, Pair, spread
from core.reports.key_metrics import Aim, aims_of

POWER = 0.8
MOST = 50  # seeds in all: beyond it more seeds are no answer


@dataclass(frozen=True)
class MoreSeeds:
    """more: seeds to add, after which the first of these metrics would be told, were the differences seen the true ones; 0 where no
    number of them up to MOST would do.

    each: the metrics that cannot be told, each with the seeds to add; None where there would have to be more than MOST in all.
    have: seeds that it is reckoned from.
    """

    more: int
    each: tuple[tuple[str, int | None], ...]
    have: int

    @property
    def text(self) -> str:
        """One sentence."""
        if not self.each:
            return f"{_seeds(self.more)} would make {FEW}, from which differences can be told at all."
        counts = sorted({count for _, count in self.each if count is not None})
        known = {count: [title for title, of in self.each if of == count] for count in counts}
        parts = [f"{_seeds(count)} would likely decide {listed(titles)}" for count, titles in known.items()]
        if beyond := [title for title, count in self.each if count is None]:
            parts.append(f"for {listed(beyond)} more than {MOST} would be needed: any difference is small against its spread")
        caution = "they tend to be larger than the true ones, so that it may take more, and no number of seeds tells equal methods apart"
        return f"If the differences over these {self.have} seeds were the true ones: {'; '.join(parts)}. But {caution}."


def _seeds(count: int) -> str:
    return f"{count} more seed{'s' * (count != 1)}"


def more_seeds(groups: Sequence[Group]) -> MoreSeeds | None:
    """Of runs about one subject: what would decide what `comparison_sentence.answer` cannot tell; None where there is nothing to decide.

    A metric is undecided where no two methods differ in it; it counts as decided with the two that are likely to be told apart first. A
    single method is held against the original.
    """
    ranked = [group for group in groups if group.method != SECOND_REFERENCE_METHOD and not group.unchanged]
    if not ranked:
        return None
    have = max(group.runs["seed"].nunique() for group in ranked)
    if have < 2:
        return MoreSeeds(FEW - have, (), have)
    import pandas as pd  # noqa: PLC0415  # half a second that commands which compare nothing need not pay

    each = list[tuple[str, int | None]]()
    for aim in aims_of(pd.concat([group.runs for group in ranked])):
        pairs = [(one, other) for one, other in _costs(ranked, aim) if len(one.keys() & other.keys()) >= 2]
        if not pairs or any(sure(difference(*pair)) for pair in pairs):
            continue
        wanted = [count for pair in pairs if (count := seeds_to_tell(*pair)) is not None]
        if wanted or not all(_equal(*pair) for pair in pairs):
            each.append((aim.title, max(1, min(wanted) - have) if wanted else None))
    if not each:
        return None
    return MoreSeeds(min((count for _, count in each if count is not None), default=0), tuple(each), have)


def _costs(ranked: Sequence[Group], aim: Aim) -> list[tuple[Mapping[Pair, float], Mapping[Pair, float]]]:
    if len(ranked) == 1:
        return [(ranked[0].costs(aim), ranked[0].original(aim))]
    return list(combinations([group.costs(aim) for group in ranked], 2))


def _apart(one: Mapping[Pair, float], other: Mapping[Pair, float]) -> list[float]:
    return [other[pair] - one[pair] for pair in sorted(one.keys() & other.keys())]


def _equal(one: Mapping[Pair, float], other: Mapping[Pair, float]) -> bool:
    return all(abs(apart) <= ZERO for apart in _apart(one, other))


def seeds_to_tell(one: Mapping[Pair, float], other: Mapping[Pair, float]) -> int | None:
    """How many seeds in all would tell two methods apart that differ as seen, by values by (seed, draw); None where MOST would not do."""
    apart = _apart(one, other)
    over = spread(apart)
    if over.half_width is None or abs(over.mean) <= ZERO:
        return None
    variance = sum((value - over.mean) ** 2 for value in apart) / (len(apart) - 1)
    return wanted_pairs(abs(over.mean) / sqrt(variance)) if variance > 0 else len(apart)


def wanted_pairs(effect: float) -> int | None:
    """The fewest pairs at which the paired t test has its power; effect: |mean| / standard deviation. None where that is over MOST."""
    return next((n for n in range(2, MOST + 1) if power(effect, n) >= POWER), None)


def power(effect: float, n: int) -> float:
    """With what probability n pairs tell a true effect: |mean| / standard deviation of the differences."""
    from scipy.special import nctdtr, stdtrit  # noqa: PLC0415  # a fifth of a second that commands without studies need not pay

    critical, shift = float(stdtrit(n - 1, (1 + LEVEL) / 2)), effect * sqrt(n)
    return 1.0 - float(nctdtr(n - 1, shift, critical)) + float(nctdtr(n - 1, shift, -critical))
