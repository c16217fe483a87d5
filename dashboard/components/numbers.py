"""Numbers as text and as tables with their definitions."""

from typing import Any

import pandas as pd

from core.catalogue import Catalogue
from core.verdict import percent

GOAL = {"high": "higher is better", "low": "lower is better", "match": "like the reference"}
MODELS = ("original", "unlearned", "reference")


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
        reason = report["reasons"].get(f"unlearned/{key}", "")
        rows.append({"Measure": info.title, **values, "Aim": GOAL[info.goal], "Definition": reason or info.definition})
    return pd.DataFrame(rows)


def seconds(value: float) -> str:
    """Three digits that matter; 0 means that it came from the store."""
    return "stored" if value == 0 else f"{value * 1000:.0f} ms" if value < 1 else f"{value:.1f} s"
