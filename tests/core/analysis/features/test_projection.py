"""The joint map: which images, one projection for all networks, and neighbourhoods; against hand and scikit-learn."""

from importlib.machinery import ModuleSpec
from pathlib import Path
import subprocess
import sys
from types import ModuleType, SimpleNamespace
from typing import ClassVar

import numpy as np
import pytest
from scipy.spatial.distance import pdist
from sklearn.decomposition import PCA
from sklearn.neighbors import NearestNeighbors
import torch
from torch import nn

from core.analysis.features import penultimate as looks
from core.analysis.features import projection
from core.analysis.features.nearest_neighbours import neighbourhoods
from core.analysis.features.penultimate import body_and_head
from core.analysis.features.projection import manifold, placed, principal, procrustes_aligned
from core.analysis.features.sampling import drawn, stratified, taken
from core.analysis.finished_run import FinishedRun, open_models
from core.analysis.registry import LOOKS
from core.analysis.stored_results import Analysis
from core.data.splits import split
from core.domain.errors import WrongInput
from core.domain.requests.registry import parse_request
from core.jobs.background import progress
from core.training.loop import predict
from tests.planted import plant, spec
from tests.tiny import tiny_attributes

ROOT = Path(__file__).resolve().parents[4]
MAP = {"projection": "pca", "count": 300, "seed": 0, "turn": True}


def quiet(_share: float, _note: str) -> None:
    """Nobody listens."""


def rows_by_chance(count: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(count, width)).astype(np.float32)


def orthogonal(width: int, seed: int = 1) -> np.ndarray:
    return np.linalg.qr(rows_by_chance(width, width, seed).astype(np.float64))[0]


# Which images.


def test_what_a_small_set_leaves_goes_to_the_first_that_has_more():
    have = {"forget": 147, "retain": 5000, "test_forget": 30, "test_retain": 900}
    assert taken(have, 2000) == {"forget": 147, "retain": 1423, "test_forget": 30, "test_retain": 400}
    assert taken({"forget": 9000, "retain": 9000, "test_retain": 9000}, 2000) == {"forget": 1000, "retain": 600, "test_retain": 400}
    assert taken({"forget": 3, "retain": 4, "test_retain": 5}, 2000) == {"forget": 3, "retain": 4, "test_retain": 5}


def test_each_class_is_drawn_in_its_proportion_and_the_same_for_the_same_seed():
    labels = torch.tensor([0] * 60 + [1] * 30 + [2] * 10)[torch.randperm(100, generator=torch.Generator().manual_seed(5))]
    rows = stratified(labels, 20, 3)
    assert torch.bincount(labels[rows]).tolist() == [12, 6, 2]
    assert rows.tolist() == sorted(set(rows.tolist()))
    assert torch.equal(rows, stratified(labels, 20, 3))
    assert not torch.equal(rows, stratified(labels, 20, 4))
    assert stratified(labels, 100, 3).tolist() == list(range(100))


def test_a_part_is_of_its_set_and_says_how_many_there_are(grey):
    splits = grey.splits("class:2")
    parts = drawn(splits, 40, 0)
    assert sum(len(part.rows) for part in parts.values()) == 40
    assert splits.forgotten[parts["forget"].rows].all()
    assert not splits.forgotten[parts["retain"].rows].any()
    assert splits.test_forgotten[parts["test_forget"].rows].all()
    assert {name: part.available for name, part in parts.items()} == {
        "forget": 40, "retain": 80, "test_forget": 20, "test_retain": 40,
    }  # fmt: skip
    assert set(drawn(grey.splits("samples:1,2"), 40, 0)) == {"forget", "retain", "test_retain"}


# The projection.


