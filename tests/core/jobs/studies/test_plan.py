"""What a study asks for: which runs, in which order, and what is refused."""

from dataclasses import replace
import json

import pytest

from core.domain.errors import WrongInput
from core.domain.requests.classes import ClassRequest
from core.domain.requests.registry import parse_request
from core.domain.requests.subclass import SubclassRequest
from core.domain.study import StudyPlan, Variant
from core.jobs.studies.plan import cells, merged, specs, with_more_seeds
from core.jobs.studies.toml_file import plan_from_toml, sets_from_lines, text_of
from core.jobs.validation import make_spec
from core.tuning.home_presets import HomePreset

WHOLE = """
title = "Two ways"
dataset = "digits"
model = "small_cnn"
forget = "class:3"
seeds = [0, 1, 2]
[[methods]]
name = "ssd"
[[methods]]
name = "ssd"
alpha = 2
importance = "batch"
[[methods]]
name = "finetune"
epochs = 1
"""


def test_a_file_becomes_a_plan_with_the_floor_added(shelves):
    plan = plan_from_toml(WHOLE, shelves)
    assert (plan.title, plan.dataset, plan.model, plan.request.text) == ("Two ways", "digits", "small_cnn", "class:3")
    assert plan.variants == (
        Variant("ssd"), Variant("ssd", {"alpha": 2.0, "importance": "batch"}), Variant("finetune", {"epochs": 1}), Variant("retrain"),
    )  # fmt: skip
    assert (plan.seeds, plan.reference, plan.count) == ((0, 1, 2), True, 12)


def test_a_table_may_name_a_chain_whose_later_methods_have_tables_of_their_own(shelves):
    chain = WHOLE.replace("alpha = 2", 'alpha = 2\nthen = ["finetune"]\nfinetune.epochs = [1, 3]')
    plan = plan_from_toml(chain, shelves)
    assert [variant.text for variant in plan.variants if variant.method == "ssd+finetune"] == [
        f"ssd+finetune · alpha=2 · finetune.epochs={n} · importance=batch" for n in (1, 3)
    ]
    for wrong, said in (('"finetune"', "then must be a list of methods"), ('["ssd"]', "'ssd' is there twice")):
        with pytest.raises(WrongInput, match=said):
            plan_from_toml(WHOLE.replace("alpha = 2", f"alpha = 2\nthen = {wrong}"), shelves)


def test_a_list_of_values_is_a_variant_each_and_of_several_lists_every_combination(shelves):
    grid = WHOLE.replace("alpha = 2", "alpha = [1, 2]").replace('"batch"', '["batch", "per_sample"]')
    grid = grid.replace("epochs = 1", "epochs = [1, 2]")
    plan = plan_from_toml(grid, shelves)
    assert [variant.text for variant in plan.variants] == [
        "ssd", "ssd · alpha=1 · importance=batch", "ssd · alpha=1 · importance=per_sample", "ssd · alpha=2 · importance=batch",
        "ssd · alpha=2 · importance=per_sample", "finetune · epochs=1", "finetune · epochs=2", "retrain",
    ]  # fmt: skip
    one = plan_from_toml(WHOLE.replace("alpha = 2", "alpha = [2]"), shelves)
    assert one == plan_from_toml(WHOLE, shelves)


@pytest.mark.parametrize("value, said", [
    ("[]", "alpha must be one value or a list of values"), ("[[1], [2]]", "one value or a list"), ("[1, 1]", "be given once"),
    (f"{list(range(1, 1002))}", "1001 combinations"), ("[1, -3]", "alpha must be"),
])  # fmt: skip
def test_a_list_that_is_no_grid_is_told_in_a_sentence(shelves, value, said):
    with pytest.raises(WrongInput, match=said):
        plan_from_toml(WHOLE.replace("alpha = 2", f"alpha = {value}"), shelves)


