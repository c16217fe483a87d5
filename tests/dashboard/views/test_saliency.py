"""The Saliency page without a browser: what it shows of one image and of many, and what it says where something is missing."""

import json
import re

import numpy as np
import pytest
from scipy.stats import spearmanr

from core.analysis import stored_results
from core.analysis.stored_results import Analysis
from core.domain.run import MODELS
from core.figures.saliency import overlays as pictures
from core.storage.artifacts import Artifacts
from core.storage.runs import ResultStore
from dashboard.components.saliency import gallery
from dashboard.queries.runs import RunHandle
from tests.dashboard.conftest import sound
from tests.dashboard.views.test_pages import alts, group, said, told
from tests.planted import plant, record, spec

PAGE = "views/saliency.py"


def pills(at, label):
    return next(w for w in at.get("button_group") if w.label == label)


def captions(at):
    return " ".join(c.value for c in at.caption)


def test_one_image_is_explained_under_all_three_networks(open_app, finished, done):
    at = open_app(finished.root, PAGE, run=done)
    assert at.title[0].value == "Saliency"
    assert at.selectbox(key="explainer").value == "integrated_gradients"
    assert not at.error
    heads = " ".join(m.value for m in at.markdown)
    for title in ("Original", "Unlearned", "Retrained reference", "Randomised network", "Unlearned − original", "Unlearned − reference"):
        assert f"**{title}**" in heads
    assert "truly 3" in heads
    assert "completeness error" in captions(at)  # the error of Integrated Gradients
    assert "learn from them whether an image was in the training set" in captions(at)
    assert len(at.get("image")) == 9  # the image, three maps, the legend, three differences, the randomised network's
    assert captions(at).count("How to read it") == 3
    assert not at.get("plotly_chart")
    (table,) = at.table
    assert list(table.value.columns) == ["Maps", "Rank correlation", "SSIM", "Centre moved (pixels)", "Outside the first's top tenth"]
    assert len(table.value) == 3


def test_the_randomised_network_is_asked_the_same_and_held_against_the_original_s_very_map(open_app, finished, done, monkeypatch):
    asked_for, ask = {}, RunHandle.ask

    def spied(run, question, **about):
        answer = ask(run, question, **about)
        asked_for[question] = about, answer
        return answer

    monkeypatch.setattr(RunHandle, "ask", spied)
    at = open_app(finished.root, PAGE, run=done)
    assert asked_for["saliency_random"][0] == asked_for["saliency"][0]
    ours, theirs = (answer["map"] for answer in (asked_for["saliency"][1]["models"]["original"], asked_for["saliency_random"][1]))
    by_scipy = spearmanr(ours.ravel(), theirs.ravel()).statistic
    (head,) = [m.value for m in at.markdown if m.value.startswith("**Randomised network**")]
    assert head.endswith(f"rank correlation {by_scipy:.2f}".replace("-", "−"))
    at.selectbox(key="explainer").set_value("saliency").run()
    assert asked_for["saliency_random"][0] == asked_for["saliency"][0]
    assert asked_for["saliency"][0]["how"] == "saliency"


def test_maps_of_different_classes_are_said_to_be_and_not_subtracted(open_app, finished, done):
    at = open_app(finished.root, PAGE, run=done, explainer="Saliency")
    at = sound(at.selectbox(key="saliency_target").set_value("own").run())
    assert "different classes (original: 3, unlearned: " in told(at, "warning")[0]  # the run forgot the 3
    assert "Unlearned − original" not in said(at)
    assert "Randomised network" in said(at)
    at = sound(at.selectbox(key="saliency_target").set_value("true").run())
    assert not at.warning
    assert "Unlearned − original" in said(at)


def test_colours_are_read_by_the_explainer(open_app, finished, done):
    at = open_app(finished.root, PAGE, run=done, explainer="Saliency")
    assert "there is no blue; colour is full at" in captions(at)
    assert "±" not in captions(at)
    assert "against it" not in captions(at)
    at = sound(at.selectbox(key="explainer").set_value("grad_cam").run())
    assert "blue ones against it; colour is full at ±" in captions(at)
    assert "no blue" not in captions(at)


