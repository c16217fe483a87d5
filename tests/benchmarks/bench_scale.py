"""A store as a lab's cluster would fill it: 100,000 runs, a queue of 10,000, 1,000 workers that report; where it saturates.

python tests/benchmarks/bench_scale.py [--runs N] [--queue N] [--workers N] [--seconds S]

The store, the queue's order and the claim are those that the product runs; the workers are faked: each reports once a second, as one
writer passes reports on, and ends after a minute of simulated work with as many numbers and files as a run on digits has. No network is
trained. Then the page of runs is opened in Chromium on that store. Times are of this process on this machine, with nothing else on it.
"""

from argparse import ArgumentParser
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
import json
from pathlib import Path
import random
import sqlite3
from statistics import median, quantiles
import tempfile
from time import perf_counter

from filelock import FileLock
from playwright.sync_api import sync_playwright

from core.domain.requests.classes import ClassRequest
from core.domain.run import Measurement, RunSpec, RunStatus
from core.storage import run_list
from core.storage.home import Home, open_home
from core.storage.processes import ProcessId
from core.storage.queues import lifecycle, run_queue
from core.storage.queues.queue_order import Line, Waiting
from core.storage.queues.slots import ON_CPU, Choice, Running
from core.storage.record_types import Outcome
from core.storage.runs import ResultStore
from tests.benchmarks.results import append, table, verdict
from tests.browser.kit import FLAGS, Dashboard, find_chromium

PAGE, CLAIM = 1.5, 0.020  # seconds: of the page of runs, of a claim (median)
WORK = 60.0  # seconds that a faked run takes
STUDY = 200  # runs of a study
METRICS = 30  # measurements of a run, by three models
METHODS = ("ssd", "ssse", "unsir", "aru", "weight_perturbation", "finetune", "scrub", "salun")
SHOWN = 50  # runs that are read for a page
ROWS, VISITS = 10, 5  # runs on the page in a browser; how often it is opened there


