"""What is shown to others: reports, bundles, the first screen and the story, on real runs of digits; each bar with PASS or FAIL.

python tests/benchmarks/bench_show.py     (some five minutes: a run, and a study of five methods and three seeds)
"""

from collections.abc import Iterator
from contextlib import contextmanager
import json
import os
from pathlib import Path
import subprocess
import sys
import tempfile
import time

from playwright.sync_api import Browser, Page

from core.domain.requests.registry import parse_request
from core.export.bundle.bring import bring
from core.export.bundle.write import export
from core.export.report.html_report import run_report
from core.export.report.html_study import study_report
from core.figures.gauges import gauge_figure
from core.jobs.catalogue import catalogue
from core.jobs.studies.plan import make_plan
from core.jobs.studies.submit import submit
from core.reports.first_screen import of_stored_run
from core.reports.run_report import full_report
from core.storage.home import Home, open_home
from core.storage.runs import ResultStore
from tests.benchmarks.chromium import SETTLED, WARM_UPS, finished_run, new_page, served, timed, told
from tests.benchmarks.results import verdict
from tests.browser.kit import ROOT, Dashboard, ready, until

MB = 1_000_000
METHODS = ("ssd", "ssse", "unsir", "aru", "weight_perturbation")
FOLD = (1440, 900)  # pixels of a window; what lies below it is scrolled to
SHOWN = (".st-key-verdict", ".st-key-gauges", ".st-key-class_shift", ".fs-maps")
SAMPLES = 5
COLD_STARTS = 3
SCENES = 7
HERE_ONLY = ("id", "stage", "imported", "lost")  # of a report: what is no number


def finished_study(home: Home) -> str:
    """The id of a study of five methods and three seeds, when it is done."""
    shelves = catalogue(home.root)
    plan = make_plan(shelves, "digits", "small_cnn", parse_request("class:3"), [(method, {}) for method in METHODS], (1, 2, 3))
    study_id = submit(home, plan, shelves)
    until(lambda: all(state == "done" for state in states(home)), 1800)
    return study_id


def states(home: Home) -> list[str]:
    """Of all runs."""
    with ResultStore(home.database) as store:
        return [str(run.status) for run in store.runs()]


def reports(home: Home, run_id: str, study_id: str, folder: Path) -> Iterator[bool]:
    """Sizes and seconds of both files."""
    shelves = catalogue(home.root)
    for what, make, size, seconds in (("a digits run", lambda: run_report(home, run_id, shelves), 5, 3.0),
                                      ("a study of 5 methods x 3 seeds", lambda: study_report(home, study_id, shelves), 7, 6.0)):
        took = []
        for _ in range(SAMPLES):
            began = time.perf_counter()
            text = make().text
            took.append(time.perf_counter() - began)
        yield told(f"HTML report of {what}: made in", took, seconds)
        yield verdict(f"its size <= {size} MB", f"{len(text.encode()) / MB:.2f} MB", len(text.encode()) <= size * MB)
        (folder / f"{what.split()[1]}.html").write_text(text, encoding="utf-8")


def alone(browser: Browser, file: Path) -> bool:
    """A report from the file system, without a network: every figure drawn, nothing asked for, no error."""
    page, bad = browser.new_context(offline=True).new_page(), list[str]()
    page.on("console", lambda message: message.type == "error" and bad.append(message.text))
    page.on("pageerror", lambda error: bad.append(str(error)))
    page.on("request", lambda request: request.url != file.as_uri() and bad.append(request.url))
    page.goto(file.as_uri())
    page.locator("html[data-drawn=yes]").wait_for(timeout=60_000)
    plots, drawn = page.locator(".plot").count(), page.locator(".plot[data-drawn=yes]").count()
    return verdict(f"{file.name} with the network cut: all figures drawn, no request, no error", f"{drawn} of {plots}, {bad or 'none'}",
                   plots == drawn > 0 and not bad)  # fmt: skip


