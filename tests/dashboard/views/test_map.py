"""The Map page without a browser: offered, drawn, clicked, drawn around, and what was chosen on the Unlearn page."""

from base64 import b64decode
from io import BytesIO
import json
import re
import shutil

import numpy as np
from PIL import Image
import pytest

from core.analysis import stored_results
from core.analysis.finished_run import open_models
from core.analysis.registry import LOOKS
from core.analysis.stored_results import Analysis
from core.domain.errors import WrongInput
from core.figures.feature_map.table import table_of
from core.storage.home import Home, open_home
from dashboard.components.common.chosen_image import CHOSEN
from dashboard.components.feature_map import panel
from dashboard.components.feature_map.hover import component
from dashboard.components.feature_map.hover.payload import COLUMNS, LONG
from dashboard.components.feature_map.selection_rules import scores, top_rows
from dashboard.queries import catalogue
from tests.dashboard.conftest import sound
from tests.dashboard.views.test_pages import alts, said, told
from tests.planted import plant, spec

VIEW = "views/map.py"
LOOKED_AT = {"projection": "pca", "count": 2000, "seed": 0}


def keep(home: Home, run_id: str, **settings: object) -> dict[str, np.ndarray]:
    """Compute the map here and keep it as the process of a look does."""
    look = Analysis("map", run_id, {**LOOKED_AT, **settings})
    made = LOOKS["map"](home, run_id, lambda *_: None, **look.settings)
    stored_results.keep(home, stored_results.key_of(home, look), look, made, 1.0)
    return made


@pytest.fixture(scope="module")
def mapped(tmp_path_factory, finished) -> tuple[Home, dict[str, str], dict[str, np.ndarray]]:
    """A home with runs whose maps are kept, their ids, and the arrays of the first; only to be looked at."""
    home = open_home(tmp_path_factory.mktemp("map") / "home")
    shutil.copytree(finished.root / "catalogue", home.root / "catalogue")
    ids = {"class": plant(home, spec("ssd")), "alone": plant(home, spec("ssd", seed=2, reference=False)),
           "wrong": plant(home, spec("finetune", "mislabelled:100")), "new": plant(home, spec("ssd", seed=7))}  # fmt: skip
    first = keep(home, ids["class"], turn=True)
    keep(home, ids["alone"], turn=False)
    keep(home, ids["wrong"], turn=True)
    return home, ids, first


@pytest.fixture
def look(open_app, mapped):
    """The page on one of those runs."""
    home, ids, _ = mapped
    return lambda kind, **query: open_app(home.root, VIEW, run=ids[kind], **query)


def figure(at, key):
    return json.loads(next(c for c in at.get("plotly_chart") if c.proto.id.endswith(f"-{key}")).proto.spec)


def button(at, words):
    return next(b for b in at.button if words in b.label)


def chosen(at) -> list[int]:
    return [int(word) for word in at.code[0].value.split(", ")]


def test_a_map_that_was_never_made_is_offered_with_what_it_costs(look):
    at = look("new")
    assert [b.label for b in at.button] == ["Compute the joint map by PCA"]
    assert "seconds for small networks" in said(at)
    assert not at.error
    at = sound(button(look("new", map_projection="UMAP"), "UMAP").run())
    assert at.button[0].label == "Compute the joint map by UMAP"