def test_only_explainers_that_fit_are_offered_and_the_others_say_why(open_app, finished, done):
    at = open_app(finished.root, PAGE, run=done)
    assert "Attention rollout" not in at.selectbox(key="explainer").options
    assert "this network has none" in said(at)
    at = sound(at.selectbox(key="explainer").set_value("grad_cam").run())
    assert at.selectbox(key="saliency_layer").value == "pool2"
    assert "completeness error" not in captions(at)
    at = sound(at.selectbox(key="saliency_layer").set_value("conv1").run())
    assert not at.error


def test_another_image_and_another_class_give_other_maps(open_app, finished, done):
    at = open_app(finished.root, PAGE, run=done, explainer="Saliency")
    first = at.table[0].value
    at = sound(at.number_input(key="saliency_place").set_value(7).run())
    second = at.table[0].value
    assert not first.equals(second)
    at = sound(at.selectbox(key="saliency_target").set_value("5").run())
    assert not second.equals(at.table[0].value)
    assert "; 5, " in said(at)


def test_the_control_and_unseen_images_can_be_chosen_and_a_place_that_is_not_there_becomes_the_first(open_app, finished, done):
    at = open_app(finished.root, PAGE, run=done, explainer="Saliency", saliency_place=100)
    assert at.number_input(key="saliency_place").value == 100
    at = sound(pills(at, "Image from").set_value("test_forget").run())
    assert at.number_input(key="saliency_place").value == 0
    assert "truly 3" in " ".join(m.value for m in at.markdown)
    at = sound(pills(at, "Image from").set_value("retain").run())
    assert "truly 3" not in " ".join(m.value for m in at.markdown)


def test_infidelity_and_sensitivity_are_measured_when_asked_for(open_app, finished, done):
    at = open_app(finished.root, PAGE, run=done, explainer="DeepLift")
    at = sound(at.toggle(key="saliency_trust").set_value(True).run())
    assert list(at.table[1].value.columns) == ["Network", "Infidelity", "Sensitivity"]
    assert at.table[1].value["Infidelity"].astype(float).between(0, 1.5).all()


def test_an_own_picture_is_asked_for_and_told_what_is_wrong_with_it(open_app, finished, done):
    at = open_app(finished.root, PAGE, run=done, explainer="Saliency")
    at = sound(pills(at, "Image from").set_value("own").run())
    assert "any size" in captions(at)
    at.file_uploader(key="saliency_own").set_value(("notes.png", b"no picture", "image/png"))
    at = sound(at.run())
    assert "notes" in at.error[0].value
    assert "no picture that can be read" in at.error[0].value


def test_a_run_without_reference_shows_two_maps_and_says_so(open_app, finished, done, home_of):
    home = home_of()
    with ResultStore(home.database) as store:
        files = store.artifacts(done)
    put = Artifacts(home.artifacts_folder)
    run_id = plant(home, spec(seed=9, reference=False), files={name: put.get_arrays(files[name]) for name in MODELS[:2]})
    at = open_app(home.root, PAGE, run=run_id, explainer="Saliency")
    assert "no retrained reference" in at.info[0].value
    assert len(at.table[0].value) == 1


# The gallery.


def arrays_of(count=6, models=MODELS):
    """A drawn gallery: `count` images of each set, 8x8 grey; the maps' scores rise with the place."""
    draw, whole = np.random.default_rng(0), 2 * count
    found = {
        "images": draw.integers(0, 17, (whole, 1, 8, 8)).astype(np.uint8), "peak": np.array(16), "rows": np.arange(whole),
        "scale": np.array(2.0), "places": np.tile(np.arange(count), 2), "forget": np.arange(whole) < count, "labels": np.full(whole, 3),
    }  # fmt: skip
    for name in models:
        found |= {f"maps/{name}": draw.normal(size=(whole, 8, 8)).astype(np.float16), f"answers/{name}": np.full(whole, 5),
                  f"targets/{name}": np.full(whole, 3), f"shares/{name}": np.full(whole, 0.25, np.float32)}  # fmt: skip
    rising = np.linspace(-1, 1, whole, dtype=np.float32)[:, None].repeat(4, 1)
    return found | {f"scores/{a}/{b}": rising for i, a in enumerate(models) for b in models[i + 1 :]}


