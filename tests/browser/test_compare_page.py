"""The Compare page in a real browser: A and B drive every chart, the address carries the view, and all can read it."""

from collections.abc import Callable, Iterator
import re
import shutil
from urllib.parse import quote_plus

from playwright.sync_api import Browser, BrowserContext, Page, expect
import pytest

from core.storage.home import Home
from core.storage.runs import ResultStore
from tests.browser.kit import WIDTHS, Dashboard, above_the_fold, drawn, kept_warm, pick, ready, turned, until
from tests.planted import plant, spec

TABS = {  # tab -> its charts, and which of them another B leaves as they are
    "By class": (("difference", "matrix-A", "matrix-B"), {"matrix-A"}),
    "Forget set": (("flow-A", "flow-B"), {"flow-A"}),
    "Layers": (("cka-forget", "cka-retain"), set()),
    "Weights": (("overlap", "overlaps"), {"overlaps"}),
    "Trust": ((), set()),
}
SHOWS = """(key) => {
    const plots = document.querySelectorAll(`.st-key-${key} .js-plotly-plot`);
    if (plots.length !== 1 || !plots[0]._fullData) return null;
    return JSON.stringify([plots[0].data, plots[0].layout.title, plots[0].layout.annotations]);
}"""


@pytest.fixture(scope="module")
def served(tmp_path_factory, first_run) -> Iterator[Dashboard]:
    """A server of its own on four methods with three seeds."""
    folder = tmp_path_factory.mktemp("compare")
    home = Home(folder / "home")
    for name in ("artifacts", "logs"):
        (home.root / name).mkdir(parents=True)
    shutil.copytree(first_run[0].root / "catalogue", home.root / "catalogue")
    for seed in range(3):
        for method in ("ssd", "salun", "finetune", "retrain"):
            plant(home, spec(method, seed=seed))
    server = Dashboard(home, folder / "server.log")
    server.start()
    yield server
    server.stop()
    assert not server.complaints(), server.log.read_text()[-4000:]


@pytest.fixture(scope="module")
def context(chromium: Browser, served: Dashboard) -> Iterator[BrowserContext]:
    made = chromium.new_context(viewport={"width": 1280, "height": 900}, base_url=served.url, reduced_motion="reduce")
    made.set_default_timeout(15_000)
    made.tracing.start(screenshots=False, snapshots=False)
    yield kept_warm(made)
    made.close()


@pytest.fixture
def page(open_tab: Callable[..., Page], context: BrowserContext) -> Page:
    return open_tab(context)


def ids(served: Dashboard) -> dict[str, str]:
    """Name on the page -> id."""
    with ResultStore(served.home.database) as store:
        return {f"{run.spec.method} · seed {run.spec.seed}": run.id for run in store.runs()}


def chosen(page: Page, letter: str) -> str:
    return page.locator(f".st-key-pick-{letter} input").input_value()


def test_another_b_redraws_every_chart_of_each_tab_that_all_can_read_in_both_themes_at_every_width(page, axe, served):
    """One page for all tabs, which are opened by clicks: first in light, where B is another one on every tab, then in dark."""
    page.emulate_media(color_scheme="light")
    page.set_viewport_size({"width": 1280, "height": 3000})  # axe does not judge the colours of what is out of sight
    known = ids(served)
    page.goto(f"/compare?look={quote_plus('By class')}&a={known['ssd · seed 0']}&b={known['finetune · seed 0']}")
    turn = ("finetune · seed 0", "salun · seed 1")
    for place, (tab, (charts, same)) in enumerate(TABS.items()):
        look_at(page, tab, charts)
        assert axe(page) == [], tab
        before = {key: page.evaluate(SHOWS, key) for key in ("front", *charts)}
        runs, other = page.watch.runs, turn[(place + 1) % 2]
        pick(page, "pick-B", other)()
        for key in ("front", *charts):
            if key not in same:
                until(lambda k=key, was=before: page.evaluate(SHOWS, k) not in (None, was[k]))
        drawn(ready(page), "front", *charts)
        assert all(page.evaluate(SHOWS, key) == before[key] for key in same), tab
        assert page.watch.runs == runs + 1, tab
        expect(page).to_have_url(re.compile(f"b={known[other]}"))
        assert page.get_by_role("tab", selected=True).inner_text() == tab
    expect(page.locator(".st-key-trust-B")).to_be_visible()  # the last tab's
    expect(page.get_by_text(f"B: {other}")).to_be_visible()
    turned(ready(page), "dark")
    for tab, (charts, _) in reversed(TABS.items()):
        page.set_viewport_size({"width": 1280, "height": 3000})
        look_at(page, tab, charts)
        assert axe(page, colours=True) == [], tab
        for width in reversed(WIDTHS):
            page.set_viewport_size({"width": width, "height": 900})
            page.wait_for_function(f"innerWidth === {width} && document.documentElement.scrollWidth <= {width}")
            main = page.get_by_test_id("stMain")
            until(lambda m=main: m.evaluate("(e) => e.scrollWidth <= e.clientWidth"), 5)


