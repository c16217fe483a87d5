"""A sequence's file and plan: read as they were written, in the order in which steps are made."""

from dataclasses import replace

import pytest

from core.data.registry import load_dataset
from core.domain.errors import WrongInput
from core.domain.requests.registry import parse_request
from core.sequences import journal
from core.sequences.journal import DIVERGED, WHOLE
from core.sequences.plan import SequencePlan, parts_of, request_of
from tests.core.sequences.planted import classes, parts, spec, step, stored


@pytest.fixture(scope="module")
def digits():
    return load_dataset("digits").info


def test_what_is_written_is_read_and_the_next_step_is_told(home):
    plan = parts(2, seeds=(4, 7))
    journal.begin(home, plan)
    order = [(4, 1), (4, 2), (4, WHOLE), (7, 1), (7, 2), (7, WHOLE)]
    for number, place in enumerate(order):
        found = journal.read(home, plan.id)
        assert (found.plan, found.next, found.complete, found.share) == (plan, place, False, number / 6)
        journal.add_step(home, plan.id, step(*place))
    found = journal.read(home, plan.id)
    assert (found.steps, found.next, found.share) == (tuple(step(*place) for place in order), None, 1.0)


def test_after_a_divergence_no_request_of_that_seed_follows(home):
    found = stored(home, parts(3, seeds=(0, 1)), [step(0, 1), step(0, 2, state=DIVERGED)])
    assert found.next == (0, WHOLE)
    alone = stored(home, replace(parts(3, seeds=(0, 1)), whole=None), [step(0, 1), step(0, 2, state=DIVERGED)])
    assert alone.next == (1, 1)


@pytest.mark.parametrize("damage", [
    lambda lines: [lines[0], lines[1], lines[3]], lambda lines: [lines[0], lines[1], b"\xff{]\n", lines[3]],
    lambda lines: [lines[0], lines[1], lines[2].replace(b'"done"', b'"great"'), lines[3]],
    lambda lines: [lines[0], lines[1], lines[2].replace(b'0.75', b'"much"'), lines[3]],
    lambda lines: [lines[0], lines[1], lines[2].replace(b'"before"', b'"behind"'), lines[3]],
    lambda lines: [lines[0], lines[1], lines[1], lines[2][:-30]],
])  # fmt: skip
def test_a_damaged_step_and_those_behind_it_are_made_anew(home, damage):
    found = stored(home, parts(3), [step(0, n) for n in (1, 2, 3)])
    path = journal.file_of(home, found.id)
    path.write_bytes(b"".join(damage(path.read_bytes().splitlines(keepends=True))))
    assert journal.read(home, found.id).next == (0, 2)
    for n in (2, 3):
        journal.add_step(home, found.id, step(0, n))
    assert len(journal.read(home, found.id).steps) == 3


def test_one_that_is_not_there_or_damaged_is_told_in_a_sentence(home):
    for name in ("", "../../etc", "0" * 12):
        with pytest.raises(WrongInput, match=r"There is no sequence .*sequence list"):
            journal.read(home, name)
    found = stored(home, parts(), [])
    for content in (b"", b"{}\n", b'{"sequence": {"specs": []}}\n', b"[" * 9999 + b"\n"):
        journal.file_of(home, found.id).write_bytes(content)
        with pytest.raises(WrongInput, match=r"The sequence in .* is damaged"):
            journal.read(home, found.id)


def test_all_that_decides_a_step_is_in_the_id_and_a_plan_is_read_as_it_was_written():
    plans = [
        parts(), parts(4), parts(size=15.0), parts(seeds=(1,)), parts(own_draws=False), parts(retrain=False), classes(1, 2), classes(2, 1),
        replace(classes(1, 2), whole=spec(parse_request("classes:1,2"))),
    ]  # fmt: skip
    assert len({plan.id for plan in plans}) == len(plans)
    assert [SequencePlan.from_plain(plan.to_plain()) for plan in plans] == plans


def test_a_plan_says_what_it_is():
    assert parts().title == "ssd on digits, small_cnn: 3 requests of random:14, seed 0"
    assert classes(1, 2, seeds=(0, 1, 2)).title == "ssd on digits, small_cnn: class:1, class:2, seeds 0-2"
    assert classes(*range(8)).requests_text == "class:0, class:1, class:2, class:3, class:4, class:5 and 2 more"
    assert parts(seeds=(0, 1)).covers(2) == "over 2 seeds, each with its own draw"
    assert parts(seeds=(0, 1), own_draws=False).covers(2) == "over 2 seeds, one draw"
    assert parts(seeds=(0, 1)).covers(1) == "over 1 seed of 2"
    assert parts(seeds=(3,)).of_seed(parts().spec, 3).request.text == "random:14@3"
    assert classes(1, 2).of_seed(classes(1, 2).spec, 3) == replace(classes(1, 2).spec, seed=3)


@pytest.mark.parametrize("plan, said", [
    (lambda: parts(1), "2 to 50 requests; got 1"), (lambda: parts(51), "2 to 50 requests; got 51"),
    (lambda: parts(seeds=()), "1 to 10 seeds"), (lambda: parts(seeds=tuple(range(11))), "1 to 10 seeds"),
    (lambda: parts(seeds=(1, 1)), "1 to 10 seeds"), (lambda: classes(1, 2, 1), "Requests 1 and 3 of the sequence share"),
    (lambda: SequencePlan((spec(parse_request("classes:1,2")), spec(parse_request("class:2")))), "Requests 1 and 2"),
    (lambda: SequencePlan((spec(parse_request("samples:1,2")), spec(parse_request("samples:5,2")))), "Requests 1 and 2"),
    (lambda: SequencePlan((spec(parse_request("random:5")), spec(parse_request("random:5")))), "must not overlap"),
    (lambda: SequencePlan((spec(parse_request("mislabelled:5")),) * 2, parts=True), "changes labels"),
    (lambda: SequencePlan((spec(parse_request("class:1")), spec(parse_request("class:2"), "unsir"))), "by one method"),
    (lambda: SequencePlan((spec(parse_request("class:1")),) * 2, parts=True), "same random request"),
    (lambda: SequencePlan((spec(parse_request("random:5")), spec(parse_request("random:6"))), parts=True), "same random request"),
    (lambda: SequencePlan(tuple(replace(one, weights="0" * 64) for one in classes(1, 2).specs)), "no weights of your own"),
])  # fmt: skip
def test_what_is_no_sequence_is_refused_in_one_sentence(plan, said):
    with pytest.raises(WrongInput, match=said):
        plan().check()


def test_shares_are_written_in_percent_too_and_a_draw_says_whether_it_is_each_seed_s_own(digits):
    assert request_of("random:1%", digits).text == "random:0.01"
    assert request_of("random:2.5%@7").text == "random:0.025@7"
    assert request_of("class:3", digits).text == "class:3"
    assert [own for _, own in (parts_of("random:1%", digits), parts_of("random:20@0", digits))] == [True, False]
    for text in ("random:0%", "random:100%", "random:x%", "random:%", "class:1", "mislabelled:0.1", "random:0.00001", ""):
        with pytest.raises(WrongInput):
            parts_of(text, digits)


def test_what_was_removed_is_not_begun_by_a_step_that_ends_later(home):
    found = stored(home, parts(), [step(0, 1)])
    journal.files(home).remove(found.id)
    with pytest.raises(WrongInput, match="There is no sequence"):
        journal.add_step(home, found.id, step(0, 2))
    assert not journal.file_of(home, found.id).exists()
