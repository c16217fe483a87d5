"""The columns of a comparison's table: each metric's header, help and number format."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from core.domain.info import MetricInfo
from core.figures.metric_tables import GOAL

DEFAULT = (
    *("test_forget_accuracy", "test_retain_accuracy", "train_forget_accuracy", "train_retain_accuracy"),
    *("js_to_reference", "attack_auc", "tow", "seconds", "speedup"),
)
MARK = {"high": "↑", "low": "↓", "match": "≈"}
TITLES = {  # where the metric's title, shown in the header's help, is too long for a header
    "train_forget_accuracy": "Forget, train", "test_forget_accuracy": "Forget, test", "train_retain_accuracy": "Retain, train",
    "test_retain_accuracy": "Retain, test", "truth_accuracy": "Truth, forget",
    "js_to_reference": "JS, forget", "js_to_reference_test": "JS, test",
    "activation_distance": "Activation dist.", "average_gap": "Average gap", "tow": "ToW", "tow_attack": "ToW-MIA",
    "attack_auc": "Attack (AUC)", "attack_loss_accuracy": "Attack (loss)", "attack_kit_accuracy": "Attack (kit)",
    "attack_entropy_members": "Predicted members", "nomus": "NoMUS", "nomus_standardised": "NoMUS, standardised",
    "zrf": "ZRF", "zrf_of_code": "ZRF (code)",
    "forget_entropy": "Entropy, forget", "relearn_steps": "Relearn steps", "anamnesis_index": "Anamnesis",
    "probe_accuracy": "Probe", "graft_forget_accuracy": "Graft", "similarity_ratio": "Similarity ratio",
    "parameter_distance": "Weight distance", "parameter_distance_to_reference": "Weights to ref.",
    "cka_forget_to_reference": "CKA, forget", "cka_retain_to_reference": "CKA, retain", "worst_case_min": "Worst case, min",
    "worst_case_max": "Worst case, max", "attack_tpr_at_10": "TPR at 10 %", "attack_tpr_at_1": "TPR at 1 %",
    "seconds": "Seconds", "speedup": "Speed-up",
}  # fmt: skip
COST = {
    "seconds": MetricInfo(
        "seconds", "Seconds of unlearning", "seconds", "low", "Time of the method alone, without what it prepares.", "Cost"
    ),
    "speedup": MetricInfo(
        "speedup", "Speed-up", "times", "high", "Seconds that training the reference took, over those of unlearning.", "Cost"
    ),
}


@dataclass(frozen=True)
class Column:
    """A column of numbers: its header, help and number format."""

    key: str
    title: str
    info: MetricInfo

    @property
    def header(self) -> str:
        """The title with a mark for its goal, readable without colour."""
        return f"{self.title} {MARK[self.info.goal]}"

    @property
    def help(self) -> str:
        """The metric's title, goal and definition."""
        return f"{self.info.title}; {GOAL[self.info.goal]}. {self.info.definition}"

    def text(self, value: float, half: float = float("nan")) -> str:
        """A value as a cell shows it, with its interval; a dash where there is none."""
        if np.isnan(value):
            return "–"
        parts = [self.digits(number) for number in (value, half) if not np.isnan(number)]
        return " ± ".join(parts) + (" %" if self.info.unit == "share" else "")

    def digits(self, value: float) -> str:
        """A value without its unit."""
        if self.info.unit == "share":
            return f"{100 * value:.1f}"
        return f"{value:.1f}" if self.info.unit == "steps" else f"{value:.3g}" if self.key in COST else f"{value:.3f}"


def header_of(key: str, metrics: Mapping[str, MetricInfo]) -> str:
    """A metric's short title; the key itself where there is no such metric."""
    return TITLES.get(key) or (metrics[key].title if key in metrics else key)


def columns_of(keys: list[str], metrics: Mapping[str, MetricInfo]) -> list[Column]:
    """The columns of those keys that are metrics, in the order of `keys`."""
    every = {**metrics, **COST}
    return [Column(key, header_of(key, every), every[key]) for key in keys if key in every]
