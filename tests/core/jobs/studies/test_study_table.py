"""A study's table: means and intervals by SciPy, attacks over seeds as their own module computes them."""

import numpy as np
import pytest
from scipy import stats

from core.domain.errors import WrongInput
from core.domain.evaluation import Evaluation
from core.domain.study import Variant
from core.jobs import submit as jobs
from core.jobs.studies import submit
from core.jobs.studies.plan import specs
from core.jobs.studies.table import NOT_DONE, summary
from core.metrics.privacy.multi_seed import rmia, u_lira
from core.reports.intervals import Spread
from core.storage import studies
from core.storage.artifacts import Artifacts
from core.storage.runs import ResultStore
from tests.planted import plant

METHODS = ("ssd", ("finetune", {"epochs": 2}))


@pytest.fixture
def still(home, monkeypatch):
    monkeypatch.setattr(jobs, "ensure_supervisor", lambda *_: None)
    return home


@pytest.fixture
def study(still, plan, shelves):
    """study(seeds=(0, 1), ...): its id; its runs are planted, those of `leave` aside."""

    def make(*methods, leave=(), about=None, **how):
        asked = plan(*(methods or METHODS), **how)
        for spec in specs(asked, shelves):
            if (spec.method, spec.seed) not in leave:
                plant(still, spec, **(about or {}))
        return submit.submit(still, asked, shelves)

    return make


def read(home, study_id):
    with ResultStore(home.database) as store:
        return summary(home, store, study_id)


def values(home, study_id, method, key, model="unlearned"):
    with ResultStore(home.database) as store:
        runs = [store.existing(run.run_id) for run in studies.members(store, study_id)[study_id]]
        mine = [run.id for run in runs if run.spec.method == method]
        return [next(m.value for m in store.measurements(i) if (m.metric, m.model) == (key, model)) for i in mine]


def examples(home, row):
    with ResultStore(home.database) as store:
        return [Artifacts(home.artifacts_folder).get_table(store.artifacts(run_id)["examples"]) for run_id in row.runs]


def column(tables, name, which):
    return np.stack([table.loc[table["set"] == which, name].to_numpy(float) for table in tables])


def test_each_variant_has_its_mean_interval_and_n(still, study):
    study_id = study(seeds=(0, 1, 2))
    told = read(still, study_id)
    assert [row.variant.text for row in told.variants] == ["ssd", "finetune · epochs=2", "retrain"]
    for row in told.variants:
        assert row.seeds == (0, 1, 2)
        taken = values(still, study_id, row.variant.method, "js_to_reference")
        found = row.numbers["js_to_reference"]
        low, high = stats.t.interval(0.95, 2, loc=np.mean(taken), scale=stats.sem(taken))
        assert (found.mean, found.n) == (pytest.approx(np.mean(taken)), 3)
        assert (found.mean - found.half_width, found.mean + found.half_width) == pytest.approx((low, high))


def test_originals_and_references_count_once_a_seed_and_the_floor_is_the_second_retraining(still, study):
    study_id = study(seeds=(0, 1))
    told = read(still, study_id)
    for model, found in (("original", told.original), ("reference", told.reference)):
        taken = values(still, study_id, "ssd", "test_retain_accuracy", model)
        assert (found["test_retain_accuracy"].mean, found["test_retain_accuracy"].n) == (pytest.approx(np.mean(taken)), 2)
    floor = values(still, study_id, "retrain", "test_retain_accuracy")
    assert told.floor["test_retain_accuracy"].mean == pytest.approx(np.mean(floor))
    assert "speedup" in told.floor


def test_attacks_over_seeds_read_the_runs_examples(still, study):
    told = read(still, study(seeds=(0, 1, 2)))
    row = told.variants[0]
    tables = examples(still, row)
    phi = [column(tables, f"{model}_confidence", "forget") for model in ("unlearned", "reference")]
    assert row.numbers["u_lira"] == Spread(u_lira(*phi), None, 3)
    log_p = [-column(tables, f"{m}_loss", s) for m in ("unlearned", "reference") for s in ("forget", "test_forget")]
    assert row.numbers["rmia"] == Spread(pytest.approx(rmia(*log_p)), None, 3)
    itself = rmia(log_p[2], log_p[3], log_p[2], log_p[3])
    assert told.reference["rmia"] == Spread(pytest.approx(itself), None, 3)
    assert "forgetting_quality" not in row.numbers
    assert row.absent["forgetting_quality"] == "Forgetting quality (NeurIPS 2023) needs 8 seeds; there are 3."


