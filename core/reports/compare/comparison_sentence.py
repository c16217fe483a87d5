"""Summary of a comparison in one sentence: which method does better in which key metric, as far as 95 % intervals tell."""

from collections.abc import Mapping, Sequence
import re
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from core.domain.methods.ablations import SECOND_REFERENCE_METHOD
from core.domain.seed_lists import covers
from core.reports.compare.comparison import one_subject
from core.reports.compare.paired_differences import ZERO, aligned, difference, each_from_each, significantly_more
from core.reports.compare.runs_by_seed import SUBJECT, designed, groups_of, scenarios
from core.reports.compare.unchanged_methods import excess, unchanged
from core.reports.intervals import FEW, Pair, Spread
from core.reports.key_metrics import HIGH, LOW, Aim, aims_of, column, cost

if TYPE_CHECKING:
    import pandas as pd

LISTED = 3  # methods that a sentence names; of more, how many
THE_ORIGINAL = "the original"


class Group(NamedTuple):
    """The runs of one method and its settings. `control`: which ablation of the method they are, in words; '' for none."""

    name: str
    method: str
    control: str
    runs: "pd.DataFrame"
    unchanged: bool = False

    def costs(self, aim: Aim) -> dict[Pair, float]:
        """By seed and draw; runs without the number are left out."""
        return _by_pair(self.runs, cost(self.runs, aim))

    def original(self, aim: Aim) -> dict[Pair, float]:
        """The original's costs, in the same runs, by seed and draw."""
        values, references = column(self.runs, f"original.{aim.key}"), column(self.runs, f"reference.{aim.key}")
        return _by_pair(self.runs, aim.cost(values, references))


def groups_in(frame: "pd.DataFrame", everything: "pd.DataFrame", titles: Mapping[str, str]) -> list[Group]:
    """The methods of a comparison's frame of one subject; everything: as `unchanged_methods.excess`. titles: by method's key."""
    if not len(frame):
        return []
    by_design = designed(frame)
    members, over = groups_of(by_design), excess(frame, everything)
    heads = by_design.iloc[[here[0] for here in members]]
    marks = unchanged(over, members, heads["method"].tolist())
    names = names_of(heads, titles)
    return [
        Group(name, head["method"], head["control"], frame.iloc[here], mark)
        for name, head, here, mark in zip(names, heads.to_dict("records"), members, marks, strict=True)
    ]


def names_of(heads: "pd.DataFrame", titles: Mapping[str, str]) -> list[str]:
    """`ARU with a random mask`: the method's short name, which ablation it is, and the settings that differ within its method.

    Where the runs are about several datasets, models or requests, each is named with its own.
    """
    names, apart = [], subjects_apart(heads)
    for row in heads.to_dict("records"):
        alike = heads[heads["method"] == row["method"]]
        text = short(titles.get(row["method"], ""), row["method"])
        if row["control"]:
            text += f" with {row['control']}"
        alike = alike[alike["control"] == row["control"]]
        own = [part for part in row["settings"].split(" · ") if not alike["settings"].str.split(" · ").map(lambda p, w=part: w in p).all()]
        text += f" ({', '.join(own)})" if own else ""
        alike = alike[alike["settings"] == row["settings"]]
        named = [name for name in (*SUBJECT, "engine") if name in apart or alike[name].nunique() > 1]
        names.append(text + "".join(f" [{row[name]}]" for name in named))
    return names


def subjects_apart(heads: "pd.DataFrame") -> list[str]:
    """Which of SUBJECT runs differ in; draws of one request are one."""
    whole = heads.assign(request=scenarios(heads))
    return [name for name in SUBJECT if whole[name].nunique() > 1]


def short(title: str, key: str) -> str:
    """`ARU` of `Attack-and-Reset for Unlearning (ARU)`, where that is how tables write its key; else the key, as tables do."""
    abbreviation = re.search(r"\((\w+)\)$", title)
    return abbreviation[1] if abbreviation and abbreviation[1].lower() == key else key


