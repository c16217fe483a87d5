"""A search as a job: asked for, stopped, gone on with after its process was killed; a trial as a run and as the home's preset."""

from dataclasses import replace
import json

import psutil
import pytest

from core.domain.errors import WrongInput
from core.domain.presets import FRESH_SEEDS, preset_for
from core.domain.requests.registry import parse_request
from core.domain.run import RunStatus
from core.jobs import submit, tuning, worker
from core.jobs.catalogue import Catalogue
from core.jobs.sequences.plan import make_plan as make_sequence
from core.jobs.validation import make_spec, preset_values
from core.jobs.write_catalogue import describe
from core.storage.queues import job_queue
from core.storage.queues.lifecycle import SEARCH
from core.storage.runs import ResultStore
from core.tuning import home_presets, journal
from core.tuning.home_presets import HomePreset
from core.tuning.journal import Trial
from core.tuning.plan import Budget
from tests.core.jobs.place import STUB, until

SHELVES = Catalogue.from_json(describe().to_json())
DIGITS = SHELVES.datasets["digits"]
CLASS = parse_request("class:3", DIGITS)


def planned(**about):
    asked = {"mode": "blind", "budget": Budget(6)} | about
    return tuning.make_plan(SHELVES, "digits", "small_cnn", asked.pop("request", CLASS), asked.pop("method", "ssd"),
                            asked.pop("settings", {}), **asked)  # fmt: skip


def stored(home, plan, count=3):
    """A search with trials that were never made here."""
    journal.begin(home, plan)
    for n in range(count):
        values = {"forgetting": 0.3 - n / 10, "retained": 0.9, "attack": 0.0}
        tried = {one.name: one.low * (n + 2) for one in plan.ranges} if n else plan.preset_within()
        journal.add_trial(home, plan.id, Trial(n, tried, values=values))
    return journal.read(home, plan.id)


# What is asked.


def test_a_plan_tunes_around_the_preset_and_names_what_it_fixes():
    plan = planned(settings={"importance": "batch"})
    preset = preset_values(SHELVES.methods["ssd"], DIGITS, "small_cnn", CLASS)
    assert plan.spec.params == {**preset, "settings": "given", "importance": "batch"}
    assert [(one.name, one.holds(preset[one.name])) for one in plan.ranges] == [("alpha", True), ("lambda", True)]
    assert planned(tuned=["lambda=0.5:2", "importance"]).id != plan.id
    assert tuning.title_of(plan) == "ssd on digits, small_cnn: class:3, blind, seed 10"


@pytest.mark.parametrize("about, said", [
    ({"method": "retrain"}, "no parameter to tune"), ({"tuned": ["batch_size"]}, "only with importance = batch or label_free"),
    ({"tuned": ["speed=1:2"]}, "no parameter 'speed'"), ({"seeds": [0]}, "judged on the seeds"), ({"objectives": ["fun"]}, "no objective"),
    ({"mode": "psychic"}, "oracle or blind"), ({"settings": {"alpha": -1}}, "alpha must be"), ({"budget": Budget(0)}, "1 to 1000 trials"),
    ({"method": "unsir", "request": parse_request("random:0.1", DIGITS)}, "not random"), ({"tuned": ["alpha", "alpha"]}, "each once"),
    ({"recipe": {"shards": 3}}, "leave shards and slices out"),
    ({"recipe": {"validation": 0.1}, "mode": "blind"}, "holds out a validation part of its own"),
])  # fmt: skip
def test_what_cannot_be_searched_is_refused_in_one_sentence(about, said):
    with pytest.raises(WrongInput, match=said):
        planned(**about)


def test_a_parameter_that_depends_on_a_tuned_choice_is_no_idle_one():
    assert {one.name for one in planned(tuned=["importance", "batch_size"]).ranges} == {"importance", "batch_size"}


# What a trial becomes.


