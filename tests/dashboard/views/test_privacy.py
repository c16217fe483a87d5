"""The Privacy page without a browser, on planted runs: what it shows, what moves, and what it says where it cannot."""

import json
import shutil

import numpy as np
import pytest

from core.domain.formatting import percent
from core.domain.run import RunStatus
from core.figures.privacy.attack import aligned
from core.figures.privacy.scores import halves, sides_of
from core.metrics.privacy.threshold_attack import auc, best_threshold, interval, rates, tpr_at
from core.storage.artifacts import Artifacts
from core.storage.home import Home, open_home
from core.storage.runs import ResultStore
from tests.dashboard.conftest import sound
from tests.dashboard.views.test_pages import alts, group, said, told
from tests.planted import Behaviour, plant, spec

VIEW = "views/privacy.py"
OLD = dict.fromkeys(("examples", "answers", "relearn", "probes", "graft"))  # what an older version did not store
PARTS = ("Membership inference attack", "Attacked images", "Recoverability")


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
    assert len(alts(at)) == 3 + 1 + 1  # attack, walls, the first try to bring it back
    assert sum("How to read it" in caption.value for caption in at.caption) == 4
    assert any("The images that the attack is surest about come first" in caption.value for caption in at.caption)
    assert list(tiles(at)) == ["True positives", "False positives", "Accuracy", "95 % interval"]
    assert all(metric.delta.startswith("reference ") for metric in at.metric[:3])
    table = at.table[0].value
    assert list(table.columns) == ["Network", "AUC", "TPR at 10 %", "TPR at 1 %"]
    assert table["TPR at 1 %"].tolist() == ["–"] * 3
    assert any("1 % of 36 test examples is less than one" in text for text in told(at, "caption"))
    assert "As hard to recover as from a retrained network" in said(at)


@pytest.mark.parametrize("kind", ["class", "random", "one", "alone", "old", "untouched"])
@pytest.mark.parametrize("name, charts", [("Relearning", ["relearn"]), ("Linear probes", ["probes"]),
                                          ("Layer grafting", ["graft-model_below", "graft-original_below"])])  # fmt: skip
def test_a_tab_for_each_try_draws_that_alone_or_says_why_not(look, kind, name, charts):
    at = sound(look(kind, tries=name))
    every = ["relearn", "probes", "graft-model_below", "graft-original_below"]
    shown = [key for key in every if any(chart.proto.id.endswith(f"-{key}") for chart in at.get("plotly_chart"))]
    assert shown in (charts, [])
    assert kind not in ("class", "untouched") or shown == charts
    assert shown or at.info
    assert all(alts(at))


def test_an_untouched_network_is_easier_to_bring_back(look):
    text = said(look("untouched"))
    assert "#### Easier to recover than from a retrained network" in text


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
def test_the_strongest_threshold_is_sought_on_one_half_and_counted_on_the_other(look, planted, score):
    at = look("random", score=score)
    assert group(at, 'Predict "member" if the score is') == ["above" if score == "confidence" else "below"]
    table = examples_of(planted, "random")
    scores = table[f"unlearned_{score}"].to_numpy(float)
    sought, counted = halves(sides_of(table, alike=False, all_test=False))
    found = best_threshold(scores[sought.forget], scores[sought.unseen])
    wanted = rates(scores[counted.forget], scores[counted.unseen], found.value, found.above)
    lower, upper = interval(wanted.balanced_accuracy, min(len(counted.forget), len(counted.unseen)))
    assert "strongest on one half" not in said(at)
    for _ in range(2):  # the second time there is nothing to move
        at.button(key="strongest").click()
        at = sound(at.run())
        assert at.session_state["threshold"] == found.value
        assert group(at, 'Predict "member" if the score is') == ["above" if found.above else "below"]
        shown = tiles(at)
        assert shown["True positives"] == percent(wanted.true_positive)
        assert shown["False positives"] == percent(wanted.false_positive)
        assert shown["Accuracy"] == percent(wanted.balanced_accuracy)
        assert shown["95 % interval"] == f"{100 * lower:.0f} to {percent(round(upper, 2))}"
        assert f"{len(counted.forget)} forgotten and {len(counted.unseen)} unseen" in said(at)
    text = f"{found.value:.3g}"
    link = look("random", score=score, threshold=text, side="above" if found.above else "below")
    assert tiles(link) == shown  # a link says that it was sought, too


def test_the_interval_is_said_to_be_about_this_threshold_alone(look):
    about = next(metric.help for metric in look("class").metric if metric.label == "95 % interval")
    assert "this threshold does not tell; another may" in about
    assert "nobody can tell" not in about


