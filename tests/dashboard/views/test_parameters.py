"""The Parameters page without a browser: every tab, any run, what is missing, and the run that keeps what was seen."""

import json
import re
import time

import numpy as np
import pytest

from core.analysis.stored_results import Analysis
from core.jobs.background import progress
from core.storage.home import Home
from dashboard.queries import catalogue
from dashboard.queries.runs import RunHandle
from tests.dashboard.conftest import queued, sound
from tests.dashboard.views.test_pages import alts, labels, said, told
from tests.drawn import SHAPES
from tests.planted import plant, spec

VIEW = "views/parameters.py"
TABS = {
    "dampening": {"By layer": ["Share of each parameter tensor's weights"], "Factor β": ["Histogram of the factors"],
                  "Over all α": ["Accuracy on the parts of the data over alpha"]},
    "important": {"By layer": ["Heat map: mean importance"], "Distributions": ["Boxes by layer: importance", "Boxes by layer: ratio"],
                  "Kernels": ["Heat map of conv2.weight: ratio"], "Filters": []},
    "touched-look": {"How far": ["Heat map: relative change"], "Share of weights": ["Heat map: share of each layer"],
                     "Overlap": ["Heat map: weights that two methods"],
                     "One layer": ["Bars: relative change", "Heat map: relative change"]},
}  # fmt: skip
ALWAYS = ["Histogram of the importance ratio", "Accuracy by class before", "Relative change of each parameter tensor"]


def importances():
    """What SSD stores, drawn."""
    draw = np.random.default_rng(0)
    forget, everything = ({n: draw.lognormal(-8, 1, s).astype(np.float32) for n, s in SHAPES.items()} for _ in range(2))
    return {"recorded": {f"importance_forget/{n}": a for n, a in forget.items()}, "statistic/ImportanceStatistic-0": everything}


def computed(home: Home, look: Analysis) -> None:
    """Waits until a look that was asked for is done."""
    end = time.monotonic() + 90
    while progress(home, look).status == "running" and time.monotonic() < end:
        time.sleep(0.1)
    assert progress(home, look).status == "done"


def figures_of(at, *alternatives: str) -> None:
    """Each is there once, and no others."""
    seen = alts(at)
    for words in alternatives:
        assert sum(alt.startswith(words) for alt in seen) == 1, (words, seen)
    assert len(seen) == len(alternatives)


# A run of SSD.


@pytest.mark.parametrize("choice", range(4))
def test_only_the_open_tabs_are_drawn(open_app, finished, done, choice):
    chosen = {key: list(tabs)[min(choice, len(tabs) - 1)] for key, tabs in TABS.items()}
    at = open_app(finished.root, VIEW, run=done, **chosen)
    assert not at.error, told(at)
    figures_of(at, *ALWAYS, *(alt for key, tab in chosen.items() for alt in TABS[key][tab]))
    assert sum("How to read it" in caption.value for caption in at.caption) >= 5


def test_a_step_of_alpha_redraws_at_most_four_figures_and_asks_for_no_run(open_app, finished, done):
    at = open_app(finished.root, VIEW, run=done, dampening="Over all α")
    before = [chart.proto.spec for chart in at.get("plotly_chart")]
    slider = at.select_slider(key="alpha")
    at = sound(slider.set_value(1.0 if 1.0 in slider.options else float(slider.options[40])).run())
    changed = [one != other for one, other in zip(before, [chart.proto.spec for chart in at.get("plotly_chart")], strict=True)]
    assert 3 <= sum(changed) <= 4
    curve = next(json.loads(c.proto.spec) for c in at.get("plotly_chart") if c.proto.alt.startswith("Accuracy on the parts"))
    assert curve["layout"]["shapes"][0]["x0"] == pytest.approx(np.log10(float(at.select_slider(key="alpha").value)))


def test_the_ceiling_and_the_automatic_value_are_named_and_can_be_chosen(open_app, finished, done):
    at = open_app(finished.root, VIEW, run=done)
    caption = next(c.value for c in at.caption if c.value.startswith("Automatic α = "))
    automatic = caption.split()[3]
    assert automatic in at.select_slider(key="alpha").options
    assert "ceiling n/k = 9.78: at or above it nothing is dampened" in caption


def test_the_images_that_drive_filters_come_as_strips_in_a_table(open_app, finished, done):
    table = open_app(finished.root, VIEW, run=done, important="Filters").dataframe[0].value
    assert len(table) == 8
    assert list(table["Ratio"]) == sorted(table["Ratio"], reverse=True)
    for column in ("Filter", "Forget images", "Retain images"):
        assert all(picture.startswith("data:image/png;base64,") for picture in table[column])