def keep(home, run_id, found, how="saliency", count=16):
    """As the process that computes looks keeps one."""
    look = Analysis("gallery", run_id, {"how": how, "target": "true", "count": count, "settings": {}})
    stored_results.keep(home, stored_results.key_of(home, look), look, found, 1.0)


def test_a_gallery_is_offered_and_once_kept_drawn_as_one_wall_a_network(open_app, done, home_of):
    home = home_of()
    at = open_app(home.root, PAGE, run=done, explainer="Saliency")
    assert any(b.label == "Compute the gallery" for b in at.button)
    keep(home, done, arrays_of())
    at = open_app(home.root, PAGE, run=done, explainer="Saliency")
    charts = at.get("plotly_chart")
    assert len(charts) == 3
    assert alts(at)[0] == "Maps of 6 images under the original network, most changed first"
    data = json.loads(charts[1].proto.spec)
    assert [point[0] for point in data["data"][0]["customdata"]] == [0, 1, 2, 3, 4, 5]
    assert "number 0, truly 3<br>answers 5<br>3: 25.0 %" in data["data"][0]["text"][0]
    assert len(data["layout"]["images"]) == 1
    assert "The median is −0.55 over the forget set and 0.55 over the control" in captions(at)
    at = sound(pills(at, "Show").set_value("retain").run())
    assert [p[0] for p in json.loads(at.get("plotly_chart")[0].proto.spec)["data"][0]["customdata"]] == [6, 7, 8, 9, 10, 11]
    assert group(at, "Show") == ["retain"]
    assert not at.warning
    parts = {f"parts/glasses/{name}": np.array([0.25] * 6 + [0.75] * 6) for name in MODELS}
    keep(home, done, arrays_of() | parts | {"targets/unlearned": np.array([5] * 2 + [3] * 10)}, how="input_x_gradient")
    at = open_app(home.root, PAGE, run=done, explainer="Input × Gradient")
    (parts,) = [table for table in at.table if table.proto.alt.startswith("Mean share of each network's maps")]
    assert parts.value.iloc[0].tolist() == ["glasses", 6, "25.0 %", "25.0 %", "25.0 %"]
    assert "different classes for 2 of 6 images of the forget set and 0 of 6 of the control" in at.warning[0].value


def test_a_run_with_one_network_alone_has_nothing_to_hold_its_maps_against_and_says_so(open_app, finished, done, home_of):
    home = home_of()
    with ResultStore(home.database) as store:
        files = store.artifacts(done)
    original = Artifacts(home.artifacts_folder).get_arrays(files["original"])
    run_id = plant(home, spec(seed=11, engine="0" * 12), files={"original": original, "unlearned": None, "reference": None})
    keep(home, run_id, arrays_of(models=("original",)))
    at = open_app(home.root, PAGE, run=run_id, explainer="Saliency")
    assert "This run stored one network alone" in captions(at)
    assert not at.table  # no pairs
    assert not at.error


def test_a_click_in_the_gallery_opens_that_image_below(monkeypatch):
    set_now = {}
    monkeypatch.setattr(gallery, "recall", lambda key: {"selection": {"points": [{"customdata": [8]}] if key == "wall" else []}})
    monkeypatch.setattr(gallery, "remember", set_now.__setitem__)
    gallery._clicked("elsewhere", arrays_of())
    assert set_now == {}
    gallery._clicked("wall", arrays_of())
    assert set_now == {"saliency_from": "retain", "saliency_place": 2}  # six of the forget set come before


def test_of_faces_with_attributes_there_is_no_true_class_and_the_glasses_share_is_told(open_app, home_of):
    import torch

    from core.data.registry import load_dataset
    from core.models.registry import MODELS as BUILDERS

    home, made = home_of(), spec(dataset="faces_attributes", request="attribute:glasses=1", params={})
    put, files = Artifacts(home.artifacts_folder), {}
    for seed, name in enumerate(MODELS):
        torch.manual_seed(seed)
        model = BUILDERS["small_cnn"](load_dataset(made.dataset).info)
        files[name] = put.put_arrays({key: t.numpy() for key, t in model.state_dict().items()})
    (run_id,) = record(home, [(made, {}, files, {"unlearn": 1.0, "reference": 1.0})])
    at = open_app(home.root, PAGE, run=run_id, explainer="Saliency")
    assert at.selectbox(key="saliency_target").value == "own"
    assert "the true class" not in at.selectbox(key="saliency_target").options
    assert re.search(r"most likely attribute\\: [a-z]+, ", said(at))  # its colon kept from markdown
    assert "says " not in said(at)
    assert not at.warning  # one attribute for all networks
    at = sound(at.selectbox(key="saliency_target").set_value("0").run())
    assert list(at.table[1].value.columns) == ["Part", "Of the image", "Original", "Unlearned", "Retrained reference"]
    assert "glasses" in at.table[1].value["Part"].tolist()
    assert "a map that knows nothing" in captions(at)


