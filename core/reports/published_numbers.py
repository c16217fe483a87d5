"""Numbers that a paper publishes beside ours: the difference, whether our interval covers it, and which settings differ."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from core.reports.compare.paired_differences import ZERO
from core.reports.intervals import Spread


@dataclass(frozen=True)
class PublishedNumber:
    """row: a variant's text or method, `original` or `reference`. value: None where the published one could not be verified.

    where: table, section or page of the source; evidence: who published it there.
    """

    row: str
    metric: str
    value: float | None = None
    where: str = ""
    source: str = ""
    evidence: str = ""


@dataclass(frozen=True)
class Compared:
    """A published number and ours over seeds; ours is None where there is none, and `absent` says why."""

    published: PublishedNumber
    ours: Spread | None = None
    absent: str = ""

    @property
    def difference(self) -> float | None:
        """Ours minus the published one, where there are both."""
        return None if self.ours is None or self.published.value is None else self.ours.mean - self.published.value

    @property
    def covered(self) -> bool | None:
        """Whether our 95 % interval covers the published number; None where there is no interval."""
        if self.ours is None or self.ours.half_width is None or self.difference is None:
            return None
        return abs(self.difference) <= self.ours.half_width + ZERO


@dataclass(frozen=True)
class Difference:
    """A setting that is not the same there and here."""

    name: str
    published: str
    ours: str

    @property
    def text(self) -> str:
        """`epochs: 3 here; 20 in the paper`."""
        return f"{self.name}: {self.ours} here; {self.published} in the paper"


def compared(
    numbers: Sequence[PublishedNumber], ours: Mapping[str, Mapping[str, Spread]], absent: Mapping[str, Mapping[str, str]]
) -> list[Compared]:  # fmt: skip
    """In the order of `numbers`. ours, absent: row -> metric -> our number, or why there is none; a row that is not here is in neither."""
    found = []
    for number in numbers:
        own = ours.get(number.row, {}).get(number.metric)
        if own is not None and own.n:
            found.append(Compared(number, own))
        elif number.row in ours:
            found.append(Compared(number, None, absent.get(number.row, {}).get(number.metric, "No run has this number.")))
        else:
            found.append(Compared(number, None, "There is no such method here."))
    return found


def differences(published: Mapping[str, object], ours: Mapping[str, object]) -> list[Difference]:
    """Settings that both name and whose values differ, in the order of `published`."""
    both = [name for name in published if name in ours]
    return [Difference(name, shown(published[name]), shown(ours[name])) for name in both if shown(published[name]) != shown(ours[name])]


def shown(value: object) -> str:
    """A setting in a sentence: `50,000`, `0.1`."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    return f"{value:,}" if isinstance(value, int) else f"{value:g}"


def digits(value: float, unit: str) -> str:
    """A number with as many digits as papers print: a share in percent with two, others with four in all."""
    return f"{100 * value:.2f} %" if unit == "share" else f"{value:.4g}"
