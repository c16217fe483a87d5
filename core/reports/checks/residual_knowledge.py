"""The checks of what is left of the forgotten, and whether the method's own idea is what removed the rest."""

from core.domain.formatting import percent
from core.reports.checks.case import Case, NotCheckable
from core.reports.significance import SURE, TIMES_FLOOR, standard_error
from core.reports.verdict import NEAR, PRICE

AS_NEAR = 1.10  # times the run's divergence: a control that lies no farther from the reference does as well
SAME = 0.05  # of the original's divergence: answers that moved less did not move
NEARBY = 0.01  # nats: answers no farther from the reference's than this may be as near as a second reference's are
HARDLY = 0.005  # nats: as AS_NEAR, where both divergences are tiny


def not_forgotten(case: Case) -> str:
    """Answered more often than by the reference: unlearning left it, or even taught it."""
    metric = case.forget_metric
    ours, theirs = case.pair(metric)
    least = max(NEAR, SURE * standard_error(ours, theirs, case.forget_images()))
    if ours <= theirs + case.allowed(metric, least):
        return ""
    before = case.get(metric, "original")
    more = before is not None and case.raised(metric, least)
    what = "is now predicted more often" if more else "is still predicted"
    return f"Not forgotten: the forget set {what} {case.as_labelled}: {case.course(metric)}."


def no_nearer(case: Case) -> str | None:
    """The answers lie as far from the reference's as before, or farther: farther, too, than a second reference would."""
    ours, theirs = case.need("js_to_reference"), case.need("js_to_reference", "original")
    floor = (case.floor or {}).get("unlearned", {}).get("js_to_reference") or 0.0
    limit = max(NEARBY, TIMES_FLOOR * floor)
    if max(ours, theirs) <= limit:
        return None  # the original itself answers like a second reference: there is nothing to come nearer to
    if ours <= limit or ours < (1 - SAME) * theirs:
        return ""
    return (
        f"No nearer to the goal: the predictions on the forget set lie {ours:.4f} nats from the reference's, those of the original "
        f"{theirs:.4f}" + (f", those of a second reference {floor:.4f}." if floor else ".")
    )


def shallow(case: Case) -> str | None:
    """No longer answered, but easier to bring back than from a network that never saw it: the rule is `core.reports.recoverability`'s."""
    if not case.request.by_class:
        return None  # single images are mostly known without having been seen: bringing them back shows nothing
    said = case.comeback()
    if said.word == "unknown":
        case.pair("relearn_steps")  # raises with the reason
    found = [part.sentence for part in said.parts if part.word == "easier"]
    if not found:
        return ""
    answered = case.course(case.forget_metric)
    return f"Forgotten only on the surface{f'; accuracy on it: {answered}' if answered else ''}. {' '.join(found)}"


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
                f"An ablation does as well: with {title} the predictions on the forget set lie {theirs:.3f} nats from the reference's "
                f"(this run's: {case.course('js_to_reference', '{:.3f}'.format)}) and are right {_said(right)} of the time "
                f"(this run's: {case.course(case.forget_metric)}), so nothing speaks for the method's own idea here."
            )
    return ""


def _gap(numbers: dict[str, dict[str, float | None]], metric: str) -> float:
    """To the reference's; 0 where one of the two is missing."""
    ours, theirs = (numbers.get(model, {}).get(metric) for model in ("unlearned", "reference"))
    return 0.0 if ours is None or theirs is None else ours - theirs


def _said(share: float | None) -> str:
    return "–" if share is None else percent(share)
