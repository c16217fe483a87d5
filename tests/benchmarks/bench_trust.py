"""The trust checks on digits: silent on every retrained network (ten classes and more), each planted fault named.

python tests/benchmarks/bench_trust.py [SEEDS]
"""

from collections import Counter
from itertools import product
from pathlib import Path
import sys
import tempfile

from core.reports.checks.registry import examine
from core.storage.home import open_home
from tests.benchmarks.bench_digits import verdict
from tests.benchmarks.results import fresh_seeds
from tests.spoiled import (
    Spoil,
    constant,
    judged,
    one_class_lost,
    only_trained_on,
    over_forgotten,
    retrained,
    taught_wrong,
    untouched,
    with_floor,
    worn,
)

REQUESTS = (
    *(f"class:{index}" for index in range(10)),
    *("classes:3,5", "random:0.05", "random:0.1", "samples:12,90,401,402,700,701,702,703,1000,1001"),
)
PLANTED: tuple[tuple[str, Spoil, tuple[str, ...]], ...] = (
    ("untouched", untouched, ("class:3", "random:0.05")),
    ("collapsed", constant, ("class:3", "class:0", "random:0.05")),
    ("over_forgotten", over_forgotten, ("random:0.05", "random:0.2")),
    ("over_forgotten", taught_wrong, ("random:0.1", "random:0.2")),
    ("still_recognised", taught_wrong, ("class:3", "class:8")),
    ("no_nearer", only_trained_on, ("random:0.1",)),
    ("price", worn, ("class:3", "random:0.05")),
    ("hidden_worst_class", one_class_lost, ("class:3", "class:8", "random:0.05")),
)


def silent(home, seeds: tuple[int, ...]) -> list[bool]:  # type: ignore[no-untyped-def]  # Home
    """Retrained networks, held against the shipped tolerances and against other seeds' floors."""
    cases = {(request, seed): judged(home, request, seed, retrained) for request, seed in product(REQUESTS, seeds)}
    said: Counter[str] = Counter()
    looks = unequal = 0
    for (request, seed), case in cases.items():
        floors = [other for (asked, number), other in cases.items() if asked == request and number != seed]
        for held in (case, *(with_floor(case, floor) for floor in floors)):
            looks += 1
            if held.recoverability().word not in ("equal", "unknown"):
                unequal += 1
                print(f"      {request} seed {seed}: {held.recoverability().sentence}")
            for doubt in examine(held).warnings:
                said[doubt.key] += 1
                print(f"      {request} seed {seed}{' with a floor' if held is not case else ''}: {doubt.sentence}")
    return [
        verdict(f"retrained: no doubt in {looks} looks at {len(cases)} networks", f"{sum(said.values())} {dict(said)}", not said),
        verdict("retrained: none easier or harder to bring back", f"{unequal} of {looks}", not unequal),
    ]


def named(home, seeds: tuple[int, ...]) -> list[bool]:  # type: ignore[no-untyped-def]  # Home
    """Planted faults, with and without a floor; other doubts beside the planted one are printed, not judged."""
    good = []
    for key, spoil, requests in PLANTED:
        hits, looks, others = 0, 0, Counter[str]()
        for request, seed in product(requests, seeds):
            case = judged(home, request, seed, spoil)
            for held in (case, with_floor(case, judged(home, request, seed, retrained))):
                keys = [doubt.key for doubt in examine(held).warnings]
                looks += 1
                hits += key in keys
                others.update(k for k in keys if k != key)
            for doubt in examine(case).warnings:
                print(f"      {request} seed {seed}: {doubt.sentence}", flush=True)
        what = f"{key}: {spoil.__name__} named in {', '.join(requests)}"
        good.append(verdict(what, f"{hits} of {looks}, besides: {dict(others)}", hits == looks))
    return good


def main() -> bool:
    """Whether every bar was met."""
    seeds = fresh_seeds()
    with tempfile.TemporaryDirectory() as place:
        home = open_home(Path(place) / "home")
        return all([*named(home, seeds), *silent(home, seeds)])


if __name__ == "__main__":
    sys.exit(not main())
