"""The Studies page without a browser; runs are planted, nothing is computed."""

from dataclasses import replace
import re

import pytest
import streamlit as st

from core.domain.info import MetricInfo
from core.domain.requests.registry import parse_request
from core.domain.run import RunStatus
from core.domain.study import StudyPlan
from core.export.report.study_table import cell, families_of, known_metrics
from core.figures.compare.metric_columns import columns_of
from core.jobs import submit as jobs
from core.jobs.catalogue import catalogue
from core.jobs.studies import submit
from core.jobs.studies.plan import make_plan, specs
from core.jobs.studies.table import summary
from core.reports.intervals import Spread
from core.storage import studies
from core.storage.processes import ProcessId
from core.storage.runs import ResultStore
from dashboard.components.studies.table import table
from tests.dashboard.conftest import sound
from tests.dashboard.views.test_pages import part_of
from tests.planted import plant

PAGE = "views/studies.py"


@pytest.fixture(autouse=True)
def nothing_runs(monkeypatch):
    monkeypatch.setattr(jobs, "ensure_supervisor", lambda *_: None)


@pytest.fixture
def study(bare):
    """study("ssd", seeds=(0, 1), done=True): a study in the bare home; its id."""

    def make(*methods, seeds=(0, 1, 2), forget="class:3", done=True, **about):
        shelves = catalogue(bare.root)
        asked = [(method, {}) if isinstance(method, str) else method for method in methods]
        plan = make_plan(shelves, "digits", "small_cnn", parse_request(forget), asked, seeds, **about)
        for spec in specs(plan, shelves) if done else ():
            plant(bare, spec)
        return submit.submit(bare, plan, shelves)

    return make


def plans(home):
    with ResultStore(home.database) as store:
        return [StudyPlan.from_json(stored.plan) for stored in studies.studies(store)]


def statuses(home):
    with ResultStore(home.database) as store:
        return {str(run.status) for run in store.runs()}


def texts(at, kind):
    return [re.sub(r"\\(?=[^\w\s])", "", element.value) for element in at.get(kind)]


def said(at):
    return "\n".join(texts(at, "markdown") + texts(at, "caption"))


def tables(at):
    return [frame.value for frame in at.dataframe if "Variant" in frame.value]


# The form.


def test_an_empty_home_shows_the_form_ready_to_start(open_app, bare):
    at = open_app(bare.root, PAGE)
    assert at.title[0].value == "Studies"
    assert at.text_input(key="seeds").value == "0-2"
    assert not at.button(key="start-study").disabled
    assert "12 runs: 3 variants and the second reference × 3 seeds, all to be computed." in said(at)


def test_start_asks_for_every_run_once_and_folds_the_form(open_app, bare):
    asked = {"class": "8", "seeds": "0, 4", "title": "Eights", "how.ssd": "own sets", "sets.ssd": "preset\nalpha=2"}
    at = open_app(bare.root, PAGE, **asked)
    sound(at.button(key="start-study").click().run())
    (plan,) = plans(bare)
    assert (plan.title, plan.request.text, plan.seeds) == ("Eights", "class:8", (0, 4))
    assert [variant.text for variant in plan.variants] == ["ssd", "ssd · alpha=2", "ssse", "unsir", "retrain"]
    assert statuses(bare) == {"queued"}
    assert "start-study" not in [button.key for button in at.button]
    assert "**Eights**" in said(at)
    assert "0 of 10 done" in said(at)


# The papers.


@pytest.fixture
def no_data(tmp_path, monkeypatch):
    monkeypatch.setenv("FORGETSCOPE_DATA", str(tmp_path / "no-data"))


def papers_table(at):
    return next(frame.value for frame in at.dataframe if "Published" in frame.value).set_index(["Method", "Metric"])


def test_papers_are_listed_with_what_they_need_and_how_far_their_studies_are(open_app, bare, no_data, study):
    study("ssd", title="SSSE, ResNet-18, CIFAR-10, a class (at hand)", seeds=(0, 1))
    at = open_app(bare.root, PAGE, papers="true")
    listed = next(frame.value for frame in at.dataframe if "Needs" in frame.value).set_index("Paper")
    assert set(listed["Here"]) == {"no"}
    assert listed.loc["SSSE, ResNet-18, CIFAR-10, a class", "Runs done"] == "4 of 4"
    assert listed.loc["MUFAC, ResNet-18, 1,500 faces"].tolist() == ["2311.02240", "MUFAC", "no", 18, "–"]


