"""The dashboard as a reader feels it, in a real Chromium, by the page's own clock; then how long it takes to start.

python tests/benchmarks/bench_browser.py [SAMPLES]
"""

from pathlib import Path
import sys
import tempfile
import time

from playwright.sync_api import Browser, Page

from core.storage.home import Home
from tests.benchmarks.chromium import WARM_UPS, finished_run, new_page, served, slider, told
from tests.browser.kit import Dashboard, ready

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


def main() -> int:
    """1 where a bar is missed."""
    samples = int(sys.argv[1]) if len(sys.argv) > 1 else 9
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        home = Home(folder / "home")
        run_id = finished_run(home)
        with served(home) as (server, browser):
            page = new_page(browser, server)
            good = [
                told("alpha slider: key to redrawn figures", slider(page, run_id, samples), 0.5),
                told("a click that changes no figure: click to end of script", click(page, samples), 80, "ms"),
                told("memory of the server after that", [server.process.memory_info().rss / 2**20], 300, "MB"),
            ]
            page.context.close()
            server.stop()
            good += [
                told("make run to a usable first page, existing home", start(browser, folder, False, samples), 5),
                told("make run to a usable first page, fresh home", start(browser, folder, True, samples), 5),
            ]
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
