"""Which run begins beside others: by cores, GPUs, memory, and by what another is just making."""

from dataclasses import replace

import pytest

from core.domain.requests.registry import parse_request
from core.domain.run import RunSpec
from core.domain.threads import threads_of
from core.storage.processes import free_memory, gpus
from core.storage.queues.queue_order import Waiting
from core.storage.queues.slots import ON_CLUSTER, ON_CPU, SPARE, Machine, Nodes, Running, gpu_in, next_beside
from core.storage.shared.shared_work import shared_work

MANY = 2**50  # bytes: enough


def spec(method="ssd", seed=0, model="small_cnn", forget="class:3", device="cpu"):
    return RunSpec("digits", model, parse_request(forget), method, {}, seed, device=device)


def waiting(*specs):
    return [Waiting(one.id, spec=one.to_json()) for one in specs]


def running(one, stage="train", slot=ON_CPU, memory=0):
    return Running(one, slot, stage, memory)


def begins(queued, beside, machine, made=(), need=1.0):
    found = next_beside(waiting(*queued), beside, machine, set(made), lambda _: need)
    return found and (next(one for one in queued if one.id == found[0].id), found[1])


def test_a_run_of_a_small_network_has_one_thread_and_a_larger_one_all_cores():
    assert [threads_of(model, 8) for model in ("small_cnn", "resnet18", "vit_small")] == [1, 8, 8]
    assert [threads_of(model, 8, 3) for model in ("small_cnn", "resnet18")] == [3, 3]


def test_runs_go_side_by_side_as_far_as_cores_go():
    two = Machine(2, memory=MANY)
    one, other, third = (spec(seed=seed) for seed in range(3))
    assert begins([one], [], two) == (one, ON_CPU)
    assert begins([other], [running(one)], two) == (other, ON_CPU)
    assert begins([third], [running(one), running(other)], two) is None
    large = spec(model="resnet18", seed=5)
    assert begins([large], [running(one)], two) is None  # it has both cores to itself
    assert begins([large, other], [running(one)], two) is None  # and is not overtaken for want of them
    assert begins([one], [running(large)], two) is None
    assert begins([large], [], Machine(1, memory=MANY)) == (large, ON_CPU)


def test_the_number_of_slots_can_be_set():
    runs = [spec(model="resnet18", seed=seed) for seed in range(3)]
    assert begins(runs[1:], [running(runs[0])], Machine(2, most=2, memory=MANY)) == (runs[1], ON_CPU)
    assert begins(runs[2:], [running(runs[0]), running(runs[1])], Machine(8, most=2, memory=MANY)) is None
    small = [spec(seed=seed) for seed in range(2)]
    assert begins(small[1:], [running(small[0])], Machine(2, most=1, memory=MANY)) is None
    assert begins(runs[1:], [running(runs[0])], Machine(2, threads=1, memory=MANY)) == (runs[1], ON_CPU)  # OMP_NUM_THREADS


def test_who_needs_what_another_is_making_lets_others_pass():
    two = Machine(2, memory=MANY)
    first, same, other = spec(), spec("ssse"), spec(seed=1)
    assert begins([same, other], [running(first)], two) == (other, ON_CPU)
    assert begins([same], [running(first)], two) is None
    evaluated = shared_work(first)["evaluate"]
    assert begins([same], [running(first, "evaluate")], two) is None  # of the original and the reference, for both
    assert begins([same], [running(first, "evaluate")], two, made=[evaluated]) == (same, ON_CPU)
    assert begins([same], [running(first)], two, made=shared_work(first).values()) == (same, ON_CPU)  # all is there
    elsewhere = spec("ssse", forget="class:4")  # another reference of the same original
    assert begins([elsewhere], [running(first)], two) is None
    assert begins([elsewhere], [running(first, "reference")], two) == (elsewhere, ON_CPU)


def test_a_second_run_waits_while_memory_would_not_do():
    one, other = spec(), spec(seed=1)
    both = [[other], [running(one, memory=300)]]
    assert begins(*both, Machine(2, memory=SPARE + 1700), need=1000.0) == (other, ON_CPU)  # 1,000, and 700 that the first will take yet
    assert begins(*both, Machine(2, memory=SPARE + 1699), need=1000.0) is None
    assert begins([one], [], Machine(2, memory=0), need=1000.0) == (one, ON_CPU)  # alone it is not held up


def test_each_gpu_has_a_run_and_a_damaged_one_ends_as_it_begins():
    machine = Machine(16, ("0", "1"), memory=MANY)
    runs = [spec(seed=seed, device="") for seed in range(4)]
    assert begins(runs[:1], [], machine) == (runs[0], "gpu 0")
    beside = [running(runs[0], slot="gpu 0")]
    assert begins(runs[1:2], beside, machine) == (runs[1], "gpu 1")
    beside.append(running(runs[1], slot="gpu 1"))
    assert begins(runs[2:], beside, machine) is None
    assert begins(runs[2:], beside, replace(machine, most=3)) == (runs[2], "gpu 0")
    assert begins([spec(seed=9, device="cuda:1")], beside[:1], machine)[1] == "gpu 1"
    assert begins([spec(seed=9, device="cuda:0")], beside[:1], machine) is None
    assert begins([runs[2], spec(seed=9)], beside, machine)[1] == ON_CPU  # the processor is free
    assert (gpu_in("gpu 1"), gpu_in(ON_CPU), gpu_in("default")) == ("1", "", "")
    damaged = Waiting("x", spec="{")
    assert next_beside([damaged], beside, machine, (), lambda _: 1.0) == (damaged, ON_CPU)