def test_a_paper_without_its_dataset_says_what_it_needs_and_shows_its_numbers(open_app, bare, no_data):
    at = open_app(bare.root, PAGE, papers="true", paper="unsir-cifar10")
    (told,) = [text for text in texts(at, "info") if "needs" in text]
    assert told.startswith("UNSIR, ResNet-18, CIFAR-10, classes 0 and 2 needs CIFAR-10, which is not in")
    assert at.button(key="start-paper").disabled
    table = papers_table(at)
    assert list(table.loc["unsir", "Published"]) == ["0.00 %", "70.95 %"]
    assert set(table["Ours"]) == {"–"}
    at = sound(at.toggle(key="paper_download").set_value(True).run())
    assert not at.button(key="start-paper").disabled


def test_a_papers_study_goes_through_the_queue_and_ours_then_stands_beside_the_published(open_app, bare, no_data):
    at = open_app(bare.root, PAGE, papers="true", paper="weight-perturbation", paper_download="true")
    sound(at.button(key="start-paper").click().run())
    (plan,) = plans(bare)
    assert (plan.title, plan.dataset, plan.seeds) == ("Lightweight weight perturbation, Fashion-MNIST", "fashion_mnist", (0, 1, 2))
    assert statuses(bare) == {"queued"}
    shelves = catalogue(bare.root)
    with ResultStore(bare.database) as store:
        waiting = store.runs()
    for run in waiting:
        plant(bare, run.spec)
    assert len(waiting) == len(specs(plan, shelves)) == 9, "two variants and retraining, three seeds each"
    at = open_app(bare.root, PAGE, papers="true", paper="weight-perturbation")
    row = papers_table(at).loc[("weight_perturbation", "Speed-up")]
    assert row["Published"] == "15"
    assert "(n = 3)" in row["Ours"]
    (differing,) = [table.value for table in at.table]
    assert differing.iloc[0].tolist() == ["dataset", "Fashion-MNIST", "five datasets that the abstract does not name"]


def test_starting_the_same_plan_again_is_the_same_study(open_app, bare):
    for _ in range(2):
        at = open_app(bare.root, PAGE, new="true")
        sound(at.button(key="start-study").click().run())
    assert len(plans(bare)) == 1


def test_what_is_stored_already_is_said_before_the_start(open_app, bare, study):
    study("ssd", seeds=(0, 1, 2))
    at = open_app(bare.root, PAGE, new="true")
    assert "To be computed: 6, namely ssse (3), unsir (3); the others are stored already." in said(at)
    sound(at.text_input(key="seeds").set_value("0-3").run())
    assert "namely ssd (1), ssse (4), unsir (4), retrain (1)" in said(at)


@pytest.mark.parametrize(
    "query, words",
    [
        ({"seeds": "a"}, "Seeds must be whole numbers"),
        ({"seeds": "1, 1"}, "seed 1 is there twice"),
        ({"seeds": "0-9999"}, "1000 runs at most"),
        ({"seeds": "0-300"}, "4 variants with 301 seeds are 1204"),
        ({"how.ssd": "own sets", "sets.ssd": "alpha"}, "reads like alpha=2 lambda=1"),
        ({"how.ssd": "own sets", "sets.ssd": "gamma=2"}, "no parameter 'gamma'"),
        ({"how.ssd": "own sets", "sets.ssd": "alpha=0"}, "alpha must be a number"),
        ({"how.ssd": "own sets", "sets.ssd": "preset\nalpha=4.2"}, "the same as ssd"),
    ],
)
def test_what_cannot_be_is_told_in_a_sentence_and_start_is_disabled(open_app, bare, query, words):
    at = open_app(bare.root, PAGE, **query)
    (error,) = texts(at, "error")
    assert words in error
    assert len(error) < 300
    assert at.button(key="start-study").disabled


