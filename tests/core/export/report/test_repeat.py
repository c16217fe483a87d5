"""What a report says repeats a run, or a study, asks for the same run and the same study."""

from dataclasses import replace
import shlex
import tomllib

import pytest

from core.cli.judge import judge
from core.cli.run import run, settings_from
from core.domain.evaluation import Evaluation
from core.domain.requests.registry import parse_request
from core.domain.run import RunSpec
from core.domain.study import StudyPlan, Variant
from core.domain.training.own_recipe import asked_recipe, own_recipe
from core.export.report.repeat import run_command, study_file
from core.jobs.studies.plan import make_plan, specs
from core.jobs.studies.toml_file import plan_from_toml
from core.jobs.validation import judged_spec, limit_of, make_spec


@pytest.mark.parametrize(
    "request_text, method, settings, seed, reference",
    [
        ("class:3", "ssd", {}, 0, True), ("classes:3,5", "finetune", {"epochs": 2, "learning_rate": 0.1 + 0.2}, 7, False),
        ("random:0.05@3", "scrub", {}, 1, True), ("samples:12,90,401", "random_label", {}, 0, True),
    ],
)  # fmt: skip
def test_the_command_of_a_run_asks_for_the_same_run(shelves, request_text, method, settings, seed, reference):
    spec = make_spec(shelves, "digits", "small_cnn", parse_request(request_text), method, settings, seed=seed, reference=reference)
    command = run_command(spec, shelves.methods[method])
    words = shlex.split(command.replace("\\\n", ""))  # as a shell reads it
    assert words[:4] == ["python", "-m", "core", "run"]
    assert all(len(line) < 125 for line in command.splitlines())
    given = run.make_context("run", words[4:]).params
    assert (given["floor"], given["forget_file"], given["own"]) == (False, None, None)
    again = make_spec(
        shelves, given["dataset"], given["model"], parse_request(given["forget"], shelves.datasets["digits"]), given["method"],
        settings_from(given["settings"]), seed=given["seed"], reference=not given["no_reference"],
    )  # fmt: skip
    assert again.id == spec.id


@pytest.mark.parametrize(("seconds", "text"), [(1234567.5, "1234567.5"), (1234567.0, "1234567"), (1.1 + 2.2, "3.3000000000000003")])
def test_seconds_are_written_to_the_last_digit(shelves, seconds, text):
    spec = make_spec(shelves, "digits", "small_cnn", parse_request("class:3"), "ssd", {})
    words = shlex.split(run_command(spec, None, Evaluation(budget=seconds), limit=seconds).replace("\\\n", ""))
    given = run.make_context("run", words[4:]).params
    assert (given["budget"], given["limit"]) == (f"{text}s", text)
    assert limit_of(given["budget"], "A budget") == seconds
    plan = make_plan(shelves, "digits", "small_cnn", parse_request("class:3"), [("ssd", {})], (0, 1, 2))
    limited = StudyPlan.from_json(plan.to_json().replace('"limit": null', f'"limit": {text}'))
    assert plan_from_toml(study_file(limited), shelves).limit == seconds


@pytest.mark.parametrize("request_text, about", [
    ("class:3", {"title": 'A "study" of \\ three'}), ("random:0.05", {}), ("random:0.05@7", {"draws": ()}),
    ("random:0.05", {"draws": (5, 6, 7)}), ("class:3", {"reference": False}),
])  # fmt: skip
def test_the_file_of_a_study_asks_for_the_same_study(shelves, request_text, about):
    asked = [("ssd", {"alpha": 2.0}), ("finetune", {"epochs": 3}), ("scrub", {}), ("ssd+finetune", {"alpha": 2.0, "finetune.epochs": 3})]
    plan = make_plan(shelves, "digits", "small_cnn", parse_request(request_text), asked, (0, 1, 2), **about)
    text = study_file(plan)
    again = plan_from_toml(text, shelves)
    assert again == plan
    assert [spec.id for spec in specs(again, shelves)] == [spec.id for spec in specs(plan, shelves)]
    limited = StudyPlan.from_json(plan.to_json().replace('"limit": null', '"limit": 90.0'))
    assert plan_from_toml(study_file(limited), shelves).limit == 90


def test_a_recipe_of_the_users_own_is_repeated_too(shelves):
    recipe = {"epochs": 3, "learning_rate": 0.1 + 0.2, "schedule": "constant"}
    spec = make_spec(shelves, "digits", "small_cnn", parse_request("class:3"), "retrain", {}, recipe=recipe)
    words = shlex.split(run_command(spec).replace("\\\n", ""))
    assert words[words.index("--recipe") + 1 :][:3] == ["epochs=3", "learning_rate=0.30000000000000004", "schedule=constant"]
    given = run.make_context("run", words[4:]).params
    assert settings_from(given["recipe"]) == {name: str(value) for name, value in recipe.items()}
    plan = make_plan(shelves, "digits", "small_cnn", parse_request("class:3"), [("ssd", {}), ("retrain", {})], (0, 1), recipe=recipe)
    assert plan.recipe == recipe
    assert plan_from_toml(study_file(plan), shelves) == plan
    assert spec in specs(plan, shelves)


OF_PAIRS = [
    ("digits", "small_cnn", {}), ("faces", "resnet18", {}), ("faces", "small_cnn", {"epochs": 3, "momentum": 0.8}),
    ("mine@0123abcd", "resnet18", {}), ("mine@0123abcd", "resnet18", {"epochs": 25}), ("mine@0123abcd", "vit_small", {"epochs": 7}),
]  # fmt: skip


@pytest.mark.parametrize(("dataset", "model", "recipe"), OF_PAIRS)
def test_what_repeats_a_run_asks_for_its_recipe_whatever_is_usual_for_the_dataset(shelves, dataset, model, recipe):
    """A small dataset of one's own is trained on for more epochs, unless their number is said."""
    data = replace(shelves.datasets["digits"], key=dataset, train_counts=(500, 500))
    spec = RunSpec(dataset, model, parse_request("class:1"), "ssd", {}, recipe=recipe)
    words = shlex.split(run_command(spec).replace("\\\n", ""))
    given = run.make_context("run", words[4:]).params
    assert own_recipe(dataset, model, asked_recipe(data, model, settings_from(given["recipe"]))) == recipe

    plan = StudyPlan(dataset, model, spec.request, (Variant("ssd"),), (0,), recipe=recipe)
    said = tomllib.loads(study_file(plan)).get("recipe", {})
    assert own_recipe(dataset, model, asked_recipe(data, model, said)) == recipe


@pytest.mark.parametrize("kind", ["trained", "brought", "none"])
def test_the_command_of_a_judged_run_names_a_recipe_only_where_something_is_trained(shelves, kind):
    weights = ("a" * 64, "")
    asked = (shelves, "faces", "resnet18", parse_request("class:1"))
    spec = judged_spec(*asked, original=weights, unlearned=("b" * 64, ""), brought=("c" * 64, "") if kind == "brought" else None,
                       reference=kind != "none")  # fmt: skip
    words = shlex.split(run_command(spec).replace("\\\n", ""))
    given = judge.make_context("judge", words[4:]).params
    recipe = settings_from(given["recipe"])
    assert recipe == ({"epochs": "3"} if kind == "trained" else {})
    again = judged_spec(*asked, original=weights, unlearned=("b" * 64, ""), brought=("c" * 64, "") if given["brought"] else None,
                        reference=not given["no_reference"], recipe=recipe)  # fmt: skip
    assert again.id == spec.id
