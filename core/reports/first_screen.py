"""What stands first of a finished run, as plain data: verdict, confidence, warnings, four gauges, accuracy by class, costs. No torch.

A page draws it, a report writes it, a list of runs shows its gauges in small.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from core.domain.info import DatasetInfo
from core.domain.methods.ablations import SECOND_REFERENCE_METHOD
from core.domain.run import RunStatus, model_text
from core.reports.checks.case import Case, CheckWarning
from core.reports.checks.registry import DECIDING, Finding, examine
from core.reports.checks.stored_run import read_case, stored_table
from core.reports.cost_line import cost_line
from core.reports.gauges import AS_RETRAINED, SECOND, Gauge, gauges
from core.reports.odd_results import told_of
from core.reports.run_report import full_report
from core.reports.verdict import verdict
from core.storage.home import Home
from core.storage.record_types import Run
from core.storage.related_runs import beside
from core.storage.runs import ResultStore

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Confidence:
    """level: low, medium or high; reason: the count of checks that it follows from."""

    level: str
    reason: str


@dataclass(frozen=True)
class FirstScreen:
    """about: method, dataset, model, request, run. classes: model (of MARKS), class (index), accuracy, count on test images, as
    `core.figures.class_figures.class_shift` takes it; forgotten: indices of the forgotten classes.
    """

    about: tuple[str, ...]
    lead: str
    sentence: str
    confidence: Confidence
    warnings: tuple[CheckWarning, ...]
    gauges: tuple[Gauge, ...]
    classes: "pd.DataFrame"
    names: tuple[str, ...]
    forgotten: tuple[int, ...]
    forget_images: int
    multi: bool
    costs: str

    @property
    def nearness(self) -> str:
        """How many gauges stand where another retrained network's might."""
        known = [gauge.inside for gauge in self.gauges if gauge.inside is not None]
        return f"{sum(known)} of {len(known)} {AS_RETRAINED}" if known else "no reference to compare with"


def about(run: Run, data: DatasetInfo, method: str) -> tuple[str, ...]:
    """What was run, in short: method (its title), dataset, model, request, the id's beginning."""
    return method, data.title, model_text(run.spec), f"forget {run.spec.request.words(data)}", f"run {run.id[:4]}"


def first_screen(
    run: Run, data: DatasetInfo, report: dict[str, Any], case: Case, finding: Finding, classes: "pd.DataFrame", method: str
) -> FirstScreen:  # fmt: skip
    """report: `core.reports.run_report.full_report`; classes: `class_rows`; method: its title."""
    numbers = {"unlearned": report["metrics"], "original": report["original"], "reference": report["reference"] or {}}
    lead, sentence = verdict(numbers, run.spec.request, data, finding.far_off).beside(warnings=bool(finding.warnings))
    return FirstScreen(
        about=about(run, data, method), lead=lead, sentence=sentence, confidence=confidence(case, finding), warnings=finding.warnings,
        gauges=gauges(case, report["reasons"]),
        classes=classes, names=data.classes, forgotten=run.spec.request.classes, forget_images=case.forget_images(), multi=data.multi,
        costs=cost_line(report),
    )  # fmt: skip


def of_stored_run(home: Home, store: ResultStore, run: Run, data: DatasetInfo, method: str) -> FirstScreen:
    """Of a finished run, read from the store. Raises WrongInput where it stored no table of classes, or a damaged one."""
    with told_of(run.id):
        case, second = read_case(home, store, run, data), beside(store, run.spec).floor
        table = stored_table(home, store, run.id)
        second_table = stored_table(home, store, second.id) if second and second.status == RunStatus.DONE and case.has_reference else None
        return first_screen(run, data, full_report(home, store, run), case, examine(case), class_rows(table, second_table), method)


def class_rows(table: "pd.DataFrame", second: "pd.DataFrame | None" = None) -> "pd.DataFrame":
    """Accuracy by class on test images, of the run's networks and the second reference. table, second: what two runs stored by class."""
    import pandas as pd  # noqa: PLC0415  # half a second that commands which show no classes need not pay

    rows = table[table["split"] == "test"]
    if second is None:
        return rows
    others = second[(second["split"] == "test") & (second["model"] == "unlearned")]
    return pd.concat([rows, others.assign(model=SECOND)], ignore_index=True)


def confidence(case: Case, finding: Finding) -> Confidence:
    """Low: a check warns, or nothing could be checked, or no attack was made. Medium: a check could not be made, or the retraining
    variability was not measured. High: all checks were made, and none warns.
    """
    warned, missed = len(finding.warnings), finding.missed or {}
    made = warned + len(finding.withheld) + len(finding.clear)
    if warned:
        return Confidence("low", f"{warned} of {made} checks {'warns' if warned == 1 else 'warn'}")
    if not made:
        return Confidence("low", "nothing could be checked")
    if missed:
        level = "low" if DECIDING in missed else "medium"
        return Confidence(level, f"{len(missed)} of {made + len(missed)} checks not possible")
    if case.second_reference is None and case.method != SECOND_REFERENCE_METHOD:
        return Confidence("medium", "retraining variability not measured")
    return Confidence("high", f"all {made} checks passed")


def headline(sentence: str) -> tuple[str, str]:
    """A warning's first words, and the rest, which it rests on."""
    ends = [at for mark in (": ", "; ", ". ") if (at := sentence.find(mark)) > 0]
    return (sentence[: min(ends)], sentence[min(ends) + 2 :]) if ends else (sentence.rstrip("."), "")