def test_principal_components_are_scikit_learn_s_but_for_their_signs():
    x = rows_by_chance(200, 7) * np.arange(1, 8, dtype=np.float32)
    scores, shares = principal(x)
    oracle = PCA(2).fit(x.astype(np.float64))
    wanted = oracle.transform(x.astype(np.float64))
    np.testing.assert_allclose(np.abs(scores), np.abs(wanted), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(shares, oracle.explained_variance_ratio_, rtol=1e-5)
    np.testing.assert_array_equal(scores, principal(x)[0])


def test_features_of_one_number_lie_on_a_line():
    scores, shares = principal(np.array([[1.0], [3.0]], np.float32))
    assert scores.tolist() == [[-1.0, 0.0], [1.0, 0.0]]
    assert shares.tolist() == [1.0, 0.0]


def test_one_projection_is_fitted_on_all_networks_so_that_equal_ones_have_equal_places_and_moved_ones_have_moved():
    x = rows_by_chance(100, 6)
    away = x + np.array([30, 0, 0, 0, 0, 0], np.float32)
    found = placed({"original": x, "unlearned": x.copy(), "reference": away}, "pca")
    np.testing.assert_array_equal(found["positions/original"], found["positions/unlearned"])
    step = found["positions/reference"] - found["positions/original"]
    np.testing.assert_allclose(step, np.broadcast_to(step[0], step.shape), atol=1e-4)
    assert abs(step[0, 0]) == pytest.approx(30, rel=0.01)  # the first axis is that of the move, as fitted on each alone it could not be


class PlainUmap:
    """In the place of the package's class: remembers how it is asked, and places each point on its first two features."""

    asked: ClassVar[list[dict[str, object]]] = []

    def __init__(self, **settings):
        self.asked.append(settings)

    def fit_transform(self, points):
        self.asked[-1]["points"] = points
        return points[:, :2].astype(np.float64)


def test_umap_is_asked_once_for_each_different_point_with_fixed_settings_and_exact_neighbours(monkeypatch):
    package = ModuleType("umap")
    package.__spec__, package.UMAP = ModuleSpec("umap", None), PlainUmap
    monkeypatch.setitem(sys.modules, "umap", package)
    monkeypatch.setattr(PlainUmap, "asked", [])
    x = np.concatenate([rows_by_chance(20, 5), rows_by_chance(20, 5, 1) + 25])
    found = placed({"original": x, "unlearned": x.copy()}, "umap")
    np.testing.assert_array_equal(found["positions/original"], found["positions/unlearned"])
    assert found["positions/original"].dtype == np.float32
    assert found["explained"].tolist() == [0, 0]
    (settings,) = PlainUmap.asked
    points, (rows, far) = settings.pop("points"), settings.pop("precomputed_knn")
    assert settings == {"n_neighbors": 15, "min_dist": 0.1, "n_epochs": 200, "init": "pca", "random_state": 0, "n_jobs": 1}
    assert points.shape == (40, 5), "each point once, whichever networks have it"
    near = NearestNeighbors(n_neighbors=15).fit(points)
    wanted_far, wanted_rows = near.kneighbors(points)  # itself among them
    np.testing.assert_array_equal(rows, wanted_rows)
    np.testing.assert_allclose(far, wanted_far, atol=1e-3)
    shown = found["positions/original"]
    assert ({tuple(place) for place in shown.tolist()}) == {tuple(place) for place in points[:, :2].tolist()}


@pytest.mark.slow  # half a minute of compiling
def test_umap_gives_equal_networks_equal_places_and_keeps_clusters_apart_the_same_every_time():
    x = np.concatenate([rows_by_chance(40, 5), rows_by_chance(40, 5, 1) + 25])
    found = placed({"original": x, "unlearned": x.copy()}, "umap")
    np.testing.assert_array_equal(found["positions/original"], found["positions/unlearned"])
    places = found["positions/original"]
    near = NearestNeighbors(n_neighbors=6).fit(places).kneighbors(places, return_distance=False)[:, 1:]
    assert ((near < 40) == (np.arange(80) < 40)[:, None]).mean() > 0.99
    np.testing.assert_array_equal(manifold(x), manifold(x))
    assert found["explained"].tolist() == [0, 0]


def test_umap_says_in_a_sentence_what_it_lacks(monkeypatch):
    with pytest.raises(WrongInput, match="more than 15 different points; there are 1"):
        manifold(np.ones((100, 4), np.float32))
    monkeypatch.setattr(projection.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(WrongInput, match="umap-learn, which is not installed"):
        manifold(rows_by_chance(100, 4))


def test_a_turned_network_is_laid_onto_the_other_again_and_keeps_its_distances():
    x, by = rows_by_chance(60, 5), np.arange(60) < 40
    moved = (x @ orthogonal(5) + 7).astype(np.float32)
    np.testing.assert_allclose(procrustes_aligned(moved, x, by), x, atol=1e-4)
    other = rows_by_chance(60, 5, 9)
    np.testing.assert_allclose(pdist(procrustes_aligned(other, x, by)), pdist(other), rtol=1e-4)


# Neighbourhoods.


def test_neighbours_votes_and_centres_of_a_line_by_hand():
    #          train            | unseen
    places = [0.0, 1.0, 3.0, 7.0, 0.4, 6.0]
    labels = np.array([0, 0, 1, 1, 0, 1])
    sets = np.array([0, 1, 1, 1, 2, 3])
    found = neighbourhoods(np.array(places, np.float32)[:, None], labels, sets)
    assert found["neighbours"].tolist() == [[1, 2, 3], [0, 2, 3], [1, 0, 3], [2, 1, 0], [0, 1, 2], [3, 2, 1]]
    assert found["agreeing"] == pytest.approx([1 / 3, 1 / 3, 1 / 3, 1 / 3, 2 / 3, 2 / 3])
    near_unseen = [[4], [4], [4], [5], [5], [4]]  # one fewer than there are, so that a test image has as many as any
    assert found["unseen_agreeing"] == pytest.approx([float(labels[i] == labels[j[0]]) for i, j in enumerate(near_unseen)])
    assert found["distance"] == pytest.approx([1, 1, 1, 1, 0.2, 0.5])  # centres 0.5 and 5; root mean squares 0.5 and 2


def test_neighbours_are_scikit_learn_s():
    x = rows_by_chance(120, 4)
    found = neighbourhoods(x, np.zeros(120, int), np.ones(120, int))["neighbours"]
    wanted = NearestNeighbors(n_neighbors=51).fit(x).kneighbors(x, return_distance=False)[:, 1:]
    np.testing.assert_array_equal(found, wanted)


def test_without_unseen_images_their_vote_is_unknown():
    found = neighbourhoods(rows_by_chance(5, 2), np.zeros(5, int), np.zeros(5, int))
    assert np.isnan(found["unseen_agreeing"]).all()


# The looks.


def test_the_two_halves_are_the_network_and_it_stays_as_it_was(grey):
    model = grey.original()
    body, head = body_and_head(model)
    images = grey.dataset.train.first(9)
    inside = predict(body, images, "cpu")
    assert not any(module.training for module in model.modules())
    torch.testing.assert_close(head(inside), predict(model, images, "cpu"))
    with pytest.raises(WrongInput, match="a Linear is not that"):
        body_and_head(nn.Linear(2, 2))


def test_a_run_s_features_are_those_before_its_last_layer_and_answers_those_of_its_networks(home):
    run_id = plant(home, spec())
    found, run = LOOKS["features"](home, run_id, quiet, count=300, seed=0), open_models(home, run_id)
    assert len(found["index"]) == len(found["label"]) == 300
    assert found["available"].tolist() == [147, 1290, 36, 324]
    assert np.bincount(found["set"]).tolist() == [120, 90, 30, 60]
    for row in (0, 200, 299):
        part = run.splits.test if found["set"][row] >= 2 else run.splits.train
        image = part.subset(torch.tensor([int(found["index"][row])]))
        assert image.labels.item() == found["label"][row]
        for name in run.models:
            wanted = run.model(name)(image.pixels()).softmax(1)[0].detach().numpy()
            np.testing.assert_allclose(found[f"probabilities/{name}"][row], wanted, rtol=1e-4, atol=1e-5)
            assert found[f"features/{name}"].shape == (300, 64)


def test_features_are_kept_so_that_a_second_projection_does_not_ask_the_networks_again(home, monkeypatch):
    run_id, said = plant(home, spec()), []
    first = LOOKS["map"](home, run_id, lambda share, note: said.append((share, note)), **MAP)
    assert progress(home, Analysis("features", run_id, {"count": 300, "seed": 0})).status == "done"
    assert [share for share, _ in said] == sorted(share for share, _ in said)
    assert said[0][1] == "0 of 300 images under the original network"
    monkeypatch.setattr(looks, "predict", None)
    again = LOOKS["map"](home, run_id, quiet, **MAP | {"turn": False})
    np.testing.assert_array_equal(first["index"], again["index"])
    assert not np.allclose(first["positions/reference"], again["positions/reference"])
    assert not any(name.startswith("features") for name in again)


def test_another_projection_needs_no_torch(home):
    LOOKS["map"](home, (run_id := plant(home, spec())), quiet, **MAP)
    code = (
        "import sys; from pathlib import Path; from core.analysis.registry import LOOKS; from core.storage.home import Home; "
        f"LOOKS['map'](Home(Path({str(home.root)!r})), {run_id!r}, print, projection='pca', count=300, seed=0, turn=False); "
        "print('torch' in sys.modules)"
    )
    told = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (told.stderr, told.stdout.split()[-1]) == ("", "False")


def test_a_run_without_a_reference_has_two_networks_and_one_that_changed_nothing_has_not_moved(home):
    found = LOOKS["map"](home, plant(home, spec("original", reference=False)), quiet, **MAP)
    assert {name for name in found if name.startswith("positions")} == {"positions/original", "positions/unlearned"}
    np.testing.assert_array_equal(found["positions/original"], found["positions/unlearned"])


def test_wrong_labels_of_a_request_are_told_from_the_truth(grey, monkeypatch, home):
    run = SimpleNamespace(spec=SimpleNamespace(dataset="digits", model="small_cnn", recipe={}), id="tiny")
    splits = grey.splits("mislabelled:30")
    opened = FinishedRun(run, home, {}, grey.dataset, splits, {"original": grey.original().state_dict()})
    monkeypatch.setattr(looks, "open_models", lambda *_: opened)
    found = looks.compute(home, "tiny", quiet, count=180, seed=0)
    wrong = found["label"] != found["truth"]
    assert wrong.sum() == 30
    assert (found["set"][wrong] == 0).all()
    seen = found["set"] < 2
    np.testing.assert_array_equal(found["truth"][seen], grey.dataset.train.labels[torch.from_numpy(found["index"][seen])])


def test_images_with_several_attributes_are_refused_with_the_reason(monkeypatch, home):
    tiny = tiny_attributes()
    splits = split(tiny.dataset, parse_request("random:0.1"))
    opened = FinishedRun(SimpleNamespace(id="tiny"), home, {}, tiny.dataset, splits, {})
    monkeypatch.setattr(looks, "open_models", lambda *_: opened)
    with pytest.raises(WrongInput, match="has several attributes"):
        looks.compute(home, "tiny", quiet, count=10, seed=0)


def test_an_unknown_projection_is_refused_with_those_that_are_known(home):
    with pytest.raises(WrongInput, match="'tsne'; it must be one of pca, umap"):
        LOOKS["map"](home, plant(home, spec()), quiet, **MAP | {"projection": "tsne"})
