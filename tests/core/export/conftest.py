"""A home with planted runs, and the shelves as the engine describes them."""

import pytest

from core.jobs.catalogue import Catalogue
from core.storage.home import Home
from tests.planted import plant, spec


@pytest.fixture(scope="session")
def shelves() -> Catalogue:
    from core.jobs.write_catalogue import describe  # late: it imports torch

    return describe()


@pytest.fixture
def planted(home: Home) -> tuple[Home, str]:
    """SSD on class 3 beside a second reference, with two numbers of our own; its id."""
    run_id = plant(home, spec("ssd"), test_retain_accuracy=0.4321, attack_auc=0.6)
    plant(home, spec("retrain"), numbers={"unlearned/attack_auc": 0.53, "reference/attack_auc": 0.5})
    return home, run_id
