"""The Duel page without a browser: each seat sees what it may see, real runs are asked for, and nothing is lost where two act at once."""

from dataclasses import replace

import pytest
from streamlit.testing.v1 import AppTest

from core.domain.duel import Duel, Rules
from core.domain.errors import WrongInput
from core.domain.run import RunStatus
from core.jobs import submit
from core.storage.audience import duels
from core.storage.home import Home
from core.storage.runs import ResultStore
from tests.dashboard.conftest import html_text, put, queued, sound

VIEW = "views/duel.py"
HIDDEN = ("ssd", "selective synaptic", "dampening", "alpha", "forgotten, with", "as retrained", "⚠", "✓")


def plant(home: Home, *moves, rules: Rules | None = None) -> Duel:
    """A duel that has been played so far. moves: each takes a standing to the next."""
    with ResultStore(home.database) as store:
        begun = now = duels.begin(store, rules or Rules(seed=7))
        for move in moves:
            now = duels.change(store, now, move(now))
        return replace(now, code=begun.code)


def stored(home: Home, code: str) -> Duel:
    with ResultStore(home.database) as store:
        return duels.existing(store, code)


def text(at: AppTest) -> str:
    """All that the page says, without the sidebar."""
    parts = (at.main.markdown, at.main.caption, at.main.info, at.main.error, at.main.button, at.main.checkbox, at.main.subheader)
    shown = [str(getattr(one, "value", "")) + str(getattr(one, "label", "")) for part in parts for one in part]
    return "\n".join([html_text(at), *shown, *(chart.proto.spec + chart.proto.alt for chart in at.get("plotly_chart"))]).lower()


def tried(run_id: str):
    return lambda duel: duel.asked(run_id)


def handed(run_id: str):
    return lambda duel: duel.asked(run_id).handed_over(run_id)


def chose(*tools: str):
    return lambda duel: duel.chose(tools, 6)


def called(**calls: bool):
    return lambda duel: duel.called(calls)


# Beginning and joining.


def test_a_duel_begins_on_one_screen_behind_a_cover(open_app, bare):
    at = open_app(bare.root, VIEW)
    at.slider(key="duel-budget").set_value(90)
    at.number_input(key="duel-tries").set_value(2)
    at.button(key="duel-begin").click()
    at = sound(at.run())
    assert "Forgetter, your turn" in html_text(at)
    assert "duel-run" not in [button.key for button in at.button]
    duel = stored(bare, at.query_params["duel"])
    assert duel.rules == Rules("digits", "small_cnn", 0.9, 2, 2, duel.rules.seed)
    at.button(key="duel-here").click()
    at = sound(at.run())
    assert "keep at least 90 % of its accuracy" in html_text(at)
    assert "2 of 2 tries left" in html_text(at)
    assert "retrain" not in at.selectbox(key="method").options


def test_who_has_the_code_joins_from_the_other_seat_and_waits(open_app, bare):
    duel = plant(bare)
    at = open_app(bare.root, VIEW)
    at.text_input(key="duel-code").set_value(duel.code.upper())
    at.button(key="duel-join").click()
    at = sound(at.run())
    assert (at.query_params["duel"], at.query_params["seat"]) == (duel.code, "attacker")
    assert "Wait for the Forgetter" in html_text(at)
    assert not at.main.selectbox
    assert at.code[0].value.endswith(f"?duel={duel.code}&seat=forgetter")  # who began as the Attacker hands this on
    at.button(key="duel-leave").click()
    assert "Two seats, one network" in html_text(sound(at.run()))
    assert "duel" not in at.query_params


@pytest.mark.parametrize(
    ("code", "sentence"), [("zz", "4 letters and digits"), ("1e999", "4 letters and digits"), ("zzzz", "There is no duel zzzz")]
)
def test_a_wrong_code_is_one_sentence_above_the_start(open_app, bare, code, sentence):
    at = open_app(bare.root, VIEW, duel=code, seat="queen")
    assert [sentence in error.value for error in at.error] == [True]
    assert "Two seats, one network" in html_text(at)


