"""A validation share: no network is trained on it, nothing is measured on it, and training stops by it."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn
import torch.nn.functional as F

from core import pipeline
from core.analysis.features.sampling import drawn
from core.analysis.finished_run import open_models
from core.analysis.saliency.gallery import gallery
from core.analysis.saliency.image_request import saliency_place
from core.data.dataset import Examples
from core.data.registry import load_dataset
from core.data.splits import held_out, split
from core.domain.best_epoch import best_epoch
from core.domain.errors import WrongInput
from core.domain.evaluation import Evaluation
from core.domain.info import held_of
from core.domain.requests.published import NamedSet
from core.domain.requests.registry import parse_request
from core.domain.requests.samples import SamplesRequest
from core.domain.run import Recipe, RunStatus
from core.domain.training.validation_share import check_validation
from core.jobs.validation import make_spec
from core.jobs.write_catalogue import describe
from core.metrics.base import Evidence, rows_of
from core.metrics.evaluated_images import evaluated_rows
from core.reports.early_stopping import kept_epochs, stopping_words
from core.reports.run_report import full_report
from core.storage.artifacts import Artifacts
from core.storage.durations import History
from core.storage.home import open_home
from core.storage.processes import ProcessId
from core.storage.queues.live_curves import LiveCurves, read
from core.storage.runs import ResultStore
from core.training.cache import ArtifactCache, to_tensors
from core.training.context import RunContext
from core.training.early_stop import Validation
from core.training.loop import fit
from core.training.run_setup import restore, set_up

SHELVES = describe()
HAND = Recipe(6, 4, 0.1, momentum=0.0, weight_decay=0.0, one_cycle=False)
PIXELS = torch.tensor([[[[255, 0]]], [[[0, 255]]], [[[255, 255]]], [[[255, 0]]]], dtype=torch.uint8)
LABELS = torch.tensor([0, 1, 1, 0])


def linear():
    """Two pixels to two classes, from zero weights."""
    net = nn.Sequential(nn.Flatten(), nn.Linear(2, 2))
    nn.init.zeros_(net[1].weight)
    nn.init.zeros_(net[1].bias)
    return net


def trained(validation, recipe=HAND):
    points, run = [], RunContext(linear, recipe, seed=3)
    weights = fit(run.fresh_model(), Examples(PIXELS, LABELS), recipe, run, noted=lambda *p: points.append(p), validation=validation)
    return weights.state_dict(), points


def test_an_epochs_validation_loss_and_accuracy_are_those_of_the_network_at_its_end():
    """By hand: one batch an epoch, gradient descent from zero weights; the held-out images are two of the kinds that it learns."""
    held = Examples(PIXELS[:2], torch.tensor([0, 0]))
    _, points = trained(Validation(held))
    x, w, b, wanted = PIXELS.flatten(1).double() / 255, torch.zeros(2, 2).double(), torch.zeros(2).double(), []
    for _ in range(HAND.epochs):
        delta = ((x @ w.T + b).softmax(1) - F.one_hot(LABELS)) / len(x)
        w, b = w - 0.1 * delta.T @ x, b - 0.1 * delta.sum(0)
        logits = x[:2] @ w.T + b
        wanted.append((float(F.cross_entropy(logits, torch.tensor([0, 0]))), float((logits.argmax(1) == 0).double().mean())))
    assert np.array(points)[:, 2:] == pytest.approx(np.array(wanted), abs=1e-6)
    assert {accuracy for _, accuracy in wanted} == {0.5}


def test_without_patience_the_share_changes_no_weight():
    plain, _ = trained(None)
    watched, points = trained(Validation(Examples(PIXELS, 1 - LABELS)))
    assert len(points) == HAND.epochs
    assert all(torch.equal(plain[name], watched[name]) for name in plain)


def test_training_ends_when_patience_has_run_out_with_the_best_epochs_weights():
    """The held-out labels are all wrong: the first epoch is the best, and two more are waited for."""
    weights, points = trained(Validation(Examples(PIXELS, 1 - LABELS), patience=2))
    losses = [point[2] for point in points]
    assert len(losses) == 3
    assert losses == sorted(losses)
    one, _ = trained(None, replace(HAND, epochs=1))
    assert all(torch.equal(weights[name], one[name]) for name in one)


def test_where_it_gets_better_to_the_end_the_last_epoch_is_kept():
    weights, points = trained(Validation(Examples(PIXELS, LABELS), patience=2))
    plain, _ = trained(None)
    assert len(points) == HAND.epochs
    assert all(torch.equal(plain[name], weights[name]) for name in plain)


@pytest.mark.parametrize(
    ("losses", "best"), [([], 0), ([3.0], 1), ([3.0, 1.0, 2.0, 1.0], 2), ([float("nan"), 5.0], 2), ([float("nan")], 1)]
)
def test_the_best_epoch_is_the_first_of_the_lowest_loss(losses, best):
    assert best_epoch(losses) == best


def test_the_same_share_of_each_class_is_held_out_every_time():
    labels = torch.arange(120) % 3
    held = held_out(labels, 0.25)
    assert torch.bincount(labels[held]).tolist() == [10, 10, 10]
    assert torch.equal(held, held_out(labels, 0.25))
    assert not held_out(labels, 0.0).any()
    assert held_out(torch.zeros(10, 2, dtype=torch.uint8), 0.3).sum() == 3, "of several attributes a share of all"
    assert (held_of(1, 0.5), held_of(7, 0.5), held_of(100, 0.1)) == (0, 3, 10)


@pytest.mark.parametrize("text", ["class:2", "subclass:5", "attribute:person=1,3", "random:0.1@3", "random:10@3", "mislabelled:12@3"])
def test_what_is_held_out_is_in_no_set_and_a_draw_is_of_the_rest(tiny, text):
    data, request = tiny.dataset, parse_request(text)
    splits, left = split(data, request, 0.25), data.info.trained_on(0.25)
    held = splits.held.rows
    assert torch.equal(held, held_out(data.train.labels, 0.25))
    assert left.train_count == 90 == len(splits.trained) == len(splits.forget) + len(splits.retain)
    assert not (splits.forgotten & held).any()
    assert not (splits.kept & held).any()
    if text.startswith(("class", "random", "mislabelled")):
        assert len(splits.forget) == request.count(data.info if request.drawn else left)
    guarded = splits.only(frozenset({"train", "retain", "forget"}))
    assert (len(guarded.train), len(guarded.retain), len(guarded.forget)) == (90, len(splits.retain), len(splits.forget))
    assert torch.equal(guarded.retain.labels, splits.retain.labels)
    assert torch.equal(guarded.forget.images, splits.forget.images)
    assert splits.forget_share == len(splits.forget) / 90
    named = {name: rows_of(name, splits) for name in ("train", "retain", "forget")}
    assert torch.equal(named["train"], (~held).nonzero()[:, 0])
    assert torch.equal(named["retain"], splits.kept.nonzero()[:, 0])
    assert torch.equal(evaluated_rows(splits, None), named["train"])
    shown = drawn(splits, 60, 0)
    assert not held[torch.cat([shown["forget"].rows, shown["retain"].rows])].any()


def test_the_reference_is_not_chosen_by_images_that_the_request_names(tiny):
    splits = split(tiny.dataset, parse_request("class:2"), 0.25)
    every, reference = splits.validation(reference=False), splits.validation(reference=True)
    assert torch.bincount(every.labels).tolist() == [10, 10, 10]
    assert torch.bincount(reference.labels).tolist() == [10, 10]
    assert tiny.splits("class:2").validation(reference=True) is None


def test_a_request_by_index_that_names_what_is_held_out_is_refused(tiny):
    held = held_out(tiny.dataset.train.labels, 0.25).nonzero()[:, 0].tolist()
    free = [row for row in range(120) if row not in held]
    assert len(split(tiny.dataset, parse_request(f"samples:{free[0]},{free[5]}"), 0.25).forget) == 2
    with pytest.raises(WrongInput, match=rf"holds out 1 of the images that samples:.* names \(image {held[3]} among them\)"):
        split(tiny.dataset, parse_request(f"samples:{free[0]},{held[3]}"), 0.25)


@pytest.mark.parametrize(("recipe", "method", "why"), [
    ({"patience": 3}, "ssd", "patience=3 ends training by the loss on held-out images, and none are held out; set validation too"),
    ({"validation": 0.1, "shards": 2}, "finetune", "leave out validation, or shards and slices"),
    ({"validation": 0.6}, "ssd", "validation must be a number from 0 to 0.5; got '0.6'"),
    ({"validation": 0.001}, "ssd", "validation=0.001 holds out none of the training images of digits"),
    ({"validation": 0.1}, "amnesiac", "leave out the validation share"),
])  # fmt: skip
def test_what_does_not_go_with_a_share_is_refused(recipe, method, why):
    with pytest.raises(WrongInput, match=why.replace("(", r"\(")):
        make_spec(SHELVES, "digits", "small_cnn", parse_request("class:3"), method, {}, recipe=recipe)


def test_weights_of_ones_own_have_no_share():
    with pytest.raises(WrongInput, match="may have been trained on any training image"):
        make_spec(SHELVES, "digits", "small_cnn", parse_request("class:3"), "ssd", {}, recipe={"validation": 0.1}, weights_follow=True)


OWN = {"epochs": 12, "validation": 0.2, "patience": 1}


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """(home, run): retrained from another seed, by early stopping."""
    home = open_home(tmp_path_factory.mktemp("validation") / "home")
    spec = make_spec(SHELVES, "digits", "small_cnn", parse_request("class:3"), "retrain", {}, recipe=OWN)
    with ResultStore(home.database) as store, pytest.MonkeyPatch.context() as patch:
        patch.setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        store.add(spec)
        claimed, attempt = store.claim(ProcessId.of_this_process())
        outcome = pipeline.run(claimed, home, lambda *_: None)
        assert store.finish(spec.id, attempt, RunStatus.DONE, outcome=outcome)
    torch.set_deterministic_debug_mode("default")
    return home, spec.id


def of(finished):
    home, run_id = finished
    with ResultStore(home.database) as store:
        return home, store.existing(run_id), Artifacts(home.artifacts_folder), store.artifacts(run_id)


def test_a_runs_original_is_the_network_that_is_fitted_to_the_rest_by_hand(finished):
    """Of the loader's own images, with the weights of the epoch whose loss on the others was the lowest."""
    _, run, artifacts, files = of(finished)
    data = load_dataset("digits")
    held = held_out(data.train.labels, 0.2)
    rest, others = data.train.subset(~held), data.train.subset(held)
    curve = artifacts.get_table(files["training"]).query("model == 'original'")
    best = int(curve["validation_loss"].argmin()) + 1
    assert len(curve) in (best + 1, 12)
    assert best > 1
    with ResultStore(of(finished)[0].database) as store:
        setup = set_up(run.spec, ArtifactCache(store, artifacts))
        context = setup.context("original", lambda *_: None, {})
        losses = []

        def look(epoch):
            with torch.no_grad():
                model.eval()
                losses.append(float(F.cross_entropy(model(others.pixels()), others.labels)))
                if epoch == best:
                    kept.update({name: tensor.clone() for name, tensor in model.state_dict().items()})
                model.train()

        kept, model = {}, context.fresh_model()
        fit(model, Examples(rest.images, rest.labels, rest.peak), setup.recipe, context, after_epoch=look)
        stored = restore(setup, to_tensors(artifacts.get_arrays(files["original"]))).state_dict()
    torch.set_deterministic_debug_mode("default")
    assert curve["validation_loss"].tolist() == pytest.approx(losses[: len(curve)], rel=1e-4)
    assert all(torch.allclose(kept[name], stored[name], atol=1e-6) for name in kept)


