"""Between which ends a metric's numbers lie, by its unit: what lies beyond is no measurement, whoever says so."""

from math import inf, isfinite

from core.domain.errors import WrongInput
from core.domain.info import MetricInfo

ROUNDING = 1e-6  # by which a sum of shares may miss its end
LARGEST = 1e40  # of any number that is finite: what float32 holds, and its squares' roots
BY_UNIT = {
    "share": (0.0, 1.0), "steps": (0.0, 1e9), "ratio": (0.0, 1e12),
    **dict.fromkeys(("nats", "distance", "relative"), (0.0, inf)),  # without end where a network diverged
}  # fmt: skip
BELOW_0 = ("zrf_of_code",)  # shares whose formula has no lower end


def range_of(info: MetricInfo | None) -> tuple[float, float]:
    """Both ends belong to it. info: None of a metric that is not registered, of which nothing is known."""
    if info is None:
        return -inf, inf
    low, high = BY_UNIT.get(info.unit, (-inf, inf))
    return (-inf if info.key in BELOW_0 else low), high


def check_value(name: str, value: float, info: MetricInfo | None) -> None:
    """Raises WrongInput, without a full stop, where no network has such a number."""
    low, high = range_of(info)
    if not low - ROUNDING <= value <= high + ROUNDING or (isfinite(value) and abs(value) > LARGEST):
        raise WrongInput(f"{name} should lie between {low:g} and {high:g}, but is {value:g}")
