"""Pages without a browser: homes in every state, and AppTest opened on one of them."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from html import unescape
import os
from pathlib import Path
import re
import shutil
import subprocess
from typing import Any

import pytest
import streamlit as st
from streamlit.components.v2 import manifest_scanner
from streamlit.testing.v1 import AppTest

from core.data.paths import LOOKING, OFFLINE
from core.domain.requests.classes import ClassRequest
from core.domain.run import RunSpec, RunStatus
from core.export import examples
from core.jobs import catalogue, submit
from core.jobs.codec import encode
from core.jobs.engine_client import WarmEngine
from core.storage.home import Home, open_home
from core.storage.processes import ProcessId
from core.storage.runs import ResultStore
from dashboard.queries import forecasts

ROOT = Path(__file__).resolve().parents[2]
APP = ROOT / "dashboard" / "navigation.py"
Open = Callable[..., AppTest]
OF_A_PROCESS = WarmEngine._exchange  # how the engine is asked outside of these tests


@pytest.fixture(scope="session")
def finished(first_run: "tuple[Home, subprocess.CompletedProcess[str]]") -> Home:
    """A home in which SSD has run on digits, class 3; only to be looked at."""
    assert first_run[1].returncode == 0, first_run[1].stderr
    examples.remember(first_run[0], {})  # no page may bring them in beside the one run
    return first_run[0]


@pytest.fixture(scope="session", autouse=True)
def packages_are_looked_through_once() -> Iterator[None]:
    """Every AppTest reads what each installed package says of itself, in search of components: half a second, and always the same."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(manifest_scanner, "scan_component_manifests", cache(manifest_scanner.scan_component_manifests))
        yield


@pytest.fixture(autouse=True)
def engine_in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """What pages ask the engine is answered here, in the same JSON, and images are written down here: a process of its own
    would load torch for each home.

    The processes are asked in tests/core (test_engine_client.py, test_catalogue.py) and by every page in the browser.
    """

    def exchange(self: WarmEngine, line: str) -> str:
        from core.jobs.engine_server import answer  # late: it loads torch, which most pages do without

        return encode(answer(self._home, line))

    def write_images(folder: Path, dataset: str) -> None:
        from core.data import registry  # late, too
        from core.data.write_image_arrays import write

        with pytest.MonkeyPatch.context() as patch:  # as in the process: nothing is downloaded, nothing is remembered
            patch.setenv(OFFLINE, os.environ.get(OFFLINE, LOOKING))
            patch.setattr(registry, "load_dataset", registry.load_dataset.__wrapped__)
            write(folder, dataset)

    monkeypatch.setattr(catalogue, "_write_images", write_images)
    monkeypatch.setattr(WarmEngine, "_exchange", exchange)
    monkeypatch.setattr(WarmEngine, "warm", lambda self: None)


@pytest.fixture(autouse=True)
def nothing_is_reckoned_in_the_background(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread that loads torch for each form; tests/dashboard/queries/test_forecasts.py has it."""
    monkeypatch.setattr(forecasts.Questions, "work", lambda *_: None)


@pytest.fixture(scope="module", autouse=True)
def memory_is_let_go() -> Iterator[None]:
    """Networks and images that the pages of a module have kept, and the process of an engine that was really asked."""
    yield
    st.cache_resource.clear()


@pytest.fixture
def home_of(tmp_path: Path, finished: Home) -> Callable[[], Home]:
    """A copy of the finished home, to be written to."""

    def copy() -> Home:
        return Home(Path(shutil.copytree(finished.root, tmp_path / "home")))

    return copy


@pytest.fixture
def bare(tmp_path: Path, finished: Home) -> Home:
    """A home without runs that need not be told first what is on the shelves."""
    home = open_home(tmp_path / "bare")
    shutil.copytree(finished.root / "catalogue", home.root / "catalogue")
    return home


@pytest.fixture(autouse=True)
def no_supervisor(monkeypatch: pytest.MonkeyPatch) -> None:
    """What waits stays queued: a page that shows it would have it computed, and no test here asks for that."""
    monkeypatch.setattr(submit, "ensure_supervisor", lambda *_: None)


def queued(home: Home) -> list[RunSpec]:
    """Specs that wait."""
    with ResultStore(home.database) as store:
        return [run.spec for run in store.runs() if run.status == RunStatus.QUEUED]


@pytest.fixture(scope="session")
def done(finished: Home) -> str:
    """The finished run's id."""
    with ResultStore(finished.database) as store:
        return store.runs()[0].id


GONE = ProcessId(2**22 + 1, 0.0)  # above Linux's highest process id
ERROR = 'Traceback (most recent call last):\n  File "engine.py", line 1\nDiverged: The loss became nan at step 7.'


def put(home: Home, status: RunStatus, seed: int = 1, error: str = "") -> str:
    """A run in that state, written as the jobs write it; its id."""
    spec = RunSpec("digits", "small_cnn", ClassRequest((5,)), "finetune", {"epochs": 5}, seed)
    with ResultStore(home.database) as store:
        run_id = store.add(spec)
        if status == RunStatus.QUEUED:
            return run_id
        me = GONE if status == RunStatus.INTERRUPTED else ProcessId.of_this_process()
        claimed = store.claim(me)
        assert claimed is not None
        assert claimed[0].id == run_id
        attempt = claimed[1]
        store.started(run_id, attempt, me)
        store.progress(run_id, attempt, 0.4, "unlearn", "epoch 2 of 5", seconds_left=12.0)
        if status == RunStatus.CANCELLED:
            store.request_cancel(run_id)
        if status in (RunStatus.FAILED, RunStatus.CANCELLED):
            store.finish(run_id, attempt, status, error=error)
        store.reconcile()
        assert store.existing(run_id).status == status
    return run_id


def apart(request: Coroutine[Any, Any, None]) -> None:
    """Runs to its end in a thread of its own: a worker that has a browser open has an event loop already."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, request).result()


@pytest.fixture
def open_app(monkeypatch: pytest.MonkeyPatch) -> Open:
    """AppTest on a home: open_app(root, "views/runs.py", run="..."); no exception may have come up."""

    def go(root: Path, view: str = "views/unlearn.py", /, **query: Any) -> AppTest:
        monkeypatch.setenv("FORGETSCOPE_HOME", str(root))
        at = AppTest.from_file(str(APP), default_timeout=60)
        for name, value in query.items():
            at.query_params[name] = value
        at.switch_page(view)
        return sound(at.run())

    return go


def html_text(at: AppTest) -> str:
    """What a page's own HTML says, a line for each block."""
    bodies = "\n".join(re.sub(r"<style>.*?</style>", "", element.proto.body, flags=re.DOTALL) for element in at.get("html"))
    return unescape(re.sub(r"<[^>]+>", "\n", re.sub(r"</?(b|u|span)\b[^>]*>", "", bodies)))


def sound(at: AppTest) -> AppTest:
    """No exception on the page, and no cell of its tables without a value: a dash stands there."""
    assert not at.exception, [e.value + "\n" + "\n".join(e.stack_trace) for e in at.exception]
    for table in at.table:
        cells = table.value.astype(object)
        assert not cells.isna().any(axis=None), table.proto.alt
        assert not cells.isin(["None", "nan", "NaN", "<NA>"]).any(axis=None), table.proto.alt
    for frame in at.dataframe:  # its cells stay numbers, so that they can be sorted: the browser writes the dash
        assert frame.proto.placeholder == "–", frame.proto.alt
        assert not frame.value.astype(object).isin(["None", "nan", "NaN", "<NA>"]).any(axis=None), frame.proto.alt
    return at
