"""A study asked for, stopped, gone on with and grown: on the real queue, with a pipeline that computes nothing."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import psutil
import pytest

from core.domain.errors import WrongInput
from core.domain.run import Measurement, RunStatus
from core.domain.study import StudyPlan
from core.jobs import submit as jobs
from core.jobs.studies import progress, submit
from core.jobs.studies.plan import cells
from core.jobs.studies.table import summary
from core.storage import studies
from core.storage.artifacts import Artifacts
from core.storage.home import open_home
from core.storage.processes import ProcessId
from core.storage.record_types import Outcome
from core.storage.runs import ResultStore
from tests.core.jobs.place import Place, until

QUICK = "tests.core.jobs.studies.quick_pipeline"


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.setenv("FORGETSCOPE_IDLE_SECONDS", "5")
    place = Place(open_home(tmp_path / "home"))
    yield place
    for supervisor in place.supervisors():
        supervisor.kill()
    psutil.wait_procs(place.supervisors(), timeout=10)


@pytest.fixture
def still(home, monkeypatch):
    """A home in which nothing runs."""
    monkeypatch.setattr(jobs, "ensure_supervisor", lambda *_: None)
    return home


def look(home, study_id):
    with ResultStore(home.database) as store:
        store.reconcile()
        return progress.progress(store, study_id)


def all_runs(home):
    with ResultStore(home.database) as store:
        return store.runs()


def states(home):
    return Counter(str(run.status) for run in all_runs(home))


def done(home, study_id):
    until(lambda: look(home, study_id).active == 0, 30)
    return look(home, study_id)


def test_a_study_is_computed_whole_and_in_the_order_of_its_seeds(place, plan, shelves):
    home = place.home
    study_id = submit.submit(home, plan("ssd", "finetune"), shelves, QUICK)
    ended = done(home, study_id)
    assert (ended.total, ended.done, ended.to_do, ended.share) == (6, 6, 0, 1.0)
    in_order = sorted(all_runs(home), key=lambda run: run.started_at)
    assert [(run.spec.seed, run.spec.method) for run in in_order] == [
        (seed, method) for seed in (0, 1) for method in ("ssd", "finetune", "retrain")
    ]
    assert submit.submit(home, plan("ssd", "finetune"), shelves, QUICK) == study_id
    assert {run.attempt for run in all_runs(home)} == {1}  # the same plan again computes nothing


def test_a_study_that_is_cancelled_stops_at_once_and_can_be_gone_on_with(place, plan, shelves):
    home = place.home
    (home.root / "slow").touch()
    study_id = submit.submit(home, plan("ssd", "finetune"), shelves, QUICK)
    until(lambda: look(home, study_id).share > 0, 30)
    submit.cancel(home, study_id)
    ended = done(home, study_id)
    assert (ended.active, ended.stopped, ended.done) == (0, 6, 0)
    (home.root / "slow").unlink()
    assert submit.go_on(home, study_id, shelves, QUICK) == study_id
    ended = done(home, study_id)
    assert (ended.done, ended.to_do) == (6, 0)


def test_a_run_that_fails_leaves_the_others_alone_and_is_asked_again(place, plan, shelves):
    home = place.home
    (home.root / "fail-ssd").touch()
    study_id = submit.submit(home, plan("ssd", "finetune"), shelves, QUICK)
    ended = done(home, study_id)
    assert (ended.done, ended.failed, ended.to_do) == (4, 2, 2)
    (home.root / "fail-ssd").unlink()
    submit.go_on(home, study_id, shelves, QUICK)
    assert done(home, study_id).done == 6
    assert Counter(run.attempt for run in all_runs(home)) == {1: 4, 2: 2}


def test_a_larger_plan_grows_the_study_and_computes_what_is_new(still, plan, shelves):
    study_id = submit.submit(still, plan("ssd"), shelves)
    assert submit.submit(still, plan("finetune", "ssd", seeds=(2, 1, 0)), shelves) == study_id
    assert states(still) == {"queued": 9}
    with ResultStore(still.database) as store:
        (stored,) = studies.studies(store)
        grown = StudyPlan.from_json(stored.plan)
        runs = studies.members(store, study_id)[study_id]
    assert [variant.method for variant in grown.variants] == ["ssd", "retrain", "finetune"]
    assert grown.seeds == (0, 1, 2)
    assert [(run.seed, run.variant) for run in runs] == [(seed, variant) for seed in range(3) for variant in range(3)]


@pytest.mark.parametrize("change", [{"title": "other"}, {"forget": "class:5"}, {"reference": False}, {"seeds": (0,)}])
def test_another_plan_is_another_study(still, plan, shelves, change):
    first = submit.submit(still, plan("ssd"), shelves)
    assert submit.submit(still, plan("ssd", **change), shelves) != first
    if change == {"seeds": (0,)}:
        assert states(still) == {"queued": 4}  # its runs are the larger one's
        assert submit.cancel(still, first) == 2
        assert states(still) == {"cancelled": 2, "queued": 2}  # the smaller one still waits for those of seed 0


def test_extending_asks_for_more_of_the_same_request_only(still, plan, shelves):
    study_id = submit.submit(still, plan("ssd", floor=False), shelves)
    more = plan(("ssd", {"alpha": 4.2}), ("ssd", {"alpha": 2}), seeds=(5,), floor=False)
    assert submit.extend(still, study_id, more, shelves) == study_id
    with ResultStore(still.database) as store:
        grown = StudyPlan.from_json(studies.existing(store, study_id).plan)
    assert [variant.text for variant in grown.variants] == ["ssd", "ssd · alpha=2"]  # 4.2 is the preset's own value
    assert grown.seeds == (0, 1, 5)
    assert states(still) == {"queued": 6}
    with pytest.raises(WrongInput, match="about one request; this one is about class:3 of digits"):
        submit.extend(still, study_id, plan("ssd", forget="class:4"), shelves)
    with pytest.raises(WrongInput, match="1000 runs at most; 2 variants with 503 seeds are 1006"):
        submit.extend(still, study_id, plan("ssd", seeds=tuple(range(10, 510)), floor=False), shelves)
    assert states(still) == {"queued": 6}


def test_a_run_that_is_deleted_is_missing_until_it_is_asked_again(still, plan, shelves):
    study_id = submit.submit(still, plan("ssd"), shelves)
    submit.cancel(still, study_id)
    jobs.delete(still, all_runs(still)[0].id)
    seen = look(still, study_id)
    assert (seen.total, seen.stopped, seen.missing, seen.to_do) == (4, 3, 1, 4)
    submit.go_on(still, study_id, shelves)
    seen = look(still, study_id)
    assert (seen.active, seen.to_do) == (4, 0)


def test_what_another_engine_computed_is_asked_again(still, plan, shelves, monkeypatch):
    study_id = submit.submit(still, plan("ssd"), shelves)
    with ResultStore(still.database) as store, store.db.transaction() as write:
        write.execute("update runs set status = 'done', share = 1")
    assert (look(still, study_id).done, look(still, study_id).to_do) == (4, 0)
    for module in ("core.jobs.validation", "core.jobs.studies.progress"):
        monkeypatch.setattr(f"{module}.run_version", lambda *_: "newer")
    assert look(still, study_id).outdated == 4
    with ResultStore(still.database) as store:
        assert progress.new_runs(store, plan("ssd"), shelves) == {0: 2, 1: 2}
    submit.go_on(still, study_id, shelves)
    seen = look(still, study_id)
    assert (seen.total, seen.done, seen.active, seen.outdated, seen.standing_in) == (4, 0, 4, 0, 4)
    assert states(still) == {"done": 4, "queued": 4}  # the old ones stand in until these are done


def test_what_is_done_already_is_not_counted_as_new(still, plan, shelves):
    submit.submit(still, plan("ssd", seeds=(0,)), shelves)
    with ResultStore(still.database) as store:
        with store.db.transaction() as write:
            write.execute("update runs set status = 'done'")
        assert progress.new_runs(store, plan("ssd", "finetune"), shelves) == {0: 1, 1: 2, 2: 1}
        assert progress.new_runs(store, plan("ssd", seeds=(0,)), shelves) == {}


def test_a_study_goes_without_its_runs_but_not_while_they_are_active(still, plan, shelves):
    study_id = submit.submit(still, plan("ssd"), shelves)
    with pytest.raises(WrongInput, match="cancel it before you delete it"):
        submit.delete(still, study_id)
    submit.cancel(still, study_id)
    submit.delete(still, study_id)
    assert states(still) == {"cancelled": 4}
    with ResultStore(still.database) as store:
        assert studies.studies(store) == []
        assert studies.members(store) == {}


@pytest.mark.parametrize("study_id", ["nope", "", "\ud800", "s" * 5000])
def test_a_study_that_is_not_there_is_told_in_a_sentence(still, plan, shelves, study_id):
    for act in (submit.cancel, submit.delete):
        with pytest.raises(WrongInput):
            act(still, study_id)
    with pytest.raises(WrongInput):
        submit.go_on(still, study_id, shelves)
    with pytest.raises(WrongInput):
        submit.extend(still, study_id, plan("ssd"), shelves)
    with pytest.raises(WrongInput):
        look(still, study_id)


def test_a_thousand_runs_are_queued_in_one_transaction(still, plan, shelves):
    import time

    began = time.perf_counter()
    study_id = submit.submit(still, plan("ssd", seeds=tuple(range(500))), shelves)
    print(time.perf_counter() - began)
    assert look(still, study_id).active == 1000
    with ResultStore(still.database) as store:
        assert store.revision() == 1
    began = time.perf_counter()
    submit.cancel(still, study_id)
    print(time.perf_counter() - began)
    assert look(still, study_id).stopped == 1000


# Another version of the engine.


@pytest.fixture
def finish(still):
    """finish(how=None): every run that waits (those whose spec fits) is done."""

    def go(fits=lambda spec: True):
        waiting = [run.id for run in all_runs(still) if run.status == "queued" and fits(run.spec)]
        with ResultStore(still.database) as store, store.db.transaction() as write:
            for run_id in waiting:
                write.execute("update runs set status = 'done', share = 1, finished_at = '2026-01-01T00:00+00:00' where id = ?", (run_id,))

    return go


@pytest.fixture
def engine(monkeypatch):
    def change(version):
        for module in ("core.jobs.validation", "core.jobs.studies.progress"):
            monkeypatch.setattr(f"{module}.run_version", lambda *_: version)

    return change


def shown(home, study_id):
    """(variant, seed) -> engine of the run whose numbers are the study's."""
    with ResultStore(home.database) as store:
        runs = [run for run in studies.members(store, study_id)[study_id] if run.status == "done"]
    assert len({(run.variant, run.seed) for run in runs}) == len(runs)
    return {(run.variant, run.seed): run.engine for run in runs}


