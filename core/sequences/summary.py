"""What a sequence of forget requests came to: damage, forgetting and relapse by request, what it cost, and when retraining once would pay.

Damage of a request: by how much test accuracy is below the retrained network's (without one: below the original's, on the same images).
All numbers are means over seeds with 95 % intervals (Student's t), of differences that are taken within a seed. Pure functions.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import ceil, isnan, nan

from core.domain.formatting import percent
from core.domain.seed_lists import seeds_text
from core.reports.chance_tolerance import SURE, standard_error
from core.reports.intervals import Spread, spread
from core.sequences import journal
from core.sequences.journal import DIVERGED, DONE, NETWORKS, SETS, WHOLE, Step

TOLERANCE = 0.02  # of test accuracy: damage beyond it is too much, unless somebody says otherwise
MANY, LISTED = 100, 6  # times, which are told without decimals; requests that a sentence names
EXACT = 1e-9  # a mean that differs by less is at the tolerance, and not beyond it


@dataclass(frozen=True)
class Row:
    """One request over the seeds that got there. accuracies: (network, set) -> share; none of sets without images.

    damage, gap: test accuracy lost, and accuracy on the request's images above the retrained network's; relapse: on all earlier
    requests' images, above the retrained network's. seconds, retrain: of this request alone; spent, retrained: of all so far; one: mean
    of the retrainings so far, whose seconds differ with what else the machine does.
    """

    number: int
    images: int
    accuracies: dict[tuple[str, str], Spread]
    damage: Spread
    gap: Spread
    relapse: Spread
    agreement: Spread
    moved: Spread
    seconds: Spread
    retrain: Spread
    spent: Spread
    retrained: Spread
    one: Spread


@dataclass(frozen=True)
class Summary:
    """rows: a request each, as far as any seed got; whole: the same total in one request. diverged: seed -> request at which it ended.

    harmful: the first request after which mean damage is beyond the tolerance. kept, marked: requests, each with its seed, whose images are
    recognised more often, or less often, than by the retrained network, by more than the tolerance and than chance.
    dearer_than_one, dearer: from which request on unlearning took longer in all than one retraining (the mean of those so far), and than a
    retraining for each. None: no request.
    """

    rows: tuple[Row, ...]
    whole: Row | None
    tolerance: float
    diverged: dict[int, int]
    harmful: int | None
    kept: tuple[tuple[int, int], ...]
    marked: tuple[tuple[int, int], ...]
    dearer_than_one: int | None
    dearer: int | None
    against: str  # "reference" or "original"


def summary(found: journal.Sequence, tolerance: float = TOLERANCE) -> Summary:
    """tolerance: of test accuracy, in [0, 1]."""
    against = "reference" if found.plan.retrain else "original"
    by_seed = {seed: [step for step in found.steps if step.seed == seed] for seed in found.plan.seeds}
    rows = []
    for number in range(1, found.plan.count + 1):
        reached = [[step for step in steps if 0 < step.number <= number] for steps in by_seed.values()]
        if there := [steps for steps in reached if len(steps) == number and steps[-1].state == DONE]:
            rows.append(_row(number, there, against))
    whole = [step for step in found.steps if step.number == WHOLE and step.state == DONE]
    diverged = {step.seed: step.number for step in found.steps if step.state == DIVERGED and step.number != WHOLE}
    gaps = [(step, _excess(step, tolerance)) for step in found.steps if step.number != WHOLE and step.state == DONE]
    kept, marked = (tuple(sorted((one.number, one.seed) for one, gap in gaps if gap * sign > 0)) for sign in (1, -1))
    return Summary(
        tuple(rows), _row(WHOLE, [[step] for step in whole], against) if whole else None, tolerance, diverged,
        next((row.number for row in rows if row.damage.mean > tolerance + EXACT), None), kept, marked,
        _from_on(rows, lambda row: row.spent.mean > row.one.mean), _from_on(rows, lambda row: row.spent.mean > row.retrained.mean), against,
    )  # fmt: skip


def _from_on(rows: Sequence[Row], holds: Callable[[Row], bool]) -> int | None:
    """The first request from which on it holds; with nan nothing holds."""
    after = max((row.number for row in rows if not holds(row)), default=0)
    return after + 1 if after < len(rows) else None


def _excess(step: Step, tolerance: float) -> float:
    """Of the accuracy on its images over the retrained network's; 0 where that is within the tolerance, or within chance."""
    ours, theirs = _on(step, "unlearned", "request"), _on(step, "reference", "request")
    within = max(tolerance, SURE * standard_error(ours, theirs, step.images)) + EXACT
    return ours - theirs if abs(ours - theirs) > within else 0.0


def _row(number: int, reached: list[list[Step]], against: str) -> Row:
    """reached: of each seed, the steps up to this request."""
    steps = [of_seed[-1] for of_seed in reached]
    pairs = {(network, name) for step in steps for network, of in step.accuracies.items() for name in of}
    retrained = [sum(step.seconds.get("retrain", nan) for step in of_seed) for of_seed in reached]
    accuracies = {
        (network, name): spread(_on(step, network, name) for step in steps)
        for network in NETWORKS for name in SETS if (network, name) in pairs
    }  # fmt: skip
    return Row(
        number, round(sum(step.images for step in steps) / len(steps)), accuracies,
        spread(_on(step, against, "test") - _on(step, "unlearned", "test") for step in steps),
        spread(_on(step, "unlearned", "request") - _on(step, "reference", "request") for step in steps),
        spread(_on(step, "unlearned", "earlier") - _on(step, "reference", "earlier") for step in steps),
        spread(nan if step.agreement is None else step.agreement for step in steps),
        spread(step.moved for step in steps), spread(step.cost for step in steps),
        spread(step.seconds.get("retrain", nan) for step in steps),
        spread(sum(step.cost for step in of_seed) for of_seed in reached),
        spread(retrained), spread(seconds / max(1, number) for seconds in retrained),
    )  # fmt: skip