def look_at(page: Page, tab: str, charts: tuple[str, ...]) -> None:
    """Open the tab, unless it is open, and wait for its charts."""
    ready(page)
    if page.get_by_role("tab", selected=True).inner_text() != tab:
        runs = page.watch.runs
        page.get_by_role("tab", name=tab, exact=True).click()
        until(lambda: ready(page) and page.watch.runs > runs)
    drawn(ready(page), "front", *charts)


def test_swap_the_keyboard_and_a_reload(page, served):
    known = ids(served)
    page.goto(f"/compare?a={known['ssd · seed 0']}&b={known['finetune · seed 0']}")
    drawn(ready(page), "difference")
    before = page.evaluate(SHOWS, "difference")
    page.get_by_role("button", name="Swap").press("Enter")
    until(lambda: page.evaluate(SHOWS, "difference") not in (None, before))
    assert (chosen(page, "A"), chosen(page, "B")) == ("finetune · seed 0", "ssd · seed 0")
    expect(page).to_have_url(re.compile(f"a={known['finetune · seed 0']}"))
    page.reload()
    drawn(ready(page), "difference")
    assert (chosen(page, "A"), chosen(page, "B")) == ("finetune · seed 0", "ssd · seed 0")
    page.get_by_test_id("stSidebarNav").get_by_role("link", name="Runs").click()
    expect(page.get_by_role("heading", name="Runs", level=1)).to_be_visible()
    ready(page)
    page.get_by_test_id("stSidebarNav").get_by_role("link", name="Compare").click()
    drawn(ready(page), "difference")
    assert (chosen(page, "A"), chosen(page, "B")) == ("finetune · seed 0", "ssd · seed 0")  # it is where it was


def test_columns_and_filters_go_into_the_address(page, served):
    page.goto("/compare")
    drawn(ready(page), "front")
    page.get_by_test_id("stPopoverButton").click()
    page.get_by_test_id("stPopoverBody").get_by_text("ZRF", exact=True).click()
    expect(page).to_have_url(re.compile(r"columns=[\w-]*-zrf"))
    page.keyboard.press("Escape")
    ready(page)
    page.locator(".st-key-only-method input").click()
    page.get_by_role("option", name="ssd", exact=True).click()
    page.keyboard.press("Escape")
    expect(page.get_by_text("3 finished runs: 1 method, 3 seeds.")).to_be_visible()
    expect(page).to_have_url(re.compile(r"only\.method=ssd"))
    ready(page)
    assert chosen(page, "A").startswith("ssd")
    assert chosen(page, "B").startswith("ssd")


def test_the_pickers_stay_in_sight_while_the_charts_are_scrolled(page):
    page.goto("/compare")
    drawn(ready(page), "matrix-B")
    above_the_fold(page, "[data-testid=stDataFrame]", ".st-key-pair")
    page.get_by_test_id("stMain").evaluate("(e) => e.scrollTo(0, e.scrollHeight)")
    expect(page.locator(".st-key-matrix-B")).to_be_in_viewport()
    expect(page.locator(".st-key-pick-B")).to_be_in_viewport()