def test_a_preset_of_this_home_is_spelled_out_so_that_the_study_stays_what_it_is(shelves):
    values = {"settings": "given", "alpha": 2.5, "lambda": 0.5, "importance": "per_sample"}
    own = HomePreset("digits", "small_cnn", "ssd", True, values, "trial 1")
    here = replace(shelves, presets=(own,))
    plan = plan_from_toml(WHOLE, here)
    assert plan.variants[0] == Variant("ssd", {"alpha": 2.5, "lambda": 0.5})
    assert plan.variants[1] == Variant("ssd", {"alpha": 2.0, "importance": "batch", "lambda": 0.5})
    alone = make_spec(here, "digits", "small_cnn", parse_request("class:3"), "ssd", {})
    assert specs(plan, here)[0] == specs(plan, shelves)[0] == alone
    before = plan_from_toml(WHOLE, shelves)
    assert specs(before, here) == specs(before, shelves)  # asked for before there was one


def test_runs_come_seed_by_seed_and_are_those_that_the_form_would_ask_for(shelves):
    plan = plan_from_toml(WHOLE, shelves)
    found = specs(plan, shelves)
    assert [spec.seed for spec in found] == [0] * 4 + [1] * 4 + [2] * 4
    assert [spec.method for spec in found[:4]] == ["ssd", "ssd", "finetune", "retrain"]
    alone = make_spec(shelves, "digits", "small_cnn", parse_request("class:3"), "ssd", {"alpha": 2, "importance": "batch"}, seed=1)
    assert found[5] == alone
    assert [variant for variant, _ in cells(plan, shelves)] == [0, 1, 2, 3] * 3
    assert len({spec.id for spec in found}) == 12


def test_what_to_forget_may_be_named_and_the_study_is_called_so(shelves):
    beavers = plan_from_toml(WHOLE.replace("digits", "cifar20").replace("class:3", "subclass:Beaver").replace("Two ways", ""), shelves)
    assert beavers.request == SubclassRequest((4,))
    assert beavers.name_with(shelves.datasets["cifar20"]) == "subclass beaver · cifar20 · small_cnn"
    assert beavers.name == "subclass 4 · cifar20 · small_cnn"
    with pytest.raises(WrongInput, match="cifar20 has no subclass 'bever'; near it are: beaver"):
        plan_from_toml(WHOLE.replace("digits", "cifar20").replace("class:3", "subclass:bever"), shelves)
    with pytest.raises(WrongInput, match="There is no dataset 'cifar21'"):
        plan_from_toml(WHOLE.replace("digits", "cifar21"), shelves)


def test_the_floor_can_be_left_out_and_is_not_added_twice(shelves):
    assert plan_from_toml("floor = false" + WHOLE, shelves).variants[-1].method == "finetune"
    asked = plan_from_toml(WHOLE + '[[methods]]\nname = "retrain"\n', shelves)
    assert [variant.method for variant in asked.variants].count("retrain") == 1


def test_without_a_reference_there_is_no_floor_to_hold_against_it(shelves):
    plan = plan_from_toml("reference = false" + WHOLE, shelves)
    assert "retrain" not in [variant.method for variant in plan.variants]
    assert not any(spec.reference for spec in specs(plan, shelves))
    with pytest.raises(WrongInput, match="held against the reference"):
        plan_from_toml("reference = false\nfloor = true" + WHOLE, shelves)


def test_one_class_in_other_words_is_the_same_request(shelves):
    plan = plan_from_toml(WHOLE.replace("class:3", "classes:3"), shelves)
    assert plan.request == ClassRequest((3,))


def test_a_plan_survives_json(shelves):
    plan = plan_from_toml(WHOLE.replace("class:3", "random:0.05@4").replace("title", "floor = false\ntitle"), shelves)
    assert StudyPlan.from_json(plan.to_json()) == plan


DRAWN = WHOLE.replace("class:3", "random:0.05")


