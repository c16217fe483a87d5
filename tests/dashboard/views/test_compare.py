"""The Compare page without a browser: which runs it shows, what A and B are, and what it says where it cannot compare."""

from dataclasses import replace
import json
from pathlib import Path
import re
import shutil
import sqlite3

import pandas as pd
import pytest

from core.domain.requests.classes import ClassRequest
from core.domain.requests.registry import parse_request
from core.domain.run import RunStatus
from core.jobs.catalogue import catalogue
from core.jobs.studies import submit as study_runner
from core.jobs.studies.plan import make_plan, specs
from core.storage.home import Home
from core.storage.processes import ProcessId
from core.storage.runs import ResultStore
from dashboard.components.compare.compared_runs import Side
from dashboard.components.compare.filters import pair_of
from dashboard.components.compare.pair_panels import representatives
from dashboard.queries.runs import RunHandle
from tests.dashboard.components.compare.test_pair_figures import frame_of, run_id
from tests.dashboard.conftest import sound
from tests.dashboard.views.test_pages import alts, group, said, told
from tests.planted import Behaviour, plant, spec
from tests.planted_rows import plant_rows

VIEW = "views/compare.py"
METHODS = ("ssd", "salun", "finetune", "retrain")
NOTHING = Behaviour(forgotten=0, damage=0, touched=0, size=0)


@pytest.fixture(scope="module")
def planted(tmp_path_factory, finished) -> Home:
    """Four methods with three seeds on class 3; only to be looked at."""
    home = copied(tmp_path_factory.mktemp("planted") / "home", finished)
    for seed in range(3):
        for method in METHODS:
            plant(home, spec(method, seed=seed))
    return home


def copied(root: Path, finished: Home) -> Home:
    """An empty home that need not be told what is on the shelves."""
    root.mkdir()
    shutil.copytree(finished.root / "catalogue", root / "catalogue")
    for folder in ("artifacts", "logs"):
        (root / folder).mkdir()
    return Home(root)


def spec_of(at, alt: str) -> dict:
    """The figure whose text alternative begins so."""
    return next(json.loads(chart.proto.spec) for chart in at.get("plotly_chart") if chart.proto.alt.startswith(alt))


def table(at):
    return at.dataframe[0].value


def methods(at):
    """The table without the original's and the reference's rows."""
    return table(at)[~table(at)["Method"].isin(("Original", "Retrained reference"))]


def ids(home: Home) -> dict[tuple[str, int], str]:
    """(method, seed) -> id."""
    with ResultStore(home.database) as store:
        return {(run.spec.method, run.spec.seed): run.id for run in store.runs()}


# Which runs.


def test_all_seeds_of_a_method_are_one_row_and_can_be_taken_apart(open_app, planted):
    at = open_app(planted.root, VIEW)
    assert sorted(methods(at)["Method"]) == sorted([*METHODS[:-1], "Second reference"])
    assert set(methods(at)["n"]) == {3}
    assert "12 finished runs: 4 methods, 3 seeds." in said(at)
    at = open_app(planted.root, VIEW, rows="by run")
    assert len(methods(at)) == 12
    assert sorted(methods(at)["Seed"].unique()) == [0, 1, 2]


def test_runs_by_all_recipes_of_the_newest_runs_network_are_there_at_once(open_app, bare):
    """Who asked for SISA by shards last sees it beside the methods that ran on the same request by the preset."""
    for method in ("ssd", "finetune"):
        plant(bare, spec(method))
    plant(bare, spec("ssd", model="vit_small"))
    plant(bare, spec("ssd", "class:5", recipe={"epochs": 2}))
    newest = plant(bare, spec("sisa", recipe={"shards": 5, "slices": 3}))
    at = open_app(bare.root, VIEW)
    assert list(at.multiselect(key="only.model").value) == ["small_cnn (shards=5 slices=3)", "small_cnn"]
    assert set(methods(at)["Method"]) == {"sisa", "ssd", "finetune"}
    assert any(name.startswith("Retain, test") for name in table(at)), "a number of each network itself"
    assert "one network trained by several recipes" in at.warning[0].value
    at = open_app(bare.root, VIEW, a=newest)
    assert list(at.multiselect(key="only.model").value) == ["small_cnn (shards=5 slices=3)"], "a link is about the runs that it names"


