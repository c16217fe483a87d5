"""What the head answers nodes, and what a node may and may not leave there; without a cluster."""

import socket
import sys
import threading
import time

import numpy as np
import pytest

from core.cli.progress_text import standing
from core.domain.errors import WrongInput
from core.domain.requests.registry import parse_request
from core.domain.run import RunSpec, RunStatus
from core.jobs import submit
from core.jobs.catalogue import dataset_images
from core.jobs.cluster import keeper as keepers
from core.jobs.cluster.asked import Asked
from core.jobs.cluster.away import away_from_here
from core.jobs.cluster.files import SharedFolder, taken
from core.jobs.cluster.keeper import Keeper, holder_of
from core.jobs.cluster.relay import Head, Relay
from core.storage.artifacts import Artifacts, Damaged
from core.storage.home import open_home
from core.storage.processes import ProcessId
from core.storage.runs import ResultStore
from core.storage.shared import remote_parts
from tests.core.jobs.place import STUB, until


@pytest.fixture
def home(tmp_path):
    return open_home(tmp_path / "head")


@pytest.fixture
def keeper(home):
    return Keeper(str(home.root), "", {})


@pytest.fixture
def node(tmp_path, keeper, monkeypatch):
    """A node's home whose process asks the keeper through a relay, as on a cluster."""
    there = open_home(tmp_path / "node")
    head = Head(lambda name, *words: getattr(keeper, name)(*words), Artifacts(there.artifacts_folder), "", "run", 1)
    monkeypatch.setattr(remote_parts, "_LINK", [])
    with Relay(head) as relay:
        remote_parts.connect(relay.address, relay.key)
        yield there


def test_what_a_node_keeps_the_head_has_and_what_the_head_has_a_node_finds(home, node):
    with remote_parts.open_shared(node) as (store, artifacts):
        file = artifacts.put_arrays({"w": np.arange(3.0)})
        with artifacts.making("key"):
            store.keep("key", "original", file, 2.5)
        store.keep("own", "checkpoint/x", file, 1.0)
    at_head = Artifacts(home.artifacts_folder)
    with ResultStore(home.database) as store:
        assert store.kept("key").seconds == 2.5
        assert store.kept("own") is None  # of use only where it was made
        other = at_head.put_arrays({"w": np.ones(2)})
        store.keep("other", "original", other, 1.5)
    assert at_head.get_arrays(file)["w"].tolist() == [0, 1, 2]
    with remote_parts.open_shared(node) as (store, artifacts):
        assert store.kept("other").file == other
        assert artifacts.get_arrays(other)["w"].tolist() == [1, 1]
        assert store.kept("nowhere") is None


def test_what_is_kept_goes_in_one_call_with_its_small_files_and_what_is_older_is_told_once(home, keeper, tmp_path, monkeypatch):
    called, there = [], open_home(tmp_path / "node")

    def call(name, *words):
        called.append(name)
        return getattr(keeper, name)(*words)

    def refuse(name, *_):
        called.append(name)
        raise WrongInput("The head is down.")

    head = Head(call, Artifacts(there.artifacts_folder), "", "run", 1)
    monkeypatch.setattr(remote_parts, "_LINK", [])
    with ResultStore(home.database) as store:
        store.keep("before", "result/a_b@1", "0" * 64 + ".safetensors", 0.0)
        store.keep("else", "result/axb@1", "0" * 64 + ".safetensors", 0.0)
    with Relay(head) as relay:
        remote_parts.connect(relay.address, relay.key)
        with remote_parts.open_shared(there) as (store, artifacts):
            big = artifacts.put_arrays({"w": np.zeros(10**6)})
            for turn in range(3):
                store.forget_older("result/a_b@", "2")
                store.keep(f"small {turn}", "result/a_b@2", artifacts.put_arrays({"w": np.full(3, turn)}), 0.0)
        assert not called
        head.tell()
        assert called == ["leave"]
        with remote_parts.open_shared(there) as (store, _):
            store.forget_older("result/a_b@", "2")
            store.keep("big", "result/a_b@2", big, 0.0)
        assert called == ["leave", "lacking", "take"]
        head.tell()
        assert called == ["leave", "lacking", "take", "leave"]
        head.tell()
        assert len(called) == 4  # nothing waits
        assert head._told == {("result/a_b@", "2")}
    with ResultStore(home.database) as store:
        assert all(store.kept(key) for key in ("small 0", "small 1", "small 2", "big", "else"))
        assert not store.kept("before")
    at_head = Artifacts(home.artifacts_folder)
    assert at_head.sound(big)
    with pytest.raises(WrongInput, match="down"):
        Head(refuse, Artifacts(there.artifacts_folder), "", "run", 1).end_lease("key")
    failing = Head(refuse, Artifacts(there.artifacts_folder), "", "run", 1)
    failing.keep("again", "result/a_b@2", Artifacts(there.artifacts_folder).put_arrays({"w": np.ones(1)}), 0.0, [("result/a_b@", "2")])
    called.clear()
    with pytest.raises(WrongInput, match="down"):
        failing.end_lease("key")
    assert called == ["leave", "end_lease"]  # others need not wait for what failed
    failing.call = call
    failing.tell()  # it waited
    with ResultStore(home.database) as store:
        assert store.kept("again")
    assert head.send([big]) is None
    assert called[-1] == "lacking"  # which is all: it is there


