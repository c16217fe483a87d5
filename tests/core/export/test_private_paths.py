"""Absolute paths of any system go; links, fractions and formulas stay."""

from markupsafe import Markup
import pandas as pd
import pytest

from core.export.private_paths import cleaned, without_paths
from core.figures.sections import Section, TableBlock, TextBlock
from core.reports.verdict import Verdict


@pytest.mark.parametrize("text", [
    "forget/retain of 1/2 at 50 %/class", "https://arxiv.org/abs/1", "see https://a.example/b/c/d, and 3/4/5", "k/n of ~5/10",
    "/result?run=1", "a / b / c", "</b>/x", "one: 2/3", "python -m core run \\\n    --seed 1", "data:image/png;base64,ab+/cd/ef+/gh/ij",
])  # fmt: skip
def test_what_is_no_path_stays(text):
    assert without_paths(text) == text


@pytest.mark.parametrize(("text", "wanted"), [
    ("see ~/notes.txt, please", "see …, please"), ("in \\\\server\\share\\x", "in …"), ("/etc/passwd.", "…."), ("~ada/x", "…"),
    ("file:///home/alice/x.npz", "…"), ("C:/Users/alice/x.npz", "…"), ("C:\\Users\\Alice Smith\\x is gone", "… is gone"),
    ("No such file:/home/alice/f", "No such file:…"), ("path=/home/alice/x", "path=…"), ("(/home/alice/x)", "(…)"),
    ("/home/alice", "…"), ("/home/alice smith/data/x.npz is gone", "… is gone"), ("'/home/al,ice/my x' is gone", "'…' is gone"),
    ('"/home/o\'brien/a b"', '"…"'), ("The file /home/o'brien/fs/a.parquet is damaged", "The file … is damaged"),
    ("[/home/a/b]", "[…]"), ("in /mnt/d, /mnt/e; or /mnt/f: none", "in …, …; or …: none"),
])  # fmt: skip
def test_paths_are_taken_out_of_sentences(text, wanted):
    assert without_paths(text) == wanted


def test_a_folder_that_is_named_goes_though_its_name_has_spaces_and_one_that_is_short_is_not_looked_for():
    assert without_paths("The file /srv/two words is gone", ["/srv/two words"]) == "The file … is gone"
    assert without_paths("The file /srv/two words/a/b is gone", ["/srv/two words"]) == "The file …/a/b is gone"
    assert without_paths("forget/ws of 1/2", ["/", "/ws"]) == "forget/ws of 1/2"


def test_all_texts_of_nested_data_are_cleaned_and_nothing_else_is_changed():
    table = pd.DataFrame([{"Metric": "a", "Why": "in /home/ada/x", "n": 3}])
    section = Section("s", "of /home/ada/x", ("in /home/ada/x",), [TableBlock("T", table), TextBlock(Markup("<a href='/a/b/c'>"))])
    found = cleaned({"sections": [section], "verdict": Verdict("Forgotten", "/home/ada/x"), "figure": {"x": {"bdata": "/ab/cd/"}}, "n": 1})
    (read,) = found["sections"]
    assert (read.title, read.sentences) == ("of …", ("in …",))
    assert read.blocks[0].table.to_dict("records") == [{"Metric": "a", "Why": "in …", "n": 3}]
    assert read.blocks[1].text == "<a href='/a/b/c'>"
    assert (found["verdict"], found["figure"], found["n"]) == (Verdict("Forgotten", "…"), {"x": {"bdata": "/ab/cd/"}}, 1)
    assert table["Why"][0] == "in /home/ada/x"


def test_no_text_of_ours_is_taken_for_a_path(shelves):
    infos = (*shelves.metrics.values(), *shelves.methods.values(), *shelves.datasets.values())
    assert len(infos) > 40
    assert cleaned(infos) == infos
