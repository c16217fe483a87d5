"""What every test needs: quiet threads, a home of its own, tiny data, and one trained home for the slower tests."""

import os

# Before torch is imported anywhere: idle OpenMP threads that spin starve the ones that work, and training becomes fifty
# times slower on a loaded machine. One thread is also what makes sums come in one order. Runs' processes inherit both.
os.environ["OMP_WAIT_POLICY"] = "PASSIVE"
os.environ["OPENBLAS_NUM_THREADS"] = "1"
os.environ["OMP_NUM_THREADS"] = "1"
os.environ["FORGETSCOPE_SLOTS"] = "1"  # what a test finds queued does not depend on the machine's cores

from collections.abc import Callable, Iterator
import json
from pathlib import Path
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

from filelock import FileLock
import psutil
import pytest

from core.storage.home import Home, open_home

if TYPE_CHECKING:
    from tests.tiny import Tiny

ROOT = Path(__file__).resolve().parents[1]
Command = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session", autouse=True)
def homes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """No test touches the user's own home; supervisors of temporary homes are gone when the session is."""
    base = tmp_path_factory.getbasetemp()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FORGETSCOPE_HOME", str(base / "home-of-no-test"))
        patch.delenv("FORGETSCOPE_DEVICE", raising=False)
        patch.delenv("FORGETSCOPE_EXTENSIONS", raising=False)
        yield base
    kill_supervisors(base)


def kill_supervisors(base: Path) -> None:
    """End the supervisors of homes under `base`, and with them what they compute."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        command = process.info["cmdline"] or []
        if "core.jobs.supervisor" in command and any(part.startswith(f"{base}{os.sep}") for part in command):
            process.kill()
            found.append(process)
    psutil.wait_procs(found, timeout=5)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """An empty home, which is also the one that FORGETSCOPE_HOME names."""
    monkeypatch.setenv("FORGETSCOPE_HOME", str(tmp_path / "home"))
    return open_home()


@pytest.fixture(scope="session")
def python_m_core() -> Command:
    """`python -m core` as a user calls it, on a given home."""

    def call(home: Path, *words: str, **environment: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "core", *words],
            cwd=ROOT,
            env={**os.environ, "FORGETSCOPE_HOME": str(home), **environment},
            capture_output=True,
            text=True,
            check=False,
            timeout=90,
        )

    return call


@pytest.fixture
def in_process(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[object, str, str]]:
    """The command line called in this process: words -> (exit status, stdout, stderr)."""
    from core.cli import main  # late: most tests call no command

    def call(*words: object) -> tuple[object, str, str]:
        monkeypatch.setattr(sys, "argv", ["core", *map(str, words)])
        capsys.readouterr()
        try:
            main.main()
            status: object = 0
        except SystemExit as left:
            status = left.code or 0
        return status, *capsys.readouterr()

    return call


DIGITS_RUN = (
    *("run", "--dataset", "digits", "--model", "small_cnn", "--forget", "class:3", "--method", "ssd", "--json"),
)


@pytest.fixture(scope="session")
def first_run(
    tmp_path_factory: pytest.TempPathFactory, python_m_core: Command
) -> "tuple[Home, subprocess.CompletedProcess[str]]":
    """A home in which one command has run SSD on digits, class 3, by the shipped preset, and what the command said.

    Run once for all workers; each has a copy of its own.
    """
    root, base = tmp_path_factory.mktemp("digits") / "home", tmp_path_factory.getbasetemp()
    shared = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "first-run"
    with FileLock(f"{shared}.lock"):
        if not (shared / "said.json").exists():
            said = python_m_core(root, *DIGITS_RUN)
            shutil.copytree(root, shared / "home")
            (shared / "said.json").write_text(json.dumps(vars(said)))
            return Home(root), said
    shutil.copytree(shared / "home", root)
    return Home(root), subprocess.CompletedProcess(**json.loads((shared / "said.json").read_text()))


@pytest.fixture
def tiny() -> "Tiny":
    """Tiny learnable data with three channels, and a small network trained on it."""
    from tests.tiny import tiny_of  # late: tests of the store and of jobs need no torch

    return tiny_of(3)


@pytest.fixture
def attributes() -> "Tiny":
    """Tiny multi-label data: each image has any of three attributes."""
    from tests.tiny import tiny_attributes  # late, as above

    return tiny_attributes()


@pytest.fixture
def grey() -> "Tiny":
    """The same as `tiny`, with one channel."""
    from tests.tiny import tiny_of  # late, as above

    return tiny_of(1)


@pytest.fixture(params=[1, 3], ids=["grey", "colour"])
def grey_and_colour(request: pytest.FixtureRequest) -> "Tiny":
    """Both, where a first convolution or arithmetic on pixels is asked."""
    from tests.tiny import tiny_of  # late, as above

    return tiny_of(request.param)
