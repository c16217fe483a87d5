"""A recipe of the user's own: what is read, what is refused, and that runs by the preset stay the runs that they were."""

from dataclasses import asdict, replace
import json

import pytest

from core.domain import run as run_module
from core.domain.errors import WrongInput
from core.domain.info import DatasetInfo
from core.domain.methods.ablations import deciding
from core.domain.presets import FALLBACKS, PRESETS, preset_for
from core.domain.requests.classes import ClassRequest
from core.domain.run import Recipe, RunSpec, model_text
from core.domain.study import StudyPlan, Variant
from core.domain.training.own_recipe import (
    asked_recipe,
    own_recipe,
    preset_recipe,
    recipe_for,
    said_recipe,
    usual_recipe,
    with_own,
)
from core.domain.training.recipes import PARTS, RECIPE, check_recipe, parsed_recipe
from core.storage.shared.shared_work import shared_work

PLAIN = RunSpec("digits", "small_cnn", ClassRequest((3,)), "ssd", {"alpha": 2.0}, engine="e")
# As the code wrote it before there were recipes.
WRITTEN = (
    '{"dataset": "digits", "device": "", "engine": "e", "method": "ssd", "model": "small_cnn", "params": {"alpha": 2.0}, '
    '"reference": true, "request": {"amount": 0.0, "column": "", "kind": "class", "picks": [3], "seed": 0}, "seed": 0, "weights": "", '
    '"weights_as": ""}'
)
OWN = replace(PLAIN, recipe={"epochs": 30, "learning_rate": 0.05})


def test_a_run_by_the_preset_is_the_run_that_it_was_before_there_were_recipes():
    assert PLAIN.id == "4fe54c795faa", "as computed by the code before there were own weights"
    assert PLAIN.to_json() == WRITTEN
    assert RunSpec.from_json(WRITTEN) == PLAIN
    assert run_module._written(WRITTEN) is not None
    assert model_text(PLAIN) == "small_cnn"


def test_a_run_by_another_recipe_is_another_run_of_other_networks():
    other = replace(PLAIN, recipe={"epochs": 30, "learning_rate": 0.06})
    assert len({PLAIN.id, OWN.id, other.id}) == 3
    assert OWN.id == replace(PLAIN, recipe={"learning_rate": 0.05, "epochs": 30}).id
    assert len({model_text(PLAIN), model_text(OWN), model_text(other)}) == 3
    assert model_text(OWN) == "small_cnn (epochs=30 learning_rate=0.05)"
    assert deciding(PLAIN) != deciding(OWN)
    assert not set(shared_work(PLAIN).values()) & set(shared_work(OWN).values()), "they share no network"


def test_a_recipe_comes_back_from_json_as_a_whole_and_in_pieces(monkeypatch):
    assert run_module._written(OWN.to_json()) is not None
    assert RunSpec.from_json(OWN.to_json()) == OWN
    monkeypatch.setattr(run_module, "_written", lambda text: None)
    assert RunSpec.from_json(OWN.to_json()) == OWN


@pytest.mark.parametrize("stored, words", [
    ({"epochs": 10**9}, "epochs must be a whole number from 1 to 1000"),
    ({"epochs": 2.0}, "epochs should be a whole number from 1 to 1000"),
    ({"epochs": True}, "epochs should be"), ({"epochs": [3]}, "epochs should be"), ({"learning_rate": "0.1"}, "learning_rate should be"),
    ({"lr": 0.1}, "no part 'lr'; its parts are: epochs, optimiser"), ({"optimiser": "adam"}, "optimiser must be sgd or adamw"),
    ({"learning_rate": float("nan")}, "learning_rate must be a number from 1e-07 to 10"),
])  # fmt: skip
def test_a_stored_recipe_that_is_none_is_refused_in_a_sentence(stored, words):
    with pytest.raises(WrongInput, match=words):
        check_recipe(stored)
    with pytest.raises(WrongInput, match=words):
        RunSpec.from_json(json.dumps(json.loads(WRITTEN) | {"recipe": stored}))


def test_what_is_asked_as_text_has_its_own_type():
    found = parsed_recipe({"epochs": "30", "learning_rate": "1", "augment": "crop"})
    assert found == {"epochs": 30, "learning_rate": 1.0, "augment": "crop"}
    assert type(found["learning_rate"]) is float


@pytest.mark.parametrize("asked, own", [
    ({}, {}), ({"epochs": "20"}, {}), ({"epochs": 20, "learning_rate": "0.1", "schedule": "one_cycle"}, {}),
    ({"epochs": "21"}, {"epochs": 21}), ({"schedule": "constant"}, {"schedule": "constant"}),
    ({"optimiser": "adamw", "momentum": "0.5"}, {"optimiser": "adamw"}), ({"momentum": "0.5"}, {"momentum": 0.5}),
])  # fmt: skip
def test_only_what_is_not_the_presets_and_has_an_effect_is_kept(asked, own):
    """Digits, small CNN: 20 epochs of SGD at 0.1; AdamW has no momentum."""
    assert own_recipe("digits", "small_cnn", asked) == own


