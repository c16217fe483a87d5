"""The shelves as the engine describes them, in place of what a process of its own would write into each home."""

import pytest

from core.jobs.catalogue import Catalogue
from core.jobs.upkeep import cleaning
from core.jobs.write_catalogue import describe


@pytest.fixture(scope="session")
def shelves() -> Catalogue:
    return describe()


@pytest.fixture
def described(shelves, monkeypatch):
    """`gc` need not ask the engine."""
    monkeypatch.setattr(cleaning, "catalogue", lambda _: shelves)