def test_what_the_sliders_say_can_be_kept_as_a_run(open_app, home_of, done, no_supervisor):
    home = home_of()
    at = open_app(home.root, VIEW, run=done)
    at.slider(key="lambda").set_value(0.5)
    at = sound(at.run())
    alpha = float(at.select_slider(key="alpha").value)
    at = sound(at.button(key="keep").click().run())
    (asked,) = queued(home)
    settings = {"settings": "given", "importance": "per_sample", "batch_size": 64, "alpha": alpha, "lambda": 0.5}
    assert (asked.method, asked.params) == ("ssd", settings)
    assert (asked.dataset, asked.request.text, asked.reference) == ("digits", "class:3", True)
    assert f"Kept as run {asked.id}, which is queued." in [caption.value for caption in at.caption]
    at = sound(at.button(key="open-kept").click().run())
    assert (at.title[0].value, at.text_input(key="run").value) == ("Result", asked.id)


def test_the_open_runs_own_settings_are_kept_as_that_run_though_a_rule_chose_its_alpha(open_app, bare, no_supervisor):
    own = spec("ssd", params={"settings": "given", "importance": "per_sample", "batch_size": 64, "alpha": "percentile", "lambda": 1.0})
    run_id = plant(bare, own, files=importances())
    at = open_app(bare.root, VIEW, run=run_id)
    assert any("These are the open run's own settings." in caption.value for caption in at.caption)
    at = sound(at.button(key="keep").click().run())
    assert not queued(bare)
    assert f"Kept as run {run_id}, which is done." in [caption.value for caption in at.caption]


def test_of_a_slow_network_the_curve_is_computed_once_by_a_worker(open_app, bare, monkeypatch):
    run_id = plant(bare, spec("ssd"), files=importances())
    ask = RunHandle.ask
    monkeypatch.setattr(RunHandle, "ask", lambda *question, **about: {**ask(*question, **about), "at_once": 0, "curve_seconds": 3.42})
    at = open_app(bare.root, VIEW, run=run_id, dampening="Over all α")
    assert any("about 3.4 s on this machine as busy as it is, too long for a click" in caption.value for caption in at.caption)
    at = sound(next(b for b in at.button if b.label == "Compute the curve over all α at λ = 1").click().run())
    computed(bare, Analysis("alphas", run_id, {"lambda_": 1.0, "importance": ""}))
    at = open_app(bare.root, VIEW, run=run_id, dampening="Over all α", **{"lambda": 0.5})
    assert any("At λ = 1, the run's own, whatever the slider says." in caption.value for caption in at.caption)
    assert sum(alt.startswith("Accuracy on the parts of the data over alpha") for alt in alts(at)) == 1
    assert not any(b.label.startswith("Compute the curve") for b in at.button)


# Any other run.


def test_importances_of_a_run_without_any_are_offered_computed_and_explored(open_app, bare):
    run_id = plant(bare, spec("finetune"))
    at = open_app(bare.root, VIEW, run=run_id)
    assert "This run stored no importances: its method does not need any." in at.info[0].value
    figures_of(at, "Relative change of each parameter tensor", "Heat map: relative change of each")
    at = sound(next(b for b in at.button if b.label == "Compute the per_sample importances").click().run())
    computed(bare, Analysis("importance", run_id, {"estimator": "per_sample", "batch_size": 0}))
    at = open_app(bare.root, VIEW, run=run_id)
    figures_of(at, *ALWAYS, "Share of each parameter", "Heat map: mean importance", "Heat map: relative change")
    assert not at.info
    assert "Computed after the run, at its original network, and kept." in [caption.value for caption in at.caption]
    assert {metric.label: metric.value for metric in at.metric}["JS to reference"] != "–"


