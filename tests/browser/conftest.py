"""One server, one browser and one finished run a session; a page a test, watched and, where it fails, kept."""

from collections.abc import Callable, Iterator
import json
from pathlib import Path
import re
import shutil
import subprocess
from typing import Any

import axe_playwright_python
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright
import pytest

from core.export import examples
from core.storage.home import Home
from tests.browser.kit import CLOCKS, FLAGS, Dashboard, Watch, find_chromium, kept_warm, ready, still

HERE = Path(__file__).parent
KEPT = HERE / "artifacts"
AXE = Path(axe_playwright_python.__file__).parent / "axe.min.js"
AXE_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
BY_COLOUR = {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}  # of these rules, those that a theme can break
Axe = Callable[..., list[dict[str, Any]]]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """First of all: with `--dist worksteal` they are then one worker's, which other workers steal from at the other end.

    So there is one server and one Chromium, and no worker waits for a browser at the end.
    """
    items.sort(key=lambda item: HERE not in item.path.parents)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    """Lets a fixture know how its test went."""
    report = yield
    setattr(item, f"report_{report.when}", report)
    return report


@pytest.fixture(scope="session")
def report(first_run: "tuple[Home, subprocess.CompletedProcess[str]]") -> dict[str, Any]:
    """What the command line said of the finished run: SSD on digits, class 3."""
    told: dict[str, Any] = json.loads(first_run[1].stdout)
    return told


@pytest.fixture(scope="session")
def dashboard(
    tmp_path_factory: pytest.TempPathFactory, first_run: "tuple[Home, subprocess.CompletedProcess[str]]"
) -> Iterator[Dashboard]:
    """The server, started as the README says, on a home in which one run has finished."""
    folder = tmp_path_factory.mktemp("browser")
    shutil.copytree(first_run[0].root, folder / "home")
    examples.remember(Home(folder / "home"), {})  # the Story page would bring them in beside the one run
    server = Dashboard(Home(folder / "home"), folder / "server.log")
    server.start()
    yield server
    server.stop()
    assert not server.complaints(), server.log.read_text()[-4000:]


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """One browser for all."""
    with sync_playwright() as player:
        browser = player.chromium.launch(executable_path=find_chromium(), args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def new_context(chromium: Browser, dashboard: Dashboard) -> Callable[[], BrowserContext]:
    """A browser that has never been here before."""

    def make() -> BrowserContext:
        context = chromium.new_context(
            viewport={"width": 1280, "height": 900}, base_url=dashboard.url, reduced_motion="reduce"
        )
        context.set_default_timeout(15_000)
        context.tracing.start(screenshots=False, snapshots=False)  # actions, network, console; a fifth of the time less
        return kept_warm(context)

    return make


@pytest.fixture(scope="session")
def shared_context(new_context: Callable[[], BrowserContext]) -> Iterator[BrowserContext]:
    """What Plotly weighs is loaded once; pages know nothing of each other all the same."""
    context = new_context()
    yield context
    context.close()


@pytest.fixture
def open_tab(shared_context: BrowserContext, request: pytest.FixtureRequest) -> Iterator[Callable[..., Page]]:
    """Watched tabs, in the shared context or in one given; at the end nothing unasked may have happened in any."""
    watches: list[Watch] = []
    shared_context.tracing.start_chunk()

    def tab(context: BrowserContext | None = None) -> Page:
        page = (context or shared_context).new_page()
        page.add_init_script(CLOCKS)
        page.watch = Watch(page)  # type: ignore[attr-defined]  # travels with the page that it is about
        watches.append(page.watch)  # type: ignore[attr-defined]
        return page

    yield tab
    said = getattr(request.node, "report_call", None)
    bad = [what for watch in watches for what in watch.bad]
    if bad or said is None or said.failed:
        folder = KEPT / re.sub(r"\W+", "_", request.node.name)
        folder.mkdir(parents=True, exist_ok=True)
        for index, watch in enumerate(watches):
            if not watch.page.is_closed():
                watch.page.screenshot(path=folder / f"page{index}.png", full_page=True)
                (folder / f"page{index}.html").write_text(watch.page.content())
        shared_context.tracing.stop_chunk(path=folder / "trace.zip")
    else:
        shared_context.tracing.stop_chunk()
    for watch in watches:
        watch.page.close()
    assert not bad, bad


@pytest.fixture
def page(open_tab: Callable[..., Page]) -> Page:
    """One watched tab."""
    return open_tab()


@pytest.fixture
def watch(page: Page) -> Watch:
    """The watch on `page`."""
    found: Watch = page.watch  # type: ignore[attr-defined]  # open_tab put it there
    return found


@pytest.fixture
def open_page(page: Page) -> Callable[[str], Page]:
    """Go there and wait until it is drawn."""

    def go(path: str) -> Page:
        page.goto(path)
        return ready(page)

    return go


@pytest.fixture(scope="session")
def axe() -> Axe:
    """What axe finds critical or serious on a page; the source is evaluated, which no policy can refuse.

    colours: only what another theme can change, of a page that was asked about everything in its first theme.
    """
    source = AXE.read_text()
    ask = "(rules) => axe.run(document, {resultTypes: ['violations'], runOnly: rules}).then(told => told.violations)"

    def run(page: Page, colours: bool = False) -> list[dict[str, Any]]:
        still(page).evaluate(source)
        found: list[dict[str, Any]] = page.evaluate(ask, BY_COLOUR if colours else AXE_RULES)
        return [
            {"rule": v["id"], "impact": v["impact"], "help": v["help"], "where": [n["html"][:200] for n in v["nodes"]]}
            for v in found
            if v["impact"] in ("critical", "serious")
        ]

    return run
