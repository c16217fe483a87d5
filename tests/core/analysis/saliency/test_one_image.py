"""The live question about one image: three answers and maps, their scores, an own picture, and what cannot be asked."""

from itertools import count, islice
import json
from math import inf

import numpy as np
from PIL import Image
import pytest
import torch
import torch.nn.functional as F
from torch.nn.modules.module import register_module_forward_pre_hook

from core.analysis.finished_run import open_models
from core.analysis.saliency import one_image as module
from core.analysis.saliency.explain import Settings, explain, finer
from core.analysis.saliency.explanation import Explanation
from core.analysis.saliency.faithfulness import SHAKES
from core.analysis.saliency.integrated_gradients import COARSE, MORE
from core.analysis.saliency.map_similarity import rank_correlation, scores
from core.analysis.saliency.one_image import FINEST, saliency, saliency_offer, saliency_random, saliency_trust
from core.domain.errors import WrongInput
from core.domain.run import MODELS as MODEL_NAMES
from core.jobs.codec import decode, encode
from core.jobs.engine_server import answer
from core.models.registry import MODELS
from core.storage.artifacts import Artifacts
from core.storage.runs import ResultStore
from tests.planted import plant, record, spec


@pytest.fixture(scope="module")
def place(first_run):
    home = first_run[0]
    with ResultStore(home.database) as store:
        return home, store.runs()[0].id


def ask(place, about=saliency, **more):
    image = more.pop("image", {"set": "forget", "place": 4})
    return about(*place, **{"image": image, "target": "true", "how": "integrated_gradients", "settings": {}, **more})


def test_the_answer_is_what_the_three_networks_say_of_the_image(place, monkeypatch):
    monkeypatch.setattr("core.analysis.saliency.one_image.SECONDS", inf)
    told, opened = ask(place), open_models(*place)
    row = opened.splits.forgotten.nonzero()[4, 0]
    x, label = opened.splits.train.subset(row[None]).pixels(), int(opened.splits.train.labels[row])
    assert (told["label"], told["row"]) == (label, ("train", int(row)))
    np.testing.assert_array_equal(told["image"], (x[0] * 255).round().to(torch.uint8).numpy())
    assert list(told["models"]) == ["original", "unlearned", "reference"]
    for name, said in told["models"].items():
        shares = F.softmax(opened.model(name)(x)[0], 0)
        assert said["probabilities"] == pytest.approx(shares.tolist(), abs=1e-6)
        assert said["answer"] == int(shares.argmax())
        assert said["target"] == label
        found = next(e for e in islice(finer(opened.model(name), x, torch.tensor([label]), Settings()), 40) if e.fine)
        assert said["steps"] == found.steps
        np.testing.assert_allclose(said["map"], found.flat[0].numpy(), atol=1e-6)
        finest = explain(opened.model(name), x, torch.tensor([label]), "integrated_gradients", Settings(steps=400)).flat[0].numpy()
        assert np.abs(said["map"] - finest).sum() <= 4 * said["off"] * np.abs(finest).sum()
        assert said["off"] <= 0.02
    maps = {name: said["map"] for name, said in told["models"].items()}
    assert told["pairs"]["original,unlearned"]["rank"] == pytest.approx(scores(maps["original"], maps["unlearned"]).rank)
    assert set(told["pairs"]) == {"original,unlearned", "original,reference", "unlearned,reference"}


def test_networks_go_on_in_rounds_until_their_maps_are_fine_or_the_time_is_up(place, monkeypatch):
    def steps(seconds, took, enough=0.0):
        clock = count(0.0, took)  # each look at it is `took` later
        for bound in ("ENOUGH", "SURE"):
            monkeypatch.setattr(f"core.analysis.saliency.explanation.{bound}", enough)
        monkeypatch.setattr("core.analysis.saliency.one_image.perf_counter", lambda: next(clock))
        monkeypatch.setattr("core.analysis.saliency.one_image.SECONDS", seconds)
        return [said["steps"] for said in ask(place, how="integrated_gradients")["models"].values()]

    first, second = COARSE, COARSE + MORE
    assert steps(3.0, 100.0) == [first] * 3  # no time for a second round
    assert steps(2.0, 1.0) == [second] * 3  # it takes half of what the first took; a third round, after 2 seconds, is too late
    assert steps(1.4, 1.0) == [first] * 3
    assert steps(3.0, 0.0) == [FINEST] * 3
    assert steps(3.0, 0.0, inf) == [first] * 3


def test_equal_networks_have_equal_maps_though_the_time_runs_out(place, monkeypatch):
    monkeypatch.setattr("core.analysis.saliency.explanation.ENOUGH", 0.0)
    opened = open_models(*place)
    original = opened.model("original")
    monkeypatch.setattr(type(opened), "model", lambda *_: original)
    for seconds in (0.5, 1.5, 2.5, 3.5):
        clock = count(0.0, 0.5)
        monkeypatch.setattr("core.analysis.saliency.one_image.perf_counter", lambda clock=clock: next(clock))
        monkeypatch.setattr("core.analysis.saliency.one_image.SECONDS", seconds)
        maps = [said["map"] for said in ask(place)["models"].values()]
        np.testing.assert_array_equal(maps[0], maps[1])
        np.testing.assert_array_equal(maps[0], maps[2])


