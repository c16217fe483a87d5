"""A chain of methods on the pages: it is asked for on Unlearn, and its run opens everywhere."""

import shutil

import pytest

from core.jobs.catalogue import catalogue
from core.storage.home import Home
from core.storage.runs import ResultStore
from tests.dashboard.conftest import sound
from tests.dashboard.stories import tell

PAGES = ("result", "inside", "parameters", "saliency", "map", "privacy", "compare", "runs")
CHAIN = "ssd+finetune"


def test_the_form_asks_what_goes_on_where_the_method_ends(open_app, bare, no_supervisor):
    at = open_app(bare.root, method="ssd", floor="false")
    assert "original" not in at.multiselect(key="then").options
    assert "ssd" not in at.multiselect(key="then").options
    assert (at.multiselect(key="then").proto.max_selections, at.multiselect(key="then").proto.select_all) == (2, 0), "no Select all"
    at.number_input(key="ssd.alpha").set_value(3.0)
    at = sound(at.multiselect(key="then").set_value(["finetune"]).run())
    assert at.number_input(key="ssd.alpha").value == 3.0, "what was set stays"
    at = sound(at.number_input(key="finetune.epochs").set_value(2).run())
    sound(at.button(key="submit").click().run())
    with ResultStore(bare.database) as store:
        (run,) = store.runs()
    assert run.spec.method == CHAIN
    assert (run.spec.params["alpha"], run.spec.params["finetune.epochs"]) == (3.0, 2)


def test_an_address_names_a_chain(open_app, bare):
    at = open_app(bare.root, method="ssd", then=["finetune", "salun"])
    assert at.multiselect(key="then").value == ["finetune", "salun"]
    assert at.number_input(key="salun.epochs")


@pytest.fixture(scope="module")
def chained(tmp_path_factory, finished, done):
    home = Home(tmp_path_factory.mktemp("chain") / "home")
    shutil.copytree(finished.root, home.root)
    return home, tell(home, CHAIN, (finished, done), **{"finetune.epochs": 1})


@pytest.mark.parametrize("page", PAGES)
def test_a_page_opens_on_a_chains_run(open_app, chained, page):
    home, run = chained
    at = open_app(home.root, f"views/{page}.py", run=run)
    assert not at.error
    title = catalogue(home.root).methods[CHAIN].title
    assert title == "Selective Synaptic Dampening (SSD), then Fine-tuning on the retain set"
    said = " ".join(caption.value for caption in at.caption).replace("\\", "")
    assert ("Importances and dampening are those of its first method, Selective Synaptic Dampening (SSD)" in said) == (page == "parameters")
    if page == "inside":
        frames = int(at.slider(key="frame").max)
        assert frames == 6 + 1 + 3, "SSD's, fine-tuning's, and those that close every story"
        for frame in range(1, frames + 1):
            sound(at.slider(key="frame").set_value(frame).run())
            (told,) = [m.value for m in at.markdown if m.value.startswith("#### ")]
            if frame <= 7:
                assert ("1. Selective" if frame <= 6 else "2. Fine") in told.replace("\\", "")
