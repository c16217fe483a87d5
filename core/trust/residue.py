"""The checks of what is left of the forgotten, and whether the method's own idea is what removed the rest."""

from core.trust.case import SURE, Case, NotCheckable, standard_error
from core.verdict import NEAR, PRICE, percent

EASIER = 3.0  # times fewer steps than the reference to learn it back, for a network that descends from the original
STRANGER = 8.0  # the same for one that does not: two retrained ones differed by up to 4 times
FITS = 0.25  # share: right so much more often than the reference with the original's last layer put back
FOUND = 0.15  # share: found inside by a probe so much more often than in the reference
AS_NEAR = 1.10  # times the run's divergence: a control that lies no farther from the reference does as well
HARDLY = 0.005  # nats: as AS_NEAR, where both divergences are tiny


def not_forgotten(case: Case) -> str:
    """Still answered, more often than by the reference."""
    ours, theirs = case.pair(case.forget_metric)
    chance = SURE * standard_error(ours, theirs, case.forget_images())
    if ours <= theirs + max(case.allowed(case.forget_metric, NEAR), chance):
        return ""
    return f"Not forgotten: what had to go is still answered right {percent(ours)} of the time, {percent(theirs)} if retrained."


def shallow(case: Case) -> str | None:
    """No longer answered, but far easier to bring back than in a network that never saw it."""
    if not case.request.by_class:
        return None  # single images are mostly known without having been seen: bringing them back shows nothing
    looks = (_learnt_back, _grafted, _found_inside)
    asked = ("anamnesis_index", "graft_forget_accuracy", "probe_accuracy")
    found = [sentence for look in looks if (sentence := look(case))]
    if not found:
        if all(case.get(metric) is None or case.get(metric, "reference") is None for metric in asked):
            case.pair("relearn_steps")  # raises with the reason
        return ""
    return f"Forgotten only on the surface: {'; '.join(found)}."


def _learnt_back(case: Case) -> str:
    index = case.get("anamnesis_index")
    ours, theirs = (case.get("relearn_steps", model) for model in ("unlearned", "reference"))
    if index is None or ours is None or theirs is None:
        return ""
    if index * case.allowed_times("anamnesis_index", EASIER if case.descends else STRANGER) >= 1:
        return ""
    return f"{ours:g} training steps bring it back, {theirs:g} if retrained"


def _grafted(case: Case) -> str:
    """Only for a changed original: another network's layers under the original's last one answer at random."""
    ours, theirs = (case.get("graft_forget_accuracy", model) for model in ("unlearned", "reference"))
    if not case.descends or ours is None or theirs is None:
        return ""
    if ours <= theirs + max(case.allowed("graft_forget_accuracy", FITS), SURE * standard_error(ours, theirs, case.forget_images())):
        return ""
    return f"with the original's last layer put back it is answered right {percent(ours)} of the time, {percent(theirs)} if retrained"


def _found_inside(case: Case) -> str:
    ours, theirs = (case.get("probe_accuracy", model) for model in ("unlearned", "reference"))
    if not case.descends or ours is None or theirs is None or ours <= theirs + case.allowed("probe_accuracy", FOUND):
        return ""
    return f"a probe still tells it apart inside the network with {percent(ours)} accuracy, {percent(theirs)} if retrained"


def control_as_good(case: Case) -> str | None:
    """The method without its idea does as well, on the forgotten and on the rest."""
    if case.controls is None:
        return None
    if not case.controls:
        raise NotCheckable("for want of a run of one of this method's controls")
    ours = case.need("js_to_reference")
    gone, kept = (_gap(case.numbers, metric) for metric in (case.forget_metric, "test_retain_accuracy"))
    for title, numbers in case.controls.items():
        theirs = numbers.get("unlearned", {}).get("js_to_reference")
        their_gone, their_kept = (_gap(numbers, metric) for metric in (case.forget_metric, "test_retain_accuracy"))
        if theirs is None or theirs > max(AS_NEAR * ours, ours + HARDLY):
            continue
        if abs(their_gone) <= abs(gone) + NEAR and abs(their_kept) <= abs(kept) + PRICE:
            right = numbers["unlearned"].get(case.forget_metric)
            return (
                f"A control does as well: with {title} the answers on what had to go lie {theirs:.3f} nats from the reference's "
                f"(this run's: {ours:.3f}) and are right {_said(right)} of the time (this run's: {_said(case.get(case.forget_metric))}), "
                "so nothing speaks for the method's own idea here."
            )
    return ""


def _gap(numbers: dict[str, dict[str, float | None]], metric: str) -> float:
    """To the reference's; 0 where one of the two is missing."""
    ours, theirs = (numbers.get(model, {}).get(metric) for model in ("unlearned", "reference"))
    return 0.0 if ours is None or theirs is None else ours - theirs


def _said(share: float | None) -> str:
    return "–" if share is None else percent(share)
