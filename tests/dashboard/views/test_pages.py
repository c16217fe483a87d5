"""Every page in every state of the home, without a browser: what it says, what it offers, and that it never breaks."""

from collections.abc import Callable
from dataclasses import replace
from html import unescape
import math
from pathlib import Path
import re
import sqlite3

import numpy as np
import pytest
import streamlit as st
from streamlit.runtime.state import SessionState
from streamlit.testing.v1 import AppTest

from core.domain.requests.classes import ClassRequest
from core.domain.run import RunSpec, RunStatus
from core.figures.training_curves import ALT
from core.jobs import submit
from core.jobs.catalogue import catalogue
from core.jobs.validation import preset_values
from core.metrics.tables.training_curves import training_table
from core.storage.home import Home
from core.storage.processes import ProcessId
from core.storage.queues.live_curves import LiveCurves
from core.storage.queues.run_queue import limit_reached, say_why_all_wait
from core.storage.record_types import Label
from core.storage.runs import ResultStore
from dashboard.components.common.run_status import STAGE
from dashboard.components.forms.recipe_form import on_form
from dashboard.queries import runs
from tests.dashboard.conftest import ERROR, ROOT, html_text, put, sound
from tests.planted import plant
from tests.planted import spec as planted

PAGES = [f"views/{path.name}" for path in sorted((ROOT / "dashboard" / "views").glob("*.py")) if path.stem != "__init__"]
OF_A_RUN = [page for page in PAGES if "= finished_run(" in (ROOT / "dashboard" / page).read_text(encoding="utf-8")]
EVERYTHING = ",".join(map(str, range(1437)))


def said(at: AppTest) -> str:
    """All text of the page, that of the rows of runs among it."""
    texts = [at.title, at.markdown, at.caption, at.info, at.error, at.subheader, at.warning]
    return "\n".join([*(str(element.value) for elements in texts for element in elements), *rows(at)])


def rows(at: AppTest) -> list[str]:
    """What the rows of the list of runs say, a cell a line, without their header."""
    bodies = [element.proto.body for element in at.get("html") if "class='run-name'" in element.proto.body]
    return [unescape(re.sub("(<[^>]*>)+", "\n", body)) for body in bodies]


def state_shown(at: AppTest, status: RunStatus) -> bool:
    """In the row of the one run of a list, or at the top of its page."""
    return f"**{status}**" in said(at) or any(re.search(rf"^{status}(:|$)", row, re.MULTILINE) for row in rows(at))


def told(at: AppTest, kind: str = "error") -> list[str]:
    """The messages of a kind as they are read: without the marks that keep markdown from reading them."""
    return [re.sub(r"\\(.)", r"\1", message.value).replace("\u2060", "") for message in getattr(at, kind)]


def labels(at: AppTest) -> list[str]:
    return [button.label for button in at.button]


def group(at: AppTest, label: str) -> list[str]:
    """What is chosen in a segmented control or in pills."""
    found = next(g for g in at.button_group if g.label == label)
    value = found.value
    return list(value) if isinstance(value, list) else [value]


def part_of(at: AppTest, button: str) -> str:
    """Which part that is drawn by itself a button stands in; '' for the page itself."""
    state = at.session_state
    while not isinstance(state, SessionState):
        state = state._state  # its guards
    return state._new_widget_state.widget_metadata[at.button(key=button).id].fragment_id or ""


def alts(at: AppTest) -> list[str]:
    return [chart.proto.alt for chart in at.get("plotly_chart")]


def one_sentence(at: AppTest, *words: str) -> None:
    """Wrong input is told once, in one sentence."""
    sound(at)
    assert len(at.error) == 1, said(at)
    for word in words:
        assert word in told(at)[0]
    assert "\n" not in at.error[0].value
    assert "Traceback" not in said(at)


def test_a_page_was_found_for_each_view():
    assert {"views/unlearn.py", "views/runs.py", "views/result.py", "views/parameters.py"} <= set(PAGES)


# Nothing there yet.


def test_a_home_that_never_was_is_made_and_the_form_is_ready(open_app, tmp_path):
    at = open_app(tmp_path / "never" / "was")
    assert at.title[0].value == "Unlearn"
    assert not at.button(key="submit").disabled
    assert (tmp_path / "never" / "was" / "forgetscope.db").is_file()


@pytest.mark.parametrize("page", PAGES)
def test_every_page_of_an_empty_home_says_what_to_do_next(open_app, bare, page):
    at = open_app(bare.root, page)
    assert len(at.title) == 1
    starts = {  # where something can be asked for
        "views/unlearn.py": "Run", "views/studies.py": "Start", "views/duel.py": "Begin", "views/tune.py": "Start",
        "views/sequence.py": "Start",
    }  # fmt: skip
    if page == "views/story.py":
        assert "Scene 1 of 7" in html_text(at)  # it brings the finished examples
    elif page == "views/guide.py":
        assert "Choose the class to forget".lower() in said(at).lower()  # which needs no run
    elif page in starts:
        assert any(label.startswith(starts[page]) for label in labels(at))
    else:
        assert len(at.info) == 1
        assert "No runs yet" in at.info[0].value
        assert at.get("page_link")[0].proto.label == "Go to Unlearn"
        assert "Open the finished examples" in labels(at)
    assert not at.error


def test_without_an_open_run_the_picker_is_offered(open_app, finished, done):
    at = open_app(finished.root, "views/result.py")
    assert at.info[0].value == "Choose a run above."
    assert sound(at.selectbox(key="picked-").set_value(done).run()).text_input(key="run").value == done


# A finished run.


@pytest.mark.parametrize("page", PAGES)
def test_every_page_opens_with_a_finished_run(open_app, finished, done, page):
    at = open_app(finished.root, page, run=done)
    assert not at.error
    assert not at.warning
    assert len(at.title) == 1


