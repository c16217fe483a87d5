"""The checks by membership inference attacks: too little forgotten, or too much."""

from core.reports.chance_tolerance import SURE, standard_error
from core.reports.checks.case import Case
from core.reports.verdict import is_the_reference

FEWER_MEMBERS = 0.25  # share: single images that are called members so much less often than by the reference
MORE_MEMBERS = 0.15  # share: single images that are called members so much more often
MORE_OF_A_CLASS = 0.50  # share: the same of whole classes, of which two retrained networks differed by up to 0.32


def over_forgotten(case: Case) -> str:
    """The network is worse on the forget set than the reference, which gives the forget set away just as remembering it would."""
    sentences = [sentence for check in (_accuracy_below, _fewer_members, _attack_below, _harder_to_learn) if (sentence := check(case))]
    if not sentences:
        case.pair(case.forget_metric)  # raises where there are no numbers
        return ""
    return (
        f"Over-forgotten: {'; '.join(sentences)}. An attack below chance means over-forgetting, not success, and so do predictions worse "
        "than those of a network that never saw the data: they show what was removed."
    )


def _accuracy_below(case: Case) -> str:
    metric = case.forget_metric
    if case.get(metric) is None or case.get(metric, "reference") is None:
        return ""
    ours, theirs = case.pair(metric)
    least = case.forget_slack(ours, theirs)
    if ours >= theirs - case.allowed(metric, least) or not case.lowered(metric, least):
        return ""
    return f"{case.forget_set} is predicted {case.as_labelled}: {case.before_and_after(metric)}"


def _fewer_members(case: Case) -> str:
    metric = "attack_entropy_members"
    ours, theirs = (case.get(metric, model) for model in ("unlearned", "reference"))
    if case.request.by_class or ours is None or theirs is None:  # of an untrained class no image is called a member
        return ""
    least = fewer_members(case, ours, theirs)
    if ours >= theirs - case.allowed(metric, least) or not case.lowered(metric, least):
        return ""
    if _attack_above(case):
        return ""  # an attacker takes the attack that finds more
    return f"of the forget set an attack calls members: {case.before_and_after(metric)}"


def _attack_below(case: Case) -> str:
    areas = _areas(case)
    if areas is None:
        return ""
    ours, theirs, least = areas
    slack = case.allowed("attack_auc", least)
    if ours >= 0.5 - slack or ours >= theirs - slack or not case.lowered("attack_auc", least):
        return ""
    return f"{_lower_loss(case)}; below 50 % is below chance"


def _harder_to_learn(case: Case) -> str:
    recovered = case.recoverability()
    if recovered.word == "easier" or recovered.parts[0].word != "harder":  # by the easiest way, as an attacker goes
        return ""
    index, before = case.get("anamnesis_index"), case.get("anamnesis_index", "original")
    if index is not None and before is not None and before >= index:
        return ""  # relearning takes no longer than it took the original
    ours, theirs = (case.get("relearn_steps", model) for model in ("unlearned", "reference"))
    taken = "more steps than were tried" if ours is None else f"{ours:g} steps"
    return f"learning it back takes {taken}" + ("" if theirs is None else f", {theirs:g} if retrained")


def still_recognised(case: Case) -> str:
    """An attack recognises more of the forget set than with the reference."""
    sentences = [sentence for check in (_more_members, _attack_above) if (sentence := check(case))]
    if sentences:
        return f"Recognised by an attack: {'; '.join(sentences)}."
    if is_the_reference(case.numbers):
        return ""  # of which no attack can tell more than of the reference, made or not
    if all(case.get(metric, m) is None for metric in ("attack_auc", "attack_entropy_members") for m in ("unlearned", "reference")):
        case.pair("attack_auc")  # raises with the reason
    return ""


def _more_members(case: Case) -> str:
    metric = "attack_entropy_members"
    ours, theirs = (case.get(metric, model) for model in ("unlearned", "reference"))
    if ours is None or theirs is None:
        return ""
    least = more_members(case, ours, theirs)
    within = ours <= theirs + case.allowed(metric, least)
    return "" if within else f"of the forget set it calls members by entropy: {case.before_and_after(metric)}"


def _attack_above(case: Case) -> str:
    areas = _areas(case)
    return "" if areas is None or areas[0] <= areas[1] + case.allowed("attack_auc", areas[2]) else _lower_loss(case)


def more_members(case: Case, ours: float, theirs: float) -> float:
    """By how much more of the forget set an attack by entropy may call members than by the reference, for chance."""
    return _chance_of_members(case, ours, theirs, MORE_OF_A_CLASS if case.request.by_class else MORE_MEMBERS)


def fewer_members(case: Case, ours: float, theirs: float) -> float:
    """By how much less. Of an untrained class no image is called a member, so that none may be called one."""
    return 1.0 if case.request.by_class else _chance_of_members(case, ours, theirs, FEWER_MEMBERS)


def _chance_of_members(case: Case, ours: float, theirs: float, least: float) -> float:
    return max(least, SURE * standard_error(ours, theirs, case.forget_count or 0))


def _areas(case: Case) -> tuple[float, float, float] | None:
    """The unlearned network's attack_auc, the reference's, and by how much they differ by chance; None where that is not known."""
    ours, theirs = (case.get("attack_auc", model) for model in ("unlearned", "reference"))
    if ours is None or theirs is None:
        return None
    least = case.auc_slack(ours, theirs)
    return None if least is None else (ours, theirs, least)


def _lower_loss(case: Case) -> str:
    return f"an image of the forget set has a lower loss than a test image: {case.before_and_after('attack_auc')}"
