"""Ranks on several nodes, without a cluster: what holds their processes is asked here as a run's process asks it there."""

from dataclasses import replace
import os

import pytest
import torch

from core.domain.errors import WrongInput
from core.domain.requests.registry import parse_request
from core.domain.run import RunSpec, RunStatus
from core.jobs.cluster import node
from core.jobs.cluster.ends import LOST
from core.jobs.cluster.node import Order, RunHead
from core.jobs.cluster.rank_host import Hosts, LostError, RankHost
from core.jobs.cluster.ranks_apart import Apart, ApartProcess
from core.jobs.cluster.relay import Relay
from core.storage.artifacts import Artifacts
from core.storage.home import open_home
from core.storage.processes import ProcessId
from core.storage.runs import ResultStore
from core.storage.shared import remote_parts
from core.training.cache import ArtifactCache
from core.training.ranks import crew, places
from core.training.run_setup import set_up, train_or_load

SPEC = RunSpec("digits", "small_cnn", parse_request("class:3"), "ssd", device="cpu", recipe={"epochs": 2, "ranks": 2})
LOOP = "127.0.0.1"


@pytest.fixture
def order():
    return Order(
        run_id=SPEC.id, attempt=1, spec=SPEC.to_json(), evaluation="", pipeline="core.pipeline", home="head", threads=1, files="", apart=1,
    )  # fmt: skip


@pytest.fixture
def apart(tmp_path, order, monkeypatch):
    """Of a run at the first node: its hosts, and a set-up whose ranks are on another."""
    monkeypatch.setenv("FORGETSCOPE_NODE_HOME", str(tmp_path))
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    for name, value in dict(os.environ).items():  # which a host changes for its own process
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    gone = list[bool]()

    def ask(host, name, *words):
        if gone:
            raise LostError("The node of a rank is gone.")
        if name == "hear":
            assert words == (host._started,)
        return getattr(host, name)(*words)

    hosts = Hosts(LOOP, lambda: [RankHost(order, "b", LOOP, lambda *_: {})], ask, lambda hosts: [host.close() for host in hosts])
    hosts.gone = gone
    home = open_home(tmp_path / "a")
    head = RunHead(lambda *_: None, Artifacts(home.artifacts_folder), order, hosts)
    monkeypatch.setattr(remote_parts, "_LINK", [])
    with Relay(head) as relay, ResultStore(home.database) as store:
        monkeypatch.setattr(places, "PLACES", [Apart(remote_parts.Link(relay.address, relay.key), LOOP)])
        monkeypatch.setattr(crew, "PLACES", places.PLACES)
        yield hosts, set_up(SPEC, ArtifactCache(store, Artifacts(home.artifacts_folder)))
        crew.dismiss()
    hosts.close()
    torch.set_deterministic_debug_mode("default")


def trained(setup, name, say=lambda share, note: None):
    return train_or_load(setup, name, "original", setup.splits.trained.first(150), say).tensors


def test_ranks_on_two_nodes_train_the_network_of_ranks_on_one(apart, monkeypatch):
    hosts, setup = apart
    other = trained(setup, "on two nodes")
    (member,) = crew._crew
    assert isinstance(member.process, ApartProcess)
    crew.dismiss()
    assert hosts._hosts[0]._process.poll() is not None
    host_home = hosts._hosts[0]._home.root
    hosts.close()
    assert not list(host_home.glob(".writing-*"))  # nothing of the images stays
    with pytest.raises(LostError):
        hosts.rank(1, "start", "core.training.ranks.member")  # nor is anything begun again
    assert not hosts.lost
    monkeypatch.setattr(crew, "PLACES", [places.Here()])
    one = trained(setup, "on one node")
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_a_node_that_is_lost_in_mid_training_loses_the_run_which_is_computed_anew(apart, order):
    hosts, setup = apart

    def lose(share, note):
        if note == "epoch 2 of 2" and not hosts.gone:
            hosts.gone.append(True)
            hosts._hosts[0]._process.kill()

    with pytest.raises(crew.RankFailed, match=r"^Process 2 of 2 that share each batch ended without a word; Retry goes on from the last"):
        trained(setup, "lost", lose)
    hosts.look()
    assert hosts.lost
    home = open_home(setup.root)
    with ResultStore(home.database) as store:
        store.add(SPEC)
        store.claim(ProcessId.of_this_process())
        store.finish(SPEC.id, 1, RunStatus.FAILED, error="RankFailed: …")
    head = RunHead(lambda *_: None, Artifacts(home.artifacts_folder), order, hosts)
    assert node._end(home, head, SPEC.id)["status"] == LOST
    hosts.lost = False
    assert node._end(home, head, SPEC.id)["status"] == RunStatus.FAILED


def test_what_is_wrong_on_the_other_node_is_told_and_only_our_modules_are_started(apart):
    hosts, setup = apart
    with pytest.raises(WrongInput, match=r"^The sources of training were changed while this run was under way; Retry asks anew\.$"):
        trained(replace(setup, training="another"), "wrong")
    with pytest.raises(ValueError, match="os"):
        hosts.rank(1, "start", "os")
