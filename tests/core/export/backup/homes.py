"""A home in which something of every kind lies, and what is compared of two homes."""

from pathlib import Path

import numpy as np

from core.data.importing.importer import ImportOptions, add
from core.storage.artifacts import Artifacts
from core.storage.audience import decks
from core.storage.audience.decks import Slide
from core.storage.home import Home
from core.storage.queues import job_queue
from core.storage.queues.lifecycle import IMPORT
from core.storage.runs import ResultStore
from tests.core.data.importing.made_up import folder
from tests.core.export.bundle.bundles import planted_home
from tests.core.sequences.planted import parts, step, stored

EXTENSION = 'raise SystemExit("executed")\n'  # which nobody must


def full_home(root: Path) -> tuple[Home, list[str]]:
    """Two runs of a study with their second reference, what is kept, a sequence, a dataset, a deck, presets, an extension, an import."""
    home, ids = planted_home(root)
    stored(home, parts(), [step(0, 1)])
    artifacts = Artifacts(home.artifacts_folder)
    with ResultStore(home.database) as store:
        store.keep("an-original", "original", artifacts.put_arrays({"w": np.arange(5.0)}), 1.5)
        decks.make(store, "A lesson", [Slide("text", "First", "What was forgotten?")])
        job_queue.add(store.db, "an-import", IMPORT, {"path": "/nowhere"})
    add(folder(root.parent / "cats"), ImportOptions(), home.datasets_folder)
    home.presets_file.write_text("[]")
    home.log(ids[0]).write_text("epoch 1\n")
    (home.root / "extensions" / "mine").mkdir(parents=True)
    (home.root / "extensions" / "mine" / "__init__.py").write_text(EXTENSION)
    (home.root / "extensions" / "mine" / "__pycache__").mkdir()
    (home.root / "extensions" / "mine" / "__pycache__" / "x.pyc").write_bytes(b"\0")
    (home.root / "catalogue").mkdir(exist_ok=True)
    (home.root / "catalogue" / "made.json").write_text("{}")
    return home, ids


def rows_of(home: Home) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every table but the counters of changes."""
    with ResultStore(home.database) as store:
        tables = [row["name"] for row in store.db.read("select name from sqlite_master where type = 'table' and name not like 'sqlite%'")]
        return {
            table: sorted((tuple(row) for row in store.db.read(f"select * from {table}")), key=repr)
            for table in tables if not table.endswith("revision")
        }  # fmt: skip


def files_of(home: Home, folder: str) -> dict[str, bytes]:
    """Relative path -> content, of what lies there."""
    root = home.root / folder
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file() and path.suffix != ".pyc"}
