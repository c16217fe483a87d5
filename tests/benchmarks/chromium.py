"""How benchmarks look at pages in a real Chromium: server and browser, the page's own clock, and a bar judged by its median."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
import json
import os
from pathlib import Path
from statistics import median
import subprocess
import sys
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

from core.analysis import stored_results
from core.analysis.registry import LOOKS
from core.analysis.stored_results import Analysis
from core.storage.home import Home
from tests.benchmarks.results import verdict
from tests.browser.kit import FLAGS, ROOT, Dashboard, drawn, find_chromium, ready

WARM_UPS = 2  # samples that are thrown away
MOVED = ("ratios", "dampened")  # figures that every step of alpha changes
CHARTS = (*MOVED, "what-if", "importance", "moved")
LOOKS_KEPT: dict[str, dict[str, Any]] = {  # as the pages ask for them before anybody has chosen anything
    "map": {"projection": "pca", "count": 2000, "seed": 0, "turn": True},
    "gallery": {"how": "integrated_gradients", "target": "true", "count": 16, "settings": {"baseline": "mean"}},
}
SETTLED = "document.querySelector('[data-testid=stApp]').dataset.testScriptState === 'notRunning'"

# Starts the clock at the real event; stops it at the first frame in which `done` holds.
CLOCK = """
([event, done]) => {
    const holds = new Function('return ' + done);
    window.took = null;
    window.addEventListener(event, () => {
        const began = performance.now();
        const look = () => holds() ? (window.took = performance.now() - began) : requestAnimationFrame(look);
        requestAnimationFrame(look);
    }, {capture: true, once: true});
}
"""
# What a chart shows, and that there is exactly one of it: old and new stand side by side for some frames.
FIGURES = """
window.shows = (key) => {
    const plots = document.querySelectorAll(`.st-key-${key} .js-plotly-plot`);
    if (plots.length !== 1 || !plots[0]._fullData) return null;
    const shapes = (plots[0]._fullLayout.shapes || []).map(shape => shape.x0);
    return JSON.stringify([shapes, plots[0]._fullData.map(trace => Array.from(trace.y || []))]);
};
"""


@contextmanager
def served(home: Home, *flags: str) -> Iterator[tuple[Dashboard, Browser]]:
    """The dashboard on a home, and a browser; both are gone afterwards."""
    with sync_playwright() as player:
        server = Dashboard(home, Path(home.root).parent / "server.log")
        browser = player.chromium.launch(executable_path=find_chromium(), args=[*FLAGS, *flags])
        server.start()
        try:
            yield server, browser
        finally:
            server.stop()
            browser.close()


def new_page(browser: Browser, server: Dashboard, width: int = 1440) -> Page:
    """In a context of its own, without animations."""
    context = browser.new_context(base_url=server.url, viewport={"width": width, "height": 1000}, reduced_motion="reduce")
    return context.new_page()


def told(name: str, seen: Sequence[float], bar: float, unit: str = "s") -> bool:
    """One bar: the median decides; range and count are told."""
    middle = median(seen)
    spread = f" ({min(seen):.3g} to {max(seen):.3g}, {len(seen)} samples)" if len(seen) > 1 else ""
    return verdict(f"{name} <= {bar:g} {unit}", f"{middle:.3g} {unit}{spread}", middle <= bar)


def finished_run(home: Home, forget: str = "class:3") -> str:
    """The id of a real run on digits, made by the command line."""
    command = [sys.executable, "-m", "core", "run", "--dataset", "digits", "--model", "small_cnn"]
    command += ["--forget", forget, "--method", "ssd", "--json"]
    environment = {**os.environ, "FORGETSCOPE_HOME": str(home.root)}
    said = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    return str(json.loads(said.stdout)["id"])


def made(home: Home, index: int) -> str:
    """The id of a real run that forgets this class, its joint map and its gallery kept."""
    run_id = finished_run(home, f"class:{index}")
    for kind, settings in LOOKS_KEPT.items():
        result = LOOKS[kind](home, run_id, lambda *_: None, **settings)
        asked = Analysis(kind, run_id, settings)
        stored_results.keep(home, stored_results.key_of(home, asked), asked, result, 1.0)
    return run_id


def timed(page: Page, event: str, done: str, act: Callable[[], object]) -> float:
    """Milliseconds on the page's clock from the event that `act` causes to `done`."""
    page.evaluate(CLOCK, [event, done])
    act()
    page.wait_for_function("window.took !== null", timeout=60_000)
    return float(page.evaluate("window.took"))


def redrawn(page: Page, keys: Sequence[str]) -> str:
    """What holds once every one of these charts shows something else than now, and the script has ended."""
    before = json.dumps({key: page.evaluate("shows", key) for key in keys})
    return f"{SETTLED} && Object.entries({before}).every(([key, old]) => shows(key) && shows(key) !== old)"


def at_slider(page: Page, address: str) -> None:
    """Open a page that has an alpha slider and these charts."""
    page.goto(address)
    ready(page)
    drawn(page, *CHARTS)
    page.evaluate(FIGURES)


def step(page: Page) -> float:
    """Seconds from a key on the alpha slider to redrawn figures; every step is a value never asked before."""
    page.get_by_role("slider", name="α").focus()
    page.wait_for_timeout(300)
    return timed(page, "keydown", redrawn(page, MOVED), lambda: page.keyboard.press("ArrowLeft")) / 1000


def slider(page: Page, run_id: str, samples: int) -> list[float]:
    """Seconds of as many steps of the dampening explorer."""
    at_slider(page, f"/parameters?run={run_id}")
    return [step(page) for _ in range(samples + WARM_UPS)][WARM_UPS:]
