"""How much of a run is evaluated: which images, which costly parts, within which time. It changes no number, only which there are."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
import json
from typing import Self

from core.domain.errors import WrongInput
from core.domain.info import MetricInfo

COSTLY = {  # part that may be left out -> results of `Evidence.cached` that it consists of
    "relearning": ("relearn",),
    "probes": ("probes",),
    "grafting": ("graft",),
    "cka": ("gram",),
    "membership": ("loss attack", "kit attack", "entropy attack"),
}
TITLES = {  # of parts that several metrics share
    "predictions": "Predictions of all evaluated images",
    "untrained": "Predictions of an untrained network",
    "features": "Features of the layers",
    "gram": "CKA: Gram matrices of the features",
    "cka": "CKA",
    "relearn": "Relearning",
    "probes": "Linear probes",
    "graft": "Layer grafting",
    "loss attack": "Membership inference by loss, standardised",
    "kit attack": "Membership inference by loss, NeurIPS 2023 kit",
    "entropy attack": "Membership inference by entropy",
}
LONGEST = 365 * 86400.0  # seconds


@dataclass(frozen=True)
class Evaluation:
    """whole: all training images, also of a costly network. without: keys of COSTLY. budget: seconds after which no costly part begins."""

    whole: bool = False
    without: tuple[str, ...] = ()
    budget: float | None = None

    def __post_init__(self) -> None:
        """Raises WrongInput."""
        for part in self.without:
            if part not in COSTLY:
                raise WrongInput(f"What can be left out of an evaluation is {', '.join(COSTLY)}; got {part[:60]!r}.")
        if self.budget is not None and not 0 <= self.budget <= LONGEST:
            raise WrongInput(f"The budget of an evaluation is from 0 seconds to 365 days; got {self.budget:g} seconds.")

    def covers(self, other: Self) -> bool:
        """Whether this gives every number that the other would."""
        in_time = self.budget is None or (other.budget is not None and other.budget <= self.budget)
        return self.whole >= other.whole and set(self.without) <= set(other.without) and in_time

    @property
    def text(self) -> str:
        """As the database holds it; '' for the usual one."""
        return "" if self == type(self)() else json.dumps(asdict(self))

    @classmethod
    def parse(cls, text: object) -> Self:
        """The inverse of `text`; the usual one for anything that cannot be read."""
        try:
            plain = json.loads(str(text)) if text else {}
            return cls(bool(plain.get("whole")), tuple(map(str, plain.get("without", ()))), plain.get("budget"))
        except (ValueError, TypeError, AttributeError, RecursionError):  # WrongInput is a ValueError; a damaged row
            return cls()


def title_of(part: str, metrics: Mapping[str, MetricInfo]) -> str:
    """What a part of an evaluation is called: a metric, what several share, or a table."""
    return metrics[part].title if part in metrics else TITLES.get(part, part.capitalize())
