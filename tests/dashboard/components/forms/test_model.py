"""The field for a network of timm's by name, on the form of a run and of a study."""

from core.models.timm_names import offer


def test_a_network_of_timms_is_asked_for_by_name_and_a_wrong_one_is_said(open_app, bare):
    at = open_app(bare.root, "views/unlearn.py")
    field = at.selectbox(key="model")
    assert field.options[-1] == "timm:"
    assert field.help == offer()
    at = field.set_value("timm:").run()
    assert at.warning[0].value.startswith("A network of timm's is asked for as timm")
    assert not [button for button in at.button if button.label == "Run"]
    at = at.text_input(key="timm").set_value("resnet1888").run()
    assert "has no network 'resnet1888'; the nearest are resnet18" in at.warning[0].value
    at = at.text_input(key="timm").set_value("resnet18.a1_in1k").run()
    assert not at.exception
    assert any("random weights" in one.value for one in at.caption)
    assert [button for button in at.button if button.label == "Run"]


def test_a_link_with_a_runs_own_key_fills_the_field(open_app, bare):
    at = open_app(bare.root, "views/unlearn.py", model="timm:resnet18")
    assert at.selectbox(key="model").value == "timm:"
    assert at.text_input(key="timm").value == "resnet18"
