"""What a duel is worth, by hand: which number is a trace, whose points it gives, the budget, ties, and what cannot be told."""

import pytest

from core.domain.duel import Duel, Rules
from core.domain.requests.registry import parse_request
from core.reports.checks.case import Case, ClassResult
from core.reports.gauges import AS_RETRAINED, MISSING, NO_REFERENCE, NOTHING, UNCLEAR, UNJUDGED, unjudged
from core.reports.teaching.duel import TOOLS, Kept, kept, outcome, tool_gauges, usable

RETRAINED = {"test_forget_accuracy": 0.0, "train_forget_accuracy": 0.0, "test_retain_accuracy": 0.94, "attack_auc": 0.5,
             "attack_entropy_members": 0.1, "probe_accuracy": 0.8, "graft_forget_accuracy": 0.05,
             "relearn_steps": 20.0, "anamnesis_index": 1.0}  # fmt: skip
ORIGINAL = {"test_forget_accuracy": 0.95, "test_retain_accuracy": 0.96, "attack_auc": 0.6, "relearn_steps": 0.0, "anamnesis_index": 0.0}
FITS = {"unlearned": 0.9, "reference": 0.9}  # retain accuracy under the original's last layer


def case(request="class:0", reference=RETRAINED, second=None, grafted=FITS, **ours):
    """Four classes of 100 test images; 400 images to forget. ours: what differs from a retrained network."""
    numbers = {"original": ORIGINAL, "unlearned": RETRAINED | {"parameter_distance": 0.3} | ours, "reference": reference}
    per_class = {model: [ClassResult(0.95, 100)] * 4 for model in numbers}
    return Case(numbers, per_class, parse_request(request), ("cat", "dog", "owl", "fox"), forget_count=400, grafted=grafted,
                second_reference=second)  # fmt: skip


def found(reasons=None, **about):
    return tool_gauges(case(**about), reasons or {})


def words(**about):
    return [gauge.word for gauge in found(**about).values()]


def ended(budget=0.95, found_=None, held=None, **calls):
    """The outcome of a duel in which the tools of `calls` were used and called a trace or not."""
    duel = Duel("k3f9", Rules(budget=budget), tools=tuple(calls), calls=calls)
    return outcome(duel, found_ or found(), held or kept(case(), budget))


# What is a trace.


def test_a_retrained_network_has_no_trace_for_any_tool():
    assert list(found()) == list(TOOLS)
    assert words() == [AS_RETRAINED] * 6
    assert usable(found()) == tuple(TOOLS)


@pytest.mark.parametrize(
    ("tool", "ours", "word"),
    [
        ("accuracy", {"test_forget_accuracy": 0.3}, "still predicted"),
        ("loss", {"attack_auc": 0.9}, "recognised"),
        ("loss", {"attack_auc": 0.1}, "below retrained"),  # too much gives away what was removed as well
        ("entropy", {"attack_entropy_members": 0.61}, "recognised"),
        ("probe", {"probe_accuracy": 0.96}, "more is left"),
        ("probe", {"probe_accuracy": 0.6}, "less is left"),
        ("graft", {"graft_forget_accuracy": 0.5}, "comes back"),
        ("relearning", {"relearn_steps": 5.0, "anamnesis_index": 0.25}, "comes back sooner"),
        ("relearning", {"relearn_steps": 90.0, "anamnesis_index": 4.5}, "harder to bring back"),
    ],
)
def test_a_trace_lies_beyond_the_band_on_either_side(tool, ours, word):
    now = found(**ours)
    assert (now[tool].word, now[tool].inside) == (word, False)
    assert [other for other, gauge in now.items() if not gauge.inside] == [tool]


def test_the_attack_by_entropy_allows_half_of_a_class_more_and_any_number_fewer():
    assert found(attack_entropy_members=0.6)["entropy"].band == pytest.approx((0.0, 0.6))
    second = {"unlearned": {"attack_entropy_members": 0.4}, "reference": RETRAINED}
    assert found(second=second)["entropy"].band == pytest.approx((0.0, 0.7))  # twice the gap of 0.3
    single = found(request="random:400", reference=RETRAINED | {"attack_entropy_members": 0.5}, attack_entropy_members=0.5)
    assert single["entropy"].band == pytest.approx((0.25, 0.65))


def test_the_probe_allows_15_points_and_twice_the_gap_of_two_retrained_networks():
    assert found()["probe"].band == pytest.approx((0.65, 0.95))
    second = {"unlearned": {"probe_accuracy": 0.9}, "reference": RETRAINED}
    assert found(second=second)["probe"].band == pytest.approx((0.6, 1.0))
    assert found(second=second)["probe"].values["second"] == 0.9


def test_the_graft_allows_a_quarter_more_than_comes_back_in_the_reference():
    assert found(graft_forget_accuracy=0.3)["graft"].band == pytest.approx((0.0, 0.3))
    assert found(graft_forget_accuracy=0.3)["graft"].inside
    stranger = found(grafted={"unlearned": 0.9, "reference": 0.1}, graft_forget_accuracy=0.3)["graft"]
    assert stranger.band == pytest.approx((0.0, 0.25))  # its own predictions there are chance, and count as nothing
    assert (stranger.word, stranger.values["reference"]) == ("comes back", None)
    unfit = found(grafted={"unlearned": 0.2, "reference": 0.9}, graft_forget_accuracy=0.3)["graft"]
    assert (unfit.word, unfit.band, unfit.inside) == (UNCLEAR, None, None)


