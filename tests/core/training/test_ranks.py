"""A training shared by several processes is that of one; what of it is refused; and none of them is left behind."""

from dataclasses import replace
from datetime import timedelta
import os
import signal
import subprocess
import sys
from threading import Barrier, Thread
import time

import psutil
import pytest
import torch
from torch import nn

from core import pipeline
from core.data.dataset import Examples
from core.domain import code_version
from core.domain.errors import WrongInput
from core.domain.requests.registry import parse_request
from core.domain.run import Recipe, RunSpec
from core.domain.threads import threads_of
from core.domain.training.own_recipe import own_recipe
from core.domain.training.ranks import check_room
from core.extensions.load import load_extensions
from core.jobs import validation
from core.jobs.validation import make_spec
from core.jobs.write_catalogue import describe
from core.storage.artifacts import Artifacts
from core.storage.durations import History
from core.storage.queues.slots import ON_CPU, Machine, Running, gpus_in
from core.storage.runs import ResultStore
from core.training import checkpoints
from core.training.cache import ArtifactCache, to_tensors
from core.training.context import RunContext
from core.training.loop import fit
from core.training.precomputed import ImportanceStatistic
from core.training.ranks import crew, work
from core.training.ranks.batch_norm import WholeBatch
from core.training.ranks.group import Ranks
from core.training.ranks.statistics import computed
from core.training.run_setup import restore, set_up, train_or_load
from tests.conftest import ROOT

SHELVES = describe()
EXACT = ImportanceStatistic("per_sample")
NETWORK = """
from torch import nn
from core.domain.info import ModelInfo
INFO = ModelInfo("two_layers", "Two layers", "Of an extension.")
def build(data):
    pixels = data.channels * data.height * data.width
    return nn.Sequential(nn.Flatten(), nn.Linear(pixels, 24), nn.Tanh(), nn.Linear(24, len(data.classes)))
"""


def apart(one, other):
    """The largest distance of two tensors of a name, by the length of the first."""
    return max(far({name: one[name]}, other) for name in one)


def far(one, other):
    """The distance of two networks, all tensors as one vector, by the length of the first."""
    here, there = (torch.cat([tensors[name].double().flatten() for name in one]) for tensors in (one, other))
    return float((here - there).norm() / here.norm().clamp(min=1e-9))


@pytest.fixture(scope="module", autouse=True)
def nobody_stays():
    """Processes that would wait a while for another task."""
    yield
    crew.dismiss()


@pytest.fixture
def setup_of(home, monkeypatch):
    """setup_of(model, ranks, **recipe): on digits."""
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    with ResultStore(home.database) as store:
        cache = ArtifactCache(store, Artifacts(home.artifacts_folder))

        def make(model, ranks, **recipe):
            own = recipe | ({"ranks": ranks} if ranks > 1 else {})
            return set_up(RunSpec("digits", model, parse_request("class:3"), "ssd", device="cpu", recipe=own), cache)

        yield make
    torch.set_deterministic_debug_mode("default")


def trained(setup, count, say=lambda share, note: None):
    """The network of the first `count` images, and its curve."""
    points = []
    found = train_or_load(
        setup, f"{setup.recipe}", "original", setup.splits.trained.first(count), say, lambda *point: points.append(point)
    )
    return found.tensors, points


class Double(nn.Module):
    """Pixels in double precision."""

    def forward(self, x):
        return x.double()


class Together(Ranks):
    """Ranks as threads: sums meet at a barrier."""

    def __init__(self, rank, count, barrier, table):
        super().__init__(rank, count)
        self.barrier, self.table = barrier, table

    def sum(self, value):
        self.table[self.rank] = value.detach().clone()
        self.barrier.wait(10)
        value.detach().copy_(sum(self.table[rank] for rank in range(self.count)))
        self.barrier.wait(10)
        return value

    def agree(self, model, when):
        for tensor in model.state_dict().values():
            mean = self.sum(tensor.detach().double().clone()) / self.count
            assert torch.allclose(mean, tensor.double(), rtol=1e-12)


