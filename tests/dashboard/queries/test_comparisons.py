"""Results about a comparison's frame: computed once per edition of it, and anew once another run has finished."""

import pandas as pd
import pytest

from dashboard.queries import comparisons

ROW = {"dataset": "digits", "model": "small_cnn", "request": "class:3", "draw": "", "method": "ssd", "settings": "alpha=4",
       "reference": True, "engine": "a", "device": "cpu", "evaluation": ""}  # fmt: skip


def frame_of(revision: int, *rows: dict[str, object]) -> pd.DataFrame:
    """As `comparisons.comparison` makes it."""
    frame = pd.DataFrame([{**ROW, "id": str(number), "seed": 0, **row} for number, row in enumerate(rows)])
    frame.attrs[comparisons.READ_AT] = (revision, "/nowhere")
    return frame


@pytest.mark.parametrize(("name", "rows", "answer"), [
    ("several_seeds", ({}, {"seed": 1}), True),
    ("several_seeds", ({}, {"seed": 1, "settings": "alpha=2"}), False),
    ("why_fewer", ({}, {"seed": 1}), ""),
])  # fmt: skip
def test_each_edition_is_computed_once(monkeypatch, name, rows, answer):
    of_frame, calls = getattr(comparisons, f"{name}_of"), []
    monkeypatch.setattr(comparisons, f"{name}_of", lambda frame: (calls.append(len(frame)), of_frame(frame))[1])
    getattr(comparisons, f"_{name}").clear()
    for revision in (1, 1, 2):
        assert getattr(comparisons, name)(frame_of(revision, *rows)) == answer
    assert calls == [2, 2]
