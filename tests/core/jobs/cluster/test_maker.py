"""A process that makes trials, asking a keeper through its relay as on a node; without a cluster."""

from dataclasses import replace
import json

import pytest

from core.domain.requests.registry import parse_request
from core.domain.run import RunStatus
from core.jobs import worker
from core.jobs.cluster.keeper import Keeper
from core.jobs.cluster.maker import MakerOrder, TrialsHead
from core.jobs.cluster.relay import Relay
from core.storage.artifacts import Artifacts
from core.storage.home import open_home
from core.storage.processes import ProcessId
from core.storage.queues import job_queue
from core.storage.queues.lifecycle import SEARCH
from core.storage.runs import ResultStore
from core.storage.shared import remote_parts
from core.tuning import journal, search
from tests.core.tuning.searched import plan

SHORT = replace(plan().spec, recipe={"epochs": 1})


@pytest.fixture
def made(home, tmp_path, monkeypatch):
    """Have a process of a node make the trials of a plan; why it ended, '' where there were no more."""
    monkeypatch.setattr(remote_parts, "_LINK", [])
    keeper = Keeper(str(home.root), "", {})

    def make(wanted):
        journal.begin(home, wanted)
        with ResultStore(home.database) as store:
            job_queue.add(store.db, wanted.id, SEARCH, {"search": wanted.id})
            _, attempt = job_queue.claim(store.db, SEARCH, ProcessId.of_this_process())
        there = open_home(tmp_path / "node")
        order = MakerOrder(
            search=wanted.id, plan=json.dumps(wanted.to_plain()), maker="m", attempt=attempt, pipeline="", home="", threads=1, files=""
        )
        head = TrialsHead(lambda name, *words: getattr(keeper, name)(*words), Artifacts(there.artifacts_folder), order)
        with Relay(head) as relay:
            remote_parts.connect(relay.address, relay.key)
            worker._trials(there, {"name": "b", "plan": order["plan"]})
        remote_parts._LINK.clear()
        keeper.search_over(wanted.id)
        with ResultStore(home.database) as store:
            job_queue.finish(store.db, wanted.id, attempt, RunStatus.FAILED if head.wrong else RunStatus.DONE)
        return head.wrong

    return make


def test_trials_of_a_node_are_those_of_this_machine_and_what_they_share_is_kept_at_the_head(home, made, tmp_path, capsys):
    wanted, here = plan(spec=SHORT, trials=3), open_home(tmp_path / "here")
    assert made(wanted) == ""
    journal.begin(here, wanted)
    search.search(here, wanted.id, lambda *_: None)
    there, own = journal.read(home, wanted.id), journal.read(here, wanted.id)
    assert there.complete
    assert [(t.number, t.tried, t.values, t.told) for t in there.trials] == [(t.number, t.tried, t.values, t.told) for t in own.trials]
    assert capsys.readouterr().out.count("on b: done") == 3
    with ResultStore(home.database) as head, ResultStore(here.database) as alone:
        files = [{(row["kind"], row["file"]) for row in store.db.read("select kind, file from kept")} for store in (head, alone)]
    assert files[0] == files[1] != set()


def test_why_no_trial_can_be_made_is_told(home, made):
    nearly_all = replace(SHORT, request=parse_request("random:1400"))
    assert made(plan(spec=nearly_all, trials=3)).endswith("50 images in the retain set, to hold a part out; there are 37.")
    few = replace(SHORT, request=parse_request("samples:1,2,3"))
    wanted = plan(spec=few, trials=30)
    wrong = made(wanted).rpartition("\n")[2]
    assert wrong.startswith("The first 10 trials all failed, the last of them so: The attack")
    assert len(journal.read(home, wanted.id).trials) == 10
    other = replace(SHORT, engine="1.0-of another time")
    assert "this is engine" in made(plan(spec=other, trials=3))
