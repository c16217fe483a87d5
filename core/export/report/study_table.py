"""A study's numbers as rows of text: mean and interval of each variant over its seeds, with the original and the references."""

from collections.abc import Mapping, Sequence

import pandas as pd

from core.domain.info import MetricInfo
from core.figures.compare.metric_columns import COST, Column, columns_of
from core.figures.metric_tables import SECOND_REFERENCE_TITLE, by_family
from core.figures.palette import MODEL_TITLE
from core.jobs.studies.table import StudySummary
from core.metrics.privacy.multi_seed import OVER_SEEDS
from core.reports.compare.unchanged_methods import UNCHANGED
from core.reports.intervals import Spread

SEEDS_TOGETHER = {m.key: MetricInfo(m.key, m.title, m.unit, m.goal, m.definition, "All seeds together") for m in OVER_SEEDS}
Row = tuple[str, Mapping[str, Spread], int]  # its name, its numbers by metric, and of how many seeds


def families_of(summary: StudySummary, metrics: Mapping[str, MetricInfo]) -> dict[str, list[Column]]:
    """Family -> its columns, of the metrics that some variant has; a family without any is left out."""
    infos = known_metrics(metrics)
    columns_by_family = {family: columns_of(keys, infos) for family, keys in by_family(summary.metrics, infos).items()}
    return {family: columns for family, columns in columns_by_family.items() if columns}


def known_metrics(metrics: Mapping[str, MetricInfo]) -> Mapping[str, MetricInfo]:
    """Every metric that a study can have."""
    return {**metrics, **SEEDS_TOGETHER, **COST}


def study_rows(summary: StudySummary) -> list[Row]:
    """One row per variant, then original, reference and second reference."""
    rows: list[Row] = [
        (row.variant.text + (f" ({UNCHANGED})" if row.unchanged else ""), row.numbers, len(row.seeds))
        for row in summary.variants if not row.variant.is_floor
    ]  # fmt: skip
    for model, numbers in (("original", summary.original), ("reference", summary.reference)):
        seeds = max((over.n for over in numbers.values()), default=0)
        rows += [(MODEL_TITLE[model], numbers, seeds)] if numbers else []
    return rows + [(SECOND_REFERENCE_TITLE, row.numbers, len(row.seeds)) for row in summary.variants if row.variant.is_floor]


def text_table(rows: Sequence[Row], columns: Sequence[Column]) -> pd.DataFrame:
    """Those rows, each cell as text."""
    return pd.DataFrame([
        {"Variant": name, "n": n, **{column.header: cell(column, numbers.get(column.key), n) for column in columns}}
        for name, numbers, n in rows
    ])  # fmt: skip


def cell(column: Column, over: Spread | None, n: int) -> str:
    """Mean, half-width and, where it is not the row's, the number of seeds; a dash where there is no number."""
    if over is None:
        return "–"
    text = column.text(over.mean, float("nan") if over.half_width is None else over.half_width)
    return text if over.n == n else f"{text} (n = {over.n})"


def missing(summary: StudySummary, shown: set[str]) -> list[str]:
    """Why numbers are absent, each reason once, with the variant where the metric is shown."""
    reasons: dict[str, None] = {}
    for row in summary.variants:
        for metric, reason in row.absent.items():
            if metric in shown or metric in SEEDS_TOGETHER:
                reasons[f"{row.variant.text}: {reason}" if metric in shown else reason] = None
    return list(reasons)
