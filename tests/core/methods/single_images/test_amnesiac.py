"""Amnesiac unlearning: the log against steps of training written out by hand, and what it must refuse."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from core.domain.errors import WrongInput
from core.domain.requests.registry import parse_request
from core.domain.run import Recipe
from core.jobs.catalogue import catalogue
from core.jobs.validation import make_spec
from core.methods.single_images import amnesiac
from core.methods.single_images.amnesiac import Amnesiac, TrainingLog, forgotten, hits
from core.pipeline import run as run_whole
from core.storage.artifacts import Artifacts
from core.training.loop import fit
from tests.tiny import ONE_OF_EACH, Tiny, near_weights, same_weights

PLAIN = Recipe(epochs=1, batch_size=16, learning_rate=0.1, momentum=0.0, weight_decay=0.0, one_cycle=False)
ONE = "samples:5"


def original(tiny: Tiny):
    return fit(tiny.context(seed=0).fresh_model(), tiny.dataset.train, tiny.recipe, tiny.context(seed=0))


def log_of(tiny: Tiny, request: str = ONE, strict: bool = False) -> dict[str, torch.Tensor]:
    return TrainingLog(parse_request(request), strict).compute(original(tiny), tiny.dataset.train, tiny.context(seed=0))


def taken_back(tiny: Tiny, request: str, epochs: int = 0):
    """(the network, what is recorded)"""
    method, log = Amnesiac(every_batch="subtract", epochs=epochs, batch_size=16), log_of(tiny, request)
    run = tiny.context(seed=4, statistics={method.statistics(parse_request(request))[0].key: log})
    return method.unlearn(original(tiny), tiny.splits(request).only(method.uses), run), run.recorded


def test_without_momentum_the_one_step_that_saw_the_image_is_its_gradient_times_the_rate(tiny):
    """An epoch of 8 batches of 16: the image with index 5 is in one. Before it weights are as plain SGD leaves them."""
    plain = Tiny(tiny.dataset, PLAIN)
    model, train = plain.context(seed=0).fresh_model().train(), tiny.dataset.train
    order = torch.randperm(120, generator=torch.Generator().manual_seed(0)).split(16)
    for batch in order:
        model.zero_grad()
        F.cross_entropy(model(train.pixels()[batch]), train.labels[batch]).backward()
        if 5 in batch.tolist():
            wanted = {name: -0.1 * p.grad for name, p in model.named_parameters()}
        with torch.no_grad():
            for p in model.parameters():
                p.sub_(0.1 * p.grad)
    log = log_of(plain)
    assert log["hit"].tolist() == [int(5 in batch.tolist()) for batch in order]
    for name, change in wanted.items():
        assert torch.allclose(log[f"change/{name}"], change, rtol=1e-3, atol=1e-5)
    length = sum(float(change.double().square().sum()) for change in wanted.values()) ** 0.5
    assert log["lengths"].tolist() == pytest.approx([length], rel=1e-3)
    after, before = taken_back(plain, ONE)[0].state_dict(), original(plain).state_dict()
    for name, change in wanted.items():
        assert torch.allclose(after[name], before[name] - change, rtol=1e-3, atol=2e-5)


def test_all_steps_taken_back_leave_the_network_as_it_was_before_training_but_for_running_statistics(tiny):
    """A third of the images in batches of 16: every batch is hit."""
    after, recorded = taken_back(tiny, "class:2")
    fresh, trained = tiny.context(seed=0).fresh_model(), original(tiny)
    assert recorded["amnesiac/hit"].tolist() == [1] * 24
    assert recorded["amnesiac/way_back"].item() == pytest.approx(1.0, abs=1e-4)
    for name, p in after.named_parameters():
        assert torch.allclose(p, dict(fresh.named_parameters())[name], atol=1e-5)
    buffers = dict(trained.named_buffers())
    assert buffers
    assert all(torch.equal(tensor, buffers[name]) for name, tensor in after.named_buffers())


def test_where_no_batch_was_hit_nothing_is_taken_back(tiny, monkeypatch):
    monkeypatch.setattr(amnesiac, "forgotten", lambda request, examples: torch.zeros(len(examples), dtype=torch.bool))
    after, recorded = taken_back(tiny, ONE)
    assert same_weights(after, original(tiny))
    assert len(recorded["amnesiac/lengths"]) == 0
    assert recorded["amnesiac/way_back"].item() == 0
    assert recorded["amnesiac/log_bytes"].item() == 0


def test_a_log_of_every_step_would_take_as_many_weights_as_there_are_for_each_hit(tiny):
    """One image, three epochs: three hits."""
    _, recorded = taken_back(tiny, ONE)
    assert len(recorded["amnesiac/lengths"]) == recorded["amnesiac/hit"].sum() == 3
    assert recorded["amnesiac/log_bytes"].item() == 3 * 4 * sum(p.numel() for p in original(tiny).parameters())
    assert 0 < recorded["amnesiac/way_back"].item() < 1


def test_healing_is_sgd_with_plain_momentum_on_the_retain_set(tiny):
    start, _ = taken_back(tiny, ONE)
    splits, generator = tiny.splits(ONE), torch.Generator().manual_seed(4)
    x, y = splits.retain.pixels(), splits.retain.labels
    optimiser = torch.optim.SGD(start.train().parameters(), lr=0.01, momentum=0.9, weight_decay=5e-4)
    for _ in range(2):
        for batch in torch.randperm(119, generator=generator).split(16):
            optimiser.zero_grad()
            F.cross_entropy(start(x[batch]), y[batch]).backward()
            optimiser.step()
    after, recorded = taken_back(tiny, ONE, epochs=2)
    assert near_weights(after, start)
    assert len(recorded["amnesiac/healing"]) == 4  # before, without the steps, after each epoch


@pytest.mark.parametrize("recipe", [
    Recipe(epochs=2, batch_size=32, learning_rate=0.002, weight_decay=0.05, optimiser="adamw"),
    Recipe(epochs=2, batch_size=17, learning_rate=0.05, augment="crop"),  # a last batch of one image, which is left out
], ids=["adamw", "crop"])  # fmt: skip
def test_a_recipe_of_ones_own_is_replayed_to_the_bit(tiny, recipe):
    """It raises where one weight differs."""
    log = log_of(Tiny(tiny.dataset, recipe))
    places = tiny.dataset.train.relabelled(torch.arange(120))
    generator = torch.Generator().manual_seed(0)
    wanted = [5 in found.tolist() for _ in range(2) for _, found in places.batches(recipe.batch_size, generator, recipe.augment)
              if len(found) > 1]  # fmt: skip
    assert log["hit"].tolist() == wanted
    assert 1 <= sum(wanted) <= 2


def test_another_network_than_the_one_that_training_ends_at_has_no_log(tiny):
    other = original(tiny)
    with torch.no_grad():
        next(other.parameters()).view(-1)[0] += 1e-7
    log = TrainingLog(parse_request(ONE))
    with pytest.raises(WrongInput, match=r"ended at other weights.+trained on this machine, by this version\.$"):
        log.compute(other, tiny.dataset.train, tiny.context(seed=0))
    with pytest.raises(WrongInput, match="other weights"):
        log.compute(original(tiny), tiny.dataset.train, tiny.context(seed=1))


def test_where_nearly_every_batch_was_hit_it_refuses_before_it_trains_unless_that_is_asked_for(tiny, monkeypatch):
    monkeypatch.setattr(amnesiac, "fit", lambda *_, **__: pytest.fail("nothing is to be trained"))
    with pytest.raises(WrongInput, match=r"in 24 of the 24 batches of training.+every_batch = subtract to see that\.$"):
        log_of(tiny, "class:2", strict=True)
    assert Amnesiac().statistics(parse_request("class:2")) == (TrainingLog(parse_request("class:2"), True),)
    assert not Amnesiac(every_batch="subtract").statistics(parse_request("class:2"))[0].strict


@pytest.mark.parametrize("kind", sorted(Amnesiac.kinds - {"published", "selected"}))
def test_it_knows_which_images_a_request_names_of_all_and_of_a_part_of_them(kind, tiny):
    request = parse_request(ONE_OF_EACH[kind])
    splits = tiny.splits(ONE_OF_EACH[kind])
    assert torch.equal(forgotten(request, splits.train), splits.forgotten)
    part = torch.arange(120) % 4 != 1
    assert torch.equal(forgotten(request, splits.train.subset(part)), splits.forgotten[part])


def test_hits_are_counted_in_the_order_of_training_without_a_batch_of_one(tiny):
    """120 = 7 x 17 + 1."""
    gone = torch.arange(120) == 5
    found = list(hits(tiny.dataset.train, gone, Recipe(epochs=3, batch_size=17, learning_rate=0.1), 0))
    assert len(found) == 21
    assert 2 <= sum(found) <= 3


def test_the_seed_of_the_original_is_the_one_that_the_context_names(tiny):
    model, statistic = original(tiny), TrainingLog(parse_request(ONE))
    said = tiny.context(seed=7, original_seed=0)
    assert torch.equal(statistic.compute(model, tiny.dataset.train, said)["hit"],
                       statistic.compute(model, tiny.dataset.train, tiny.context(seed=0))["hit"])  # fmt: skip
    with pytest.raises(WrongInput, match="ended at other weights"):
        statistic.compute(model, tiny.dataset.train, tiny.context(seed=7))


def test_a_run_replays_its_own_original(home):
    """By its seed and a recipe of its own; the sum is stored for the next run."""
    shelves = catalogue(home.root)
    spec = make_spec(shelves, "digits", "small_cnn", parse_request("samples:5,9"), "amnesiac", {"epochs": 1}, seed=3, reference=False,
                     recipe={"epochs": 2})  # fmt: skip
    first, second = (run_whole(replace(spec, params={**spec.params, "epochs": e}), home, lambda *_: None) for e in (1, 2))
    assert first.seconds["precompute"] > 0 == second.seconds["precompute"]
    recorded = Artifacts(home.artifacts_folder).get_arrays(first.artifacts["recorded"])
    assert len(recorded["amnesiac/hit"]) == 2 * 23
    assert 2 <= recorded["amnesiac/hit"].sum() <= 4


def test_weights_that_were_trained_elsewhere_have_no_log(tmp_path: Path):
    with pytest.raises(WrongInput, match=r"^Amnesiac unlearning needs a log of the original's training, and there is none of weights"):
        make_spec(catalogue(tmp_path), "digits", "small_cnn", parse_request(ONE), "amnesiac", {}, weights="0" * 64, weights_as="file")


def test_a_search_takes_a_third_of_the_epochs_of_training_at_a_share_of_its_rate(tiny):
    rungs = Amnesiac(settings="auto").rungs(replace(tiny.recipe, epochs=20, learning_rate=0.1))
    assert [rung["learning_rate"] for rung in rungs] == [0.01, 0.02, 0.05, 0.1]
    assert {rung["epochs"] for rung in rungs} == {7}


def test_its_passes_are_healing_and_what_is_looked_at(grey):
    assert Amnesiac(epochs=2).passes(900, 100, grey.recipe) == pytest.approx(2 * 800 + 4 * 500 / 3)
