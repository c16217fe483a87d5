"""An equal spec that two people ask for is one run: both wait, either may give up, and neither loses what the other has."""

from contextlib import nullcontext
from dataclasses import replace
from io import BytesIO
from zipfile import ZipFile

import pytest

from core.domain.evaluation import Evaluation
from core.domain.requests.classes import ClassRequest
from core.domain.requests.registry import parse_request
from core.domain.run import RunSpec, RunStatus
from core.domain.study import StudyPlan, Variant
from core.export import examples
from core.export.bundle.bring import bring
from core.export.downloads import bundle_of
from core.jobs import submit, tuning
from core.jobs.studies import submit as study_jobs
from core.storage import run_list, studies, trash
from core.storage.access import actors
from core.storage.access.actors import ADMIN, MEMBER, READER, Actor, Forbidden
from core.storage.home import open_home
from core.storage.processes import ProcessId
from core.storage.queues import run_queue
from core.storage.run_list import Wanted
from core.storage.runs import ResultStore
from tests.core.tuning.searched import plan as search_plan
from tests.forbidden import ADA, BEN, CLEO, PLAN, ZOE, make_things

SPEC = RunSpec("digits", "small_cnn", parse_request("class:3"), "ssd", {}, 7)
ada, ben, cleo, zoe = Actor(ADA, ADMIN), Actor(BEN, MEMBER), Actor(CLEO, READER), Actor(ZOE, MEMBER)


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setattr(submit, "ensure_supervisor", lambda *_: None)
    return open_home(tmp_path / "home")


def ask(home, who, spec=SPEC, **about):
    with actors.acting_as(who), ResultStore(home.database) as store:
        return store.add(spec, **about)


def give_up(home, who, run_id=SPEC.id):
    with actors.acting_as(who), ResultStore(home.database) as store:
        return store.request_cancel(run_id)


def run(home, run_id=SPEC.id):
    with ResultStore(home.database) as store:
        return store.existing(run_id)


def ended(home, status, spec=SPEC):
    with ResultStore(home.database) as store:
        _, attempt = store.claim(ProcessId.of_this_process())
        store.finish(spec.id, attempt, status)


def test_it_is_of_who_asked_first_and_both_wait_for_it(home):
    assert ask(home, zoe, limit=60.0) == ask(home, ben, limit=5.0) == ask(home, ben)
    found = run(home)
    assert (found.owner, found.askers, found.limit_seconds) == (ZOE, (ZOE, BEN), 60.0)  # the second does not shorten the first one's
    with ResultStore(home.database) as store:
        for owner, count in ((ZOE, 1), (BEN, 1), (CLEO, 0)):
            assert run_list.count(store, Wanted(of=owner)) == count


@pytest.mark.parametrize(("first", "second"), [(zoe, ben), (ben, zoe)])
def test_it_goes_on_until_both_have_given_it_up(home, first, second):
    ask(home, zoe)
    ask(home, ben)
    assert give_up(home, first) is True
    assert run(home).status == RunStatus.QUEUED
    with pytest.raises(Forbidden) if first == ben else nullcontext():
        give_up(home, first)  # who owns it has given up already, and may ask again what became of it
    assert give_up(home, second) is False
    assert run(home).status == RunStatus.CANCELLED


def test_an_admin_ends_it_for_all_and_a_stranger_for_nobody(home):
    ask(home, zoe)
    ask(home, ben)
    with pytest.raises(Forbidden, match="only its owner or an admin"):
        give_up(home, Actor("dan@lab.example", MEMBER))
    with pytest.raises(Forbidden, match="As a reader"):
        give_up(home, cleo)
    assert give_up(home, ada) is False
    assert run(home).status == RunStatus.CANCELLED


def test_a_study_of_another_keeps_it_going(home):
    ask(home, zoe)
    with actors.acting_as(ben), ResultStore(home.database) as store:
        studies.save(store, studies.StoredStudy("s1", "ben's", PLAN, run(home).created_at), [(0, SPEC)], [])
    assert give_up(home, zoe) is True
    with actors.acting_as(ben), ResultStore(home.database) as store:
        assert studies.existing(store, "s1").owner == BEN
        studies.cancel(store, "s1")  # nobody else waits for the run any more, whosever it is
    assert run(home).status == RunStatus.CANCELLED


def test_what_stopped_is_asked_for_again_by_anybody_and_stays_its_owners(home):
    ask(home, zoe, limit=60.0)
    ended(home, RunStatus.FAILED)
    ask(home, ben, limit=5.0)
    found = run(home)
    assert (found.status, found.owner, found.askers, found.limit_seconds, found.attempt) == (RunStatus.QUEUED, ZOE, (BEN,), 5.0, 2)
    assert give_up(home, ben) is False  # nobody else waits for it
    with actors.acting_as(ben), ResultStore(home.database) as store, pytest.raises(Forbidden):
        store.delete(SPEC.id)


def test_a_finished_one_is_found_and_not_computed_again(home):
    ask(home, zoe)
    ended(home, RunStatus.DONE)
    ask(home, ben)
    assert (run(home).status, run(home).askers) == (RunStatus.DONE, (ZOE, BEN))
    with pytest.raises(Forbidden, match=f"finished and {ZOE}'s"):
        ask(home, ben, anew=True)
    ask(home, ben, lost=True)  # a file of it is gone: whoever needs it may have it made again
    assert run(home).status == RunStatus.QUEUED


