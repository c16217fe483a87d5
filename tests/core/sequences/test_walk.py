"""A short sequence on digits for real: its first step is an ordinary run, each step is what its definition says, and it can be stopped."""

from dataclasses import asdict, replace

import pytest
import torch

from core.data.registry import load_dataset
from core.domain.errors import WrongInput
from core.domain.requests.registry import parse_request
from core.domain.requests.samples import SamplesRequest
from core.methods.baselines.finetune import Finetune
from core.pipeline import prepare, run
from core.sequences import journal, walk
from core.sequences.journal import DIVERGED, DONE, WHOLE
from core.sequences.plan import SequencePlan
from core.sequences.requests import StepJob, named
from core.storage.artifacts import Artifacts
from core.storage.home import open_home
from core.storage.runs import ResultStore
from core.training.cache import ArtifactCache
from core.training.loop import Diverged
from core.training.run_setup import restore
from tests.core.sequences.planted import PARAMS, classes, parts, spec


def silent(*_):
    """No progress."""


def walked(home, plan):
    journal.begin(home, plan)
    walk.walk(home, plan.id, silent)
    return journal.read(home, plan.id)


def numbers(found):
    """All of a sequence but its seconds."""
    return [{**asdict(step), "seconds": sorted(step.seconds)} for step in found.steps]


THREE = replace(classes(1, 3, 5), whole=spec(parse_request("classes:1,3,5")))


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A home with one sequence: three classes, seed 0."""
    home = open_home(tmp_path_factory.mktemp("sequences") / "home")
    walked(home, THREE)
    return home


@pytest.fixture(scope="module")
def found(place):
    return journal.read(place, THREE.id)


@pytest.fixture(scope="module")
def digits():
    return load_dataset("digits")


def measured(home, wanted):
    return {(m.metric, m.model): m.value for m in run(wanted, home, silent).measurements}


def test_the_first_step_is_the_ordinary_run_of_its_request(place, found):
    numbers, step = measured(place, THREE.specs[0]), found.steps[0]
    names = {"train_forget_accuracy": "request", "train_retain_accuracy": "retain", "test_retain_accuracy": "test",
             "test_forget_accuracy": "gone"}  # fmt: skip
    for metric, name in names.items():
        for network in ("unlearned", "original", "reference"):
            assert step.accuracies[network][name] == pytest.approx(numbers[metric, network], abs=1e-12)
    assert step.accuracies["before"] == step.accuracies["original"]


def test_all_in_one_is_the_ordinary_run_of_that_request(place, found):
    numbers, step = measured(place, THREE.whole), found.steps[-1]
    assert step.number == WHOLE
    assert step.accuracies["unlearned"]["test"] == pytest.approx(numbers["test_retain_accuracy", "unlearned"], abs=1e-12)
    assert step.accuracies["unlearned"]["request"] == pytest.approx(numbers["train_forget_accuracy", "unlearned"], abs=1e-12)
    last = found.steps[2].accuracies["reference"]  # the same network, and the same images but for those of earlier requests
    assert step.accuracies["reference"] == {name: value for name, value in last.items() if name != "earlier"}


def test_each_step_begins_where_the_one_before_it_ended_on_what_that_left_of_the_data(found, digits):
    counts = [int((digits.train.labels == index).sum()) for index in (1, 3, 5)]
    assert [(step.number, step.state, step.images) for step in found.steps] == [
        *((n, DONE, count) for n, count in enumerate(counts, 1)), (WHOLE, DONE, sum(counts)),
    ]  # fmt: skip
    first, second, third, _ = found.steps
    assert second.accuracies["before"]["earlier"] == first.accuracies["unlearned"]["request"]
    assert third.accuracies["before"]["gone"] != third.accuracies["original"]["gone"]
    weighted = sum(count * second.accuracies["unlearned"][name] for count, name in zip(counts[:2], ("earlier", "request"), strict=True))
    assert weighted / sum(counts[:2]) == pytest.approx(third.accuracies["before"]["earlier"])
    assert "earlier" not in first.accuracies["unlearned"]
    assert all(step.seconds.keys() == {"statistics", "unlearn", "retrain"} and min(step.seconds.values()) > 0 for step in found.steps)


def test_the_retrained_network_is_that_of_a_run_that_asks_for_all_so_far_in_one(place, found):
    numbers = measured(place, replace(THREE.specs[0], request=parse_request("classes:1,3"), method="original", params={}))
    ours = found.steps[1].accuracies["reference"]
    assert ours["test"] == pytest.approx(numbers["test_retain_accuracy", "reference"], abs=1e-12)
    assert ours["retain"] == pytest.approx(numbers["train_retain_accuracy", "reference"], abs=1e-12)
    with ResultStore(place.database) as store:
        assert len(store.db.read("select 1 from kept where kind = 'reference'")) == 3  # shared, not trained again


def test_a_sequence_in_many_goes_makes_the_steps_of_one_go(place, found, monkeypatch):
    whole = numbers(found)
    journal.files(place).remove(THREE.id)
    real = journal.add_step

    def then_killed(home, sequence_id, step):
        real(home, sequence_id, step)
        raise KeyboardInterrupt

    for number in (1, 2):
        monkeypatch.setattr(journal, "add_step", then_killed)
        with pytest.raises(KeyboardInterrupt):
            walked(place, THREE)
        assert len(journal.read(place, THREE.id).steps) == number
    monkeypatch.undo()
    with ResultStore(place.database) as store:  # the network of step 2 is lost, and is made again
        store.forget_kept(journal.network_key(THREE.id, 0, 2))
    assert numbers(walked(place, THREE)) == whole
    with ResultStore(place.database) as store:
        assert store.db.read("select 1 from kept where kind = 'sequence'") == []


@pytest.fixture(scope="module")
def walking(place):
    """The walk of the sequence's seed, and the jobs of its requests."""
    with ResultStore(place.database) as store:
        one = walk.Walk.of(place, ArtifactCache(store, Artifacts(place.artifacts_folder)), THREE, 0, silent)
        yield one, [one.job(number) for number in (1, 2, 3)]


