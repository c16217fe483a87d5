"""What tests of the engine share: homes in which networks were trained once, for all workers."""

from collections.abc import Callable
import os
from pathlib import Path

from filelock import FileLock
import pytest

from core.storage.home import Home, open_home

Made = Callable[[str, Callable[[Path], None]], Path]


@pytest.fixture(scope="session")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """make(name, fill): a folder that one worker fills and all read; who writes works on a copy."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base

    def make(name: str, fill: Callable[[Path], None]) -> Path:
        folder = shared / name
        with FileLock(f"{folder}.lock"):
            if not (folder / "filled").exists():
                folder.mkdir(exist_ok=True)
                fill(folder)
                (folder / "filled").touch()
        return folder

    return make


@pytest.fixture(scope="session")
def catalogue_folder(made_once: Made) -> Path:
    """What `core.jobs.write_catalogue` writes for a home: else each command would begin a process for it. To be copied."""

    def fill(folder: Path) -> None:
        from core.jobs.write_catalogue import write  # late, as below

        write(folder / "catalogue")

    return made_once("catalogue", fill) / "catalogue"


@pytest.fixture(scope="session")
def trained_home(made_once: Made) -> Home:
    """A home with one finished run: SSD, class 3 of the digits, networks of one epoch. Not to be written to: copy it."""

    def fill(folder: Path) -> None:
        import torch  # late: tests of the store and of jobs need none of this

        from core.domain.requests.registry import parse_request
        from core.jobs.validation import make_spec
        from core.jobs.write_catalogue import describe
        from tests.attributes import computed, one_epoch

        with pytest.MonkeyPatch.context() as patch:
            one_epoch(patch)
            spec = make_spec(describe(), "digits", "small_cnn", parse_request("class:3"), "ssd", {})
            computed(open_home(folder / "home"), spec)
        torch.set_deterministic_debug_mode("default")  # set by the pipeline

    return Home(made_once("trained-home", fill) / "home")
