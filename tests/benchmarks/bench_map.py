"""The joint map in a real Chromium: from the click that asks for it to its first drawing, features stored.

python tests/benchmarks/bench_map.py [SAMPLES]

digits: a run's own features (1,797 images, 64 numbers). wide: 2,000 images' features of ResNet-18's width (512), drawn by chance
around their classes, kept in place of a network's; what follows asks no network, so that its weights cannot matter.
"""

from pathlib import Path
from statistics import median
import sys
import tempfile
import time

import numpy as np
from playwright.sync_api import Page

from core.analysis import stored_results
from core.analysis.registry import LOOKS
from core.analysis.stored_results import Analysis
from core.storage.home import Home, open_home
from tests.benchmarks.chromium import new_page, served, told
from tests.benchmarks.results import append, table
from tests.browser.kit import ready
from tests.planted import plant, spec

BARS = {"PCA": 3.0, "UMAP": 25.0}  # seconds to the first drawing
AGAIN = 1.0  # seconds to the first figure of a page whose map is kept
ASKED = {"count": 2000, "seed": 0}
TAKEN = {"forget": 800, "retain": 600, "test_forget": 200, "test_retain": 400}
CANVAS = ".st-key-map_figure .gl-canvas"


def keep_features(home: Home, run_id: str, made: dict[str, np.ndarray]) -> None:
    """As the look `features` would."""
    asked = Analysis("features", run_id, ASKED)
    stored_results.keep(home, stored_results.key_of(home, asked), asked, made, 1.0)


def wide(draw: np.random.Generator) -> dict[str, np.ndarray]:
    """Features of 2,000 images and three networks, 512 numbers each, around ten centres; retained rows below the digits' count."""
    count, places = sum(TAKEN.values()), list(TAKEN.values())
    label, centres = draw.integers(0, 10, count), draw.normal(0, 1, (10, 512))
    made: dict[str, np.ndarray] = {
        "set": np.repeat(np.arange(4), places), "index": np.concatenate([np.arange(n) for n in places]) % 360, "label": label,
        "place": np.concatenate([np.arange(n) for n in places]), "available": np.array(places),
    }  # fmt: skip
    for model in ("original", "unlearned", "reference"):
        made[f"features/{model}"] = (centres[label] + draw.normal(0, 1, (count, 512))).astype(np.float32)
        made[f"probabilities/{model}"] = draw.dirichlet(np.ones(10), count).astype(np.float32)
    return made


def asked_for(page: Page, run_id: str, projection: str) -> tuple[float, float]:
    """Seconds from the click to the first drawing; then of the page opened once more, its map kept."""
    page.goto(f"/map?run={run_id}&map_projection={projection}")
    ready(page)
    offer = page.get_by_role("button", name=f"Compute the joint map by {projection}")
    offer.wait_for()
    began = time.monotonic()
    offer.click()
    page.locator(CANVAS).first.wait_for(timeout=120_000)
    first = time.monotonic() - began
    page.get_by_role("link", name="Runs").click()
    page.locator(CANVAS).first.wait_for(state="detached")
    ready(page)
    began = time.monotonic()
    page.get_by_role("link", name="Map", exact=True).click()
    page.locator(CANVAS).first.wait_for()
    return first, time.monotonic() - began


def main() -> int:
    """1 where a bar is missed."""
    samples, draw, good, rows = int(sys.argv[1]) if len(sys.argv) > 1 else 3, np.random.default_rng(0), [], []
    with tempfile.TemporaryDirectory() as place:
        home = open_home(Path(place) / "home")
        runs = {name: [plant(home, spec("ssd", seed=seed)) for seed in range(first, first + samples)]
                for name, first in (("digits", 0), ("wide", 100))}  # fmt: skip
        for run_id in runs["digits"]:
            keep_features(home, run_id, LOOKS["features"](home, run_id, lambda *_: None, **ASKED))
        for run_id in runs["wide"]:
            keep_features(home, run_id, wide(draw))
        with served(home) as (server, browser):
            page = new_page(browser, server)
            page.goto(f"/map?run={runs['digits'][0]}")  # the first page imports everything
            ready(page)
            for projection, bar in BARS.items():
                for name, ids in runs.items():
                    firsts, again = zip(*(asked_for(page, run_id, projection) for run_id in ids), strict=True)
                    good.append(told(f"{name}, {projection}: click to first drawing, features stored", firsts, bar))
                    good.append(told(f"{name}, {projection}: page to its first figure, map kept", again, AGAIN))
                    rows.append((f"{name}, {projection}", median(firsts), max(firsts), bar, median(again)))
    append("The joint map of up to 2,000 images x 3 networks in Chromium, features stored",
           table(("map", "click to first drawing, median s", "largest s", "bar", "page to its figure, map kept"), rows))  # fmt: skip
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
