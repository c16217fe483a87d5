"""The Privacy page without a browser, on planted runs: what it shows, what moves, and what it says where it cannot."""

import json
import shutil

import numpy as np
import pytest

from core.privacy.thresholds import best_threshold, rates
from core.store.artifacts import Artifacts
from core.store.home import Home, open_home
from core.store.results import ResultStore
from core.verdict import percent
from tests.dashboard.conftest import sound
from tests.dashboard.test_pages import alts, group, said, told
from tests.planted import Behaviour, plant, spec

VIEW = "views/privacy.py"
OLD = dict.fromkeys(("examples", "answers", "relearn", "probes", "graft"))  # what an older version did not store
PARTS = ("Who can tell?", "Who leaks", "Try to bring it back")


@pytest.fixture(scope="module")
def planted(tmp_path_factory, finished) -> tuple[Home, dict[str, str]]:
    """A home with finished runs of every kind, and their ids; only to be looked at."""
    home = open_home(tmp_path_factory.mktemp("privacy") / "home")
    shutil.copytree(finished.root / "catalogue", home.root / "catalogue")
    none_unseen = plant(home, spec("finetune"))
    with ResultStore(home.database) as store:
        examples = Artifacts(home.artifacts_folder).get_table(store.artifacts(none_unseen)["examples"])
    kept = examples["set"] != "test_forget"
    return home, {
        "class": plant(home, spec("ssd")),
        "random": plant(home, spec("salun", "random:0.05")),
        "one": plant(home, spec("ssd", "samples:12")),
        "alone": plant(home, spec("ssd", seed=2, reference=False)),
        "old": plant(home, spec("ssd", seed=3), files=OLD),
        "untouched": plant(home, spec("original")),
        "no unseen": plant(home, spec("ssd", seed=4), files={"examples": examples[kept].reset_index(drop=True)}),
    }


@pytest.fixture
def look(open_app, planted):
    """The page on one of the planted runs."""
    home, ids = planted
    return lambda kind, **query: open_app(home.root, VIEW, run=ids[kind], **query)


def tiles(at) -> dict[str, str]:
    return {metric.label: metric.value for metric in at.metric}


def figure(at, key: str) -> dict:
    chart = next(c for c in at.get("plotly_chart") if c.proto.id.endswith(f"-{key}"))
    return json.loads(chart.proto.spec)


def examples_of(planted, kind: str):
    home, ids = planted
    with ResultStore(home.database) as store:
        return Artifacts(home.artifacts_folder).get_table(store.artifacts(ids[kind])["examples"])


# The whole page.


@pytest.mark.parametrize("kind", ["class", "random", "one", "alone", "old", "untouched", "no unseen"])
def test_every_run_s_page_opens_and_every_chart_can_be_read(look, kind):
    at = look(kind)
    assert not at.error
    assert not at.warning
    headings = [heading.value for heading in at.subheader]
    assert headings[0] == PARTS[0]
    assert headings[-1] == PARTS[-1]
    assert all(alts(at))
    assert len(set(alts(at))) == len(alts(at))


def test_a_class_run_shows_all_three_parts(look):
    at = look("class")
    assert [heading.value for heading in at.subheader] == list(PARTS)
    assert not at.info
    assert len(alts(at)) == 3 + 4 + 4  # attack, walls, bringing back
    assert sum("How to read it" in caption.value for caption in at.caption) == 7
    assert list(tiles(at)) == ["True positives", "False positives", "Accuracy", "95 % interval"]
    assert all(metric.delta.startswith("reference ") for metric in at.metric[:3])
    table = at.table[0].value
    assert list(table.columns) == ["Network", "AUC", "TPR at 10 %", "TPR at 1 %"]
    assert table["TPR at 1 %"].tolist() == ["–"] * 3
    assert any("1 % of 36 unseen examples is less than one" in text for text in told(at, "caption"))
    assert "As hard to bring back as from a retrained network" in said(at)


def test_an_untouched_network_is_easier_to_bring_back(look):
    text = said(look("untouched"))
    assert "#### Easier to bring back than from a retrained network" in text


# The threshold.


