"""Runs that lack a part, on the pages that look inside: each says which part is missing and offers to compute it."""

import pytest

from core.storage.runs import ResultStore
from dashboard.queries import catalogue
from tests.dashboard.conftest import queued, sound
from tests.dashboard.views.test_pages import labels, said
from tests.dashboard.views.test_parameters import importances
from tests.planted import plant, spec

NETWORKS = {"original": None, "unlearned": None, "reference": None}
OLD = "0" * 12
PAGES = {  # page -> (what an older version did not store, words about it)
    "views/parameters.py": ({"layers": None}, "did not store how far each layer moved: an older version"),
    "views/inside.py": ({"layers": None}, "did not store how far each layer moved: an older version"),
    "views/saliency.py": (NETWORKS, "did not store the original network and the unlearned network: an older version"),
    "views/map.py": (NETWORKS, "did not store the original network and the unlearned network: an older version"),
}


def read(at) -> str:
    return said(at).replace("\\", "")


@pytest.mark.parametrize("page", PAGES)
def test_an_older_runs_missing_part_is_named_and_computed_by_a_run_of_today(open_app, bare, no_supervisor, page):
    gone, words = PAGES[page]
    run_id = plant(bare, spec("ssd", engine=OLD, params={"alpha": 3.0, "no such setting": 1}), files=gone)
    at = open_app(bare.root, page, run=run_id)
    assert words in read(at)
    assert not at.error
    at = sound(at.button(key="lacks-again").click().run())
    (asked,) = queued(bare)
    assert (asked.method, asked.request, asked.reference) == ("ssd", spec("ssd").request, True)
    assert asked.engine != OLD
    assert asked.params["alpha"] == 3.0  # what it was asked with
    assert "importance" in asked.params  # at its preset
    assert "no such setting" not in asked.params
    assert at.text_input(key="run").value == asked.id  # the same page now follows it


@pytest.mark.parametrize("page", [*PAGES, "views/result.py", "views/privacy.py"])
def test_a_run_without_a_reference_is_offered_one(open_app, bare, no_supervisor, page):
    run_id = plant(bare, spec("ssd", reference=False))
    at = open_app(bare.root, page, run=run_id)
    assert "This run has no retrained reference: " in read(at)
    assert "Run it again with this version" not in labels(at)
    sound(at.button(key="lacks-reference").click().run())
    (asked,) = queued(bare)
    assert asked.reference


@pytest.mark.parametrize("page", PAGES)
def test_a_run_that_has_everything_is_offered_nothing(open_app, bare, page):
    at = open_app(bare.root, page, run=plant(bare, spec("ssd")))
    assert "did not store" not in read(at)
    assert not {"Run it again with this version", "Run again with a reference"} & set(labels(at))


def test_an_older_run_whose_recording_lacks_a_step_is_offered_whole(open_app, bare, no_supervisor):
    run_id = plant(bare, spec("ssse", engine=OLD), files={"recorded": None})
    at = open_app(bare.root, "views/inside.py", run=run_id)
    assert "did not store all that this page shows: an older version" in read(at)
    sound(at.button(key="lacks-again").click().run())
    assert [asked.method for asked in queued(bare)] == ["ssse"]


@pytest.mark.parametrize("page, name, what", [
    ("views/saliency.py", "unlearned", "the unlearned network"), ("views/map.py", "original", "the original network"),
    ("views/inside.py", "recorded", "what its method recorded step by step"), ("views/parameters.py", "layers", "how far each layer moved"),
])  # fmt: skip
def test_files_that_are_gone_are_told_with_the_way_to_get_them_back_and_the_rest_is_shown(open_app, bare, no_supervisor, page, name, what):
    run_id = plant(bare, spec("ssd"), files=importances())
    with ResultStore(bare.database) as store:
        (bare.artifacts_folder / store.artifacts(run_id)[name]).unlink()
    at = open_app(bare.root, page, run=run_id)
    told = " ".join(box.value for box in at.warning).replace("\\", "")
    assert f"that hold {what} are no longer there. Run it again: what is still kept" in told
    assert "lacks-again" not in [button.key for button in at.button]
    assert not at.exception
    if page == "views/inside.py":
        assert at.slider(key="frame").max == 4  # those that close every story, and one that says what is missing
    sound(at.button(key="lacks-gone").click().run())
    (asked,) = queued(bare)
    assert asked == spec("ssd")  # the very run, computed anew though its row says that it is done


def test_a_method_that_is_no_more_cannot_be_asked_again_and_that_is_said(open_app, bare, no_supervisor):
    run_id = plant(bare, spec("ssd", engine=OLD), files=NETWORKS)
    at = open_app(bare.root, "views/map.py", run=run_id)
    shelves = catalogue.current()
    known = {key: method for key, method in shelves.methods.items() if key != "ssd"}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(catalogue, "current", lambda: type(shelves)(**{**vars(shelves), "methods": known}))
        at = sound(at.button(key="lacks-again").click().run())
    assert "There is no method 'ssd'" in at.error[0].value
    assert not queued(bare)


def test_a_run_that_was_computed_again_in_vain_shows_its_old_numbers_and_says_so(open_app, bare, no_supervisor):
    run_id = plant(bare, spec("ssd"))
    with ResultStore(bare.database) as store:
        store.add(spec("ssd"), anew=True)
        store.request_cancel(run_id)
    at = sound(open_app(bare.root, "views/result.py", run=run_id))
    told = at.warning[0].value.replace("\\", "")
    assert told == "Computing this run again was cancelled, so its numbers are still those of before."
    assert {"Membership", "Accuracy"} <= {tab.label.split()[0] for tab in at.tabs}