def test_what_is_damaged_on_a_node_comes_anew_and_what_is_nowhere_is_missing(home, node):
    file = Artifacts(home.artifacts_folder).put_arrays({"w": np.ones(2)})
    with remote_parts.open_shared(node) as (_, artifacts):
        assert artifacts.get_arrays(file)["w"].tolist() == [1, 1]
        (node.artifacts_folder / file).write_bytes(b"spoiled")
        assert artifacts.get_arrays(file)["w"].tolist() == [1, 1]
        with pytest.raises(Damaged, match="missing"):
            artifacts.get_arrays("0" * 64 + ".safetensors")


def test_a_relay_that_is_closed_leaves_no_thread_and_waits_for_nobody(tmp_path):
    before = threading.active_count()
    for _ in range(20):
        head = Head(lambda *_: None, Artifacts(open_home(tmp_path / "node").artifacts_folder), "", "run", 1)
        with Relay(head) as relay:
            link = remote_parts.Link(relay.address, relay.key)
            link.ask(remote_parts.LEASE, "key")
            link.close()
    until(lambda: threading.active_count() <= before)


def test_of_two_nodes_that_need_the_same_one_makes_it(keeper):
    assert keeper.lease("key", "run a/1")
    assert keeper.lease("key", "run a/1")
    assert not keeper.lease("key", "run b/1")
    keeper.end_lease("key", "run b/1")  # not its to end
    assert not keeper.lease("key", "run b/1")
    keeper.gone("run a/1")
    assert keeper.lease("key", "run b/1")


def test_the_lease_of_a_node_that_fell_silent_goes_to_the_next(keeper, monkeypatch):
    assert keeper.lease("key", "run a/1")
    now = time.monotonic()
    monkeypatch.setattr(keepers.time, "monotonic", lambda: now + keepers.LEASE_SECONDS + 1)
    assert keeper.lease("key", "run b/1")


def test_who_makes_the_same_at_the_head_and_on_a_node_waits_for_the_other(keeper, home):
    artifacts = Artifacts(home.artifacts_folder)
    with artifacts.making("key"):
        assert not keeper.lease("key", "run a/1")
    assert keeper.lease("key", "run a/1")
    assert artifacts.begin_making("key") is None
    keeper.end_lease("key", "run a/1")
    assert keeper.lease("other", "run a/1")
    keeper.gone("run a/1")
    for key in ("key", "other"):
        artifacts.begin_making(key).release()