def test_those_whose_maps_differ_most_come_first_and_those_without_a_score_last():
    found = arrays_of(3)
    found["scores/original/unlearned"] = np.array([[0.9, 0, 1, 0], [np.nan, 0, 3, 0], [0.1, 0, 2, 0]] * 2, np.float32)
    assert pictures.order_of(found, "original/unlearned", "rank", True).tolist() == [2, 0, 1]
    assert pictures.order_of(found, "original/unlearned", "shift", False).tolist() == [4, 5, 3]


def test_a_map_is_red_for_blue_against_and_pale_where_it_is_silent():
    image = np.zeros((1, 1, 3), np.uint8)
    over = pictures.overlay(image, np.array([[1.0, -1.0, 0.0]]), 1.0)[0]
    assert over.tolist() == [[0xB2, 0x18, 0x2B], [0x21, 0x66, 0xAC], [166, 166, 166]]  # black at 0.35 of its contrast
    half = pictures.overlay(np.full((3, 1, 1), 255, np.uint8), np.array([[5.0]]), 10.0)[0, 0]
    assert half.tolist() == [216, 140, 149]  # half way between white and the red
    assert (pictures.overlay(image, np.array([[9.0, -9.0, np.nan]]), 1.0)[0] == over).all()  # beyond full colour there is none


def test_one_scale_serves_all_maps_and_is_never_0():
    maps = [np.full((10, 10), 2.0), np.full((10, 10), -4.0)]
    assert pictures.scale_of(maps) == 4
    assert pictures.scale_of([np.zeros((2, 2))]) == 1


def test_scores_are_said_in_their_units_and_none_as_a_dash():
    table = pictures.pair_table({"original,unlearned": {"rank": 0.5, "ssim": None, "shift": 1.25, "outside": 0.333}})
    assert table.iloc[0].tolist() == ["Original → unlearned", "0.50", "–", "1.25", "33 %"]
    parts = pictures.part_table({"glasses": {"pixels": 0.04, "original": 0.5, "unlearned": None}}, ["original", "unlearned"])
    assert parts.iloc[0].tolist() == ["glasses", "4.0 %", "50.0 %", "–"]


def test_the_mean_share_of_a_gallerys_maps_on_a_part_is_over_the_images_that_show_it():
    found = {
        "parts/glasses/original": np.array([0.5, np.nan, 0.3, 0.9]), "parts/glasses/unlearned": np.array([0.1, np.nan, np.nan, 0.9]),
        "parts/hat/original": np.full(4, np.nan), "parts/hat/unlearned": np.full(4, np.nan),
    }  # fmt: skip
    table = pictures.parts_of(found, np.array([0, 1, 2]), ["original", "unlearned"])
    assert table.to_dict("records") == [{"Part": "glasses", "Images": 2, "Original": "40.0 %", "Unlearned": "10.0 %"}]
    assert pictures.parts_of(arrays_of(), np.arange(4), MODELS).empty


@pytest.mark.parametrize("channels", [1, 3])
def test_a_wall_holds_every_image_once(channels):
    found = arrays_of(5)
    found["images"] = found["images"].repeat(channels, 1)
    figure = pictures.grid_figure(found, np.arange(10), "original", ["text"] * 10)
    assert len(figure.data[0].x) == 10
    assert figure.layout.images[0].sizey == 2  # eight in a row
    assert pictures.sheet(found, np.arange(10), "").startswith(b"\x89PNG")


def test_a_wall_does_not_change_the_gallery():
    found = arrays_of(2)
    before = {name: values.copy() for name, values in found.items()}
    pictures.grid_figure(found, np.arange(4), "reference", [""] * 4)
    assert all(np.array_equal(values, before[name]) for name, values in found.items())
