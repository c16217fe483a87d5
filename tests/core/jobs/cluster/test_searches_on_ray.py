"""Searches on a real Ray cluster of two nodes: trials at once, the same numbers as here, nothing lost or made twice with a node."""

from dataclasses import replace
import os
from pathlib import Path
import re
import time

import pytest

from core.jobs import tuning
from core.storage.home import open_home
from core.storage.runs import ResultStore
from core.tuning import journal, search
from core.tuning.plan import Budget
from core.tuning.ranges import Range
from tests.core.jobs.cluster.node_processes import process_of
from tests.core.jobs.place import STUB, Place, lives, until
from tests.core.tuning.searched import plan

pytest.importorskip("ray")
pytestmark = pytest.mark.timeout(300)

SAME = 4  # trials of which each has the settings that it would have on one machine, since it is drawn at random
LONG = 120.0  # seconds: processes of Ray's and their imports take some on a busy machine


@pytest.fixture(scope="module")
def place(started, tmp_path_factory):
    place = Place(open_home(tmp_path_factory.mktemp("searching") / "home"))
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("FORGETSCOPE_SLOTS")  # as many as there is room for
        yield place
    for supervisor in place.supervisors():
        supervisor.terminate()
    until(lambda: not place.supervisors())


# By STUB, whose processes import what a search needs when they begin: that is less for two cores than every server warm beforehand.


def slow(**about):
    """A search of a network that is trained for one epoch, whose trials take a part of a second."""
    params = {"epochs": 5, "learning_rate": 0.02, "batch_size": 32}
    spec = replace(plan().spec, method="finetune", params=params, recipe={"epochs": 1})
    return plan(spec=spec, ranges=(Range("learning_rate", 0.005, 0.05, log=True),), **about)


def numbers(found):
    """All of a search but its seconds."""
    return [(t.number, dict(t.tried), t.state, dict(t.values), dict(t.told)) for t in found.trials]


def at_nodes(place, search_id):
    """Node -> the numbers of the trials that it made, as it printed them."""
    said = re.findall(r"trial (\d+) on (\w+):", place.home.log(search_id).read_text()) if place.home.log(search_id).exists() else []
    return {name: [int(number) for number, of in said if of == name] for name in ("a", "b")}


def kept_on(node_home):
    """Key -> the seconds that making it took, of what a node has of what is shared."""
    with ResultStore(node_home / "forgetscope.db") as store:
        return {row["key"]: row["seconds"] for row in store.db.read("select key, seconds from kept where kind not like '%/%'")}


@pytest.mark.slow
def test_two_nodes_make_trials_at_once_and_neither_a_lost_node_nor_a_stop_loses_or_repeats_one(place, started, tmp_path):
    wanted, here = slow(trials=500), open_home(tmp_path / "here")
    tuning.start(place.home, wanted, STUB)
    until(lambda: all(at_nodes(place, wanted.id).values()) and len(journal.read(place.home, wanted.id).trials) >= SAME, LONG)
    a, b = (kept_on(folder) for folder in Path(os.environ["FORGETSCOPE_NODE_HOME"]).iterdir())
    assert a.keys() & b.keys()
    assert all(a[key] == b[key] for key in a.keys() & b.keys())  # made by one, fetched by the other
    started.remove_node(next(one for one in started.list_all_nodes() if one._ray_params.node_name == "b"), allow_graceful=False)
    before = len(journal.read(place.home, wanted.id).made)
    until(lambda: len(journal.read(place.home, wanted.id).trials) > before + 3, LONG)
    makers = [process for n in range(1, 5) if (process := process_of(f"{wanted.id}.1.{n}")) and lives(process)]
    assert len(makers) == 1
    began = time.monotonic()
    tuning.stop(place.home, wanted.id)
    until(lambda: not any(map(lives, makers)))
    assert time.monotonic() - began <= 2
    stopped = journal.read(place.home, wanted.id)
    journal.begin(place.home, wanted.with_budget(Budget(len(stopped.made) + 3)))
    search.search(place.home, wanted.id, lambda *_: None)  # it goes on without the cluster
    found = journal.read(place.home, wanted.id)
    assert (found.complete, len(found.trials)) == (True, len(stopped.made) + 3)
    assert found.trials[: len(stopped.trials)] == stopped.trials
    told = journal.file_of(place.home, wanted.id).read_text()
    assert len(re.findall(r'^\{"(?:trial|ahead)"', told, re.MULTILINE)) == len(found.trials)
    alone = wanted.with_budget(Budget(SAME))
    journal.begin(here, alone)
    search.search(here, alone.id, lambda *_: None)
    assert numbers(found)[:SAME] == numbers(journal.read(here, alone.id))
