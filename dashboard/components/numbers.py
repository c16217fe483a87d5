"""Numbers as text and as tables with their definitions."""

from typing import Any

import pandas as pd

from core.catalogue import Catalogue
from core.domain import MODELS, ForgetRequest
from core.verdict import Numbers, percent

GOAL = {"high": "higher is better", "low": "lower is better", "match": "like the reference"}


def shown(value: float | None, unit: str) -> str:
    """A value with its unit; a dash where there is none."""
    if value is None:
        return "–"
    return percent(value) if unit == "share" else f"{value:.3f}" + (f" {unit}" if unit == "nats" else "")


def numbers_table(report: dict[str, Any], shelves: Catalogue) -> pd.DataFrame:
    """One row a metric: its value for each model, its aim, its definition."""
    by_model = {"original": report["original"], "unlearned": report["metrics"], "reference": report["reference"] or {}}
    rows = []
    for key, info in shelves.metrics.items():
        values = {model.capitalize(): shown(by_model[model].get(key), info.unit) for model in MODELS}
        reasons = dict.fromkeys(report["reasons"].get(f"{model}/{key}", "") for model in MODELS)
        definition = " ".join([info.definition, *filter(None, reasons)])
        rows.append({"Measure": info.title, **values, "Aim": GOAL[info.goal], "Definition": definition})
    return pd.DataFrame(rows)


def seconds(value: float) -> str:
    """Three digits that matter; 0 means that it came from the store."""
    return "stored" if value == 0 else f"{value * 1000:.0f} ms" if value < 1 else f"{value:.1f} s"


def times(ratio: float | None) -> str:
    """A speed-up, two digits that matter where it is small."""
    if ratio is None:
        return "–"
    return f"{ratio:.0f} ×" if ratio >= 10 else f"{ratio:.2g} ×"


def gist(numbers: Numbers, request: ForgetRequest) -> str:
    """A finished run in a line: accuracy on what was to go and on the rest, beside the reference's."""
    forget = "test_forget_accuracy" if request.by_class else "train_forget_accuracy"
    parts = []
    for word, metric in (("accuracy on what had to go", forget), ("on the rest", "test_retain_accuracy")):
        value, wanted = (numbers.get(model, {}).get(metric) for model in ("unlearned", "reference"))
        if value is not None:
            parts.append(f"{word}: {percent(value)}" + ("" if wanted is None else f" ({percent(wanted)} if retrained)"))
    return " · ".join(parts)
