"""A teacher's link on the pages: what it fixes, hides and asks for, from page to page, and what it is made of."""

from urllib.parse import parse_qs, urlsplit

import pytest

from core.domain.requests.classes import ClassRequest
from core.reports.teaching.class_link import lock_from
from tests.dashboard.conftest import html_text, queued, sound

UNLEARN, RESULT = "views/unlearn.py", "views/result.py"
LOCK = "dataset:digits;model:small_cnn;request:class:5;method:ssd;settings:alpha=4,lambda=1,settings=given"


def named(elements, label):
    """The one with that label."""
    return next(element for element in elements if element.label == label)


def words(at):
    return "\n".join(element.value for kind in (at.caption, at.markdown) for element in kind).replace("\\", "")


def test_what_the_link_fixes_cannot_be_changed_and_is_what_runs(open_app, bare):
    at = open_app(bare.root, UNLEARN, lock=LOCK)
    for label, value in (("Dataset", "digits"), ("Model", "small_cnn"), ("Method", "ssd")):
        box = named(at.text_input, label)
        assert (box.value, box.disabled) == (value, True)
    what, alpha = named(at.text_input, "What to forget"), named(at.text_input, "alpha (α)")
    assert (what.value, what.disabled, alpha.value, alpha.disabled) == ("class 5", True, "4.0", True)
    assert "The teacher’s link fixes: dataset, network, forget request, method, settings." in words(at)
    assert not at.warning
    at.button(key="submit").click()
    sound(at.run())
    spec = next(spec for spec in queued(bare) if spec.method == "ssd")
    assert (spec.dataset, spec.request, spec.params["alpha"], spec.params["lambda"]) == ("digits", ClassRequest((5,)), 4.0, 1.0)


def test_the_link_goes_from_page_to_page_until_it_is_left(open_app, finished, done):
    at = open_app(finished.root, UNLEARN, lock="dataset:digits", goal="forget:5", group="7b")
    at.switch_page(RESULT)
    at.query_params.clear()
    sound(at.run())
    assert at.query_params["lock"] == "dataset:digits"
    assert at.query_params["group"] == "7b"
    assert "Fixed: dataset. Goal: forget accuracy at most 5 %. Guesses in Story count for 7b." in words(at)
    at.button(key="leave_class").click()
    sound(at.run())
    assert "lock" not in at.query_params
    assert "teacher’s link" not in words(at)
    at.switch_page(UNLEARN)
    sound(at.run())
    assert not named(at.selectbox, "Dataset").disabled


def test_hidden_settings_are_neither_on_the_form_nor_in_the_command(open_app, bare):
    assert "ssd.alpha" in [box.key for box in open_app(bare.root, UNLEARN, method="ssd").number_input]
    at = open_app(bare.root, UNLEARN, method="ssd", hide="settings")
    assert not [box.key for kind in (at.number_input, at.selectbox, at.text_input) for box in kind if str(box.key).startswith("ssd.")]
    assert "run_terminal" not in [box.key for box in at.expander]
    assert "It does not show the method's settings." in words(at)


@pytest.mark.parametrize(("query", "said"), [
    ({"lock": "colour:red"}, "The address's lock should fix dataset"), ({"lock": "dataset:moon"}, "There is no dataset 'moon'"),
    ({"lock": "method:magic"}, "names the method 'magic', which is not there"),
    ({"lock": "dataset:digits;request:class:12"}, "digits has no"),
    ({"lock": "method:ssd;settings:beta=1"}, "There is no parameter 'beta'"),
    ({"lock": "x" * 5000}, "The address's lock should fix"),
    ({"hide": "truth"}, "The address's hide should name"), ({"goal": "win"}, "The address's goal should be written"),
    ({"group": "<b>"}, "1 to 12 letters and digits"),
])  # fmt: skip
def test_what_cannot_be_read_is_one_sentence_and_the_form_works(open_app, bare, query, said):
    at = open_app(bare.root, UNLEARN, **query)
    assert [said in warning.value.replace("\\", "") for warning in at.warning] == [True]
    assert not named(at.selectbox, "Dataset").disabled
    assert not at.button(key="submit").disabled


def test_a_goal_is_scored_on_result(open_app, finished, done):
    shown = html_text(open_app(finished.root, RESULT, run=done, goal="forget:5,retain:97,attack:55"))
    assert "Goal: " in shown
    assert "✓ Forget accuracy 0 %, goal at most 5 %" in shown
    assert "Goal: " not in html_text(open_app(finished.root, RESULT, run=done))


def test_what_is_hidden_is_not_on_result(open_app, finished, done):
    at = open_app(finished.root, RESULT, run=done)
    assert "Forgotten" in html_text(at)
    assert "Numbers against the reference" in [title.value for title in at.subheader]
    at = open_app(finished.root, RESULT, run=done, hide="verdict,reference,classes,maps")
    shown = html_text(at)
    assert "Forgotten" not in shown
    assert "etrained" not in shown
    assert "Accuracy by class" not in shown
    assert "Saliency" not in shown
    assert not at.subheader
    assert "does not show the verdict, the warnings, the retrained networks, accuracy by class, the saliency maps" in words(at)


def test_hidden_settings_are_not_on_result(open_app, finished, done):
    assert "alpha=" in words(open_app(finished.root, RESULT, run=done))
    at = open_app(finished.root, RESULT, run=done, hide="settings")
    assert "alpha=" not in words(at)
    assert not at.json
    assert "Forgotten" in html_text(at)


def test_a_teacher_makes_a_link_of_what_stands_on_the_form(open_app, bare):
    at = open_app(bare.root, UNLEARN, method="ssd", **{"class": "5"})
    alpha = at.number_input(key="ssd.alpha").value
    at.session_state["class_link"] = True
    sound(at.run())
    at.pills(key="class_fixed").set_value(["request", "settings"])
    at.pills(key="class_hidden").set_value(["verdict"])
    at.text_input(key="class_code").input("7B")
    at.toggle(key="class_goal").set_value(True)
    sound(at.run())
    mine, screen = (urlsplit(code.value) for code in at.code if "group=" in code.value)
    parts = {name: values[0] for name, values in parse_qs(mine.query).items()}
    lock = lock_from(parts["lock"])
    assert (mine.path, parts["hide"], parts["goal"], parts["group"], parts["level"]) == (
        "/unlearn", "verdict", "forget:5,retain:97,attack:55", "7b", "Guided",
    )  # fmt: skip
    assert (lock.dataset, lock.model, lock.request, lock.method, lock.settings["alpha"]) == ("digits", "", "class:5", "ssd", str(alpha))
    assert "group=7b" in screen.query
    again = open_app(bare.root, UNLEARN, **parts)
    assert not again.warning
    assert named(again.text_input, "What to forget").value == "class 5"