def test_what_was_forgotten_has_left_the_data_that_the_method_sees_and_its_draws_are_its_own(walking, digits):
    first, second, third = walking[1]
    assert not isinstance(first, StepJob)
    assert [sorted(set(job.splits.train.labels.tolist())) for job in (second, third)] == [[0, *range(2, 10)], [0, 2, *range(4, 10)]]
    assert set(third.splits.forget.labels.tolist()) == {5}
    assert set(third.splits.retain.labels.tolist()) == {0, 2, 4, 6, 7, 8, 9}
    assert set(third.splits.test.labels.tolist()) == {0, 2, *range(4, 10)}
    assert third.splits.forget_share == pytest.approx(int((digits.train.labels == 5).sum()) / len(third.splits.train))
    seeds = [job.context("unlearn", silent, {}).seed for job in (first, second, third)]
    assert len(set(seeds)) == 3
    assert seeds[0] == prepare(THREE.specs[0], first.cache).context("unlearn", silent, {}).seed


def test_statistics_are_of_the_network_and_the_data_as_they_are_then(walking):
    one, (_, second, _) = walking
    statistic = second.method.statistics(second.spec.request)[0]
    left, _ = one.unlearned(one.job(1), 1, silent)
    seen = {}
    real = type(statistic).compute

    def compute(self, model, examples, context):
        seen[len(examples)] = {name: theta.clone() for name, theta in model.state_dict().items()}
        return real(self, model, examples, context)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(statistic), "compute", compute)
        patch.setattr(one, "network", lambda *_: left)
        one.unlearned(second, 2, silent)
    assert all(torch.equal(theta, left[name]) for name, theta in seen[len(second.splits.train)].items())