def test_the_answer_stands_first_and_the_original_and_the_retrained_network_in_the_table(open_app, planted):
    at = open_app(planted.root, VIEW)
    texts = [text.value.replace("\\", "") for text in at.markdown]
    assert re.fullmatch(r"\*\*.* in forget accuracy.*; over 3 seeds\.\*\*", texts[0]), texts[0]
    assert list(table(at)["Method"])[:2] == ["Original", "Retrained reference"]
    assert "± is half of the 95 % interval (Student's t) over 3 seeds." in said(at)


def test_draws_that_go_with_seeds_are_one_choice_and_one_row(open_app, bare):
    for seed in range(3):
        for method in METHODS:
            plant(bare, spec(method, f"random:0.05@{seed}", seed=seed), behaviour=NOTHING if method == "ssd" else None)
    at = open_app(bare.root, VIEW)
    assert at.multiselect(key="only.request").options == ["random:0.05"]
    assert set(methods(at)["n"]) == {3}
    assert "ssd (unchanged)" in set(methods(at)["Method"])
    assert "over 3 seeds, each with its own draw" in said(at)
    assert not at.warning
    front = spec_of(at, "Runs between")["data"]
    assert "unchanged" in [trace.get("name") for trace in front]


def test_the_leaderboard_ranks_what_studies_asked_for_task_by_task(open_app, bare, monkeypatch):
    monkeypatch.setattr(study_runner.runner, "ensure_supervisor", lambda *_: None)
    shelves = catalogue(bare.root)
    gaps = {"ssd": 0.10, "finetune": 0.30, "retrain": 0.02}
    for request in ("class:3", "class:5"):
        plan = make_plan(shelves, "digits", "small_cnn", parse_request(request), [("ssd", {}), ("finetune", {})], (0, 1, 2))
        for one in specs(plan, shelves):
            plant(bare, one, average_gap=gaps[one.method] + 0.001 * one.seed)
        study_runner.submit(bare, plan, shelves)
    plant(bare, spec("salun"), average_gap=0.0)  # no study asked for it
    at = open_app(bare.root, VIEW)
    assert len(at.dataframe) == 1
    at = open_app(bare.root, VIEW, leaderboard="true")
    board = at.dataframe[-1].value.set_index("Method")
    assert list(board.index) == ["ssd", "finetune", "Second reference"]
    assert list(board.columns) == ["Mean rank", "Tasks", "class:3 · digits · small_cnn", "class:5 · digits · small_cnn"]
    assert list(board["class:3 · digits · small_cnn"]) == ["1 · 10.1 ± 0.2 %", "2 · 30.1 ± 0.2 %", "2.1 ± 0.2 %"]
    assert list(board["Mean rank"])[:2] == [1, 2]
    assert list(board["Tasks"]) == [2, 2, 0]
    assert "several versions" not in said(at)


def test_the_leaderboard_says_where_extensions_measured_by_several_versions(open_app, bare, monkeypatch):
    monkeypatch.setattr(study_runner.runner, "ensure_supervisor", lambda *_: None)
    shelves = catalogue(bare.root)
    plan = make_plan(shelves, "digits", "small_cnn", parse_request("class:3"), [("ssd", {}), ("finetune", {})], (0, 1))
    for one in specs(plan, shelves):
        versions = pd.DataFrame([("mine", f"{one.seed:064}")], columns=["metric", "version"])
        plant(bare, one, files={"metric_versions": versions})
    study_runner.submit(bare, plan, shelves)
    at = open_app(bare.root, VIEW, leaderboard="true")
    words = "Metrics of extensions were measured by several versions or sets of them, so these may differ for that alone."
    assert any(words in caption.value and caption.value.startswith("Rank, then") for caption in at.caption)


