"""The Compare page with 500 stored runs, in a real Chromium, by the page's own clock.

python tests/benchmarks/bench_compare.py [SAMPLES]
"""

from pathlib import Path
import sys
import tempfile
from urllib.parse import quote_plus

from playwright.sync_api import Browser, Page

from core.storage.home import Home, open_home
from core.storage.runs import ResultStore
from tests.benchmarks.chromium import WARM_UPS, new_page, redrawn, served, timed, told
from tests.browser.kit import drawn, pick, ready
from tests.planted import plant, plant_many, spec

RUNS = 500
FRESH = 40  # runs with files of their own, so that every new A or B is read from disk
CHARTS = {  # tab -> its charts
    "By class": ("difference", "matrix-A", "matrix-B"),
    "Forget set": ("flow-A", "flow-B"),
    "Layers": ("cka-forget", "cka-retain"),
    "Weights": ("overlap", "overlaps"),
}
NOT_OF = {"A": ("matrix-B", "flow-B"), "B": ("matrix-A", "flow-A", "overlaps")}  # what another A or B leaves as it is

# With a debugger attached, as Playwright's is, V8 reads all of Plotly again for every stack that it keeps while Plotly's code
# loads (4 x 130 ms). A reader's browser has none, and was measured to be as fast as one with this flag.
AS_WITHOUT_DEBUGGER = "--js-flags=--no-enable-lazy-source-positions"

# What a chart shows, once there is exactly one of it: old and new stand side by side for some frames.
FIGURES = """
window.shows = (key) => {
    const plots = document.querySelectorAll(`.st-key-${key} .js-plotly-plot`);
    if (plots.length !== 1 || !plots[0]._fullData || !plots[0].querySelector('.main-svg')) return null;
    return JSON.stringify(plots[0]._fullData.map(t => [t.y && Array.from(t.y), t.z && Array.from(t.z, r => Array.from(r)),
        t.link && Array.from(t.link.value)])) + JSON.stringify(plots[0].layout.annotations || []);
};
window.first = null;
const look = () => window.shows('front') !== null ? (window.first = performance.now()) : requestAnimationFrame(look);
requestAnimationFrame(look);
"""


def opened(browser: Browser, url: str, samples: int) -> list[float]:
    """Seconds from the address to the first figure, in a browser that has Plotly in its cache."""
    context = browser.new_context(base_url=url, viewport={"width": 1280, "height": 1000}, reduced_motion="reduce")
    seen = []
    for _ in range(samples + WARM_UPS):
        page = context.new_page()
        page.add_init_script(FIGURES)
        page.goto("/compare")
        page.wait_for_function("window.first !== null", timeout=60_000)
        seen.append(float(page.evaluate("window.first")) / 1000)
        page.close()
    context.close()
    return seen[WARM_UPS:]


def changed(page: Page, letter: str, names: list[str], charts: tuple[str, ...]) -> list[float]:
    """Seconds from the click on another run in a picker to the last of its charts redrawn; every run is a new one."""
    seen = []
    for name in names:
        page.wait_for_timeout(600)
        done = redrawn(page, charts)
        seen.append(timed(page, "pointerdown", done, pick(page, f"pick-{letter}", name)) / 1000)
    return seen[WARM_UPS:]


def planted(folder: Path) -> Home:
    """RUNS finished runs, the newest FRESH of them with files of their own."""
    home = open_home(folder / "home")
    plant_many(home, RUNS - FRESH)
    methods = ("ssd", "salun", "scrub", "aru")
    for seed in range(FRESH // len(methods)):
        for method in methods:
            plant(home, spec(method, "class:3", seed, params={"epochs": 99}))
    with ResultStore(home.database) as store:
        assert len(store.runs(RUNS + 1)) == RUNS
    return home


def main() -> int:
    """1 where a bar is missed."""
    samples = int(sys.argv[1]) if len(sys.argv) > 1 else 9
    with tempfile.TemporaryDirectory() as place, served(planted(Path(place)), AS_WITHOUT_DEBUGGER) as (server, browser):
        good = [told(f"{RUNS} runs: page to first figure", opened(browser, server.url, samples), 2)]
        page = new_page(browser, server, width=1280)
        page.add_init_script(FIGURES)
        for tab, charts in CHARTS.items():
            page.goto(f"/compare?look={quote_plus(tab)}")
            drawn(ready(page), "front", *charts)
            for letter, methods in (("B", ("salun", "ssd")), ("A", ("scrub", "aru"))):
                count = samples + WARM_UPS
                names = [f"{methods[step % 2]} · epochs=99 · seed {step // 2 % 10}" for step in range(count)]
                moved = ("front", *(chart for chart in charts if chart not in NOT_OF[letter]))
                seen = changed(page, letter, names, moved)
                good.append(told(f"another {letter}, tab {tab}: click to {len(moved)} charts redrawn", seen, 1))
        good.append(told("memory of the server after that", [server.process.memory_info().rss / 2**20], 300, "MB"))
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
