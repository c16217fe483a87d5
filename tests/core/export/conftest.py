"""A home with planted runs, and the shelves as the engine describes them."""

import pytest

from core.export.report.html_report import run_report
from core.jobs.catalogue import Catalogue
from core.storage.home import Home, open_home
from tests.planted import plant, spec


@pytest.fixture(scope="session")
def shelves() -> Catalogue:
    from core.jobs.write_catalogue import describe  # late: it imports torch

    return describe()


def plant_ssd(home: Home) -> str:
    """SSD on class 3 beside a second reference, with two numbers of our own; its id."""
    run_id = plant(home, spec("ssd"), test_retain_accuracy=0.4321, attack_auc=0.6)
    plant(home, spec("retrain"), numbers={"unlearned/attack_auc": 0.53, "reference/attack_auc": 0.5})
    return run_id


@pytest.fixture(scope="session")
def reported(tmp_path_factory: pytest.TempPathFactory, shelves: Catalogue) -> tuple[Home, str, str]:
    """A home to read, a run in it, and the text of its report."""
    home = open_home(tmp_path_factory.mktemp("reported") / "home")
    run_id = plant_ssd(home)
    return home, run_id, run_report(home, run_id, shelves).text


@pytest.fixture
def planted(home: Home) -> tuple[Home, str]:
    """A home to write to, and the same run in it."""
    return home, plant_ssd(home)
