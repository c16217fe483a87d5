"""The key metrics of unlearning, which comparisons are ranked by, each as a cost: lower is better."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from core.domain.requests.registry import CLASS_KINDS

if TYPE_CHECKING:
    import pandas as pd

MATCH, LOW, HIGH = "match", "low", "high"
REFERENCE = "reference."


@dataclass(frozen=True)
class Aim:
    """`key`: the column of a comparison's frame; `title`: what a sentence calls it."""

    key: str
    title: str
    goal: str
    unit: str = "share"

    def text(self, value: float) -> str:
        """A difference for people; of shares, in percentage points."""
        if self.unit == "share":
            return f"{100 * value:.1f}"
        return f"{value:.1f}" if self.unit == "steps" else f"{value:.3f}"

    @property
    def noun(self) -> str:
        """The unit of a difference."""
        return {"share": "points", "steps": "steps"}.get(self.unit, self.unit)

    def cost(self, values: "pd.Series[float]", references: "pd.Series[float]") -> "pd.Series[float]":
        """A number that is better the lower it is: the distance to the reference's value, the value, or its negative."""
        if self.goal == MATCH:
            return (values - references).abs()
        return values if self.goal == LOW else -values


FORGET = {True: "test_forget_accuracy", False: "train_forget_accuracy"}  # for class requests on test images, else on the forget set


def aims_of(frame: "pd.DataFrame") -> list[Aim]:
    """Those that some run of the frame has a number of, in the order in which sentences name them."""
    by_class = bool(frame["kind"].isin(CLASS_KINDS).all())
    directed = "attack_auc" in frame and frame["attack_auc"].notna().any()  # an older engine computed only the other
    aims = (
        Aim(FORGET[by_class], "forget accuracy", MATCH),
        Aim("train_retain_accuracy", "retain accuracy", HIGH),
        Aim("test_retain_accuracy", "test accuracy", HIGH),
        Aim("js_to_reference", "distance to the reference (JS)", LOW, "nats"),
        Aim("attack_auc" if directed else "attack_loss_accuracy", "membership attack", MATCH),
        Aim("relearn_steps", "relearn time", MATCH, "steps"),
    )
    return [aim for aim in aims if column(frame, aim.key).notna().any()]


def column(frame: "pd.DataFrame", name: str) -> "pd.Series[float]":
    """The frame's column; nan where it has none of that name."""
    import pandas as pd  # noqa: PLC0415  # half a second that commands which compare nothing need not pay

    return frame[name] if name in frame else pd.Series(np.nan, frame.index)


def cost(frame: "pd.DataFrame", aim: Aim) -> "pd.Series[float]":
    """Each run's cost by that aim; nan where it lacks the number, or the reference's."""
    return aim.cost(column(frame, aim.key), column(frame, REFERENCE + aim.key))