def in_threads(count, work):
    """What `work(ranks)` returns in each of so many ranks."""
    barrier, table, found = Barrier(count), {}, {}

    def one(rank):
        try:
            found[rank] = work(Together(rank, count, barrier, table))
        except BaseException:
            barrier.abort()
            raise

    threads = [Thread(target=one, args=(rank,)) for rank in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(found) == count
    return [found[rank] for rank in range(count)]


@pytest.mark.parametrize("shape", [(9, 3), (9, 3, 4, 2)])
def test_batch_norm_of_shares_is_that_of_the_whole_batch_forward_and_backward(shape):
    """Against PyTorch's, on all rows: 9 of them for 4 ranks, which have 2, 2, 2 and 3."""
    torch.manual_seed(0)
    x, pull = 100 + 3 * torch.randn(shape), torch.randn(shape)
    norm = {2: nn.BatchNorm1d, 4: nn.BatchNorm2d}[len(shape)](3)
    for theta in norm.parameters():
        nn.init.uniform_(theta)
    states = {"theirs": norm.state_dict(), "ours": {name: value.clone() for name, value in norm.state_dict().items()}}

    def share(ranks):
        rows, own = ranks.rows(len(x)), type(norm)(3)
        own.load_state_dict(states["ours"])
        mine = x[rows].clone().requires_grad_()
        with WholeBatch(ranks.sum):
            out = own(mine)
        (out * pull[rows]).sum().backward()
        return out.detach(), mine.grad, own

    shares, whole = in_threads(4, share), x.clone().requires_grad_()
    out = norm(whole)
    (out * pull).sum().backward()
    assert [len(part[0]) for part in shares] == [2, 2, 2, 3]
    assert torch.cat([part[0] for part in shares]) == pytest.approx(out.detach(), abs=1e-4)
    assert torch.cat([part[1] for part in shares]) == pytest.approx(whole.grad, abs=1e-4)
    for name in ("weight", "bias"):
        summed = sum(getattr(part[2], name).grad for part in shares)
        assert summed == pytest.approx(getattr(norm, name).grad, abs=1e-3)
    for _, _, own in shares:
        assert own.running_mean == pytest.approx(norm.running_mean, rel=1e-6)
        assert own.running_var == pytest.approx(norm.running_var, rel=1e-5)


def test_batches_that_do_not_divide_and_one_smaller_than_the_ranks_are_trained_as_by_one_device():
    """Batches of 7, 7 and 2 for 3 ranks, the last whole in each; in double precision but for the loss, so that rounding does not grow."""
    torch.manual_seed(1)
    data = Examples(torch.randint(0, 256, (16, 1, 6, 6), dtype=torch.uint8), torch.arange(16) % 4)
    recipe = Recipe(20, 7, 0.1, augment="crop")

    def build():
        return nn.Sequential(Double(), nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(64, 4)).double()

    models = [RunContext(build, recipe, seed=5).fresh_model() for _ in range(4)]
    curves = [[] for _ in models]

    def train(index, ranks):
        run = RunContext(build, recipe, seed=5)
        return fit(models[index], data, recipe, run, noted=lambda *point: curves[index].append(point), ranks=ranks)

    one = train(3, Ranks()).state_dict()
    several = in_threads(3, lambda ranks: train(ranks.rank, ranks).state_dict())
    assert all(apart(one, other) < 1e-6 for other in several), "after 60 steps"
    assert all(torch.equal(several[0][name], other[name]) for other in several for name in one)
    for curve in curves:
        assert torch.tensor(curve) == pytest.approx(torch.tensor(curves[3]), rel=1e-5)


def test_a_network_that_draws_in_its_forward_pass_is_refused_in_a_sentence():
    data = Examples(torch.randint(0, 256, (8, 1, 2, 2), dtype=torch.uint8), torch.arange(8) % 2)
    recipe = Recipe(1, 4, 0.1)
    run = RunContext(lambda: nn.Sequential(nn.Flatten(), nn.Dropout(0.5), nn.Linear(4, 2)), recipe)
    with pytest.raises(WrongInput, match=r"This network draws at random in its forward pass .* train it with ranks=1"):
        fit(run.fresh_model(), data, recipe, run, ranks=Ranks(0, 2))


def test_two_processes_train_the_network_of_one_with_and_without_batch_norm(setup_of):
    """At a low rate: where rounding moves a value over a ReLU's zero, the step differs by more than rounding, in one process too."""
    recipes = {"small_cnn": {"epochs": 2, "augment": "crop", "validation": 0.2, "patience": 1}, "vit_small": {"epochs": 1}}
    for model, recipe in recipes.items():
        recipe["learning_rate"] = 0.01
        one, curve = trained(setup_of(model, 1, **recipe), 200)
        two, shared = trained(setup_of(model, 2, **recipe), 200)
        assert 0 < far(one, two) < 1e-4, f"{model}: not to the bit, for sums come in another order"
        assert torch.tensor(shared) == pytest.approx(torch.tensor(curve), rel=1e-4)
        fresh = setup_of(model, 1, **recipe).context("original", lambda share, note: None, {}).fresh_model().state_dict()
        assert far(fresh, one) > 1e-2, f"{model} has learned"


def test_the_exact_fisher_is_summed_over_ranks(setup_of):
    setup = setup_of("small_cnn", 2)
    model = setup.context("original", lambda share, note: None, {}).fresh_model().eval()
    told = []
    run = setup.context("precompute", lambda share, note: told.append(share), {})
    one = EXACT.compute(model, setup.splits.trained, run)
    two = computed(setup, EXACT, model, run)
    assert one.keys() == two.keys()
    for name, value in one.items():
        assert value.max() > 0
        assert two[name] == pytest.approx(value, rel=1e-4, abs=1e-4 * float(value.max()))
        assert float((two[name] - value).norm() / value.norm()) < 1e-5
    assert told[-1] == 1.0
    assert len(crew._crew) == 1


def test_a_killed_rank_fails_the_training_in_a_sentence_and_it_goes_on_where_it_was_kept(home, setup_of, monkeypatch):
    monkeypatch.setattr(checkpoints, "EVERY", 0.0)
    monkeypatch.setattr(checkpoints, "SHARE", float("inf"))
    setup = setup_of("small_cnn", 2, epochs=3)
    whole, curve = trained(replace(setup, recipe=replace(setup.recipe, patience=7)), 150)  # by another key
    began = []

    def kill(share, note):
        if note == "epoch 2 of 3" and not began:
            began.append(time.monotonic())
            crew._crew[0].process.kill()

    with pytest.raises(crew.RankFailed, match=r"^Process 2 of 2 that share each batch was ended by signal 9.*; Retry goes on from the"):
        trained(setup, 150, kill)
    assert time.monotonic() - began[0] < 30
    assert not crew._crew
    assert not list(home.root.glob(".writing-*"))
    parts, told = trained(setup, 150)
    assert told == curve
    assert all(torch.equal(whole[name], parts[name]) for name in whole)


@pytest.mark.slow
def test_a_rank_that_neither_answers_nor_ends_fails_the_training_too(setup_of, monkeypatch):
    monkeypatch.setattr(work, "PATIENCE", timedelta(seconds=2))
    setup, stopped = setup_of("small_cnn", 2, epochs=9), []

    def stop(share, note):
        if note == "epoch 2 of 9" and not stopped:
            stopped.append(crew._crew[0].process)
            stopped[0].send_signal(signal.SIGSTOP)

    with pytest.raises(crew.RankFailed, match=r"^The processes that share each batch did not answer each other within"):
        trained(setup, 150, stop)
    assert stopped[0].poll() == -signal.SIGKILL


def test_what_goes_wrong_in_another_process_is_told_as_it_is_here(setup_of):
    setup = setup_of("small_cnn", 2, epochs=1)
    with pytest.raises(WrongInput, match=r"^The sources of training were changed while this run was under way; Retry asks anew.$"):
        trained(replace(setup, training="another"), 150)
    assert not crew._crew


def test_the_exact_fisher_of_fewer_rows_than_ranks_and_of_shares_that_do_not_divide_is_that_of_all():
    torch.manual_seed(0)
    data = Examples(torch.randint(0, 256, (7, 1, 2, 2), dtype=torch.uint8), torch.arange(7) % 2)
    models = [nn.Sequential(nn.Flatten(), nn.Linear(4, 2)) for _ in range(3)]
    for model in models[1:]:
        model.load_state_dict(models[0].state_dict())
    for count in (7, 2):
        some = data.first(count)
        wanted = EXACT.compute(models[0], some, RunContext(lambda: models[0], Recipe(1, 2, 0.1)))
        for found in in_threads(3, lambda ranks, some=some: work.fisher_over(ranks, models[ranks.rank], some)):
            assert {name: found[name] == pytest.approx(value, rel=1e-5) for name, value in wanted.items()} == dict.fromkeys(wanted, True)


def test_a_pytorch_without_processes_that_meet_refuses_ranks_in_a_sentence(monkeypatch):
    monkeypatch.setattr(torch.distributed, "is_available", lambda: False)
    with pytest.raises(WrongInput, match=r"^ranks=2 needs torch\.distributed, which this PyTorch was built without; leave out ranks\.$"):
        work.check_machine(2, "cpu")


def test_ranks_meet_by_the_network_that_has_the_node_s_address_or_not_at_all():
    loop = work._interface("")
    assert work._interface("127.0.0.1") == loop
    with pytest.raises(WrongInput, match=r"^No network of this node has the address 203\.0\.113\.9, by which the cluster knows it"):
        work._interface("203.0.113.9")


def test_a_run_with_ranks_has_the_networks_of_one_without_and_leaves_no_process(home, setup_of):
    spec = make_spec(SHELVES, "digits", "small_cnn", parse_request("class:3"), "ssd", {"importance": "per_sample"},
                     recipe={"epochs": "1", "batch_size": "256", "learning_rate": "0.01", "ranks": "2"})  # fmt: skip
    assert spec.recipe == {"epochs": 1, "batch_size": 256, "learning_rate": 0.01, "ranks": 2}
    with ResultStore(home.database) as store:
        store.add(spec)
    outcome = pipeline.run(replace(spec, device="cpu"), home, lambda *_: None)
    artifacts, alone = Artifacts(home.artifacts_folder), setup_of("small_cnn", 1, epochs=1, batch_size=256, learning_rate=0.01)
    for purpose, images in (("original", alone.splits.trained), ("reference", alone.splits.retain)):
        one = train_or_load(alone, purpose, purpose, images, lambda share, note: None)
        assert far(one.tensors, to_tensors(artifacts.get_arrays(outcome.artifacts[purpose]))) < 1e-4
    ((name, file),) = ((name, file) for name, file in outcome.artifacts.items() if name.startswith("statistic/"))
    model = restore(alone, to_tensors(artifacts.get_arrays(outcome.artifacts["original"])))
    whole = EXACT.compute(model, alone.splits.trained, alone.context("precompute", lambda share, note: None, {}))
    assert name.startswith("statistic/ImportanceStatistic-")
    assert apart(whole, to_tensors(artifacts.get_arrays(file))) < 1e-4
    assert len(outcome.measurements) > 10
    assert not crew._crew
    assert not list(home.root.glob(".writing-*"))


@pytest.mark.slow
def test_the_network_of_an_extension_is_trained_by_ranks_too(home, setup_of, monkeypatch):
    folder = home.root / "extensions"
    folder.mkdir()
    (folder / "brought.py").write_text(NETWORK)
    monkeypatch.setenv("FORGETSCOPE_EXTENSIONS", str(folder))
    monkeypatch.setattr(code_version, "FRESH", 0.0)  # the file came a moment ago
    load_extensions()
    try:
        one, _ = trained(setup_of("two_layers", 1, epochs=1), 150)
        two, _ = trained(setup_of("two_layers", 2, epochs=1), 150)
        assert 0 < apart(one, two) < 1e-4
    finally:
        crew.dismiss()
        (folder / "brought.py").unlink()
        load_extensions()


PARENT = """
import sys
from core.domain.requests.registry import parse_request
from core.domain.run import RunSpec
from core.storage.artifacts import Artifacts
from core.storage.home import open_home
from core.storage.runs import ResultStore
from core.training.cache import ArtifactCache
from core.training.ranks import crew, work
from core.training.run_setup import set_up, train_or_load

def say(share, note):
    if share > 0:
        print(crew._crew[0].process.pid, flush=True)

home = open_home()
with ResultStore(home.database) as store:
    spec = RunSpec("digits", "small_cnn", parse_request("class:3"), "ssd", device="cpu", recipe={"epochs": 1000, "ranks": 2})
    setup = set_up(spec, ArtifactCache(store, Artifacts(home.artifacts_folder)))
    train_or_load(setup, "k", "original", setup.splits.trained, say)
"""


@pytest.mark.slow
def test_a_killed_parent_leaves_no_process_behind(home):
    environment = {**os.environ, "FORGETSCOPE_HOME": str(home.root)}
    parent = subprocess.Popen([sys.executable, "-c", PARENT], cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    other = psutil.Process(int(parent.stdout.readline()))
    assert "core.training.ranks.member" in other.cmdline()
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    other.wait(timeout=2)
    assert not other.is_running()
    assert not list(home.root.glob(".writing-*")), "nor what was handed to it"


@pytest.mark.parametrize("method, recipe, words", [
    ("ssd", {"shards": 2}, "leave out ranks, or shards and slices"),
    ("ssd", {"batch_size": 2, "ranks": 3}, "3 ranks cannot share a batch of 2 images"),
    ("amnesiac", {}, "goes through the whole training again to the last bit, as one process does; leave out ranks"),
    ("ssd", {"ranks": 9}, "ranks must be a whole number from 1 to 8"),
])  # fmt: skip
def test_what_ranks_do_not_go_with_is_refused(method, recipe, words):
    request = parse_request("samples:0" if method == "amnesiac" else "class:3")
    with pytest.raises(WrongInput, match=words):
        make_spec(SHELVES, "digits", "small_cnn", request, method, {}, recipe={"ranks": 2} | recipe)


def test_ranks_want_a_gpu_each_where_there_are_gpus(monkeypatch):
    def spec():
        return make_spec(SHELVES, "digits", "small_cnn", parse_request("class:3"), "ssd", {}, recipe={"ranks": 3})

    monkeypatch.setattr(validation, "gpus", lambda: ("0", "1"))
    with pytest.raises(WrongInput, match="ranks=3 needs a GPU for each rank, and there are 2 here; choose fewer ranks, or FORGETSCOPE_DEV"):
        spec()
    monkeypatch.setenv("FORGETSCOPE_DEVICE", "cuda:1")
    with pytest.raises(WrongInput, match="FORGETSCOPE_DEVICE=cuda:1 names one"):
        spec()
    monkeypatch.setenv("FORGETSCOPE_DEVICE", "cpu")
    assert spec().recipe == {"ranks": 3}
    check_room(2, "cuda", 2)


def test_a_training_by_ranks_is_refused_where_it_begins_without_gpus_for_them(home, setup_of, monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    setup = replace(setup_of("small_cnn", 2), device="cuda")
    began = crew.over_ranks(setup.task("train", 0), setup.root, setup.splits.trained)
    with pytest.raises(WrongInput, match="ranks=2 needs a GPU for each rank, and there is 1 here"), began:
        raise AssertionError


def test_one_rank_is_the_run_that_it_always_was(setup_of):
    assert own_recipe("digits", "small_cnn", {"ranks": "1"}) == {}
    assert "ranks" not in Recipe(1, 2, 0.1).deciding
    assert Recipe(1, 2, 0.1, ranks=2).deciding["ranks"] == 2
    assert setup_of("small_cnn", 1).original_key != setup_of("small_cnn", 2).original_key


def test_a_run_with_ranks_has_cores_or_gpus_for_all_of_them():
    def spec(ranks, model="resnet18", seed=0, device="cpu"):
        own = {"ranks": ranks} if ranks > 1 else {}
        return RunSpec("digits", model, parse_request("class:3"), "ssd", {}, seed, device=device, recipe=own)

    assert [threads_of("resnet18", 8, ranks=ranks) for ranks in (1, 2, 3, 8)] == [8, 4, 2, 1]
    assert [threads_of("small_cnn", 8, ranks=ranks) for ranks in (1, 4)] == [1, 1]
    assert threads_of("resnet18", 2, ranks=8) == 1
    eight = Machine(8)
    assert [eight.threads_of(spec(ranks, "small_cnn")) for ranks in (1, 2, 5)] == [1, 2, 5]
    assert [eight.threads_of(spec(ranks)) for ranks in (1, 2, 3)] == [8, 8, 6]
    five = Running(spec(5, "small_cnn"), ON_CPU, "train")
    assert eight.room_for(spec(3, "small_cnn", 1), [five]) == ON_CPU
    assert eight.room_for(spec(4, "small_cnn", 1), [five]) is None
    assert Machine(2).room_for(spec(8), []) == ON_CPU, "alone it begins, however few cores there are"
    four = Machine(8, ("0", "1", "2", "3"))
    one, two = (Running(spec(ranks, seed=ranks, device=""), slot, "train") for ranks, slot in ((1, "gpu 1"), (2, "gpu 0,2")))
    assert four.room_for(spec(2, device="cuda"), [one]) == "gpu 0,2"
    assert four.room_for(spec(1, device=""), [one, two]) == "gpu 3"
    assert four.room_for(spec(2, device=""), [one, two]) is None
    assert gpus_in("gpu 0,2") == ["0", "2"]
    assert gpus_in(ON_CPU) == []


def test_what_ranks_took_says_nothing_about_one_process_and_memory_counts_for_each():
    def spec(**recipe):
        return RunSpec("digits", "small_cnn", parse_request("class:3"), "ssd", recipe=recipe)

    known = History()
    known.add(spec(), {"train": 10.0, "reference": 9.0}, 30.0, 1000)
    known.add(spec(ranks=2), {"train": 7.0, "reference": 6.0}, 24.0, 900)
    assert [known._training("train", one) for one in (spec(), spec(ranks=2), spec(ranks=4))] == [10.0, 7.0, None]
    assert [known.bytes(one) for one in (spec(), spec(ranks=2))] == [1000, 2000]
