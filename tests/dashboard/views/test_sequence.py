"""The page Sequence: asked for, looked at while it grows, gone on with; its figures, its table and what it says in words."""

import subprocess
import sys

import pyarrow as pa
import pytest

from core.jobs import background
from core.jobs.catalogue import catalogue
from core.jobs.sequences.plan import make_plan
from core.sequences import journal
from core.storage.queues import job_queue
from core.storage.queues.lifecycle import SEQUENCE
from core.storage.runs import ResultStore
from tests.core.sequences import planted
from tests.core.sequences.planted import step
from tests.dashboard.conftest import ROOT, sound

VIEW = "views/sequence.py"


@pytest.fixture(autouse=True)
def nothing_is_begun(monkeypatch):
    monkeypatch.setattr(background, "ensure_supervisor", lambda *_: None)


def stored(home, seeds=(0, 1, 2), made=(1, 2, 3, 0), **about):
    """A sequence of three parts with steps that were never made here: the more requests, the more damage."""
    plan = make_plan(catalogue(home.root), "digits", "small_cnn", "ssd", {}, count=3, of="random:1%", seeds=seeds, **about)
    reference = None if about.get("retrain") is False else 0.97
    steps = [step(seed, n, 0.97 - 0.015 * n - 0.002 * seed, reference, earlier=0.1 * n if n > 1 else None) for seed in seeds for n in made]
    return planted.stored(home, plan, steps).id


def alts(at):
    return [chart.proto.alt for chart in at.get("plotly_chart")]


def texts(at):
    said = [str(element.value) for kind in ("markdown", "caption", "info", "error") for element in getattr(at, kind)]
    return "\n".join(said).replace("\\", "")


def queued(home):
    with ResultStore(home.database) as store:
        return [job.payload for job in job_queue.jobs(store.db, SEQUENCE)]


def test_ten_parts_of_one_draw_are_asked_for_unless_somebody_says_otherwise(open_app, bare):
    at = sound(open_app(bare.root, VIEW))
    assert "each is forgotten from the network that the last one left" in texts(at)
    at = sound(at.button(key="start-sequence").click().run())
    (sequence_id,) = journal.files(bare).ids()
    plan = journal.read(bare, sequence_id).plan
    assert (plan.count, plan.parts, plan.own_draws, plan.seeds, plan.retrain) == (10, True, True, (0, 1, 2), True)
    assert plan.spec.request.text == "random:0.01"
    assert queued(bare) == [{"sequence": sequence_id}]
    assert "Stop" in [button.label for button in at.button]
    assert "The first request comes when the original is there" in texts(at)


def written(frame):
    """Heading -> what stands in each cell of the column."""
    texts = pa.ipc.open_stream(frame.proto.arrow_data.styler.display_values).read_pandas()
    return dict(zip(frame.value.columns, texts.astype(str).T.to_numpy().tolist(), strict=True))


def test_a_list_of_requests_settings_and_seeds_are_asked_for(open_app, bare):
    at = sound(open_app(bare.root, VIEW))
    at = sound(at.button_group(key="sequence_way").set_value("a list").run())
    assert at.text_area(key="sequence_list").value == "class:0\nclass:1\nclass:2"
    at.text_area(key="sequence_list").set_value("class:3\n\nclasses:5,6")
    at.text_input(key="sequence_settings.ssd").set_value("alpha=3 settings=given")
    at.text_input(key="sequence_seeds").set_value("4")
    at.toggle(key="sequence_retrain").set_value(False)
    at = sound(at.run())
    sound(at.button(key="start-sequence").click().run())
    plan = journal.read(bare, journal.files(bare).ids()[0]).plan
    assert [spec.request.text for spec in plan.specs] == ["class:3", "classes:5,6"]
    assert (plan.spec.params["alpha"], plan.seeds, plan.retrain, plan.whole.request.text) == (3.0, (4,), False, "classes:3,5,6")


@pytest.mark.parametrize("key, value, said", [
    ("sequence_of", "class:3", "parts of a draw"), ("sequence_of", "random:30%", "name fewer"), ("sequence_seeds", "1-20", "1 to 10 seeds"),
    ("sequence_settings.ssd", "speed=3", "speed"),
])  # fmt: skip
def test_what_is_no_sequence_is_said_in_a_sentence_and_cannot_be_started(open_app, bare, key, value, said):
    at = open_app(bare.root, VIEW)
    at = at.text_input(key=key).set_value(value).run()
    assert len(at.error) == 1
    assert said in at.error[0].value
    assert at.button(key="start-sequence").disabled


def test_a_list_that_overlaps_is_said_in_a_sentence(open_app, bare):
    at = open_app(bare.root, VIEW)
    at = at.button_group(key="sequence_way").set_value("a list").run()
    at = at.text_area(key="sequence_list").set_value("class:3\nclasses:3,4").run()
    assert "Requests 1 and 2 of the sequence share" in at.error[0].value
    at = at.text_area(key="sequence_list").set_value("").run()
    assert len(at.error) == 1


