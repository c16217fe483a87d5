"""What a search of settings is after, in each of its two modes, and which trials no other beats; plain functions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from core.domain.errors import WrongInput

ORACLE, BLIND = "oracle", "blind"
MODES = {
    ORACLE: "Held against the retrained reference, on test images: what papers do, and what nobody can do who has to forget, for whoever "
    "has the reference needs no unlearning.",
    BLIND: "By what a practitioner has: the forget set, and a validation part of the retain set that neither the original nor the method "
    "was trained on. No reference is trained and no test image is read.",
}
FORGETTING, RETAINED, ATTACK, SECONDS = "forgetting", "retained", "attack", "seconds"
USUAL = (FORGETTING, RETAINED, ATTACK)
ATTACKED = "the chance that an image of the forget set has a lower loss than"


@dataclass(frozen=True)
class Objective:
    """One number of a trial. low: whether less is better; share: in [0, 1], else seconds; worst: what a diverged trial counts as."""

    key: str
    title: str
    definition: str
    low: bool = True
    share: bool = True
    worst: float = 1.0

    def shortfall(self, value: float) -> float:
        """From the best that there could be; 0 there."""
        return value if self.low else 1.0 - value


_SECONDS = Objective(
    SECONDS, "seconds", "Seconds of the method alone, as its run would take: what trials share is counted for each of them.", share=False,
    worst=1e6,
)  # fmt: skip
OBJECTIVES = {
    ORACLE: {
        FORGETTING: Objective(
            FORGETTING, "forget gap", "Distance to the reference's accuracy on test images of the forget classes; of a request that names "
            "no test images, on the forget set.",
        ),
        RETAINED: Objective(RETAINED, "retain gap", "Distance to the reference's accuracy on the other test images."),
        ATTACK: Objective(
            ATTACK, "attack gap", f"Distance to the reference's value of the membership attack by loss (AUC): {ATTACKED} a test image (of "
            "the same classes, where the request names classes).",
        ),
        SECONDS: _SECONDS,
    },
    BLIND: {
        FORGETTING: Objective(
            FORGETTING, "forget accuracy left", "Classes to forget, and wrong labels: the accuracy that is left on the forget set. Single "
            "images, which must stay recognised as others like them: its distance to the accuracy on the validation part.",
        ),
        RETAINED: Objective(
            RETAINED, "validation accuracy", "Accuracy on the validation part of the retain set, which the original never saw.", low=False,
            worst=0.0,
        ),
        ATTACK: Objective(
            ATTACK, "attack over chance", f"Membership attack by loss (AUC): how far {ATTACKED} one of the validation part is above 50 %. "
            "Of single images also how far below, where the forgotten stand out.", worst=0.5,
        ),
        SECONDS: _SECONDS,
    },
}  # fmt: skip


def objectives_of(mode: str, keys: Sequence[str]) -> tuple[Objective, ...]:
    """In the order of the list above. Raises WrongInput."""
    if mode not in MODES:
        raise WrongInput(f"A search is {' or '.join(MODES)}; got {mode!r:.40}.")
    known = OBJECTIVES[mode]
    for key in keys:
        if key not in known:
            raise WrongInput(f"There is no objective {key!r:.40}; choose among {', '.join(known)}.")
    found = tuple(objective for key, objective in known.items() if key in keys)
    if not any(objective.share for objective in found):
        raise WrongInput(f"A search needs an objective besides seconds; choose among {', '.join(USUAL)}.")
    return found


Values = Mapping[str, float]  # an objective's key -> its value


def front(trials: Mapping[int, Values], objectives: Sequence[Objective]) -> set[int]:
    """The Pareto front: numbers of the trials that no other beats, which is to be no worse in every objective and better in one."""
    costs = {number: [o.shortfall(values[o.key]) for o in objectives] for number, values in trials.items()}
    return {number for number, own in costs.items() if not any(_beats(other, own) for other in costs.values())}


def _beats(one: Sequence[float], other: Sequence[float]) -> bool:
    return all(a <= b for a, b in zip(one, other, strict=True)) and any(a < b for a, b in zip(one, other, strict=True))


def closest(trials: Mapping[int, Values], objectives: Sequence[Objective]) -> int | None:
    """The trial with the least sum of what is missing from the best that there could be, of shares alone; of equal ones the first.

    It is on the front of the shares. None where there is no trial.
    """
    shares = [o for o in objectives if o.share]
    if not trials:
        return None
    return min(trials, key=lambda number: (round(sum(o.shortfall(trials[number][o.key]) for o in shares), 9), number))