@pytest.mark.parametrize(("said", "most"), [("3", 3), ("", None), ("0", None), ("two", None), ("-1", None), ("²", None)])
def test_slots_that_are_no_number_are_passed_over(monkeypatch, said, most):
    monkeypatch.setenv("FORGETSCOPE_SLOTS", said)
    assert Machine.here().most == most


def test_gpus_are_those_that_cuda_may_see(monkeypatch):
    monkeypatch.setattr("core.storage.processes.version", lambda _: "2.9.0+cu128")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2, MIG-1")
    assert gpus() == ("2", "MIG-1")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    assert gpus() == ()
    monkeypatch.setattr("core.storage.processes.version", lambda _: "2.9.0+cpu")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    assert gpus() == ()


def test_free_memory_is_the_container_s_where_that_is_less(monkeypatch, tmp_path):
    monkeypatch.setattr("core.storage.processes.CGROUP", tmp_path)
    whole = free_memory()
    assert whole > 2**20
    for name, text in (("memory.max", "max"), ("memory.current", "600"), ("memory.stat", "anon 1\ninactive_file 50\n")):
        (tmp_path / name).write_text(text)
    assert free_memory() > 2**20  # no limit
    (tmp_path / "memory.max").write_text("1000")
    assert free_memory() == 1000 - 600 + 50


def test_on_a_cluster_a_run_begins_where_some_node_has_the_cores_or_the_share_of_a_gpu():
    nodes = Nodes(cores=2, each=((4.0, 0.0), (2.0, 0.0)), memory=MANY)
    large, small = [spec(model="resnet18", seed=seed, device="") for seed in range(4)], [spec(seed=seed, device="") for seed in range(6)]
    assert nodes.demand(large[0]) == (2.0, 0.0)  # as the smallest node has, so that three find a place
    assert begins(large[2:], [running(one, slot=ON_CLUSTER) for one in large[:2]], nodes) == (large[2], ON_CLUSTER)
    assert begins(large[3:], [running(one, slot=ON_CLUSTER) for one in large[:3]], nodes) is None
    assert begins(small[5:], [running(one, slot=ON_CLUSTER) for one in small[:5]], nodes) == (small[5], ON_CLUSTER)
    assert begins(large[:1], [running(one, slot=ON_CLUSTER) for one in small[:5]], nodes) is None
    assert begins(small[5:], [running(one, slot=ON_CLUSTER) for one in small[:5]], replace(nodes, taken=(1.0, 0.0))) is None  # by others
    assert replace(nodes, threads=64).demand(small[0]) == (4.0, 0.0)
    shared = Nodes(cores=8, gpus=("of the cluster",), each=((8.0, 1.0),), share=0.5, memory=MANY)
    runs = [spec(model="resnet18", seed=seed, device="") for seed in range(3)]
    assert begins([runs[1]], [running(runs[0], slot=ON_CLUSTER)], shared) == (runs[1], ON_CLUSTER)
    assert begins([runs[2]], [running(one, slot=ON_CLUSTER) for one in runs[:2]], shared) is None
    together = replace(runs[0], recipe={"ranks": 2})
    assert (shared.demand(runs[0]), shared.demand(together)) == ((1.0, 0.5), (2.0, 2.0))
    assert begins([together], [], shared) is None  # there must be a GPU for each
    assert begins([together], [], replace(shared, each=((8.0, 2.0),))) == (together, ON_CLUSTER)
    apart = replace(shared, each=((8.0, 1.0), (8.0, 1.0), (8.0, 0.0)))
    assert (apart.pieces(runs[0]), apart.pieces(together)) == ([(1.0, 0.5)], [(1.0, 1.0)] * 2)
    assert begins([together], [], apart) == (together, ON_CLUSTER)  # on a node each
    assert begins([together], [running(runs[0], slot=ON_CLUSTER)], apart) is None  # which has half of one
    assert begins([runs[0]], [running(together, slot=ON_CLUSTER)], apart) is None
    larger = replace(runs[0], recipe={"ranks": 3})
    assert apart.lacks(larger) == "It waits until the cluster has 3 GPUs, one for each rank; now it has 2."
    assert replace(apart, each=((2.0, 3.0),)).lacks(larger).startswith("It waits until the cluster has 3 cores on nodes with GPUs")
    assert begins([larger, together], [], apart) == (together, ON_CLUSTER)  # others pass it
    assert apart.lacks(together) == replace(apart, each=()).lacks(larger) == ""
    few = Nodes(cores=1, each=((1.0, 0.0),) * 3, memory=MANY)
    assert [len(few.pieces(replace(runs[0], recipe={"ranks": ranks}))) for ranks in (1, 2, 3, 4)] == [1, 2, 3, 1]
    assert begins(large[:1], [], Nodes(cores=0, memory=MANY)) is None  # no node at all
