"""A run whose results do not fit together, on the pages that list it beside others: they are drawn, and its own place says so."""

import pandas as pd
import pytest

from tests.dashboard.views.test_pages import told
from tests.planted import plant, spec

LAYERS = pd.DataFrame({"layer": ["a"], "weights": [1], "changed": [1.0], "distance": [0.5], "reference_distance": [0.5]})


@pytest.fixture
def odd(bare) -> tuple[str, dict[str, str]]:
    """A sound run, and the odd ones with what they raise; oldest first."""
    good = plant(bare, spec("finetune"), relearn_steps=-5.0)  # which stands at the left end of its gauge
    return good, {
        plant(bare, spec("ssd", seed=3), attack_auc=-3.0): "TypeError",
        plant(bare, spec("ssd", seed=4), files={"per_class": LAYERS}): "KeyError",
    }


def test_runs_and_compare_draw_the_others(open_app, bare, odd):
    good, bad = odd
    at = open_app(bare.root, "views/runs.py")
    rows = {element.proto.body for element in at.get("html") if "class='run-name'" in element.proto.body}
    assert len(rows) == 1 + len(bad)
    for run_id, raised in bad.items():
        assert any(f"What run {run_id} stored does not fit together ({raised})" in row for row in rows)
    assert sum("does not fit together" in row for row in rows) == len(bad)
    last = list(bad)[-1]
    at = open_app(bare.root, "views/compare.py", a=last, b=good)
    assert any(f"What run {last} or {good} stored does not fit together (KeyError)" in text for text in told(at, "info"))