def test_no_methods_and_no_class_disable_start(open_app, bare):
    at = open_app(bare.root, PAGE)
    sound(at.multiselect(key="methods").set_value([]).run())
    assert texts(at, "error") == ["The study has no methods; name at least one."]
    at = open_app(bare.root, PAGE, kind="classes")
    assert at.button(key="start-study").disabled
    assert "name at least one class" in at.info[0].value


def test_only_methods_that_can_serve_the_request_are_offered_and_the_floor_has_a_switch_of_its_own(open_app, bare):
    at = open_app(bare.root, PAGE, kind="random")
    offered = at.multiselect(key="methods").options
    assert not any("UNSIR" in title or "Retrain" in title for title in offered)
    assert "requests of kind random" in said(at)
    sound(at.toggle(key="study_floor").set_value(False).run())
    assert "6 runs: 2 variants × 3 seeds" in said(at)


def test_each_seed_of_a_drawn_request_has_its_own_draw_unless_one_is_asked_for(open_app, bare):
    at = open_app(bare.root, PAGE, kind="random", seeds="0, 4")
    assert "2 seeds, each with its own draw" in said(at)
    assert "drawn anew for each seed" in said(at)
    assert "draw" not in [box.key for box in at.number_input]
    sound(at.button(key="start-study").click().run())
    at = open_app(bare.root, PAGE, kind="random", seeds="0, 4", own_draws="false", draw="7", new="true")
    assert "2 seeds, one draw" in said(at)
    sound(at.button(key="start-study").click().run())
    one, own = sorted(plans(bare), key=lambda plan: plan.draws)
    assert ((one.request.text, one.draws), (own.request.text, own.draws)) == (("random:0.05@7", ()), ("random:0.05", (0, 4)))
    at = open_app(bare.root, PAGE)
    assert "seeds 0, 4, each with its own draw" in said(at)


def test_each_run_of_a_study_can_be_given_a_time_limit(open_app, bare):
    at = open_app(bare.root, PAGE, study_limit="1h 30min")
    sound(at.button(key="start-study").click().run())
    assert [plan.limit for plan in plans(bare)] == [5400]
    with ResultStore(bare.database) as store:
        assert {run.limit_seconds for run in store.runs()} == {5400}
    assert "each run stopped after 1 h 30 min" in said(at)
    at = open_app(bare.root, PAGE, study_limit="soon", new="true")
    assert ["A time limit must be from 1 second to 365 days" in text for text in texts(at, "error")] == [True]
    assert at.button(key="start-study").disabled


def test_all_runs_of_a_study_can_have_a_recipe_of_ones_own_which_it_grows_by(open_app, bare):
    at = open_app(bare.root, PAGE, methods=["SSD"], seeds="0-1", **{"recipe.epochs": "30"})
    sound(at.button(key="start-study").click().run())
    (plan,) = plans(bare)
    assert plan.recipe == {"epochs": 30}
    with ResultStore(bare.database) as store:
        assert {run.spec.recipe["epochs"] for run in store.runs()} == {30}
        (stored,) = studies.studies(store)
    at = open_app(bare.root, PAGE)
    assert "(epochs=30)**" in said(at)
    at.text_input(key=f"seeds-{stored.id}").set_value("2")
    sound(at.button(key=f"add-{stored.id}").click().run())
    assert [(plan.seeds, plan.recipe) for plan in plans(bare)] == [((0, 1, 2), {"epochs": 30})]


def test_own_sets_start_from_the_presets_values(open_app, bare):
    at = open_app(bare.root, PAGE)
    sound(next(group for group in at.button_group if group.label.startswith("Selective")).set_value("own sets").run())
    assert at.text_area(key="sets.ssd").value == "settings=given importance=per_sample batch_size=64 alpha=4.2 lambda=1"
    assert not at.button(key="start-study").disabled


