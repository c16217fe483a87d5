"""The gallery: forget images and a control under each network, in step with the live question, by the process that keeps looks."""

import numpy as np
import pytest
import torch

from core.analysis.finished_run import open_models
from core.analysis.registry import LOOKS
from core.analysis.saliency.gallery import SCORES, gallery
from core.analysis.saliency.map_similarity import scores
from core.analysis.saliency.one_image import saliency
from core.data.registry import load_dataset
from core.domain.errors import WrongInput
from core.domain.run import MODELS
from core.models.registry import MODELS as BUILDERS
from core.storage.artifacts import Artifacts
from core.storage.runs import ResultStore
from tests.planted import record, spec


@pytest.fixture(scope="module")
def place(first_run):
    home = first_run[0]
    with ResultStore(home.database) as store:
        return home, store.runs()[0].id


@pytest.fixture(scope="module")
def made(place):
    heard = []
    found = gallery(*place, lambda share, note: heard.append((share, note)), how="deep_lift", count=20)
    return found, heard


def test_it_is_on_the_shelf(monkeypatch):
    monkeypatch.setattr("core.analysis.saliency.gallery.gallery", lambda *about, **settings: (about, settings))
    assert LOOKS["gallery"]("home", "run", "say", count=1) == (("home", "run", "say"), {"count": 1})


def test_it_has_as_many_images_of_the_control_as_of_the_forget_set(place, made):
    found, opened = made[0], open_models(*place)
    assert found["forget"].tolist() == [True] * 20 + [False] * 20
    assert opened.splits.forgotten[found["rows"]].tolist() == found["forget"].tolist()
    np.testing.assert_array_equal(found["labels"], opened.splits.train.labels[found["rows"]])
    np.testing.assert_array_equal(found["images"], opened.splits.train.images[found["rows"]])
    sets = {True: opened.splits.forget, False: opened.splits.retain}
    for place_, forget, image in zip(found["places"], found["forget"], found["images"], strict=True):
        np.testing.assert_array_equal(sets[bool(forget)].images[place_], image)


@pytest.mark.parametrize("index", [0, 7, 33])
def test_its_maps_are_those_that_a_click_gets(place, made, index):
    found = made[0]
    image = {"set": "forget" if found["forget"][index] else "retain", "place": int(found["places"][index])}
    told = saliency(*place, image=image, target="true", how="deep_lift", settings={})
    for name, said in told["models"].items():
        np.testing.assert_allclose(found[f"maps/{name}"][index] * found["scale"], said["map"], atol=2e-3 * found["scale"])
        assert found[f"answers/{name}"][index] == said["answer"]
        assert found[f"shares/{name}"][index] == pytest.approx(said["probabilities"][said["target"]], abs=1e-5)
    for pair, values in told["pairs"].items():
        stored = found[f"scores/{pair.replace(',', '/')}"][index]
        assert stored.tolist() == pytest.approx([values[name] for name in SCORES], abs=1e-3)


def test_the_scores_are_of_the_maps_and_the_forget_set_changed_more_than_the_control(made):
    found = made[0]
    kept = scores(found["maps/original"][3].astype(float), found["maps/unlearned"][3].astype(float))
    assert found["scores/original/unlearned"][3, 0] == pytest.approx(kept.rank, abs=0.01)
    rank = found["scores/original/unlearned"][:, 0]
    assert np.median(rank[found["forget"]]) < np.median(rank[~found["forget"]])


def test_it_tells_how_far_it_is(made):
    shares = [share for share, _ in made[1]]
    assert shares[0] == 0
    assert shares == sorted(shares)
    assert all(0 <= share < 1 for share in shares)
    assert made[1][0][1] == "original network, image 1 of 40"


def test_own_answers_are_a_target_and_a_wrong_explainer_is_refused(place):
    found = gallery(*place, lambda *_: None, how="saliency", target="own", count=4)
    for name in ("original", "unlearned", "reference"):
        np.testing.assert_array_equal(found[f"targets/{name}"], found[f"answers/{name}"])
    with pytest.raises(WrongInput, match="this network has none"):
        gallery(*place, lambda *_: None, how="rollout", count=4)


def test_of_attributes_all_networks_maps_are_about_the_originals_most_likely_one(home):
    made, put, files = spec(dataset="faces_attributes", request="attribute:glasses=1", params={}), Artifacts(home.artifacts_folder), {}
    for seed, name in enumerate(MODELS):
        torch.manual_seed(seed)
        model = BUILDERS["small_cnn"](load_dataset(made.dataset).info)
        files[name] = put.put_arrays({key: t.numpy() for key, t in model.state_dict().items()})
    (run_id,) = record(home, [(made, {}, files, {"unlearn": 1.0, "reference": 1.0})])
    found = gallery(home, run_id, lambda *_: None, how="saliency", target="own", count=2)
    for name in MODELS:
        np.testing.assert_array_equal(found[f"targets/{name}"], found["answers/original"])
    assert (found["answers/original"] != found["answers/unlearned"]).any()  # the networks are drawn, and differ