def test_the_result_says_in_a_sentence_what_happened_and_shows_it(open_app, finished, done):
    at = open_app(finished.root, "views/result.py", run=done)
    verdict = html_text(at)
    assert "\nForgotten, with warnings●○○ Low confidence · " in verdict
    assert "\nAccuracy on test images of class 3: " in verdict
    assert [m.label for m in at.metric][-2:] == ["Speed-up", "With precompute"]  # SSD reads stored importances
    assert len(alts(at)) == 6  # the last: of training
    assert all(alts(at))
    captions = " ".join(c.value for c in at.caption)
    for start in ("A row is a true class, a cell", "Compare the unlearned column with the reference"):
        assert captions.count(start) == 1
    assert [tab.label for tab in at.tabs] == list(dict.fromkeys(info.family for info in catalogue(finished.root).metrics.values()))
    for tab in at.tabs:
        (table,) = tab.table
        assert list(table.value.columns) == ["Measure", "Original", "Unlearned", "Reference", "Aim", "Definition"]
        assert table.proto.alt.startswith(tab.label)


def test_train_and_test_images_are_told_apart(open_app, finished, done):
    at = open_app(finished.root, "views/result.py", run=done, images="train")
    assert group(at, "Images") == ["train"]
    assert "A forgotten class should fall to" in said(at)
    train = [chart.proto.spec for chart in at.get("plotly_chart")]
    test = [chart.proto.spec for chart in open_app(finished.root, "views/result.py", run=done).get("plotly_chart")]
    assert train[:2] == test[:2]  # above the fold stand test images
    assert (len(train), len(test)) == (7, 6)  # of training images the accuracy by class is below the matrices
    assert train[5] not in test


def test_the_parameters_of_an_ssd_run_move_without_a_new_run(open_app, finished, done):
    at = open_app(finished.root, "views/parameters.py", run=done)
    before = {m.label: m.value for m in at.metric}
    slider = at.select_slider(key="alpha")
    assert len(set(slider.options)) == len(slider.options) == 123  # the slider knows its values by their text
    slider.set_value(max(float(text) for text in slider.options))  # the ceiling n/k
    after = {m.label: m.value for m in sound(at.run()).metric}
    assert after["Weights dampened"] == "0 %"
    assert after != before
    assert after["Test forget accuracy"] == "100 %"  # nothing dampened: the original
    assert len(alts(at)) == 6
    with ResultStore(finished.database) as store:
        assert [run.id for run in store.runs()] == [done]


def test_runs_are_listed_with_what_can_be_done_with_them(open_app, finished, done):
    at = open_app(finished.root, "views/runs.py")
    assert labels(at) == ["Open", "Delete it", "Import"]
    at.button(key=f"open-{done}").click()
    assert sound(at.run()).title[0].value == "Result"
    assert at.text_input(key="run").value == done


def test_running_the_same_again_opens_the_run_that_is_done(open_app, home_of, done):
    home = home_of()
    at = open_app(home.root, floor="false")
    at.button(key="submit").click()
    sound(at.run())
    with ResultStore(home.database) as store:
        runs = store.runs()
    for run in runs:
        if run.id != done:  # the engine's sources were edited since the session began
            submit.cancel(home, run.id)
            pytest.fail("an equal spec made a new run")
    assert at.title[0].value == "Result"
    assert at.text_input(key="run").value == done


def test_deleting_the_open_run_leaves_a_page_that_says_what_to_do(open_app, home_of, done):
    home = home_of()
    at = open_app(home.root, "views/runs.py", run=done)
    at.button(key=f"runs-Delete-{done}").click()
    assert "No runs yet" in sound(at.run()).info[0].value
    assert at.text_input(key="run").value == ""
    assert f"`{done}` was deleted just now" in said(at)
    at.button(key=f"undo-{done}").click()
    assert done in rows(sound(at.run()))[0]
    assert "was deleted" not in said(at)
    assert "Forgotten" in html_text(open_app(home.root, "views/result.py", run=done))  # with its numbers and its files


def test_a_deleted_run_can_be_undone_where_the_click_that_deletes_draws(open_app, bare):
    """In a browser a click inside a part of the page draws that part alone; AppTest draws all."""
    first, second = (put(bare, RunStatus.CANCELLED, seed) for seed in (1, 2))
    submit.delete(bare, first)
    at = open_app(bare.root, "views/runs.py")
    assert part_of(at, f"undo-{first}") == part_of(at, f"runs-Delete-{second}") != ""


def test_many_runs_come_in_pages(open_app, bare):
    for seed in range(23):
        put(bare, RunStatus.CANCELLED, seed)
    at = open_app(bare.root, "views/runs.py", page="3")
    assert labels(at).count("Open") == 3
    assert labels(open_app(bare.root, "views/runs.py", page="99")).count("Open") == 10


# Runs that are not done.


@pytest.mark.parametrize("page", ["views/runs.py", "views/result.py"])
@pytest.mark.parametrize("status", [RunStatus.QUEUED, RunStatus.RUNNING])
def test_an_active_run_shows_where_it_stands_and_can_be_cancelled(open_app, bare, page, status):
    run_id = put(bare, status)
    at = open_app(bare.root, page, run=run_id)
    assert state_shown(at, status)
    bar = at.get("progress")[0].proto
    stage = STAGE["unlearn"] + " · epoch 2 of 5 · about 12 s left" if status == RunStatus.RUNNING else STAGE[""]
    assert (bar.value, bar.text) == (40 if status == RunStatus.RUNNING else 0, stage)
    assert "Cancel" in labels(at)
    assert not {"Retry", "Delete it"} & set(labels(at))