def test_the_nearest_to_the_reference_comes_first(open_app, planted):
    first, *_, last = methods(open_app(planted.root, VIEW))["Method"]
    assert last == "finetune"
    assert first != "finetune"


def test_filters_leave_what_they_name(open_app, planted):
    at = open_app(planted.root, VIEW)
    at.multiselect(key="only.method").set_value(["ssd", "salun"])
    at = sound(at.run())
    assert set(methods(at)["Method"]) == {"ssd", "salun"}
    at.multiselect(key="only.seed").set_value([1])
    at = sound(at.run())
    assert "2 finished runs: 2 methods, 1 seed." in said(at)
    assert list(methods(at)["Seed"]) == [1, 1]


def test_filters_are_part_of_the_address(open_app, planted):
    at = open_app(planted.root, VIEW, **{"only.method": ["ssd"], "only.seed": ["2"]})
    assert len(methods(at)) == 1


def test_the_page_opens_on_the_request_of_the_newest_run(open_app, bare):
    for method in METHODS[:2]:
        plant(bare, spec(method, "class:3"))
    plant(bare, spec("ssd", "random:0.05"))
    plant(bare, spec("salun", "random:0.05"))
    at = open_app(bare.root, VIEW)
    assert at.multiselect(key="only.request").value == ["random:0.05"]
    assert set(methods(at)["Method"]) == {"ssd", "salun"}
    assert not at.warning


def test_a_link_to_a_and_b_opens_on_their_request(open_app, bare):
    linked = [plant(bare, spec(method, "class:3")) for method in METHODS[:2]]
    plant(bare, spec("ssd", "class:5"))
    at = open_app(bare.root, VIEW, a=linked[0], b=linked[1])
    assert at.multiselect(key="only.request").value == ["class:3"]
    assert [at.selectbox(key=f"pick-{letter}").value for letter in "AB"] == linked


def test_a_study_is_shown_with_its_runs_alone(open_app, bare):
    shelves = catalogue(bare.root)
    plan = make_plan(shelves, "digits", "small_cnn", ClassRequest((5,)), [("finetune", {})], [0], title="Mine")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(study_runner.runner, "ensure_supervisor", lambda *_: None)
        study = study_runner.submit(bare, plan, shelves)
        empty = open_app(bare.root, VIEW, study=study)
    assert "No runs yet" in empty.info[0].value
    done_of(bare)
    for method in METHODS:
        plant(bare, spec(method, "class:3"))
    at = open_app(bare.root, VIEW, study=study)
    assert set(methods(at)["Method"]) == {"finetune", "Second reference"}
    assert at.multiselect(key="only.request").value == ["class:5"]
    box = at.selectbox(key=f"study-of-{study}")
    assert box.value == study
    at = sound(box.set_value("").run())
    at = sound(at.multiselect(key="only.request").set_value([]).run())
    assert at.multiselect(key="only.request").value == []
    assert set(methods(at)["Method"]) == {*METHODS[:-1], "Second reference"}


def done_of(home: Home) -> None:
    """What is queued is done."""
    with ResultStore(home.database) as store:
        waiting = [run.spec for run in reversed(store.runs())]
    for made in waiting:
        plant(home, made)


@pytest.mark.parametrize("asked", ["s00000000000", "<script>alert(1)</script>", "x" * 3000])
def test_a_study_that_is_not_there_is_said_not_to_be(open_app, planted, asked):
    at = open_app(planted.root, VIEW, study=asked)
    assert any("There is no study" in c for c in told(at, "caption"))
    assert len(methods(at)) == 4


# The table.


def test_the_columns_asked_for_are_kept_in_the_address_by_their_keys(open_app, planted):
    at = open_app(planted.root, VIEW, columns="tow-zrf-nonsense")
    shown = list(table(at).columns)
    assert shown == ["Method", "n", "ToW ↑", "ZRF ≈", "Run"]