@pytest.mark.parametrize("kind", ["random", "mislabelled"])
def test_of_a_drawn_request_each_seed_has_its_own_draw(shelves, kind):
    plan = plan_from_toml(DRAWN.replace("random", kind).replace("[0, 1, 2]", "[4, 0, 7]"), shelves)
    assert (plan.request.text, plan.draws, plan.covers) == (f"{kind}:0.05", (4, 0, 7), "over 3 seeds, each with its own draw")
    assert [(spec.seed, spec.request.text) for spec in specs(plan, shelves)[::4]] == [
        (4, f"{kind}:0.05@4"), (0, f"{kind}:0.05"), (7, f"{kind}:0.05@7"),
    ]  # fmt: skip
    assert {(spec.seed, spec.request.seed) for spec in specs(plan, shelves)} == {(4, 4), (0, 0), (7, 7)}
    assert StudyPlan.from_json(plan.to_json()) == plan


@pytest.mark.parametrize(
    "head, forget, drawn, covers",
    [
        ("draws = 7", "random:0.05", [7, 7, 7], "over 3 seeds, one draw"),
        ("draws = [7]", "random:0.05", [7, 7, 7], "over 3 seeds, one draw"),
        ("", "random:0.05@7", [7, 7, 7], "over 3 seeds, one draw"),
        ("", "random:0.05@0", [0, 0, 0], "over 3 seeds, one draw"),
        ("draws = [5, 9, 2]", "random:0.05", [5, 9, 2], "over 3 seeds, each with its own draw"),
        ("draws = '5-7'", "mislabelled:0.05", [5, 6, 7], "over 3 seeds, each with its own draw"),
        ("", "class:3", [0, 0, 0], "over 3 seeds"),
    ],
)
def test_draws_can_be_named_one_for_each_seed_or_one_for_all(shelves, head, forget, drawn, covers):
    plan = plan_from_toml(head + WHOLE.replace("class:3", forget), shelves)
    assert [spec.request.seed for spec in specs(plan, shelves)[::4]] == drawn
    assert plan.covers == covers


def test_a_study_that_was_stored_before_there_were_draws_keeps_its_one_draw(plan, shelves):
    own = plan("ssd", forget="random:0.05@3", draws=())
    stored = json.loads(own.to_json())
    del stored["draws"]
    old = StudyPlan.from_json(json.dumps(stored))
    assert {spec.request.text for spec in specs(old, shelves)} == {"random:0.05@3"}
    assert (old, old.covers) == (own, "over 2 seeds, one draw")
    assert not old.same_subject(plan("ssd", forget="random:0.05@3"))
    assert not plan("ssd", forget="random:0.05@3", seeds=(0, 1, 2)).contains(old)


def test_a_plan_grows_by_seeds_with_draws_of_their_own(plan, shelves):
    old = plan("ssd", forget="random:0.05", draws=(5, 9))
    assert (old.draws_of((1, 4)), plan("ssd", forget="random:0.05", draws=()).draws_of((1, 4))) == ((9, 4), ())
    more = plan("ssd", "finetune", forget="random:0.05", seeds=(1, 4), draws=old.draws_of((1, 4)))
    grown = merged(old, more, shelves)
    assert (grown.seeds, grown.draws) == ((0, 1, 4), (5, 9, 4))
    assert [variant.method for variant in grown.variants] == ["ssd", "retrain", "finetune"]
    assert grown.contains(old)
    assert grown.contains(more)
    for seeds, draws, words in (((1,), (4,), "Seed 1 has draw 9 in this study, and not 4."), ((2,), (5,), "seeds 0 and 2 have draw 5")):
        with pytest.raises(WrongInput, match=words):
            merged(old, plan("ssd", forget="random:0.05", seeds=seeds, draws=draws), shelves)
    with pytest.raises(WrongInput, match="each seed with its own draw"):
        merged(old, plan("ssd", forget="random:0.05", draws=()), shelves)


def test_a_plan_contains_a_smaller_one_about_the_same(plan):
    small, large = plan("ssd", seeds=(1,)), plan("finetune", "ssd", seeds=(0, 1))
    assert large.contains(small)
    assert not small.contains(large)
    assert not large.contains(replace(small, title="other"))
    assert not plan("ssd", forget="class:5").contains(small)
    assert not plan(("ssd", {"alpha": 2.0})).contains(small)