def test_the_parts_of_a_draw_never_overlap_and_the_first_is_what_an_ordinary_run_forgets(digits):
    plan = parts(10)
    for seed in (0, 3):
        found = named(plan, digits, seed)
        assert found.train.sum(1).tolist() == [14] * 10
        assert int(found.train.any(0).sum()) == 140
        request = plan.of_seed(plan.spec, seed).request
        order = torch.randperm(len(digits.train), generator=torch.Generator().manual_seed(seed))
        assert request.seed == seed
        assert found.train[0].nonzero().flatten().tolist() == sorted(order[:14].tolist())
        assert found.train.any(0).nonzero().flatten().tolist() == sorted(order[:140].tolist())
    assert torch.equal(named(replace(plan, own_draws=False), digits, 3).train, named(plan, digits, 0).train)


def test_requests_that_share_images_are_refused_with_how_many(digits):
    wanted = int((digits.train.labels == 3).nonzero()[0])
    plan = SequencePlan((spec(parse_request("class:3")), spec(SamplesRequest((wanted,)))), seeds=(0,))
    with pytest.raises(WrongInput, match="Requests 1 and 2 of the sequence share 1 training image, and"):
        named(plan, digits, 0)
    all_of_them = SequencePlan(tuple(spec(parse_request(f"class:{index}")) for index in range(10)), seeds=(0,))
    with pytest.raises(WrongInput, match="every training image together"):
        named(all_of_them, digits, 0)


def test_auto_searches_on_the_network_that_each_request_finds_and_its_seconds_count(place):
    auto = spec(parse_request("class:1"), params=PARAMS | {"settings": "auto"})
    plan = SequencePlan((auto, replace(auto, request=parse_request("class:3"))), seeds=(0,), retrain=False)
    given, searched = journal.read(place, THREE.id).steps[:2], walked(place, plan).steps
    assert [step.accuracies["unlearned"]["request"] <= 0.02 for step in searched] == [True, True]
    assert all(one.seconds["unlearn"] > other.seconds["unlearn"] for one, other in zip(searched, given, strict=True))
    assert searched[0].seconds.keys() == {"statistics", "unlearn"}
    assert (searched[0].agreement, "reference" in searched[0].accuracies) == (None, False)


def test_a_method_that_diverges_ends_its_seed_and_no_other(place, monkeypatch):
    plan = SequencePlan(tuple(spec(parse_request(f"class:{index}"), "finetune", {"epochs": 1, "learning_rate": 0.01, "batch_size": 64})
                              for index in (1, 3, 5)), seeds=(0, 1), retrain=False)  # fmt: skip
    real, called = Finetune.unlearn, []

    def sometimes(self, model, splits, context):
        called.append(1)
        if len(called) == 2:
            raise Diverged("The loss\nbecame nan.")
        return real(self, model, splits, context)

    monkeypatch.setattr(Finetune, "unlearn", sometimes)
    found = walked(place, plan)
    assert [(step.seed, step.number, step.state) for step in found.steps] == [
        (0, 1, DONE), (0, 2, DIVERGED), (1, 1, DONE), (1, 2, DONE), (1, 3, DONE),
    ]  # fmt: skip
    assert found.steps[1].why == "The loss became nan."
    assert found.complete


def test_moved_is_the_length_of_the_change_over_the_length_before(walking):
    one, (first, *_) = walking
    before = one.original.tensors
    after = {name: theta * 1.25 if theta.is_floating_point() else theta + 1 for name, theta in before.items()}
    assert walk.moved(before, after) == pytest.approx(0.25)
    assert walk.moved(before, before) == 0.0
    assert restore(first, after).training is False


def test_two_processes_do_not_compute_the_same_sequence(place, found, monkeypatch):
    from filelock import FileLock, Timeout

    def never(*_args, **_kwargs):
        raise Timeout("taken")

    monkeypatch.setattr(FileLock, "acquire", never)
    with pytest.raises(WrongInput, match="computed by another process"):
        walk.walk(place, found.id, silent)
