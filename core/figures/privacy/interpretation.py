"""Interpretation of a membership attack's rates in words; pure.

On the side where a score's members are expected (low loss, low entropy, high confidence) an attack above chance means that
forgotten images look more familiar than test images; on the other side it means that they look less familiar.
"""

from core.domain.formatting import percent
from core.figures.privacy.attack import Attack
from core.figures.privacy.attack_figures import FEW
from core.figures.privacy.scores import Sides
from core.metrics.privacy.threshold_attack import interval

Span = tuple[float, float]


def why_not_counted(sides: Sides) -> str:
    """Why the attack has no rates."""
    empty = "forgotten" if not len(sides.forget) else "test"
    return f"There are no {empty} images to hold against the others, so this attack cannot be counted."


def span_of(attack: Attack, model: str) -> Span:
    """95 % interval of the attack's balanced accuracy on a network, over the counted images.

    Raises TooFewExamples.
    """
    return interval(attack.rates(model).balanced_accuracy, fewest(attack.counted))


def fewest(sides: Sides) -> int:
    """Images of the smaller side, which the interval is based on."""
    return min(len(sides.forget), len(sides.unseen))


def reading(attack: Attack) -> str:
    """One or two sentences. Raises TooFewExamples where a side is empty."""
    count, (low, high) = fewest(attack.counted), span_of(attack, attack.model)
    if count < FEW:
        side = "forget set" if len(attack.counted.forget) <= len(attack.counted.unseen) else "test images"
        return (
            f"With {count} image{'s' if count > 1 else ''} in the {side}, each is {percent(1 / count)} of a rate: "
            "look at the images below, not at the rates."
        )
    if low <= 0.5 <= high:
        return f"At this threshold the attack is no better than chance: its interval holds 50 %. {_PASSED[attack.model]}"
    better, turned = low > 0.5, attack.above != attack.score.above
    familiar = better != turned
    how = "beats chance" if better else "is worse than chance"
    side = ", with the side turned around," if turned else ""
    other = "" if better else f", and whoever turns the side {'back' if turned else 'around'} can tell"
    comparison = f"forgotten images look {'more' if familiar else 'less'} familiar than test images{other}"
    return f"At this threshold{side} the attack {how}: {comparison}. {_meaning(attack, familiar)}"


_PASSED = {
    "unlearned": "That alone proves nothing, for an unchanged network can pass it too: hold its distribution against the reference's.",
    "original": "This network was trained on the forgotten images, so the threshold finds nothing that a method could have removed.",
    "reference": "So it should be for a network that never saw the forgotten images.",
}
_FAMILIAR = {
    "original": "This network was trained on them: this is what unlearning is to take away.",
    "reference": "This is a network that never saw them, so it is no memory: they are easier than the test images.",
}
_STRANGE = {
    "original": "This network was trained on them and nothing was forgotten yet, so they are harder than the test images.",
    "reference": "This is a network that never saw them: so far from familiar is right, and no sign that too much was forgotten.",
}


def _meaning(attack: Attack, familiar: bool) -> str:
    if attack.model != "unlearned":
        return (_FAMILIAR if familiar else _STRANGE)[attack.model]
    if familiar:
        has_reference = "reference" in attack.values
        who = "the reference decides: it never saw them" if has_reference else "only a retrained network could tell"
        return f"Whether that is a leak, {who}."
    if "reference" not in attack.values:
        return "Too much may have been forgotten; only a retrained network could tell."
    ours, theirs = _familiarity(attack, "unlearned"), _familiarity(attack, "reference")
    if ours[1] < theirs[0]:
        return "They look more familiar to the reference, which never saw them. Too much was forgotten."
    return "They look no more familiar to the reference, which never saw them: no sign that too much was forgotten."


def _familiarity(attack: Attack, model: str) -> Span:
    """The interval, mirrored where the attack's side is not the expected one."""
    low, high = span_of(attack, model)
    return (low, high) if attack.above == attack.score.above else (1 - high, 1 - low)
