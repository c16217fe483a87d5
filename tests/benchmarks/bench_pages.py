"""Every page of a finished run in a real Chromium: from the click on its name to its first figure.

python tests/benchmarks/bench_pages.py [RUNS]

Real runs on digits, of one original; Compare has a benchmark of its own. The server has shown every page before, for a run that is
not measured. Each run is opened twice on each page: new to the page, and seen before, which is what `warm` means; a map and a
gallery are kept from the start, as looks are. Then one click, or one key, on each page: how many figures it draws anew.
"""

from collections.abc import Callable
from pathlib import Path
import re
from statistics import median
import sys
import tempfile

from playwright.sync_api import Page, TimeoutError

from core.storage.home import open_home
from tests.benchmarks.chromium import SETTLED, made, new_page, served, timed
from tests.benchmarks.results import append, table, verdict
from tests.browser.kit import ready

TRIES = 3  # clicks
MOST = 4  # figures that one click may draw anew
PLOT = "document.querySelector('.js-plotly-plot .main-svg, .js-plotly-plot .gl-canvas') !== null"
PAGES = {"Result": PLOT, "Parameters": PLOT, "Inside the method": PLOT, "Saliency": PLOT, "Map": PLOT, "Privacy": PLOT}

# Which figures are drawn after this is asked: those that Plotly tells of, and those that were not there before.
LISTEN = """
window.anew = new Set(); window.known = new WeakSet();
document.querySelectorAll('.js-plotly-plot').forEach(plot => {
    window.known.add(plot);
    plot.on('plotly_afterplot', () => window.anew.add(plot));
});
"""
DRAWN = "Array.from(document.querySelectorAll('.js-plotly-plot')).filter(plot => anew.has(plot) || !known.has(plot)).length"


def _key(page: Page, slider: str, key: str) -> None:
    page.get_by_role("slider", name=slider).focus()
    page.keyboard.press(key)


def _another_image(page: Page) -> None:
    box = page.get_by_role("spinbutton", name=re.compile("^Number"))
    box.fill("4")
    box.press("Enter")
    page.wait_for_url(re.compile("saliency_place=4"))


CLICKS: dict[str, tuple[str, Callable[[Page], None]]] = {  # what people click most
    "Result": ("training images", lambda page: page.get_by_role("radio", name="train", exact=True).first.click()),
    "Parameters": ("a step of alpha", lambda page: _key(page, "α", "ArrowLeft")),
    "Inside the method": ("the next frame", lambda page: page.get_by_role("button", name="Next").first.click()),
    "Saliency": ("another image", _another_image),
    "Map": ("another network", lambda page: page.get_by_role("radio", name="reference", exact=True).click()),
    "Privacy": ("a step of the threshold", lambda page: _key(page, "Threshold", "ArrowRight")),
}


def redrawn(page: Page, run_id: str, name: str) -> int:
    """How many figures the page's click draws anew."""
    opened(page, run_id, name)
    page.wait_for_timeout(1000)  # all are drawn
    page.evaluate(LISTEN)
    CLICKS[name][1](page)
    page.wait_for_timeout(3000)
    ready(page)
    return int(page.evaluate(DRAWN))


def opened(page: Page, run_id: str, name: str) -> tuple[float, int]:
    """Seconds from the click on a page's name to its first figure; how many plotly figures it then draws in all."""
    for _ in range(TRIES):
        page.goto(f"/runs?run={run_id}")
        ready(page)
        page.wait_for_timeout(300)
        link = page.get_by_role("link", name=name, exact=True).first
        try:
            seconds = timed(page, "pointerdown", PAGES[name], link.click) / 1000
            break
        except TimeoutError:  # a click can be lost on a list that is being drawn anew
            print(f"      {name}: a click was lost", flush=True)
    else:
        raise RuntimeError(f"{name} showed no figure after {TRIES} clicks")
    page.wait_for_function(SETTLED)
    ready(page)
    return seconds, page.locator(".js-plotly-plot").count()


def main() -> int:
    """1 where a bar is missed."""
    count, good, rows = int(sys.argv[1]) if len(sys.argv) > 1 else 3, [], []
    with tempfile.TemporaryDirectory() as place:
        home = open_home(Path(place) / "home")
        first, *runs = [made(home, index) for index in range(count + 1)]
        with served(home) as (server, browser):
            page = new_page(browser, server)
            for name in PAGES:
                for _ in range(2):
                    opened(page, first, name)
                new, _ = zip(*(opened(page, run_id, name) for run_id in runs), strict=True)
                warm, figures = zip(*(opened(page, run_id, name) for run_id in runs), strict=True)
                anew, least = redrawn(page, first, name), 0 if name == "Saliency" else 1  # its pictures are none of plotly's
                good.append(verdict(f"{name}: figures that {CLICKS[name][0]} draws anew <= {MOST}", str(anew), least <= anew <= MOST))
                rows.append((name, median(warm), max(warm), median(new), max(new), max(figures), f"{anew}: {CLICKS[name][0]}"))
    head = ("page", "warm, median s", "largest s", "a run new to it, median s", "largest s", "plotly figures on it", "a click draws")
    append("Pages of a finished run on digits in Chromium: a click on the page's name to its first figure", table(head, rows))
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