def swapped(*pairs):
    text = WHOLE
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new)
    return text


@pytest.mark.parametrize("line, seconds", [("", None), ('limit = "15min"', 900), ("limit = 90", 90), ("limit = 1.5", 1.5)])
def test_a_study_may_have_a_time_limit_for_each_of_its_runs(shelves, plan, line, seconds):
    asked = plan_from_toml(f"{line}\n{WHOLE}", shelves)
    assert asked.limit == seconds
    assert StudyPlan.from_json(asked.to_json()) == asked
    other = replace(asked, limit=7.0)
    assert asked.contains(other)  # it is the same study
    assert other.contains(asked)
    assert merged(other, asked, shelves).limit == seconds  # the last asked for holds
    stored = json.loads(asked.to_json())
    for wrong in (0, -1, 1e12, "15min", True, []):
        with pytest.raises(WrongInput, match="limit"):
            StudyPlan.from_json(json.dumps(stored | {"limit": wrong}))
    del stored["limit"]
    assert StudyPlan.from_json(json.dumps(stored)).limit is None  # as of before there were limits


WRONG = {
    "no TOML": ("dataset = \n", "at line 1, column 11"),
    "empty": ("", "must also say dataset, model, forget, seeds, methods"),
    "unknown key": ("epochs = 3" + WHOLE, "no entry 'epochs'"),
    "no model": (swapped(('model = "small_cnn"', "")), "must also say model"),
    "dataset is a number": (swapped(('"digits"', "3")), "dataset must be a text; got 3"),
    "unknown dataset": (swapped(('"digits"', '"mnist9"')), "no dataset 'mnist9'"),
    "unknown model": (swapped(('"small_cnn"', '"vgg"')), "no model 'vgg'"),
    "unknown method": (swapped(('"finetune"', '"magic"')), "no method 'magic'"),
    "unknown class": (swapped(('"class:3"', '"class:12"')), "has no class 12"),
    "no request": (swapped(('"class:3"', '"3"')), "class:3, classes:3,5"),
    "empty request": (swapped(('"class:3"', '"samples:"')), "forget set is empty"),
    "no seeds": (swapped(("[0, 1, 2]", "[]")), "has no seeds"),
    "seed twice": (swapped(("[0, 1, 2]", "[0, 1, 1]")), "seed 1 is there twice"),
    "negative seed": (swapped(("[0, 1, 2]", "[1, -1, 2]")), "from 0 to 2147483647; got -1"),
    "huge seed": (swapped(("[0, 1, 2]", "[1, 99999999999, 2]")), "got 99999999999"),
    "seed a share": (swapped(("[0, 1, 2]", "[0.5]")), "whole numbers"),
    "no methods": (WHOLE.partition("[[")[0] + "methods = []", "has no methods"),
    "methods a text": (WHOLE.partition("[[")[0] + 'methods = ["ssd"]', "written as tables"),
    "method without a name": (WHOLE + "[[methods]]\nepochs = 1\n", "must have a name"),
    "method's name a number": (WHOLE + "[[methods]]\nname = 1\n", "must have a name"),
    "unknown parameter": (WHOLE + "gamma = 1\n", "no parameter 'gamma'"),
    "parameter out of bounds": (WHOLE.replace("alpha = 2", "alpha = 0"), "alpha must be a number from 0.01"),
    "parameter a list of lists": (WHOLE.replace("alpha = 2", "alpha = [[1, 2]]"), "alpha must be"),
    "variant twice": (WHOLE + '[[methods]]\nname = "ssd"\n', "ssd is the same as ssd"),
    "variant twice in other words": (WHOLE + '[[methods]]\nname = "ssd"\nalpha = 4.2\n', "ssd · alpha=4.2 is the same as ssd."),
    "variant twice but for what is idle": (WHOLE + '[[methods]]\nname = "ssd"\nbatch_size = 7\n', "is the same as ssd."),
    "method that cannot serve": (swapped(('"class:3"', '"random:0.05"'), ('"finetune"\nepochs = 1', '"unsir"')), "serves requests of kind"),
    "too many runs": (swapped(("[0, 1, 2]", '"0-250"')), "1000 runs at most; 4 variants with 251 seeds are 1004"),
    "too many seeds": (swapped(("[0, 1, 2]", '"0-99999"')), "1000 runs at most"),
    "title of two lines": (swapped(('"Two ways"', '"a\\nb"')), "one line of at most 80"),
    "long title": (swapped(('"Two ways"', f'"{"a" * 81}"')), "one line of at most 80"),
    "title a number": (swapped(('"Two ways"', "5")), "title must be a text"),
    "brackets 3,000 deep": ("a = " + "[" * 3000 + "]" * 3000, "brackets inside brackets"),
    "tables 3,000 deep": ("a = " + "{a = " * 3000 + "1" + "}" * 3000, "brackets inside brackets"),
    "a name of 3,000 parts": ("a." * 3000 + "a = 1", "3000 dots in line 1"),
    "a number of 5,000 digits": ("seeds = " + "9" * 5000, "is no TOML"),
    "a seed of 4,000 digits": (swapped(("[0, 1, 2]", f"[1, {'9' * 4000}, 2]")), "from 0 to 2147483647; got 9999"),
    "30,000 methods": (WHOLE + '[[methods]]\nname = "ssd"\n' * 30_000, "methods are too many"),
    "a text of 2,000,000 letters": ("#" * 2_000_000, "longer than 1000000 letters"),
    "draws of a class": ("draws = 3" + WHOLE, "Nothing is drawn for class:3"),
    "two draws": ("draws = 3" + DRAWN.replace("0.05", "0.05@3"), "random:0.05@3 names a draw, and so does draws"),
    "too few draws": ("draws = [1, 2]" + DRAWN, "one for each of the 3 seeds; there are 2"),
    "limit of no time": ("limit = 0\n" + WHOLE, "from 1 second to 365 days, such as 90, 15min, 2h or 1h 30min; got '0'"),
    "limit a word": ('limit = "soon"\n' + WHOLE, "from 1 second to 365 days, such as 90, 15min, 2h or 1h 30min; got 'soon'"),
    "limit a switch": ("limit = true\n" + WHOLE, "from 1 second to 365 days, such as 90, 15min, 2h or 1h 30min; got 'True'"),
    "limit a list": ("limit = [90]\n" + WHOLE, "from 1 second to 365 days, such as 90, 15min, 2h or 1h 30min; got '[90]'"),
    "limit without end": ("limit = inf\n" + WHOLE, "from 1 second to 365 days, such as 90, 15min, 2h or 1h 30min; got 'inf'"),
    "draw twice": ("draws = [1, 2, 1]" + DRAWN, "draw 1 is there twice"),
    "draws a share": ("draws = 0.5" + DRAWN, "Draws must be whole numbers"),
    "draws a switch": ("draws = true" + DRAWN, "Draws must be whole numbers"),
    "huge draw": ("draws = [1, 2, 99999999999]" + DRAWN, "got 99999999999"),
    "one huge draw": ("draws = 99999999999" + DRAWN, "got 99999999999"),
    "floor a text": ('floor = "no"' + WHOLE, "floor must be true or false"),
}  # fmt: skip


