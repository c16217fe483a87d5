"""Tune: what a trial and 50 of them cost, when the first figure is there, that a stopped search goes on; blind beside oracle.

python tests/benchmarks/bench_tune.py [--methods ssd ssse ...] [--trials 20] [--classes 3] [--seeds 0 1] [--search-seeds 1]

The settings that a search of each mode is closest with are found on seeds of TUNING_SEEDS, of --search-seeds of which each trial is the
mean; what they do is measured on FRESH_SEEDS, whose originals and references the search never saw. Distance: of both test accuracies, of
the forget classes and of the others, to the reference's, in sum. Without --methods only the bars are measured.
"""

from argparse import ArgumentParser
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
import sys
import tempfile
import time

import pandas as pd

from core.domain.presets import FRESH_SEEDS, TUNING_SEEDS
from core.domain.requests.classes import ClassRequest
from core.domain.run import RunSpec
from core.figures.tuning import Axis, front_figure
from core.jobs import submit, tuning
from core.jobs.catalogue import Catalogue, catalogue
from core.jobs.validation import make_spec
from core.storage.home import Home, open_home
from core.tuning import journal
from core.tuning.objectives import BLIND, MODES
from core.tuning.plan import Budget, SearchPlan
from tests.benchmarks.bench_defaults import METHODS, cell
from tests.benchmarks.results import append, table, verdict

TRIAL, FIFTY, FIGURE = 0.5, 60.0, 3.0  # seconds: of a trial of SSD, of 50 with the original's training, of the first figure
PAIR = ("digits", "small_cnn")


def planned(shelves: Catalogue, method: str, mode: str, trials: int, index: int = 3, count: int = 1) -> SearchPlan:
    """A search of a method's first settings, on one class of digits and so many seeds."""
    seeds = TUNING_SEEDS[:count]
    return tuning.make_plan(shelves, *PAIR, ClassRequest((index,)), method, {}, mode=mode, seeds=seeds, budget=Budget(trials))


def timed(act: Callable[[], object]) -> float:
    """Seconds."""
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def searched(home: Home, plan: SearchPlan) -> journal.Search:
    """In this process, as the job does it."""
    from core.tuning.search import search  # late: what is timed begins with torch and Optuna imported

    journal.begin(home, plan)
    search(home, plan.id, lambda *_: None)
    return journal.read(home, plan.id)


def figure_of(found: journal.Search) -> object:
    """The front of what there is, as the page draws it."""
    places = [{"number": t.number, "front": t.number in found.front, "closest": t.number == found.closest} for t in found.trials]
    rows = [{**place, **trial.tried, **trial.values} for place, trial in zip(places, found.trials, strict=True)]
    x, y = (Axis(o.key, o.title, o.low, o.share) for o in found.plan.measured[:2])
    return front_figure(pd.DataFrame(rows), x, y, []).to_json()


def first_figure(home: Home, plan: SearchPlan) -> float:
    """Seconds from the start of a search to the figure of its first trial, by the supervisor."""
    began = time.perf_counter()
    tuning.start(home, plan)
    while not journal.read(home, plan.id).trials:
        time.sleep(0.02)
    figure_of(journal.read(home, plan.id))
    return time.perf_counter() - began