@pytest.mark.parametrize("page", ["views/runs.py", "views/studies.py", "views/result.py"])
def test_every_page_that_shows_a_waiting_run_has_it_served(open_app, bare, page, monkeypatch):
    """The supervisor died; nobody but the one who looks at the page is there to start another."""
    begun = []
    monkeypatch.setattr(submit, "ensure_supervisor", lambda *_: begun.append(1))
    open_app(bare.root, page, run=put(bare, RunStatus.QUEUED))
    assert begun


def test_watching_one_run_has_it_served_whoever_watches(bare, monkeypatch):
    """What the fragments ask that poll: of a run, and of what it waits for."""
    begun = []
    monkeypatch.setattr(submit, "ensure_supervisor", lambda *_: begun.append(1))
    monkeypatch.setenv("FORGETSCOPE_HOME", str(bare.root))
    run_id = put(bare, RunStatus.QUEUED)
    assert runs.run(run_id).status == RunStatus.QUEUED
    assert begun == [1]
    with ResultStore(bare.database) as store:
        store.claim(ProcessId.of_this_process())
    runs.run(run_id)
    assert begun == [1]  # somebody computes


@pytest.mark.parametrize("page", OF_A_RUN)
def test_every_page_of_a_run_shows_where_one_stands_that_is_not_done_and_nothing_else(open_app, bare, page):
    at = open_app(bare.root, page, run=put(bare, RunStatus.RUNNING))
    assert "**running**" in said(at)
    assert at.get("progress")[0].proto.value == 40
    assert labels(at) == ["Cancel"]
    assert not at.subheader
    assert not at.error


def test_cancel_on_the_page_cancels(open_app, bare):
    run_id = put(bare, RunStatus.QUEUED)
    at = open_app(bare.root, "views/result.py", run=run_id)
    at.button(key=f"follow-Cancel-{run_id}").click()
    assert "**cancelled**" in said(sound(at.run()))


@pytest.mark.parametrize("page", ["views/runs.py", "views/result.py"])
def test_a_failed_run_shows_the_line_and_the_whole_error_one_click_away(open_app, bare, page):
    at = open_app(bare.root, page, run=put(bare, RunStatus.FAILED, error=ERROR))
    assert state_shown(at, RunStatus.FAILED)
    assert "Diverged: The loss became nan at step 7." in "\n".join([*told(at), *rows(at)])
    (box,) = [box for box in at.expander if box.label == "The whole error"]
    assert box.code[0].value == ERROR
    assert {"Retry", "Delete it"} <= set(labels(at))


@pytest.mark.parametrize("page", ["views/runs.py", "views/result.py"])
@pytest.mark.parametrize("status", [RunStatus.CANCELLED, RunStatus.INTERRUPTED])
def test_a_stopped_run_can_be_taken_up_again(open_app, bare, page, status):
    at = open_app(bare.root, page, run=put(bare, status))
    assert state_shown(at, status)
    assert {"Retry", "Delete it"} <= set(labels(at))
    assert "Cancel" not in labels(at)
    if status == RunStatus.INTERRUPTED:
        assert "Retry goes on with what was already trained" in said(at)


ABSENT = "000000000000"


@pytest.mark.parametrize(
    "page, asked",
    [*[(page, ABSENT) for page in OF_A_RUN],
     *[("views/result.py", asked) for asked in ("../../etc/passwd", "<script>alert(1)</script>", "**bold** `x`")]],
)  # fmt: skip
def test_a_run_that_is_not_there_is_said_not_to_be(open_app, finished, page, asked):
    at = open_app(finished.root, page, run=asked)
    assert not at.error
    assert "There is no run" in at.info[0].value


def test_a_waiting_run_tells_its_place_and_when_it_begins(open_app, bare, no_supervisor):
    st.cache_data.clear()
    put(bare, RunStatus.RUNNING)
    with ResultStore(bare.database) as store:
        behind = store.add(RunSpec("digits", "small_cnn", ClassRequest((5,)), "finetune", {"epochs": 5}, 2))
        last = store.add(RunSpec("digits", "small_cnn", ClassRequest((5,)), "finetune", {"epochs": 5}, 3))
    bars = [bar.proto.text for bar in open_app(bare.root, "views/runs.py").get("progress")]
    assert bars == [
        "waiting to start · 2 runs ahead, how long they take is not known yet",  # nothing of the kind has finished here
        "waiting to start · 1 run ahead, starts in about 12 s",
        STAGE["unlearn"] + " · epoch 2 of 5 · about 12 s left",
    ]
    assert open_app(bare.root, "views/result.py", run=behind).get("progress")[0].proto.text == bars[1]
    assert open_app(bare.root, "views/result.py", run=last).get("progress")[0].proto.text == bars[0]
    with ResultStore(bare.database) as store:
        say_why_all_wait(store.db, "Nobody answers.")
    st.cache_data.clear()
    (bar,) = open_app(bare.root, "views/result.py", run=behind).get("progress")
    assert bar.proto.text == r"waiting to start · 1 run ahead · Nobody answers\."


def test_a_time_limit_is_asked_for_on_the_form_and_the_run_says_that_it_was_stopped_there(open_app, bare, no_supervisor):
    at = open_app(bare.root, method="finetune", limit="soon")
    assert told(at) == ["A time limit must be from 1 second to 365 days, such as 90, 15min, 2h or 1h 30min; got 'soon'."]
    assert at.button(key="submit").disabled
    at = sound(open_app(bare.root, method="finetune", limit="2min").button(key="submit").click().run())
    with ResultStore(bare.database) as store:
        floor, run = store.runs()
        assert (run.limit_seconds, floor.limit_seconds) == (120.0, None)
        _, attempt = store.claim(ProcessId.of_this_process())
        store.finish(run.id, attempt, RunStatus.FAILED, error=limit_reached(120))
        assert store.existing(floor.id).status == RunStatus.CANCELLED  # it was asked for along with the run
    at = open_app(bare.root, "views/result.py", run=run.id)
    assert "**stopped at its limit of 2 min**" in said(at)
    assert told(at)[0].startswith("Stopped at its limit of 2 min; Retry goes on")
    sound(at.button(key=f"opened-Retry-{run.id}").click().run())
    with ResultStore(bare.database) as store:
        assert [one.status for one in store.runs()] == [RunStatus.QUEUED] * 2
        assert store.claim(ProcessId.of_this_process())[0].id == run.id
        assert store.existing(run.id).limit_seconds == 120.0