@pytest.mark.parametrize("bad", ["nonsense", "<script>alert(1)</script>", "x" * 10_000, "-1", "nan"])
def test_unknown_values_in_the_address_fall_back_or_are_told(open_app, bare, bad):
    names = ("dataset", "model", "kind", "class", "methods", "study_floor", "new", "page", "how.ssd")
    at = open_app(bare.root, PAGE, **dict.fromkeys(names, bad))
    assert at.selectbox(key="dataset").value == "digits"
    at = open_app(bare.root, PAGE, seeds=bad, title=bad)
    assert len(at.error) <= 1


# The list.


def test_a_finished_study_shows_mean_interval_n_reference_and_floor(open_app, bare, study):
    study_id = study("ssd", ("ssd", {"alpha": 2.0}))
    at = open_app(bare.root, PAGE)
    assert "**done** · 9 of 9 done" in said(at)
    frame = tables(at)[0]
    assert list(frame["Variant"]) == ["ssd", "ssd · alpha=2", "Original", "Retrained reference", "Second reference"]
    assert list(frame["n"]) == [3, 3, 3, 3, 3]
    with ResultStore(bare.database) as store:
        told = summary(bare, store, study_id)
    (column,) = columns_of(["test_retain_accuracy"], catalogue(bare.root).metrics)
    assert frame[column.header][0] == pytest.approx(told.variants[0].numbers["test_retain_accuracy"].mean)
    assert not at.warning
    answer = next(text for text in texts(at, "markdown") if text.startswith("**") and "forget accuracy" in text)
    assert answer == f"**{told.answer}**"
    assert any("needs 8 seeds; there are 3" in text for text in texts(at, "caption"))
    assert any("Mean ± half of its 95 % interval" in text for text in texts(at, "caption"))


def test_too_few_seeds_for_a_claim_are_said_above_the_numbers(open_app, bare, study):
    study("ssd", seeds=(0, 1))
    at = open_app(bare.root, PAGE)
    assert texts(at, "warning") == ["Only 2 seeds stand behind these numbers: too few for a claim; ask for 3 or more."]


def test_the_numbers_of_older_studies_wait_until_they_are_opened(open_app, bare, study):
    study("ssd", seeds=(0,), title="first")
    study("finetune", seeds=(0,), title="second")
    at = open_app(bare.root, PAGE)
    assert {name for frame in tables(at) for name in frame["Variant"]} >= {"finetune"}
    assert "ssd" not in {name for frame in tables(at) for name in frame["Variant"]}


def test_a_study_under_way_is_followed_cancelled_gone_on_with_and_deleted(open_app, bare, study):
    study_id = study("ssd", done=False)
    with ResultStore(bare.database) as store:
        me = ProcessId.of_this_process()
        spec, attempt = store.claim(me)
        store.started(spec.id, attempt, me)
        store.progress(spec.id, attempt, 0.5, "reference")
    at = open_app(bare.root, PAGE)
    assert "**running** · 0 of 6 done" in said(at)
    assert "Delete it" not in [button.label for button in at.button]
    with ResultStore(bare.database) as store:
        store.finish(spec.id, attempt, RunStatus.FAILED, error="first\nDiverged: it did.")
    at = open_app(bare.root, PAGE)
    assert "1 failed" in said(at)
    assert texts(at, "error") == ["ssd, seed 0: Diverged: it did."]
    at = sound(at.button(key=f"Cancel-{study_id}").click().run())
    assert statuses(bare) == {"failed", "cancelled"}
    at = sound(at.button(key=f"Continue-{study_id}").click().run())
    assert statuses(bare) == {"queued"}
    sound(at.button(key=f"Cancel-{study_id}").click().run())
    at = open_app(bare.root, PAGE)
    sound(at.button(key=f"Delete-{study_id}").click().run())
    assert plans(bare) == []
    assert statuses(bare) == {"cancelled"}
    sound(at.button(key=f"undo-{study_id}").click().run())
    assert len(plans(bare)) == 1


def test_a_deleted_study_can_be_undone_where_the_click_that_deletes_draws(open_app, bare, study):
    """In a browser a click inside a part of the page draws that part alone; AppTest draws all."""
    first, second = (study("ssd", seeds=(seed,)) for seed in (0, 1))
    submit.delete(bare, first)
    at = open_app(bare.root, PAGE)
    assert part_of(at, f"undo-{first}") == part_of(at, f"Delete-{second}") != ""


