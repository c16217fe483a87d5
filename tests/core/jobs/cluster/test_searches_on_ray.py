"""Searches on a real Ray cluster of two nodes: trials at once, the same numbers as here, nothing lost or made twice with a node."""

from dataclasses import replace
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
from tests.core.jobs.place import Place, lives, until
from tests.core.tuning.searched import plan

pytest.importorskip("ray")
pytestmark = pytest.mark.timeout(300)

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


def slow(**about):
    """A search of a network that is trained for one epoch, whose trials take a second or so."""
    params = {"epochs": 8, "learning_rate": 0.02, "batch_size": 32}
    spec = replace(plan().spec, method="finetune", params=params, recipe={"epochs": 1})
    return plan(spec=spec, ranges=(Range("learning_rate", 0.005, 0.05, log=True),), **about)


def numbers(found):
    """All of a search but its seconds."""
    return [(t.number, dict(t.tried), t.state, dict(t.values), dict(t.told)) for t in found.trials]


def at_nodes(place, search_id):
    """Node -> the numbers of the trials that it made, as it printed them."""
    said = re.findall(r"trial (\d+) on (\w+):", place.home.log(search_id).read_text()) if place.home.log(search_id).exists() else []
    return {name: [int(number) for number, of in said if of == name] for name in ("a", "b")}


def over(place, search_id):
    until(lambda: tuning.progress(place.home, search_id).status != "running", LONG)
    return tuning.standing(place.home, search_id)


def test_trials_of_two_nodes_at_once_are_those_of_this_machine_from_one_original(place, tmp_path):
    wanted, here = slow(trials=8), open_home(tmp_path / "here")
    tuning.start(place.home, wanted)
    there = over(place, wanted.id)
    journal.begin(here, wanted)
    search.search(here, wanted.id, lambda *_: None)
    assert (there.state, there.error) == ("complete", "")
    assert numbers(there.search) == numbers(journal.read(here, wanted.id))
    by_node = at_nodes(place, wanted.id)
    assert sorted(by_node["a"] + by_node["b"]) == list(range(8))
    assert all(by_node.values())
    with ResultStore(place.home.database) as store:
        made = store.db.read("select kind from kept")
    assert len({row["kind"] for row in made}) == len(made)


def test_a_node_that_is_killed_loses_no_trial_and_a_search_that_is_stopped_ends_at_once_and_goes_on(place, started):
    wanted = slow(trials=300, draw=1)
    tuning.start(place.home, wanted)
    until(lambda: all(at_nodes(place, wanted.id).values()), LONG)
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
    assert not stopped.ahead
    tuning.go_on(place.home, wanted.id, Budget(len(stopped.trials) + 3))
    found = over(place, wanted.id)
    assert (found.state, len(found.search.trials)) == ("complete", len(stopped.trials) + 3)
    assert found.search.trials[: len(stopped.trials)] == stopped.trials
    told = journal.file_of(place.home, wanted.id).read_text()
    assert len(re.findall(r'^\{"(?:trial|ahead)"', told, re.MULTILINE)) == len(found.search.trials)