# A home in trouble.


@pytest.mark.parametrize("page", ["views/unlearn.py", "views/runs.py"])  # the frame tells it, whatever the page
def test_a_corrupt_database_is_told_in_a_sentence(open_app, tmp_path, page):
    (tmp_path / "forgetscope.db").write_bytes(b"not a database at all" * 100)
    one_sentence(open_app(tmp_path, page), "forgetscope.db", "damaged or of another kind")
    assert (tmp_path / "forgetscope.db").read_bytes().startswith(b"not a database")


def test_a_home_that_is_a_file_is_told_in_a_sentence(open_app, tmp_path):
    (tmp_path / "home").write_text("a letter")
    one_sentence(open_app(tmp_path / "home", "views/runs.py"), "folder is wanted", str(tmp_path / "home"))
    assert (tmp_path / "home").read_text() == "a letter"


def test_somebody_elses_database_is_left_alone(open_app, tmp_path):
    with sqlite3.connect(tmp_path / "forgetscope.db") as db:
        db.execute("create table mail (text)")
    db.close()
    one_sentence(open_app(tmp_path, "views/runs.py"), "belongs to another program")


def test_a_newer_database_is_told_in_a_sentence(open_app, bare):
    with sqlite3.connect(bare.database) as db:
        db.execute("pragma user_version = 99")
    db.close()
    one_sentence(open_app(bare.root, "views/result.py"), "newer Forgetscope")


HARM: dict[str, Callable[[Path], object]] = {
    "missing": Path.unlink,
    "damaged": lambda path: path.write_bytes(b"PAR1" + bytes(100)),
    "empty": lambda path: path.write_bytes(b""),
}


@pytest.mark.parametrize(
    "page, name, harm",
    [
        *[("views/result.py", name, harm) for name in ("per_class", "confusion") for harm in HARM],
        ("views/parameters.py", "layers", "damaged"),  # what is missing: see test_missing_results.py
    ],
)
def test_a_table_that_is_gone_or_harmed_is_told_in_a_sentence(open_app, finished, done, page, name, harm):
    with ResultStore(finished.database) as store:
        path = finished.artifacts_folder / store.artifacts(done)[name]
    whole = path.read_bytes()
    st.cache_data.clear()
    try:
        HARM[harm](path)
        at = open_app(finished.root, page, run=done)
    finally:
        path.write_bytes(whole)
    one_sentence(at, "The stored file", "is missing" if harm == "missing" else "is damaged", "run again")
    assert "Run it again" in labels(at)
    if page == "views/result.py":  # what the database holds is shown all the same
        assert f"({name})" in at.warning[0].value.replace("\\", "")
        assert {"Membership", "Accuracy"} <= {tab.label.split()[0] for tab in at.tabs}
        assert ("Not checked: The stored file" in html_text(at)) == (name == "per_class")
    assert not open_app(finished.root, page, run=done).error  # trouble is not remembered


def test_importances_that_are_gone_are_told_in_a_sentence_and_can_be_computed_anew(open_app, home_of, done):
    home = home_of()
    with ResultStore(home.database) as store:
        (home.artifacts_folder / store.artifacts(done)["recorded"]).unlink()
    at = sound(open_app(home.root, "views/parameters.py", run=done))
    assert "This run stored no importances: the file that held them was not kept." in said(at)
    assert "Compute the per_sample importances" in labels(at)
    assert not at.error


def test_a_run_of_an_old_engine_that_stored_fewer_files_is_told_in_a_sentence(open_app, home_of, done):
    # Parameters and Privacy say it part by part: see test_parameters.py and test_privacy.py.
    home = home_of()
    with sqlite3.connect(home.database) as db:
        db.execute("delete from artifacts where name in ('per_class', 'layers', 'confusion', 'recorded')")
    db.close()
    one_sentence(open_app(home.root, "views/result.py", run=done))


@pytest.mark.parametrize("page", OF_A_RUN)
def test_a_run_on_a_dataset_that_is_no_longer_on_the_shelf_is_told_in_a_sentence(open_app, home_of, done, page):
    home = home_of()
    with sqlite3.connect(home.database) as db:
        db.execute("update runs set spec = replace(spec, '\"digits\"', '\"papyri\"')")
    db.close()
    one_sentence(open_app(home.root, page, run=done), "papyri")


def test_a_run_on_added_images_that_were_removed_or_are_damaged_says_so_and_what_brings_them_back(open_app, home_of, done):
    home, page = home_of(), "views/result.py"
    with sqlite3.connect(home.database) as db:
        db.execute("update runs set spec = replace(spec, '\"digits\"', '\"pets@00000000\"')")
    db.close()
    sentence = "The added dataset pets@00000000 was removed; adding the same images again brings it back."
    one_sentence(open_app(home.root, page, run=done), sentence)
    (home.datasets_folder / "pets@00000000").mkdir(parents=True)
    one_sentence(open_app(home.root, page, run=done), "The added dataset pets@00000000 is damaged", "add it again")


# The form.