def test_a_file_that_is_damaged_at_the_head_or_in_the_shared_folder_comes_anew(keeper, home, tmp_path):
    artifacts, route = Artifacts(home.artifacts_folder), SharedFolder(f"file://{tmp_path / 'lab'}")
    file = artifacts.put_arrays({"w": np.ones(2)})
    content = artifacts.content(file)
    with ResultStore(home.database) as store:
        store.keep("key", "original", file, 1.0)
    assert keeper.kept("key", 10**6)["content"] == content
    assert "content" not in keeper.kept("key", len(content) - 1)
    (home.artifacts_folder / file).write_bytes(b"spoiled")
    assert keeper.kept("key", 10**6) is None
    assert keeper.lacking([file]) == [file]
    route.give(file, b"cut")
    route.give(file, content)
    through = Keeper(str(home.root), route.url, {})
    through.fetch([file])
    assert keeper.kept("key", 10**6)["content"] == content


def test_the_keeper_heeds_the_settings_of_the_supervisor(home, tmp_path, monkeypatch):
    monkeypatch.setenv("FORGETSCOPE_EXTENSIONS", str(tmp_path / "nowhere"))
    own = tmp_path / "own"
    (own / "package").mkdir(parents=True)
    (own / "package" / "__init__.py").write_text('"""Ours."""\n')
    (own / "single.py").write_text('"""Ours too."""\n')
    found = Keeper(str(home.root), "", {"FORGETSCOPE_EXTENSIONS": str(own)}).extensions()
    assert found.keys() == {"package/__init__.py", "single.py"}
    assert found["single.py"] == (own / "single.py").read_bytes()


def test_content_that_is_not_what_its_name_says_is_refused(keeper, home, tmp_path):
    file = Artifacts(home.artifacts_folder).put_arrays({"w": np.ones(2)})
    with pytest.raises(Damaged, match="came damaged"):
        keeper.take({"0" * 64 + ".safetensors": b"anything"})
    with pytest.raises(WrongInput, match="SHA-256"):
        keeper.take({"../../forgetscope.db": b"anything"})
    there = Artifacts(open_home(tmp_path / "node").artifacts_folder)
    assert not taken(there, lambda _: b"spoiled", file)
    assert not there.has(file)
    with pytest.raises(Damaged, match="did not arrive"):
        keeper.leave([("key", "original", "1" * 64 + ".safetensors", 1.0)], [], {})


def test_files_go_through_a_folder_of_any_kind(home, tmp_path):
    route = SharedFolder(f"file://{tmp_path / 'lab folder'}")
    head, there = Artifacts(home.artifacts_folder), Artifacts(open_home(tmp_path / "node").artifacts_folder)
    file = head.put_arrays({"w": np.ones(2)})
    assert route.get(file) is None
    assert Keeper(str(home.root), route.url, {}).offer(file)
    assert taken(there, route.get, file)
    assert there.content(file) == head.content(file)
    assert [path.name for path in (tmp_path / "lab folder").iterdir()] == [file]


def test_a_report_lands_until_nobody_wants_the_run(keeper, home):
    spec = RunSpec("digits", "small_cnn", parse_request("class:3"), "ssd", {}, 0)
    with ResultStore(home.database) as store:
        store.add(spec)
        store.claim(ProcessId.of_this_process())
    assert keeper.report(spec.id, 1, {"node": "b"})
    with ResultStore(home.database) as store:
        claimed_at = store.existing(spec.id).started_at
    time.sleep(0.002)
    assert keeper.report(spec.id, 1, {"begins": True})
    with ResultStore(home.database) as store:
        assert store.existing(spec.id).started_at > claimed_at
    assert keeper.report(spec.id, 1, {"share": 0.5, "stage": "train", "node": "b", "log": b"said\n", "curves": b"{}"})
    with ResultStore(home.database) as store:
        run = store.existing(spec.id)
        assert (run.share, run.stage, run.node) == (0.5, "train", "b")
        store.request_cancel(spec.id)
    assert home.log(spec.id).read_text() == "said\n"
    assert home.curves(spec.id).read_text() == "{}"
    assert not keeper.report(spec.id, 1, {"share": 0.6})
    assert not keeper.report(spec.id, 2, {"share": 0.6})
    with pytest.raises(WrongInput, match="got status"):
        keeper.report(spec.id, 1, {"status": "done"})
    with pytest.raises(WrongInput, match="There is no run"):
        keeper.report("../elsewhere", 1, {"log": b"said"})
    for number in range(3):
        keeper.report(spec.id, 1, {"log": bytes([65 + number]) * keepers.LOG_MOST})
    said = home.log(spec.id).read_bytes()
    assert len(said) <= keepers.LOG_MOST
    assert said.endswith(b"C")
    assert holder_of(spec.id, 1) != holder_of(spec.id, 2)