def test_the_usual_columns_are_few_and_more_can_be_chosen(open_app, planted):
    at = open_app(planted.root, VIEW)
    assert 8 <= len(table(at).columns) - 3 <= 9
    family = next(g for g in at.button_group if g.label == "Residual knowledge")
    family.set_value(["zrf"])
    at = sound(at.run())
    assert "ZRF ≈" in table(at)
    assert "ToW ↑" in table(at)


def test_too_few_seeds_for_a_claim_are_remarked_on(open_app, bare, planted):
    for seed in range(2):
        plant(bare, spec("ssd", seed=seed))
        plant(bare, spec("salun", seed=seed))
    assert "All rows rest on fewer than 3 seeds" in said(open_app(bare.root, VIEW))
    assert "too few for a claim" not in said(open_app(planted.root, VIEW))


# A and B.


def test_a_and_b_begin_as_the_newest_run_and_another_method_of_its_seed(open_app, planted):
    at = open_app(planted.root, VIEW)
    known = ids(planted)
    assert at.selectbox(key="pick-A").value == known["retrain", 2]
    assert at.selectbox(key="pick-B").value == known["finetune", 2]


def test_a_counterpart_is_on_the_same_request_before_it_is_another_method():
    frame = frame_of({"method": "a"}, {"method": "b", "request": "class:5"}, {"method": "c", "seed": 1}, {"method": "a", "seed": 1})
    assert pair_of(frame, "", "") == (run_id(0), run_id(2))
    assert pair_of(frame, run_id(1), "") == (run_id(1), run_id(0))
    assert pair_of(frame, run_id(3), run_id(1)) == (run_id(3), run_id(1))
    assert pair_of(frame, "gone", run_id(0))[0] != run_id(0)
    assert pair_of(frame.iloc[:1], "", "") == (run_id(0), run_id(0))


def test_a_counterpart_is_of_the_same_model_before_the_same_request():
    frame = frame_of({"method": "a"}, {"method": "b", "model": "other"}, {"method": "a", "request": "class:5"})
    assert pair_of(frame, "", "") == (run_id(0), run_id(2))


def test_the_map_of_overlaps_holds_no_run_of_another_seed_or_request():
    """Another seed began from other weights, so which of them it touched says nothing beside A."""
    others = ({"method": "c", "seed": 1}, {"method": "d", "request": "class:5"}, {"method": "e", "model": "other"})
    frame = frame_of({"method": "a"}, {"method": "b"}, *others).assign(finished=pd.Timestamp("2026-01-01", tz="UTC"))
    a = Side("A", RunHandle(run_id(0), "", "home"), "a", "digits", (), parse_request("class:3"))
    assert representatives(frame, a) == [("b", RunHandle(run_id(1), "2026-01-01 00:00:00+00:00", "home"))]


def test_a_counterpart_is_a_control_only_where_nothing_else_is_on_the_request():
    control = {"method": "aru", "control": "a random mask"}
    frame = frame_of({"method": "ssd"}, control, {"method": "ssse", "seed": 1}, {"method": "ssse", "request": "class:5"})
    assert pair_of(frame, "", "") == (run_id(0), run_id(2))
    assert pair_of(frame.iloc[[0, 1, 3]], "", "") == (run_id(0), run_id(1))


def test_swap_exchanges_a_and_b_and_turns_the_bars_round(open_app, planted):
    at = open_app(planted.root, VIEW)
    before = [at.selectbox(key=f"pick-{letter}").value for letter in "AB"]
    bars = spec_of(at, "Bars by class")["data"][0]
    at.button(key="swap").click()
    at = sound(at.run())
    assert [at.selectbox(key=f"pick-{letter}").value for letter in "AB"] == before[::-1]
    assert spec_of(at, "Bars by class")["data"][0]["customdata"] != bars["customdata"]


CHARTS = {
    "By class": ("Bars by class", "Heat map: true class against prediction of A", "Heat map: true class against prediction of B"),
    "Forget set": ("Bands from the retrained reference's predictions on the forget set to those of A", "Bands from"),
    "Layers": ("Likeness of A's and B's layers",),
    "Weights": ("Bars by layer", "Heat map: overlap"),
    "Trust": (),
}