def test_a_study_grows_by_seeds_and_methods(open_app, bare, study):
    study_id = study("ssd", seeds=(0, 1))
    at = open_app(bare.root, PAGE)
    at.text_input(key=f"seeds-{study_id}").set_value("2-3")
    at.multiselect(key=f"methods-{study_id}").set_value(["Single-Step Sample Erasure (SSSE)"])
    sound(at.button(key=f"add-{study_id}").click().run())
    (plan,) = plans(bare)
    assert (plan.seeds, [variant.method for variant in plan.variants]) == ((0, 1, 2, 3), ["ssd", "retrain", "ssse"])
    assert "4 of 12 done" in said(at)


def test_what_a_study_cannot_tell_comes_with_the_seeds_that_would_decide_it_and_a_button_that_runs_them(open_app, bare, study):
    study_id = study("ssd", "finetune", seeds=(0, 1))
    with ResultStore(bare.database) as store:
        more = summary(bare, store, study_id).more
    assert more.more >= 1
    at = open_app(bare.root, PAGE)
    assert f"{more.more} more seed" in said(at)
    assert "It takes about" in said(at)
    button = at.button(key=f"more-studies-{study_id}")
    assert button.label == f"Run {more.more} more seed{'s' * (more.more != 1)}"
    sound(button.click().run())
    assert [plan.seeds for plan in plans(bare)] == [tuple(range(2 + more.more))]
    with ResultStore(bare.database) as store:
        assert sum(run.status == RunStatus.QUEUED for run in store.runs()) == 3 * more.more  # each variant, and the second reference
    assert f"more-studies-{study_id}" not in [button.key for button in open_app(bare.root, PAGE).button]  # it is under way


def test_compare_offers_the_same_seeds_where_its_runs_are_a_study_s(open_app, bare, study):
    study_id = study("ssd", "finetune", seeds=(0, 1))
    with ResultStore(bare.database) as store:
        more = summary(bare, store, study_id).more
    at = open_app(bare.root, "views/compare.py", study=study_id)
    assert more.text in said(at)
    sound(at.button(key=f"more-compare-{study_id}").click().run())
    assert [len(plan.seeds) for plan in plans(bare)] == [2 + more.more]
    assert "queued" in statuses(bare)


def test_only_methods_that_can_serve_the_study_are_offered(open_app, bare):
    shelves = catalogue(bare.root)
    request = parse_request("attribute:smile=1")
    study_id = submit.submit(bare, make_plan(shelves, "faces_attributes", "small_cnn", request, [("finetune", {})], (0,)), shelves)
    offered = open_app(bare.root, PAGE).multiselect(key=f"methods-{study_id}").options
    assert offered == [m.title for m in shelves.methods.values() if m.multi and "attribute" in m.kinds]
    assert len(offered) < len([m for m in shelves.methods.values() if "attribute" in m.kinds])


def test_a_study_whose_added_images_were_removed_offers_nothing_and_cannot_grow(open_app, bare, study):
    study_id = study("ssd", seeds=(0,), done=False)
    with ResultStore(bare.database) as store, store.db.transaction() as write:
        write.execute("update studies set plan = json_set(plan, '$.dataset', 'pets@00000000')")
    at = open_app(bare.root, PAGE)
    assert at.multiselect(key=f"methods-{study_id}").options == []
    at.text_input(key=f"seeds-{study_id}").set_value("3")
    sound(at.button(key=f"add-{study_id}").click().run())
    assert texts(at, "toast") == ["The added dataset pets@00000000 was removed; adding the same images again brings it back."]


@pytest.mark.parametrize("typed, words", [("", "Name more seeds or more methods"), ("x", "Seeds must be whole numbers")])
def test_growing_by_nothing_or_nonsense_is_told(open_app, bare, study, typed, words):
    study_id = study("ssd", seeds=(0, 1))
    at = open_app(bare.root, PAGE)
    at.text_input(key=f"seeds-{study_id}").set_value(typed)
    sound(at.button(key=f"add-{study_id}").click().run())
    assert words in texts(at, "toast")[0]
    assert plans(bare)[0].seeds == (0, 1)


