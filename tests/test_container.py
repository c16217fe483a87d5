"""What the container's files say is true of the tree, and what would be in the container starts, is healthy and stops cleanly.

There need be no Docker: the files that the image would hold are put into a folder, and started there as the image would be.
"""

from collections.abc import Iterator
from fnmatch import fnmatch
import json
import os
from pathlib import Path
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
import tomllib

import psutil
import pytest
from websockets.sync.client import connect
import yaml

from core.domain.run import RunStatus
from core.storage.home import open_home
from core.storage.queues.run_queue import STOP_END
from dashboard.startup import END_TOGETHER
from tests.browser.kit import free_port
from tests.core.jobs.place import Place, lives, until

ROOT = Path(__file__).resolve().parents[1]
HOME, SETS = "FORGETSCOPE_HOME", "FORGETSCOPE_DATA"
TEXT = (ROOT / "Dockerfile").read_text(encoding="utf-8")


def instructions() -> list[tuple[str, str]]:
    """(instruction, the rest of its line), continued lines joined, comments left out."""
    lines = "\n".join(line for line in TEXT.splitlines() if not line.lstrip().startswith("#"))
    joined = re.sub(r"\\\n\s*", "", lines)
    return [(name, rest) for name, _, rest in (line.partition(" ") for line in joined.splitlines() if line.strip())]


def all_of(name: str) -> list[str]:
    return [rest for said, rest in instructions() if said == name]


def one_of(name: str) -> str:
    [rest] = all_of(name)
    return rest


def variables() -> dict[str, str]:
    return dict(word.split("=", 1) for rest in all_of("ENV") for word in shlex.split(rest))


def copied() -> list[tuple[str, str]]:
    return [(source, target) for source, target in (rest.split() for rest in all_of("COPY"))]


def ignored(path: str) -> bool:
    """By .dockerignore: the last line that is about a path, or about a folder of it, decides."""
    decided = False
    for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines():
        if not line or line.startswith("#"):
            continue
        pattern = line.removeprefix("!")
        above = ["/".join(path.split("/")[:depth]) for depth in range(1, path.count("/") + 2)]
        anywhere = pattern.removeprefix("**/")
        if any(fnmatch(part, pattern) or (anywhere != pattern and fnmatch(part.rpartition("/")[2], anywhere)) for part in above):
            decided = not line.startswith("!")
    return decided


def in_image(folder: Path) -> Path:
    """The files of this checkout that `COPY` puts into the image."""
    for source, target in copied():
        for path in [ROOT / source] if (ROOT / source).is_file() else sorted((ROOT / source).rglob("*")):
            name = path.relative_to(ROOT).as_posix()
            if path.is_file() and not ignored(name):
                to = folder / (name if target == "./" else f"{target}/{path.relative_to(ROOT / source).as_posix()}")
                to.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(path, to)
    return folder


def test_the_image_has_the_python_that_is_tested_and_the_requirements_that_there_are():
    tested = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["mypy"]["python_version"]
    assert re.fullmatch(rf"python:{re.escape(tested)}-slim-\w+", one_of("FROM"))
    required = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    [first, rest] = [line for line in all_of("RUN") if "pip install" in line]
    [pattern] = re.findall(r"grep -E '([^']+)' requirements\.txt", first)
    assert len([line for line in required.splitlines() if re.search(pattern, line)]) == 2  # torch and torchvision, from one place
    assert rest.endswith("-r requirements.txt")
    assert '${TORCH_INDEX:+--index-url "$TORCH_INDEX"}' in first, "nothing where it is empty"
    assert "://" not in TEXT, "no server's address is built in"
    assert one_of("ARG") == "TORCH_INDEX="


def test_what_is_copied_is_there_and_nothing_else_is():
    for source, _ in copied():
        assert (ROOT / source).exists(), source
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False).stdout.splitlines()
    wanted = tuple(f"{name}/" for name in (".streamlit", "assets", "core", "dashboard"))
    for name in tracked or [path.relative_to(ROOT).as_posix() for path in (ROOT / "core").rglob("*.py")]:
        if name.startswith(wanted) or name in ("LICENSE", "requirements.txt"):
            assert not ignored(name), name
        else:
            assert ignored(name), name
    for name in (".git/config", ".venv/bin/python", "core/__pycache__/x.cpython-311.pyc", ".streamlit/secrets.toml", "tests/tiny.py"):
        assert ignored(name), name


