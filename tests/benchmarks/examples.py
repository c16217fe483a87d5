"""make examples: runs the finished examples with our own engine and writes what ships of them into assets/examples.

Bundles of `core.export.examples.EXAMPLES`, a wall of training images of each dataset, and of each example one forgotten image with the
saliency maps of its networks, for the story, which must not wait for an engine.
"""

from dataclasses import asdict
import json
import os
from pathlib import Path
import subprocess
import sys
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from PIL import Image

from core.data.registry import DATASETS, load_dataset
from core.domain.methods.ablations import SECOND_REFERENCE_METHOD
from core.export.bundle.write import export
from core.export.examples import EXAMPLES, FOLDER, LOOKS, MOST_BYTES, SHELVES, Example
from core.figures.image_sprite import to_rgb
from core.figures.saliency.overlays import overlay, scale_of
from core.jobs.engine_client import WarmEngine
from core.methods.registry import METHODS
from core.storage.home import Home, open_home

ROWS, COLUMNS = 10, 12  # of a wall: a row for each class or person
EXPLAINER = "integrated_gradients"
GAP = 1  # pixels between images of a wall


def main() -> None:
    """All of it, in a home of its own, or in the home that is named, where its runs may be already."""
    with TemporaryDirectory() as folder:
        home = open_home(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(folder) / "home")
        ids = {example.key: _run(home, example) for example in EXAMPLES}
        FOLDER.mkdir(exist_ok=True)
        for old in FOLDER.iterdir():
            old.unlink()
        for file in dict.fromkeys(example.file for example in EXAMPLES):
            export(home, [ids[example.key] for example in EXAMPLES if example.file == file], FOLDER / file)
        engine = WarmEngine(home)
        looks = {example.key: _look(engine, ids[example.key], example.look) for example in EXAMPLES}
        engine.close()
        (FOLDER / LOOKS).write_text(json.dumps(looks, indent=1) + "\n", encoding="utf-8")
        (FOLDER / SHELVES).write_text(json.dumps(shelves(), indent=1) + "\n", encoding="utf-8")
        for example in EXAMPLES:
            if not example.wall.exists():
                _wall(example)
    sizes = {path.name: path.stat().st_size for path in sorted(FOLDER.iterdir())}
    for name, size in sizes.items():
        print(f"{size:>10,} {name}")
    print(f"{sum(sizes.values()):>10,} of {MOST_BYTES:,}")
    if sum(sizes.values()) > MOST_BYTES:
        raise SystemExit("The examples are too large to ship.")


def shelves() -> dict[str, dict[str, Any]]:
    """Of the examples' datasets and methods, what the story says."""
    return {
        "datasets": {key: asdict(DATASETS[key].INFO) for key in sorted({example.dataset for example in EXAMPLES})},
        "titles": {key: METHODS[key].title for key in sorted({example.method for example in EXAMPLES})},
    }


def _run(home: Home, example: Example) -> str:
    """Its run's id."""
    floor = [] if example.method == SECOND_REFERENCE_METHOD else ["--floor"]  # a bundle takes along what shows the retraining variability
    words = [sys.executable, "-m", "core", "run", *example.words, *floor, "--json"]
    environment = {**os.environ, "FORGETSCOPE_HOME": str(home.root)}
    said = json.loads(subprocess.run(words, env=environment, stdout=subprocess.PIPE, check=False).stdout or "{}")
    if said.get("status") != "done":
        raise SystemExit(f"{' '.join(words)} did not end with a finished run.")
    return str(said["id"])


def _look(engine: WarmEngine, run_id: str, path: Path) -> dict[str, dict[str, Any]]:
    """Write the picture of the first forgotten test image; what each network predicts for it."""
    offer = engine.ask("saliency_offer", run_id=run_id)
    image = {"set": next(name for name in ("test_forget", "forget") if offer["sets"].get(name)), "place": 0}
    answer = engine.ask("saliency", run_id=run_id, image=image, how=EXPLAINER, target="true", settings={})
    pixels, models = answer["image"], answer["models"]
    scale = scale_of([output["map"] for output in models.values()])
    rgb = (np.repeat(pixels, 3, 0) if len(pixels) == 1 else pixels).transpose(1, 2, 0)
    maps = [overlay(pixels, output["map"], scale) for output in models.values()]
    Image.fromarray(np.concatenate([rgb, *maps], 1)).save(path, optimize=True)
    shown = {name: {"class": output["answer"], "probability": output["probabilities"][output["answer"]]} for name, output in models.items()}
    return {"image": {"class": answer["label"]}, **shown}


def _wall(example: Example) -> None:
    """COLUMNS training images of each of ROWS classes, or of as many people as there is room for in rows where persons are named."""
    data = load_dataset(example.dataset)
    kinds = data.train_columns.get("identity", data.train.labels)
    first = int(example.forget.partition("=")[2] or 0)  # the row of the forgotten person comes first
    rows = [kind % (int(kinds.max()) + 1) for kind in range(first, first + ROWS)]
    side, levels = data.info.height + GAP, data.train.peak
    wall = np.full((ROWS * side, COLUMNS * side, 3), 127, np.uint8)
    for row, kind in enumerate(rows):
        chosen = np.flatnonzero((kinds == kind).numpy())[:COLUMNS]
        for column, picture in enumerate(to_rgb(data.train.images[chosen].numpy(), levels)):
            wall[row * side : row * side + side - GAP, column * side : column * side + side - GAP] = picture
    Image.fromarray(wall).quantize(64).save(example.wall, optimize=True)


if __name__ == "__main__":
    main()
