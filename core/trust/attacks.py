"""The checks of what an attacker sees: too little of what had to go, or too much of it."""

from core.chance import SURE, auc_error, standard_error
from core.trust.case import Case
from core.verdict import NEAR, percent

FEWER_MEMBERS = 0.25  # share: single images that are called members so much less often than by the reference
MORE_MEMBERS = 0.15  # share: single images that are called members so much more often
MORE_OF_A_CLASS = 0.50  # share: the same of whole classes, of which two retrained networks differed by up to 0.32
AUC_GAP = 0.10  # share: two retrained networks differed by up to 0.09


def over_forgotten(case: Case) -> str:
    """Worse on the forgotten than a network that never saw it: that gives it away just as knowing it would."""
    found = [sentence for look in (_accuracy_below, _fewer_members, _attack_below, _harder_to_learn) if (sentence := look(case))]
    if not found:
        case.pair(case.forget_metric)  # raises where there was nothing to look at
        return ""
    return (
        f"Over-forgotten: {'; '.join(found)}. An attack below chance means over-forgetting, not success, and so do answers worse "
        "than those of a network that never saw the data: they show what was removed."
    )


def _accuracy_below(case: Case) -> str:
    if case.get(case.forget_metric) is None or case.get(case.forget_metric, "reference") is None:
        return ""
    ours, theirs = case.pair(case.forget_metric)
    chance = SURE * standard_error(ours, theirs, case.forget_images())
    if ours >= theirs - max(case.allowed(case.forget_metric, NEAR), chance):
        return ""
    return f"what had to go is answered {case.as_labelled} {percent(ours)} of the time, {percent(theirs)} if retrained"


def _fewer_members(case: Case) -> str:
    ours, theirs = (case.get("attack_entropy_members", model) for model in ("unlearned", "reference"))
    if case.request.by_class or ours is None or theirs is None:  # a network that never saw a class calls none of it member
        return ""
    if ours >= theirs - _allowed_members(case, ours, theirs, FEWER_MEMBERS):
        return ""
    return f"an attack calls {percent(ours)} of the forget set members, {percent(theirs)} if retrained"


def _attack_below(case: Case) -> str:
    found = _areas(case)
    if found is None:
        return ""
    ours, theirs, slack = found
    if ours >= 0.5 - slack or ours >= theirs - slack:
        return ""
    return f"{_lower(ours, theirs)}, below chance (50 %)"


def _harder_to_learn(case: Case) -> str:
    if case.comeback().parts[0].word != "harder":
        return ""
    ours, theirs = (case.get("relearn_steps", model) for model in ("unlearned", "reference"))
    taken = "more steps than were tried" if ours is None else f"{ours:g} steps"
    return f"learning it back takes {taken}" + ("" if theirs is None else f", {theirs:g} if retrained")


def still_recognised(case: Case) -> str:
    """An attack finds more of what had to go than in a network that never saw it."""
    found = [sentence for look in (_more_members, _attack_above) if (sentence := look(case))]
    if found:
        return f"Recognised by an attack: {'; '.join(found)}."
    if all(case.get(metric, m) is None for metric in ("attack_auc", "attack_entropy_members") for m in ("unlearned", "reference")):
        case.pair("attack_auc")  # raises with the reason
    return ""


def _more_members(case: Case) -> str:
    ours, theirs = (case.get("attack_entropy_members", model) for model in ("unlearned", "reference"))
    if ours is None or theirs is None:
        return ""
    if ours <= theirs + _allowed_members(case, ours, theirs, MORE_OF_A_CLASS if case.request.by_class else MORE_MEMBERS):
        return ""
    return f"by entropy it calls {percent(ours)} of what had to go members, {percent(theirs)} if retrained"


def _attack_above(case: Case) -> str:
    found = _areas(case)
    if found is None or found[0] <= found[1] + found[2]:
        return ""
    return _lower(*found[:2])


def _allowed_members(case: Case, ours: float, theirs: float, least: float) -> float:
    return max(case.allowed("attack_entropy_members", least), SURE * standard_error(ours, theirs, case.forget_count or 0))


def _areas(case: Case) -> tuple[float, float, float] | None:
    """The unlearned network's attack_auc, the reference's, and by how much they may differ; None where that is not known."""
    ours, theirs = (case.get("attack_auc", model) for model in ("unlearned", "reference"))
    members, others = case.forget_count or 0, case.unseen_images()
    if ours is None or theirs is None or not members or not others:
        return None
    both = 2**0.5 * auc_error((ours + theirs) / 2, members, others)
    return ours, theirs, max(case.allowed("attack_auc", AUC_GAP), SURE * both)


def _lower(ours: float, theirs: float) -> str:
    return f"an image that had to go has a lower loss than an unseen one {percent(ours)} of the time, {percent(theirs)} if retrained"
