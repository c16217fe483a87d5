"""What can be asked about a finished run: by the names of functions that are there."""

from inspect import signature

import pytest

from core.analysis.registry import LOOKS, QUESTIONS


@pytest.mark.parametrize(("kinds", "first"), [(QUESTIONS, ["home", "run_id"]), (LOOKS, ["home", "run_id", "say"])])
def test_every_entry_names_a_function_that_takes_a_home_and_a_run(kinds, first):
    assert kinds
    for name, entry in kinds.items():
        assert list(signature(entry.load()).parameters)[: len(first)] == first, name