@pytest.mark.parametrize("tab", CHARTS)
def test_every_tab_draws_a_and_b_and_is_part_of_the_address(open_app, planted, tab):
    at = open_app(planted.root, VIEW, look=tab)
    assert not at.error
    assert not at.warning
    for alt in ("Runs between forgetting gap and retain accuracy", *CHARTS[tab]):
        assert any(found.startswith(alt) for found in alts(at)), alts(at)
    charts = len(alts(at))
    assert len(at.get("plotly_chart")) == charts
    reads = sum("How to read it" in c.value for c in at.caption)
    assert reads >= (1 if tab == "Trust" else 2)  # a table and bars of accuracies have plain captions
    assert any("Blue is better in its column" in c.value for c in at.caption)


@pytest.mark.parametrize("tab", [tab for tab in CHARTS if tab != "Trust"])
def test_another_b_redraws_every_chart_that_shows_it(open_app, planted, tab):
    known = ids(planted)
    one = open_app(planted.root, VIEW, look=tab, a=known["ssd", 0], b=known["finetune", 0])
    other = open_app(planted.root, VIEW, look=tab, a=known["ssd", 0], b=known["salun", 1])
    specs = [{c.proto.alt: c.proto.spec for c in at.get("plotly_chart")} for at in (one, other)]
    same = {alt for alt in specs[0] if specs[1].get(alt) == specs[0][alt]}
    assert all(" of A" in alt or "to those of A" in alt or "with A's" in alt for alt in same), same


def test_the_matrices_follow_the_choice_of_images(open_app, planted):
    at = open_app(planted.root, VIEW, matrix="forget")
    assert group(at, "Images") == ["forget"]
    assert spec_of(at, "Heat map: true class")["data"][0]["y"] == ["3"]


@pytest.mark.parametrize("images, row", [("train", "taught label"), ("forget", "taught label"), ("test", "true class")])
def test_a_row_of_labels_that_were_made_wrong_is_called_so(open_app, bare, images, row):
    for method in METHODS[:2]:
        plant(bare, spec(method, "mislabelled:0.05"))
    at = open_app(bare.root, VIEW, matrix=images)
    assert len([alt for alt in alts(at) if alt.startswith(f"Heat map: {row} against")]) == 2
    assert spec_of(at, "Heat map")["layout"]["yaxis"]["title"]["text"] == row


def test_how_far_the_answers_are_from_the_references_is_the_headline(open_app, planted):
    known = ids(planted)
    at = open_app(planted.root, VIEW, look="Forget set", a=known["ssd", 0], b=known["finetune", 0])
    a, b = (float(m.value.removesuffix(" %")) for m in at.metric)
    assert [m.label for m in at.metric] == ["A: total variation distance", "B: total variation distance"]
    assert a < 30
    assert b > 80


def test_the_checks_of_both_are_told_and_counted(open_app, planted):
    known = ids(planted)
    at = open_app(planted.root, VIEW, look="Trust", a=known["ssd", 0], b=known["finetune", 0])
    text = said(at)
    assert text.count("#### Can this be trusted?") == 2
    assert "Automatic checks: A: no warnings, B: " in text
    assert "Over seeds: A's 3, B's 3" in text
    assert "its predictions lie nearer to the reference's than B's do, seed by seed" in text


def test_a_difference_that_too_few_seeds_share_is_not_claimed(open_app, bare):
    runs = {(m, s): plant(bare, spec(m, seed=s)) for m, seeds in (("ssd", (0, 1, 2)), ("aru", (2, 3, 4))) for s in seeds}
    text = said(open_app(bare.root, VIEW, look="Trust", a=runs["ssd", 2], b=runs["aru", 2])).replace("\\", "")
    assert "A difference to B (3 seeds) cannot be told: 1 paired seed" in text
    assert "is larger than what seeds change" not in text


def test_open_a_leads_to_its_result(open_app, planted):
    known = ids(planted)
    at = open_app(planted.root, VIEW, a=known["ssd", 0])
    at.button(key="open-A").click()
    at = sound(at.run())
    assert at.title[0].value == "Result"
    assert at.text_input(key="run").value == known["ssd", 0]


