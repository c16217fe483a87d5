"""Can a run be trusted? Automatic checks, each with a sentence that holds the numbers it rests on; pure, no torch."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from core.domain import ForgetRequest
from core.trust import attacks, checks, residue
from core.trust.case import Case, ClassSeen, Doubt, NotCheckable, PerClass
from core.trust.study import check_study
from core.verdict import Numbers

__all__ = ["CHECKED", "DECIDING", "Case", "ClassSeen", "Doubt", "Finding", "PerClass", "check_run", "check_study", "examine"]

Check = Callable[[Case], str | None]  # a doubt's sentence, '' for none; None where the question does not arise
FIRST: dict[str, Check] = {"untouched": checks.untouched, "collapsed": checks.collapsed}
REST: dict[str, Check] = {
    "over_forgotten": attacks.over_forgotten,
    "streisand": checks.streisand,
    "not_forgotten": residue.not_forgotten,
    "no_nearer": residue.no_nearer,
    "still_recognised": attacks.still_recognised,
    "shallow": residue.shallow,
    "hidden_worst_class": checks.hidden_worst_class,
    "price": checks.price,
    "control_as_good": residue.control_as_good,
}
FOLLOWS = {  # doubt -> what goes without saying then
    "not_forgotten": ("shallow", "no_nearer"),  # what is still answered need not be brought back
    "hidden_worst_class": ("price",),  # its sentence tells the average's loss, too
}
DECIDING = "still_recognised"  # without any attack, that nothing was found says little
CHECKED = {  # key -> what is looked for, in the order of the checks
    "no_reference": "a missing reference",
    "untouched": "an untouched network",
    "collapsed": "a collapsed one",
    "over_forgotten": "over-forgetting",
    "streisand": "confusion that gives the forgotten away",
    "not_forgotten": "answers that are still there",
    "no_nearer": "answers that came no nearer to the reference's",
    "still_recognised": "images that an attack recognises",
    "shallow": "knowledge under the surface",
    "hidden_worst_class": "a loss hidden by the average",
    "price": "kept accuracy that was lost",
    "control_as_good": "a control that does as well",
}


@dataclass(frozen=True)
class Finding:
    """doubts: the reasons not to trust. clear: keys of checks that found nothing. missed: key -> why it could not be made."""

    doubts: tuple[Doubt, ...]
    clear: tuple[str, ...] = ()
    missed: Mapping[str, str] | None = None


def check_run(
    numbers: Numbers, per_class: PerClass, request: ForgetRequest, classes: tuple[str, ...], *,
    floor: Numbers | None = None, controls: Mapping[str, Numbers] | None = None, method: str = "", forget_count: int | None = None,
    grafted: Mapping[str, float] | None = None, multi: bool = False,
) -> list[Doubt]:  # fmt: skip
    """Every reason not to trust a run; none for a network that was really retrained. The arguments are told at `Case`."""
    case = Case(numbers, per_class, request, classes, floor, controls, method, forget_count, grafted, multi)
    return list(examine(case).doubts)


def examine(case: Case) -> Finding:
    """All checks. An untouched or a collapsed network is called that alone: what else is wrong follows from it."""
    found = {"no_reference": checks.no_reference(case)}
    missed: dict[str, str] = {}
    for key, check in (FIRST | REST).items():
        try:
            sentence = check(case)
        except NotCheckable as reason:
            missed[key] = str(reason)
            continue
        if sentence is not None:
            found[key] = sentence
        if sentence and key in FIRST:
            return Finding(tuple(Doubt(name, found[name]) for name in ("no_reference", key) if found[name]))
    for key, follows in FOLLOWS.items():
        if found.get(key):
            for other in follows:
                found.pop(other, None)
    doubts = tuple(Doubt(key, sentence) for key, sentence in found.items() if sentence)
    return Finding(doubts, tuple(key for key, sentence in found.items() if not sentence), missed)
