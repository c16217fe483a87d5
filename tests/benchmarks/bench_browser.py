"""The dashboard as a reader feels it, in a real Chromium by the page's own clock, each measure against a bare Streamlit page.

python tests/benchmarks/bench_browser.py [SAMPLES]

A real run on digits. The bare page (`bare_app`) has as many figures, pictures, tables and widgets of the same size and nothing else;
both are measured alternately, so that a slow or busy machine slows both. Every page has been open before.
"""

from collections.abc import Callable
import json
from pathlib import Path
import sys
import tempfile
import time
from typing import Any

import numpy as np
from playwright.sync_api import Browser, Page

from core.storage.home import Home, open_home
from tests.benchmarks.bare_app import START, WIDGETS
from tests.benchmarks.chromium import MOVED, SETTLED, WARM_UPS, at_slider, made, new_page, served, step, timed, told
from tests.benchmarks.results import append, table, verdict
from tests.browser.kit import PATHS, Dashboard, ready

PAGE, CLICK, SLIDER = 1.5, 1.5, 2.0  # bars: times the bare page's median
FROM = {"dashboard": {"Runs": "Studies"}, "bare": {}}  # page -> the one that it is opened from
USUALLY = {"dashboard": "Runs", "bare": START}
TOGGLES = {"Unlearn": ".st-key-reference label", "Studies": ".st-key-study_floor label"}  # page -> what draws no figure when clicked
QUIET = 300  # milliseconds without a message: nothing more will come
COUNTED = ("figures", "pictures", "tables", "grids")

# When the last message of the server was drawn, and bytes since; a script's last message says that it has finished.
LISTEN = """
window.received = 0;
window.WebSocket = class extends window.WebSocket {
    constructor(...words) {
        super(...words);
        this.addEventListener('message', ({data}) => {
            window.received += data.byteLength ?? data.size ?? data.length;
            requestAnimationFrame(() => { window.heard = performance.now(); });
        });
    }
};
"""
CLICKED = """
window.heard = 0;
addEventListener('click', () => { window.clicked = performance.now(); }, {capture: true, once: true});
"""
# What a page shows; all but `widgets` in the form that `bare_app` draws.
SHOWN = """
(widgets) => {
    const all = (selector, of) => Array.from(document.querySelectorAll('[data-testid=stMain] ' + selector), of);
    const length = values => values ? values.length : 0;
    return {
        widgets: Object.fromEntries(widgets.map(kind => [kind, all(`[data-testid=${kind}]`, one => one).length])),
        figures: all('.js-plotly-plot', plot => ({
            key: plot.closest('[class*=st-key-]').className.match(/st-key-(\\S+)/)[1],
            width: Math.floor(plot._fullLayout.width), height: Math.floor(plot._fullLayout.height),
            traces: plot._fullData.map(trace => ({
                type: trace.type, mode: trace.mode ?? null, xaxis: trace.xaxis ?? null, yaxis: trace.yaxis ?? null,
                x: length(trace.x), y: length(trace.y), z: trace.z ? [trace.z.length, trace.z[0].length] : null,
            })),
        })),
        pictures: all('[data-testid=stImage] img', image => [image.naturalHeight, image.naturalWidth]),
        tables: all('[data-testid=stTable] table', one => [one.tBodies[0].rows.length, one.rows[0].cells.length]),
        grids: all('[data-testid=stDataFrame] [role=grid]', one => [one.ariaRowCount - 1, one.ariaColCount - 1]),
    };
}
"""
# The page of this title, whole: as many of everything, every figure and picture drawn.
WHOLE = f"""
(() => {{
    const [title, counts] = %s;
    if (!({SETTLED}) || document.querySelector('[data-stale=true], [data-testid=stSkeleton]')) return false;
    if (document.querySelector('[data-testid=stMain] h1')?.innerText.trim() !== title) return false;
    const plots = Array.from(document.querySelectorAll('[data-testid=stMain] .js-plotly-plot'));
    const pictures = Array.from(document.querySelectorAll('[data-testid=stImage] img'));
    return plots.length === counts.figures && plots.every(plot => plot._fullData && plot.querySelector('.main-svg'))
        && pictures.length === counts.pictures && pictures.every(picture => picture.complete)
        && document.querySelectorAll('[data-testid=stTable] table').length === counts.tables
        && document.querySelectorAll('[data-testid=stDataFrame] canvas').length >= counts.grids;
}})()
"""
Json = dict[str, Any]
Pages = tuple[Page, Page]  # the dashboard's, the bare app's
Pair = tuple[list[float], list[float]]  # of the dashboard, of the bare page


class BareApp(Dashboard):
    """The server of `bare_app`, with the dashboard's own configuration of Streamlit."""

    def __init__(self, home: Home, log: Path, inventory: Json) -> None:
        super().__init__(home, log)
        self._inventory = log.with_suffix(".json")
        self._inventory.write_text(json.dumps(inventory), encoding="utf-8")

    def command(self) -> list[str]:
        """Without make: nothing but Streamlit."""
        script = str(Path(__file__).with_name("bare_app.py"))
        return [sys.executable, "-m", "streamlit", "run", script, "--server.port", str(self.port), "--", str(self._inventory)]


def inventory_of(page: Page, run_id: str) -> Json:
    """Title of each page -> what it shows of this run."""
    shown = {}
    for title, path in PATHS.items():
        page.goto(f"{path}?run={run_id}")
        ready(page)
        page.wait_for_timeout(2000)  # pictures, and figures that are laid out late
        shown[title] = page.evaluate(SHOWN, list(WIDGETS)) | {"path": path.strip("/") or title.lower()}
        for figure in shown[title]["figures"]:
            figure["moves"] = figure["key"] in MOVED
    return shown