def test_the_networks_are_trained_by_the_preset_with_what_is_the_users_own():
    assert recipe_for(PLAIN) == preset_for("digits", "small_cnn").recipe
    assert recipe_for(OWN) == Recipe(30, 64, 0.05, weight_decay=5e-3)
    own = with_own(Recipe(1, 2, 0.3), {"schedule": "constant", "optimiser": "adamw"})
    assert own == Recipe(1, 2, 0.3, one_cycle=False, optimiser="adamw")


@pytest.mark.parametrize("recipe", [preset.recipe for preset in (*PRESETS.values(), *FALLBACKS.values())])
def test_every_recipe_that_ships_lies_within_the_bounds_and_every_part_of_it_can_be_set(recipe):
    plain = asdict(recipe)
    assert {"schedule" if name == "one_cycle" else name for name in plain} == set(PARTS)
    for part in RECIPE:
        assert part.name == "schedule" or part.parse(plain[part.name]) == plain[part.name]


def test_the_presets_values_stand_under_the_names_of_the_form():
    assert preset_recipe("digits", "small_cnn") == {
        "epochs": 20, "optimiser": "sgd", "learning_rate": 0.1, "schedule": "one_cycle", "momentum": 0.9, "weight_decay": 5e-3,
        "batch_size": 64, "augment": "none",
        "precision": "auto", "validation": 0.0, "patience": 0, "shards": 1, "slices": 1, "ranks": 1,
    }  # fmt: skip


def test_a_study_keeps_its_recipe_and_one_without_is_written_as_before():
    plan = StudyPlan("digits", "small_cnn", ClassRequest((3,)), (Variant("ssd"),), (0, 1))
    assert "recipe" not in json.loads(plan.to_json())
    own = replace(plan, recipe={"epochs": 30})
    assert StudyPlan.from_json(own.to_json()) == own
    assert not own.same_subject(plan)
    assert own.name == "class:3 · digits · small_cnn (epochs=30)"
    with pytest.raises(WrongInput, match="no part 'lr'"):
        StudyPlan.from_json(replace(plan, recipe={"lr": 1}).to_json())


def of_size(count: int) -> DatasetInfo:
    """Images of two classes, half of each."""
    return DatasetInfo("mine@0123abcd", "Mine", "", 1, 8, 8, ("a", "b"), (count - count // 2, count // 2), 10, (0.5,), (0.5,))


@pytest.mark.parametrize(
    ("model", "images", "usual"),
    [
        ("resnet18", 10_000, {}),  # 157 steps an epoch, 471 in all
        ("resnet18", 8_600, {}),  # 135, 405
        ("resnet18", 1_000, {"epochs": 25}),  # 16, 400
        ("vit_small", 10_000, {}),  # 785
        ("vit_small", 1_000, {"epochs": 44}),  # 16, 704
        ("small_cnn", 320, {"epochs": 80}),  # 5, 400
        ("small_cnn", 1_217, {}),  # 20, 400
        ("a network of one's own", 320, {"epochs": 80}),
        ("resnet18", 2, {"epochs": 400}),
        ("vit_small", 2, {"epochs": 700}),
    ],
)
def test_a_small_dataset_is_trained_on_for_as_many_steps_as_a_network_needs(model, images, usual):
    assert usual_recipe(of_size(images), model) == usual


def test_the_recipes_of_shipped_datasets_stay_as_they_are():
    assert usual_recipe(replace(of_size(100), key="faces"), "resnet18") == {}
    assert usual_recipe(replace(of_size(100), key="flowers", extension="d1"), "resnet18") == {"epochs": 200}, "an extension's is none"
    for dataset, model in PRESETS:
        assert usual_recipe(replace(of_size(100), key=dataset, extension="d1"), model) == {}, "found on it"


def test_what_is_asked_goes_before_the_usual():
    data = of_size(320)
    assert asked_recipe(data, "small_cnn", {}) == {"epochs": 80}
    assert asked_recipe(data, "small_cnn", {"learning_rate": "0.1"}) == {"epochs": 80, "learning_rate": "0.1"}
    asked = asked_recipe(data, "small_cnn", {"epochs": "20"})
    assert own_recipe("mine@0123abcd", "small_cnn", asked) == {}, "the preset's, if that is asked for"


def test_what_is_said_of_a_recipe_asks_for_the_same_one():
    data = of_size(320)
    for recipe in ({}, {"epochs": 80}, {"epochs": 30, "momentum": 0.8}):
        said = said_recipe("mine@0123abcd", "small_cnn", recipe)
        assert own_recipe("mine@0123abcd", "small_cnn", asked_recipe(data, "small_cnn", said)) == recipe
    assert said_recipe("digits", "small_cnn", {}) == {}
