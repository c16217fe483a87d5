"""A study as one table: each variant's numbers over its seeds, beside the reference's and the floor."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from math import isfinite
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from core.domain.methods.ablations import SECOND_REFERENCE_METHOD
from core.domain.methods.judged import titles_of
from core.domain.study import StudyPlan, Variant
from core.jobs.catalogue import catalogue, is_written
from core.jobs.studies.progress import is_older, plan_of, runs_of
from core.reports.compare.comparison import (
    TIME,
    about,
    comparison,
    metric_columns,
    other_evaluation,
    second_retrainings,
)
from core.reports.compare.comparison_sentence import Group, answer, names_of
from core.reports.compare.comparison_table import with_seconds
from core.reports.compare.more_seeds import MoreSeeds, more_seeds
from core.reports.compare.runs_by_seed import of_model, once
from core.reports.compare.unchanged_methods import excess, judged_by, unchanged
from core.reports.intervals import FEW, Spread
from core.reports.study_attacks import over_seeds
from core.storage import studies
from core.storage.artifacts import Artifacts, Damaged
from core.storage.finished_runs import files_named, reasons_of
from core.storage.home import Home
from core.storage.runs import ResultStore

if TYPE_CHECKING:
    import pandas as pd

NOT_DONE = "None of its runs is done yet."


@dataclass(frozen=True)
class VariantSummary:
    """One variant over the seeds whose runs are done. `absent`: metric -> why there is no number."""

    variant: Variant
    runs: tuple[str, ...] = ()
    seeds: tuple[int, ...] = ()
    numbers: dict[str, Spread] = field(default_factory=dict)
    absent: dict[str, str] = field(default_factory=dict)
    unchanged: bool = False  # see `core.reports.compare.unchanged_methods`


@dataclass(frozen=True)
class StudySummary:
    """`numbers` by metric: the unlearned models' for each variant, and those of the originals and references, each
    seed's once. Metrics over all seeds together stand among them, without an interval: n counts their seeds."""

    id: str
    plan: StudyPlan
    variants: tuple[VariantSummary, ...]
    original: dict[str, Spread]
    reference: dict[str, Spread]
    outdated: int = 0  # of its runs: computed by another version of the engine
    answer: str = ""  # in one sentence; see `core.reports.compare.comparison_sentence`
    more: MoreSeeds | None = None  # what would decide what the answer cannot tell
    judged_by: str = ""  # what `unchanged` is held against, in a sentence
    unlike: str = ""  # what must be said where not the same of each run was evaluated

    @property
    def older(self) -> str:
        """What must be said where an older engine's numbers are shown; '' where none are."""
        count = sum(len(row.runs) for row in self.variants)
        which = f"{self.outdated} of these {count} runs" if self.outdated < count else "All of these runs"
        return f"{which} were computed by another version of the engine." if self.outdated else ""

    @property
    def floor(self) -> dict[str, Spread]:
        """The numbers of a second retraining: two references from different seeds differ by so much."""
        return next((row.numbers for row in self.variants if row.variant.is_floor), {})

    @property
    def metrics(self) -> list[str]:
        """Every metric that some variant has a number of, in the order of the runs' own; time last."""
        found = dict.fromkeys(metric for row in self.variants for metric in row.numbers)
        return [*(metric for metric in found if metric not in TIME), *(metric for metric in TIME if metric in found)]

    @property
    def caution(self) -> str:
        """What must be said where seeds are too few for a claim, or not the same of each run was evaluated; '' else."""
        return " ".join(filter(None, [self._few_seeds, self.unlike]))

    @property
    def _few_seeds(self) -> str:
        counts = sorted({len(row.seeds) for row in self.variants if row.seeds})
        if not counts or counts[0] >= FEW:
            return ""
        seeds = "1 seed stands" if counts[0] == 1 else f"{counts[0]} seeds stand"
        which = "these numbers" if len(counts) == 1 else "some of these numbers"
        return f"Only {seeds} behind {which}: too few for a claim; ask for {FEW} or more."

    def to_plain(self) -> dict[str, Any]:
        """For JSON; a mean or half-width that is no number is None."""
        return {
            "id": self.id,
            "title": self.plan.name,
            "answer": self.answer,
            "more_seeds": asdict(self.more) | {"text": self.more.text} if self.more else None,
            "dataset": self.plan.dataset,
            "model": self.plan.model,
            "forget": self.plan.request.text,
            "seeds": list(self.plan.seeds),
            "draws": list(self.plan.draws),
            "covers": self.plan.covers,
            "variants": [
                {
                    "method": row.variant.method, "settings": row.variant.settings, "floor": row.variant.is_floor,
                    "runs": list(row.runs), "seeds": list(row.seeds), "metrics": _plain(row.numbers), "absent": row.absent,
                    "unchanged": row.unchanged,
                }
                for row in self.variants
            ],
            "original": _plain(self.original),
            "reference": _plain(self.reference),
            "floor": _plain(self.floor),
            "caution": self.caution,
            "older": self.older,
        }  # fmt: skip


