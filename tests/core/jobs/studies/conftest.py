"""The shelves as the engine describes them, without a home."""

from collections.abc import Callable
from typing import Any

import pytest

from core.domain.requests.registry import parse_request
from core.domain.study import StudyPlan
from core.jobs.catalogue import Catalogue
from core.jobs.studies.plan import make_plan
from core.jobs.write_catalogue import describe


@pytest.fixture(scope="session")
def shelves() -> Catalogue:
    return describe()


@pytest.fixture
def plan(shelves: Catalogue) -> Callable[..., StudyPlan]:
    """A checked plan on digits: plan("ssd", ("finetune", {"epochs": 1}), seeds=(0, 1))."""

    def make(*methods: Any, seeds: tuple[int, ...] = (0, 1), forget: str = "class:3", **about: Any) -> StudyPlan:
        asked = [(method, {}) if isinstance(method, str) else method for method in methods]
        return make_plan(shelves, "digits", "small_cnn", parse_request(forget), asked, seeds, **about)

    return make
