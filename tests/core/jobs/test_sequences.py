"""A sequence of requests as a job: planned, stopped, gone on with after its process was killed."""

from dataclasses import replace

import psutil
import pytest

from core.domain.errors import WrongInput
from core.domain.requests.registry import parse_request
from core.jobs import long_jobs
from core.jobs.catalogue import Catalogue
from core.jobs.sequences import submit
from core.jobs.sequences.plan import make_plan
from core.jobs.validation import make_spec
from core.jobs.write_catalogue import describe
from core.sequences import journal
from core.storage.runs import ResultStore
from tests.core.jobs.place import STUB, until
from tests.core.sequences.planted import step, stored

SHELVES = Catalogue.from_json(describe().to_json())
DIGITS = SHELVES.datasets["digits"]


def planned(*requests, method="ssd", settings=None, dataset="digits", **about):
    asked = {"seeds": (0,)} | about | ({"requests": requests} if requests else {})
    return make_plan(SHELVES, dataset, "small_cnn", method, settings or {}, **asked)


# What is asked.


def test_every_request_has_its_preset_on_what_is_left_of_the_data_or_the_settings_that_were_given():
    """The preset of SSD's alpha for classes is 0.43 of n/k."""
    plan, counts = planned("class:1", "classes:3,5", "class:7"), DIGITS.train_counts
    first, left, last = DIGITS.train_count, DIGITS.train_count - counts[1], DIGITS.train_count - counts[1] - counts[3] - counts[5]
    assert [spec.params["alpha"] for spec in plan.specs] == [
        round(0.43 * first / counts[1], 2), round(0.43 * left / (counts[3] + counts[5]), 2), round(0.43 * last / counts[7], 2),
    ]  # fmt: skip
    assert plan.specs[0] == make_spec(SHELVES, "digits", "small_cnn", parse_request("class:1"), "ssd", {})
    assert plan.whole == make_spec(SHELVES, "digits", "small_cnn", parse_request("classes:1,3,5,7"), "ssd", {})
    assert {spec.params["alpha"] for spec in planned("class:1", "classes:3,5", settings={"alpha": 3.0}).specs} == {3.0}
    assert {spec.params["settings"] for spec in planned("class:1", "class:3", settings={"settings": "auto"}).specs} == {"auto"}


def test_where_no_preset_was_tuned_each_request_searches():
    faces = make_plan(SHELVES, "faces", "resnet18", "ssd", {}, count=2, of="random:1%")
    assert {spec.params["settings"] for spec in faces.specs} == {"auto"}
    given = make_plan(SHELVES, "digits", "resnet18", "ssd", {"alpha": 7.0}, requests=["class:1", "class:2"])
    assert {(spec.params["settings"], spec.params["alpha"]) for spec in given.specs} == {("given", 7.0)}, "and what is given stays given"


def test_a_number_of_requests_is_refused_before_there_are_so_many():
    with pytest.raises(WrongInput, match="2 to 50 requests; got 1000000000"):
        make_plan(SHELVES, "digits", "small_cnn", "ssd", {}, count=10**9, of="random:1%")


@pytest.mark.parametrize("about, whole", [
    ({"count": 10, "of": "random:1%"}, "random:140"), ({"count": 3, "of": "random:20@7"}, "random:60@7"),
    ({"requests": ["class:1", "classes:5,3"]}, "classes:1,3,5"), ({"requests": ["samples:5,6", "samples:1"]}, "samples:1,5,6"),
    ({"requests": ["class:1", "samples:1"]}, None), ({"requests": ["random:5@1", "random:5@2"]}, None),
])  # fmt: skip
def test_the_same_total_in_one_request_is_planned_where_one_request_can_name_it(about, whole):
    plan = planned(**about)
    assert (plan.whole and plan.whole.request.text) == whole
    assert plan.parts == ("of" in about)
    assert plan.own_draws == (about.get("of") == "random:1%")


def test_a_method_that_serves_one_class_alone_has_no_request_for_all_of_them():
    ssd = SHELVES.methods["ssd"]
    one = replace(SHELVES, methods={**SHELVES.methods, "ssd": replace(ssd, kinds=tuple(kind for kind in ssd.kinds if kind != "classes"))})
    assert make_plan(one, "digits", "small_cnn", "ssd", {}, requests=["class:1", "class:2"]).whole is None