def test_a_wrong_seat_is_one_sentence_and_the_duel_is_shown(open_app, bare):
    at = open_app(bare.root, VIEW, duel=plant(bare).code, seat="queen")
    assert ["The seats of a duel" in error.value for error in at.error] == [True]
    assert "Forgetter, your turn" in html_text(at)


# The Forgetter.


def test_a_try_is_a_real_run_with_a_second_reference_behind_it(open_app, bare):
    duel = plant(bare)
    at = open_app(bare.root, VIEW, duel=duel.code, seat="forgetter")
    at.selectbox(key="method").set_value("finetune")
    at = sound(at.run())
    at.button(key="duel-run").click()
    at = sound(at.run())
    asked = queued(bare)
    assert sorted((spec.method, spec.seed, spec.request.classes) for spec in asked) == [("finetune", 7, (3,)), ("retrain", 7, (3,))]
    assert stored(bare, duel.code).runs == (next(spec.id for spec in asked if spec.method == "finetune"),)
    assert "2 of 3 tries left" in html_text(at)
    at.button(key="duel-run").click()
    assert "one of your tries already" in sound(at.run()).error[0].value
    assert len(queued(bare)) == 2


def test_a_run_that_failed_is_said_and_costs_no_try(open_app, bare):
    failed = put(bare, RunStatus.FAILED, error="Diverged: The loss became nan at step 7.")
    duel = plant(bare, tried(failed))
    at = open_app(bare.root, VIEW, duel=duel.code, seat="forgetter")
    assert "3 of 3 tries left" in html_text(at)
    assert "The loss became nan at step 7" in at.error[0].value
    assert "it costs no try" in text(at)
    at.button(key=f"duel-Retry-{failed}").click()
    assert "2 of 3 tries left" in html_text(sound(at.run()))


def test_what_could_not_be_asked_for_is_no_try(open_app, bare, monkeypatch):
    def full(*_: object, **__: object) -> None:
        raise WrongInput("The disk is full.")

    duel = plant(bare)
    at = open_app(bare.root, VIEW, duel=duel.code, seat="forgetter")
    monkeypatch.setattr(submit, "submit", full)
    at.button(key="duel-run").click()
    assert "The disk is full" in sound(at.run()).error[0].value
    assert (stored(bare, duel.code).runs, queued(bare)) == ((), [])


def test_a_run_that_stopped_is_not_asked_for_once_the_tries_are_used(open_app, home_of, done):
    home = home_of()
    failed = put(home, RunStatus.FAILED, error="Diverged")
    at = open_app(home.root, VIEW, duel=plant(home, tried(failed), tried(done), rules=Rules(tries=1)).code, seat="forgetter")
    assert f"duel-Retry-{failed}" not in [button.key for button in at.button]
    assert f"duel-hand-{done}" in [button.key for button in at.button]


def test_a_deleted_try_costs_nothing_either(open_app, bare):
    at = open_app(bare.root, VIEW, duel=plant(bare, tried("0123456789ab")).code, seat="forgetter")
    assert "3 of 3 tries left" in html_text(at)
    assert "was deleted meanwhile" in text(at)


def test_accuracy_alone_is_shown_of_a_try_and_the_last_one_closes_the_form(open_app, home_of, done):
    home = home_of()
    duel = plant(home, tried(done), rules=Rules(tries=1))
    at = open_app(home.root, VIEW, duel=duel.code, seat="forgetter")
    assert [chart.proto.alt for chart in at.get("plotly_chart")] == ["Forget accuracy: 0 %, as retrained"]
    assert "Within the budget." in html_text(at)
    assert "All tries are used" in at.info[0].value
    assert not at.main.selectbox
    at.button(key=f"duel-hand-{done}").click()
    assert "Wait for the Attacker" in html_text(sound(at.run()))
    assert stored(home, duel.code).handed == done