def test_the_front_is_between_two_different_aims(open_app, planted):
    at = open_app(planted.root, VIEW, x="seconds", y="attack gap")
    assert alts(at)[0].startswith("Runs between seconds and attack gap")
    assert spec_of(at, "Runs between")["layout"]["xaxis"]["type"] == "log"
    assert "seconds" not in at.selectbox(key="y").options


# What cannot be compared.


def test_an_empty_home_says_what_to_do(open_app, bare):
    at = open_app(bare.root, VIEW)
    assert "No runs yet" in at.info[0].value
    assert at.get("page_link")[0].proto.label == "Go to Unlearn"


def test_one_run_alone_is_shown_and_asks_for_a_second(open_app, bare):
    plant(bare, spec("ssd"))
    at = open_app(bare.root, VIEW)
    assert len(methods(at)) == 1
    assert "There is one run to see" in at.info[0].value
    assert not alts(at)
    assert "Leaderboard over studies" in [box.label for box in at.expander], "it is of all studies, whatever is filtered"


def test_filters_that_leave_nothing_are_said_to(open_app, planted):
    at = open_app(planted.root, VIEW, **{"only.method": ["ssd"]})
    at.multiselect(key="only.seed").set_value([1])
    at.multiselect(key="only.dataset").set_value([])
    assert "There is one run" in sound(at.run()).info[0].value


def test_different_requests_are_said_and_only_what_is_fair_is_shown(open_app, bare):
    for request in ("class:3", "random:0.05"):
        for method in METHODS[:2]:
            plant(bare, spec(method, request))
    at = open_app(bare.root, VIEW, **{"only.request": ["class:3", "random:0.05"]})
    assert "2 different requests" in told(at, "warning")[0]
    shown = set(table(at).columns)
    assert {"Request", "ToW ↑", "Seconds ↓"} <= shown
    assert not shown & {"Forget, test ≈", "Retain, test ↑", "Attack ≈"}
    assert "retain accuracy" not in at.selectbox(key="x").options
    assert "Bars by class" in "".join(alts(at))


def test_different_datasets_have_only_their_cost_in_common(open_app, bare):
    one = plant(bare, spec("ssd", dataset="papyri"))
    other = plant(bare, spec("ssd"))
    at = open_app(bare.root, VIEW, a=one, b=other)
    assert "2 different datasets" in told(at, "warning")[0]
    assert list(table(at).columns) == ["Method", "Dataset", "Seed", "Seconds ↓", "Speed-up ↑", "Run"]
    notes = " ".join(told(at, "info"))
    assert "no common scale" in notes
    assert "A is about papyri and B about digits" in notes
    assert len(alts(at)) == 2  # each network's own matrix


@pytest.mark.parametrize("tab", CHARTS)
def test_runs_on_a_dataset_that_left_the_shelf_do_not_break_the_page(open_app, bare, tab):
    for method in METHODS[:2]:
        plant(bare, spec(method, dataset="papyri"))
    at = open_app(bare.root, VIEW, look=tab)
    assert not at.error
    if tab == "Trust":
        assert "papyri" in said(at)


@pytest.mark.parametrize("tab", CHARTS)
def test_runs_without_a_reference_say_what_they_lack(open_app, bare, tab):
    for method in METHODS[:2]:
        plant(bare, spec(method, reference=False))
    at = open_app(bare.root, VIEW, look=tab)
    assert not at.error
    assert "None of these runs has both numbers" in " ".join(told(at, "info"))
    if tab == "Forget set":
        assert "no retrained reference" in said(at)


@pytest.mark.parametrize("tab, names", [("By class", ("per_class", "confusion")), ("Forget set", ("examples",)),
                                        ("Layers", ("cka",)), ("Weights", ("touched",))])  # fmt: skip