def test_with_eight_seeds_there_is_a_forgetting_quality(still, study):
    told = read(still, study("ssd", seeds=tuple(range(8))))
    assert told.variants[0].numbers["forgetting_quality"].n == 8
    assert told.variants[1].numbers["forgetting_quality"].mean > 0
    assert told.caution == ""


def test_seeds_with_draws_of_their_own_are_one_row_and_cannot_be_attacked_together(still, study):
    told = read(still, study("ssd", seeds=tuple(range(8)), forget="random:0.05"))
    row = told.variants[0]
    assert (row.seeds, row.numbers["js_to_reference"].n, told.reference["nomus"].n) == (tuple(range(8)), 8, 8)
    assert told.plan.covers == told.to_plain()["covers"] == "over 8 seeds, each with its own draw"
    for metric, title in (("u_lira", "U-LiRA"), ("rmia", "RMIA"), ("forgetting_quality", "Forgetting quality (NeurIPS 2023)")):
        assert metric not in row.numbers
        assert row.absent[metric] == (
            f"{title} needs the same forget set in every seed's run, and here each seed has its own draw; "
            "a study with draws = 0 has one for all seeds."
        )
    assert "rmia" not in told.reference
    one = read(still, study("ssd", seeds=tuple(range(8)), forget="random:0.05", draws=()))
    assert {"u_lira", "rmia", "forgetting_quality"} <= one.variants[0].numbers.keys()
    assert one.plan.covers == "over 8 seeds, one draw"


def test_requests_without_unseen_images_of_their_own_are_attacked_beside_all_unseen_ones(still, study):
    told = read(still, study("ssd", seeds=(0, 1), forget="random:0.05", draws=()))
    assert told.variants[0].numbers["rmia"].n == 2
    assert "test-forget" in told.variants[0].absent["test_forget_accuracy"]
    assert "test_forget_accuracy" not in told.variants[0].numbers


def test_few_seeds_are_said_and_metrics_that_need_more_say_why_they_are_absent(still, study):
    one = read(still, study("ssd", seeds=(0,)))
    assert one.caution == "Only 1 seed stands behind these numbers: too few for a claim; ask for 3 or more."
    assert one.variants[0].numbers["zrf"].half_width is None
    assert one.variants[0].absent["u_lira"] == "U-LiRA needs 3 seeds; there is 1."
    assert one.variants[0].absent["rmia"] == "RMIA needs 2 seeds; there is 1."
    assert read(still, study("ssd", seeds=(0, 1))).caution.startswith("Only 2 seeds stand behind these numbers")


def test_a_run_of_a_study_that_was_evaluated_otherwise_is_a_caution(still, study):
    study_id = study("ssd", seeds=(0, 1, 2))
    assert read(still, study_id).caution == ""
    with ResultStore(still.database) as store, store.db.transaction() as write:
        run_id = next(iter(studies.members(store, study_id)[study_id])).run_id
        write.execute("update runs set evaluation = ? where id = ?", (Evaluation(whole=True).text, run_id))
    assert read(still, study_id).caution.startswith("These runs were not evaluated alike (all training images, as usual), so metrics over")
    assert read(still, study_id).to_plain()["caution"] == read(still, study_id).caution


def test_a_study_that_is_under_way_tells_what_is_there(still, study):
    told = read(still, study(seeds=(0, 1, 2), leave=[("ssd", 2), ("retrain", 0), ("retrain", 1), ("retrain", 2)]))
    assert [row.seeds for row in told.variants] == [(0, 1), (0, 1, 2), ()]
    assert told.variants[2].absent["seconds"] == NOT_DONE
    assert told.floor == {}
    assert told.caution.startswith("Only 2 seeds stand behind some of these numbers")


def test_without_a_reference_what_needs_one_is_absent(still, study):
    told = read(still, study("ssd", seeds=(0, 1, 2), reference=False))
    assert told.reference == {}
    assert "u_lira" not in told.variants[0].numbers
    assert "no reference" in told.variants[0].absent["js_to_reference"]