def test_a_sequence_shows_its_curves_its_table_and_says_what_came_out(open_app, home_of):
    home = home_of()
    sequence_id = stored(home)
    at = sound(open_app(home.root, VIEW))
    assert alts(at) == [
        "Test accuracy after each of 3 requests; at the end damage is 4.7 ± 0.5 points",
        "Accuracy on each request's images and on all earlier ones, by request; the last request's is 0 %",
        "Seconds in all after each request; unlearning took 3 s after 3 requests",
    ]
    said = texts(at)
    assert "After 3 requests test accuracy is 4.7 ± 0.5 points below the retrained network's, over 3 seeds, each with its own draw." in said
    assert "The damage leaves the tolerance of 2 points at request 2: there it pays to retrain once." in said
    assert "Unlearning up to request 2 and retraining once then takes 6 s, against 8 s for a retraining each." in said
    table = at.dataframe[0].value
    assert list(table["request"]) == ["1", "2", "3", "all in one"]
    assert list(table["damage"].round(3)) == [0.017, 0.032, 0.047, 0.002]
    assert list(table["all earlier, unlearned"])[1:3] == pytest.approx([0.2, 0.3])
    assert list(table["seconds in all"])[:3] == [1.0, 2.0, 3.0]
    shown = written(at.dataframe[0])
    assert shown["test, unlearned"][:3] == ["95.3 %", "93.8 %", "92.3 %"], "the mean over seeds: 0.97 - 0.015 n - 0.002"
    assert shown["all earlier, unlearned"] == ["\N{EN DASH}", "20 %", "30 %", "\N{EN DASH}"]
    assert shown["damage"] == ["1.7 points", "3.2 points", "4.7 points", "0.2 points"]
    assert (shown["seconds in all"][:3], shown["request"], shown["seeds"][0]) == (["1", "2", "3"], ["1", "2", "3", "all in one"], "3")
    assert [button.proto.label for button in at.get("download_button")] == ["Download"]
    at = sound(at.number_input(key="sequence_tolerance").set_value(5.0).run())
    assert "The damage never leaves the tolerance of 5 points." in texts(at)
    assert journal.read(home, sequence_id).complete


def test_one_that_is_half_made_shows_what_it_has_and_without_retraining_says_against_what(open_app, home_of):
    home = home_of()
    sequence_id = stored(home, seeds=(0,), made=(1, 2), retrain=False)
    at = sound(open_app(home.root, VIEW))
    said = texts(at)
    assert "2 of 4 steps" in said
    assert "below the original's, over 1 seed" in said
    assert "held against no cost" in said
    assert len(alts(at)) == 3
    assert "test, retrained" not in at.dataframe[0].value.columns
    at = sound(at.button(key=f"Go on-{sequence_id}").click().run())
    assert queued(home) == [{"sequence": sequence_id}]
    at = sound(at.button(key=f"Stop-{sequence_id}").click().run())
    assert "**stopped**" in texts(at)
    at = sound(at.button(key=f"Delete it-{sequence_id}").click().run())
    assert journal.files(home).ids() == []


def test_a_damaged_sequence_is_said_and_the_others_are_shown(open_app, home_of):
    home = home_of()
    stored(home)
    journal.file_of(home, "0" * 12).write_bytes(b"\x00\xff")
    at = open_app(home.root, VIEW)
    assert len(at.error) == 1
    assert "is damaged" in at.error[0].value
    assert len(alts(at)) == 3


def test_the_command_beside_the_form_asks_for_the_same_sequence(open_app, bare, in_process, monkeypatch):
    at = open_app(bare.root, VIEW)
    at.session_state["sequence_terminal"] = True
    at.text_input(key="sequence_settings.ssd").set_value("alpha=3 settings=given")
    at = sound(at.run())
    (command,) = [code.value for code in at.code if "sequence start" in code.value]
    begun = []
    monkeypatch.setattr("core.cli.sequence._carried_out", lambda _home, sequence_id, *_: begun.append(sequence_id))
    monkeypatch.setattr("core.jobs.sequences.submit.start_job", lambda *_: None)
    assert in_process(*command.split()[3:])[0] == 0
    sound(at.button(key="start-sequence").click().run())
    assert journal.files(bare).ids() == begun


def test_the_page_never_imports_torch():
    code = "import sys; import dashboard.components.sequences.sequence, dashboard.components.sequences.form, core.cli.sequence; "
    code += "print(*{'optuna', 'torch', 'scipy'} & sys.modules.keys())"
    said = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert said.stdout.strip() == ""
    assert said.returncode == 0, said.stderr