def test_tools_that_give_no_number_cannot_be_used_and_say_why():
    reasons = {"unlearned/probe_accuracy": "Too few images."}
    now = found(reasons, probe_accuracy=None)
    assert (now["probe"].word, now["probe"].why) == (MISSING, "Too few images.")
    assert usable(found(reference={})) == ()
    assert set(words(reference={})) == {NO_REFERENCE}
    images = found(request="random:400", probe_accuracy=None, graft_forget_accuracy=None)
    assert usable(images) == ("accuracy", "loss", "entropy", "relearning")
    begun = found(reference=RETRAINED | {"relearn_steps": 0.0, "anamnesis_index": None}, anamnesis_index=None)["relearning"]
    assert (begun.word, begun.inside) == (NOTHING, None)


def test_what_the_attacker_reads_has_neither_band_nor_word():
    gauge = unjudged(found(attack_auc=0.9)["loss"])
    assert (gauge.band, gauge.word, gauge.inside) == (None, UNJUDGED, None)
    assert gauge.values == found(attack_auc=0.9)["loss"].values


# The budget.


def test_the_budget_is_a_share_of_what_the_original_had():
    held = Kept(0.95, now=0.90, before=0.96, retrained=0.94)
    assert (held.wanted, held.met) == (pytest.approx(0.912), False)
    assert held.sentence == "Retain accuracy is 90 %, at least 91.2 % was wanted (95 % of the original’s 96 %)."
    assert Kept(0.95, 0.912, 0.96, 0.94).met


def test_nobody_is_asked_for_more_than_the_retrained_network_keeps():
    held = Kept(1.0, now=0.94, before=0.96, retrained=0.94)
    assert (held.wanted, held.met) == (0.94, True)
    assert "at least 94 % was wanted (as much as the retrained network keeps; 100 % of the original’s 96 % would be more)" in held.sentence
    assert Kept(1.0, 0.93, 0.96, 0.94).met is False
    assert Kept(0.95, 0.90, 0.96, None).met is False  # without a reference, the budget as it is


@pytest.mark.parametrize("held", [Kept(0.95, None, 0.96, 0.94), Kept(0.95, 0.9, None, 0.94)])
def test_a_budget_that_was_not_measured_is_no_loss(held):
    assert held.met is None
    assert "cannot be told" in held.sentence
    assert ended(held=held, loss=False).winner == "forgetter"


# Points.


@pytest.mark.parametrize(
    ("trace", "called", "forgetter", "attacker", "word"),
    [
        (True, True, 0, 2, "trace proven"),
        (False, True, 2, 0, "false alarm"),
        (False, False, 1, 0, "no trace"),
        (True, False, 1, 0, "trace missed"),
        (None, True, 0, 0, "cannot be told"),
        (None, False, 0, 0, "cannot be told"),
    ],
)
def test_points_of_one_tool(trace, called, forgetter, attacker, word):
    now = found(attack_auc=0.9 if trace else 0.5, reference=RETRAINED | ({} if trace is not None else {"attack_auc": None}))
    result = ended(found_=now, loss=called)
    assert result.points == {"forgetter": forgetter, "attacker": attacker}
    assert [(one.trace, one.word) for one in result.judged] == [(trace, word)]


def test_one_proven_trace_wins_against_a_tool_that_proves_nothing():
    result = ended(found_=found(attack_auc=0.9), loss=True, probe=False)
    assert (result.winner, result.result) == ("attacker", "The Attacker wins 2 to 1")
    assert result.why == "Membership attack: beyond what retraining and chance explain."


def test_a_false_alarm_makes_up_for_a_proven_trace():
    result = ended(found_=found(attack_auc=0.9), loss=True, probe=True)
    assert (result.winner, result.result) == ("", "A draw, 2 to 2")
    assert result.why == (
        "Membership attack: beyond what retraining and chance explain; linear probe: a false alarm, for retrained networks differ as much."
    )


def test_the_forgetter_wins_by_a_clean_network_and_by_a_missed_trace():
    clean = ended(loss=False, probe=False)
    assert (clean.winner, clean.result) == ("forgetter", "The Forgetter wins 2 to 0")
    assert clean.why == "No tool tells this network from a retrained one, and none was called a trace."
    missed = ended(found_=found(attack_auc=0.9), loss=False, probe=True)
    assert (missed.result, missed.why) == (
        "The Forgetter wins 3 to 0",
        "Linear probe: a false alarm, for retrained networks differ as much; membership attack: a trace that was missed.",
    )


def test_over_the_budget_the_attacker_wins_whatever_the_points():
    result = ended(held=Kept(0.95, 0.5, 0.96, 0.94), loss=False, probe=False)
    assert (result.winner, result.result, result.points["forgetter"]) == ("attacker", "The Attacker wins", 2)
    assert result.why.startswith("More than the budget was lost, so that points do not count. Retain accuracy is 50 %, at least 91.2 % ")


def test_where_nothing_can_be_told_it_is_a_draw():
    for result in (ended(found_=found(reference={}), loss=True), ended()):
        assert (result.winner, result.result) == ("", "A draw, 0 to 0")
        assert result.why == "None of the tools gives a number that can be held against a retrained network."


def test_it_is_said_what_the_band_rests_on():
    assert ended(loss=False).floor.endswith("the tolerance of the checks, for no second retrained network is stored.")
    second = {"unlearned": RETRAINED, "reference": RETRAINED}
    measured = ended(found_=found(second=second), loss=False).floor
    assert measured.endswith("steps are compared by their ratio.")
