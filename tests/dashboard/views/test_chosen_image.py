"""The chosen image goes from page to page: what is chosen on one page is open on the others, and in their links."""

import numpy as np
import pytest

from core.data.registry import load_dataset
from dashboard.components.common.chosen_image import CHOSEN
from dashboard.queries.runs import RunHandle
from tests.dashboard.conftest import html_text, sound
from tests.planted import plant, spec

RESULT, SALIENCY, PRIVACY = "views/result.py", "views/saliency.py", "views/privacy.py"


@pytest.fixture(scope="module")
def threes(finished):
    """Places in the training data of the images of class 3, which the finished run has to forget."""
    return np.flatnonzero(load_dataset("digits", finished.datasets_folder).train.labels.numpy() == 3)


@pytest.fixture
def explained(monkeypatch):
    """The images that the engine was asked to explain, in order."""
    images, ask = [], RunHandle.ask

    def spied(run, question, **about):
        if question == "saliency":
            images.append(about["image"])
        return ask(run, question, **about)

    monkeypatch.setattr(RunHandle, "ask", spied)
    return images


def moved(at, view):
    at.switch_page(view)
    return sound(at.run())


def test_what_is_chosen_on_saliency_is_open_on_privacy_and_on_result_and_in_its_link(open_app, finished, done, threes, explained):
    at = open_app(finished.root, SALIENCY, run=done)
    assert CHOSEN not in at.session_state  # a page's own first image is nobody's choice
    sound(at.number_input(key="saliency_place").set_value(4).run())
    assert moved(at, PRIVACY).selectbox(key="image").value == f"forget {threes[4]}"
    at = moved(at, RESULT)
    assert explained[-1] == {"set": "forget", "place": 4}
    assert "Saliency of the chosen image" in html_text(at)
    assert at.query_params["picture"] == f"train:{threes[4]}"


def test_what_is_chosen_on_privacy_is_explained_on_saliency(open_app, finished, done, threes):
    at = open_app(finished.root, PRIVACY, run=done, image=f"forget {threes[7]}")
    at = moved(at, SALIENCY)
    assert (at.session_state["saliency_from"], at.number_input(key="saliency_place").value) == ("forget", 7)


def test_a_link_to_a_result_names_the_image(open_app, finished, done, threes, explained):
    at = open_app(finished.root, RESULT, run=done, picture=f"train:{threes[2]}")
    assert explained == [{"set": "forget", "place": 2}]
    assert moved(at, PRIVACY).selectbox(key="image").value == f"forget {threes[2]}"


@pytest.mark.parametrize("image", ["train:999999", "test:99999999999", "train:-1", "own:3", "<b>"])
def test_an_image_that_is_not_there_is_the_page_s_own(open_app, finished, done, explained, image):
    at = open_app(finished.root, RESULT, run=done, picture=image)
    assert explained == [{"set": "test_forget", "place": 0}]
    assert not at.error
    at = moved(at, SALIENCY)
    assert (at.session_state["saliency_from"], at.number_input(key="saliency_place").value) == ("forget", 0)
    assert moved(at, PRIVACY).selectbox(key="image").value is None


def test_another_dataset_has_its_own_choice(open_app, home):
    one = plant(home, spec("ssd"))
    at = open_app(home.root, PRIVACY, run=one)
    at.session_state[CHOSEN] = ("faces", "train:0")
    assert sound(at.run()).selectbox(key="image").value is None


def test_a_result_without_a_chosen_image_says_what_its_maps_are_of(open_app, finished, done, explained):
    assert "Saliency of one forgotten image" in html_text(open_app(finished.root, RESULT, run=done))
    assert len(explained) == 1
