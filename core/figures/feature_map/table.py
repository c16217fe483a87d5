"""The joint map as a table, one row per image, and the outcome of each image; pure."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from core.domain.run import MODELS

SETS = ("forget", "retain", "test_forget", "test_retain")  # as core.analysis.features.sampling numbers them
AS_REFERENCE = "as the reference"
SET_TITLE = {
    "forget": "forget set",
    "retain": "retain set",
    "test_forget": "test forget set",
    "test_retain": "other test images",
}


def table_of(arrays: dict[str, np.ndarray]) -> pd.DataFrame:
    """arrays: see core.analysis.features.projection.compute. Rows in their order.

    set, index, place (counted within the set), label, truth (equal to the label unless the request made it wrong), `id`
    (`train:12`, `test:3`), distance, agreeing, unseen_agreeing; of each model M: M_x, M_y, M_answer, M_sure (its largest
    probability), M_own (that of the label).
    """
    names, label = np.array(SETS)[arrays["set"]], arrays["label"]
    on_test = np.char.startswith(names, "test")
    columns: dict[str, object] = {
        "set": names, "index": arrays["index"], "place": arrays["place"], "label": label, "truth": arrays.get("truth", label),
        "id": np.where(on_test, "test:", "train:").astype(object) + arrays["index"].astype(str).astype(object),
        **{name: arrays[name] for name in ("distance", "agreeing", "unseen_agreeing")},
    }  # fmt: skip
    for model in models_of(arrays):
        probabilities = arrays[f"probabilities/{model}"]
        columns |= {
            f"{model}_x": arrays[f"positions/{model}"][:, 0], f"{model}_y": arrays[f"positions/{model}"][:, 1],
            f"{model}_answer": probabilities.argmax(1), f"{model}_sure": probabilities.max(1),
            f"{model}_own": probabilities[np.arange(len(label)), label],
        }  # fmt: skip
    return pd.DataFrame(columns)


def models_of(arrays: dict[str, np.ndarray]) -> list[str]:
    """The models on the map, in the order of MODELS."""
    return [model for model in MODELS if f"positions/{model}" in arrays]


@dataclass(frozen=True)
class Rule:
    """A possible outcome of an image: holds bool (N,), among the images where it applies, bool (N,)."""

    title: str
    about: str
    holds: np.ndarray
    applies: np.ndarray


def rules_of(table: pd.DataFrame) -> dict[str, Rule]:
    """forgotten, not forgotten, over-forgotten (no image is two of these), and `as the reference` where there is one."""
    to_forget = table["set"].isin(["forget", "test_forget"]).to_numpy()
    before, after = (_predictions(table, model) == table["label"].to_numpy() for model in ("original", "unlearned"))
    with_reference = "reference_answer" in table
    yardstick = _predictions(table, "reference") == table["label"].to_numpy() if with_reference else before
    by = "reference" if with_reference else "original (there is no reference)"
    rules = {
        "forgotten": Rule(
            "Forgotten", "forget set, or test images of its kind: the original predicts its label, the unlearned network no longer does",
            to_forget & before & ~after, to_forget & before,
        ),
        "not forgotten": Rule(
            "Not forgotten", "in the forget set, or a test image of the same kind: original and unlearned network both predict its label",
            to_forget & before & after, to_forget & before,
        ),
        "over-forgotten": Rule(
            "Over-forgotten", f"to keep: the unlearned network is wrong where the {by} is right",
            ~to_forget & ~after & yardstick, ~to_forget,
        ),
    }  # fmt: skip
    if with_reference:
        same = _predictions(table, "unlearned") == _predictions(table, "reference")
        rules[AS_REFERENCE] = Rule(
            "Went where the reference put it", "any image: the unlearned network predicts what the reference predicts, right or wrong",
            same, np.ones(len(table), bool),
        )  # fmt: skip
    return rules


def _predictions(table: pd.DataFrame, model: str) -> np.ndarray:
    return np.asarray(table[f"{model}_answer"])
