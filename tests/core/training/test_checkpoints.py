"""Training that was stopped goes on where it was kept, and comes to the very weights that it would have come to."""

from dataclasses import replace
import sqlite3

import pytest
import torch
from torch import nn

from core import pipeline
from core.domain.requests.registry import parse_request
from core.domain.run import RunSpec
from core.pipeline import Stages
from core.storage.artifacts import Artifacts
from core.storage.runs import ResultStore
from core.training import checkpoints
from core.training.cache import ArtifactCache
from core.training.run_setup import curve_of, set_up, train_or_load

FEW = 150  # images
RECIPES = {
    "sgd, one-cycle, moved images": {"epochs": 4, "augment": "move"},
    "adamw, constant": {"epochs": 4, "optimiser": "adamw", "learning_rate": 0.001, "schedule": "constant"},
    "sgd without momentum": {"epochs": 4, "momentum": 0.0},
    "early stopping": {"epochs": 4, "validation": 0.2, "patience": 4, "learning_rate": 0.5, "momentum": 0.0},
}


class Stopped(Exception):
    """As if the process had died."""


def build():
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 36, 10))


@pytest.fixture
def setup_of(home, monkeypatch):
    """setup_of(recipe): a setup with a small network that has running statistics."""
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    with ResultStore(home.database) as store:
        cache = ArtifactCache(store, Artifacts(home.artifacts_folder))

        def make(recipe):
            setup = set_up(RunSpec("digits", "small_cnn", parse_request("class:3"), "ssd", device="cpu", recipe=recipe), cache)
            return replace(setup, build=build)

        yield make
    torch.set_deterministic_debug_mode("default")


@pytest.fixture
def often(monkeypatch):
    """After every epoch."""
    monkeypatch.setattr(checkpoints, "EVERY", 0.0)
    monkeypatch.setattr(checkpoints, "SHARE", float("inf"))


def train(setup, key, stop_after=0):
    """The network of a key, and the curve that was told of on the way."""
    told, ended = [], []

    def noted(*point):
        told.append(point)

    def said(share, note):
        if stop_after and note == f"epoch {stop_after + 1} of 4":
            ended.append(note)
            raise Stopped

    try:
        return train_or_load(setup, key, "original", setup.splits.trained.first(FEW), said, noted), told
    except Stopped:
        return None, told


def kept(home):
    with sqlite3.connect(home.database) as db:
        return [kind.partition("/")[0] for (kind,) in db.execute("select kind from kept where kind like 'checkpoint%'")]


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
def test_stopped_twice_and_gone_on_it_is_the_network_that_was_never_stopped(home, setup_of, often, recipe):
    setup = setup_of(recipe)
    whole, curve = train(setup, "whole")
    assert len(curve) == 4
    stopped, told = train(setup, "parts", stop_after=1)
    assert (stopped, told) == (None, curve[:1])
    stopped, told = train(setup, "parts", stop_after=3)
    assert (stopped, told) == (None, curve[:3]), "the first epoch is told of, and not trained again"
    assert kept(home) == ["checkpoint"], "one, whose older files went with the next"
    parts, told = train(setup, "parts")
    assert told == curve
    assert all(torch.equal(whole.tensors[name], parts.tensors[name]) for name in whole.tensors)
    assert curve_of(setup, "parts").tolist() == curve_of(setup, "whole").tolist() == [list(point) for point in curve]
    assert kept(home) == []


def test_the_seconds_of_before_it_was_stopped_count(home, setup_of, often):
    setup = setup_of(RECIPES["adamw, constant"])
    train(setup, "k", stop_after=2)
    with sqlite3.connect(home.database) as db:
        assert db.execute("update kept set seconds = 1000.0 where kind like 'checkpoint%'").rowcount == 1
    made, _ = train(setup, "k")
    assert 1000 < made.seconds < 1060


def test_a_damaged_checkpoint_is_as_none(home, setup_of, often):
    setup = setup_of(RECIPES["adamw, constant"])
    whole, _ = train(setup, "whole")
    train(setup, "k", stop_after=2)
    with sqlite3.connect(home.database) as db:
        ((file,),) = db.execute("select file from kept where kind like 'checkpoint%'").fetchall()
    (home.artifacts_folder / file).write_bytes(b"\x00" * 100)
    made, told = train(setup, "k")
    assert len(told) == 4
    assert all(torch.equal(whole.tensors[name], made.tensors[name]) for name in whole.tensors)
    assert kept(home) == []


def test_what_is_trained_in_seconds_is_kept_at_its_end_alone(home, setup_of):
    setup = setup_of(RECIPES["sgd without momentum"])
    train(setup, "k", stop_after=3)
    assert kept(home) == []


def test_a_checkpoint_of_another_version_or_of_a_week_ago_goes(home, setup_of, often):
    setup = setup_of(RECIPES["sgd without momentum"])
    for key, change in (("older", "kind = kind || 'x'"), ("stale", "created_at = '2020-01-01T00:00:00+00:00'")):
        train(setup, key, stop_after=1)
        with sqlite3.connect(home.database) as db:
            db.execute(f"update kept set {change} where kind like 'checkpoint%'")
        train(setup, "another")
        assert kept(home) == [], key


def test_what_an_attempt_had_done_before_it_was_stopped_says_nothing_of_the_next_ones_speed(monkeypatch):
    """Hand: at 60 % with 50 % done before, 1 s went for the tenth that is its own, and 4 s are left of the other four."""
    told = []
    stages = Stages({"train": 10.0}, lambda *at: told.append(at))
    monkeypatch.setattr(pipeline, "perf_counter", lambda: stages.began + 1.0)
    with stages.stage("train") as say:
        stages.resumed("train", 0.5)
        say(0.5, "epoch 6 of 10")
        say(0.6, "epoch 7 of 10")
    assert [at[3] for at in told] == [None, pytest.approx(4.0)]
