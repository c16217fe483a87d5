"""Every page on images with several attributes: nothing breaks, attributes stand where classes stood, and what cannot be says why."""

from collections.abc import Iterator

import pytest
import torch

from core.analysis.weights.ssd_what_if import load
from core.domain.code_version import catalogue_version
from core.domain.requests.registry import parse_request
from core.jobs.validation import make_spec
from core.jobs.write_catalogue import describe, write
from core.methods.registry import METHODS
from core.storage.home import Home, open_home
from tests.attributes import KEY, computed, shelve
from tests.dashboard.conftest import html_text, sound
from tests.dashboard.views.test_pages import alts, rows, said, told
from tests.tiny import tiny_attributes

ASKED = {"ssd": "attribute:person=3", "finetune": "attribute:person=3", "scrub": "random:0.2"}


@pytest.fixture(scope="module")
def home_of_attributes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Home, dict[str, str]]]:
    """A home whose shelves hold tiny attributes and in which three methods have run on them: method -> run."""
    home = open_home(tmp_path_factory.mktemp("attributes") / "home")
    with pytest.MonkeyPatch.context() as patch:
        shelve(patch)
        write(home.root / "catalogue" / catalogue_version())
        asked = {m: make_spec(describe(), KEY, "small_cnn", parse_request(forget), m, {}) for m, forget in ASKED.items()}
        ids = {method: computed(home, spec).id for method, spec in asked.items()}
        yield home, ids
    load.cache_clear()
    torch.set_deterministic_debug_mode("default")


def subheaders(at):
    return [element.value for element in at.subheader]


@pytest.mark.parametrize("method", ASKED)
def test_the_result_tells_accuracy_by_attribute_and_why_there_is_no_matrix(open_app, home_of_attributes, method):
    home, ids = home_of_attributes
    at = open_app(home.root, "views/result.py", run=ids[method])
    assert not at.error, told(at)
    assert "Accuracy by attribute" in html_text(at)
    assert "Accuracy by class" not in html_text(at)
    assert "Confusion matrix" not in subheaders(at)
    assert any("No confusion matrix: an image has several attributes" in c.value for c in at.caption)
    assert [alt for alt in alts(at) if "confusion" in alt.lower() or "Heat map" in alt] == []
    assert "Accuracy by attribute of the original, the unlearned and the reference network" in alts(at)
    assert "Attributes predicted correctly on the forget set" in html_text(at)


def test_training_images_are_told_by_attribute_too(open_app, home_of_attributes):
    home, ids = home_of_attributes
    at = open_app(home.root, "views/result.py", run=ids["ssd"], images="train")
    assert not at.error, told(at)
    assert "Accuracy by attribute on training images, of the original, the unlearned and the reference network" in alts(at)


def test_the_parameters_are_dampened_again_by_attribute(open_app, home_of_attributes):
    home, ids = home_of_attributes
    at = open_app(home.root, "views/parameters.py", run=ids["ssd"])
    assert not at.error, told(at)
    assert "Accuracy by attribute before, after this dampening, and retrained" in alts(at)
    at = open_app(home.root, "views/parameters.py", run=ids["ssd"], dampening="Over all α", important="Filters")
    assert not at.error, told(at)
    assert any(alt.startswith("Accuracy on the parts of the data over alpha") for alt in alts(at))
    at = open_app(home.root, "views/parameters.py", run=ids["scrub"])
    assert not at.error, told(at)
    assert "How far each layer moved" in subheaders(at)


@pytest.mark.parametrize("method", ASKED)
def test_privacy_shows_the_attacks_and_says_what_a_class_is_needed_for(open_app, home_of_attributes, method):
    home, ids = home_of_attributes
    at = open_app(home.root, "views/privacy.py", run=ids[method])
    assert not at.error, told(at)
    assert {"Attacked images", "Recoverability"} <= set(subheaders(at))
    assert any("Histogram" in alt or "loss" in alt.lower() for alt in alts(at))


