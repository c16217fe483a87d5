"""Sequences of forget requests, how they stand, and their requests as a table."""

import pandas as pd

from core.jobs.sequences import submit as sequences
from core.jobs.sequences.submit import Standing
from core.reports.intervals import Spread
from core.sequences.journal import NETWORKS, SETS
from core.sequences.summary import Row
from dashboard.session import home

SINGLE = ("damage", "gap", "relapse", "agreement", "moved", "seconds", "retrain", "spent", "retrained", "one")  # numbers of a request


def standings() -> tuple[list[Standing], list[str]]:
    """All sequences, the one that changed last first; and a sentence for each that is damaged."""
    return sequences.standings(home())


def standing(sequence_id: str) -> Standing:
    """Raises WrongInput where there is no such sequence."""
    return sequences.standing(home(), sequence_id)


def frame(rows: tuple[Row, ...]) -> pd.DataFrame:
    """A row a request: `number`, `images`, `seeds`; the mean of each `NETWORK_SET` that has images and of `SINGLE`; their `NAME_half`."""
    pairs = [(network, name) for network in NETWORKS for name in SETS if any((network, name) in row.accuracies for row in rows)]
    nothing = Spread(float("nan"), None, 0)
    made = []
    for row in rows:
        numbers = {f"{network}_{name}": row.accuracies.get((network, name), nothing) for network, name in pairs}
        numbers |= {name: getattr(row, name) for name in SINGLE}
        made.append({
            "number": row.number, "images": row.images, "seeds": row.damage.n, **{name: over.mean for name, over in numbers.items()},
            **{f"{name}_half": over.half_width for name, over in numbers.items()},
        })  # fmt: skip
    return pd.DataFrame(made)
