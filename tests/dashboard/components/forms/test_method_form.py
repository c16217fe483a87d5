"""A form from declarations alone: any method's, also one that nobody has written yet."""

from dataclasses import asdict
import json
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from core.domain.hyperparameters import Param
from core.domain.info import MethodInfo
from dashboard.components.forms.method_form import _step
from tests.dashboard.conftest import sound

PARAMS = (
    Param("rounds", 5, 1, 200, whole=True, help="Passes."),
    Param("learning_rate", 0.02, 1e-6, 1.0, symbol="η", format="%.6f", help="Step."),
    Param("way", "fast", choices=("fast", "slow"), help="How."),
    Param("patience", 3, 0, 9, whole=True, when=("way", "slow"), help="Waits."),
    Param("alpha", "auto", 0.01, 1000.0, words=("auto",), symbol="α", format="%.2f", help="Threshold."),
)


def page(raw, preset):  # its source alone is run: names from above are not known in it
    import json

    import streamlit as st

    from core.domain.hyperparameters import param_from_dict
    from core.domain.info import MethodInfo
    from dashboard.components.forms.method_form import method_form

    params = tuple(param_from_dict(p) for p in json.loads(raw))
    method = MethodInfo("m", "M", "", "", (), (), (), params)
    st.session_state["told"] = method_form(method, preset)


def form(*params: Param, **preset: Any) -> AppTest:
    raw = json.dumps([asdict(p) for p in params])
    values = {p.name: p.default for p in params} | preset
    return sound(AppTest.from_function(page, default_timeout=60, args=(raw, values)).run())


def told(at: AppTest) -> dict[str, Any]:
    values: dict[str, Any] = at.session_state["told"]
    return values


def test_untouched_it_gives_the_preset_back():
    assert told(form(*PARAMS)) == {"rounds": 5, "learning_rate": 0.02, "way": "fast", "patience": 3, "alpha": "auto"}
    assert told(form(*PARAMS, rounds=9, alpha=4.3, way="slow"))["alpha"] == 4.3


def test_labels_carry_symbols_and_help_says_what_is_allowed():
    at = form(*PARAMS)
    assert [n.label for n in at.number_input] == ["rounds", "learning rate (η)", "patience"]
    assert at.number_input[0].help == "Passes. Allowed: a whole number from 1 to 200."
    assert at.selectbox[0].help == "How. Allowed: fast or slow."
    assert at.number_input[2].help.endswith("Only with way = slow.")


def test_what_is_out_of_bounds_comes_out_as_typed_for_the_check_to_refuse():
    """Widgets with bounds would keep the last good value in silence."""
    at = form(*PARAMS)
    at.number_input[0].set_value(999)
    assert told(sound(at.run()))["rounds"] == 999


def test_whole_numbers_stay_whole():
    at = form(*PARAMS)
    rounds = at.number_input[0]
    assert rounds.step == 1
    rounds.set_value(7)
    value = told(sound(at.run()))["rounds"]
    assert value == 7
    assert isinstance(value, int)


def test_a_param_without_meaning_is_there_but_idle():
    at = form(*PARAMS)
    assert at.number_input[2].disabled
    at.selectbox[0].set_value("slow")
    assert not sound(at.run()).number_input[2].disabled


def test_a_word_or_a_number():
    at = form(*PARAMS)
    assert "alpha (α), value" not in [n.label for n in at.number_input]
    at.button_group[0].set_value("number")
    sound(at.run())
    assert told(at)["alpha"] == 1.0
    at.number_input(key="m.alpha").set_value(2.5)
    assert told(sound(at.run()))["alpha"] == 2.5
    at.button_group[0].set_value("auto")
    assert told(sound(at.run()))["alpha"] == "auto"


def test_a_method_without_params_has_an_empty_form():
    assert told(form()) == {}
    assert isinstance(MethodInfo("m", "M", "", "", (), (), (), ()), MethodInfo)


@pytest.mark.parametrize("value, step", [(0.02, 0.002), (4.3, 0.1), (1.0, 0.1), (64.0, 1.0), (500.0, 10.0), (0.0, 1e-6)])
def test_a_step_is_about_a_tenth_of_the_value(value, step):
    assert _step(value) == pytest.approx(step)