def test_what_an_engine_change_costs_is_said_before_it_is_asked_and_the_old_numbers_stay(open_app, bare, study):
    study("ssd", seeds=(0, 1, 2))
    with ResultStore(bare.database) as store, store.db.transaction() as write:
        write.execute("update runs set spec = json_set(spec, '$.engine', 'older')")
    at = open_app(bare.root, PAGE)
    cost = "6 runs would be computed anew, because the engine has changed; the old numbers stay until then."
    assert f"Continue or Extend: {cost}" in said(at)
    assert f"Besides what you add, {cost}" in said(at)
    assert "All of these runs were computed by another version of the engine." in texts(at, "warning")


def test_the_old_numbers_are_shown_while_their_successors_are_computed(open_app, bare, study):
    study_id = study("ssd", seeds=(0, 1, 2))
    with ResultStore(bare.database) as store:
        old = studies.members(store, study_id)[study_id]
        (known_study,) = studies.studies(store)
        cells = [(run.variant, replace(store.existing(run.run_id).spec, engine="newer")) for run in old]
        assert studies.save(store, known_study, cells, [known_study])
    at = open_app(bare.root, PAGE)
    assert "0 of 6 done · 6 shown by an older run until then" in said(at)
    assert list(tables(at)[0]["n"]) == [3, 3, 3, 3]


def test_cancelling_says_what_goes_on_for_another_study(open_app, bare, study):
    large = study("ssd", seeds=(0, 1), done=False, title="large")
    small = study("ssd", seeds=(0,), done=False, title="small")
    at = open_app(bare.root, PAGE)
    at = sound(at.button(key=f"Cancel-{large}").click().run())
    assert texts(at, "toast") == ["2 of its runs go on, because they were also asked for elsewhere."]
    assert "2 stopped · 2 go on, asked for elsewhere too" in said(at)
    assert {button.key for button in at.button} >= {f"Continue-{large}", f"Delete-{large}", f"Cancel-{small}"}
    assert f"Cancel-{large}" not in {button.key for button in at.button}


def test_many_studies_come_in_pages(open_app, bare, study):
    for seed in range(7):
        study("ssd", seeds=(seed,), title=f"number {seed}", done=False)
    at = open_app(bare.root, PAGE)
    assert said(at).count("**number") == 5
    assert "**number 6**" in said(at)


def test_a_damaged_table_of_a_run_is_told_in_a_sentence_and_the_rest_is_there(open_app, bare, study):
    st.cache_data.clear()
    study_id = study("ssd", seeds=(0, 1, 2))
    with ResultStore(bare.database) as store:
        run = studies.members(store, study_id)[study_id][0]
        (bare.artifacts_folder / store.artifacts(run.run_id)["examples"]).write_bytes(b"")
    at = open_app(bare.root, PAGE)
    assert len(tables(at)[0]) == 4
    assert any("is damaged" in text for text in texts(at, "caption"))


# The table.


def test_a_cell_tells_its_own_n_where_it_is_not_the_rows():
    (column,) = columns_of(["tow"], {"tow": MetricInfo("tow", "Tug of war (ToW)", "share", "high", "…")})
    assert cell(column, Spread(0.934, 0.0125, 3), 3) == "93.4 ± 1.2 %"
    assert cell(column, Spread(0.934, None, 1), 3) == "93.4 % (n = 1)"
    assert cell(column, None, 3) == "–"


def test_every_metric_of_a_study_is_in_one_family(bare, study):
    study_id = study("ssd", seeds=tuple(range(8)))
    with ResultStore(bare.database) as store:
        told = summary(bare, store, study_id)
    families = families_of(told, catalogue(bare.root).metrics)
    keys = [column.key for columns in families.values() for column in columns]
    assert sorted(keys) == sorted(set(keys))
    assert set(keys) == set(told.metrics) & ({*known_metrics(catalogue(bare.root).metrics), "seconds", "speedup"})
    assert {"u_lira", "rmia", "forgetting_quality"} <= set(keys)
    for columns in families.values():
        assert "–" not in table(told, columns).to_html().split("Original")[0]
