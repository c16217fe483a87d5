"""Numbers as text and as tables with their definitions."""

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from core.domain.formatting import percent
from core.domain.info import MetricInfo
from core.domain.requests.base import ForgetRequest
from core.domain.run import MODELS
from core.reports.verdict import NEAR, Numbers

GOAL = {"high": "higher is better", "low": "lower is better", "match": "like the reference"}
SECOND_REFERENCE_TITLE = "Second reference"
RARE = ("truth_accuracy",)  # about one kind of request; elsewhere the row is left out
OTHER = "Other"
DROP = 0.01  # share: a smaller fall of NoMUS gets no remark


def shown(value: float | None, unit: str) -> str:
    """A value with its unit; a dash where there is none."""
    if value is None:
        return "–"
    if unit == "steps":
        return f"{value:g}"
    return percent(value) if unit == "share" else f"{value:.3f}" + (f" {unit}" if unit == "nats" else "")


def numbers_table(
    report: dict[str, Any], metrics: Mapping[str, MetricInfo], second_reference: Numbers | None = None, keys: tuple[str, ...] | None = None
) -> pd.DataFrame:
    """One row per metric (of `keys`, by default all): its value for each model, its aim, its definition.

    second_reference: the numbers of the second reference's run; without them the column is left out.
    """
    by_model = {"original": report["original"], "unlearned": report["metrics"], "reference": report["reference"] or {}}
    rows = []
    for key in metrics if keys is None else (k for k in keys if k in metrics):
        if key in RARE and all(by_model[model].get(key) is None for model in MODELS):
            continue
        info = metrics[key]
        values = {model.capitalize(): shown(by_model[model].get(key), info.unit) for model in MODELS}
        if second_reference is not None:
            values[SECOND_REFERENCE_TITLE] = shown(second_reference["unlearned"].get(key), info.unit)
        reasons = dict.fromkeys(report["reasons"].get(f"{model}/{key}", "") for model in MODELS)
        definition = " ".join([info.definition, *filter(None, reasons)])
        rows.append({"Measure": info.title, **values, "Aim": GOAL[info.goal], "Definition": definition})
    return pd.DataFrame(rows)


def by_family(keys: Iterable[str], metrics: Mapping[str, MetricInfo]) -> dict[str, list[str]]:
    """Family -> those of `keys` that it has, in the metrics' order; keys that no metric has come last, under `Other`."""
    wanted = list(keys)
    grouped: dict[str, list[str]] = {}
    for key, info in metrics.items():
        if key in wanted:
            grouped.setdefault(info.family, []).append(key)
    return grouped | ({OTHER: rest} if (rest := [key for key in wanted if key not in metrics]) else {})


def families(report: dict[str, Any], metrics: Mapping[str, MetricInfo], second_reference: Numbers | None = None) -> dict[str, pd.DataFrame]:
    """Family -> its table; a family without rows is left out."""
    wanted = by_family(metrics, metrics)
    tables = {title: numbers_table(report, metrics, second_reference, tuple(keys)) for title, keys in wanted.items()}
    return {title: table for title, table in tables.items() if len(table)}


def nomus_remark(numbers: Numbers, request: ForgetRequest) -> str:
    """Why NoMUS fell although forgetting succeeded; '' where NoMUS did not fall or forgetting failed."""
    forget = "test_forget_accuracy" if request.by_class else "train_forget_accuracy"
    after, wanted = (numbers.get(model, {}).get(forget) for model in ("unlearned", "reference"))
    now, before, theirs = (numbers.get(model, {}).get("nomus") for model in ("unlearned", "original", "reference"))
    if after is None or now is None or before is None or now >= before - DROP:
        return ""
    if abs(after - (wanted if wanted is not None else 0.0)) > NEAR or (wanted is None and not request.by_class):
        return ""
    theirs_too = "" if theirs is None else f"; the retrained reference itself has {percent(theirs)}"
    return (
        f"NoMUS fell from {percent(before)} to {percent(now)} although the forgetting went well: it knows no reference and "
        f"counts an attack at chance as best, also where retraining does not reach it{theirs_too}."
    )
