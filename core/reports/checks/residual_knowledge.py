"""The checks of residual knowledge of the forget set, and of whether an ablation of the method does as well."""

from core.domain.formatting import percent
from core.reports.chance_tolerance import TIMES_VARIABILITY
from core.reports.checks.case import Case, NotCheckable
from core.reports.verdict import NEAR, PRICE

AS_NEAR = 1.10  # times the run's divergence: an ablation that lies no farther from the reference does as well
SAME = 0.05  # of the original's divergence: predictions that moved less did not move
NEARBY = 0.01  # nats: predictions no farther from the reference's than this may be as near as a second reference's are
HARDLY = 0.005  # nats: as AS_NEAR, where both divergences are tiny


def not_forgotten(case: Case) -> str:
    """The forget set is predicted correctly more often than by the reference: unlearning left that, or even raised it."""
    metric = case.forget_metric
    ours, theirs = case.pair(metric)
    least = case.forget_slack(ours, theirs)
    if ours <= theirs + case.allowed(metric, least):
        return ""
    before = case.get(metric, "original")
    more = before is not None and case.raised(metric, least)
    what = "is now predicted more often" if more else "is still predicted"
    return f"Not forgotten: {case.forget_set} {what} {case.as_labelled}: {case.before_and_after(metric)}."


def no_nearer(case: Case) -> str | None:
    """The predictions lie as far from the reference's as before, or farther, and farther than a second reference's would."""
    ours, theirs = case.need("js_to_reference"), case.need("js_to_reference", "original")
    variability = (case.second_reference or {}).get("unlearned", {}).get("js_to_reference") or 0.0
    limit = max(NEARBY, TIMES_VARIABILITY * variability)
    if max(ours, theirs) <= limit:
        return None  # the original itself predicts like a second reference: it cannot come nearer
    if ours <= limit or ours < (1 - SAME) * theirs:
        return ""
    return (
        f"No nearer to the goal: the predictions on the forget set lie {ours:.4f} nats from the reference's, those of the original "
        f"{theirs:.4f}" + (f", those of a second reference {variability:.4f}." if variability else ".")
    )


def shallow(case: Case) -> str | None:
    """No longer predicted, but easier to recover than from the reference; the rule is in `core.reports.recoverability`."""
    if not case.request.by_class:
        return None  # single images are mostly predicted correctly without training on them: recovering them shows nothing
    recovered = case.recoverability()
    if recovered.word == "unknown":
        case.pair("relearn_steps")  # raises with the reason
    sentences = [part.sentence for part in recovered.parts if part.word == "easier"]
    if not sentences:
        return ""
    changed = case.before_and_after(case.forget_metric)
    return f"Forgotten only on the surface. {' '.join(sentences)}{f' Accuracy on it: {changed}.' if changed else ''}"


def ablation_as_good(case: Case) -> str | None:
    """An ablation of the method does as well, on the forget set and on the retain set."""
    if case.ablations is None:
        return None
    if not case.ablations:
        raise NotCheckable("for want of a run of one of this method's controls")
    ours = case.need("js_to_reference")
    forget_gap, retain_gap = (_gap(case.numbers, metric) for metric in (case.forget_metric, "test_retain_accuracy"))
    for title, numbers in case.ablations.items():
        theirs = numbers.get("unlearned", {}).get("js_to_reference")
        their_forget_gap, their_retain_gap = (_gap(numbers, metric) for metric in (case.forget_metric, "test_retain_accuracy"))
        if theirs is None or theirs > max(AS_NEAR * ours, ours + HARDLY):
            continue
        if abs(their_forget_gap) <= abs(forget_gap) + NEAR and abs(their_retain_gap) <= abs(retain_gap) + PRICE:
            right = numbers["unlearned"].get(case.forget_metric)
            return (
                f"An ablation does as well: with {title} the predictions on the forget set lie {theirs:.3f} nats from the reference's "
                f"(this run's: {case.before_and_after('js_to_reference', '{:.3f}'.format)}) and are right {_percent_or_dash(right)} of the "
                f"time (this run's: {case.before_and_after(case.forget_metric)}), so nothing speaks for the method's own idea here."
            )
    return ""


def _gap(numbers: dict[str, dict[str, float | None]], metric: str) -> float:
    """The unlearned network's number minus the reference's; 0 where one of the two is missing."""
    ours, theirs = (numbers.get(model, {}).get(metric) for model in ("unlearned", "reference"))
    return 0.0 if ours is None or theirs is None else ours - theirs


def _percent_or_dash(share: float | None) -> str:
    return "–" if share is None else percent(share)