def test_who_asks_for_less_evaluation_takes_nothing_from_who_waits(home):
    full, less = Evaluation(whole=True), Evaluation(without=("cka",))
    ask(home, zoe, evaluation=less)
    ask(home, ben, evaluation=full)
    with ResultStore(home.database) as store:
        assert store.evaluation(SPEC.id) == full
    ask(home, ben, evaluation=less)
    with ResultStore(home.database) as store:
        assert store.evaluation(SPEC.id) == full


def test_a_second_reference_is_shared_too(home):
    ask(home, zoe)
    other = replace(SPEC, seed=8)
    ask(home, zoe, other, along_with=SPEC.id)
    ask(home, ben, other, along_with=SPEC.id)
    assert run(home, other.id).owner == ZOE
    with actors.acting_as(ben), ResultStore(home.database) as store, pytest.raises(Forbidden):
        run_queue.cancel_companions(store.db, SPEC.id)
    assert give_up(home, zoe) is False
    assert run(home, other.id).status == RunStatus.CANCELLED


def test_a_deleted_run_keeps_its_owner(home):
    things = make_things(home, ZOE, 1)
    with actors.acting_as(zoe):
        submit.delete(home, things.done)
        with ResultStore(home.database) as store:
            assert {one.id: one.owner for one in trash.deleted(store.db)}[things.done] == ZOE
        submit.put_back(home, things.done)
    assert run(home, things.done).owner == ZOE


def test_what_an_admin_deletes_only_an_admin_puts_back(home):
    things = make_things(home, ZOE, 1)
    with actors.acting_as(ada):
        submit.delete(home, things.done)
    with actors.acting_as(zoe), pytest.raises(Forbidden):
        submit.put_back(home, things.done)
    with actors.acting_as(ada):
        submit.put_back(home, things.done)
    assert run(home, things.done).owner == ZOE


def test_the_command_line_asks_as_nobody_and_may_everything(home):
    things = make_things(home, ZOE, 1)
    with ResultStore(home.database) as store:
        store.add(SPEC)
        assert (store.existing(SPEC.id).owner, store.existing(SPEC.id).askers) == ("", ())
        store.request_cancel(things.queued)
    assert run(home, things.queued).status == RunStatus.CANCELLED


def test_what_comes_in_a_bundle_is_its_importers_and_the_examples_are_nobodys(home):
    with actors.acting_as(cleo):
        assert examples.ensure(home)  # part of a new home, also where a reader is the first to look
    with ResultStore(home.database) as store:
        assert {one.owner for one in store.runs()} == {""}
        for one in store.runs():
            store.delete(one.id)
    with actors.acting_as(ben):
        brought = bring(home, examples.FOLDER / "digits.zip", ours=True)
    with ResultStore(home.database) as store:
        assert {store.existing(one.id).owner for one in brought.runs} == {BEN}
    with actors.acting_as(zoe):
        bring(home, examples.FOLDER / "digits.zip", ours=True)  # they are here already
    assert {run(home, one.id).owner for one in brought.runs} == {BEN}
    with ZipFile(BytesIO(bundle_of(home, brought.first, weights=False))) as bundle:  # which says of nobody whose it was
        assert not [name for name in bundle.namelist() if BEN.encode() in bundle.read(name) or b"owner" in bundle.read(name)]


def test_an_equal_study_of_another_is_a_study_of_ones_own(home, monkeypatch):
    plan = StudyPlan("digits", "small_cnn", ClassRequest((3,)), (Variant("ssd"),), (0,))
    monkeypatch.setattr(study_jobs, "cells", lambda *_: [(0, SPEC)])
    monkeypatch.setattr(study_jobs, "merged", lambda old, *_: old)
    monkeypatch.setattr(study_jobs.runner, "ensure_supervisor", lambda *_: None)
    ids = []
    for who in (zoe, ben, zoe, ben):
        with actors.acting_as(who):
            ids.append(study_jobs.submit(home, plan, None))
    assert ids[0] != ids[1]
    assert ids[:2] == ids[2:]
    with ResultStore(home.database) as store:
        assert {one.id: one.owner for one in studies.studies(store)} == {ids[0]: ZOE, ids[1]: BEN}
        assert len(store.runs()) == 1


def test_a_search_that_another_stopped_is_looked_at_and_not_gone_on_with(home, monkeypatch):
    monkeypatch.setattr("core.jobs.background.ensure_supervisor", lambda *_: None)
    monkeypatch.setattr("core.jobs.submit.ensure_supervisor", lambda *_: None)
    with actors.acting_as(zoe):
        search_id = tuning.start(home, search_plan())
    with actors.acting_as(ben):
        assert tuning.start(home, search_plan()) == search_id  # it is on its way: asking for it again changes nothing
    with actors.acting_as(zoe):
        tuning.stop(home, search_id)
    with actors.acting_as(ben):
        with pytest.raises(Forbidden, match=f"is {ZOE}'s"):
            tuning.start(home, search_plan())
        with pytest.raises(Forbidden, match=f"is {ZOE}'s"):
            tuning.start(home, search_plan(trials=99))  # a larger budget
        assert tuning.standing(home, search_id).search.plan.budget == search_plan().budget
    with actors.acting_as(zoe):
        tuning.go_on(home, search_id)
