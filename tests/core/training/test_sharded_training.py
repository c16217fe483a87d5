"""Networks trained by shards and slices within a run: what is kept, what goes on where it stopped, and that SISA equals the reference."""

from collections import Counter
from dataclasses import replace
import sqlite3

import pytest
import torch

from core.domain.errors import WrongInput
from core.domain.presets import preset_for
from core.domain.requests.registry import parse_request
from core.domain.run import RunSpec
from core.domain.training import sharding as limits
from core.domain.training.own_recipe import own_recipe, recipe_for
from core.domain.training.sharding import check_sharding, expected_share, note_on, share_of_many, share_of_one
from core.jobs.validation import make_spec
from core.jobs.write_catalogue import describe
from core.pipeline import Stages, original_of, planned_work, prepare, train, unlearn, whole_work
from core.storage.artifacts import Artifacts
from core.storage.runs import ResultStore
from core.training import run_setup
from core.training.cache import ArtifactCache, key_of
from core.training.run_setup import curve_of, set_up

SPEC = RunSpec("digits", "small_cnn", parse_request("samples:3,8"), "sisa", recipe={"epochs": 3, "shards": 3, "slices": 2})


class Trained:
    """A job of a home, with the cells that are trained for it, in order."""

    def __init__(self, home, monkeypatch):
        self.home, self.cells, self.fail_at = home, [], 0
        real = run_setup.train_cell

        def told(about, grid, examples, cell, *rest):
            if len(self.cells) + 1 == self.fail_at:
                raise InterruptedError
            self.cells.append(cell)
            return real(about, grid, examples, cell, *rest)

        monkeypatch.setattr(run_setup, "train_cell", told)

    def job(self, spec=SPEC):
        return prepare(spec, ArtifactCache(ResultStore(self.home.database), Artifacts(self.home.artifacts_folder)))

    def kept(self) -> Counter:
        db = sqlite3.connect(self.home.database)
        kinds = Counter(kind.partition("/")[0] for (kind,) in db.execute("select kind from kept"))
        db.close()
        return kinds


@pytest.fixture
def trained(home, monkeypatch) -> Trained:
    return Trained(home, monkeypatch)


STAGES = dict.fromkeys(("train", "reference", "precompute", "unlearn", "evaluate"), 1.0)


def both(job):
    stages = Stages(STAGES, lambda *_: None)
    original = original_of(job, stages)
    return original, train(job, "reference", job.reference_key, "reference", job.splits.retain, stages)


def test_sisa_equals_the_reference_to_the_last_bit_and_each_trains_what_it_says(trained):
    job = trained.job()
    original, reference = both(job)
    every = [(shard, stage) for shard in range(3) for stage in (1, 2)]
    assert trained.cells == every * 2, "the reference is trained as if there were no original"
    assert trained.kept() == {"original": 1, "reference": 1, "stage": 3, "curve": 2}, "all stages but the last"
    unlearned, recorded, _ = unlearn(job, original, {}, Stages(STAGES, lambda *_: None))
    found = unlearned.state_dict()
    assert found.keys() == reference.tensors.keys()
    assert all(torch.equal(found[name], tensor) for name, tensor in reference.tensors.items())
    assert not all(torch.equal(found[name], tensor) for name, tensor in original.tensors.items())
    hit = {int(job.grid.shard[row]) for row in (3, 8)}
    assert {int(row) for row in recorded["sisa/redone"].sum(1).nonzero()} == hit
    curve = curve_of(job, job.original_key)
    assert curve.shape == (sum(job.recipe.stages), 2)
    assert curve[-1, 1] > curve[0, 1]


def test_what_was_stopped_goes_on_with_the_stage_that_was_not_done(trained, tmp_path):
    whole = original_of(trained.job(), Stages(STAGES, lambda *_: None))
    other = replace(trained.job().spec, seed=1)
    trained.cells, trained.fail_at = [], 4
    with pytest.raises(InterruptedError):
        original_of(trained.job(other), Stages(STAGES, lambda *_: None))
    assert trained.cells == [(0, 1), (0, 2), (1, 1)]
    trained.cells, trained.fail_at = [], 0
    found = original_of(trained.job(other), Stages(STAGES, lambda *_: None))
    assert trained.cells == [(1, 2), (2, 1), (2, 2)]
    assert found.made_now
    assert whole.tensors.keys() == found.tensors.keys()
    assert curve_of(trained.job(other), trained.job(other).original_key).shape == (4, 2)


def test_where_a_stage_is_damaged_or_gone_the_one_before_is_trained_again(trained):
    job = trained.job(replace(SPEC, recipe={"epochs": 3, "shards": 2, "slices": 3}))
    original, reference = both(job)
    everything = torch.ones(1437, dtype=torch.bool)
    for shard in range(2):
        job.cache.store.forget_kept(job.stage_key(job.original_key, (shard, 1), everything))
        job.cache.store.forget_kept(job.stage_key(job.original_key, (shard, 2), everything))
    unlearned, recorded, _ = unlearn(job, original, {}, Stages(STAGES, lambda *_: None))
    hit = recorded["sisa/forgotten"].sum(1) > 0
    assert (recorded["sisa/redone"].sum(1)[hit] == 3).all()
    assert all(torch.equal(unlearned.state_dict()[name], tensor) for name, tensor in reference.tensors.items())