def test_another_score_starts_anew_and_another_network_keeps_the_threshold(look):
    at = look("class")
    at.button(key="strongest").click()
    at = sound(at.run())
    kept = at.session_state["threshold"]
    at = sound(at.button_group(key="attacked").set_value("original").run())
    assert at.session_state["threshold"] == kept
    at = sound(at.button_group(key="score").set_value("confidence").run())
    assert group(at, 'Predict "member" if the score is') == ["above"]
    assert at.session_state["threshold"] != kept
    assert str(at.session_state["threshold"]) not in ("", "nan")


def test_a_link_opens_the_same_attack(look):
    at = look("random", score="entropy", attacked="original", side="above")
    labels = ("Score", "Network under attack", 'Predict "member" if the score is')
    assert [group(at, label) for label in labels] == [["entropy"], ["original"], ["above"]]
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
    assert names[-1] == "Test images (36)"
    at = sound(at.toggle(key="others").set_value(True).run())
    assert [trace["name"] for trace in figure(at, "scores")["data"]][-1] == "Test images (360)"
    assert at.table[0].value["TPR at 1 %"].tolist() != ["–"] * 3
    assert not look("random").toggle  # a random request has no kept classes


def test_an_attack_with_the_side_turned_says_what_it_says_on_the_right_side(look):
    """The original knows what it was trained on: more familiar, whichever side is called a member."""
    at = look("random", attacked="original")
    at.button(key="strongest").click()
    at = sound(at.run())
    for side in ("below", "above"):
        at = sound(at.button_group(key="side").set_value(side).run())
        text = next(text for text in told(at, "caption") if text.startswith("At this threshold"))
        assert "more familiar" in text
        assert "less familiar" not in text
        assert ("worse than chance" in text) == (side == "above")
        assert "Too much was forgotten" not in said(at)


# The second reference.


def second_of(home: Home, run_id: str):
    with ResultStore(home.database) as store:
        return Artifacts(home.artifacts_folder).get_table(store.artifacts(run_id)["examples"])


def test_the_second_reference_stands_beside_the_reference(open_app, bare):
    run_id = plant(bare, spec("ssd", "random:0.05"))
    without = open_app(bare.root, VIEW, run=run_id)
    assert any("There is no second reference" in text for text in told(without, "caption"))
    assert "second reference" not in " ".join(metric.delta for metric in without.metric)
    assert not any("Second" in trace["name"] for trace in figure(without, "roc")["data"])
    floor_id = plant(bare, spec("retrain", "random:0.05"))
    at = open_app(bare.root, VIEW, run=run_id)
    assert not any("There is no second reference" in text for text in told(at, "caption"))
    examples = second_of(bare, floor_id)
    scores, gone = examples["unlearned_loss"].to_numpy(float), examples["set"] == "forget"
    unseen = examples["set"].str.startswith("test")
    wanted = rates(scores[gone], scores[unseen], at.session_state["threshold"], above=False)
    notes = {metric.label: metric.delta for metric in at.metric}
    for label, value in (("True positives", wanted.true_positive), ("False positives", wanted.false_positive),
                         ("Accuracy", wanted.balanced_accuracy)):  # fmt: skip
        assert notes[label].startswith("reference ")
        assert f"second reference {percent(value)}" in told(at, "caption")
    table = at.table[0].value.set_index("Network")
    assert list(table.index) == ["Unlearned", "Reference", "Second reference", "Original"]
    assert table.loc["Second reference"].tolist() == [
        percent(auc(-scores[gone], -scores[unseen])), percent(tpr_at(-scores[gone], -scores[unseen], 0.1)),
        percent(tpr_at(-scores[gone], -scores[unseen], 0.01)),
    ]  # fmt: skip
    lines = {trace["name"]: trace["line"]["width"] for trace in figure(at, "roc")["data"] if trace["mode"] == "lines"}
    assert lines["Second reference"] == 1
    reference = open_app(bare.root, VIEW, run=run_id, attacked="reference")
    assert all(metric.delta.startswith("second reference ") for metric in reference.metric[:3])
    itself = open_app(bare.root, VIEW, run=floor_id)  # its unlearned network is the second reference
    assert "under this attack is not known" not in said(itself)
    assert "second reference" not in " ".join(metric.delta for metric in itself.metric)