def round_trip(home: Home, run_id: str, folder: Path) -> bool:
    """A run in another home: numbers of its report and JSON of its gauges."""
    file, there = folder / "run.zip", open_home(folder / "there")
    export(home, [run_id], file)
    came = bring(there, file).first
    seen = []
    for place, known in ((home, run_id), (there, came)):
        with ResultStore(place.database) as store:
            run = store.existing(known)
            report = {name: value for name, value in full_report(place, store, run).items() if name not in HERE_ONLY}
            screen = of_stored_run(place, store, run, catalogue(home.root).datasets["digits"], "SSD")
        seen.append((json.dumps(report, default=str, sort_keys=True), gauge_figure(screen.gauges).to_json()))
    same = [one == other for one, other in zip(*seen, strict=True)]
    return verdict("bundle: numbers and figures in another home are the same", f"numbers {same[0]}, figures {same[1]}", all(same))


def first_screen(page: Page, run_id: str) -> Iterator[bool]:
    """What stands above the fold, and how long it takes to be drawn, opened from Runs by a click."""
    took = []
    page.goto(f"/result?run={run_id}")
    ready(page)
    for _ in range(SAMPLES + WARM_UPS):
        page.get_by_test_id("stSidebarNav").get_by_role("link", name="Runs", exact=True).click()
        page.locator(f".st-key-open-{run_id}").wait_for()
        whole = (
            "document.querySelector('.st-key-gauges .main-svg') && document.querySelector('.st-key-class_shift .main-svg')"
            " && [...document.querySelectorAll('.fs-maps img')].length === 4"
        )
        ready(page)
        took.append(timed(page, "pointerdown", f"({whole})", page.locator(f".st-key-open-{run_id} button").click) / 1000)
    yield told("Result's first screen with maps, from a click on Runs, warm", took[WARM_UPS:], 1.0)
    lowest = {key: page.locator(key).first.evaluate("one => one.getBoundingClientRect().bottom") for key in SHOWN}
    yield verdict(f"Result at {FOLD[0]} x {FOLD[1]}: verdict, gauges, classes and maps without scrolling",
                  f"lowest ends at {max(lowest.values()):.0f} px", max(lowest.values()) <= FOLD[1])  # fmt: skip


def story(folder: Path) -> Iterator[bool]:
    """Three homes that were never used: the first scene after a cold start, every way to the next scene, and a digit unlearned live."""
    first, turned, live = list[float](), list[float](), list[float]()
    for place in range(COLD_STARTS):
        with served(open_home(folder / f"cold{place}" / "home")) as (server, browser), new_window(browser, server) as page:
            began = time.perf_counter()
            page.goto("/")
            title = page.locator(".st-title")
            title.wait_for(timeout=60_000)
            first.append(time.perf_counter() - began)
            ready(page)
            for scene in range(2, SCENES + 1):
                shown = f"document.querySelector('.st-scene')?.textContent.startsWith('Scene {scene} ') && {SETTLED}"
                turned.append(timed(page, "pointerdown", shown, page.locator(".st-key-story-next button").click) / 1000)
            page.goto("/")
            began = time.perf_counter()
            page.locator(".st-key-live button").click()
            page.locator(".st-done").wait_for(timeout=120_000)
            live.append(time.perf_counter() - began)
    yield told("Story: first scene in a new home, the server just started", first, 3.0)
    yield told("Story: from scene to scene", turned, 0.7)
    yield told("a new user's path to an unlearned digit, 1 click", live, 30.0)


@contextmanager
def new_window(browser: Browser, server: Dashboard) -> Iterator[Page]:
    """As large as FOLD."""
    page = new_page(browser, server, FOLD[0])
    page.set_viewport_size({"width": FOLD[0], "height": FOLD[1]})
    yield page
    page.context.close()


def main() -> bool:
    """Whether every bar was met."""
    good = list[bool]()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        home = open_home(folder / "home")
        os.environ["FORGETSCOPE_HOME"] = str(home.root)
        subprocess.run([sys.executable, "-m", "core.jobs.catalogue"], cwd=ROOT, check=True)
        study_id = finished_study(home)
        run_id = finished_run(home)  # the newest, which stands first on Runs
        good += reports(home, run_id, study_id, folder)
        good.append(round_trip(home, run_id, folder))
        good += story(folder)
        with served(home) as (server, browser):
            good += [alone(browser, folder / f"{name}.html") for name in ("digits", "study")]
            with new_window(browser, server) as page:
                good += first_screen(page, run_id)
    return all(good)


if __name__ == "__main__":
    sys.exit(not main())