def test_nothing_is_measured_on_what_is_held_out(finished):
    home, run, artifacts, files = of(finished)
    splits = open_models(home, run.id).splits
    held = splits.held.rows
    examples = artifacts.get_table(files["examples"])
    seen = examples[examples["set"].isin(["forget", "retain"])]["index"].to_numpy()
    assert len(seen)
    assert not held[torch.from_numpy(seen.copy())].any()
    counts = artifacts.get_table(files["per_class"]).query("split == 'train' and model == 'unlearned'")["count"]
    assert counts.sum() == len(splits.trained) == int((~held).sum())
    shown = gallery(home, run.id, lambda *_: None, how="saliency", count=20)
    assert not held[torch.from_numpy(shown["rows"])].any()
    row = int(held.nonzero()[0])
    with pytest.raises(WrongInput, match=f"Training image {row} is held out by the recipe's validation share"):
        saliency_place(home, run.id, "train", row)


def test_an_evaluation_of_all_images_is_of_all_that_networks_are_trained_on(finished):
    home, run, artifacts, _ = of(finished)
    with ResultStore(home.database) as store:
        job = pipeline.prepare(run.spec, ArtifactCache(store, artifacts))
        stages = pipeline.Stages({"train": 1.0}, lambda *_: None)
        original = pipeline.original_of(job, stages)
        evidence = pipeline.evaluate(job, {"original": original}, restore(job, original.tensors), lambda *_: None, Evaluation(whole=True))
    torch.set_deterministic_debug_mode("default")
    assert torch.equal(evidence.rows, (~job.splits.held.rows).nonzero()[:, 0])


