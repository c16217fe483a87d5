"""A missing value in a table is a dash; what a run did not read is not shown as used; one rule shows a share."""

import re

import numpy as np
import pandas as pd
import pytest

from core.domain.hyperparameters import Param, used
from core.figures.image_card import card_table
from core.figures.privacy.scores import SCORES
from core.jobs.catalogue import catalogue
from core.reports.compare.comparison import comparison
from core.storage.home import Home
from core.storage.runs import ResultStore
from dashboard.components.common.tables import filled
from tests.planted import plant, spec

MODE = Param("variant", "A", choices=("A", "B"))
OF_A = Param("epochs", 5, low=1, high=200, when=("variant", "A"))


@pytest.fixture
def home(tmp_path, finished: Home) -> Home:
    made = Home(tmp_path / "planted")
    for folder in ("artifacts", "logs"):
        (made.root / folder).mkdir(parents=True)
    (made.root / "catalogue").symlink_to(finished.root / "catalogue")
    return made


def test_a_missing_value_of_any_type_is_a_dash_and_other_columns_keep_their_type():
    frame = pd.DataFrame({"word": ["a", None], "number": [1.5, np.nan], "whole": [1, 2], "time": [pd.Timestamp("2026-01-01"), pd.NaT]})
    table = filled(frame)
    assert table.iloc[1].tolist() == ["–", "–", 2, "–"]
    assert table.iloc[0].tolist() == ["a", 1.5, 1, pd.Timestamp("2026-01-01")]
    assert table["whole"].dtype == int
    assert frame["number"].isna().any()  # the caller's own is as it was
    assert filled([{"a": 1}, {"b": "x"}]).to_dict("list") == {"a": [1.0, "–"], "b": ["–", "x"]}


def test_a_score_that_is_no_number_is_a_dash_on_the_card():
    row = {"unlearned_answer": 1, "unlearned_loss": np.nan, "unlearned_entropy": 0.25, "unlearned_confidence": -1.5}
    table = filled(card_table(pd.DataFrame([row]), 0, ("cat", "dog"), ["unlearned"], list(SCORES.values())))
    assert table["Unlearned"].tolist() == ["dog", "–", "0.25", "-1.5"]


def test_a_parameter_of_another_mode_had_no_effect():
    assert used({"variant": "A", "epochs": 9, "old": 1}, [MODE, OF_A]) == {"variant": "A", "epochs": 9, "old": 1}
    assert used({"variant": "B", "epochs": 5, "old": 1}, [MODE, OF_A]) == {"variant": "B", "old": 1}


def test_compare_and_result_do_not_show_what_a_run_did_not_read(open_app, home):
    """SSD's importances per sample know no batch; weight perturbation's variant B trains no other model."""
    ours = {"importance": "per_sample", "batch_size": 64, "alpha": 4.2, "lambda": 1.0}
    run = plant(home, spec("ssd", params=ours))
    plant(home, spec("weight_perturbation", params={"variant": "B", "fraction": 0.3, "epochs": 5, "steps": 40}))
    with ResultStore(home.database) as store:
        told = comparison(store, methods=catalogue(home.root).methods).set_index("method")["settings"]
    assert told["ssd"] == "alpha=4.2 · importance=per_sample · lambda=1"
    assert told["weight_perturbation"] == "steps=40 · variant=B"
    at = open_app(home.root, "views/result.py", run=run)
    caption = next(c.value.replace("\\", "") for c in at.caption if "importance" in c.value)
    assert "batch_size" not in caption
    settings = next(j.value for j in at.json)
    assert '"params_without_effect":["batch_size"]' in re.sub(r"\s", "", settings)
    assert '"batch_size":64' not in re.sub(r"\s", "", settings)


def test_the_words_of_a_share_are_in_percent_as_its_value_is(finished: Home):
    """No definition of a number that is shown in percent speaks of 0.5, or of 1 for all."""
    shares = [metric for metric in catalogue(finished.root).metrics.values() if metric.unit == "share"]
    assert len(shares) > 10
    for metric in shares:
        bare = re.findall(r"(?<![\w.^-])(?:0\.\d+|[01])(?=:| is (?:chance|out))", metric.definition)
        assert not bare, (metric.key, bare)


def test_no_network_is_described_by_the_size_it_has_on_one_dataset(finished: Home):
    for model in catalogue(finished.root).models.values():
        assert "digits" not in model.about, model.key
        assert not re.search(r"\d,\d{3} weights", model.about), model.key
