"""The form where no preset was tuned, and where no original is trained."""

from core.domain.presets import NOT_OFFERED
from tests.dashboard.conftest import sound


def test_an_untried_network_searches_and_published_values_are_taken_as_given(open_app, bare):
    at = open_app(bare.root, model="resnet18", method="unsir")
    assert at.selectbox(key="unsir.settings").value == "auto"
    assert at.number_input(key="unsir.impair_rate").disabled
    assert "or searched inside the run where none was tuned" in at.button_group(key="start").help
    at = sound(at.button_group(key="start").set_value("paper").run())
    assert at.selectbox(key="unsir.settings").value == "given"
    assert not at.number_input(key="unsir.impair_rate").disabled
    assert at.number_input(key="unsir.impair_rate").value == 0.02


def test_a_pair_that_is_not_offered_says_why_and_cannot_be_run(open_app, bare):
    (pair, reason), *_ = NOT_OFFERED.items()
    at = open_app(bare.root, dataset=pair[0], model=pair[1])
    assert any(reason in warning.value for warning in at.warning)
    assert at.button(key="submit").disabled
    assert not at.selectbox(key="method").disabled, "weights of one's own may still be uploaded"