def bars(home: Home, shelves: Catalogue) -> list[bool]:
    """The three bars of a search of SSD on digits."""
    import core.tuning.search  # noqa: F401  # see `searched`

    good, plan = list[bool](), planned(shelves, "ssd", BLIND, 50)
    whole = timed(lambda: searched(home, plan))
    trials = journal.read(home, plan.id).trials
    good.append(verdict(f"50 trials of SSD on digits with the original's training <= {FIFTY:g} s", f"{whole:.1f} s", whole <= FIFTY))
    dearest = max(trial.took for trial in trials[1:])
    mean = sum(trial.took for trial in trials[1:]) / len(trials[1:])
    good.append(verdict(f"a trial <= {TRIAL} s", f"{mean:.3f} s on average, {dearest:.3f} s at most", dearest <= TRIAL))
    submit.ensure_supervisor(home)  # as the page does when its form is opened
    warm(home, shelves)
    first = first_figure(home, replace(plan, draw=1))
    good.append(verdict(f"first figure, the network stored <= {FIGURE:g} s", f"{first:.2f} s", first <= FIGURE))
    stopped = replace(plan, draw=1)
    tuning.stop(home, stopped.id)
    while tuning.progress(home, stopped.id).status == "running":
        time.sleep(0.05)
    before = journal.read(home, stopped.id).trials
    after = searched(home, stopped).trials
    alone = searched(home, replace(plan, draw=1, budget=Budget(50)))
    same = after[: len(before)] == before and len(after) == 50 and len(alone.trials) == 50
    good.append(verdict("a search that was stopped goes on with what it has", f"{len(before)} trials, then {len(after)}", same))
    return good


def warm(home: Home, shelves: Catalogue) -> None:
    """Wait until the supervisor's processes have torch imported: a search of one trial has run."""
    one = replace(planned(shelves, "ssd", BLIND, 1), draw=2)
    tuning.start(home, one)
    while tuning.progress(home, one.id).status == "running":
        time.sleep(0.1)
    time.sleep(5)


def distances(
    home: Home, shelves: Catalogue, methods: list[str], trials: int, classes: list[int], seeds: list[int], count: int
) -> str:  # fmt: skip
    """A row for each method and class: the sum of both distances to the reference, by preset, blind and oracle, mean over fresh seeds."""
    rows = []
    for method in methods:
        for index in classes:
            row: list[object] = [method, index]
            request = ClassRequest((index,))
            row.append(away(home, [make_spec(shelves, *PAIR, request, method, {}, seed=seed) for seed in seeds]))
            for mode in MODES:
                found = searched(home, planned(shelves, method, mode, trials, index, count))
                number = found.closest or 0
                params = tuning.params_of(shelves, found, number)
                specs = [make_spec(shelves, *PAIR, request, method, params, seed=seed) for seed in seeds]
                row += [away(home, specs), found.took / len(found.trials)]
            rows.append(row)
            print("  ".join(f"{cell:.3f}" if isinstance(cell, float) else str(cell) for cell in row), flush=True)
    head = ["method", "class", "preset"]
    for mode in MODES:
        head += [f"{mode}: distance", "seconds a trial"]
    return table(head, rows)


def away(home: Home, specs: list[RunSpec]) -> float:
    """Mean over runs of the sum of both distances to the reference on test images."""
    cells = [cell(home, spec) for spec in specs]
    gaps = [sum(abs(ours - theirs) for ours, theirs in zip(one.unlearned, one.reference, strict=True)) for one in cells]
    return sum(gaps) / len(gaps)


def main() -> bool:
    """Whether all bars were met."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--methods", nargs="*", choices=METHODS, default=[])
    parser.add_argument("--trials", type=int, default=20)
    parser.add_argument("--classes", nargs="+", type=int, default=[3])
    parser.add_argument("--seeds", nargs="+", type=int, choices=FRESH_SEEDS, default=list(FRESH_SEEDS[:2]))
    parser.add_argument("--search-seeds", type=int, choices=range(1, len(TUNING_SEEDS) + 1), default=1)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = open_home(Path(folder))
        shelves = catalogue(home.root)
        good = bars(home, shelves)
        if asked.methods:
            told = distances(home, shelves, asked.methods, asked.trials, asked.classes, asked.seeds, asked.search_seeds)
            each = f"{asked.trials} trials a search, each the mean over {asked.search_seeds} of its seeds"
            fresh = ", ".join(map(str, asked.seeds))
            append("Tune: blind beside oracle, digits, small_cnn", told,
                   f"{each}; measured on fresh seeds {fresh}; distance of both test accuracies to the reference's, in sum.")  # fmt: skip
    return all(good)


if __name__ == "__main__":
    sys.exit(not main())