def summary(home: Home, store: ResultStore, study_id: str) -> StudySummary:
    """Raises WrongInput where there is no such study."""
    plan = plan_of(studies.existing(store, study_id))
    runs = runs_of(plan, studies.members(store, study_id).get(study_id, []))
    done = {run.run_id: run.variant for run in runs if run.shown}
    frame = comparison(store, list(done))
    frame = frame.sort_values("seed", kind="stable", key=lambda seeds: seeds.map(plan.seeds.index))  # older runs come last
    reasons = reasons_of(store, list(done))
    tables, why = _examples(home, store, list(done))
    variants = frame["id"].map(done).to_numpy()
    members = [np.flatnonzero(variants == index) for index in range(len(plan.variants))]
    told = frame.assign(engine="")  # a run of an older engine stands in for its successor
    beside = _with_seconds_of_home(store, frame)
    marks = unchanged(excess(told, beside), members, [variant.method for variant in plan.variants])
    rows = [
        replace(_row(variant, frame.iloc[here], reasons, tables, why), unchanged=mark)
        for variant, here, mark in zip(plan.variants, members, marks, strict=True)
    ]
    older = frame["id"].isin({run.run_id for run in runs if is_older(plan, run)})
    each = once(with_seconds(frame)[~older | frame["seed"].isin(set(frame["seed"]) - set(frame["seed"][~older]))], ["seed"])
    original, reference = (of_model(each, metric_columns(each), f"{model}.") for model in ("original", "reference"))
    found, _, n = _together(each, tables, "reference")
    groups = _groups(home, plan, told, members, marks)
    return StudySummary(study_id, plan, tuple(rows), original, reference | _alone(found, n), int(older.sum()), answer(groups),
                        more_seeds(groups), judged_by(told, beside), other_evaluation(frame))  # fmt: skip


def _with_seconds_of_home(store: ResultStore, frame: "pd.DataFrame") -> "pd.DataFrame":
    """The study's runs, and where it has no second retrainings of its own, those that the home has for its requests and seeds."""
    own = frame[frame["method"] == SECOND_REFERENCE_METHOD]
    lacking = not set(zip(frame["request"], frame["seed"], strict=True)) <= set(zip(own["request"], own["seed"], strict=True))
    ids = second_retrainings(about(store), frame) if lacking and len(frame) else []
    return (comparison(store, ids) if ids else frame).assign(engine="")


def _groups(
    home: Home, plan: StudyPlan, frame: "pd.DataFrame", members: "Sequence[NDArray[np.int64]]", marks: Sequence[bool]
) -> list[Group]:  # fmt: skip
    """Each variant that has runs, by a name that a sentence can use."""
    titles = titles_of(catalogue(home.root).methods) if is_written(home.root) else {}
    there = [(v.method, frame.iloc[here], mark) for v, here, mark in zip(plan.variants, members, marks, strict=True) if len(here)]
    if not there:
        return []
    names = names_of(frame.iloc[[int(here[0]) for here in members if len(here)]], titles)
    return [
        Group(name, method, runs["control"].iloc[0], runs, mark)
        for name, (method, runs, mark) in zip(names, there, strict=True)
    ]


def _row(
    variant: Variant, own: "pd.DataFrame", reasons: dict[str, dict[str, str]], tables: "dict[str, pd.DataFrame]", why: str
) -> VariantSummary:  # fmt: skip
    if not len(own):
        return VariantSummary(variant, absent=dict.fromkeys(TIME, NOT_DONE))
    found, missing, n = _together(own, tables, "unlearned")
    numbers = of_model(own, metric_columns(own), "") | _alone(found, n)
    absent = {metric: reason for run_id in own["id"] for metric, reason in reasons.get(run_id, {}).items()}
    absent |= {metric: f"{reason} {why}".strip() for metric, reason in missing.items()}
    absent = {metric: reason for metric, reason in absent.items() if metric not in numbers}
    return VariantSummary(variant, tuple(own["id"]), tuple(map(int, own["seed"])), numbers, absent)


def _together(
    frame: "pd.DataFrame", tables: "dict[str, pd.DataFrame]", model: str
) -> tuple[dict[str, float], dict[str, str], int]:
    """`over_seeds` of those rows whose examples are there, and how many these are."""
    there = frame[frame["id"].isin(tables)]
    return *over_seeds([tables[run_id] for run_id in there["id"]], there, model), len(there)


def _alone(values: dict[str, float], n: int) -> dict[str, Spread]:
    """One value of all seeds together has no interval."""
    return {metric: Spread(value, None, n) for metric, value in values.items()}


def _examples(home: Home, store: ResultStore, run_ids: Sequence[str]) -> "tuple[dict[str, pd.DataFrame], str]":
    """Run -> its examples; and why some have none, or ''."""
    files, artifacts = files_named(store, run_ids, "examples"), Artifacts(home.artifacts_folder)
    tables, why = {}, ""
    for run_id in run_ids:
        if run_id not in files:
            why = f"Run {run_id} stored no examples: another version of Forgetscope made it; run it again."
            continue
        try:
            tables[run_id] = artifacts.get_table(files[run_id])
        except Damaged as damaged:
            why = str(damaged)
    return tables, why


def _plain(numbers: dict[str, Spread]) -> dict[str, dict[str, Any]]:
    return {metric: asdict(over) | {"mean": over.mean if isfinite(over.mean) else None} for metric, over in numbers.items()}
