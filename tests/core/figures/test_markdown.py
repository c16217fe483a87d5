"""Text from outside is shown letter for letter; tests/browser/test_hostile_names.py sees it in a real browser."""

import pytest

from core.figures.markdown import in_figure, labels, on_axis, pill_labels, plain, short, visible

JOINER = "\u2060"
MARKUP = ["![x](http://e.example/a.png)", "<img src=x>", "$x$", ":red[x]", "[a](b)", "**b**", "`c`", "a & b", "# h", "1. one", "~x~"]


def seen(markdown: str) -> str:
    return markdown.replace("\\", "").replace(JOINER, "")


def test_no_mark_of_markdown_is_left_without_its_backslash():
    for hostile in MARKUP:
        shown = plain(hostile)
        assert seen(shown) == hostile
        rest = shown.replace("\\" + "\\", "")
        assert all(rest[place - 1] == "\\" for place, letter in enumerate(rest) if letter in "![]()<>$:*`&#.~"), shown


# What Streamlit makes of text after Markdown was read, and where it must be kept from it (seen in Streamlit 1.67's pages).
@pytest.mark.parametrize(
    "text, apart",
    [("http://e.example", ":|//"), ("HTTPS://E.EXAMPLE", ":|//"), ("www.e.example", "www|."), ("a@e.example", "@|e"),
     (":material/home:", ":|material"), (":smile:", ":|smile"), ("a -> b", "-|>"), ("a <- b", "<|-"), ("a -- b", "-|-"),
     ("x >= 25", ">|="), ("x <= 25", "<|="), ("<->", "<|-|>")],
)  # fmt: skip
def test_an_invisible_joiner_keeps_links_icons_and_arrows_apart(text, apart):
    assert apart.replace("|", JOINER) in plain(text).replace("\\", "")
    assert seen(plain(text)) == text


def test_most_names_stay_as_they_are():
    for name in ("ankle boot", "T-shirt/top", "3", "café", "a_b_c", "Tom, Dick", "l'eau", "猫"):
        assert plain(name) == name or seen(plain(name)) == name
    assert plain("T-shirt/top") == "T-shirt/top"
    assert plain("snake_case") == "snake_case"
    assert plain("_a_") == "\\_a\\_"


def test_what_cannot_be_seen_or_turns_the_text_around_is_shown_by_its_number():
    assert visible("a\u202eb\x00\ud800") == "a‹U+202E›b‹U+0000›‹U+D800›"
    assert visible(" a\n\n# b\tc ") == "a # b c"


def test_a_long_text_keeps_both_its_ends():
    assert short("abcdefghij", 10) == "abcdefghij"
    assert short("abcdefghijk", 7) == "abcd…jk"
    assert len(plain("x" * 10_000)) == 2000
    assert short("abc", 1) == "…"


def test_names_that_are_cut_alike_are_told_apart():
    names = ["n" * 30 + "middle" + "z" * 30, "n" * 30 + "MIDDLE" + "z" * 30, "dog"]
    for told in (on_axis(names), list(labels(names).values()), list(pill_labels(names).values())):
        assert len(set(told)) == 3
    assert on_axis(["cat", "dog"]) == ["cat", "dog"]
    assert max(map(len, on_axis(names))) <= 18 + len(" [0]")


def test_a_figure_takes_no_name_for_markup_or_for_a_value():
    assert in_figure("<a href='http://e.example'>x</a>") == "&lt;a href='http://e.example'&gt;x&lt;/a&gt;"
    assert in_figure("%{x} &amp;") == f"%{JOINER}{{x}} &amp;amp;"