def test_without_umap_learn_it_is_not_offered_and_that_is_said(look, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    at = look("new", map_projection="UMAP")
    assert "UMAP needs the package umap-learn" in said(at)
    assert at.button[0].label == "Compute the joint map by PCA"


def test_the_page_says_how_many_images_of_each_set_are_shown_and_counts_what_became_of_them(look, mapped):
    at = look("class")
    assert not at.error
    assert (
        "On the map: 147 of 147 forget set, 1290 of 1290 retain set, 36 of 36 test forget set, "
        "324 of 324 other test images" in said(at)
    )
    table = at.table[0].value
    assert table["What became of them"].tolist() == ["Forgotten", "Not forgotten", "Over-forgotten", "Went where the reference put it"]
    arrays = mapped[2]
    same = (arrays["probabilities/unlearned"].argmax(1) == arrays["probabilities/reference"].argmax(1)).sum()
    assert table["Images"].tolist()[3] == f"{same} of 1797"
    assert sum(len(trace["x"]["bdata"]) > 0 for trace in figure(at, "map_figure")["data"]) >= 2
    assert len(alts(at)) == 1
    assert sum("How to read it" in caption.value for caption in at.caption) == 1


@pytest.mark.parametrize("colour", ["outcome", "class", "set", "forgotten", "not forgotten", "over-forgotten", "as the reference"])
@pytest.mark.parametrize("model", ["original", "reference"])
def test_every_colouring_of_every_network_is_drawn(look, colour, model):
    at = look("class", map_colour=colour, map_model=model)
    assert sum(len(trace["customdata"]) for trace in figure(at, "map_figure")["data"]) == 1797
    assert f"where the {'original' if model == 'original' else 'retrained reference'} network" in alts(at)[0]


def test_a_run_without_a_reference_has_two_networks_and_says_so(look):
    at = look("alone", map_model="reference", map_by="most memorised", map_colour="as the reference")
    assert "This run has no reference: two networks are on the map." in said(at)
    assert "memorisation by the reference, cannot be asked for" in said(at)
    assert at.table[0].value["What became of them"].tolist() == ["Forgotten", "Not forgotten", "Over-forgotten"]
    assert not at.error


def test_attributes_are_refused_with_the_reason(open_app, mapped):
    home = mapped[0]
    run_id = plant(home, spec("finetune", "random:0.05", dataset="faces_attributes"))
    at = open_app(home.root, VIEW, run=run_id)
    assert "has several attributes" in told(at, "info")[0]
    assert not at.button


def after(monkeypatch, *rows, **frames) -> dict[str, object]:
    """What is remembered after the browser has sent a selection of the points of these rows."""
    kept, points = {}, [{"customdata": [row]} for row in rows]
    event = {"selection": {"points": points, "box": [], "lasso": [], **frames}}
    monkeypatch.setattr(panel, "recall", {"map_figure": event}.get)
    monkeypatch.setattr(panel, "remember", kept.__setitem__)
    panel._selected(["train:7", "test:1", "train:2"], "run")
    return kept


def test_a_click_opens_an_image_and_a_frame_chooses_all_within(monkeypatch):
    assert after(monkeypatch, 1) == {"map_image": "test:1"}
    for frame in ("box", "lasso"):
        kept = after(monkeypatch, 2, 0, **{frame: [{"x": [0, 1], "y": [0, 1]}]})
        assert kept == {"map_lassoed": ("run", ["train:7", "train:2"]), "map_by": "drawn around"}
    assert after(monkeypatch) == {}  # a click beside all points takes the selection back


def test_a_named_image_opens_its_card(look, mapped):
    arrays = mapped[2]
    at = look("class", map_image="train:3")
    assert len(alts(at)) == 2
    row = int(np.flatnonzero((arrays["index"] == 3) & (arrays["set"] < 2))[0])
    card = figure(at, "map_probabilities")
    assert [trace["name"] for trace in card["data"]] == ["Original", "Unlearned", "Retrained reference"]
    np.testing.assert_allclose(
        np.frombuffer(b64decode(card["data"][1]["y"]["bdata"]), np.float32), arrays["probabilities/unlearned"][row]
    )
    assert "times its class's usual distance" in said(at)
    assert not [c for c in look("class", map_image="test:9999").caption if "opens its card" in c.value]
    assert "is not among the images on this map" in said(look("class", map_image="<b>train:3"))


def test_the_open_image_s_saliency_is_one_click_away(look, mapped):
    at = look("class", map_image="train:8")
    sound(button(at, "Explain it on the Saliency page").click().run())
    assert at.title[0].value == "Saliency"
    opened = open_models(mapped[0], mapped[1]["class"])
    kept = (~opened.splits.forgotten).nonzero()[:, 0].tolist()
    assert at.session_state["saliency_from"] == "retain"
    assert kept[at.number_input(key="saliency_place").value] == 8


def test_small_maps_of_the_open_image_are_drawn_where_they_are_asked_for(look, mapped):
    at = look("class", map_image="train:8")
    before = len(at.get("image"))
    at = sound(at.toggle(key="map_looks").set_value(True).run())
    assert len(at.get("image")) == before + 3
    assert "the redder a pixel, the more the score of the true class depends on it" in said(at)
    assert not at.error


def test_the_images_like_the_open_one_are_those_of_the_map(look, mapped):
    arrays = mapped[2]
    assert "Open an image first" in told(look("class", map_by="like one image"), "info")[0]
    at = look("class", map_by="like one image", map_image="train:3", map_count="12")
    row = int(np.flatnonzero((arrays["index"] == 3) & (arrays["set"] < 2))[0])
    assert chosen(at) == sorted(arrays["index"][[row, *arrays["neighbours"][row][:11]]].tolist())


@pytest.mark.parametrize("rule", ["most confident", "most atypical", "most memorised", "training against test neighbours"])
def test_a_rule_chooses_its_foremost_and_forecasts(look, mapped, rule):
    at = look("class", map_by=rule, map_count="30")
    table = table_of(mapped[2])
    rows = top_rows(scores(table, rule), np.ones(len(table), bool), 30)
    assert chosen(at) == sorted(table["index"].to_numpy()[rows].tolist())
    assert [metric.label for metric in at.metric] == ["Overlap with what stays", "A random choice as large", "This run's own forget set"]
    assert at.metric[1].value == "98 %"  # 1407 of 1436
    assert "a forecast of difficulty, not a promise" in said(at)


def test_only_images_of_the_part_that_is_asked_for_are_chosen(look, mapped):
    at = look("class", map_by="most atypical", map_among="forget set")
    table = table_of(mapped[2])
    assert set(chosen(at)) <= set(table["index"][table["set"] == "forget"])
    at = look("class", map_by="most memorised", map_among="kept")
    assert "No image among those has such a score" in told(at, "info")[0]
    assert not at.metric


def test_of_suspected_labels_it_is_said_how_many_are_known_to_be_wrong(look):
    at = look("wrong", map_by="suspected mislabelled")
    assert re.search(r"\d+ of these 20 labels are known to be wrong", said(at))


def test_what_was_drawn_around_goes_to_the_unlearn_page_as_training_images(look, mapped):
    at = look("class")
    assert told(at, "info") == ["Nothing is drawn around yet."]
    arrays = mapped[2]
    rows = [0, 5, 200, len(arrays["set"]) - 1]  # the last one is unseen
    ids = table_of(arrays)["id"].to_numpy()[rows].tolist()
    at.session_state["map_lassoed"] = (mapped[1]["class"], ids)
    sound(at.run())
    assert "1 of the 4 images are test images" in said(at)
    indices = sorted(arrays["index"][rows[:3]].tolist())
    assert chosen(at) == indices
    sound(button(at, "Forget these 3").click().run())
    assert at.title[0].value == "Unlearn"
    assert at.text_input(key="samples").value == ", ".join(map(str, indices))
    assert at.selectbox(key="dataset").value == "digits"
    assert "3 training images are in the forget set." in said(at)
    assert not at.button(key="submit").disabled


def test_what_was_drawn_around_on_one_run_is_nothing_on_another(look, mapped):
    at = look("class")
    at.session_state["map_lassoed"] = ("another", ["train:3"])
    assert told(sound(at.run()), "info") == ["Nothing is drawn around yet."]


def test_a_thousand_chosen_images_are_handed_over_whole(look, mapped):
    at = look("class")
    arrays = mapped[2]
    ids = table_of(arrays)["id"].to_numpy()[arrays["set"] == 1][:1000].tolist()
    at.session_state["map_lassoed"] = (mapped[1]["class"], ids)
    sound(button(sound(at.run()), "Forget these 1000").click().run())
    assert "1000 training images are in the forget set" in said(at)


# The companion.


def sent(at) -> list[dict[str, object]]:
    """What the map's companion is given: the map, and what is open or chosen in it."""
    given = [json.loads(one.proto.json) for one in at.get("bidi_component") if one.proto.json]
    return [data for data in given if "networks" in data or "chosen" in data]


def test_the_companion_is_sent_the_map_and_the_open_image_apart(look, mapped):
    arrays = mapped[2]
    large, small = sent(look("class"))
    assert small == {"open": None, "chosen": []}
    assert np.frombuffer(b64decode(large["index"]), LONG).tolist() == arrays["index"].tolist()
    assert large["classes"] == [str(digit) for digit in range(10)]
    row = int(np.flatnonzero((arrays["index"] == 3) & (arrays["set"] < 2))[0])
    others = {"map_colour": "class", "map_model": "original", "map_arrows": "none", "map_by": "most atypical"}
    changed, small = sent(look("class", map_image="train:3", **others))
    assert small["open"] == row
    assert len(small["chosen"]) == 20
    assert changed == large, "what is large depends on no control"


def test_its_pictures_are_those_of_the_images(look, mapped):
    arrays, atlas = mapped[2], sent(look("class"))[0]["atlas"]
    wall = np.asarray(Image.open(BytesIO(b64decode(atlas["url"].split(",")[1]))).convert("L"))
    images = catalogue.images("digits")
    for row in (0, 700, len(arrays["set"]) - 1):
        own = images["test_images" if arrays["set"][row] > 1 else "train_images"][arrays["index"][row], 0]
        top, left = row // COLUMNS * 8, row % COLUMNS * 8
        np.testing.assert_allclose(wall[top : top + 8, left : left + 8], own * (255 / int(images["peak"])), atol=1)


def test_the_companion_is_told_what_a_rule_chose(look, mapped):
    at = look("class", map_by="most confident", map_count="7", map_among="forget set")
    arrays, told = mapped[2], sent(at)[1]["chosen"]
    sure = np.where(arrays["set"] == 0, arrays["probabilities/original"].max(1), -1)
    assert told == np.argsort(-sure, kind="stable")[:7].tolist()


def test_without_the_dataset_s_images_the_rest_is_sent(look, monkeypatch):
    def gone(dataset):
        raise WrongInput("The images are not there.")

    monkeypatch.setattr(catalogue, "images", gone)
    at = look("class")
    assert "The images are not there" in told(at, "info")[0]
    large = sent(at)[0]
    assert large["atlas"] is None
    assert len(large["networks"]) == 3


def test_without_a_reference_it_has_two_maps(look):
    assert [network["title"] for network in sent(look("alone"))[0]["networks"]] == ["Original", "Unlearned"]


@pytest.mark.parametrize("asked, wanted", [(1, {"map_image": "test:1"}), (2, {}), (-1, {}), ("1", {}), (None, {})])
def test_a_click_on_a_small_map_opens_that_image(monkeypatch, asked, wanted):
    kept: dict[str, object] = {}
    monkeypatch.setattr(component, "recall", {"map_hover": {"opened": asked}}.get)
    monkeypatch.setattr(component, "remember", kept.__setitem__)
    component._opened(["train:7", "test:1"])
    assert kept == wanted


def test_the_open_image_stays_open_on_another_run_of_the_dataset(open_app, mapped):
    home, ids, _ = mapped
    at = open_app(home.root, VIEW, run=ids["class"], map_image="train:3")
    at.session_state["run"] = ids["wrong"]
    other = table_of(stored_results.arrays(home, Analysis("map", ids["wrong"], {**LOOKED_AT, "turn": True})))
    assert sent(at.run())[1] == {"open": list(other["id"]).index("train:3"), "chosen": []}


def test_the_chosen_image_of_the_dataset_is_open_and_another_one_is_chosen_by_opening_it(look, mapped):
    first, other = table_of(mapped[2])["id"].iloc[[3, 8]]
    at = look("class", map_image=first)
    assert at.session_state[CHOSEN] == ("digits", first)
    at = look("new")
    at.session_state[CHOSEN] = ("digits", other)
    at.query_params["run"] = mapped[1]["class"]
    at.text_input(key="run").set_value(mapped[1]["class"])
    assert sound(at.run()).text_input(key="map_image").value == other
    sound(at.text_input(key="map_image").set_value(first).run())
    assert at.session_state[CHOSEN] == ("digits", first)