def test_a_trial_opens_as_a_run_with_a_seed_that_the_search_never_saw(home):
    found = stored(home, planned())
    spec = tuning.spec_of(SHELVES, found, 1)
    assert spec.seed in FRESH_SEEDS
    assert spec.seed not in found.plan.seeds
    assert {name: spec.params[name] for name in ("alpha", "lambda", "settings")} == {**found.trials[1].tried, "settings": "given"}
    assert tuning.spec_of(SHELVES, found, 0) == found.plan.spec


def test_a_search_by_a_recipe_of_ones_own_is_another_one_and_its_trials_train_by_that(home):
    own = planned(recipe={"epochs": 3})
    assert own.spec.recipe == {"epochs": 3}
    assert own.id != planned().id
    assert tuning.title_of(own).startswith("ssd on digits, small_cnn (epochs=3): class:3")
    found = stored(home, own)
    assert tuning.spec_of(SHELVES, found, 1).recipe == {"epochs": 3}
    assert tuning.judged_plan(home, SHELVES, found, 1).recipe == {"epochs": 3}
    stored(home, planned(mode="oracle"), 2)
    assert len(tuning.judged_plan(home, SHELVES, found, 1).variants) == 3, "what was found for other networks is not beside it"


def test_a_trial_as_the_home_s_preset_is_the_default_of_its_pair_method_and_kind_of_request_alone(home):
    found = stored(home, planned())
    preset = tuning.use(home, SHELVES, found)  # the closest: trial 2
    assert preset.found == f"trial 2 of the blind search {found.id}, for class:3, on seed 10"
    own = replace(SHELVES, presets=home_presets.read(home.root))
    made = make_spec(own, "digits", "small_cnn", parse_request("class:7", DIGITS), "ssd", {})
    assert made.params == tuning.params_of(SHELVES, found, 2)
    assert make_spec(own, "digits", "small_cnn", CLASS, "ssd", {"alpha": 9.0}).params == {**made.params, "alpha": 9.0}
    for asked in (("digits", "resnet18", CLASS, "ssd"), ("digits", "small_cnn", CLASS, "ssse"),
                  ("digits", "small_cnn", parse_request("random:0.1", DIGITS), "ssd")):  # fmt: skip
        assert make_spec(own, *asked, {}) == make_spec(SHELVES, *asked, {})
    tuning.use(home, SHELVES, found, 1)
    assert [one.values["alpha"] for one in home_presets.read(home.root)] == [found.trials[1].tried["alpha"]]
    home_presets.give_up(home, home_presets.read(home.root)[0])
    assert home_presets.read(home.root) == ()


def test_what_was_found_under_a_recipe_of_the_user_s_own_is_the_default_of_runs_by_that_recipe_alone(home):
    found = stored(home, planned(recipe={"epochs": "30"}))
    preset = tuning.use(home, SHELVES, found)
    assert preset.recipe == {"epochs": 30}
    assert preset.text.startswith("ssd on digits with small_cnn (epochs=30), classes: trial 2 of the blind search")
    own = replace(SHELVES, presets=home_presets.read(home.root))
    asked = ("digits", "small_cnn", CLASS, "ssd", {})
    for recipe in ({}, {"epochs": 31}, {"epochs": 30, "batch_size": 32}):
        assert make_spec(own, *asked, recipe=recipe) == make_spec(SHELVES, *asked, recipe=recipe)
    usual = preset_for("digits", "small_cnn").recipe.momentum
    for same in ({"epochs": 30}, {"epochs": "30", "momentum": str(usual)}):
        assert make_spec(own, *asked, recipe=same).params == tuning.params_of(SHELVES, found, 2), "said in other words"
    chain = make_spec(own, "digits", "small_cnn", CLASS, "ssd+finetune", {}, recipe={"epochs": 30}).params
    assert chain["alpha"] == preset.values["alpha"]
    (first, *_) = make_sequence(own, "digits", "small_cnn", "ssd", {}, requests=["class:3", "class:4"], recipe={"epochs": 30}).specs
    assert first.params["alpha"] == preset.values["alpha"]
    tuning.use(home, SHELVES, stored(home, planned()), 1)
    both = replace(SHELVES, presets=home_presets.read(home.root))
    assert len(both.presets) == 2, "one beside the other"
    assert make_spec(both, *asked).params != make_spec(both, *asked, recipe={"epochs": 30}).params