def test_it_is_no_root_stops_by_a_signal_that_is_heard_and_keeps_its_home_in_a_volume():
    assert int(one_of("USER")) > 0
    assert f"--uid {one_of('USER')} " in all_of("RUN")[0]
    assert one_of("STOPSIGNAL") == "SIGTERM"
    assert {str(Path(variables()[name]).parent) for name in (HOME, SETS)} == {one_of("VOLUME")}
    assert variables()[END_TOGETHER] == "1"
    assert variables()["STREAMLIT_SERVER_PORT"] == one_of("EXPOSE")
    assert json.loads(one_of("CMD"))[-1] == "dashboard/app.py"


def test_compose_publishes_to_this_machine_alone_and_mounts_the_home():
    said = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
    [service] = said["services"].values()
    assert service["ports"] == [f"127.0.0.1:{one_of('EXPOSE')}:{one_of('EXPOSE')}"]
    assert service["volumes"] == [f"{next(iter(said['volumes']))}:{one_of('VOLUME')}"]
    assert [f"{name}={value}" for name, value in service["build"]["args"].items()] == all_of("ARG")
    assert service["init"] is True
    assert service["cap_drop"] == ["ALL"]


@pytest.fixture
def container(tmp_path: Path) -> Iterator["Container"]:
    """Below a path and under a name, as compose.yaml says of a proxy."""
    made = Container(tmp_path)
    yield made
    made.end()


class Container:
    """What the image would run, in a folder with the image's files; the port and the home are the test's own."""

    def __init__(self, folder: Path) -> None:
        self.place, self.port, self.log = Place(open_home(folder / "home")), free_port(), folder / "log"
        self.folder = in_image(folder / "image")
        own = {
            HOME: str(self.place.home.root), SETS: str(folder / "sets"),
            "STREAMLIT_SERVER_PORT": str(self.port), "STREAMLIT_SERVER_ADDRESS": "127.0.0.1",
            "STREAMLIT_SERVER_BASE_URL_PATH": "forgetscope", "STREAMLIT_SERVER_ALLOWED_HOSTS": "lab.example other.example",
        }  # fmt: skip
        self.environment = {**os.environ, **variables(), **own}
        with open(self.log, "ab") as log:
            words = self._words(one_of("CMD"))
            self.process = subprocess.Popen(words, cwd=self.folder, env=self.environment, stdout=log, stderr=log, start_new_session=True)

    def _words(self, said: str) -> list[str]:
        """Python is the one that runs the tests."""
        python, *rest = json.loads(said)
        assert python == "python"
        return [sys.executable, *rest]

    def healthy(self) -> bool:
        asks = self._words(one_of("HEALTHCHECK").partition(" CMD ")[2])
        return subprocess.run(asks, cwd=self.folder, env=self.environment, check=False, timeout=30).returncode == 0

    def end(self) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        for supervisor in self.place.supervisors():
            supervisor.kill()


def test_what_the_image_holds_starts_is_healthy_and_when_it_is_stopped_marks_what_runs_and_leaves_no_process(container):
    assert not container.healthy()  # it has only begun to start
    until(container.healthy, 90)
    run_id = container.place.submit(sleep=300)
    until(lambda: container.place.computing(run_id), 60)
    computing = container.place.processes(run_id)
    below = [*psutil.Process(container.process.pid).children(recursive=True), *computing["supervisor"].children(recursive=True)]
    line = socket.create_connection(("127.0.0.1", container.port))
    address = f"ws://lab.example:{container.port}/forgetscope/_stcore/stream"
    with connect(address, sock=line, subprotocols=["streamlit"]):  # a page is open meanwhile
        began = time.monotonic()
        container.process.send_signal(signal.SIGTERM)
        assert container.process.wait(30) in (0, -signal.SIGTERM, 128 + signal.SIGTERM), container.log.read_text()
        took = time.monotonic() - began
    assert took < 10  # which `docker stop` gives by default
    until(lambda: not any(map(lives, [*below, *computing.values()])), 5)
    left = container.place.run(run_id)
    assert (left.status, left.error) == (RunStatus.INTERRUPTED, STOP_END)
    assert not re.search("Traceback|Uncaught", container.log.read_text()), container.log.read_text()
    assert not container.healthy()