def link(page: Page, title: str) -> Callable[[], None]:
    """A click on the page's name in the navigation."""
    return page.get_by_test_id("stSidebarNav").get_by_role("link", name=title, exact=True).click


def opening(page: Page, side: str, title: str, shown: Json) -> float:
    """Seconds from a click on the page's name until all that it shows is drawn."""
    link(page, FROM[side].get(title, USUALLY[side]))()
    page.wait_for_timeout(300)
    ready(page)
    page.wait_for_timeout(300)
    whole = WHOLE % json.dumps([title, {kind: len(shown[kind]) for kind in COUNTED}])
    return timed(page, "pointerdown", f"({whole.strip()})", link(page, title)) / 1000


def click(page: Page, toggle: str) -> float:
    """Seconds from a click on a toggle until the last message of the script that it runs is drawn."""
    page.wait_for_timeout(300)
    page.evaluate(CLICKED)
    page.locator(toggle).first.click()
    page.wait_for_function(f"window.heard > window.clicked && performance.now() - window.heard > {QUIET}")
    return float(page.evaluate("window.heard - window.clicked")) / 1000


def alternately(samples: int, dashboard: Callable[[], float], bare: Callable[[], float]) -> Pair:
    """As many samples of each, in turn."""
    pairs = [(dashboard(), bare()) for _ in range(samples + WARM_UPS)][WARM_UPS:]
    return [ours for ours, _ in pairs], [theirs for _, theirs in pairs]


def compared(what: str, seen: Pair, bar: float) -> Json:
    """One bar, printed: the ratio of the medians; its row of the table."""
    ours, theirs = (np.quantile(side, [0.25, 0.5, 0.75]) for side in seen)
    ratio = float(ours[1] / theirs[1])
    texts = [f"{middle:.3f} ({low:.3f} to {high:.3f})" for low, middle, high in (ours, theirs)]
    good = verdict(f"{what}: <= {bar:g} x a bare page", f"{ratio:.2f} x: {texts[0]} s against {texts[1]} s", ratio <= bar)
    return {"what": what, "dashboard": texts[0], "bare": texts[1], "ratio": ratio, "bar": f"{bar:g}", "verdict": "PASS" if good else "FAIL"}


def page_and_click(pages: Pages, title: str, shown: Json, samples: int) -> list[Json]:
    """Rows of one page: opened, and clicked where it has a toggle that draws no figure."""
    ours, bare = pages
    seen = alternately(samples, lambda: opening(ours, "dashboard", title, shown), lambda: opening(bare, "bare", title, shown))
    rows = [compared(f"{title} ({len(shown['figures'])} figures), opened", seen, PAGE)]
    for page, side in zip(pages, ("dashboard", "bare"), strict=True):
        page.evaluate("window.received = 0")
        opening(page, side, title, shown)
        rows[0][f"kB, {side}"] = round(page.evaluate("window.received") / 1000)
    if title in TOGGLES:
        seen = alternately(samples, lambda: click(ours, TOGGLES[title]), lambda: click(bare, "[data-testid=stCheckbox] label"))
        rows.append(compared(f"{title}: a click that draws no figure", seen, CLICK))
    return rows


def side_by_side(pages: Pages, inventory: Json, run_id: str, samples: int) -> bool:
    """All ratios, printed and appended to RESULTS.md; whether every bar holds."""
    ours, bare = pages
    for page, address in ((ours, f"/runs?run={run_id}"), (bare, "/")):
        page.add_init_script(LISTEN)
        page.goto(address)
        ready(page)
    rows = [row for title, shown in inventory.items() for row in page_and_click(pages, title, shown, samples)]
    at_slider(ours, f"/parameters?run={run_id}")
    at_slider(bare, "/parameters")
    seen = alternately(samples, lambda: step(ours), lambda: step(bare))
    rows.append(compared("Parameters: a key on the alpha slider to redrawn figures", seen, SLIDER))
    head = list(rows[0])
    append("Pages, clicks and the alpha slider in Chromium, each against a bare Streamlit page, median (quartiles) in seconds",
           table(head, [[row.get(name, "") for name in head] for row in rows]))  # fmt: skip
    return all(row["verdict"] == "PASS" for row in rows)


def start(browser: Browser, folder: Path, fresh: bool, samples: int) -> list[float]:
    """Seconds from `make run` to a form whose Run button can be pressed."""
    seen = []
    for number in range(samples + WARM_UPS):
        home = Home(folder / (f"fresh{number}" if fresh else "home"))
        server = Dashboard(home, folder / "start.log")
        context = browser.new_context()
        page = context.new_page()
        began = time.monotonic()
        try:
            server.start()
            page.goto(f"{server.url}/unlearn")
            page.locator(".st-key-submit button:enabled").wait_for()
            seen.append(time.monotonic() - began)
        finally:
            context.close()
            server.stop()
    return seen[WARM_UPS:]


def main() -> int:
    """1 where a bar is missed."""
    samples = int(sys.argv[1]) if len(sys.argv) > 1 else 9
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        home = open_home(folder / "home")
        run_id = made(home, 3)
        with served(home) as (server, browser):
            page = new_page(browser, server)
            inventory = inventory_of(page, run_id)
            page.context.close()
            bare = BareApp(home, folder / "bare.log", inventory)
            bare.start()
            try:
                pages = new_page(browser, server), new_page(browser, bare)
                good = [side_by_side(pages, inventory, run_id, samples)]
                for page in pages:
                    page.context.close()
            finally:
                bare.stop()
            good.append(told("memory of the server after that", [server.process.memory_info().rss / 2**20], 300, "MB"))
            server.stop()
            good += [
                told("make run to a usable form, existing home", start(browser, folder, False, samples), 5),
                told("make run to a usable form, fresh home", start(browser, folder, True, samples), 5),
            ]
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