def test_each_run_of_a_study_has_its_limit_but_for_those_that_somebody_asked_for_alone(still, plan, shelves):
    asked = replace(plan("ssd", "finetune", seeds=(0,)), limit=90.0)
    finetune = cells(asked, shelves)[1][1]
    jobs.submit(still, finetune, limit=7.0)
    study_id = submit.submit(still, asked, shelves)
    limits = lambda: {run.spec.method: run.limit_seconds for run in all_runs(still)}  # noqa: E731  # asked three times
    assert limits() == {"ssd": 90.0, "finetune": 7.0, "retrain": 90.0}
    submit.cancel(still, study_id)
    submit.go_on(still, study_id, shelves)
    assert limits() == {"ssd": 90.0, "finetune": 7.0, "retrain": 90.0}
    assert submit.submit(still, replace(asked, limit=None), shelves) == study_id
    assert limits() == {"ssd": None, "finetune": 7.0, "retrain": None}


def means(home, store, study_id):
    return [row.numbers["test_forget_accuracy"].mean for row in summary(home, store, study_id).variants]


def test_going_on_computes_again_what_lost_a_file_and_its_numbers_stay_meanwhile_and_where_that_is_in_vain(still, plan, shelves):
    study_id = submit.submit(still, plan("ssd"), shelves)
    put, me = Artifacts(still.artifacts_folder), ProcessId.of_this_process()
    with ResultStore(still.database) as store:
        while claimed := store.claim(me):
            spec, attempt = claimed
            files = {"unlearned": put.put_arrays({"w": np.full(2, spec.seed + 10 * (spec.method == "ssd"))})}
            number = Measurement("test_forget_accuracy", "unlearned", 0.25 + spec.seed / 4)
            store.finish(spec.id, attempt, RunStatus.DONE, outcome=Outcome((number,), artifacts=files))
        runs = studies.members(store, study_id)[study_id]
        lost, _, whole, _ = runs
        gone = store.artifacts(lost.run_id)["unlearned"]
        put.remove(gone)
        assert [member.lost for member in studies.members(store, study_id, put.files())[study_id]] == [True, False, False, False]
        seen = progress.progress(store, study_id, put.files())
        assert (seen.done, seen.lost, seen.to_do) == (4, 1, 1)
        assert progress.new_runs(store, plan("ssd"), shelves, put.files()) == {lost.variant: 1}
        assert submit.go_on(still, study_id, shelves) == study_id
        seen = progress.progress(store, study_id, put.files())
        assert (seen.done, seen.active, seen.again, seen.shown, seen.lost) == (3, 1, 1, 4, 0)
        assert means(still, store, study_id) == [0.375, 0.375]  # each of 0.25 and 0.5
        spec, attempt = store.claim(me)
        assert (spec.id, attempt, store.claim(me)) == (lost.run_id, 2, None)
        store.finish(spec.id, attempt, RunStatus.FAILED, error="no memory")
        [member] = [m for m in studies.members(store, study_id, put.files())[study_id] if m.lost]
        assert (member.run_id, member.status, member.anew) == (lost.run_id, "done", "failed")
        assert means(still, store, study_id) == [0.375, 0.375]
        assert submit.submit(still, plan("ssd"), shelves) == study_id  # as `sweep` with the same file does
        spec, attempt = store.claim(me)
        files = {"unlearned": put.put_arrays({"w": np.full(2, 10)})}
        number = Measurement("test_forget_accuracy", "unlearned", 0.75)
        store.finish(spec.id, attempt, RunStatus.DONE, outcome=Outcome((number,), artifacts=files))
        assert means(still, store, study_id) == [0.625, 0.375]
        assert progress.progress(store, study_id, put.files()).to_do == 0
        assert store.run(whole.run_id).attempt == 1