def test_methods_that_share_the_original_stand_beside_each_other(open_app, bare):
    runs = {method: plant(bare, spec(method)) for method in ("ssd", "finetune", "retrain", "scrub")}
    plant(bare, spec("salun", seed=5))  # of another original
    elsewhere = plant(bare, spec("salun", "class:5"))
    plant(bare, spec("finetune", "random:0.05"))  # as new as any, and of another request
    at = open_app(bare.root, VIEW, run=runs["retrain"])
    assert sorted(at.multiselect(key="touched-runs").value) == sorted(runs.values())
    chart = next(json.loads(c.proto.spec) for c in at.get("plotly_chart") if c.proto.alt.startswith("Heat map: relative change"))
    assert sorted(chart["data"][0]["y"]) == ["finetune", "retrain", "retrained reference", "scrub", "ssd"]
    at = sound(at.multiselect(key="touched-runs").set_value([runs["ssd"]]).run())
    chart = next(json.loads(c.proto.spec) for c in at.get("plotly_chart") if c.proto.alt.startswith("Heat map: relative change"))
    assert chart["data"][0]["y"] == ["ssd", "retrained reference"]
    offered = at.multiselect(key="touched-runs").options
    assert sorted(offered[:4]) == ["finetune", "retrain", "scrub", "ssd"]
    assert sorted(offered[4:]) == ["finetune, random:0.05", "salun, class:5"]
    at = sound(at.multiselect(key="touched-runs").set_value([runs["ssd"], elsewhere]).run())
    chart = next(json.loads(c.proto.spec) for c in at.get("plotly_chart") if c.proto.alt.startswith("Heat map: relative change"))
    assert chart["data"][0]["y"] == ["ssd", "salun, class:5", "retrained reference"]


def test_a_request_that_names_a_run_is_drawn_letter_for_letter_and_not_longer_than_a_line(open_app, bare, monkeypatch):
    monkeypatch.setattr(catalogue, "request_title", lambda *_: "class:<b>" + "x" * 10_000)
    run_id, other = plant(bare, spec("ssd")), plant(bare, spec("salun", "class:5"))
    at = open_app(bare.root, VIEW, run=run_id)
    at = sound(at.multiselect(key="touched-runs").set_value([run_id, other]).run())
    assert all(len(text) < 80 for text in at.multiselect(key="touched-runs").options)
    chart = next(json.loads(c.proto.spec) for c in at.get("plotly_chart") if c.proto.alt.startswith("Heat map: relative change"))
    (name,) = [text for text in chart["data"][0]["y"] if text.startswith("salun")]
    assert name.startswith("salun, class:&lt;b&gt;x")
    assert len(name) < 80


def test_a_run_without_a_reference_says_what_is_missing_and_offers_it(open_app, bare, no_supervisor):
    run_id = plant(bare, spec("ssd", reference=False), files=importances())
    at = open_app(bare.root, VIEW, run=run_id)
    assert any("This run has no retrained reference: divergence from it" in info.value for info in at.info)
    assert {metric.label: metric.value for metric in at.metric}["JS to reference"] == "–"
    assert not at.error, told(at)
    at = sound(at.button(key="lacks-reference").click().run())
    (asked,) = queued(bare)
    assert (asked.method, asked.reference) == ("ssd", True)
    assert at.text_input(key="run").value == asked.id


def test_a_run_of_an_older_engine_says_which_parts_are_missing_and_offers_them(open_app, bare, no_supervisor):
    gone = {"per_class": None, "layers": None, "recorded": None}
    run_id = plant(bare, spec("ssd", engine="0" * 12), files={**importances(), **gone})
    at = open_app(bare.root, VIEW, run=run_id)
    words = said(at)
    assert "did not store how far each layer moved" in words.replace("\\", "")
    assert "older version of Forgetscope made it" in words
    assert "This run stored no importances: the file that held them was not kept." in words
    assert "Compute the per_sample importances" in labels(at)
    figures_of(at, "Heat map: relative change of each")  # weights are there
    sound(at.button(key="lacks-again").click().run())
    (asked,) = queued(bare)
    assert asked.engine != "0" * 12


def test_all_bars_and_the_tile_are_of_the_images_that_the_caption_tells(open_app, bare):
    run_id = plant(bare, spec("ssd", engine="0" * 12), files={**importances(), "per_class": None})
    at = open_app(bare.root, VIEW, run=run_id)
    chart = next(json.loads(c.proto.spec) for c in at.get("plotly_chart") if c.proto.alt.startswith("Accuracy by class"))
    assert [trace["name"] for trace in chart["data"] if trace["name"]] == ["Original", "Unlearned", "Retrained reference"]
    assert not any("did not store" in info.value for info in at.info)  # the bars need nothing but the networks
    caption = next(c.value for c in at.caption if "marks are of the same images" in c.value)
    test, forget = map(int, re.search(r"Evaluated on test set (\d+), forget set (\d+)\.$", caption).groups())
    assert (32 <= test <= 360, 16 <= forget <= 147) == (True, True)  # as many as this machine answers in time
    tiles = {metric.label: metric.help for metric in at.metric}
    gone = int(re.fullmatch(r"On test images of the forget request; evaluated on (\d+) images\.", tiles["Test forget accuracy"]).group(1))
    kept = int(re.fullmatch(r"On the test retain set; evaluated on (\d+) images\.", tiles["Test retain accuracy"]).group(1))
    assert gone + kept == test
