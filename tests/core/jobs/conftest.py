"""A home of its own for each test, whose supervisors are gone when the test is."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.storage.home import open_home
from tests.core.jobs.place import Place, until


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    monkeypatch.setenv("FORGETSCOPE_IDLE_SECONDS", "5")
    place = Place(open_home(tmp_path / "home"))
    yield place
    for supervisor in place.supervisors():
        supervisor.kill()
    until(lambda: not place.supervisors())
