"""A finished run with all that a report says of it, read from the store once; no torch."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from core.domain.errors import WrongInput
from core.domain.info import DatasetInfo, MethodInfo, MetricInfo
from core.domain.methods.judged import titles_of
from core.domain.run import RunSpec, RunStatus
from core.jobs.catalogue import Catalogue
from core.reports.checks.case import Case
from core.reports.checks.registry import Finding, examine
from core.reports.checks.stored_run import GRAFT, TABLE, case_of
from core.reports.odd_results import told_of
from core.reports.run_report import full_report, numbers_of
from core.reports.verdict import Numbers, Verdict, verdict
from core.storage.artifacts import Artifacts
from core.storage.finished_runs import finished_runs
from core.storage.home import Home
from core.storage.portable import imported_among
from core.storage.record_types import Run
from core.storage.related_runs import beside
from core.storage.runs import ResultStore

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class RunContents:
    """report: see `full_report`. data, method: None where they are no longer registered. case, finding: None where the run cannot be
    checked, and `unchecked` says why. second: the second reference's run, where it is done, and `second_files` its files.
    other_seeds: seeds of finished runs that differ from this one in their seed alone.
    """

    home: Home
    run: Run
    report: Mapping[str, Any]
    metrics: Mapping[str, MetricInfo]
    files: Mapping[str, str]
    data: DatasetInfo | None
    method: MethodInfo | None
    case: Case | None
    finding: Finding | None
    unchecked: str = ""
    second: Run | None = None
    second_numbers: Numbers | None = None
    second_files: Mapping[str, str] | None = None
    other_seeds: tuple[int, ...] = ()

    @property
    def numbers(self) -> Numbers:
        """model -> metric -> value."""
        return {"unlearned": self.report["metrics"], "original": self.report["original"], "reference": self.report["reference"] or {}}

    @property
    def verdict(self) -> Verdict:
        """As the Result page says it."""
        found = verdict(self.numbers, self.run.spec.request, self.data, self.finding is not None and self.finding.far_off)
        return found.beside(warnings=bool(self.finding and self.finding.warnings))

    @property
    def subject(self) -> str:
        """What went, in the dataset's words: `class 3`."""
        return self.run.spec.request.words(self.data)

    @property
    def method_title(self) -> str:
        """The method's name."""
        key = self.run.spec.method
        return titles_of({self.method.key: self.method} if self.method else {}).get(key, key)

    def table(self, name: str) -> "pd.DataFrame":
        """A table that the run stored. Raises WrongInput where it stored none of that name, or its file is gone or damaged."""
        if name not in self.files:
            raise WrongInput(f"Run {self.run.id} stored no table {name!r}: another version of Forgetscope made it; run it again.")
        return Artifacts(self.home.artifacts_folder).get_table(self.files[name])

    def arrays(self, name: str) -> dict[str, np.ndarray]:
        """Arrays that the run stored; none where it stored none of that name. Raises WrongInput where their file is gone or damaged."""
        return Artifacts(self.home.artifacts_folder).get_arrays(self.files[name]) if name in self.files else {}


def contents(home: Home, store: ResultStore, run_id: str, shelves: Catalogue) -> RunContents:
    """Raises WrongInput where there is no such run, or it is not done."""
    run = store.existing(run_id)
    if run.status != RunStatus.DONE:
        raise WrongInput(f"Run {run_id} is {run.status}; a report is made of a finished run.")
    spec, files = run.spec, store.artifacts(run_id)
    data, near = shelves.datasets.get(spec.dataset), beside(store, spec)
    second = near.floor if near.floor and near.floor.status == RunStatus.DONE else None
    case, finding, unchecked = None, None, ""
    try:
        if data is None:
            raise WrongInput(f"This Forgetscope does not know the dataset {spec.dataset!r:.60}.")
        if TABLE not in files:
            raise WrongInput(f"Run {run_id} stored no table {TABLE!r}: another version of Forgetscope made it; run it again.")
        put = Artifacts(home.artifacts_folder)
        with told_of(run_id):
            graft = put.get_table(files[GRAFT]) if GRAFT in files else None
            case = case_of(run, data, near, lambda other: numbers_of(store, other.id), put.get_table(files[TABLE]), graft)
            finding = examine(case)
    except WrongInput as wrong:
        case, unchecked = None, str(wrong)
    with told_of(run_id):
        report = full_report(home, store, run)
    return RunContents(
        home, run, report, shelves.metrics, files, data, shelves.methods.get(spec.method), case, finding, unchecked,
        second, numbers_of(store, second.id) if second else None, store.artifacts(second.id) if second else None,
        _other_seeds(store, run),
    )  # fmt: skip


def _other_seeds(store: ResultStore, run: Run) -> tuple[int, ...]:
    """Of runs by the same code on the same device; those that came in bundles count beside another such run alone."""
    mine = _without_seed(run.spec)
    alike = [
        one for one in finished_runs(store)
        if one.spec.method == mine.method and one.device == run.device and _without_seed(one.spec) == mine
    ]  # fmt: skip
    came = {} if run.imported else imported_among(store, [one.id for one in alike])
    return tuple(sorted({one.spec.seed for one in alike if one.id not in came} - {run.spec.seed}))


def _without_seed(spec: RunSpec) -> RunSpec:
    """Where a seed decides what goes, without that one too."""
    return replace(spec, seed=0, request=replace(spec.request, seed=0) if spec.request.drawn else spec.request)
