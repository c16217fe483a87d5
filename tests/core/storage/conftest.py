"""A store in a temporary folder, and specs to put in it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from core.domain.requests.registry import parse_request
from core.domain.run import RunSpec
from core.storage.artifacts import Artifacts
from core.storage.home import Home, open_home
from core.storage.runs import ResultStore


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return open_home(tmp_path / "home")


@pytest.fixture
def store(home: Home) -> Iterator[ResultStore]:
    with ResultStore(home.database) as opened:
        yield opened


@pytest.fixture
def artifacts(home: Home) -> Artifacts:
    return Artifacts(home.artifacts_folder)


@pytest.fixture
def spec() -> Callable[..., RunSpec]:
    def make(seed: int = 0, **params: object) -> RunSpec:
        return RunSpec("digits", "small_cnn", parse_request("classes:3,5"), "ssd", dict(params), seed)

    return make