def test_runs_of_an_older_engine_leave_out_what_they_did_not_store(open_app, bare, tab, names):
    for method in METHODS[:2]:
        plant(bare, spec(method), files=dict.fromkeys(names))
    at = open_app(bare.root, VIEW, look=tab)
    assert not at.error
    assert "run it again" in " ".join(told(at, "info"))
    assert any(alt.startswith("Runs between") for alt in alts(at))


def test_methods_that_touched_nothing_have_no_overlap(open_app, bare):
    for seed in range(2):
        plant(bare, spec("original", seed=seed))
    at = open_app(bare.root, VIEW, look="Weights")
    assert "Neither A nor B changed a weight." in told(at, "info")


@pytest.mark.parametrize("bad", ["nonsense", "<script>alert(1)</script>", "x" * 2000, "\x00"])
def test_unknown_values_in_the_address_fall_back(open_app, planted, bad):
    names = ("a", "b", "study", "columns", "rows", "x", "y", "look", "matrix", "only.dataset", "only.method", "only.seed")
    at = open_app(planted.root, VIEW, **dict.fromkeys(names, bad))
    assert not at.error
    assert len(methods(at)) == 4
    assert len(alts(at)) == 4


def test_an_id_that_looks_like_a_huge_number_is_still_an_id(open_app, planted):
    at = open_app(planted.root, VIEW, a="12e345678901", run="99e999999999")
    assert not at.error
    assert len(alts(at)) == 4


def test_runs_of_several_engines_are_told_apart_and_remarked_on(open_app, bare):
    for engine in ("one", "two"):
        plant(bare, spec("ssd", engine=engine))
    at = open_app(bare.root, VIEW)
    assert "2 versions of the engine" in said(at)
    assert len(methods(at)) == 2
    assert len(set(at.selectbox(key="pick-A").options)) == 2


def test_a_run_that_is_deleted_meanwhile_is_said_to_be_gone(open_app, bare):
    gone = [plant(bare, spec(method)) for method in METHODS[:2]]
    at = open_app(bare.root, VIEW)
    with ResultStore(bare.database) as store:
        store.delete(gone[0])
    assert "There is one run to see" in sound(at.run()).info[0].value


def test_five_hundred_runs_are_one_question_to_the_database(open_app, bare, monkeypatch):
    plant_rows(bare, 500)
    asked = []
    connect = sqlite3.connect

    def counting(*words, **named):
        db = connect(*words, **named)
        db.set_trace_callback(lambda sql: asked.append(sql) if "join measurements" in sql else None)
        return db

    at = open_app(bare.root, VIEW)
    assert "130 finished runs" in said(at)
    monkeypatch.setattr(sqlite3, "connect", counting)
    with ResultStore(bare.database) as store:
        store.keep("key", "kind", "file", 1.0)  # something changed, but no finished run
        waiting = store.add(spec("ssd", seed=99))
        _, attempt = store.claim(ProcessId.of_this_process())
        store.progress(waiting, attempt, 0.5, "train")
    sound(at.run())
    assert not asked
    with ResultStore(bare.database) as store:
        store.finish(waiting, attempt, RunStatus.DONE)
    sound(at.run())
    assert len(asked) == 1
    asked.clear()
    sound(at.run())
    assert not asked


def test_a_metric_is_drawn_over_a_parameter_that_varies(open_app, tmp_path, finished):
    home = copied(tmp_path / "home", finished)
    for alpha in (2.0, 20.0):
        for seed in range(2):
            plant(home, replace(spec("ssd", seed=seed), params={"alpha": alpha}))
    at = open_app(home.root, VIEW)
    assert at.selectbox(key="over").options == ["ssd: alpha"]
    drawn = spec_of(at, "Accuracy, test forget set over ssd: alpha")
    assert drawn["layout"]["xaxis"]["ticktext"] == ["2", "20"]
    at = sound(at.selectbox(key="over_metric").set_value("Accuracy, test retain set").run())
    assert spec_of(at, "Accuracy, test retain set over ssd: alpha")


def test_without_a_parameter_that_varies_there_is_no_such_section(open_app, planted):
    assert "over" not in [box.key for box in open_app(planted.root, VIEW).selectbox]