@pytest.mark.parametrize("text, words", WRONG.values(), ids=WRONG)
def test_what_cannot_be_is_told_in_one_sentence(shelves, text, words):
    with pytest.raises(WrongInput) as wrong:
        plan_from_toml(text, shelves)
    said = str(wrong.value)
    assert words in said
    assert said.endswith(".")
    assert len(said.splitlines()) == 1
    assert len(said) < 300


@pytest.mark.parametrize("content, words", [(b"\xff\xfe\x00", "UTF-8"), (b"#" * 1_000_001, "longer than"), (None, "cannot be read")])
def test_a_file_that_cannot_be_read_is_told_in_one_sentence(tmp_path, content, words):
    path = tmp_path / "study.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(WrongInput, match=words):
        text_of(path)
    with pytest.raises(WrongInput, match="cannot be read"):
        text_of(tmp_path)


def test_a_file_is_read(tmp_path):
    path = tmp_path / "study.toml"
    path.write_text(WHOLE)
    assert text_of(path) == WHOLE


def test_a_variant_says_what_distinguishes_it():
    assert Variant("ssd").text == "ssd"
    assert Variant("ssd", {"alpha": 2.0, "importance": "batch"}).text == "ssd · alpha=2 · importance=batch"


@pytest.mark.parametrize(
    "text, sets",
    [
        ("", [{}]),
        (" \n ", [{}]),
        ("preset\nalpha=2 lambda=1\n\nalpha=3", [{}, {"alpha": "2", "lambda": "1"}, {"alpha": "3"}]),
        ("alpha=1|2 lambda=3|4\npreset", [{"alpha": a, "lambda": b} for a in "12" for b in "34"] + [{}]),
        ("alpha=2 · importance=batch, batch_size=8;lambda=1", [{"alpha": "2", "importance": "batch", "batch_size": "8", "lambda": "1"}]),
    ],
)
def test_parameter_sets_are_read_line_by_line(text, sets):
    assert sets_from_lines(text) == sets


