"""What Compare remembers of the same runs: the frame's own, whoever still holds one from before; and under today's names."""

from dataclasses import replace

import pytest
import streamlit as st

from core.figures.compare.pareto_front import QUANTITIES
from core.jobs import catalogue as shelves
from core.storage.home import Home
from core.storage.runs import ResultStore
from dashboard.components.compare.compared_runs import compared_runs
from dashboard.queries import comparisons
from tests.planted import plant, spec

AIMS = (QUANTITIES["retain"], QUANTITIES["forgetting"])


@pytest.fixture
def here(bare, monkeypatch) -> Home:
    monkeypatch.setenv("FORGETSCOPE_HOME", str(bare.root))
    return bare


def kept(frame) -> dict[str, object]:
    """What each of the remembered things says of retain accuracy images."""
    rows = comparisons.rows(frame, ["test_retain_accuracy"], False, "")
    mine = rows.about["of"] == "unlearned"
    return {
        "rows": sorted(rows.values["test_retain_accuracy"][mine].tolist()),
        "points": sorted(compared_runs(frame, False).points(*AIMS)[0]["x"].tolist()),
        "frame": sorted(frame["test_retain_accuracy"].tolist()),
    }


def test_a_frame_from_before_a_run_was_computed_again_leaves_nothing_under_the_new_runs_key(here):
    asked = [(method, seed) for method in ("ssd", "finetune") for seed in (0, 1)]
    ids = [plant(here, spec(method, seed=seed), test_retain_accuracy=0.5) for method, seed in asked]
    before = comparisons.comparison(ids)
    with ResultStore(here.database) as store:
        store.delete(ids[0])
    assert plant(here, spec("ssd", seed=0), test_retain_accuracy=0.75, test_forget_accuracy=0.6) == ids[0]
    assert set(map(tuple, kept(before).values())) == {(0.5, 0.5, 0.5, 0.5)}  # a fragment that still holds it draws again
    said_before = comparisons.sentence(before)
    after = comparisons.comparison(ids)
    assert set(map(tuple, kept(after).values())) == {(0.5, 0.5, 0.5, 0.75)}
    st.cache_data.clear()
    said_after = comparisons.sentence(after)  # by nothing remembered
    st.cache_data.clear()
    assert comparisons.sentence(before) == said_before != said_after
    assert comparisons.sentence(after) == said_after


def test_a_frame_of_some_of_the_runs_is_not_taken_for_all_of_them(here):
    frame = comparisons.comparison([plant(here, spec(method)) for method in ("ssd", "finetune")])
    assert comparisons.edition_of(frame[:1]) != comparisons.edition_of(frame)
    assert comparisons.edition_of(frame[:1])[1:] == comparisons.edition_of(frame)[1:]


def test_names_of_runs_follow_a_dataset_that_was_removed_between_two_looks(here, monkeypatch):
    ids = [plant(here, spec("ssd", f"class:{index}")) for index in (3, 5)]
    full = shelves.catalogue(here.root)
    named = {**full.datasets, "digits": replace(full.datasets["digits"], classes=tuple("abcdefghij"))}
    monkeypatch.setattr(shelves, "catalogue", lambda root: replace(full, datasets=named))
    first = compared_runs(comparisons.comparison(ids), False)
    assert [first.names[run_id] for run_id in ids] == ["ssd · class:d · seed 0", "ssd · class:f · seed 0"]
    assert compared_runs(comparisons.comparison(ids), False) is first
    without = {key: data for key, data in named.items() if key != "digits"}
    monkeypatch.setattr(shelves, "catalogue", lambda root: replace(full, datasets=without))
    second = compared_runs(comparisons.comparison(ids), False)
    assert [second.names[run_id] for run_id in ids] == ["ssd · class:3 · seed 0", "ssd · class:5 · seed 0"]
    assert "digits" not in second.classes