def test_one_more_seed_after_an_engine_change_leaves_the_old_numbers_until_the_new_are_there(still, plan, shelves, engine, finish):
    engine("one")
    study_id = submit.submit(still, plan("ssd"), shelves)
    finish()
    engine("two")
    assert look(still, study_id).anew == (
        "4 runs would be computed anew, because the engine has changed; the old numbers stay until then."
    )
    submit.extend(still, study_id, plan("ssd", seeds=(2,)), shelves)
    assert shown(still, study_id) == {(variant, seed): "one" for variant in (0, 1) for seed in (0, 1)}
    seen = look(still, study_id)
    assert (seen.total, seen.done, seen.active, seen.missing, seen.standing_in, seen.shown, seen.anew) == (6, 0, 6, 0, 4, 4, "")
    finish(lambda spec: spec.seed == 0)
    assert shown(still, study_id) == {(0, 0): "two", (1, 0): "two", (0, 1): "one", (1, 1): "one"}
    submit.cancel(still, study_id)
    seen = look(still, study_id)
    assert (seen.done, seen.stopped, seen.standing_in, seen.to_do) == (2, 4, 2, 4)
    submit.go_on(still, study_id, shelves)
    assert shown(still, study_id) == {(0, 0): "two", (1, 0): "two", (0, 1): "one", (1, 1): "one"}
    finish()
    assert set(shown(still, study_id).values()) == {"two"}
    assert (look(still, study_id).done, look(still, study_id).standing_in) == (6, 0)