def test_a_run_whose_examples_are_missing_or_harmed_is_left_out_of_the_attacks_and_told(still, study):
    told = read(still, study("ssd", seeds=(0, 1), about={"files": {"examples": None}}))
    assert "stored no examples" in told.variants[0].absent["rmia"]
    assert "U-LiRA needs 3 seeds" in told.variants[0].absent["u_lira"]
    study_id = study("ssd", seeds=(5, 6, 7))
    with ResultStore(still.database) as store:
        run_id = read(still, study_id).variants[0].runs[0]
        (still.artifacts_folder / store.artifacts(run_id)["examples"]).write_bytes(b"")
    told = read(still, study_id)
    assert told.variants[0].numbers["rmia"].n == 2
    assert told.variants[0].numbers["zrf"].n == 3
    assert "damaged" in told.variants[0].absent["u_lira"]


def test_examples_that_only_some_seeds_looked_at_are_left_out(still, study, plan, shelves):
    tables = {}
    for seed in (0, 1):
        (spec,) = specs(plan("ssd", seeds=(seed,), floor=False), shelves)
        plant(still, spec)
        with ResultStore(still.database) as store:
            table = Artifacts(still.artifacts_folder).get_table(store.artifacts(spec.id)["examples"])
            tables[seed] = table.drop(index=table.index[seed::7])
            store.delete(spec.id)
        plant(still, spec, files={"examples": tables[seed]})
    study_id = submit.submit(still, plan("ssd", seeds=(0, 1), floor=False), shelves)
    assert 0 <= read(still, study_id).variants[0].numbers["rmia"].mean <= 1


def test_everything_fits_into_json(still, study):
    import json

    study_id = study(seeds=(0, 1), about={"anamnesis_index": float("inf")})
    plain = json.loads(json.dumps(read(still, study_id).to_plain(), allow_nan=False))
    assert plain["id"] == study_id
    assert plain["variants"][0]["metrics"]["anamnesis_index"] == {"mean": None, "half_width": None, "n": 2}
    assert plain["variants"][2]["floor"] is True
    assert plain["floor"] == plain["variants"][2]["metrics"]


def test_a_study_that_is_not_there_is_told(still):
    with pytest.raises(WrongInput, match="There is no study"):
        read(still, "nope")


def test_a_variant_keeps_its_settings_in_the_summary(still, study):
    told = read(still, study(seeds=(0,)))
    assert told.variants[1].variant == Variant("finetune", {"epochs": 2})


def test_numbers_of_an_older_engine_are_the_studys_until_their_successors_are_there_and_are_marked(
    still, study, plan, shelves, monkeypatch
):
    study_id = study("ssd", seeds=(0, 1))
    before = read(still, study_id)
    assert before.older == ""
    for module in ("core.jobs.validation", "core.jobs.studies.progress"):
        monkeypatch.setattr(f"{module}.run_version", lambda *_: "newer")
    assert read(still, study_id).older == "All of these runs were computed by another version of the engine."
    submit.extend(still, study_id, plan("ssd", seeds=(2,)), shelves)
    told = read(still, study_id)
    assert [row.seeds for row in told.variants] == [(0, 1), (0, 1)]
    assert told.variants[0].numbers == before.variants[0].numbers
    with ResultStore(still.database) as store:
        waiting = [run.spec for run in store.runs() if run.status == "queued"]
        for spec in waiting:
            store.request_cancel(spec.id)
    for spec in waiting:
        if (spec.method, spec.seed) in {("ssd", 1), ("ssd", 2)}:
            plant(still, spec, test_retain_accuracy=0.5)
    told = read(still, study_id)
    assert [row.seeds for row in told.variants] == [(0, 1, 2), (0, 1)]
    taken = [before_value(still, before.variants[0].runs[0]), 0.5, 0.5]
    assert told.variants[0].numbers["test_retain_accuracy"].mean == pytest.approx(np.mean(taken))
    assert told.older == "3 of these 5 runs were computed by another version of the engine."
    assert told.to_plain()["older"] == told.older
    assert told.reference["test_retain_accuracy"].n == 3


def before_value(home, run_id):
    with ResultStore(home.database) as store:
        taken = store.measurements(run_id)
    return next(m.value for m in taken if (m.metric, m.model) == ("test_retain_accuracy", "unlearned"))


def test_a_study_without_second_references_is_judged_by_those_of_the_home_and_says_so(still, study, plan):
    alone = study("ssd", seeds=(0, 1), floor=False)
    assert read(still, alone).judged_by.startswith("Held against the references of several seeds")
    whole = study("ssd", seeds=(0, 1), forget="class:3", title="with its own")
    assert read(still, whole).judged_by == "Held against the second references among these runs."
    told = read(still, alone)
    assert told.judged_by == "Held against second references elsewhere in this home."
    assert told.variants[0].unchanged == read(still, whole).variants[0].unchanged
