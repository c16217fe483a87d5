"""Every page of a run on an ensemble, which SISA trains, opens, and shows its figure or says what is lacking."""

import json

import pytest

from core.analysis.registry import LOOKS, QUESTIONS
from core.domain.errors import WrongInput
from core.export import examples
from core.models.ensemble import LACKING
from core.storage.home import Home
from core.storage.runs import ResultStore
from tests.dashboard.conftest import html_text
from tests.dashboard.views.test_extension_pages import PAGES

SHARDED = ("--recipe", "shards=3", "slices=2", "epochs=4")

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def sharded(tmp_path_factory, python_m_core):
    """A home in which SISA has forgotten two digits, and SSD a class from an original by the same recipe; the home, method -> run."""
    root = tmp_path_factory.mktemp("sharded") / "home"
    found = dict[str, str]()
    for method, request in (("sisa", "samples:5,9"), ("ssd", "class:3")):
        said = python_m_core(
            root, "run", "--dataset", "digits", "--model", "small_cnn", "--forget", request, "--method", method, "--json", *SHARDED
        )
        assert said.returncode == 0, said.stderr
        found[method] = json.loads(said.stdout)["id"]
    examples.remember(Home(root), {})  # no page may bring them in beside the runs
    return root, found


@pytest.mark.parametrize("method", ["sisa", "ssd"])
@pytest.mark.parametrize("page", PAGES)
def test_a_page_opens_on_it(open_app, sharded, page, method):
    root, found = sharded
    at = open_app(root, f"views/{page}.py", run=found[method])  # raises where an exception came up
    assert not at.error
    if page == "saliency":
        said = html_text(at) + " ".join(one.value for one in (*at.markdown, *at.warning, *at.info, *at.caption))
        assert "whose members stand side by side" in said, "why there is no Grad-CAM"


@pytest.mark.parametrize("frame, words", [
    ("1", "forgotten images lie in"), ("2", "(2R + 1)/3RS"), ("3", "The authors count votes instead"),
    ("4", "is the price of quick forgetting"),
])  # fmt: skip
def test_the_steps_of_sisa_are_played(open_app, sharded, frame, words):
    at = open_app(sharded[0], "views/inside.py", run=sharded[1]["sisa"], frame=frame)
    assert words in html_text(at) + " ".join(one.value for one in at.markdown)
    assert not at.error


def test_what_is_measured_of_layers_says_why_it_cannot_be(sharded):
    root, found = sharded
    with ResultStore(Home(root).database) as store:
        reasons = {one.metric: one.reason for one in store.measurements(found["ssd"]) if one.value is None and one.model == "unlearned"}
    assert {reasons[metric] for metric in ("cka_forget_to_reference", "cka_retain_to_reference")} == {LACKING}


def test_maps_by_gradients_are_there_and_those_that_need_a_layer_say_why_they_are_not(sharded):
    home, run = Home(sharded[0]), sharded[1]["sisa"]
    image = {"set": "test_retain", "place": 3}
    found = QUESTIONS["saliency"](home, run, image=image, target="own", how="integrated_gradients", settings={})
    assert all(shown["map"].shape == (8, 8) and abs(shown["map"]).max() > 0 for shown in found["models"].values())
    with pytest.raises(WrongInput, match="ensembles"):
        LOOKS["map"](home, run, lambda *_: None, count=200, seed=0, projection="pca", turn=True)