@pytest.mark.parametrize("kind, model", [("class", "unlearned"), ("random", "original"), ("random", "reference")])
def test_the_rates_are_those_of_the_threshold(look, planted, kind, model):
    at = look(kind, attacked=model)
    slider = at.select_slider(key="threshold")
    assert len(set(slider.options)) == len(slider.options)
    table = examples_of(planted, kind)
    unseen = table["set"] == "test_forget" if kind == "class" else table["set"].str.startswith("test")
    for moved in (0, len(slider.options) // 2, len(slider.options) - 3):
        at = sound(at.select_slider(key="threshold").set_value(float(slider.options[moved])).run())
        value = at.session_state["threshold"]
        scores = table[f"{model}_loss"].to_numpy(float)
        wanted = rates(scores[table["set"] == "forget"], scores[unseen], value, above=False)
        shown = tiles(at)
        assert shown["True positives"] == percent(wanted.true_positive)
        assert shown["False positives"] == percent(wanted.false_positive)
        assert shown["Accuracy"] == percent(wanted.balanced_accuracy)


def test_the_line_moves_with_the_threshold_in_both_figures(look):
    at = look("class")
    lines = []
    for value in at.select_slider(key="threshold").options[10:12]:
        at = sound(at.select_slider(key="threshold").set_value(float(value)).run())
        pair = [figure(at, key)["layout"]["shapes"][0]["x0"] for key in ("scores", "scores-reference")]
        assert pair[0] == pair[1]
        lines.append(pair[0])
    assert lines[0] < lines[1]


@pytest.mark.parametrize("score", ["loss", "entropy", "confidence"])
def test_the_worst_case_is_the_greatest_balanced_accuracy(look, planted, score):
    at = look("random", score=score)
    assert group(at, "Members lie") == ["above" if score == "confidence" else "below"]
    table = examples_of(planted, "random")
    scores = table[f"unlearned_{score}"].to_numpy(float)
    worst = best_threshold(scores[table["set"] == "forget"], scores[table["set"].str.startswith("test")])
    at.button(key="worst").click()
    at = sound(at.run())
    assert at.session_state["threshold"] == worst.value
    assert group(at, "Members lie") == ["above" if worst.above else "below"]
    assert tiles(at)["Accuracy"] == percent(worst.balanced_accuracy)
    at.button(key="worst").click()  # and again: nothing to move
    assert tiles(sound(at.run()))["Accuracy"] == percent(worst.balanced_accuracy)


def test_another_score_starts_anew_and_another_network_keeps_the_threshold(look):
    at = look("class")
    at.button(key="worst").click()
    at = sound(at.run())
    kept = at.session_state["threshold"]
    at = sound(at.button_group(key="attacked").set_value("original").run())
    assert at.session_state["threshold"] == kept
    at = sound(at.button_group(key="score").set_value("confidence").run())
    assert group(at, "Members lie") == ["above"]
    assert at.session_state["threshold"] != kept
    assert str(at.session_state["threshold"]) not in ("", "nan")


def test_a_link_opens_the_same_attack(look):
    at = look("random", score="entropy", attacked="original", side="above")
    assert [group(at, label) for label in ("Score", "Network under attack", "Members lie")] == [["entropy"], ["original"], ["above"]]
    text = at.select_slider(key="threshold").options[20]
    again = look("random", score="entropy", threshold=text)
    assert f"{again.session_state['threshold']:.3g}" == text
    assert f"members ≤ {text}" == figure(again, "scores")["layout"]["annotations"][0]["text"]


@pytest.mark.parametrize("value", ["<script>", "nan", "abc", "-5", "1e9"])
def test_a_hostile_threshold_is_dropped(look, value):
    at = look("class", threshold=value, image=value, score=value, attacked=value, side=value)
    assert not at.error
    assert np.isfinite(at.session_state["threshold"])
    assert group(at, "Score") == ["loss"]


def test_unseen_images_of_kept_classes_can_be_added(look):
    at = look("class")
    names = [trace["name"] for trace in figure(at, "scores")["data"]]
    assert names[-1] == "Unseen images (36)"
    at = sound(at.toggle(key="others").set_value(True).run())
    assert [trace["name"] for trace in figure(at, "scores")["data"]][-1] == "Unseen images (360)"
    assert at.table[0].value["TPR at 1 %"].tolist() != ["–"] * 3
    assert not look("random").toggle  # a random request has no kept classes


def test_an_attack_below_chance_is_said_to_be_no_success(look):
    at = look("random", side="above")
    assert any(text in said(at) for text in ("worse than chance", "no better than chance"))


# Walls and card.


def test_walls_hold_everybody_once(look):
    at = look("class")
    counts = [line.value for line in at.markdown if " of " in line.value and "attack" in line.value]
    totals = [int(line.split("·")[1].split("of")[0]) for line in counts]
    wholes = [int(line.split(" of ")[1].split()[0]) for line in counts]
    assert len(counts) == 4
    assert totals[0] + totals[1] == wholes[0] == wholes[1] == 147
    assert totals[2] + totals[3] == wholes[2] == wholes[3] == 36
    assert all("(reference: " in line for line in counts)


def test_an_image_from_the_list_opens_its_card(look, planted):
    at = look("class")
    assert not at.get("imgs")
    box = at.selectbox(key="image")
    assert box.value is None
    name = box.options[0]
    at = sound(box.set_value(name).run())
    index = int(name.split()[1])
    table = examples_of(planted, "class")
    row = table[(table["set"] == "forget") & (table["index"] == index)].iloc[0]
    card = next(t.value for t in at.table if "Original" in t.value)
    assert card["Unlearned"].tolist()[1] == f"{row['unlearned_loss']:.3g}"
    assert f"training index {index}" in said(at)
    assert "**Class 3**" in said(at)
    bars = figure(at, "probabilities")["data"]
    assert [bar["name"] for bar in bars] == ["Original", "Unlearned", "Retrained reference"]


def test_the_card_stays_when_its_image_leaves_the_walls(look):
    at = look("class", image="")
    first = at.selectbox(key="image").options[0]
    at = sound(at.selectbox(key="image").set_value(first).run())
    at = sound(at.select_slider(key="threshold").set_value(float(at.select_slider(key="threshold").options[0])).run())
    assert at.selectbox(key="image").value == first
    assert "**Class 3**" in said(at)


# Where something is missing.


def test_a_forget_set_of_one_says_what_its_rates_are_worth(look):
    at = look("one")
    assert "With 1 image in the forget set" in said(at)
    assert figure(at, "scores")["data"][0]["name"] == "Forget set (1)"
    assert any("names" in text for text in told(at, "info"))


def test_without_a_reference_there_is_no_picture_to_match(look):
    at = look("alone")
    assert any("trained no reference" in text for text in told(at, "info"))
    assert not any(metric.delta and "reference" in metric.delta for metric in at.metric)
    assert group(at, "Network under attack") == ["unlearned"]
    assert "It cannot be said how hard it is to bring back" in said(at)
    assert "no retrained reference to compare with" in said(at)
    assert "(reference:" not in said(at)


def test_the_reference_itself_is_the_picture_to_match(look):
    assert any("This is the reference itself" in text for text in told(look("class", attacked="reference"), "info"))


def test_an_older_run_says_of_each_part_that_it_has_to_be_run_again(look):
    at = look("old")
    assert sum("another version of Forgetscope made it; run it again" in text for text in told(at, "info")) == 4
    assert "bring back" in said(at)  # the numbers are there


def test_without_unseen_images_the_attack_cannot_be_counted(look):
    at = look("no unseen")
    assert any("There are no unseen images to hold against the others" in text for text in told(at, "info"))
    assert at.button(key="worst").disabled
    assert not at.metric
    at = sound(at.toggle(key="others").set_value(True).run())
    assert len(at.metric) == 4


def test_a_damaged_file_is_told_in_a_sentence(open_app, bare):
    run_id = plant(bare, spec("ssd"))
    with ResultStore(bare.database) as store:
        file = store.artifacts(run_id)["answers"]
    (bare.artifacts_folder / file).write_bytes(b"broken")
    at = open_app(bare.root, VIEW, run=run_id)
    assert any("is damaged" in text for kind in ("info", "error") for text in told(at, kind))
    assert len(at.metric) == 4


def test_a_second_reference_sets_what_counts_as_a_difference(open_app, bare):
    run_id = plant(bare, spec("ssd"), behaviour=Behaviour(forgotten=0.5))
    before = said(open_app(bare.root, VIEW, run=run_id))
    assert "fixed tolerances" in before
    plant(bare, spec("retrain"))
    assert "fixed tolerances" not in said(open_app(bare.root, VIEW, run=run_id))