def _on(step: Step, network: str, name: str) -> float:
    return step.accuracies.get(network, {}).get(name, nan)


def points(over: Spread) -> str:
    """A difference of shares: `1.2 ± 0.4 points`."""
    return over.text(lambda share: f"{100 * share:.1f}", with_n=False) + " points" * bool(over.n)


def sentences(found: Summary, covers: Callable[[int], str]) -> list[str]:
    """What came out, a sentence each: the damage, the break-even, what forgetting and relapse came to, and the order. None: nothing yet."""
    if not found.rows:
        return []
    last = found.rows[-1]
    return [*_not_as_asked(found), *_damage(found, last, covers), *_cost(found, last), *_at_the_end(last), *_order(found, last)]


def _damage(found: Summary, last: Row, covers: Callable[[int], str]) -> list[str]:
    other = "the retrained network's" if found.against == "reference" else "the original's"
    side = "below" if last.damage.mean >= 0 else "above"
    size = points(replace(last.damage, mean=abs(last.damage.mean)))
    many = f"{last.number} request{'s' * (last.number != 1)}"
    said = [f"After {many} test accuracy is {size} {side} {other}, {covers(last.damage.n)}."]
    tolerance = f"the tolerance of {100 * found.tolerance:g} points"
    if found.harmful is None:
        said.append(f"The damage never leaves {tolerance}.")
    else:
        there = found.rows[found.harmful - 1].damage
        sure = there.half_width is not None and there.mean - there.half_width > found.tolerance
        what, unsure = ("damage", "") if sure else ("mean damage", f" ({points(there)}, which more seeds may deny)")
        said.append(f"The {what} leaves {tolerance} at request {found.harmful}{unsure}: there it pays to retrain once.")
    for seed, number in found.diverged.items():
        said.append(f"With seed {seed} the method diverged at request {number}, and no request follows for it.")
    return said


def _cost(found: Summary, last: Row) -> list[str]:
    spent = f"Unlearning took {_seconds(last.spent.mean)} in all, with its statistics"
    if isnan(last.retrained.mean):
        return [f"{spent}; nothing was retrained, so it is held against no cost."]
    times = last.retrained.mean / last.spent.mean if last.spent.mean > 0 else nan
    ratio = "" if isnan(times) else f" ({times:,.0f} times as long)" if times >= MANY else f" ({times:.3g} times as long)"
    said = [f"{spent}; a retraining for each request took {_seconds(last.retrained.mean)}{ratio}."]
    if found.dearer_than_one is not None:
        said.append(f"From request {found.dearer_than_one} on it took longer in all than one retraining ({_seconds(last.one.mean)}).")
    else:
        a_request = last.spent.mean / last.number
        at = f", which at this rate comes at request {ceil(last.one.mean / a_request)}" if a_request > 0 else ""
        said.append(f"It did not take as long as one retraining ({_seconds(last.one.mean)}){at}.")
    if found.dearer is not None:
        said.append(f"From request {found.dearer} on it took longer than a retraining for each.")
    if found.harmful is not None:
        there = found.rows[found.harmful - 1]
        said.append(
            f"Unlearning up to request {found.harmful} and retraining once then takes {_seconds(there.spent.mean + there.one.mean)}, "
            f"against {_seconds(there.retrained.mean)} for a retraining each."
        )
    return said


def _not_as_asked(found: Summary) -> list[str]:
    """Which requests were not forgotten, or forgotten too well; they come first, whatever else is good."""
    said = []
    if idle := [str(row.number) for row in found.rows if row.moved.mean == 0]:
        said.append(f"The method left the network as it was at request {', '.join(idle)}: nothing was forgotten there.")
    for pairs, how in ((found.kept, "Not forgotten: recognised more often"), (found.marked, "Over-forgotten: recognised less often")):
        if pairs:
            seeds = {number: tuple(seed for other, seed in pairs if other == number) for number, _ in pairs}
            named = [f"request {number} (seed{'s' * (len(of) > 1)} {seeds_text(of)})" for number, of in seeds.items()]
            more = f" and {len(named) - LISTED} more" * (len(named) > LISTED)
            said.append(f"{how} than by the retrained network, beyond chance: {', '.join(named[:LISTED])}{more}.")
    return said


def _at_the_end(last: Row) -> list[str]:
    said = []
    for key, what in (("request", "the last request's images"), ("earlier", "the images of all earlier requests")):
        mine, other = last.accuracies.get(("unlearned", key)), last.accuracies.get(("reference", key))
        if mine:
            beside = f"; the retrained network's is {percent(other.mean)}" if other else ""
            said.append(f"At the end accuracy on {what} is {percent(mine.mean)}{beside}.")
    return said


def _order(found: Summary, last: Row) -> list[str]:
    if not found.whole:
        return []
    one, many = found.whole.accuracies["unlearned", "test"].mean, last.accuracies["unlearned", "test"].mean
    took = _seconds(found.whole.spent.mean)
    return [f"All requests in one, from the original: test accuracy {percent(one)}, in {took}; in sequence {percent(many)}."]


def _seconds(value: float) -> str:
    return f"{value:.3g} s"
