"""Files of bundles are opened in this process: one of its own takes a second to start. Tests that ask for `in_their_process` have it.

What is registered is described once, and not by each empty home's engine.
"""

import pytest

from core.export.bundle import bring, check_files


@pytest.fixture(autouse=True)
def files_are_opened_here(request, monkeypatch, shelves):
    monkeypatch.setattr(bring, "catalogue", lambda _: shelves)
    if "in_their_process" not in request.fixturenames:
        monkeypatch.setattr(check_files, "check", lambda folder, runs, paths, _: check_files.check_all(folder, runs, paths, str))


@pytest.fixture
def in_their_process():
    """As outside of the tests."""
