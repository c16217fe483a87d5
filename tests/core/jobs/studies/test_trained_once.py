"""Counted: what the runs of a study share is trained once, by the first run that needs it."""

from collections import Counter
import sqlite3

import pytest

from core import pipeline
from core.domain.presets import Preset
from core.domain.run import Recipe
from core.jobs import submit as jobs
from core.jobs.studies import submit
from core.jobs.studies.plan import specs
from core.storage.home import Home
from core.training import run_setup

METHODS = ("ssd", ("ssd", {"alpha": 2.0}), ("finetune", {"epochs": 1}))
SEEDS = (0, 1)


@pytest.fixture
def counted(monkeypatch):
    """The images of each training as it happens; a single epoch each, and nothing is measured, which takes longer."""
    trained = []
    fit = run_setup.fit
    monkeypatch.setattr("core.training.run_setup.preset_for", lambda *_: Preset(Recipe(epochs=1, batch_size=64, learning_rate=0.1)))
    monkeypatch.setattr(
        run_setup, "fit", lambda model, examples, *rest, **how: trained.append(len(examples)) or fit(model, examples, *rest, **how)
    )
    monkeypatch.setattr(pipeline, "measure", lambda *_: [])
    monkeypatch.setattr(pipeline, "store_files", lambda *_: {})
    return trained


def kept(home: Home) -> Counter:
    db = sqlite3.connect(home.database)
    kinds = Counter(kind for (kind,) in db.execute("select kind from kept where kind not like '%@%'"))
    db.close()
    return kinds


def test_three_variants_and_two_seeds_train_two_originals_and_two_references(home, plan, shelves, counted, monkeypatch):
    monkeypatch.setattr(jobs, "ensure_supervisor", lambda *_: None)
    asked = plan(*METHODS, seeds=SEEDS, floor=False)
    submit.submit(home, asked, shelves)
    seconds = []
    for spec in specs(asked, shelves):  # what the supervisor does, in this process and in the same order
        seconds.append(pipeline.run(spec, home, lambda *_: None).seconds)
    assert Counter(counted) == {1437: 2, 1437 - 147: 2}
    assert kept(home) == {"original": 2, "reference": 2, "statistic": 2}
    trained_there = [bool(took["train"] and took["reference"]) for took in seconds]
    assert trained_there == [True, False, False] * len(SEEDS)  # at the first run of each seed, and used at once