def test_the_form_follows_the_method_and_presets_are_set(open_app, finished):
    shelves = catalogue(finished.root)
    for key, method in shelves.methods.items():
        at = open_app(finished.root, method=key, **({"recipe.shards": "5"} if method.needs_shards else {}))
        assert any(m.value.startswith(f"**{method.title}**") for m in at.markdown)
        assert "#### Rule" not in said(at), "the fine print waits until it is opened"
        assert not at.button(key="submit").disabled
        preset = preset_values(method, shelves.datasets["digits"], "small_cnn", ClassRequest((3,)))
        shown = {}
        for p in method.params:
            name = f"{key}.{p.name}"
            if p.choices:
                shown[p.name] = at.selectbox(key=name).value
            elif p.words and preset[p.name] in p.words:
                shown[p.name] = preset[p.name]
            else:
                box = at.number_input(key=name)
                shown[p.name] = box.value
                assert p.words or p.wanted in box.help
        assert shown == preset
        others = tuple(f"{other}." for other in shelves.methods if other != key)
        assert not [n.key for n in at.number_input if n.key.startswith(others)]


def test_changing_the_method_changes_the_form_in_place(open_app, finished):
    at = open_app(finished.root)
    at.selectbox(key="method").set_value("finetune")
    names = {n.label for n in sound(at.run()).number_input if not (n.key or "").startswith(("own_", "recipe."))}
    assert {"epochs", "learning rate (η)", "batch size (B)", "Seed"} == names


def test_the_percentile_rule_needs_no_number_and_batch_size_only_means_something_with_batch(open_app, finished):
    at = open_app(finished.root, method="ssd")
    assert at.number_input(key="ssd.batch_size").disabled
    at.selectbox(key="ssd.importance").set_value("batch")
    assert not sound(at.run()).number_input(key="ssd.batch_size").disabled
    way = next(g for g in at.button_group if g.label.startswith("alpha"))
    way.set_value("percentile")
    assert "ssd.alpha" not in [n.key for n in sound(at.run()).number_input]


def test_the_ceiling_of_the_request_stands_beside_alpha(open_app, finished):
    at = open_app(finished.root, kind="random", amount="0.5")
    assert any("n/k = 2.00" in c.value for c in at.caption)
    at = open_app(finished.root, kind="samples", samples="1,2,3")
    assert any("n/k = 479.00" in c.value for c in at.caption)


def test_a_recipe_of_ones_own_is_asked_for_on_the_form_and_is_part_of_the_address(open_app, bare):
    at = open_app(bare.root, **{"recipe.epochs": "30"})
    assert [expander.label for expander in at.expander if expander.label == "Training recipe"]
    assert (at.number_input(key="recipe.epochs").value, at.number_input(key="recipe.learning_rate").value) == (30, 0.1)
    assert not at.number_input(key="recipe.momentum").disabled
    at.selectbox(key="recipe.optimiser").set_value("adamw")
    at = sound(at.run())
    assert at.number_input(key="recipe.momentum").disabled
    assert "Trained by a recipe of your own: epochs=30 optimiser=adamw" in said(at).replace("\\", "")
    sound(at.button(key="submit").click().run())
    with ResultStore(bare.database) as store:
        specs = [run.spec for run in store.runs()]
    assert [spec.recipe for spec in specs] == [{"epochs": 30, "optimiser": "adamw"}] * 2, "the second reference's too"


@pytest.mark.parametrize("name, typed, words", [("epochs", "0", "epochs must be a whole number from 1"), ("batch_size", "1", "from 2 to")])
def test_a_recipe_out_of_bounds_is_told_in_a_sentence_and_run_is_disabled(open_app, bare, name, typed, words):
    at = open_app(bare.root, **{f"recipe.{name}": typed})
    one_sentence(at, words)
    assert at.button(key="submit").disabled


def test_sisa_asks_for_a_recipe_by_shards_and_says_what_a_class_costs(open_app, bare):
    at = open_app(bare.root, method="sisa")
    one_sentence(at, "needs an original that was trained by shards or slices", "set them under Training recipe on this page")
    assert "Training recipe" in [panel.label for panel in at.expander], "the panel that it names"
    assert "--recipe" not in at.error[0].value
    assert at.button(key="submit").disabled
    at = open_app(bare.root, method="sisa", **{"recipe.shards": "5"})
    assert any("a class has images in every shard, so that about 100 % of training" in one.value for one in at.warning)
    assert not at.button(key="submit").disabled


def test_ranks_stand_on_the_form_and_what_they_do_not_go_with_is_told(open_app, bare):
    at = open_app(bare.root, **{"recipe.ranks": "2"})
    assert at.number_input(key="recipe.ranks").value == 2
    assert "Trained by a recipe of your own: ranks=2" in said(at).replace("\\", "")
    assert not at.button(key="submit").disabled
    at = open_app(bare.root, **{"recipe.ranks": "2", "recipe.shards": "5"})
    one_sentence(at, "leave out ranks, or shards and slices")
    assert at.button(key="submit").disabled


def test_a_recipe_at_the_preset_follows_the_network_and_makes_the_run_that_it_always_was(open_app, bare):
    at = open_app(bare.root)
    at = sound(at.selectbox(key="model").set_value("vit_small").run())
    assert (at.selectbox(key="recipe.optimiser").value, at.number_input(key="recipe.learning_rate").value) == ("adamw", 4e-4)
    assert "recipe of your own" not in said(at)


@pytest.mark.parametrize(("recipe", "epochs"), [({}, 3), ({"epochs": 30}, 30)])
def test_images_of_a_map_are_forgotten_by_the_recipe_of_their_run_whatever_stood_on_the_form(open_app, bare, recipe, epochs):
    """The page of the map puts these values into the form, which stood at another network's preset, or had been changed."""
    at = sound(open_app(bare.root).selectbox(key="model").set_value("vit_small").run())
    at.number_input(key="recipe.epochs").set_value(3).run()
    spec, data = replace(planted("ssd", recipe=recipe), dataset="faces", model="resnet18"), catalogue(bare.root).datasets["faces"]
    at.session_state["_set_next"] = {"dataset": "faces", "model": "resnet18", **on_form(spec, data)}
    at = sound(at.run())
    assert at.number_input(key="recipe.epochs").value == epochs
    assert (at.selectbox(key="recipe.optimiser").value, at.number_input(key="recipe.learning_rate").value) == ("sgd", 0.05)
    assert ("recipe of your own" in said(at)) == bool(recipe)


