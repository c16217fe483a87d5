"""A whole search of SSD on digits: stopped and gone on with, blind without test images or reference, and trials that go wrong."""

from dataclasses import replace
from functools import cache

import pytest
import torch

from core.data import registry
from core.data.dataset import Examples
from core.domain.errors import WrongInput
from core.domain.hyperparameters import params_of
from core.domain.requests.registry import parse_request
from core.domain.run import RunSpec
from core.methods.registry import METHODS
from core.pipeline import Stages, precompute, unlearn
from core.storage.home import open_home
from core.storage.runs import ResultStore
from core.training import run_setup
from core.training.loop import Diverged
from core.tuning import journal, search
from core.tuning.networks import BlindJob, networks_of
from core.tuning.objectives import BLIND, ORACLE
from core.tuning.plan import Budget
from core.tuning.ranges import Range
from tests.core.tuning.searched import plan


def silent(*_):
    """No progress."""


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A home in which both kinds of original and the reference of seed 10 are trained once."""
    home = open_home(tmp_path_factory.mktemp("searches") / "home")
    searched(home, plan(trials=8))
    searched(home, plan(ORACLE, trials=2))
    return home


def searched(home, wanted):
    journal.begin(home, wanted)
    search.search(home, wanted.id, silent)
    return journal.read(home, wanted.id)


def numbers(found):
    """All of a search but its seconds."""
    return [(t.number, dict(t.tried), t.state, dict(t.values), dict(t.told)) for t in found.trials]


def anew(home, wanted):
    journal.remove(home, wanted.id)
    return searched(home, wanted)


def test_the_first_trial_is_the_preset_and_all_are_measured(place):
    found = journal.read(place, plan().id)
    assert (len(found.trials), found.complete, found.trials[0].tried) == (8, True, {"alpha": 4.2, "lambda": 1.0})
    assert all(t.state == "done" and 0 < t.seconds < t.took for t in found.trials)
    assert found.trials[0].values["forgetting"] < 0.2
    assert found.trials[0].values["retained"] > 0.9
    assert found.prepared["original"] > 0
    assert found.importances["forgetting"].keys() == {"alpha", "lambda"}
    assert found.front


def test_a_search_in_three_goes_makes_the_trials_of_one_go(place):
    whole = journal.read(place, plan().id)
    journal.remove(place, plan().id)
    for trials in (3, 5):
        assert len(searched(place, plan(trials=trials)).trials) == trials
    path = journal.file_of(place, plan().id)
    path.write_bytes(path.read_bytes()[:-9])  # a process that was ended in the middle of its last line
    assert numbers(searched(place, plan(trials=8))) == numbers(whole)


class Unavailable(torch.Tensor):
    """Images that may not be looked at: only their size is known."""

    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        if func.__name__ in ("__get__", "size"):  # shape, device
            return super().__torch_function__(func, types, args, kwargs or {})
        raise PermissionError(f"a test image was touched by {func}")


def test_blind_gives_the_same_numbers_where_no_test_image_and_no_reference_is_to_be_had(place, monkeypatch):
    whole, real = journal.read(place, plan().id), run_setup.load_dataset

    def without_test(*asked):
        dataset = real(*asked)
        images = dataset.test.stored.clone().as_subclass(Unavailable)
        return replace(dataset, test=Examples(images, torch.zeros_like(dataset.test.labels), dataset.test.peak))

    def no_reference(*_):
        raise PermissionError("a reference was asked for")

    monkeypatch.setattr(run_setup, "load_dataset", without_test)
    monkeypatch.setattr("core.tuning.measures.train", no_reference)
    assert numbers(anew(place, plan(trials=8))) == numbers(whole)
    with pytest.raises(PermissionError, match=r"touched|asked for"):
        anew(place, plan(ORACLE, trials=2))
    monkeypatch.undo()
    assert len(searched(place, plan(ORACLE, trials=2)).trials) == 2


def networks(home, store, spec, mode):
    return networks_of(home, store, spec, mode, silent)


def test_a_blind_job_has_no_test_image_and_no_reference_and_its_original_never_saw_the_validation_part(place):
    with ResultStore(place.database) as store:
        job = networks(place, store, replace(plan().spec, seed=10), BLIND).job
        open_job = networks(place, store, replace(plan().spec, seed=10), ORACLE).job
    assert isinstance(job, BlindJob)
    assert (len(job.splits.test), len(job.splits.test_retain), len(job.splits.test_forget)) == (0, 0, 0)
    with pytest.raises(PermissionError):
        _ = job.reference_key
    held_out, left = set(job.held_out.rows.tolist()), set(job.splits.train.rows.tolist())
    assert not held_out & left
    assert len(held_out) + len(left) == len(open_job.splits.train)
    assert len(held_out) == int(0.2 * len(open_job.splits.retain))
    assert 3 not in job.held_out.labels
    assert len(job.splits.forget) == len(open_job.splits.forget)
    assert job.original_key != open_job.original_key
    assert job.statistic_key("s") != open_job.statistic_key("s")


def test_the_oracle_s_distances_are_those_to_the_reference(place):
    trial = journal.read(place, plan(ORACLE).id).trials[0]
    told = trial.told
    assert trial.values["forgetting"] == abs(told["forget accuracy"] - told["reference's forget accuracy"])
    assert trial.values["retained"] == abs(told["retain accuracy"] - told["reference's retain accuracy"])
    assert told["reference's forget accuracy"] == 0.0
    assert told["reference's retain accuracy"] > 0.9


SMALL = {"epochs": 1, "steps": 3, "noise_count": 4, "noise_steps": 2, "copies": 2, "max_epochs": 1, "images": 20, "iterations": 3}


@cache
def small_params(key):
    declared = params_of(METHODS[key]).values()
    return {p.name: SMALL.get(p.name, p.default) for p in declared} | {"settings": "given"}


@pytest.mark.parametrize("key, tried", [
    ("aru", {"share": 0.3}), ("salun", {"learning_rate": 0.01}), ("fisher_forgetting", {"noise": 1e-7}), ("influence", {"alpha": 0.5}),
    ("unsir", {"impair_rate": 0.01}), ("gradient_ascent", {"learning_rate": 0.002}),
])  # fmt: skip
def test_what_a_tuned_setting_does_not_change_is_computed_once_and_every_network_is_that_of_a_run(place, key, tried):
    spec = RunSpec("digits", "small_cnn", parse_request("class:3"), key, small_params(key), 10)
    with ResultStore(place.database) as store:
        ours = networks(place, store, spec, ORACLE)
        quick = []
        for params in (small_params(key), small_params(key) | tried):
            quick.append(ours.unlearned(params)[0].state_dict())
        firsts = len(ours.firsts.entries)
        for params, found in zip((small_params(key), small_params(key) | tried), quick, strict=True):
            alone = networks(place, store, replace(spec, params=params), ORACLE)
            stages = Stages({"precompute": 1.0, "unlearn": 1.0}, silent)
            model, _, _ = unlearn(alone.job, alone.original, precompute(alone.job, alone.original, stages), stages)
            assert all(torch.equal(theta, found[name]) for name, theta in model.state_dict().items())
    assert firsts == 1


def test_what_goes_wrong_in_a_trial_is_its_state_and_the_search_goes_on(place, monkeypatch):
    wanted = plan(trials=5, draw=7)
    real, made = search.mean_over, []
    errors = {1: Diverged("The loss became nan."), 2: RuntimeError("the matrix\nis singular"), 3: WrongInput("No such thing.")}

    def sometimes(*asked):
        made.append(1)
        if error := errors.get(len(made) - 1):
            raise error
        return real(*asked)

    monkeypatch.setattr(search, "mean_over", sometimes)
    found = searched(place, wanted)
    assert [t.state for t in found.trials] == ["done", "diverged", "failed", "failed", "done"]
    assert [t.why for t in found.trials[1:4]] == ["The loss became nan.", "RuntimeError: the matrix is singular", "No such thing."]
    assert found.done.keys() == {0, 4}


def test_a_search_whose_first_trials_all_fail_ends_with_the_reason(place, monkeypatch):
    def never(*_):
        raise WrongInput("Nothing fits.")

    monkeypatch.setattr(search, "mean_over", never)
    with pytest.raises(WrongInput, match=r"first 10 trials all failed.*Nothing fits"):
        searched(place, plan(trials=30, draw=8))


def test_an_objective_that_cannot_be_measured_is_a_sentence_and_a_retain_set_too_small_to_hold_out_too(place):
    few = replace(plan().spec, request=parse_request("samples:1,2,3"))
    found = searched(place, plan(trials=1, spec=few, seeds=(10,)))
    assert "needs ten forgotten" in found.trials[0].why
    nearly_all = replace(plan().spec, request=parse_request("random:1400"))
    with pytest.raises(WrongInput, match="50 images in the retain set"):
        searched(place, plan(trials=1, spec=nearly_all))


def test_a_method_that_searches_by_itself_is_the_first_trial_as_it_is_and_is_told_to_no_sampler(place):
    auto = replace(plan().spec, params={**plan().spec.params, "settings": "auto"})
    found = searched(place, plan(trials=2, spec=auto))
    assert (found.trials[0].tried, found.trials[0].state) == ({}, "done")
    assert found.trials[1].tried.keys() == {"alpha", "lambda"}


def test_choices_that_need_another_statistic_and_seconds_are_searched_too(place):
    ranges = (Range("importance", choices=("per_sample", "batch")), Range("alpha", 0.42, 42.0, log=True))
    found = searched(place, plan(trials=5, ranges=ranges, objectives=("forgetting", "retained", "seconds")))
    assert {t.tried["importance"] for t in found.trials} == {"per_sample", "batch"}
    assert all(t.values["seconds"] == t.seconds for t in found.trials)
    assert Budget(5).spent(len(found.trials), 0.0)


@pytest.mark.parametrize("mode", [BLIND, ORACLE])
def test_single_images_are_to_be_recognised_as_others_like_them(place, mode):
    settings = {"epochs": 1, "learning_rate": 0.02, "batch_size": 64}
    finetune = RunSpec("digits", "small_cnn", parse_request("random:100"), "finetune", settings)
    found = searched(place, plan(mode, trials=1, spec=finetune, ranges=(Range("learning_rate", 0.01, 0.1),)))
    trial, other = found.trials[0], "validation accuracy" if mode == BLIND else "reference's forget accuracy"
    assert trial.values["forgetting"] == pytest.approx(abs(trial.told["forget accuracy"] - trial.told[other]))
    assert trial.told["forget accuracy"] > 0.9  # it was trained on


def test_a_trial_whose_statistics_need_too_much_memory_fails_with_a_run_s_own_sentence(place, monkeypatch):
    monkeypatch.setattr("core.training.precomputed.MOST_BYTES", 1000)
    ssse = RunSpec("digits", "small_cnn", parse_request("class:3"), "ssse", small_params("ssse") | {"scope": "classifier"})
    with pytest.raises(WrongInput, match="would take about"):
        searched(place, plan(trials=1, spec=ssse, ranges=(Range("damping", 0.01, 1.0),)))
    monkeypatch.setattr("core.tuning.networks.prepare", without_check(monkeypatch))
    found = searched(place, plan(trials=1, spec=ssse, ranges=(Range("damping", 0.01, 1.0),)))
    assert "would take about" in found.trials[0].why


def without_check(monkeypatch):
    """`prepare`, for a spec whose own statistics are small: only a trial's are too large."""
    from core.pipeline import prepare
    from core.training import precomputed

    def small(*asked):
        monkeypatch.setattr(precomputed, "MOST_BYTES", 2**33)
        job = prepare(*asked)
        monkeypatch.setattr(precomputed, "MOST_BYTES", 1000)
        return job

    return small


def test_the_dataset_that_the_tests_take_is_the_shelf_s():
    assert run_setup.load_dataset is registry.load_dataset
