"""The dashboard as a reader feels it, in a real Chromium, by the page's own clock; then how long it takes to start.

python tests/benchmarks/bench_browser.py [SAMPLES]
"""

import json
import os
from pathlib import Path
from statistics import median
import subprocess
import sys
import tempfile
import time

from playwright.sync_api import Browser, Page, sync_playwright

from core.store.home import Home
from tests.browser.kit import FLAGS, Dashboard, drawn, find_chromium, ready

ROOT = Path(__file__).resolve().parents[2]
WARM_UPS = 2
MOVED = ("ratios", "dampened")  # figures that every step of alpha changes
CHARTS = (*MOVED, "what-if", "importance", "moved")
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
# When the last message of the server was drawn; a script's last message says that it has finished.
LISTEN = """
window.WebSocket = class extends window.WebSocket {
    constructor(...words) {
        super(...words);
        this.addEventListener('message', () => requestAnimationFrame(() => { window.heard = performance.now(); }));
    }
};
"""
CLICKED = """
window.heard = 0;
addEventListener('click', () => { window.clicked = performance.now(); }, {capture: true, once: true});
"""
QUIET = 300  # milliseconds without a message: nothing more will come


def verdict(name: str, seen: list[float], bar: float, unit: str) -> bool:
    """One row of the table: median, range, and whether the median keeps the bar."""
    middle = median(seen)
    spread = f" ({min(seen):.4g} to {max(seen):.4g}, {len(seen)} samples)" if len(seen) > 1 else ""
    print(f"{'PASS' if middle <= bar else 'FAIL'}  {name + f' <= {bar:g} {unit}':72} {middle:.4g} {unit}{spread}", flush=True)
    return middle <= bar


def timed(page: Page, event: str, done: str, act) -> float:  # type: ignore[no-untyped-def]  # any callable
    """Milliseconds on the page's clock from the event that `act` causes to `done`."""
    page.evaluate(CLOCK, [event, done])
    act()
    page.wait_for_function("window.took !== null")
    return float(page.evaluate("window.took"))


def slider(page: Page, run_id: str, samples: int) -> list[float]:
    """Seconds from a key on the alpha slider to redrawn figures; every step is a value never asked before."""
    page.goto(f"/parameters?run={run_id}")
    ready(page)
    drawn(page, *CHARTS)
    page.evaluate(FIGURES)
    page.get_by_role("slider", name="α").focus()
    seen = []
    for _ in range(samples + WARM_UPS):
        page.wait_for_timeout(300)
        before = json.dumps({key: page.evaluate("shows", key) for key in MOVED})
        done = f"{SETTLED} && Object.entries({before}).every(([key, old]) => shows(key) && shows(key) !== old)"
        seen.append(timed(page, "keydown", done, lambda: page.keyboard.press("ArrowLeft")) / 1000)
    return seen[WARM_UPS:]


def click(page: Page, samples: int) -> list[float]:
    """Milliseconds from a click on a toggle until the last message of the script that it runs is drawn."""
    page.add_init_script(LISTEN)
    page.goto("/")
    ready(page)
    toggle = page.locator(".st-key-reference label").first
    seen = []
    for _ in range(samples + WARM_UPS):
        page.wait_for_timeout(300)
        page.evaluate(CLICKED)
        toggle.click()
        page.wait_for_function(f"window.heard > window.clicked && performance.now() - window.heard > {QUIET}")
        seen.append(float(page.evaluate("window.heard - window.clicked")))
    return seen[WARM_UPS:]


def start(browser: Browser, folder: Path, fresh: bool, samples: int) -> list[float]:
    """Seconds from `make run` to a first page whose Run button can be pressed."""
    seen = []
    for number in range(samples + WARM_UPS):
        home = Home(folder / (f"fresh{number}" if fresh else "home"))
        server = Dashboard(home, folder / "start.log")
        context = browser.new_context()
        page = context.new_page()
        began = time.monotonic()
        try:
            server.start()
            page.goto(server.url)
            page.locator(".st-key-submit button:enabled").wait_for()
            seen.append(time.monotonic() - began)
        finally:
            context.close()
            server.stop()
    return seen[WARM_UPS:]


def finished_run(home: Home) -> str:
    """The id of a run made by the command line."""
    command = [sys.executable, "-m", "core", "run", "--dataset", "digits", "--model", "small_cnn"]
    command += ["--forget", "class:3", "--method", "ssd", "--json"]
    environment = {**os.environ, "FORGETSCOPE_HOME": str(home.root)}
    said = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    return str(json.loads(said.stdout)["id"])


def main() -> int:
    """1 where a bar is missed."""
    samples = int(sys.argv[1]) if len(sys.argv) > 1 else 9
    with tempfile.TemporaryDirectory() as place, sync_playwright() as player:
        folder = Path(place)
        server = Dashboard(Home(folder / "home"), folder / "server.log")
        run_id = finished_run(server.home)
        browser = player.chromium.launch(executable_path=find_chromium(), args=FLAGS)
        server.start()
        try:
            context = browser.new_context(base_url=server.url, viewport={"width": 1440, "height": 1000}, reduced_motion="reduce")
            page = context.new_page()
            good = [
                verdict("alpha slider: key to redrawn figures", slider(page, run_id, samples), 0.5, "s"),
                verdict("a click that changes no figure: click to end of script", click(page, samples), 80, "ms"),
                verdict("memory of the server after that", [server.process.memory_info().rss / 2**20], 300, "MB"),
            ]
            context.close()
        finally:
            server.stop()
        good += [
            verdict("make run to a usable first page, existing home", start(browser, folder, False, samples), 5, "s"),
            verdict("make run to a usable first page, fresh home", start(browser, folder, True, samples), 5, "s"),
        ]
        browser.close()
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