def test_where_the_second_reference_cannot_be_shown_one_caption_says_why(planted, open_app, bare):
    run_id = plant(bare, spec("ssd", "random:0.05"))
    examples = second_of(bare, run_id)
    floor_id = plant(bare, spec("retrain", "random:0.05"), files={"examples": examples[5:].reset_index(drop=True)})
    assert any("evaluated on other images" in text for text in told(open_app(bare.root, VIEW, run=run_id), "caption"))
    with ResultStore(bare.database) as store:
        assert store.existing(floor_id).status == RunStatus.DONE
    old = plant(bare, spec("ssd"))
    plant(bare, spec("retrain"), files=OLD)
    assert any("another version of Forgetscope made it" in text for text in told(open_app(bare.root, VIEW, run=old), "caption"))
    alone = plant(bare, spec("ssd", seed=2, reference=False))
    assert "under this attack is not known" not in said(open_app(bare.root, VIEW, run=alone))


def test_the_second_reference_s_rows_are_put_in_the_run_s_order(planted):
    examples = examples_of(planted, "class")
    mixed = examples.sample(frac=1, random_state=0).reset_index(drop=True)
    assert aligned(mixed, examples).equals(examples)
    assert aligned(examples, examples[10:].reset_index(drop=True)).equals(examples[10:].reset_index(drop=True))
    assert aligned(examples[10:].reset_index(drop=True), examples) is None


# Walls and card.


def test_walls_hold_everybody_once(look):
    at = look("class")
    counts = [note["text"].split("<br>")[1] for note in figure(at, "walls")["layout"]["annotations"]]
    totals = [int(line.split(" of ")[0]) for line in counts]
    wholes = [int(line.split(" of ")[1].split()[0]) for line in counts]
    assert len(counts) == 4
    assert totals[0] + totals[1] == wholes[0] == wholes[1] == 147
    assert totals[2] + totals[3] == wholes[2] == wholes[3] == 36
    assert all("(reference: " in line for line in counts)
    (alt,) = (text for text in alts(at) if "by what the attack says" in text)
    assert f"Forget set, called members: {totals[0]} of 147" in alt


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
    assert any("names" in text for text in told(look("one", tries="Linear probes"), "info"))


def test_without_a_reference_there_is_no_picture_to_match(look):
    at = look("alone")
    assert any("trained no reference" in text for text in told(at, "info"))
    assert not any(metric.delta and "reference" in metric.delta for metric in at.metric)
    assert group(at, "Network under attack") == ["unlearned"]
    assert "It cannot be said how hard it is to recover" in said(at)
    assert "no retrained reference to compare with" in said(at)
    assert "(reference:" not in said(at)


def test_the_reference_itself_is_the_picture_to_match(look):
    assert any("This is the reference itself" in text for text in told(look("class", attacked="reference"), "info"))


def test_an_older_run_says_of_each_part_that_it_has_to_be_run_again(look):
    for name in ("Relearning", "Linear probes", "Layer grafting"):
        at = look("old", tries=name)
        assert sum("another version of Forgetscope made it; run it again" in text for text in told(at, "info")) == 2
        assert "to recover" in said(at)  # the numbers are there


def test_without_unseen_images_the_attack_cannot_be_counted(look):
    at = look("no unseen")
    assert any("There are no test images to hold against the others" in text for text in told(at, "info"))
    assert at.button(key="strongest").disabled
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


# Wrong labels.


def test_the_card_of_an_image_that_the_request_labelled_wrongly_says_both_and_is_of_the_truth(open_app, bare, planted):
    examples = examples_of(planted, "random")
    flipped = examples.assign(truth=np.where(examples["set"] == "forget", (examples["label"] + 1) % 10, examples["label"]))
    run = plant(bare, spec("finetune", "mislabelled:0.05"), files={"examples": flipped})
    wrong = flipped[flipped["set"] == "forget"].iloc[0]
    at = sound(open_app(bare.root, VIEW, run=run, image=f"forget {wrong['index']}"))
    assert f"**Labelled {wrong['label']} (wrongly, by the request), truly {wrong['truth']}**" in said(at).replace("\\", "")
    assert f"Bars: probability of each class for this image of class {wrong['truth']} under each network" in alts(at)
    assert f"<b>{wrong['label']} ✗</b>" in figure(at, "probabilities")["data"][0]["x"]
    assert "Loss and confidence are those of the wrong label" in said(at)
    box = at.selectbox(key="image")
    at = sound(box.set_value(next(option for option in box.options if option.startswith("test "))).run())
    assert "**Class " in said(at)
    assert "wrong label" not in said(at)


def test_a_row_of_the_result_s_training_matrix_is_the_label_that_was_taught(open_app, bare):
    run = plant(bare, spec("finetune", "mislabelled:0.05"))
    for images, row in (("train", "taught label"), ("test", "true class")):
        at = sound(open_app(bare.root, "views/result.py", run=run, images=images))
        assert f"Heat map: {row} against prediction of the Original network" in alts(at)
        assert ("A row is the label that the original network was taught" in said(at)) == (images == "train")
