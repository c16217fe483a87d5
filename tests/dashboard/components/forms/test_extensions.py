"""The form says what a user's own files brought, and of each that cannot be used why it is left out."""

from streamlit.testing.v1 import AppTest


def page() -> None:
    import streamlit as st

    from core.domain.info import ExtensionInfo
    from dashboard.components.forms.extensions import extensions_panel

    found = ExtensionInfo("mine", "the folder of extensions", "/home/mine.py", "0123456789ab", ("method mine", "model *net*"))
    broken = ExtensionInfo("broken", "the folder of extensions", "/home/broken.py", "ba9876543210", error="NameError: *x* (line 3)")
    extensions_panel((found, broken), lambda: st.session_state.update(read_again=True))


def test_those_that_can_be_used_are_listed_and_a_broken_one_is_said_with_its_last_line(monkeypatch):
    monkeypatch.setenv("FORGETSCOPE_EXTENSIONS", "/somewhere/extensions")
    app = AppTest.from_function(page).run()
    assert not app.exception
    (warning,) = app.warning
    assert warning.value == r"The extension broken is left out: NameError\: \*x\* \(line 3\)"
    assert app.expander[0].label == "Extensions (1)"
    assert r"**mine** · method mine, model \*net\*" in [text.value for text in app.markdown]
    assert app.code[0].value == "/somewhere/extensions"
    assert "read_again" not in app.session_state
    app.button(key="reload_extensions").click().run()
    assert app.session_state["read_again"]