def answer_to(frame: "pd.DataFrame", everything: "pd.DataFrame", titles: Mapping[str, str]) -> str:
    """`answer` of the runs of a comparison, as for `groups_in`; '' where they are not about one request, or there are none."""
    return answer(groups_in(frame, everything, titles)) if len(frame) and one_subject(frame) else ""


def answer(groups: Sequence[Group]) -> str:
    """One sentence, of runs about one subject; '' where there are none.

    A difference is named where its 95 % interval, paired by seed and draw, does not contain zero. Methods that are `unchanged`
    and second retrainings are not ranked; a single method is compared with the original.
    """
    # By name, so that a page, which lists the nearest first, and a study, in its own order, say the same.
    ranking = (group for group in groups if group.method != SECOND_REFERENCE_METHOD)
    methods = sorted(ranking, key=lambda group: (bool(group.control), group.name))
    ranked, idle = [g for g in methods if not g.unchanged], [g.name for g in methods if g.unchanged]
    if not methods:
        return ""
    import pandas as pd  # noqa: PLC0415  # half a second that commands which compare nothing need not pay

    aims = aims_of(pd.concat([group.runs for group in methods]))
    parts = [*(_differences(ranked, aims) if ranked else []), *_idle(idle, alone=not ranked), _covered(methods)]
    sentence = "; ".join(filter(None, parts))
    return f"{sentence[:1].upper()}{sentence[1:]}."


def _differences(ranked: Sequence[Group], aims: Sequence[Aim]) -> list[str]:
    if max(len(group.runs) for group in ranked) < 2:
        return [f"no difference can be told from one seed; ask for {FEW} seeds or more"]
    if len(ranked) == 1:
        (alone,) = ranked
        return _pair(alone.name, THE_ORIGINAL, {aim: (alone.costs(aim), alone.original(aim)) for aim in aims})
    if len(ranked) == 2:
        one, other = _better_first(ranked[0], ranked[1], aims)
        return _pair(one.name, other.name, {aim: (one.costs(aim), other.costs(aim)) for aim in aims})
    return _many(ranked, aims) + _indistinguishable_ablations(ranked, aims)


def _better_first(one: Group, other: Group, aims: Sequence[Aim]) -> tuple[Group, Group]:
    """First the one that does better in the first metric with a significant difference; else in the given order."""
    for aim in aims:
        both = one.costs(aim), other.costs(aim)
        if all(both) and (sign := sure(difference(*both))):
            return (one, other) if sign > 0 else (other, one)
    return one, other


def _pair(one: str, other: str, costs: Mapping[Aim, tuple[Mapping[Pair, float], Mapping[Pair, float]]]) -> list[str]:
    differences = {aim: difference(*both) for aim, both in costs.items() if all(both)}
    better = [_by(aim, over) for aim, over in differences.items() if sure(over) > 0]
    worse = [_by(aim, over) for aim, over in differences.items() if sure(over) < 0]
    same = [aim.title for aim, over in differences.items() if not sure(over)]
    if not better and not worse:
        return [f"no difference between {one} and {other} can be told in {listed(same)}"] if same else []
    lead = f"{one} does better than {other} in {listed(better)}" if better else f"{one} does worse than {other} in {listed(worse)}"
    parts = [lead, f"worse in {listed(worse)}" if better and worse else "", f"no difference can be told in {listed(same)}" if same else ""]
    return [part for part in parts if part]


def sure(over: Spread) -> int:
    """The sign of a difference whose interval does not contain zero; 0 of any other."""
    if over.half_width is None or abs(over.mean) - over.half_width <= ZERO:
        return 0
    return 1 if over.mean > 0 else -1