def test_a_network_by_the_preset_keeps_its_key_and_a_sharded_one_has_another(trained):
    """As `RunSetup.key` put it together before there were shards: the recipe's first eight parts."""
    plain = set_up(replace(SPEC, method="ssd", recipe={"epochs": 3}), trained.job().cache)
    recipe = {"epochs": 3, "batch_size": 64, "learning_rate": 0.1, "momentum": 0.9, "weight_decay": 5e-3, "one_cycle": True,
              "optimiser": "sgd", "augment": "none"}  # fmt: skip
    assert plain.original_key == key_of("original", plain.training, "digits", "small_cnn", recipe, 0, "cpu")
    assert trained.job().original_key != plain.original_key
    assert own_recipe("digits", "small_cnn", {"shards": "1", "slices": 1}) == {}


def test_labels_that_a_request_flips_make_stages_of_their_own(trained):
    flipped, plain = trained.job(replace(SPEC, request=parse_request("mislabelled:0.1"))), trained.job()
    everything = torch.ones(1437, dtype=torch.bool)
    assert flipped.stage_key(flipped.original_key, (0, 1), everything) != plain.stage_key(plain.original_key, (0, 1), everything)


def test_what_is_refused_is_refused_before_anything_is_trained(trained, monkeypatch):
    emptied = trained.job().grid
    rows = ",".join(str(int(row)) for row in (emptied.shard == 1).nonzero())
    with pytest.raises(WrongInput, match=r"names every image of shard 2 of 3"):
        trained.job(replace(SPEC, request=parse_request(f"samples:{rows}")))
    monkeypatch.setattr(limits, "MOST_STORED", 100_000)
    with pytest.raises(WrongInput, match=r"^3 shards of 2 slices keep 6 networks, 0\.\d GB; .* is the most, so choose fewer"):
        trained.job()
    with pytest.raises(WrongInput, match=r"needs an original that was trained by shards or slices"):
        trained.job(replace(SPEC, recipe={}))
    assert not trained.cells


@pytest.mark.parametrize("epochs, slices, fits", [(1, 1, True), (1, 2, False), (2, 2, True), (2, 3, True), (2, 4, False), (3, 4, True)])
def test_every_stage_has_an_epoch(epochs, slices, fits):
    recipe = replace(preset_for("digits", "small_cnn").recipe, epochs=epochs, slices=slices)
    assert all(recipe.stages) == fits
    if not fits:
        with pytest.raises(WrongInput, match=f"choose {slices // 2 + 1} epochs or more"):
            check_sharding(recipe, 1000)


def test_more_cells_than_images_are_refused():
    recipe = replace(preset_for("digits", "small_cnn").recipe, shards=20, slices=10)
    with pytest.raises(WrongInput, match="need 200 training images, and there are 199"):
        check_sharding(recipe, 199)


def test_stages_have_the_epochs_of_the_authors_code():
    """R = 5, E = 20: a = 20/3; floor(6.67), then up to 13, 20, 26 and 33."""
    recipe = replace(preset_for("digits", "small_cnn").recipe, epochs=20, slices=5)
    assert recipe.stages == (6, 7, 7, 6, 7)
    assert recipe.passes == pytest.approx((6 + 14 + 21 + 24 + 35) / 5)
    assert replace(recipe, slices=1).stages == (20,)


def test_what_requests_cost_by_the_formulas():
    recipe = replace(preset_for("digits", "small_cnn").recipe, epochs=6, slices=3, shards=4)
    assert recipe.stages == (3, 3, 3)
    assert expected_share(recipe, 1) == pytest.approx(share_of_one(4, 3)) == pytest.approx(7 / 36)
    assert share_of_many(20, 20) == pytest.approx(0.6415, abs=1e-4)
    assert expected_share(replace(recipe, slices=1), 7) == pytest.approx(share_of_many(4, 7))
    by_hand = sum(stage * (1 - (1 - stage / 12) ** 5) for stage in (1, 2, 3)) / 6
    assert expected_share(recipe, 5) == pytest.approx(by_hand)
    assert note_on(recipe, 1, by_class=False) == ""
    assert note_on(recipe, 147, by_class=True) == (
        "SISA saves little here: a class has images in every shard, so that about 100 % of training is done again."
    )
    assert "147 images lie in nearly every shard" in note_on(recipe, 147, by_class=False)


def test_work_is_counted_in_passes_of_one_member(trained):
    job = trained.job()
    work = planned_work(job)
    assert work["train"] == pytest.approx(1437 * (2 + 2 * 2) / 2)
    ensemble = whole_work(job.method, [], job.recipe, (1437, 2, 360), 1000)
    single = whole_work(job.method, [], recipe_for(replace(SPEC, recipe={"epochs": 3})), (1437, 2, 360), 1000)
    assert ensemble["evaluate"] == 3 * single["evaluate"]
    assert ensemble["unlearn"] < single["unlearn"]


def test_weights_of_ones_own_are_no_network_of_shards():
    shelves, request = describe(), parse_request("samples:3,8")
    with pytest.raises(WrongInput, match="leave out shards and slices"):
        make_spec(shelves, "digits", "small_cnn", request, "ssd", {}, weights="a" * 64, recipe={"shards": 3})
    assert make_spec(shelves, "digits", "small_cnn", request, "sisa", {}, recipe={"slices": 3}).recipe == {"slices": 3}