def specs(count: int, first_seed: int) -> Iterator[RunSpec]:
    """Different runs of eight methods on ten classes."""
    for index in range(count):
        method, seed = METHODS[index % len(METHODS)], first_seed + index // (10 * len(METHODS))
        yield RunSpec("digits", "small_cnn", ClassRequest((index // len(METHODS) % 10,)), method, {"alpha": 10.0}, seed, engine="0" * 12)


def measurements() -> tuple[Measurement, ...]:
    """As many as a run has."""
    return tuple(Measurement(f"metric_{index}", "unlearned", index / METRICS, "") for index in range(METRICS))


def fill(store: ResultStore, runs: int, queue: int) -> None:
    """Finished runs of studies of 200, as `finish` leaves them; then studies that wait."""
    numbers, when = measurements(), lifecycle.now()
    with store.db.transaction() as write:
        for turn, spec in enumerate(specs(runs, 0), 1):
            done = (spec.id, spec.to_json(), turn, turn, when, when, when, json.dumps({"train": 1.0, "unlearn": 0.1}))
            write.execute(
                "insert into runs (id, spec, status, turn, served, created_at, started_at, finished_at, seconds, share, stage) "
                "values (?, ?, 'done', ?, ?, ?, ?, ?, ?, 1, 'evaluate')", done,
            )  # fmt: skip
            rows = [(spec.id, one.metric, one.model, one.value, one.reason) for one in numbers]
            write.executemany("insert into measurements values (?, ?, ?, ?, ?)", rows)
            _join(write, "past", spec.id, turn - 1)
    with store.db.transaction() as write:
        for index, spec in enumerate(specs(queue, 10_000)):
            run_queue.queue(write, spec)
            _join(write, "waiting", spec.id, index)


def _join(write: sqlite3.Connection, kind: str, run_id: str, index: int) -> None:
    study = f"{kind}{index // STUDY:06}"
    if index % STUDY == 0:
        write.execute("insert into studies (id, title, plan, created_at) values (?, ?, '{}', ?)", (study, study, lifecycle.now()))
    write.execute("insert into study_runs (study_id, run_id, variant) values (?, ?, 0)", (study, run_id))


def cluster(workers: int) -> Choice:
    """Room for so many runs at once: the next in the queue's order."""

    def choose(queued: Iterable[Waiting], running: Sequence[Running]) -> tuple[Waiting, str] | None:
        first = next(iter(queued), None) if len(running) < workers else None
        return None if first is None else (first, ON_CPU)

    return choose


class Taken:
    """Seconds of each kind of step."""

    def __init__(self) -> None:
        self.seconds: dict[str, list[float]] = {}

    @contextmanager
    def of(self, step: str) -> Iterator[None]:
        began = perf_counter()
        yield
        self.seconds.setdefault(step, []).append(perf_counter() - began)

    def rows(self) -> list[tuple[object, ...]]:
        """step, count, median, 95th percentile, longest: milliseconds."""
        found = []
        for step, seconds in self.seconds.items():
            worst = quantiles(seconds, n=20)[-1] if len(seconds) > 1 else seconds[0]
            found.append((step, len(seconds), *(1000 * one for one in (median(seconds), worst, max(seconds)))))
        return found


def simulate(store: ResultStore, workers: int, seconds: float, taken: Taken) -> tuple[int, int]:
    """A dispatcher's loop on a simulated clock; how many reports were sent, and how many of them the store does not have."""
    line, me, draw, numbers = Line(), ProcessId.of_this_process(), random.Random(0), measurements()
    running: dict[str, tuple[int, float]] = {}
    clock, sent, lost = 0.0, 0, 0
    while clock < seconds:
        while len(running) < workers:
            with taken.of("claim"):
                claimed = run_queue.claim(store.db, me, cluster(workers), line)
            if claimed is None:
                break
            running[claimed[0].id] = claimed[1], clock + WORK * draw.uniform(0.5, 1.5)
            lifecycle.started(store.db, lifecycle.RUNS, claimed[0].id, claimed[1], me)
        for run_id, (attempt, _) in running.items():
            with taken.of("report"):
                lifecycle.progress(store.db, lifecycle.RUNS, run_id, attempt, (min(0.99, clock / seconds), "train", f"at {clock:g}", None))
            sent += 1
        with taken.of("page of runs, while they report"):
            look(store)
        lost += sum(run.note != f"at {clock:g}" for run in map(store.existing, running))
        clock += 1.0
        for run_id in [run_id for run_id, (_, ends) in running.items() if ends <= clock]:
            attempt, _ = running.pop(run_id)
            outcome = Outcome(numbers, {"train": 1.0}, None, {}, "cpu")
            with taken.of("finish"):
                landed = run_queue.finish(store.db, run_id, attempt, RunStatus.DONE, outcome=outcome)
            lost += not landed
    return sent, lost


def look(store: ResultStore) -> None:
    """What the page of runs asks of the store."""
    run_list.count(store)
    run_list.choices(store)
    shown = run_list.page_of(store, run_list.ALL, 0, SHOWN)
    run_list.related_of(store, [run.id for run in shown])


def searches(store: ResultStore, taken: Taken) -> None:
    """Filters, sorts and words of that page, on all runs."""
    wanted = {
        "page: a method": replace(run_list.ALL, method=("ssd",)), "page: a word": replace(run_list.ALL, text="class:3"),
        "page: sorted by longest": replace(run_list.ALL, sort="longest"), "page: the last": run_list.ALL,
    }  # fmt: skip
    for name, one in wanted.items():
        with taken.of(name):
            found = run_list.count(store, one)
            run_list.page_of(store, one, max(0, found - SHOWN) if name == "page: the last" else 0, SHOWN)


def in_chromium(home: Home, taken: Taken) -> None:
    """A click on the page's name to its first runs, from the second visit on; nothing is computed meanwhile."""
    dashboard = Dashboard(home, home.logs_folder / "dashboard.log")
    with FileLock(home.supervisor_lock), sync_playwright() as play:
        dashboard.start()
        browser = play.chromium.launch(executable_path=find_chromium(), args=FLAGS)
        page = browser.new_page(base_url=dashboard.url)
        page.set_default_timeout(120_000)
        page.goto("/")
        for visit in range(VISITS + 1):
            page.get_by_role("link", name="Runs", exact=True).first.click()
            with taken.of("page of runs in Chromium" if visit else "first visit of it in Chromium"):
                page.wait_for_function(f"document.querySelectorAll('[class*=st-key-open-]').length >= {ROWS}")
            page.get_by_role("link", name="Guide", exact=True).first.click()
            page.wait_for_selector("h1:has-text('Guide')")
        browser.close()
        dashboard.stop()


def main() -> None:
    """Fill, simulate, print, append to RESULTS.md."""
    parser = ArgumentParser(description=__doc__)
    for name, usual in (("--runs", 100_000), ("--queue", 10_000), ("--workers", 1000)):
        parser.add_argument(name, type=int, default=usual)
    parser.add_argument("--seconds", type=float, default=20.0, help="of simulated time")
    parser.add_argument("--keep", type=Path, help="a home that is filled once and used again")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home: Home = open_home(asked.keep or Path(folder) / "home")
        with ResultStore(home.database) as store:
            taken = Taken()
            if not run_list.count(store):
                with taken.of("filling the store"):
                    fill(store, asked.runs, asked.queue)
            with taken.of("page of runs"):
                look(store)
            searches(store, taken)
            sent, lost = simulate(store, asked.workers, asked.seconds, taken)
            size = home.database.stat().st_size
        in_chromium(home, taken)
    middle = {step: median(seconds) for step, seconds in taken.seconds.items()}
    an_hour = 3600 / (middle["claim"] + middle.get("finish", 0.0) + WORK * middle["report"])
    append(
        f"Scale: {asked.runs:,} runs, a queue of {asked.queue:,}, {asked.workers:,} workers for {asked.seconds:g} simulated seconds",
        table(("step", "count", "median, ms", "95th percentile, ms", "longest, ms"), taken.rows()),
        f"Reports: {sent:,} sent, {lost} lost. Database: {size / 1e6:,.0f} MB. One writer is busy at {an_hour:,.0f} runs an hour "
        f"of {WORK:g} seconds each, which report once a second.",
    )
    pages = [seconds for step, found in taken.seconds.items() if step.startswith("page") for seconds in found]
    good = [
        verdict(f"every page of runs, filtered, sorted or while all report: at most {PAGE:g} s", f"{max(pages):.2f} s", max(pages) <= PAGE),
        verdict(f"a claim, median: at most {1000 * CLAIM:g} ms", f"{1000 * middle['claim']:.1f} ms", middle["claim"] <= CLAIM),
        verdict("no report is lost", f"{lost} of {sent:,}", not lost),
    ]
    raise SystemExit(not all(good))


if __name__ == "__main__":
    main()