@pytest.mark.parametrize("text", ["alpha", "alpha=", "=2", "alpha = 2", "alpha=2 x", "alpha=1 alpha=2", "a=1\nx" * 2, "z" * 9999])
def test_a_line_that_names_no_settings_is_told_in_a_sentence(text):
    with pytest.raises(WrongInput, match="A line of settings") as wrong:
        sets_from_lines(text)
    assert len(str(wrong.value)) < 160


def test_the_name_of_a_study_without_a_title_is_what_it_is_about_and_short(plan):
    assert plan("ssd").name == "class:3 · digits · small_cnn"
    assert plan("ssd", title="Mine").name == "Mine"
    assert len(plan("ssd", forget="samples:" + ",".join(map(str, range(1000)))).name) < 60


def test_more_seeds_pass_over_those_on_which_presets_were_tuned(shelves):
    """Tuned on 10, 11, 12."""
    plan = replace(plan_from_toml(WHOLE, shelves), seeds=tuple(range(9)))
    assert with_more_seeds(plan, 4, shelves).seeds == (*range(9), 9, 13, 14, 15)
    assert with_more_seeds(replace(plan, seeds=(12,)), 1, shelves).seeds == (12, 13)


def test_a_study_has_a_recipe_of_its_own(shelves):
    own = plan_from_toml(WHOLE.replace("[[methods]]", "[recipe]\nepochs = 30\nlearning_rate = 0.1\n[[methods]]", 1), shelves)
    assert own.recipe == {"epochs": 30}, "the preset's rate is 0.1"
    assert {spec.recipe["epochs"] for spec in specs(own, shelves)} == {30}
    plain = plan_from_toml(WHOLE, shelves)
    assert not {spec.id for spec in specs(own, shelves)} & {spec.id for spec in specs(plain, shelves)}
    assert with_more_seeds(own, 1, shelves).recipe == own.recipe
    with pytest.raises(WrongInput, match="trained with epochs=30"):
        merged(own, plain, shelves)


@pytest.mark.parametrize("recipe, words", [
    ("recipe = 3", r"a table under a line \[recipe\]"), ("[recipe]\nrate = 1", "no part 'rate'"),
    ("[recipe]\nepochs = 1.5", "epochs must be a whole number"), ("[recipe]\nepochs = [1]", "epochs must be a whole number"),
])  # fmt: skip
def test_a_recipe_that_is_none_is_refused(shelves, recipe, words):
    with pytest.raises(WrongInput, match=words):
        plan_from_toml(WHOLE.replace("[[methods]]", f"{recipe}\n[[methods]]", 1), shelves)