@pytest.mark.parametrize("settings", [{"smooth": 2}, {"steps": 9}, {"smooth": 2, "steps": 9}, {}])
def test_the_steps_that_are_foretold_are_those_that_are_at_least_taken(place, monkeypatch, settings):
    for bound in ("ENOUGH", "SURE"):
        monkeypatch.setattr(f"core.analysis.saliency.explanation.{bound}", inf)
    foretold, backward = [], []
    monkeypatch.setattr("core.analysis.saliency.one_image.affordable", lambda asked, cost, networks: foretold.append(cost * networks))
    grad = torch.autograd.grad

    def counted(outputs, inputs, *more, **about):
        backward.append(len(inputs[0] if isinstance(inputs, tuple) else inputs))
        return grad(outputs, inputs, *more, **about)

    monkeypatch.setattr(torch.autograd, "grad", counted)
    ask(place, settings=settings)
    assert foretold == [3 * sum(backward)]
    foretold.clear()
    backward.clear()
    ask(place, saliency_trust, settings=settings)
    assert 3 * sum(backward) <= foretold[0] <= 3 * sum(backward) + 3 * 2 * (1 + SHAKES)


def test_a_map_that_is_fine_leaves_the_time_to_the_others(place, monkeypatch):
    fine = {}

    def finer(model, *_args):
        known = len(fine)
        fine[known] = 0
        while True:
            fine[known] += 1
            error = 0.0 if (known, fine[known]) == (1, 2) else 1.0  # the second network's second map is fine
            yield Explanation(torch.zeros(1, 1, 8, 8), torch.ones(1), torch.tensor([error]), COARSE + MORE * (fine[known] - 1))

    monkeypatch.setattr("core.analysis.saliency.image_request.finer", finer)
    monkeypatch.setattr("core.analysis.saliency.one_image.FINEST", COARSE + 4 * MORE)
    assert [said["steps"] for said in ask(place)["models"].values()] == [COARSE + 4 * MORE, COARSE + MORE, COARSE + 4 * MORE]


def test_unlearning_shows_the_class_that_had_to_go_looks_elsewhere_and_the_control_does_not(place):
    changed = {name: [ask(place, image={"set": name, "place": n}, how="deep_lift")["pairs"]["original,unlearned"]["rank"] for n in range(8)]
               for name in ("forget", "retain")}  # fmt: skip
    assert np.median(changed["forget"]) < np.median(changed["retain"])


def test_each_networks_own_answer_is_a_target_and_so_is_any_class(place):
    own = ask(place, target="own", how="saliency")["models"]
    assert all(said["target"] == said["answer"] for said in own.values())
    assert all(said["target"] == 7 for said in ask(place, target=7, how="saliency")["models"].values())


@pytest.mark.parametrize("how", ["grad_cam", "saliency", "input_x_gradient", "guided_backprop", "deep_lift", "occlusion"])
def test_every_explainer_that_is_offered_answers_all_three_questions_in_json(place, how):
    assert how in [e["key"] for e in saliency_offer(*place)["explainers"] if not e["unfit"]]
    for about in (saliency, saliency_random, saliency_trust):
        assert "NaN" not in encode(ask(place, about, how=how))


def test_a_randomised_network_is_always_the_same_one_and_no_stored_one(place):
    one, again = (ask(place, saliency_random, how="deep_lift") for _ in range(2))
    assert one["target"] == again["target"]
    np.testing.assert_array_equal(one["map"], again["map"])
    shown = ask(place, how="deep_lift")["models"]["original"]
    assert one["target"] == shown["target"]
    assert abs(rank_correlation(shown["map"], one["map"])) < 0.7
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    ask(place, saliency_random, how="saliency")
    assert torch.equal(torch.random.get_rng_state(), before)


def test_an_own_picture_gets_three_answers(place, tmp_path):
    file = tmp_path / "picture"
    Image.new("RGB", (300, 200), (250, 250, 250)).save(file, "PNG")
    told = ask(place, image={"path": str(file), "name": "mine.png"})
    assert (told["label"], told["row"], told["parts"]) == (None, None, {})
    assert told["image"].shape == (1, 8, 8)
    assert all(said["target"] == said["answer"] for said in told["models"].values())  # it has no true class


