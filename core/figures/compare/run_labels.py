"""Short names of the runs of a comparison. Pure functions."""

import pandas as pd

from core.reports.compare.runs_by_seed import SUBJECT


def differing(frame: pd.DataFrame) -> dict[str, str]:
    """id -> those of a run's settings that not all runs of its method share."""
    parts = {i: dict.fromkeys(str(text).split(" · ")) for i, text in zip(frame["id"], frame["settings"], strict=True)}
    settings: dict[str, str] = {}
    for _, ids in frame.groupby("method", sort=False)["id"]:
        shared = set.intersection(*(set(parts[i]) for i in ids))
        settings |= {i: " · ".join(part for part in parts[i] if part not in shared) for i in ids}
    return settings


def names_of(frame: pd.DataFrame) -> dict[str, str]:
    """id -> a short name that is unique in the frame."""
    settings = differing(frame)
    more = [name for name in SUBJECT if frame[name].nunique() > 1]
    names = {}
    for row in frame[["id", *SUBJECT, "method", "seed"]].to_dict("records"):
        subject = (shortened(str(row[name])) for name in more)
        words = [row["method"], *subject, shortened(settings[row["id"]], 40), f"seed {row['seed']}"]
        names[row["id"]] = " · ".join(filter(None, words))
    again = pd.Series(names).duplicated(keep=False)
    return {i: f"{name} · {i[:6]}" if again[i] else name for i, name in names.items()}


def shortened(text: str, limit: int = 24) -> str:
    """Long lists of samples are cut."""
    return text if len(text) <= limit else text[: limit - 1] + "…"
