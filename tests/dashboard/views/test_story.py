"""The Story page without a browser: scenes, their links, the guess, the live run, and what it does with other pages' addresses."""

from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import streamlit as st

from core.domain.run import RunStatus
from core.export import examples
from core.jobs import catalogue
from core.reports.teaching.class_link import lock_from
from core.reports.teaching.prediction import NOT, VERDICTS
from core.storage.audience.guesses import pool
from core.storage.home import Home, open_home
from core.storage.runs import ResultStore
from dashboard.queries import runs
from tests.dashboard.conftest import html_text, queued, sound

VIEW = "views/story.py"
TITLES = ("Why should a network forget?", "What the network knows", "Choose what goes", "Predict, then see", "Inside: which weights?",
          "Is it really gone?", "What it can’t promise")  # fmt: skip


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home with the examples; nothing may be run in it."""
    home = open_home(tmp_path_factory.mktemp("story") / "home")
    examples.ensure(home)
    return home


@pytest.fixture
def never_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine must not be asked: a scene would wait for it."""

    def ask(*_: object) -> None:
        pytest.fail("a scene asked the engine")

    monkeypatch.setattr(runs, "_answer", ask)
    monkeypatch.setattr("dashboard.queries.engine.ask", ask)


@pytest.fixture
def undescribed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The catalogue is not written yet, as in a home that was never used; who waits for it fails."""

    def wait(*_: object) -> None:
        pytest.fail("a scene waited for the catalogue")

    monkeypatch.setattr(catalogue, "is_written", lambda _: False)
    monkeypatch.setattr(catalogue, "catalogue", wait)


@pytest.mark.parametrize(("example", "place_"), [("digits", 1), ("faces", 5), ("retrained", 7)])
@pytest.mark.usefixtures("never_asked", "undescribed")
def test_a_first_visit_waits_for_no_catalogue(open_app, place, example, place_):
    st.cache_data.clear()
    assert TITLES[place_ - 1] in html_text(open_app(place.root, VIEW, of=example, scene=str(place_)))


@pytest.mark.parametrize("place_", range(1, 8))
@pytest.mark.usefixtures("never_asked")
def test_each_scene_has_a_link_and_needs_no_engine(open_app, place, place_):
    at = open_app(place.root, VIEW, scene=str(place_))
    assert TITLES[place_ - 1] in html_text(at)
    assert f"Scene {place_} of 7" in html_text(at)
    assert at.button(key="story-back").disabled == (place_ == 1)
    assert at.button(key="story-next").disabled == (place_ == 7)
    assert not at.error


@pytest.mark.parametrize("example", sorted(examples.by_key()))
@pytest.mark.usefixtures("never_asked")
def test_the_story_can_be_told_on_every_example(open_app, place, example):
    at = open_app(place.root, VIEW, of=example, scene="5")
    assert "changed" in html_text(at)
    assert "data:image/png" in "".join(element.proto.body for element in at.get("html"))
    assert not at.error


def test_the_last_scene_leads_to_the_duel(open_app, place):
    for scene, links in (("6", []), ("7", ["Play it: a duel of two"])):
        assert [link.proto.label for link in open_app(place.root, VIEW, scene=scene).get("page_link")] == links


def test_buttons_turn_and_the_address_follows(open_app, place):
    at = open_app(place.root, VIEW)
    at.button(key="story-next").click()
    assert TITLES[1] in html_text(sound(at.run()))
    assert at.query_params["scene"] == "2"
    at.button(key="story-back").click()
    assert TITLES[0] in html_text(sound(at.run()))


@pytest.mark.parametrize("text", ["0", "99", "-1", "four", "²", "9" * 40])
def test_an_impossible_scene_is_the_first_or_the_last(open_app, place, text):
    shown = html_text(open_app(place.root, VIEW, scene=text))
    assert TITLES[-1 if text == "99" else 0] in shown


def test_a_guess_earns_points_once_the_truth_is_shown(open_app, place):
    at = open_app(place.root, VIEW, scene="4")
    assert "points" not in html_text(at)
    run_id = examples.here(place)["digits"]
    at.slider(key=f"guess-{run_id}-test_forget_accuracy").set_value(0)
    at.selectbox(key=f"guess-{run_id}-verdict").set_value("Forgotten, with warnings")
    at = sound(at.run())
    assert "points" not in html_text(at)
    at.button(key="truth").click()
    shown = html_text(sound(at.run()))
    assert "of 120 points" in shown
    assert "Forgotten, with warnings (right)" in shown
    assert "The largest surprise:" in shown
    assert at.slider(key=f"guess-{run_id}-test_forget_accuracy").disabled


def test_two_browsers_of_a_class_see_each_others_guesses_and_one_counts_once(open_app, tmp_path):
    home = open_home(tmp_path / "home")
    run_id = examples.ensure(home)["digits"]
    one, other = (open_app(home.root, VIEW, scene="4", group="7b") for _ in range(2))
    teacher = open_app(home.root, VIEW, scene="4", group="7b", notes="true", pooled="true")
    assert "0 guesses in 7b" in html_text(teacher)
    for at, verdict in ((one, "Forgotten"), (other, "Not forgotten")):
        at.selectbox(key=f"guess-{run_id}-verdict").set_value(verdict)
        at.button(key="truth").click()
        assert "Counted for 7b." in html_text(sound(at.run()))
    assert "2 guesses in 7b" in html_text(sound(teacher.run()))
    one.button(key="truth").click()  # guess again
    sound(one.run())
    one.selectbox(key=f"guess-{run_id}-verdict").set_value("Not forgotten")
    one.button(key="truth").click()
    sound(one.run())
    assert "2 guesses in 7b" in html_text(sound(teacher.run()))
    with ResultStore(home.database) as store:
        assert pool(store, "7b", run_id).counts["verdict"] == {VERDICTS.index(NOT): 2}
    assert "Unlearned" not in html_text(teacher)
    teacher.toggle(key="pooled-truth").set_value(True)
    assert "Unlearned" in html_text(sound(teacher.run()))
    teacher.button(key="clear-guesses").click()
    assert "0 guesses in 7b" in html_text(sound(teacher.run()))


def test_without_a_class_no_guess_is_counted(open_app, tmp_path):
    home = open_home(tmp_path / "home")
    run_id = examples.ensure(home)["digits"]
    at = open_app(home.root, VIEW, scene="4", notes="true")
    assert "pooled" not in [toggle.key for toggle in at.toggle]
    at.button(key="truth").click()
    assert "Counted" not in html_text(sound(at.run()))
    with ResultStore(home.database) as store:
        assert pool(store, "", run_id).guesses == 0
        assert not store.db.read("select * from guess_counts")


def test_a_guess_is_still_there_after_another_scene(open_app, place):
    run_id = examples.here(place)["digits"]
    at = open_app(place.root, VIEW, scene="4")
    at.slider(key=f"guess-{run_id}-test_forget_accuracy").set_value(7)
    at.button(key="truth").click()
    sound(at.run())
    at.button(key="story-next").click()
    sound(at.run())
    at.button(key="story-back").click()
    assert sound(at.run()).slider(key=f"guess-{run_id}-test_forget_accuracy").value == 7


def test_a_link_with_a_level_opens_the_story(open_app, place):
    assert TITLES[3] in html_text(open_app(place.root, VIEW, scene="4", level="Guided"))


def test_a_teacher_makes_a_link_of_the_story_in_the_notes(open_app, place):
    at = open_app(place.root, VIEW, scene="4", of="faces", notes="true")
    at.session_state["class_link"] = True
    sound(at.run())
    at.text_input(key="class_code").input("7b")
    sound(at.run())
    mine, screen = (urlsplit(code.value) for code in at.code)
    assert (parse_qs(mine.query)["scene"], parse_qs(mine.query)["of"], parse_qs(mine.query)["group"]) == (["4"], ["faces"], ["7b"])
    assert lock_from(parse_qs(mine.query)["lock"][0]).request == "attribute:identity=101"
    opened = open_app(place.root, VIEW, **{name: values[0] for name, values in parse_qs(screen.query).items()})
    assert "guesses in 7b" in html_text(opened)


def test_teachers_notes_are_shown_when_they_are_asked_for(open_app, place):
    assert "Common mistake" not in html_text(open_app(place.root, VIEW))
    assert "Common mistake" in html_text(open_app(place.root, VIEW, notes="true"))


def test_doing_it_live_asks_for_the_chosen_digit_with_a_seed_that_was_not_run(open_app, tmp_path):
    home = open_home(tmp_path / "home")
    examples.ensure(home)
    at = open_app(home.root, VIEW, scene="7", digit="5")
    at.button(key="live").click()
    sound(at.run())
    specs = queued(home)
    wanted = ("ssd", "digits", (5,), 1, True)
    assert [(spec.method, spec.dataset, spec.request.classes, spec.seed, spec.reference) for spec in specs] == [wanted]
    at = open_app(home.root, VIEW, live=specs[0].id)
    assert "Your run: " in at.get("progress")[0].proto.text


def test_a_live_run_that_is_done_shows_its_verdict_and_can_be_told(open_app, place):
    run_id = examples.here(place)["retrained"]
    at = open_app(place.root, VIEW, live=run_id)
    assert "Your run is done" in html_text(at)
    at.button(key="live-tell").click()
    assert at.run().query_params["of"] == run_id
    assert "Your run is done" not in html_text(sound(at))


def test_a_run_that_is_not_there_is_said_in_a_sentence(open_app, place):
    at = open_app(place.root, VIEW, of="nothing")
    assert len(at.error) == 1
    assert "there is none called" in at.error[0].value


def test_a_home_without_the_examples_offers_them(open_app, tmp_path):
    home = open_home(tmp_path / "home")
    examples.remember(home, {})
    at = open_app(home.root, VIEW)
    assert "deleted here or never brought in" in at.info[0].value
    at.button(key="open-examples").click()
    assert TITLES[0] in html_text(sound(at.run()))


def test_an_address_of_the_form_opens_the_form(open_app, place):
    at = open_app(place.root, VIEW, method="finetune", **{"class": "5"})
    assert at.title[0].value == "Unlearn"
    assert at.query_params["method"] == "finetune"


@pytest.mark.parametrize("page", sorted(path.name for path in Path("dashboard/views").glob("[a-z]*.py")))
def test_every_page_opens_on_an_example(open_app, place, page):
    at = open_app(place.root, f"views/{page}", run=examples.here(place)["digits"])
    assert not at.error
    assert not [warning.value for warning in at.warning]
    with ResultStore(place.database) as store:
        assert {run.status for run in store.runs()} == {RunStatus.DONE}  # no page needed another run