def _by(aim: Aim, over: Spread) -> str:
    """`forget accuracy (nearer to the reference by 3.1 ± 0.4 points)`; the better one's, whatever the sign."""
    how = ("higher" if sure(over) > 0 else "lower") if aim.goal == HIGH else ("nearer to" if sure(over) > 0 else "farther from")
    how = how if aim.goal == HIGH else "smaller" if aim.goal == LOW and sure(over) > 0 else "larger" if aim.goal == LOW else (
        f"{how} the reference"
    )  # fmt: skip
    return f"{aim.title} ({how} by {aim.text(abs(over.mean))} ± {aim.text(over.half_width or 0.0)} {aim.noun})"


def _many(ranked: Sequence[Group], aims: Sequence[Aim]) -> list[str]:
    """For each metric with significant differences, the methods that none beats; and the metrics without any."""
    best: dict[str, list[str]] = {}
    same = []
    for aim in aims:
        costs = [group.costs(aim) for group in ranked]
        there = [index for index, own in enumerate(costs) if len(own) > 1]
        if len(there) < 2:
            continue
        beats = significantly_more(*each_from_each(aligned([costs[index] for index in there])))
        if not beats.any():
            same.append(aim.title)
            continue
        lost = [bool(column_of.any()) for column_of in beats.T]
        names = tuple(ranked[index].name for index, beaten in zip(there, lost, strict=True) if not beaten)
        losers = [ranked[index].name for index, beaten in zip(there, lost, strict=True) if beaten]
        worse = f"{_counted(losers, len(ranked))} {'does' if len(losers) == 1 else 'do'} worse than another"
        text = f"none does better than {listed(names)}" if len(names) <= min(LISTED, len(losers) + 1) else worse
        best.setdefault(text, []).append(aim.title)
    parts = [f"{text} in {listed(titles)}" for text, titles in best.items()]
    nothing = f"no difference between the {len(ranked)} methods can be told in {listed(same)}" if same else ""
    return [*parts, nothing] if parts else [nothing]


def _counted(names: Sequence[str], of: int) -> str:
    return listed(names) if len(names) <= LISTED else f"{len(names)} of {of} methods"


def _indistinguishable_ablations(ranked: Sequence[Group], aims: Sequence[Aim]) -> list[str]:
    """A sentence for each method that no metric distinguishes from an ablation of its own."""
    sentences = []
    for ablation in (group for group in ranked if group.control):
        own = next((g for g in ranked if g.method == ablation.method and not g.control), None)
        costs = [] if own is None else [(own.costs(aim), ablation.costs(aim)) for aim in aims]
        over = [difference(*both) for both in costs if all(both)]
        if own and over and not any(map(sure, over)):
            sentences.append(f"no difference between {own.name} and {ablation.name} can be told in any of them")
    return sentences


def _idle(names: Sequence[str], *, alone: bool) -> list[str]:
    if not names:
        return []
    farther = "cannot be told to lie farther from the original than a second retraining from the first (unchanged)"
    text = f"{_counted(names, len(names))} {farther}"
    return [f"no method is seen to change the network by more than chance: {text}" if alone else text]


def _covered(groups: Sequence[Group]) -> str:
    coverage = [(group.runs["seed"].nunique(), len(set(group.runs["draw"]) - {""})) for group in groups]
    counts = sorted({n for n, _ in coverage})
    text = covers(*coverage[0]) if len(set(coverage)) == 1 else f"over {counts[0]} to {counts[-1]} seeds" if len(counts) > 1 else (
        f"over {counts[0]} seed{'s' * (counts[0] != 1)}, draws as each method has"
    )  # fmt: skip
    return f"{text}, too few for a claim" if min(len(group.runs) for group in groups) < FEW else text


def listed(words: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return " and ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))


def _by_pair(runs: "pd.DataFrame", values: "pd.Series[float]") -> dict[Pair, float]:
    seeds, draws = runs["seed"].tolist(), runs["draw"].tolist()
    return {(seed, draw): v for seed, draw, v in zip(seeds, draws, values.to_numpy(float).tolist(), strict=True) if np.isfinite(v)}
