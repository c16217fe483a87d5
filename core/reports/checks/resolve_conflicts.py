"""Which warnings are shown together: where two contradict each other, or say one thing twice, one is withheld.

The rules apply in order. Two warnings that no rule names are both shown.
"""

from collections.abc import Mapping
from typing import NamedTuple

from core.reports.checks.case import CheckWarning


class Rule(NamedTuple):
    """Where the check `stands` warns, warnings of `gives_way` are not shown; `reason` completes "not shown, because ..."."""

    stands: str
    gives_way: tuple[str, ...]
    reason: str


OF_THE_FORGOTTEN = ("over_forgotten", "streisand", "not_forgotten", "no_nearer", "still_recognised", "shallow")
OF_THE_METHOD = (*OF_THE_FORGOTTEN, "hidden_worst_class", "price", "control_as_good")

RULES = (
    Rule("original_far_off", ("collapsed", *OF_THE_METHOD), "the original itself is far off, and this may follow from it"),
    Rule("untouched", ("collapsed", *OF_THE_METHOD), "nothing was changed, so this is the original's doing"),
    Rule("collapsed", OF_THE_METHOD, "it follows from the collapse"),
    # What the network still predicts is seen directly; that it forgot too much, or hides it by confusion, is inferred from attacks.
    Rule("not_forgotten", ("over_forgotten", "streisand"), "what is still predicted cannot have been forgotten too well"),
    Rule("not_forgotten", ("no_nearer", "shallow"), "it goes without saying of what is still predicted"),
    # Driven beyond the reference, the forget set stands out; that an attack recognises it follows from that and is no memory of it.
    Rule("over_forgotten", ("still_recognised",), "what is forgotten too well is recognised by that, not because it is still known"),
    # An attack that was made shows more than confusion that an attack might use.
    Rule("still_recognised", ("streisand",), "an attack was made and takes them for members, in spite of the confusion"),
    Rule("hidden_worst_class", ("price",), "the sentence on the class tells the average's loss, too"),
    Rule("no_nearer", ("control_as_good",), "where nothing was won, an ablation has nothing to come near to"),
)


def resolve(sentences: Mapping[str, str]) -> tuple[tuple[CheckWarning, ...], dict[str, str]]:
    """The warnings to show, in the order of `sentences` (check -> sentence), and check -> why it is not shown.

    A rule applies only where its own check's warning is shown: one that is withheld by an earlier rule withholds no other.
    """
    withheld: dict[str, str] = {}
    for rule in RULES:
        if rule.stands in sentences and rule.stands not in withheld:
            withheld |= {key: rule.reason for key in rule.gives_way if key in sentences and key not in withheld}
    return tuple(CheckWarning(key, sentence) for key, sentence in sentences.items() if key not in withheld), withheld
