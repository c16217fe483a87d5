"""Runs whose stored results do not fit together: their report and their first screen say so in a sentence, and what can be shown is."""

import logging

import numpy as np
import pandas as pd
import pytest

from core.domain.errors import WrongInput
from core.export.report.html_report import run_report
from core.reports.first_screen import of_stored_run
from core.storage.runs import ResultStore
from tests.drawn import Behaviour, Drawn
from tests.planted import plant, spec

LAYERS = pd.DataFrame({"layer": ["a"], "weights": [1], "changed": [1.0], "distance": [0.5], "reference_distance": [0.5]})
ODD = {
    "steps": ({"numbers": {"unlearned/relearn_steps": -5.0}}, ""),  # stands at the left end of its gauge
    "negative auc": ({"numbers": {"unlearned/attack_auc": -3.0}}, "(TypeError)"),
    "steps of a picture": ({"files": {"recorded": {"importance_forget/conv1.weight": np.full((16, 1, 3, 3), np.nan)}}}, ""),
    "relearning": ({"files": {"relearn": pd.DataFrame({"model": ["unlearned"] * 2, "step": [np.nan] * 2, "accuracy": ["a"] * 2})}}, ""),
    "classes": ({"files": {"confusion": Drawn(spec("ssd"), 0, Behaviour()).tables()["confusion"].assign(true=99)}}, "(IndexError)"),
}


@pytest.mark.parametrize("key", ODD)
def test_the_report_of_odd_results_is_made_and_says_so(home, shelves, key, caplog):
    about, said = ODD[key]
    run_id = plant(home, spec("ssd"), **about)
    with caplog.at_level(logging.WARNING):
        text = run_report(home, run_id, shelves).text
    assert "All metrics" in text
    assert said in text
    assert not said or f"What run {run_id} stored does not fit together {said}" in text
    assert not said or f"Run {run_id} has odd results." in caplog.text


def test_a_report_that_cannot_be_made_at_all_is_one_sentence(home, shelves):
    no_area = plant(home, spec("ssd", seed=1), attack_auc=2.0)
    with pytest.raises(WrongInput, match=rf"^What run {no_area} stored does not fit together \(ZeroDivisionError\)"):
        run_report(home, no_area, shelves)
    run_id = plant(home, spec("ssd"), files={"per_class": LAYERS})
    with pytest.raises(WrongInput, match=rf"^What run {run_id} stored does not fit together \(KeyError\)"):
        run_report(home, run_id, shelves)
    with ResultStore(home.database) as store, pytest.raises(WrongInput, match=r"does not fit together \(KeyError\)"):
        of_stored_run(home, store, store.existing(run_id), shelves.datasets["digits"], "SSD")