def test_a_set_of_the_shelf_travels_as_its_arrays(keeper, home):
    from core.data.registry import load_dataset
    from core.data.shelf_copies import dataset_of

    arrays = Artifacts(home.artifacts_folder).get_arrays(keeper.dataset("digits"))
    assert arrays.keys() == dataset_images(home.root, "digits").keys()
    there, here = dataset_of(load_dataset("digits").info, arrays), load_dataset("digits")
    for half in ("train", "test"):
        assert bool((getattr(there, half).images == getattr(here, half).images).all())
        assert getattr(there, half).labels.tolist() == getattr(here, half).labels.tolist()
        assert getattr(there, half).peak == getattr(here, half).peak


@pytest.mark.parametrize(
    ("variable", "value", "sentence"),
    [
        ("FORGETSCOPE_RAY", "ray://lab", "must be auto or HOST:PORT"),
        ("FORGETSCOPE_RAY", "lab:99999", "must be auto or HOST:PORT"),
        ("FORGETSCOPE_GPU_SHARE", "2", "from 0.01 to 1"),
        ("FORGETSCOPE_GPU_SHARE", "half", "from 0.01 to 1"),
    ],
)
def test_what_is_asked_for_wrongly_is_said_of_the_run(home, monkeypatch, variable, value, sentence):
    monkeypatch.setenv("FORGETSCOPE_RAY", "auto")
    monkeypatch.setenv(variable, value)
    with pytest.raises(WrongInput, match=sentence):
        Asked.of_environment()
    away = away_from_here(home, STUB)
    with ResultStore(home.database) as store, pytest.raises(WrongInput, match=sentence):
        away.start(store, "any", 1)


def test_nothing_is_asked_for_unless_the_environment_says_so(home, monkeypatch):
    monkeypatch.delenv("FORGETSCOPE_RAY", raising=False)
    assert away_from_here(home, STUB) is None


def test_without_ray_a_run_says_what_to_install(home, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    monkeypatch.setenv("FORGETSCOPE_RAY", "auto")
    away = away_from_here(home, STUB)
    assert away.machine().room_for(RunSpec("digits", "small_cnn", parse_request("class:3"), "ssd", {}, 0), [])
    with ResultStore(home.database) as store, pytest.raises(WrongInput, match=r"pip install -r requirements-ray\.txt"):
        away.start(store, "any", 1)


def test_a_cluster_that_was_found_is_looked_for_where_it_was(tmp_path, monkeypatch):
    """`ray stop` removes the file by which `auto` finds one."""
    monkeypatch.setenv("RAY_TMPDIR", str(tmp_path))
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        place = f"127.0.0.1:{nobody.getsockname()[1]}"
        assert Asked("auto").silent() == ""
        assert Asked("auto").silent(place).startswith(f"nobody answers at {place}")


def test_while_a_cluster_cannot_be_reached_its_runs_wait_and_say_why(place, monkeypatch):
    pytest.importorskip("ray")
    with socket.socket() as nobody:  # a port that is taken, and where nobody listens
        nobody.bind(("127.0.0.1", 0))
        monkeypatch.setenv("FORGETSCOPE_RAY", f"127.0.0.1:{nobody.getsockname()[1]}")
        run_id = place.submit()
        until(lambda: place.run(run_id).note)
        run = place.run(run_id)
        assert (run.status, run.attempt) == (RunStatus.QUEUED, 1)
        assert "cannot be reached from this machine (nobody answers at 127.0.0.1:" in run.note
        assert run.note in standing(run, {})
        submit.cancel(place.home, run_id)
        assert place.run(run_id).status == RunStatus.CANCELLED
