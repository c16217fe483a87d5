"""`label`: a name, tags and a note of a run."""

import json

import pytest

from core.cli.runs import cli
from core.domain.errors import WrongInput
from core.storage.home import open_home
from core.storage.runs import ResultStore
from tests.planted import spec


@pytest.fixture
def run_id(tmp_path, monkeypatch):
    monkeypatch.setenv("FORGETSCOPE_HOME", str(tmp_path))
    with ResultStore(open_home().database) as store:
        return store.add(spec())


def label(*words):
    cli.main(["label", *words], standalone_mode=False)


def test_what_is_written_is_printed_kept_and_taken_away_again(run_id, capsys):
    label(run_id, "--name", " Figure 3 ", "--tag", "paper", "--tag", "paper", "--note", "odd")
    assert capsys.readouterr().out == f'{run_id}  "Figure 3"  #paper\nodd\n'
    label(run_id, "--tag", "best", "--untag", "paper", "--note", "", "--json")
    assert json.loads(capsys.readouterr().out) == {"name": "Figure 3", "tags": ["best"], "note": ""}
    cli.main(["runs", "--tag", "best"], standalone_mode=False)
    assert capsys.readouterr().out.endswith('"Figure 3"  #best\n')
    cli.main(["runs", "--tag", "paper"], standalone_mode=False)
    assert capsys.readouterr().out == ""


def test_a_tag_that_is_not_there_cannot_be_taken_away(run_id):
    with pytest.raises(WrongInput, match=rf"Run {run_id} has no tag paper; it has none\."):
        label(run_id, "--untag", "paper")
    with pytest.raises(WrongInput, match="A tag is one word; got 'a b'"):
        label(run_id, "--tag", "a b")