def test_of_two_browsers_that_hand_over_at_once_the_second_is_told(open_app, home_of, done):
    home = home_of()
    duel = plant(home, tried(done))
    first, second = (open_app(home.root, VIEW, duel=duel.code, seat="forgetter") for _ in range(2))
    first.button(key=f"duel-hand-{done}").click()
    sound(first.run())
    now = stored(home, duel.code)
    second.button(key=f"duel-hand-{done}").click()
    assert "moved on in another browser" in sound(second.run()).toast[0].value
    assert "Wait for the Attacker" in html_text(second)
    assert stored(home, duel.code) == now


# The Attacker.


@pytest.mark.parametrize("moves", [(), (chose("graft", "relearning"),)])
def test_the_attacker_sees_neither_method_nor_verdict_nor_band(open_app, home_of, done, moves):
    home = home_of()
    at = open_app(home.root, VIEW, duel=plant(home, handed(done), *moves).code, seat="attacker")
    assert "class 3" in text(at)
    assert [word for word in HIDDEN if word in text(at)] == []
    assert not any('"type":"rect"' in chart.proto.spec for chart in at.get("plotly_chart"))


def test_tools_are_chosen_then_called_and_the_end_tells_who_won(open_app, home_of, done):
    """Numbers of the shared run: SSD forgets by its last layers, so that the graft brings the class back; the probe tells nothing."""
    home = home_of()
    duel = plant(home, handed(done))
    at = open_app(home.root, VIEW, duel=duel.code, seat="attacker")
    assert at.button(key="duel-use").disabled
    for tool in ("graft", "probe"):
        at.checkbox(key=f"duel-{duel.code}-use-{tool}").check()
    at = sound(at.run())
    at.button(key="duel-use").click()
    at = sound(at.run())
    assert at.button(key="duel-decide").disabled
    for tool, trace in (("graft", True), ("probe", False)):
        at.button_group(key=f"duel-{duel.code}-call-{tool}").set_value(trace)
    at = sound(at.run())
    at.button(key="duel-decide").click()
    at = sound(at.run())
    assert stored(home, duel.code).calls == {"graft": True, "probe": False}
    shown = html_text(at)
    assert "The Attacker wins 2 to 1" in shown
    assert "Last layer put back: beyond what retraining and chance explain." in shown
    assert "selective synaptic dampening" in text(at)  # how it was made, now that it is over
    assert [len(chart.proto.alt.split("; ")) for chart in at.get("plotly_chart")] == [2, 4]


# The end.


def test_both_seats_go_on_to_one_duel_with_swapped_seats(open_app, home_of, done):
    home = home_of()
    duel = plant(home, handed(done), chose("graft", "probe"), called(graft=True, probe=False))
    codes = set()
    for seat, swapped in (("attacker", "forgetter"), ("forgetter", "attacker")):
        at = open_app(home.root, VIEW, duel=duel.code, seat=seat)
        at.button(key="duel-again").click()
        at = sound(at.run())
        assert at.query_params["seat"] == swapped
        codes.add(at.query_params["duel"])
    assert codes == {stored(home, duel.code).successor}


def test_its_result_is_one_click_away(open_app, home_of, done, monkeypatch):
    opened = []
    monkeypatch.setattr("dashboard.components.duel.ending.ask_to_open", lambda *where: opened.append(where))
    home = home_of()
    at = open_app(home.root, VIEW, duel=plant(home, handed(done), chose("graft"), called(graft=True), rules=Rules(tools=1)).code)
    at.button(key="duel-result").click()
    sound(at.run())
    assert opened == [(done, "views/result.py")]


def test_a_run_that_is_gone_cannot_be_judged_and_that_is_said(open_app, bare):
    at = open_app(bare.root, VIEW, duel=plant(bare, handed("0123456789ab")).code, seat="attacker")
    assert ["no longer stored" in error.value for error in at.error] == [True]
    at.button(key="duel-new").click()
    assert "Two seats, one network" in html_text(sound(at.run()))
