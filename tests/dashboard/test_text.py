"""Words from outside are shown letter for letter."""

import pytest

from dashboard.components.text import plain


@pytest.mark.parametrize("hostile", ["![x](http://e.example/a.png)", "<img src=x>", "$x$", ":red[x]", "[a](b)", "**b**", "`c`"])
def test_no_mark_of_markdown_is_left_without_its_backslash(hostile):
    shown = plain(hostile)
    assert shown.replace("\\", "") == hostile
    for position, letter in enumerate(shown):
        if letter in "![]()<>$:*`":
            assert shown[position - 1] == "\\"


def test_plain_words_stay_as_they_are():
    assert plain("There is no run 7af3") == "There is no run 7af3"