def test_the_newest_of_several_old_runs_stands_in_and_one_of_this_engine_is_taken_as_it_is(still, plan, shelves, engine, finish):
    engine("one")
    study_id = submit.submit(still, plan("ssd", seeds=(0,), floor=False), shelves)
    finish()
    for version in ("two", "three"):  # two is never done
        engine(version)
        submit.go_on(still, study_id, shelves)
        assert shown(still, study_id) == {(0, 0): "one"}
    finish()
    engine("four")
    submit.go_on(still, study_id, shelves)
    assert shown(still, study_id) == {(0, 0): "three"}
    engine("one")  # somebody went back
    submit.go_on(still, study_id, shelves)
    assert (shown(still, study_id), look(still, study_id).done) == ({(0, 0): "one"}, 1)


def test_waiting_runs_of_an_older_engine_are_withdrawn_unless_another_study_waits_for_them(still, plan, shelves, engine):
    engine("one")
    study_id = submit.submit(still, plan("ssd", title="mine"), shelves)
    submit.submit(still, plan("ssd", seeds=(1,), title="theirs"), shelves)
    engine("two")
    submit.go_on(still, study_id, shelves)
    states_of = Counter((run.spec.engine, run.spec.seed, str(run.status)) for run in all_runs(still))
    assert states_of == {("one", 0, "cancelled"): 2, ("one", 1, "queued"): 2, ("two", 0, "queued"): 2, ("two", 1, "queued"): 2}