def test_the_result_of_a_run_by_another_recipe_says_so_and_shows_its_curves(open_app, bare):
    curves = training_table({"original": np.array([[0.7, 0.5], [0.3, 0.9]]), "reference": np.array([[0.8, 0.4], [0.4, 0.8]])})
    run_id = plant(bare, planted("ssd", recipe={"epochs": 2}), files={"training": curves})
    plain_id = plant(bare, planted("ssd"))
    at = open_app(bare.root, "views/result.py", run=run_id)
    assert "trained with epochs=2" in said(at).replace("\\", "")
    assert ALT in alts(at)
    assert "small_cnn (epochs=2)" in html_text(at) + said(at).replace("\\", "")
    at = open_app(bare.root, "views/result.py", run=plain_id)
    assert "training recipe is the preset" not in said(at)
    assert ALT not in alts(at)


def test_runs_by_different_recipes_are_not_compared_as_if_they_were_about_one_network(open_app, bare):
    for spec in (planted("ssd", recipe={"epochs": 2}), planted("finetune")):
        plant(bare, spec)
    at = open_app(bare.root, "views/compare.py")
    assert "one network trained by several recipes: hold each against its own original and reference" in said(at).replace("\\", "")
    assert not [text.value for text in at.markdown if text.value.startswith("**")], "no conclusion is drawn of both"
    rows = at.dataframe[0].value
    assert sorted(rows["Model"][rows["Method"] == "Original"]) == ["small_cnn", "small_cnn (epochs=2)"]
    at = sound(at.multiselect(key="only.model").set_value(["small_cnn"]).run())
    assert "There is one run to see" in said(at), "the other is by another recipe"


def test_the_curves_of_a_run_that_trains_are_shown_meanwhile(open_app, bare):
    run_id = put(bare, RunStatus.RUNNING)
    assert ALT not in alts(open_app(bare.root, "views/result.py", run=run_id))
    LiveCurves(bare.curves(run_id)).add("original", 0.7, 0.5)
    assert ALT in alts(open_app(bare.root, "views/result.py", run=run_id))
    LiveCurves(bare.curves(run_id)).add("original", math.nan, 0.5, math.inf, 0.5)
    assert ALT not in alts(open_app(bare.root, "views/result.py", run=run_id)), "nothing can be drawn yet"


def test_the_form_says_how_many_images_a_validation_share_leaves(open_app, bare):
    """digits has 147 images of class 3 to train on, 10 % of each class of which are 14, and of all ten 139."""
    told = said(open_app(bare.root, **{"class": "3", "recipe.validation": "0.1"}))
    assert "holds out 139 training images, 14 of them named by this request: the forget set has 133 of the 1,298" in told
    assert "holds out" not in said(open_app(bare.root, **{"class": "3"}))


def test_the_address_carries_the_form(open_app, finished):
    at = open_app(finished.root, kind="classes", classes=["3", "5"], method="retrain", seed="7", reference="false")
    assert group(at, "What to forget") == ["classes"]
    assert group(at, "Classes") == ["3", "5"]
    assert at.selectbox(key="method").value == "retrain"
    assert at.number_input(key="seed").value == 7
    assert at.toggle(key="reference").value is False


@pytest.mark.parametrize("bad", ["nonsense", "<script>alert(1)</script>", "x" * 10_000, "-1", "nan", "\x00"])
def test_unknown_values_in_the_address_fall_back(open_app, finished, bad):
    names = ("dataset", "model", "kind", "class", "classes", "amount", "draw", "method", "seed", "reference", "page")
    at = open_app(finished.root, **dict.fromkeys(names, bad))
    assert at.selectbox(key="dataset").value == "digits"
    assert at.selectbox(key="method").value == next(iter(catalogue(finished.root).methods))
    assert group(at, "What to forget") == ["class"]
    assert group(at, "Class") == ["3"]
    typed = -1 if bad == "-1" else 0  # a number is kept as it is, and refused in a sentence
    assert at.number_input(key="seed").value == typed
    assert at.button(key="submit").disabled == (typed < 0)
    assert told(at) == ([] if typed == 0 else ["The seed must be a whole number from 0 to 2147483647; got -1."])


@pytest.mark.parametrize("typed, said", [("0", "alpha must be a number from 0.01"), ("2000", "alpha must be a number from 0.01")])
def test_a_parameter_out_of_bounds_is_told_in_a_sentence_and_run_is_disabled(open_app, finished, typed, said):
    at = open_app(finished.root, **{"ssd.alpha": typed})
    assert said in told(at, "error")[0]
    assert at.button(key="submit").disabled


def test_what_was_typed_stays_when_the_request_changes_and_a_preset_follows(open_app, finished):
    at = open_app(finished.root)
    assert at.number_input(key="ssd.alpha").value == 4.2  # 0.43 of 1437 / 147
    at = sound(at.button_group(key="class").set_value("4").run())
    assert at.number_input(key="ssd.alpha").value == 4.35  # of 1437 / 142
    at.number_input(key="ssd.alpha").set_value(2.5)
    at = sound(at.run())
    at = sound(at.button_group(key="class").set_value("5").run())
    assert at.number_input(key="ssd.alpha").value == 2.5


@pytest.mark.parametrize("name", ["seed", "amount", "draw", "page"])
def test_a_number_without_end_in_the_address_is_told_in_a_sentence(open_app, finished, name):
    one_sentence(open_app(finished.root, kind="random", **{name: "1e999"}), f"{name}=1e999", "finite number")