def test_the_report_says_where_training_was_stopped_and_on_how_many_images(finished):
    home, run, artifacts, files = of(finished)
    curves = artifacts.get_table(files["training"])
    kept = kept_epochs(run.spec, curves)
    assert kept.keys() == {"original", "reference"}
    trained_for = {model: int((curves["model"] == model).sum()) for model in kept}
    words = stopping_words(run.spec, curves)
    assert words == (
        f"Early stopping: the weights are those of the lowest validation loss, the original of epoch {kept['original']} of "
        f"{trained_for['original']} and the reference of epoch {kept['reference']} of {trained_for['reference']}; 12 epochs were the most."
    )
    with ResultStore(home.database) as store:
        assert full_report(home, store, run)["stopping"] == words
    assert stopping_words(replace(run.spec, recipe={"validation": 0.2}), curves) == ""


@pytest.mark.parametrize(("request_", "share", "why"), [
    ("random:1400", 0.5, "would forget everything: validation=0.5 leaves 721 training images, and 1400 are to be forgotten"),
    ("published:first-100", 0.1, "names its images one by one, and a share would hold some of them out"),
])  # fmt: skip
def test_a_request_that_does_not_go_with_a_share_is_refused_before_it_is_queued(request_, share, why, monkeypatch):
    request = parse_request(request_) if request_.startswith("random") else Published()
    with pytest.raises(WrongInput, match=why):
        check_validation(Recipe(2, 64, 0.1, validation=share), SHELVES.datasets["digits"], request, False)