# Several studies, several askers.


def test_cancelling_both_studies_cancels_what_they_share_and_going_on_waits_again(still, plan, shelves):
    first = submit.submit(still, plan("ssd"), shelves)
    second = submit.submit(still, plan("ssd", seeds=(0,)), shelves)
    assert submit.cancel(still, first) == 2
    with ResultStore(still.database) as store:
        assert studies.existing(store, first).cancelled
        assert len(studies.awaited(store, first)) == 2
    assert submit.cancel(still, second) == 0
    assert states(still) == {"cancelled": 4}
    submit.go_on(still, first, shelves)
    with ResultStore(still.database) as store:
        assert not studies.existing(store, first).cancelled
    assert submit.cancel(still, second) == 2  # the first waits for them again
    assert states(still) == {"queued": 4}


def test_a_cancelled_study_can_go_while_another_waits_for_what_they_share(still, plan, shelves):
    first = submit.submit(still, plan("ssd"), shelves)
    second = submit.submit(still, plan("ssd", seeds=(0,)), shelves)
    submit.cancel(still, first)
    submit.delete(still, first)
    with pytest.raises(WrongInput, match="cancel it before"):
        submit.delete(still, second)
    assert states(still) == {"cancelled": 2, "queued": 2}


def at_once(*acts):
    """All of them, each in a thread of its own; what they return."""
    with ThreadPoolExecutor(len(acts)) as pool:
        return [future.result(60) for future in [pool.submit(act) for act in acts]]


def test_the_same_plan_submitted_twice_at_once_is_one_study(still, plan, shelves):
    for title in "abcde":
        asked = plan("ssd", title=title)
        assert len(set(at_once(*[lambda asked=asked: submit.submit(still, asked, shelves)] * 4))) == 1
    with ResultStore(still.database) as store:
        assert len(studies.studies(store)) == 5


def test_two_that_extend_a_study_at_once_both_get_their_seed(still, plan, shelves):
    study_id = submit.submit(still, plan("ssd"), shelves)
    more = [plan("ssd", seeds=(seed,)) for seed in range(2, 10)]
    at_once(*[lambda one=one: submit.extend(still, study_id, one, shelves) for one in more])
    with ResultStore(still.database) as store:
        grown = StudyPlan.from_json(studies.existing(store, study_id).plan)
    assert sorted(grown.seeds) == list(range(10))
    assert states(still) == {"queued": 20}


def test_what_was_decided_on_studies_that_changed_meanwhile_is_not_written(still, plan, shelves):
    submit.submit(still, plan("ssd"), shelves)
    with ResultStore(still.database) as store:
        (stored,) = studies.studies(store)
        assert not studies.save(store, stored, [], [])
        assert look(still, stored.id).active == 4
