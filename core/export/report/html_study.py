"""A study as one HTML file: the answer in a sentence, each method's mean and interval, every run's verdict, and the study's file."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from contextvars import copy_context
from dataclasses import dataclass
from datetime import UTC, datetime
import math

import pandas as pd

from core.domain.errors import WrongInput
from core.domain.info import DatasetInfo
from core.domain.seed_lists import seeds_text
from core.export.imported_runs import not_computed_here
from core.export.page import page, plain_name
from core.export.report.html_report import Report
from core.export.report.repeat import study_file
from core.export.report.study_table import families_of, missing, study_rows, text_table
from core.figures.compare.metric_columns import DEFAULT, Column, columns_of
from core.figures.compare.study_figures import Levels, metric_intervals
from core.figures.metric_tables import GOAL
from core.figures.palette import DARK
from core.figures.sections import Block, FigureBlock, Section, TableBlock, TextBlock
from core.jobs.catalogue import Catalogue
from core.jobs.studies.progress import Progress, progress
from core.jobs.studies.table import StudySummary, summary
from core.reports.checks.registry import Finding
from core.reports.checks.stored_run import finding_of
from core.reports.compare.unchanged_methods import UNCHANGED, UNCHANGED_SAYS
from core.reports.intervals import Spread
from core.reports.run_report import numbers_of
from core.reports.verdict import verdict
from core.storage.home import Home
from core.storage.portable import imported_among
from core.storage.record_types import Run
from core.storage.runs import ResultStore

SHOWN = 6  # metrics that have a figure


@dataclass(frozen=True)
class StudyContents:
    """told: its numbers; runs: a line a finished run; came: those that were computed elsewhere -> the bundle."""

    home: Home
    told: StudySummary
    now: Progress
    runs: pd.DataFrame
    came: Mapping[str, str]
    shelves: Catalogue

    @property
    def data(self) -> DatasetInfo | None:
        """None where its dataset is no longer registered."""
        return self.shelves.datasets.get(self.told.plan.dataset)


def study_report(home: Home, study_id: str, shelves: Catalogue) -> Report:
    """Raises WrongInput where there is no such study, or none of its runs is done."""
    return copy_context().run(_written, study_contents(home, study_id, shelves))


def study_contents(home: Home, study_id: str, shelves: Catalogue) -> StudyContents:
    """Raises WrongInput as `study_report`."""
    with ResultStore(home.database) as store:
        told = summary(home, store, study_id)
        if not any(row.runs for row in told.variants):
            raise WrongInput(f"No run of study {study_id} is done; a report is made of finished runs.")
        lines = pd.DataFrame(_runs(home, store, told, shelves.datasets.get(told.plan.dataset)))
        return StudyContents(home, told, progress(store, study_id), lines, imported_among(store, list(lines["Run"])), shelves)


def study_name(study: StudyContents) -> str:
    """A name that says what it is, for any file system."""
    plan = study.told.plan
    return plain_name("study", plan.dataset, plan.model, plan.request.text[:40], study.told.id[:8])


def _written(study: StudyContents) -> Report:
    DARK.set(False)  # paper is white, whatever the theme of the page
    told, name = study.told, study_name(study)
    plan = told.plan
    cautions = [*filter(None, [told.caution, told.older, not_computed_here(study.came, len(study.runs))])]
    left = study.now.total - study.now.done
    cautions += [f"{left} of its {study.now.total} runs are not done."] if left else []
    text = page(
        "study.html", title=plan.name_with(study.data), kind="Report of a study",
        about=f"{study.data.title if study.data else plan.dataset} · {plan.network} · forget {plan.request.words(study.data)} · "
        f"seeds {seeds_text(plan.seeds)} · study {told.id}",
        written=f"{datetime.now(UTC):%d %B %Y}", sections=study_sections(study), file_name=name, answer=told.answer, cautions=cautions,
        more=told.more.text if told.more else "", private=[str(study.home.root)],
    )  # fmt: skip
    return Report(f"{name}.html", text)


def study_sections(study: StudyContents) -> list[Section]:
    """Every section that the study has data for."""
    return list(_sections(study))


def _sections(study: StudyContents) -> Iterator[Section]:
    told = study.told
    yield Section("key-metrics", "Key metrics", (_interval(told),), list(_figures(study)))
    yield Section("runs", "Every run and its verdict", (), [TableBlock("", study.runs)])
    yield Section("numbers", "All numbers", _reading(told), list(_tables(study)))
    shown = {column.key for columns in families_of(told, study.shelves.metrics).values() for column in columns}
    if reasons := missing(told, shown):
        yield Section("missing", "Why numbers are missing", reasons)
    file = study_file(told.plan)
    yield Section("repeat", "How to repeat it", ("Save this as study.toml, and run: python -m core sweep study.toml",),
                  [TextBlock(file, "The study's file", code=True)])  # fmt: skip


def _interval(told: StudySummary) -> str:
    return f"Mean ± half of its 95 % interval (Student's t) {told.plan.covers}."


def _reading(told: StudySummary) -> tuple[str, ...]:
    apart = "; the second reference shows how far two retrained networks lie apart, and no method can be expected to do better"
    lines = [f"{_interval(told)} A number marked ≈ should be the reference's{apart if told.floor else ''}."]
    if any(row.unchanged for row in told.variants):
        lines.append(f"{UNCHANGED.capitalize()}: {UNCHANGED_SAYS} {told.judged_by}")
    return tuple(lines)


def _figures(study: StudyContents) -> Iterator[Block]:
    told = study.told
    by_class = told.plan.request.by_class
    wanted = ["test_forget_accuracy" if by_class else "train_forget_accuracy", "test_retain_accuracy", "attack_auc", "relearn_steps"]
    keys = [key for key in dict.fromkeys([*wanted, *DEFAULT]) if key in told.metrics][:SHOWN]
    for column in columns_of(keys, study.shelves.metrics):
        methods = {name: numbers.get(column.key) for name, numbers, _ in study_rows(told)[: _methods(told)]}
        levels = Levels(*(_mean(numbers, column) for numbers in (told.original, told.reference, told.floor)))
        yield FigureBlock(
            f"study-{column.key.replace('_', '-')}", column.info.title, metric_intervals(methods, column, levels),
            f"Points with intervals: {column.info.title} of every method, with lines at the original and the retrained reference",
            f"{GOAL[column.info.goal].capitalize()}. {column.info.definition}",
        )  # fmt: skip


def _methods(told: StudySummary) -> int:
    return sum(not row.variant.is_floor for row in told.variants)


def _mean(numbers: dict[str, Spread], column: Column) -> float | None:
    over = numbers.get(column.key)
    return over.mean if over and math.isfinite(over.mean) else None


def _tables(study: StudyContents) -> Iterator[Block]:
    rows = study_rows(study.told)
    for family, columns in families_of(study.told, study.shelves.metrics).items():
        about = " ".join(f"{column.title} ({GOAL[column.info.goal]}): {column.info.definition}" for column in columns)
        yield TableBlock(family, text_table(rows, columns), about)


def _runs(home: Home, store: ResultStore, told: StudySummary, data: DatasetInfo | None) -> Iterator[dict[str, str]]:
    """A line a finished run: its verdict and what the checks say against it."""
    for row in told.variants:
        for run_id, seed in zip(row.runs, row.seeds, strict=True):
            run = store.row(run_id)
            if isinstance(run, Run):
                yield {"Method": row.variant.text, "Seed": str(seed), **_verdict(home, store, run, data), "Run": run_id}


def _verdict(home: Home, store: ResultStore, run: Run, data: DatasetInfo | None) -> dict[str, str]:
    finding = Finding(())
    doubts = "not checked"
    with suppress(WrongInput):  # its dataset or its tables are gone
        if data is not None:
            finding = finding_of(home, store, run, data)
            doubts = "; ".join(warning.sentence for warning in finding.warnings) or "none found"
    return {"Verdict": verdict(numbers_of(store, run.id), run.spec.request, data, finding.far_off).lead, "Reasons to doubt": doubts}