def test_an_images_card_names_its_attributes_and_counts_the_right_ones(open_app, home_of_attributes):
    home, ids = home_of_attributes
    labels = tiny_attributes().dataset.train.labels
    chosen = next(i for i in range(3, 120, 6) if labels[i].tolist() == [1, 1, 0])  # of the third person's images
    at = open_app(home.root, "views/privacy.py", run=ids["ssd"], image=f"forget {chosen}")
    assert not at.error, told(at)
    assert "**Attributes striped, dotted**" in said(at)
    assert "Bars: probability of each attribute for this image of attributes striped, dotted under each network" in alts(at)
    cells = {str(cell) for table in at.table for cell in table.value.to_numpy().ravel()}
    assert "attributes right" in cells
    assert cells & {"0 of 3", "1 of 3", "2 of 3", "3 of 3"}


@pytest.mark.parametrize("tab", ["By attribute", "Forget set", "Layers", "Weights", "Trust"])
def test_compare_shows_two_runs_by_attribute(open_app, home_of_attributes, tab):
    home, ids = home_of_attributes
    at = open_app(home.root, "views/compare.py", a=ids["ssd"], b=ids["finetune"], look=tab)
    assert not at.error, told(at)
    if tab == "By attribute":
        assert "Accuracy by attribute: B minus A" in subheaders(at)
        assert "Bars by attribute: accuracy of B's unlearned network minus A's, on test and on training images" in alts(at)
    if tab in ("By attribute", "Forget set"):
        assert any("so no prediction stands in place of another one" in message for message in told(at, "info"))


def test_the_list_of_runs_opens(open_app, home_of_attributes):
    at = open_app(home_of_attributes[0].root, "views/runs.py")
    assert len(rows(at)) == 3
    assert all("Forget accuracy" in row for row in rows(at))


REFUSED = ("UNSIR", "Random label", "SalUn", "DELETE", "Boundary shrink", "AMUN", "Guided unlearning")


def test_the_form_offers_the_methods_that_fit_and_says_why_not_the_others(open_app, home_of_attributes):
    home, _ = home_of_attributes
    query = {"dataset": KEY, "model": "small_cnn", "kind": "random", "amount": "0.1"}
    at = open_app(home.root, "views/unlearn.py", **query)
    offered = next(box for box in at.selectbox if box.label == "Method").options
    assert "ssd" in offered
    assert not {"unsir", "random_label", "salun", "delete"} & set(offered)
    told_why = next(c.value for c in at.caption if c.value.startswith("Not offered"))
    assert all(name in told_why for name in REFUSED)
    assert "because an image here has several attributes" in told_why
    assert told_why.count("(it ") == len(REFUSED)
    assert not at.button(key="submit").disabled


def test_a_link_to_a_method_that_does_not_fit_opens_another(open_app, home_of_attributes):
    query = {"dataset": KEY, "model": "small_cnn", "kind": "random", "amount": "0.1", "method": "unsir"}
    at = open_app(home_of_attributes[0].root, "views/unlearn.py", **query)
    assert next(box for box in at.selectbox if box.label == "Method").value != "unsir"


def test_with_one_class_an_image_every_method_is_offered_and_nothing_is_said(open_app, home_of_attributes):
    at = open_app(home_of_attributes[0].root, "views/unlearn.py", dataset="digits", kind="random", amount="0.1")
    assert len(next(box for box in at.selectbox if box.label == "Method").options) == len(METHODS)
    assert not any(c.value.startswith("Not offered") for c in at.caption)


def test_a_study_offers_the_methods_that_fit_and_says_why_not_the_others(open_app, home_of_attributes):
    query = {"dataset": KEY, "model": "small_cnn", "kind": "random", "amount": "0.1", "new": "true"}
    at = open_app(home_of_attributes[0].root, "views/studies.py", **query)
    offered = next(box for box in at.multiselect if box.label == "Methods").options
    assert "SCRUB" in offered
    assert not any(name in title for title in offered for name in REFUSED)
    assert any(c.value.startswith("Not offered") for c in at.caption)


@pytest.mark.parametrize("method", ASKED)
def test_inside_the_method_every_frame_can_be_shown_without_a_class_in_it(open_app, home_of_attributes, method):
    home, ids = home_of_attributes
    at = open_app(home.root, "views/inside.py", run=ids[method])
    titles = []
    for frame in range(1, int(at.slider(key="frame").max) + 1):
        sound(at.slider(key="frame").set_value(frame).run())
        assert not at.error, told(at)
        assert not at.info, told(at, "info")
        titles += [m.value.split("\n")[0] for m in at.markdown if m.value.startswith("####")]
    assert titles[-1].endswith("Before and after, attribute by attribute")
    assert not any("Where the answers" in title for title in titles)
