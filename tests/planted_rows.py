"""Finished runs as rows alone, written by SQL: 10,000 in seconds. Their numbers are drawn; they have no files but `share_files`'.

    ids = plant_rows(home, 10_000)     # oldest first; through no step of the store's, so that nothing but the reading is measured
"""

from datetime import UTC, datetime, timedelta
from itertools import islice, product
import json

import numpy as np

from core.domain.run import RunSpec
from core.storage.home import Home
from core.storage.runs import ResultStore
from tests.planted import SETTINGS, plant, spec

METHODS = ("ssd", "finetune", "salun", "scrub", "gradient_ascent", "random_label", "neggrad_plus", "bad_teacher", "retrain", "aru")
REQUESTS = ("class:3", "class:5", "random:0.05", "samples:12,90,401")
START = datetime(2026, 1, 2, tzinfo=UTC)


def specs_of(count: int) -> list[RunSpec]:
    """`count` different specs: ten methods, four requests, settings and seeds, as a long study would ask for."""
    seeds = -(-count // (len(METHODS) * len(REQUESTS)))
    every = product(range(seeds), REQUESTS, METHODS)
    return [
        spec(method, request, seed % 50, params=SETTINGS.get(method, {}) | {"round": seed // 50})
        for seed, request, method in islice(every, count)
    ]


def plant_rows(home: Home, count: int) -> list[str]:
    """Ids of `count` finished runs, oldest first. All have the numbers of one planted run, a little off, and its files."""
    model = plant(home, spec("unsir"))
    made = specs_of(count)
    ids = [one.id for one in made]
    draw = np.random.default_rng(0)
    with ResultStore(home.database) as store:
        taken, files = store.measurements(model), store.artifacts(model)
        turn = store.db.read("select max(turn) as turn from runs")[0]["turn"]
        with store.db.transaction() as write:
            for table, column in (("measurements", "run_id"), ("artifacts", "run_id"), ("runs", "id")):
                write.execute(f"delete from {table} where {column} = ?", (model,))
            seconds = json.dumps({"train": 3.0, "reference": 3.0, "precompute": 0.1, "unlearn": 0.2, "evaluate": 1.0})
            write.executemany(
                "insert into runs (id, spec, status, turn, share, created_at, started_at, finished_at, device, seconds, speedup)"
                " values (?, ?, 'done', ?, 1, ?, ?, ?, 'cpu', ?, 15.0)",
                (
                    (run_id, one.to_json(), turn + 1 + at, *(_time(at, part) for part in range(3)), seconds)
                    for at, (run_id, one) in enumerate(zip(ids, made, strict=True))
                ),
            )
            for run_id in ids:
                off = draw.random(len(taken)) * 0.03
                write.executemany(
                    "insert into measurements values (?, ?, ?, ?, ?)",
                    [
                        (run_id, m.metric, m.model, None if m.value is None else m.value * (1 - far), m.reason)
                        for m, far in zip(taken, off.tolist(), strict=True)
                    ],
                )
            write.executemany("insert into artifacts values (?, ?, ?)", [(run_id, *item) for run_id in ids for item in files.items()])
    return ids


def _time(at: int, part: int) -> str:
    return (START + timedelta(minutes=at, seconds=20 * part)).isoformat(timespec="milliseconds")