@pytest.mark.parametrize("about, said", [
    ({}, "said once"), ({"requests": ["class:1"], "count": 2, "of": "random:5"}, "said once"),
    ({"requests": ["class:1"]}, "2 to 50 requests"), ({"count": 1, "of": "random:5"}, "2 to 50 requests"),
    ({"count": 51, "of": "random:5"}, "2 to 50 requests"), ({"count": 2, "of": "random:5", "seeds": ()}, "1 to 10 seeds"),
    ({"count": 5, "of": "class:1"}, "parts of a draw"), ({"count": 20, "of": "random:5%"}, "name 1440 images in all"),
    ({"requests": ["classes:0,1,2,3,4", "classes:5,6,7,8,9"]}, "name fewer"), ({"requests": ["class:1", "class:1"]}, "Requests 1 and 2"),
    ({"requests": ["class:1", "classes:1,2"]}, "Requests 1 and 2"), ({"requests": ["class:1", "class:12"]}, "no class 12"),
    ({"requests": ["class:1", "shape:2"]}, "must be written"), ({"requests": ["mislabelled:9@1", "mislabelled:9@2"]}, "changes labels"),
    ({"count": 2, "of": "random:5", "settings": {"speed": 3}}, "speed"), ({"count": 2, "of": "random:5", "method": "unsir"}, "not random"),
    ({"count": 2, "of": "random:5", "method": "magic"}, "no method"), ({"count": 2, "of": "random:5", "dataset": "sea"}, "no dataset"),
])  # fmt: skip
def test_what_is_no_sequence_is_refused_in_one_sentence(about, said):
    with pytest.raises(WrongInput, match=said):
        planned(**about)


# The job.


def test_a_sequence_of_other_code_does_not_go_on(home):
    plan = planned("class:1", "class:2")
    old = replace(plan, specs=tuple(replace(spec, engine="0" * 12) for spec in plan.specs))
    journal.begin(home, old)
    with pytest.raises(WrongInput, match=r"Sequence \w+ was begun by another version"):
        submit.go_on(home, old.id)


def test_one_that_is_complete_is_asked_for_nothing(home, monkeypatch):
    begun = []
    monkeypatch.setattr(submit, "start_job", lambda *asked: begun.append(asked[1:4]))
    plan = planned("class:1", "class:2")
    assert submit.start(home, plan) == plan.id
    stored(home, plan, [step(0, n) for n in (1, 2, 0)])
    submit.go_on(home, plan.id)
    assert begun == [(plan.id, "sequence", {"sequence": plan.id})]
    now = submit.standing(home, plan.id)
    assert (now.state, now.text, now.share) == (long_jobs.COMPLETE, "3 of 3 steps, complete", 1.0)


def test_sequences_are_listed_with_those_that_are_damaged_and_removed_one_by_one(home):
    found = stored(home, planned("class:1", "class:2"), [step(0, 1)])
    with ResultStore(home.database) as store:
        store.keep(journal.network_key(found.id, 0, 1), journal.KIND, "0" * 64 + ".safetensors", 0.0)
    journal.file_of(home, "0" * 12).write_text("{}\n")
    listed, damaged = submit.standings(home)
    assert [(one.sequence.id, one.state) for one in listed] == [(found.id, long_jobs.STOPPED)]
    assert len(damaged) == 1
    submit.remove(home, found.id)
    submit.remove(home, "0" * 12)
    assert submit.standings(home) == ([], [])
    with ResultStore(home.database) as store:
        assert store.db.read("select 1 from kept") == []


def test_a_sequence_whose_process_is_killed_and_one_that_is_stopped_go_on_with_what_they_have(place):
    plan = planned(count=50, of="random:5", seeds=tuple(range(8)))
    submit.start(place.home, plan, STUB)

    def made():
        return len(journal.read(place.home, plan.id).steps)

    def process(count):
        until(lambda: made() >= count, 90)
        with ResultStore(place.home.database) as store:
            pid = store.db.read("select worker_pid from jobs where id = ?", (plan.id,))[0]["worker_pid"]
        return psutil.Process(pid)

    process(2).kill()
    before = made()
    process(before + 2)  # computed once more by itself
    submit.stop(place.home, plan.id)
    until(lambda: submit.standing(place.home, plan.id).state == long_jobs.STOPPED, 10)
    found = journal.read(place.home, plan.id)
    assert before < len(found.steps) < found.total
    assert found.steps[:50] == tuple(one for one in found.steps if one.seed == 0)[:50]
    submit.go_on(place.home, plan.id, STUB)
    until(lambda: made() > len(found.steps), 60)
    assert journal.read(place.home, plan.id).steps[: len(found.steps)] == found.steps
    submit.remove(place.home, plan.id)
