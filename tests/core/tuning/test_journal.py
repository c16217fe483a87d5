"""A search's file: read as it was written, whatever was cut off at its end or damaged within."""

import pytest

from core.domain.errors import WrongInput
from core.storage.home import open_home
from core.tuning import journal
from core.tuning.journal import DIVERGED, Trial
from core.tuning.plan import Budget
from tests.core.tuning.searched import plan


@pytest.fixture
def stored(home):
    journal.begin(home, plan())
    for trial in trials(3):
        journal.add_trial(home, plan().id, trial)
    return plan().id


def trials(count):
    values = [{"forgetting": 0.1 * n, "retained": 0.9, "attack": 0.0} for n in range(count)]
    return [Trial(n, {"alpha": 1.0 + n, "lambda": 0.1}, values=values[n], told={"attack AUC": 0.5}, took=2.0) for n in range(count)]


def test_what_is_written_is_read(home, stored):
    journal.add_trial(home, stored, Trial(3, {"alpha": 9.0, "lambda": 1.0}, DIVERGED, why="The loss became nan."))
    journal.add(home, stored, {"importances": {"forgetting": {"alpha": 0.75, "lambda": 0.25}}})
    journal.add(home, stored, {"prepared": {"original": 1.5}})
    found = journal.read(home, stored)
    assert found.plan == plan()
    assert found.trials[:3] == tuple(trials(3))
    assert (found.trials[3].state, found.trials[3].why) == ("diverged", "The loss became nan.")
    assert (found.front, found.closest, found.took, found.complete) == ({0}, 0, 6.0, False)
    assert (found.importances["forgetting"]["alpha"], found.prepared) == (0.75, {"original": 1.5})
    assert journal.ids(home) == [stored]
    assert oct(journal.file_of(home, stored).stat().st_mode)[-3:] == "600"


def test_a_line_that_was_cut_off_is_lost_alone_and_the_next_is_not_glued_to_it(home, stored):
    path = journal.file_of(home, stored)
    path.write_bytes(path.read_bytes()[:-20])
    assert len(journal.read(home, stored).trials) == 2
    journal.add_trial(home, stored, trials(3)[2])
    assert journal.read(home, stored).trials == tuple(trials(3))


def test_a_damaged_trial_and_those_behind_it_are_made_anew(home, stored):
    path = journal.file_of(home, stored)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:2], b"\xff{]\n", lines[3]]))  # trial 1 is damaged, trial 2 stands behind it
    assert [trial.number for trial in journal.read(home, stored).trials] == [0]
    for trial in trials(3)[1:]:
        journal.add_trial(home, stored, trial)
    assert journal.read(home, stored).trials == tuple(trials(3))


def test_the_last_budget_holds_and_beginning_again_loses_nothing(home, stored):
    journal.begin(home, plan(trials=9))
    journal.begin(home, plan(trials=9))
    found = journal.read(home, stored)
    assert (found.plan.budget, len(found.trials)) == (Budget(9), 3)
    assert journal.file_of(home, stored).read_text().count('"budget"') == 2  # the plan's own, and the new one once


def test_a_search_that_is_not_there_or_no_search_is_told_in_a_sentence(home, stored):
    for name in ("", "../../etc", "0" * 12, stored.upper()):
        with pytest.raises(WrongInput, match="There is no search"):
            journal.read(home, name)
    journal.file_of(home, stored).write_bytes(b'{"search": {}}\n')
    with pytest.raises(WrongInput, match="is damaged"):
        journal.read(home, stored)
    journal.remove(home, stored)
    with pytest.raises(WrongInput, match="There is no search"):
        journal.remove(home, stored)
    assert open_home(home.root).tuning_folder.stat().st_mode & 0o077 == 0
