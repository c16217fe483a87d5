"""The page Tune: asked for, looked at while it grows, gone on with; a trial opens as a run and becomes the preset that Unlearn names."""

import subprocess
import sys

import pytest

from core.domain.presets import FRESH_SEEDS
from core.domain.requests.classes import ClassRequest
from core.jobs import background, tuning
from core.jobs.catalogue import catalogue
from core.storage import studies
from core.storage.queues import job_queue
from core.storage.queues.lifecycle import SEARCH
from core.storage.runs import ResultStore
from core.tuning import home_presets, journal
from core.tuning.journal import DIVERGED, Trial
from core.tuning.plan import JUDGED_ON, Budget
from tests.dashboard.conftest import ROOT, queued, sound

VIEW = "views/tune.py"


@pytest.fixture(autouse=True)
def nothing_is_begun(monkeypatch):
    monkeypatch.setattr(background, "ensure_supervisor", lambda *_: None)


def stored(home, mode="blind", budget=12, count=12, **about):
    """A search with trials that were never made here; the third diverged."""
    plan = tuning.make_plan(catalogue(home.root), "digits", "small_cnn", ClassRequest((3,)), "ssd", {}, mode=mode, budget=Budget(budget),
                            **about)  # fmt: skip
    journal.begin(home, plan)
    for n in range(count):
        tried = {"alpha": 1.0 + n, "lambda": 1.0 / (n + 1)} if n else plan.preset_within()
        values = {"forgetting": abs(n - 5) / 20, "retained": 0.9 - n / 200, "attack": 0.0}
        done = Trial(n, tried, values=values, told={"attack AUC": 0.5})
        trial = Trial(n, tried, DIVERGED, why="The loss became nan.") if n == 2 else done
        journal.add_trial(home, plan.id, trial)
    journal.add(home, plan.id, {"importances": {"forgetting": {"alpha": 0.75, "lambda": 0.25}}})
    return plan.id


def alts(at):
    return [chart.proto.alt for chart in at.get("plotly_chart")]


def texts(at):
    return "\n".join(str(element.value) for kind in ("markdown", "caption", "info", "error") for element in getattr(at, kind))


def test_a_search_is_asked_for_with_its_mode_explained_and_the_command_beside_it(open_app, bare):
    at = open_app(bare.root, VIEW)
    assert "No reference is trained and no test image is read." in texts(at)
    at = sound(at.button_group(key="tune_mode").set_value("oracle").run())
    assert "Held against the retrained reference" in texts(at)
    at.text_area(key="ranges.ssd").set_value("alpha=1:20:log")
    at.number_input(key="tune_trials").set_value(7)
    at = sound(at.run())
    at = sound(at.button(key="start-search").click().run())
    (search_id,) = journal.ids(bare)
    plan = journal.read(bare, search_id).plan
    assert (plan.mode, plan.budget.trials, [one.text for one in plan.ranges]) == ("oracle", 7, ["alpha=1:20:log"])
    with ResultStore(bare.database) as store:
        assert [job.payload for job in job_queue.jobs(store.db, SEARCH)] == [{"search": search_id}]
    assert "Stop" in [button.label for button in at.button]


def test_where_unlearn_takes_weights_of_one_s_own_it_is_said_why_a_search_does_not(open_app, bare):
    panel = "Own weights for the original"
    assert panel in [one.label for one in open_app(bare.root, "views/unlearn.py").expander]
    (here,) = [one for one in open_app(bare.root, VIEW).expander if one.label == panel]
    (why,) = here.caption
    assert "without the validation part, which your network has seen" in why.value
    assert why.value.count(".") == 1


@pytest.mark.parametrize("key, value, said", [
    ("ranges.ssd", "alpha=5:1", "tuned within"), ("tune_seeds", "0", "judged on the seeds"), ("fixed.ssd", "speed=3", "speed"),
])  # fmt: skip
def test_what_cannot_be_searched_is_said_in_a_sentence_and_cannot_be_started(open_app, bare, key, value, said):
    at = open_app(bare.root, VIEW)
    widget = at.text_area(key=key) if key.startswith("ranges") else at.text_input(key=key)
    at = widget.set_value(value).run()
    assert len(at.error) == 1
    assert said in at.error[0].value
    assert at.button(key="start-search").disabled


@pytest.mark.parametrize("mode", ["blind", "oracle"])
def test_a_search_shows_its_front_its_trials_and_what_mattered_with_the_mode_at_every_number(open_app, home_of, mode):
    home = home_of()
    search_id = stored(home, mode)
    at = open_app(home.root, VIEW)
    assert f"mode **{mode}**" in texts(at)
    assert "12 trials of 12 trials" in texts(at)
    assert [alt.partition(":")[0] for alt in alts(at)] == [
        "Pareto front of 11 trials", "Importance of each setting for each objective", "alpha against each objective",
        "Every trial as a line through its settings and objectives",
    ]  # fmt: skip
    table = at.dataframe[0].value
    assert list(table["trial"]) == list(range(11, -1, -1))
    assert [name.endswith(f"({mode})") for name in table.columns[4:7]] == [True] * 3
    assert list(table["place"])[9] == "diverged: The loss became nan."
    assert journal.read(home, search_id).closest == int(at.selectbox(key=f"trial-{search_id}").value)