def test_an_older_preset_which_names_no_recipe_counts_for_the_preset_s(home):
    tuning.use(home, SHELVES, stored(home, planned()))
    (entry,) = json.loads(home.presets_file.read_text())
    assert entry.pop("recipe") == {}
    damaged = [entry | {"recipe": recipe} for recipe in ({"epochs": 0}, [3], {"a": 1})]
    home.presets_file.write_text(json.dumps([entry, *damaged]))
    (old,) = home_presets.read(home.root)
    assert old.recipe == {}
    own = replace(SHELVES, presets=(old,))
    assert make_spec(own, "digits", "small_cnn", CLASS, "ssd", {}).params == old.values
    with_own = make_spec(own, "digits", "small_cnn", CLASS, "ssd", {}, recipe={"epochs": 30})
    assert with_own == make_spec(SHELVES, "digits", "small_cnn", CLASS, "ssd", {}, recipe={"epochs": 30})


def test_values_that_a_method_no_longer_takes_stay_at_the_shipped_preset():
    old = HomePreset("digits", "small_cnn", "ssd", True, {"alpha": 2.0, "lambda": -5, "gone": 1, "settings": "given"}, "trial 1")
    own = replace(SHELVES, presets=(old,))
    shipped = make_spec(SHELVES, "digits", "small_cnn", CLASS, "ssd", {}).params
    assert make_spec(own, "digits", "small_cnn", CLASS, "ssd", {}).params == {**shipped, "alpha": 2.0}


@pytest.mark.parametrize("content", [b"", b"{}", b"[3]", b"\xff", b'[{"dataset": "digits"}]', b"[" * 9999])
def test_a_damaged_file_of_presets_is_as_none(home, content):
    home.presets_file.write_bytes(content)
    assert home_presets.read(home.root) == ()


def test_only_a_trial_that_is_done_becomes_a_preset(home):
    found = stored(home, planned(), 1)
    journal.add_trial(home, found.id, Trial(1, {"alpha": 1.0, "lambda": 1.0}, journal.DIVERGED, why="The loss became nan."))
    found = journal.read(home, found.id)
    for number, said in ((1, "Trial 1 diverged"), (9, "no trial 9"), (-1, "no trial -1")):
        with pytest.raises(WrongInput, match=said):
            tuning.use(home, SHELVES, found, number)
    with pytest.raises(WrongInput, match="No trial of search"):
        tuning.use(home, SHELVES, replace(found, trials=()))


# The job.


def test_a_search_of_other_code_does_not_go_on(home):
    plan = planned()
    old = replace(plan, spec=replace(plan.spec, engine="0" * 12))
    journal.begin(home, old)
    with pytest.raises(WrongInput, match="another version of the code"):
        tuning.go_on(home, old.id)


def test_a_complete_search_is_asked_for_nothing_and_a_larger_budget_is_more_work(home, monkeypatch):
    begun = []
    monkeypatch.setattr(tuning, "start_job", lambda *asked: begun.append(asked[1]))
    found = stored(home, planned(budget=Budget(3)))
    tuning.go_on(home, found.id)
    assert (begun, tuning.standing(home, found.id).state) == ([], "complete")
    tuning.go_on(home, found.id, Budget(4))
    now = tuning.standing(home, found.id)
    assert (begun, now.state, now.text, now.share) == ([found.id], "stopped", "3 of 4 trials, stopped", 0.75)


