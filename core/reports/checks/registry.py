"""Automatic checks of whether a run can be trusted, each with a sentence and its numbers; pure functions, no torch."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from core.reports.checks import accuracy, membership, original_accuracy, residual_knowledge
from core.reports.checks.case import Case, CheckWarning, NotCheckable
from core.reports.checks.resolve_conflicts import resolve

Check = Callable[[Case], str | None]  # a warning's sentence, '' for none; None where the check does not apply
CHECKS: dict[str, Check] = {  # in the order in which their warnings are shown
    "original_far_off": original_accuracy.original_far_off,
    "no_reference": accuracy.no_reference,
    "untouched": accuracy.unchanged,
    "collapsed": accuracy.collapsed,
    "over_forgotten": membership.over_forgotten,
    "streisand": accuracy.streisand,
    "not_forgotten": residual_knowledge.not_forgotten,
    "no_nearer": residual_knowledge.no_nearer,
    "still_recognised": membership.still_recognised,
    "shallow": residual_knowledge.shallow,
    "hidden_worst_class": accuracy.hidden_worst_class,
    "price": accuracy.price,
    "control_as_good": residual_knowledge.ablation_as_good,
}
DECIDING = "still_recognised"  # without any attack, that there is no warning says little
CHECKED = {  # key -> what is looked for, in the order of the checks
    "original_far_off": "an original that is itself far off",
    "no_reference": "a missing reference",
    "untouched": "an unchanged network",
    "collapsed": "a collapsed one",
    "over_forgotten": "over-forgetting",
    "streisand": "confusion that gives the forget set away",
    "not_forgotten": "forget images that are still predicted",
    "no_nearer": "predictions that came no nearer to the reference's",
    "still_recognised": "images that an attack recognises",
    "shallow": "knowledge under the surface",
    "hidden_worst_class": "a loss hidden by the average",
    "price": "retain accuracy that was lost",
    "control_as_good": "an ablation that does as well",
}


@dataclass(frozen=True)
class Finding:
    """warnings: the reasons not to trust. clear: keys of checks without a warning. missed: key -> why a check could not be made.

    withheld: key of a warning that is not shown beside the others -> the reason, by `core.reports.checks.resolve_conflicts`.
    brought: as in `Case`.
    """

    warnings: tuple[CheckWarning, ...]
    clear: tuple[str, ...] = ()
    missed: Mapping[str, str] | None = None
    withheld: Mapping[str, str] = field(default_factory=dict)
    brought: Mapping[str, str] = field(default_factory=dict)

    @property
    def far_off(self) -> bool:
        """Whether the original itself is far off, so that no verdict on the method can be given."""
        return any(warning.key == "original_far_off" for warning in self.warnings)

    @property
    def besides(self) -> list[str]:
        """A sentence for each reason: what was not computed here, what could not be checked, then which warnings are not shown."""
        lines = [f"Held against {what}, which came in the file {file} and was not computed here." for what, file in self.brought.items()]
        lines += [f"Not checked {reason}: {what}." for reason, what in _by_reason(self.missed or {})]
        return lines + [f"Found, too, but not shown, because {reason}: {what}." for reason, what in _by_reason(self.withheld)]


def _by_reason(reasons: Mapping[str, str]) -> list[tuple[str, str]]:
    by_reason: dict[str, list[str]] = {}
    for key, reason in reasons.items():
        by_reason.setdefault(reason, []).append(CHECKED[key])
    return [(reason, ", ".join(what)) for reason, what in by_reason.items()]


def examine(case: Case) -> Finding:
    """Runs all checks; of warnings that contradict or repeat each other, `resolve` keeps one."""
    sentences, missed = {}, {}
    for key, check in CHECKS.items():
        try:
            sentence = check(case)
        except NotCheckable as reason:
            missed[key] = str(reason)
            continue
        if sentence is not None:
            sentences[key] = sentence
    warnings, withheld = resolve({key: sentence for key, sentence in sentences.items() if sentence})
    return Finding(warnings, tuple(key for key, sentence in sentences.items() if not sentence), missed, withheld, case.brought)