class Published(NamedSet, SamplesRequest):
    """As a published set that names images."""

    kind = "published"
    text = "published:first-100"

    def __init__(self):
        """Nothing of it is read."""


def test_a_reference_that_was_chosen_by_other_images_is_another_network(home):
    """The same forget set in two requests: one names a held-out image besides, the other does not."""
    data = load_dataset("digits")
    held = held_out(data.train.labels, 0.2)
    rows = ((data.train.labels == 3) & ~held).nonzero()[:, 0].tolist()
    keys = {}
    with ResultStore(home.database) as store:
        cache = ArtifactCache(store, Artifacts(home.artifacts_folder))
        for share in (0.2, 0.0):
            for text in ("class:3", f"samples:{','.join(map(str, rows))}"):
                recipe = {"validation": share, "patience": 1} if share else {}
                spec = make_spec(SHELVES, "digits", "small_cnn", parse_request(text), "ssd", {}, recipe=recipe)
                setup = set_up(spec, cache)
                keys[share, text[:5]] = setup.reference_key, setup.splits.forgotten
    torch.set_deterministic_debug_mode("default")
    assert torch.equal(keys[0.2, "class"][1], keys[0.2, "sampl"][1])
    assert keys[0.2, "class"][0] != keys[0.2, "sampl"][0]


def test_where_the_request_names_all_that_is_held_out_the_reference_is_trained_to_its_end(finished):
    run = of(finished)[1]
    nothing = float("nan")
    curves = pd.DataFrame({
        "model": ["original"] * 2 + ["reference"] * 2, "epoch": [1, 2] * 2, "loss": 0.1, "accuracy": 0.9,
        "validation_loss": [0.3, 0.2, nothing, nothing], "validation_accuracy": [0.8, 0.9, nothing, nothing],
    })  # fmt: skip
    assert kept_epochs(run.spec, curves) == {"original": 2}
    assert "reference" not in stopping_words(run.spec, curves)


def test_of_training_that_may_have_stopped_early_a_forecast_learns_nothing():
    plain = make_spec(SHELVES, "digits", "small_cnn", parse_request("class:3"), "ssd", {}, recipe={"epochs": 100})
    stopped = replace(plain, recipe={"epochs": 100, "validation": 0.1, "patience": 2})
    known = History()
    known.add(stopped, {"train": 1.0, "reference": 1.0, "precompute": 0.1, "unlearn": 0.1, "evaluate": 1.0}, 4.0)
    assert known.seconds([plain]) == [None]
    known.add(plain, {"train": 20.0, "reference": 18.0, "precompute": 0.1, "unlearn": 0.1, "evaluate": 1.0}, 40.0)
    assert known.seconds([replace(plain, seed=1)]) == [pytest.approx(20 + 18 + 0.1 + 0.1 + 1 + (4 - 3.2 + 40 - 39.2) / 2, abs=0.5)]


def test_a_network_is_not_taken_for_a_costly_one_as_a_share_is_not_evaluated(tiny):
    splits = split(tiny.dataset, parse_request("class:2"), 0.25)
    assert not Evidence(splits, {}, {}, rows=evaluated_rows(splits, None)).drawn
    assert Evidence(splits, {}, {}, rows=evaluated_rows(splits, None)[:50]).drawn
    assert not Evidence(tiny.splits("class:2"), {}, {}).drawn


def test_an_infinite_validation_loss_takes_no_epoch_from_live_curves(tmp_path):
    live = LiveCurves(tmp_path / "curves")
    live.add("original", 2.3, 0.1, float("inf"), 0.1)
    assert read(live.path) == {"original": [(2.3, 0.1, float("inf"), 0.1)]}
    live = LiveCurves(tmp_path / "others")
    live.add("original", float("nan"), 0.1)
    assert read(live.path) == {"original": []}
