"""The second reference (the floor) under the same attack: its scores of the very images that the run looked at."""

import numpy as np
import pandas as pd

from core.domain import ACTIVE, RunStatus, WrongInput
from core.store.beside import FLOOR
from core.store.outcome import Run
from dashboard import queries

ROW = ["set", "index"]  # what tells a row of `examples` from every other
WHY = "how far two retrained networks differ"


def second_reference(run: Run, floor: Run | None, examples: pd.DataFrame) -> tuple[pd.DataFrame | None, str]:
    """The floor run's examples, row by row those of `examples`; or None and, in a sentence, why there are none.

    The sentence is empty where there can be no floor: without a reference, and under a run that is a floor itself.
    """
    if not run.spec.reference or run.spec.method == FLOOR:
        return None, ""
    if floor is not None and floor.status in ACTIVE:
        return None, f"The second reference is being trained; until it is there, {WHY} under this attack is not known."
    if floor is None or floor.status != RunStatus.DONE:
        return None, f"There is no second reference, so {WHY} under this attack is not known; the Result page can train one."
    try:
        table = queries.table(floor.id, "examples", *queries.edition(floor))
    except WrongInput as wrong:
        return None, str(wrong)
    rows = aligned(table, examples)
    return (rows, "") if rows is not None else (None, "The second reference was asked about other images, so it is not shown.")


def aligned(table: pd.DataFrame, examples: pd.DataFrame) -> pd.DataFrame | None:
    """Rows of `table` in the order of `examples`; None where one of them is not there."""
    if all(np.array_equal(table[name].to_numpy(), examples[name].to_numpy()) for name in ROW):
        return table
    place = pd.MultiIndex.from_frame(table[ROW]).get_indexer(pd.MultiIndex.from_frame(examples[ROW]))
    return None if (place < 0).any() else table.iloc[place].reset_index(drop=True)
