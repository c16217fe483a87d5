"""Bundles spoiled by a seed: bytes of the zip, or of a member whose digest is mended afterwards, as by somebody who means it."""

from collections.abc import Callable, Iterable
from copy import deepcopy
from io import BytesIO
import json
from pathlib import Path
import random
import zipfile

import pandas as pd

from core.domain.errors import WrongInput
from core.export.bundle.bring import bring
from core.export.bundle.layout import MANIFEST
from core.export.report.html_report import run_report
from core.figures.run_rows import RunRow, row_html
from core.jobs.catalogue import Catalogue
from core.reports.first_screen import of_stored_run
from core.storage.home import Home
from core.storage.runs import ResultStore
from tests.core.export.bundle.bundles import members_of, relisted, zipped
from tests.faults.mutations import mutated

MUTATIONS = ("bytes", "member", "mended member", "mended json", "packed", "mended table")
CELLS = (None, -1, 0, 0.5, 1, 3, 2**40, 1e308, float("inf"))
VALUES = (None, True, -1, 0, 0.5, 3, 2**70, 1e308, "", "a" * 5000, "../../x", "\n", "\u202e", [], {}, [[]] * 50, "nan", "inf")


def mutated_bundle(good: bytes, draw: random.Random, kind: str) -> bytes:
    """One spoiled bundle; `kind`: one of MUTATIONS."""
    if kind == "bytes":
        return mutated(good, draw)
    members = members_of(good)
    path = draw.choice(sorted(members))
    if kind == "mended table":
        path = draw.choice([path for path in sorted(members) if path.endswith(".parquet")])
        return zipped(relisted({**members, path: _spoiled_table(members[path], draw)}))
    if kind == "mended json":
        path = draw.choice([path for path in sorted(members) if path.endswith(".json") and path != MANIFEST])
        plain = json.loads(members[path])
        _spoil(plain, draw)
        return zipped(relisted({**members, path: json.dumps(plain).encode(errors="replace")}))
    spoiled = {**members, path: mutated(members[path], draw)}
    if kind == "packed":
        return mutated(zipped(members, zipfile.ZIP_DEFLATED), draw)
    return zipped(relisted(spoiled) if kind == "mended member" and path != MANIFEST else spoiled)


def _spoiled_table(content: bytes, draw: random.Random) -> bytes:
    """With a cell, a column, or the rows changed."""
    table = pd.read_parquet(BytesIO(content))
    name = draw.choice(list(table.columns))
    kind = draw.choice(("cell", "column", "rows", "twice", "none", "without"))
    if kind in ("cell", "column") and len(table):
        own = table[name].tolist()
        value = draw.choice([*CELLS, own[-1]]) if not isinstance(own[0], str) else draw.choice(["evil", "", "<b>", None, own[-1]])
        table[name] = [value if kind == "column" or at == len(own) // 2 else old for at, old in enumerate(own)]
    elif kind == "rows":
        table = table.sample(frac=0.5, random_state=draw.randrange(1000))
    elif kind == "twice":
        table = pd.concat([table, table.tail(1)])
    elif kind == "none":
        table = table.head(0)
    else:
        table = table.drop(columns=name)
    stream = BytesIO()
    table.to_parquet(stream)
    return stream.getvalue()


def said_by(read: Callable[..., object], *words: object) -> str:
    """The sentence with which it refuses, '' where it does not."""
    try:
        read(*words)
    except WrongInput as wrong:
        return str(wrong)
    return ""


def read_through(home: Home, run_ids: Iterable[str], shelves: Catalogue) -> int:
    """Reads each run as a report, as a first screen and as a row of the list of runs: how many of these said that they cannot be made.

    Anything but a sentence is raised. FORGETSCOPE_HOME must name the home.
    """
    from dashboard.queries import run_rows  # late: it imports Streamlit

    refused = 0
    for run_id in run_ids:
        with ResultStore(home.database) as store:
            run = store.existing(run_id)
            data = shelves.datasets.get(run.spec.dataset) or (run.imported.dataset if run.imported else None)
            told = [said_by(run_report, home, run_id, shelves), said_by(of_stored_run, home, store, run, data, run.spec.method)]
        assert all(not said or said.endswith(".") for said in told)
        refused += sum(map(bool, told))
        outcome = run_rows.outcomes([run])[run_id]
        row = row_html(RunRow(run.spec.method, "", outcome.lead, outcome.gauges, "1 s", "now"))
        assert "<script" not in row
        refused += not outcome.gauges
    return refused


def outcome(home: Home, file: Path, content: bytes) -> str:
    """The sentence of importing it, '' where it was read. AssertionError where it is no one sentence, or leaves something half done."""
    file.write_bytes(content)
    said = ""
    try:
        bring(home, file)
    except WrongInput as wrong:
        said = str(wrong)
    assert not list(home.root.rglob(".writing-*"))
    assert "\n" not in said
    assert not said or said.endswith(".")
    assert len(said) < 600
    return said


def _spoil(plain: object, draw: random.Random) -> None:
    """Somewhere in it, another value, or in a list an entry once more."""
    here = plain
    while isinstance(here, dict | list) and here:
        key = draw.choice(sorted(here)) if isinstance(here, dict) else draw.randrange(len(here))
        inner = here[key]  # type: ignore[index]  # of a dict or a list
        if isinstance(here, list) and draw.random() < 0.15:
            here.append(deepcopy(inner))
            return
        if not isinstance(inner, dict | list) or not inner or draw.random() < 0.3:
            here[key] = draw.choice(VALUES)  # type: ignore[index]  # likewise
            return
        here = inner