def test_a_trial_becomes_this_home_s_preset_and_unlearn_says_so_and_starts_from_it(open_app, home_of):
    home = home_of()
    search_id = stored(home)
    at = open_app(home.root, VIEW)
    at = sound(at.selectbox(key=f"trial-{search_id}").set_value(4).run())
    at = sound(at.button(key=f"use-{search_id}").click().run())
    (own,) = home_presets.read(home.root)
    assert own.values["alpha"] == 5.0
    form = open_app(home.root, "views/unlearn.py")
    assert f"trial 4 of the blind search {search_id}" in texts(form)
    assert form.number_input(key="ssd.alpha").value == 5.0


def test_a_preset_that_was_found_under_a_recipe_is_offered_with_that_recipe_alone(open_app, home_of):
    home = home_of()
    search_id = stored(home, recipe={"epochs": 30})
    at = open_app(home.root, VIEW)
    assert "small_cnn (epochs=30)" in texts(at).replace("\\", "")
    at = sound(at.selectbox(key=f"trial-{search_id}").set_value(4).run())
    sound(at.button(key=f"use-{search_id}").click().run())
    form = open_app(home.root, "views/unlearn.py")
    assert "The preset is this home's own" not in texts(form)
    assert form.number_input(key="ssd.alpha").value != 5.0
    form = sound(form.number_input(key="recipe.epochs").set_value(30).run())
    assert f"trial 4 of the blind search {search_id}" in texts(form)
    assert form.number_input(key="ssd.alpha").value == 5.0
    journal.remove(home, search_id)  # so that the page is a form
    tune = open_app(home.root, VIEW, **{"recipe.epochs": "30"})
    assert tune.text_area(key="ranges.ssd").value != open_app(home.root, VIEW).text_area(key="ranges.ssd").value, "around its own preset"
    lines = open_app(home.root, "views/studies.py", **{"recipe.epochs": "30", "how.ssd": "own sets"}).text_area(key="sets.ssd").value
    assert "alpha=5" in lines


def test_a_trial_opens_as_a_run_on_a_seed_that_the_search_never_saw(open_app, home_of):
    home = home_of()
    search_id = stored(home)
    at = open_app(home.root, VIEW)
    at = at.selectbox(key=f"trial-{search_id}").set_value(4).run()
    at.button(key=f"open-{search_id}").click().run()
    (spec,) = queued(home)
    assert (spec.params["alpha"], spec.params["lambda"], spec.seed) == (5.0, 0.2, JUDGED_ON)


def test_a_trial_is_judged_by_a_study_on_fresh_seeds(open_app, home_of):
    home = home_of()
    search_id = stored(home)
    at = open_app(home.root, VIEW)
    sound(at.button(key=f"judge-{search_id}").click().run())
    with ResultStore(home.database) as store:
        (study,) = studies.studies(store)
    assert study.title == f"ssd: preset, blind trial {journal.read(home, search_id).closest}"
    assert {spec.seed for spec in queued(home)} <= set(FRESH_SEEDS)


def test_a_stopped_search_goes_on_a_complete_one_gets_a_larger_budget_and_goes(open_app, home_of):
    home = home_of()
    search_id = stored(home, budget=20)
    at = open_app(home.root, VIEW)
    assert "**stopped**" in texts(at)
    at = sound(at.button(key=f"Go on-{search_id}").click().run())
    assert "**running**" in texts(at)
    at = sound(at.button(key=f"Stop-{search_id}").click().run())
    assert "**stopped**" in texts(at)
    at = sound(at.button(key=f"Delete it-{search_id}").click().run())
    assert journal.ids(home) == []
    search_id = stored(home)
    at = open_app(home.root, VIEW)
    at.number_input(key=f"more-{search_id}").set_value(30)
    at = sound(at.button(key=f"on-{search_id}").click().run())
    assert journal.read(home, search_id).plan.budget.trials == 30
    assert "**running**" in texts(at)


def test_a_damaged_search_is_said_and_the_others_are_shown(open_app, home_of):
    home = home_of()
    stored(home)
    journal.file_of(home, "0" * 12).write_bytes(b"\x00\xff")
    at = open_app(home.root, VIEW)
    assert len(at.error) == 1
    assert "is damaged" in at.error[0].value
    assert len(alts(at)) == 4


def test_the_page_never_imports_optuna_or_torch():
    code = "import sys; import dashboard.components.tuning.search, dashboard.components.tuning.form, core.cli.main; "
    code += "print(*{'optuna', 'torch', 'sqlalchemy', 'alembic'} & sys.modules.keys())"
    said = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert said.stdout.strip() == ""
    assert said.returncode == 0, said.stderr