def test_searches_are_listed_with_those_that_are_damaged_and_removed_one_by_one(home):
    found = stored(home, planned())
    journal.file_of(home, "0" * 12).write_text("{}\n")
    listed, damaged = tuning.standings(home)
    assert [one.search.id for one in listed] == [found.id]
    assert len(damaged) == 1
    tuning.remove(home, found.id)
    tuning.remove(home, "0" * 12)
    assert tuning.standings(home) == ([], [])


def test_a_failed_search_says_why_in_its_standing(home, monkeypatch):
    plan = planned()
    monkeypatch.setattr("core.jobs.background.ensure_supervisor", lambda *_: None)
    monkeypatch.setattr(submit, "ensure_supervisor", lambda *_: None)
    tuning.start(home, plan)
    assert tuning.standing(home, plan.id).state == "running"
    with ResultStore(home.database) as store:
        claimed = job_queue.claim(store.db, SEARCH, worker.ProcessId.of_this_process())
        job_queue.finish(store.db, *claimed, RunStatus.FAILED, error="Traceback\nThe first 10 trials all failed.")
    now = tuning.standing(home, plan.id)
    assert (now.state, now.error) == ("failed", "The first 10 trials all failed.")


def searching(place, search_id, trials):
    """The process that searches, once it has made so many trials."""
    until(lambda: len(journal.read(place.home, search_id).trials) >= trials, 90)
    with ResultStore(place.home.database) as store:
        pid = store.db.read("select worker_pid from jobs where id = ?", (search_id,))[0]["worker_pid"]
    return psutil.Process(pid)


def test_a_search_whose_process_is_killed_and_one_that_is_stopped_go_on_with_what_they_have(place):
    plan = planned(budget=Budget(400))
    tuning.start(place.home, plan, STUB)
    searching(place, plan.id, 2).kill()
    made = len(journal.read(place.home, plan.id).trials)
    searching(place, plan.id, made + 2)  # computed once more by itself
    tuning.stop(place.home, plan.id)
    until(lambda: tuning.standing(place.home, plan.id).state == "stopped", 10)
    found = journal.read(place.home, plan.id)
    assert [trial.number for trial in found.trials] == list(range(len(found.trials)))
    assert made <= len(found.trials) < 400
    tuning.go_on(place.home, plan.id, Budget(len(found.trials) + 2), STUB)
    until(lambda: tuning.standing(place.home, plan.id).state == "complete", 60)
    whole = journal.read(place.home, plan.id)
    assert whole.trials[: len(found.trials)] == found.trials
    assert len(whole.trials) == len(found.trials) + 2


# Judged on fresh seeds.


def test_a_trial_is_judged_on_fresh_seeds_beside_the_shipped_preset_and_what_the_other_mode_chose(home):
    blind = stored(home, planned())
    alone = tuning.judged_plan(home, SHELVES, blind, 1)
    assert (alone.seeds, [variant.text for variant in alone.variants]) == ((0, 1, 2), ["ssd", "ssd · alpha=1.26 · lambda=0.3", "retrain"])
    oracle = stored(home, planned(mode="oracle"), 2)
    both = tuning.judged_plan(home, SHELVES, blind)
    assert oracle.closest == 1
    assert [variant.text for variant in both.variants] == [
        "ssd", "ssd · alpha=1.68 · lambda=0.4", "ssd · alpha=1.26 · lambda=0.3", "retrain",
    ]  # fmt: skip
    assert both.title == "ssd: preset, blind trial 2 and oracle trial 1"
    tuning.use(home, SHELVES, blind)
    own = replace(SHELVES, presets=home_presets.read(home.root))
    assert tuning.judged_plan(home, own, blind) == both  # the shipped preset, whatever this home's is
    of_preset = tuning.judged_plan(home, SHELVES, oracle, 0).variants
    assert [variant.text for variant in of_preset] == ["ssd", "ssd · alpha=1.68 · lambda=0.4", "retrain"]  # trial 0 is the preset
    with pytest.raises(WrongInput, match="that is done"):
        tuning.judged_plan(home, SHELVES, replace(blind, trials=()))
