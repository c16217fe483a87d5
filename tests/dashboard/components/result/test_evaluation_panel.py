"""What Result says of an evaluation that left something out, its button, and the table of what the parts took."""

from dataclasses import replace
import sqlite3

import numpy as np
import pandas as pd
import pytest

from core.domain.evaluation import Evaluation
from core.jobs import submit as runner
from core.jobs.catalogue import catalogue
from core.storage.home import open_home
from core.storage.runs import ResultStore
from tests.dashboard.conftest import sound
from tests.planted import plant, spec

RESULT = "views/result.py"


@pytest.fixture
def home(tmp_path, finished):
    """A home without runs whose catalogue is written already."""
    made = open_home(tmp_path / "planted")
    (made.root / "catalogue").symlink_to(finished.root / "catalogue")
    return made


def captions(at):
    return "\n".join(caption.value for caption in at.caption).replace("\\", "")


def by_class(train):
    """The table by class of a run that evaluated so many training images of each class."""
    rows = [(split, model, index, 1.0, train if split == "train" else 36) for split in ("train", "test")
            for model in ("original", "unlearned", "reference") for index in range(10)]  # fmt: skip
    return pd.DataFrame(rows, columns=["split", "model", "class", "accuracy", "count"])


def test_a_draw_of_the_images_is_named_and_the_button_evaluates_all(open_app, home, monkeypatch):
    asked = []
    monkeypatch.setattr(runner, "submit", lambda _, spec, **about: asked.append((spec, about)) or spec.id)
    run = plant(home, spec("ssd"), files={"per_class": by_class(100)})
    at = open_app(home.root, RESULT, run=run)
    assert "Of 1,437 training images 1,000 were evaluated, a fixed draw" in captions(at)
    at.button(key="evaluate_whole").click()
    sound(at.run())
    assert asked == [(spec("ssd"), {"evaluation": Evaluation(whole=True), "again": False})]


def test_a_whole_evaluation_says_nothing(open_app, home):
    at = open_app(home.root, RESULT, run=plant(home, spec("ssd")))
    assert "evaluate_whole" not in [button.key for button in at.button]
    assert "were evaluated" not in captions(at)


def test_parts_that_were_left_out_are_named_and_the_button_evaluates_as_usual(open_app, home, monkeypatch):
    asked = []
    monkeypatch.setattr(runner, "submit", lambda _, spec, **about: asked.append(about) or spec.id)
    run = plant(home, spec("ssd"))
    with sqlite3.connect(home.database) as db:
        db.execute("update runs set evaluation = ?", (Evaluation(without=("probes",)).text,))
    at = open_app(home.root, RESULT, run=run)
    assert "It was evaluated without probes" in captions(at)
    sound(at.button(key="evaluate_whole").click().run())
    assert asked == [{"evaluation": Evaluation(), "again": False}], "all images of a small network are the usual"


def test_while_everything_is_evaluated_the_numbers_of_before_stay_on_the_page(open_app, home):
    run = plant(home, spec("ssd"), files={"per_class": by_class(100)})
    with ResultStore(home.database) as store:
        store.add(spec("ssd"), anew=True, evaluation=Evaluation(whole=True))
    at = open_app(home.root, RESULT, run=run)
    assert "Below is what was computed before" in captions(at)
    assert "1,000 were evaluated, a fixed draw" in captions(at)
    assert len(at.metric) >= 5
    assert at.button(key="evaluate_whole").disabled


def test_what_a_search_chose_stands_below_the_title(open_app, home):
    recorded = {
        "search/accuracies": np.array([[1.0, 0.99], [0.9, 0.97]]), "search/met": np.array(0), "search/chosen": np.array(0.0),
        "search/seconds": np.array(1.0), "search/of_alpha": np.array([4.5]), "search/to_alpha": np.array(4.5),
    }  # fmt: skip
    at = open_app(home.root, RESULT, run=plant(home, spec("ssd", params={"settings": "auto"}), files={"recorded": recorded}))
    assert "Settings chosen by a search of 1 trial: alpha=4.5; no trial forgot enough without harm" in captions(at)


def test_the_table_names_the_most_expensive_parts_and_adds_up_the_rest(open_app, home):
    rows = [("relearn", "reference", 2.0), *((f"part {n}", "", 0.25) for n in range(18))]
    costs = pd.DataFrame(rows, columns=["part", "model", "seconds"])
    at = open_app(home.root, RESULT, run=plant(home, spec("ssd"), files={"costs": costs}))
    (table,) = [table.value for table in at.table if list(table.value.columns) == ["Part", "Network", "Time"]]
    assert table.iloc[0].tolist() == ["Relearning", "Retrained reference", "2.0 s"]
    assert table.iloc[-1].tolist() == ["4 other parts", "all", "1.0 s"]
    assert len(table) == 16


def test_a_relearning_that_was_given_up_early_is_named_though_all_images_were_evaluated(open_app, home):
    curve = pd.DataFrame([("original", 0, 1.0, 0.95, 8)], columns=["model", "step", "accuracy", "target", "limit"])
    at = open_app(home.root, RESULT, run=plant(home, spec("ssd"), files={"relearn": curve}))
    assert "Relearning was given up after 8 steps" in captions(at)
    assert "evaluate_whole" in [button.key for button in at.button]


def test_a_metric_of_an_extension_that_was_edited_or_added_since_is_named_and_measured_again(open_app, home, monkeypatch):
    asked = []
    monkeypatch.setattr(runner, "submit", lambda _, spec, **about: asked.append(about) or spec.id)
    shelves = catalogue(home.root)
    brought = {key: replace(shelves.metrics["zrf"], key=key, title=key.title(), extension=digest)
               for key, digest in (("same", "aa"), ("edited", "bb"), ("added", "cc"))}  # fmt: skip
    now = replace(shelves, metrics={**shelves.metrics, **brought})
    monkeypatch.setattr("dashboard.queries.catalogue.current", lambda: now)
    versions = pd.DataFrame([("same", "aa"), ("edited", "b0")], columns=["metric", "version"])
    at = open_app(home.root, RESULT, run=plant(home, spec("ssd"), files={"metric_versions": versions}))
    assert "Edited: measured by an earlier version of the extension. Added: added since this run was evaluated." in captions(at)
    assert "Same" not in captions(at)
    sound(at.button(key="evaluate_whole").click().run())
    assert asked == [{"evaluation": Evaluation(), "again": True}]
