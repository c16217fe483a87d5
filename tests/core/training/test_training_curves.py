"""The curve of a network: what each epoch's numbers are, that they are kept beside it, and that noting them changes no weight."""

import numpy as np
import pytest
import torch
from torch import nn
import torch.nn.functional as F

from core.data.dataset import Examples
from core.domain.presets import preset_for
from core.domain.requests.registry import parse_request
from core.domain.run import Recipe, RunSpec
from core.domain.training.own_recipe import with_own
from core.metrics.tables.training_curves import training_table
from core.storage.artifacts import Artifacts
from core.storage.queues.live_curves import LiveCurves, read
from core.storage.runs import ResultStore
from core.training.cache import ArtifactCache, key_of
from core.training.context import RunContext, choose_device
from core.training.loop import fit
from core.training.run_setup import curve_of, set_up, train_or_load

RECIPE = Recipe(3, 4, 0.1, momentum=0.0, weight_decay=0.0, one_cycle=False)


def linear():
    """Two pixels to two classes, from zero weights."""
    net = nn.Sequential(nn.Flatten(), nn.Linear(2, 2))
    nn.init.zeros_(net[1].weight)
    nn.init.zeros_(net[1].bias)
    return net


def trained(examples, noted=None):
    run = RunContext(linear, RECIPE, seed=3)
    return fit(run.fresh_model(), examples, RECIPE, run, noted=noted).state_dict()


def test_an_epochs_numbers_are_the_means_over_its_images_before_each_step():
    """One batch an epoch: by hand, gradient descent from zero weights, the loss and the accuracy of each step before it is made."""
    pixels = torch.tensor([[[[255, 0]]], [[[0, 255]]], [[[255, 255]]], [[[255, 0]]]], dtype=torch.uint8)
    labels = torch.tensor([0, 1, 1, 0])
    curve = []
    trained(Examples(pixels, labels), lambda *point: curve.append(point))
    x, w, b, wanted = pixels.flatten(1).double() / 255, torch.zeros(2, 2).double(), torch.zeros(2).double(), []
    for _ in range(RECIPE.epochs):
        logits = x @ w.T + b
        wanted.append((float(F.cross_entropy(logits, labels)), float((logits.argmax(1) == labels).double().mean())))
        delta = (logits.softmax(1) - F.one_hot(labels)) / len(x)
        w, b = w - 0.1 * delta.T @ x, b - 0.1 * delta.sum(0)
    assert wanted[0] == pytest.approx((np.log(2), 0.5))
    assert np.array(curve) == pytest.approx(np.array(wanted), abs=1e-6)


def test_noting_changes_no_weight():
    torch.manual_seed(0)
    examples = Examples(torch.randint(0, 256, (10, 1, 1, 2), dtype=torch.uint8), torch.randint(0, 2, (10,)))
    plain, noted = trained(examples), trained(examples, lambda *_: None)
    assert all(torch.equal(plain[name], noted[name]) for name in plain)


@pytest.fixture
def setup_of(home, monkeypatch):
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    with ResultStore(home.database) as store:
        cache = ArtifactCache(store, Artifacts(home.artifacts_folder))
        yield lambda **recipe: set_up(RunSpec("digits", "small_cnn", parse_request("class:3"), "ssd", device="cpu", recipe=recipe), cache)
    torch.set_deterministic_debug_mode("default")


def test_a_network_by_the_preset_has_the_key_that_it_had_before_there_were_recipes(setup_of):
    """As the key was made then, of the version of the code and what decides the weights."""
    setup = setup_of()
    recipe = {"epochs": 20, "batch_size": 64, "learning_rate": 0.1, "momentum": 0.9, "weight_decay": 0.005, "one_cycle": True,
              "optimiser": "sgd", "augment": "none"}  # fmt: skip
    assert setup.original_key == key_of("original", setup.training, "digits", "small_cnn", recipe, 0, choose_device("cpu"))
    other = setup_of(epochs=2)
    assert len({setup.original_key, other.original_key, setup.reference_key, other.reference_key}) == 4


def test_original_and_reference_are_trained_by_the_users_recipe_and_keep_their_curves(setup_of):
    setup, told = setup_of(epochs=2, learning_rate=0.02, augment="move"), []
    assert setup.recipe == with_own(preset_for("digits", "small_cnn").recipe, {"epochs": 2, "learning_rate": 0.02, "augment": "move"})
    few = setup.splits.train.first(300)
    assert curve_of(setup, "k").shape == (0, 2)
    made = train_or_load(setup, "k", "original", few, lambda *_: None, lambda *point: told.append(point))
    context = setup.context("original", lambda *_: None, {})
    by_hand = fit(context.fresh_model(), few, Recipe(2, 64, 0.02, weight_decay=5e-3, augment="move"), context).state_dict()
    assert all(torch.equal(made.tensors[name], by_hand[name]) for name in by_hand)
    assert curve_of(setup, "k").tolist() == [list(point) for point in told]
    assert len(told) == 2
    again = train_or_load(setup, "k", "original", few, lambda *_: None, lambda *point: told.append(point))
    assert (again.made_now, len(told)) == (False, 2)
    assert curve_of(setup, "k").tolist() == [list(point) for point in told], "of a network that is loaded it is there too"


def test_the_table_has_a_row_an_epoch_and_none_of_a_network_without_a_curve():
    table = training_table({"original": np.array([[0.7, 0.5], [0.3, 0.9]]), "reference": np.zeros((0, 2))})
    assert table.to_dict("list") == {"model": ["original"] * 2, "epoch": [1, 2], "loss": [0.7, 0.3], "accuracy": [0.5, 0.9]}
    assert len(training_table({})) == 0


def test_curves_of_a_run_that_trains_can_be_read_meanwhile_and_go_with_it(tmp_path, monkeypatch):
    path = tmp_path / "run.curves.json"
    live = LiveCurves(path)
    assert read(path) == {}
    live.add("original", 0.7, 0.5)
    live.add("original", 0.6, 0.6)  # at once: is written with the next
    assert read(path) == {"original": [(0.7, 0.5)]}
    live.last = -1.0
    live.add("reference", float("nan"), 0.1)
    assert read(path) == {"original": [(0.7, 0.5), (0.6, 0.6)], "reference": []}
    live.close()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("text", ["", "[]", '{"original": 3}', '{"original": [[1]]}', '{"original": [["a", 2]]}', "[" * 5000, "\x00"])
def test_a_damaged_file_of_live_curves_shows_nothing(tmp_path, text):
    path = tmp_path / "run.curves.json"
    path.write_text(text)
    assert read(path) == {}