def test_an_address_without_a_class_chooses_none(open_app, finished):
    at = open_app(finished.root, **{"class": ""})
    assert at.button(key="submit").disabled
    assert "name at least one class" in at.info[0].value


WRONG = {
    "no class": ({"kind": "classes"}, "The forget set is empty; name at least one class"),
    "all classes": ({"kind": "classes", "classes": [str(i) for i in range(10)]}, "would forget everything"),
    "no sample": ({"kind": "samples"}, "The forget set is empty; name at least one training index"),
    "only commas": ({"kind": "samples", "samples": ", ,"}, "The forget set is empty"),
    "words": ({"kind": "samples", "samples": "one, two"}, "whole numbers, such as 12, 90, 401"),
    "half an index": ({"kind": "samples", "samples": "1.5"}, "whole numbers, such as 12, 90, 401"),
    "below 0": ({"kind": "samples", "samples": "-1"}, "has no training index -1"),
    "too high": ({"kind": "samples", "samples": "5, 1437"}, "has no training index 1437"),
    "huge": ({"kind": "samples", "samples": "9" * 100}, "has no training index"),
    "absurd": ({"kind": "samples", "samples": "1," + "9" * 5000}, "whole numbers, such as 12, 90, 401"),
    "every sample": ({"kind": "samples", "samples": EVERYTHING}, "would forget everything"),
    "share 0": ({"kind": "random", "amount": "0"}, "A random request needs a share"),
    "less than one image": ({"kind": "random", "amount": "0.0001"}, "less than one"),
    "everything at random": ({"kind": "random", "amount": "1437"}, "would forget everything"),
    "one and a half": ({"kind": "random", "amount": "1.5"}, "A random request needs a share"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_request_that_cannot_be_is_told_in_a_sentence_and_run_is_disabled(open_app, finished, case):
    query, words = WRONG[case]
    at = open_app(finished.root, **query)
    assert len(at.info) == 1
    assert words in told(at, "info")[0]
    assert len(told(at, "info")[0]) < 600
    assert at.button(key="submit").disabled
    assert not at.error


def test_ticked_images_are_added_to_the_indices(open_app, finished):
    at = open_app(finished.root, kind="samples", samples="5")
    table = at.dataframe[0].value
    assert list(table.columns) == ["index", "image"]
    assert table["image"].str.startswith("data:image/png;base64,").all()
    at.session_state["picked"] = {"selection": {"rows": [0, 2], "columns": [], "cells": []}}
    sound(at.run())
    at.button(key="add_ticked").click()
    wanted = sorted({5, int(table["index"][0]), int(table["index"][2])})
    assert sound(at.run()).text_input(key="samples").value == ", ".join(map(str, wanted))


def test_figures_have_the_height_that_keeps_the_page_still(open_app, finished, done):
    at = open_app(finished.root, "views/result.py", run=done)
    gauges, classes, *matrices, curves = (chart.proto.spec for chart in at.get("plotly_chart"))
    assert '"height":452' in gauges
    assert '"height":320' in classes
    assert all('"height":360' in matrix for matrix in matrices)
    assert '"height":280' in curves


def test_a_home_is_only_looked_at_by_looking(open_app, home_of, done):
    home: Home = home_of()
    before = sorted(path.name for path in home.artifacts_folder.iterdir())
    for page in ("views/unlearn.py", "views/runs.py", "views/result.py"):
        open_app(home.root, page, run=done)
    assert sorted(path.name for path in home.artifacts_folder.iterdir()) == before


# Methods and their settings.


def test_the_papers_values_fill_the_form_and_it_says_why_they_fail(open_app, bare):
    at = open_app(bare.root, method="ssd")
    preset = at.number_input(key="ssd.alpha").value
    assert group(at, "Initial values") == ["preset"]
    at = sound(at.button_group(key="start").set_value("paper").run())
    assert at.number_input(key="ssd.alpha").value == 10.0 != preset
    (said_why,) = told(at, "warning")
    assert "change next to nothing: α = 10, but no weight can be more than n/k = 9.78 times as important" in said_why
    assert "n/k = 10.57" in told(open_app(bare.root, method="ssd", start="paper", **{"class": "8"}), "warning")[0]
    at = sound(at.button_group(key="start").set_value("preset").run())
    assert at.number_input(key="ssd.alpha").value == preset
    assert not at.warning


def test_the_papers_values_say_where_they_are_known_not_to_work(open_app, bare):
    at = open_app(bare.root, method="unsir", start="paper")
    assert at.number_input(key="unsir.noise_count").value == 256
    assert "drown" in told(at, "warning")[0]
    assert not at.button(key="submit").disabled
    at = sound(at.button_group(key="start").set_value("notebook").run())
    assert (at.selectbox(key="unsir.impair").value, at.selectbox(key="unsir.norm_mode").value) == ("notebook", "moved")
    assert not at.warning


def test_values_that_another_method_alone_has_give_way_to_the_preset(open_app, bare):
    at = open_app(bare.root, method="unsir", start="notebook")
    at = sound(at.selectbox(key="method").set_value("ssd").run())
    assert group(at, "Initial values") == ["preset"]


def test_a_choice_that_costs_privacy_says_so_before_it_is_run(open_app, bare):
    at = open_app(bare.root, method="ssse")
    assert not at.warning
    at = sound(at.selectbox(key="ssse.storage").set_value("gradients").run())
    assert "privacy" in told(at, "warning")[0]


def test_a_reconstruction_is_called_one_on_the_form(open_app, bare):
    assert "badge[reconstruction]" in said(open_app(bare.root, method="weight_perturbation"))
    assert "badge[reconstruction]" not in said(open_app(bare.root, method="ssse"))


def test_a_request_that_a_method_cannot_serve_is_refused_on_the_form(open_app, bare):
    at = open_app(bare.root, method="unsir", kind="random")
    one_sentence(at, "serves requests of kind class, classes, not random")
    assert at.button(key="submit").disabled


def test_the_fine_print_of_a_card_opens_and_is_part_of_the_address(open_app, bare):
    text = said(open_app(bare.root, method="aru", card="true"))
    assert all(f"#### {heading}" in text for heading in ("Rule", "Needs", "Cannot do", "Paper", "Departures", "Standing"))


def test_the_result_lists_what_the_method_recorded(open_app, finished, done):
    at = open_app(finished.root, "views/result.py", run=done)
    table = next(t.value for t in at.table if "array" in t.value)
    assert set(table["array"]) == {"importance_forget/*", "dampening/*", "ssd/alpha"}
    assert (table["kB"].astype(float) >= 0).all()
    values = dict(zip(table["array"], table["value"], strict=True))
    assert values == {"importance_forget/*": "–", "dampening/*": "–", "ssd/alpha": "4.2"}
    assert table[["meaning", "unit", "axes", "shape"]].all(axis=None)


def test_a_second_reference_is_part_of_its_run_and_a_name_and_tags_stand_in_the_row(open_app, bare, no_supervisor):
    run_id = put(bare, RunStatus.QUEUED)
    with ResultStore(bare.database) as store:
        second = store.add(replace(store.existing(run_id).spec, method="retrain"), along_with=run_id)
        store.write_label(run_id, Label("Figure 3", ("paper",), "a note"))
    at = open_app(bare.root, "views/runs.py")
    (row,) = rows(at)
    for words in ("Figure 3", f"{run_id} · second reference queued", "paper", "a note"):
        assert words in row
    assert second not in said(at)
    assert at.caption[0].value == "1 run."
    assert rows(open_app(bare.root, "views/runs.py", find="figure")) == [row]
    assert rows(open_app(bare.root, "views/runs.py", **{"of-tag": "paper"})) == [row]


def test_a_name_is_written_on_the_page(open_app, bare):
    run_id = put(bare, RunStatus.CANCELLED)
    at = open_app(bare.root, "views/runs.py")
    at.session_state[f"runs-edit-{run_id}"] = True
    sound(at.run())
    at.text_input(key=f"runs-name-{run_id}").set_value("Second try")
    at.button(key=f"runs-save-{run_id}").click()
    assert "Second try" in rows(sound(at.run()))[0]
    with ResultStore(bare.database) as store:
        assert store.existing(run_id).label == Label("Second try")


# Levels.


def test_guided_shows_the_verdict_its_pictures_and_one_setting(open_app, finished, done):
    full, guided = (open_app(finished.root, "views/result.py", run=done, level=level) for level in ("Full", "Guided"))
    assert "Forgotten" in html_text(guided)
    assert alts(guided) == alts(full)[: len(alts(guided))] != alts(full)
    assert len(alts(guided)) == 2  # the gauges, and accuracy by class; the third picture is the saliency maps
    assert not guided.tabs
    assert any(tab.label == "Residual knowledge" for tab in full.tabs)
    assert "Full*, in the sidebar, shows" in said(guided)
    at = open_app(finished.root, "views/unlearn.py", method="ssd", level="Guided")
    keys = {box.key for box in (*at.number_input, *at.selectbox, *at.text_input)}
    assert {key for key in keys if key.startswith("ssd.")} == {"ssd.alpha"}
    assert not keys & {"seed", "limit"}
    assert not at.button(key="submit").disabled


@pytest.mark.parametrize(
    "view, charts, more",
    [
        ("parameters", ("Histogram of the importance ratio", "Accuracy by class before"), "other settings of the dampening"),
        ("privacy", ("Membership attack: ",), "every attack and its threshold"),
    ],
)
def test_guided_shows_the_main_picture_and_no_control_of_the_method(open_app, finished, done, view, charts, more):
    at = open_app(finished.root, f"views/{view}.py", run=done, level="Guided")
    assert [alt[: len(start)] for alt, start in zip(alts(at), charts, strict=True)] == list(charts)
    assert not at.tabs
    assert not at.select_slider
    assert not at.slider
    assert f"*Full*, in the sidebar, shows {more}" in said(at)
    full = open_app(finished.root, f"views/{view}.py", run=done)
    if view == "privacy":  # a warning is never hidden
        assert "⚠ Forgotten only on the surface." in html_text(at)
        assert html_text(full).splitlines()[0] == html_text(at).splitlines()[0]
    else:
        assert [m.value for m in at.metric] == [m.value for m in full.metric]  # at the run's own settings


def test_a_result_is_told_as_a_story(open_app, finished, done):
    link = next(one.proto for one in open_app(finished.root, "views/result.py", run=done).get("page_link") if "story" in one.proto.label)
    assert (link.label, link.query_string) == ("Tell it as a story", f"of={done}")


def test_guided_leaves_no_setting_where_a_search_chooses(open_app, finished):
    at = open_app(finished.root, "views/unlearn.py", model="all_cnn", method="ssd", level="Guided")
    assert not any(str(box.key).startswith("ssd.") for box in (*at.number_input, *at.selectbox))
    assert not at.button(key="submit").disabled


@pytest.mark.parametrize(
    ("address", "sentence"),
    [("", "Everything runs on this machine; nothing is sent anywhere."), ("lab:6379", "Runs go to the Ray cluster lab")],
)
def test_the_frame_says_where_runs_are_computed(open_app, bare, monkeypatch, address, sentence):
    monkeypatch.setenv("FORGETSCOPE_RAY", address)
    at = open_app(bare.root, "views/guide.py")
    assert any(sentence in caption.value for caption in at.sidebar.caption)