@pytest.mark.parametrize(
    "more, sentence",
    [
        ({"image": {"set": "forget", "place": 5000}}, "There is no image 5000 in the set forget; it has "),
        ({"image": {"set": "attic", "place": 0}}, "There is no set 'attic'; there are forget, retain, "),
        ({"target": 10}, "There is no class 10; there are 10, from 0."),
        ({"target": "best"}, "A target is 'true', 'own' or the number of a class, not 'best'."),
        ({"how": "rollout"}, "Attention rollout follows attention"),
    ],
)
def test_what_cannot_be_asked_is_told_in_a_sentence(place, more, sentence):
    about = {"run_id": place[1], "image": {"set": "forget", "place": 0}, "target": "true", "how": "saliency", "settings": {}, **more}
    line = json.dumps({"question": "saliency", "about": about})
    assert answer(place[0], line)["wrong"].startswith(sentence)


def test_what_would_keep_the_engine_busy_too_long_is_refused_before_it_begins(place, monkeypatch):
    monkeypatch.setattr("core.analysis.saliency.image_request.MOST_SECONDS", 0.0)
    assert ask(place, how="saliency")["models"]  # cheap: not even counted
    with pytest.raises(WrongInput, match="fewer steps or noisy copies"):
        ask(place, settings={"smooth": 24})
    for about in (saliency_trust, saliency_random):
        with pytest.raises(WrongInput, match="This would take about"):
            ask(place, about)


@pytest.mark.parametrize("about, networks", [(saliency, 3), (saliency_random, 1), (saliency_trust, 3)])
def test_what_is_foretold_is_what_is_done_but_for_a_few_passes(place, monkeypatch, about, networks):
    """Occlusion goes forward only, so that its passes can be counted."""
    foretold, done = [], []
    monkeypatch.setattr(module, "affordable", lambda asked, cost, networks: foretold.append(cost * networks))
    kind = type(open_models(*place).model("original"))
    hook = register_module_forward_pre_hook(lambda model, x: done.append(len(x[0])) if type(model) is kind else None)
    try:
        ask(place, about, how="occlusion", image={"set": "retain", "place": 0})
    finally:
        hook.remove()
    assert foretold[0] % networks == 0
    small = 3 * networks  # the answer itself, and the image that Captum starts from; for each map of trust once
    assert foretold[0] <= sum(done) <= foretold[0] + small * (6 if about is saliency_trust else 1)


def test_the_offer_says_which_layers_sets_and_models_there_are(place):
    offer = saliency_offer(*place)
    assert offer["layer"] == "pool2"
    assert offer["layers"]["pool2"] == [4, 4]
    assert offer["models"] == ["original", "unlearned", "reference"]
    opened = open_models(*place)
    assert offer["sets"]["forget"] == len(opened.splits.forget)
    assert offer["sets"]["test_retain"] == len(opened.splits.test_retain)
    json.dumps(offer)


def weights(dataset, seed):
    from core.data.registry import load_dataset

    torch.manual_seed(seed)
    model = MODELS["small_cnn"](load_dataset(dataset).info)
    return {name: t.numpy() for name, t in model.state_dict().items()}


def test_a_run_without_reference_has_two_maps_and_one_without_networks_says_so(home):
    two = plant(home, spec(reference=False), files={name: weights("digits", seed) for seed, name in enumerate(("original", "unlearned"))})
    told = ask((home, two), how="saliency")
    assert list(told["models"]) == ["original", "unlearned"]
    assert list(told["pairs"]) == ["original,unlearned"]
    none = plant(home, spec(seed=1), files=dict.fromkeys(("original", "unlearned", "reference")))
    with pytest.raises(WrongInput, match="stored no networks"):
        saliency_offer(home, none)


def test_on_faces_the_share_of_each_true_part_is_told_and_attributes_are_targets(home):
    made = spec(dataset="faces_attributes", request="attribute:glasses=1", params={})
    put = Artifacts(home.artifacts_folder)
    files = {name: put.put_arrays(weights(made.dataset, seed)) for seed, name in enumerate(MODEL_NAMES)}
    (run_id,) = record(home, [(made, {}, files, {"unlearn": 1.0, "reference": 1.0})])
    told = ask((home, run_id), how="saliency", target=0)
    assert isinstance(told["label"], list)
    shares = told["parts"]["glasses"]
    assert 0 < shares["pixels"] < 0.3
    assert all(0 < shares[name] < 1 for name in MODEL_NAMES)
    assert all(0 < p < 1 for p in told["models"]["original"]["probabilities"])
    own = ask((home, run_id), how="saliency", target="own")["models"]
    likely = int(np.argmax(own["original"]["probabilities"]))  # the original's, for all networks
    assert [said["target"] for said in own.values()] == [likely] * 3
    assert len({said["answer"] for said in own.values()}) > 1  # the networks are drawn, and differ


def test_arrays_come_back_from_the_wire_as_they_were():
    for array in (np.arange(6, dtype=np.float32).reshape(2, 3), np.zeros((0, 2), np.uint8)):
        back = decode(encode({"map": [array]}))["map"][0]
        assert back.dtype == array.dtype
        np.testing.assert_array_equal(back, array)
    with pytest.raises(ValueError, match="float64"):
        encode(np.zeros(2))
