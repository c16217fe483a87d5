"""Bundles for the tests: a planted run, its second reference and a study, packed, and taken apart to be spoiled."""

from collections.abc import Callable, Mapping
import hashlib
from io import BytesIO
import json
from pathlib import Path
from typing import Any
import zipfile

from core.domain.methods.ablations import SECOND_REFERENCE_METHOD
from core.export.bundle.layout import MANIFEST
from core.export.bundle.write import write
from core.storage.home import Home, open_home
from core.storage.runs import ResultStore
from tests.planted import plant, spec

PLAN = {
    "dataset": "digits", "model": "small_cnn", "request": {"kind": "class", "picks": [3], "amount": 0.0, "seed": 0, "column": ""},
    "variants": [{"method": "ssd", "settings": {}}], "seeds": [0, 1], "reference": True, "title": "Two seeds", "draws": [], "limit": None,
}  # fmt: skip


def planted_home(root: Path) -> tuple[Home, list[str]]:
    """Two runs of a study `s0123`, called Two seeds, and the second reference of the first."""
    home = open_home(root)
    ids = [plant(home, spec("ssd", seed=seed)) for seed in (0, 1)]
    plant(home, spec(SECOND_REFERENCE_METHOD))
    with ResultStore(home.database) as store, store.db.transaction() as write_:
        study = ("s0123", "Two seeds", json.dumps(PLAN), "2026-01-02T03:04:05.000+00:00")
        write_.execute("insert into studies (id, title, plan, created_at) values (?, ?, ?, ?)", study)
        write_.executemany("insert into study_runs values ('s0123', ?, 0, 0)", [(run_id,) for run_id in ids])
    return home, ids


def packed(home: Home, ids: list[str], **how: bool) -> bytes:
    stream = BytesIO()
    write(home, ids, stream, **how)
    return stream.getvalue()


def members_of(bundle: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(BytesIO(bundle)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def zipped(members: Mapping[str, bytes], kind: int = zipfile.ZIP_STORED) -> bytes:
    stream = BytesIO()
    with zipfile.ZipFile(stream, "w", kind) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content, kind)
    return stream.getvalue()


def relisted(members: Mapping[str, bytes], **about: Any) -> dict[str, bytes]:
    """With a list of contents that fits them, as somebody would write it who changed a file on purpose. about: of the list itself."""
    said = json.loads(members[MANIFEST])
    others = {path: content for path, content in members.items() if path != MANIFEST}
    said["files"] = {path: {"sha256": hashlib.sha256(text).hexdigest(), "bytes": len(text)} for path, text in others.items()}
    return {**members, MANIFEST: json.dumps({**said, **about}).encode()}


def changed_json(members: Mapping[str, bytes], path: str, change: Callable[[Any], Any]) -> dict[str, bytes]:
    """With another JSON at a path, and a list of contents that fits. change: changes it in place, or returns another."""
    plain = json.loads(members[path])
    other = change(plain)
    return relisted({**members, path: json.dumps(plain if other is None else other).encode()})


def state_of(home: Home) -> tuple[list[str], list[tuple[object, ...]]]:
    """Every file of the home but its log and the database's own, and every row of its tables."""
    files = sorted(
        str(path.relative_to(home.root)) for path in home.root.rglob("*")
        if path.is_file() and path.suffix != ".log" and not path.name.startswith("forgetscope.db")
    )  # fmt: skip
    with ResultStore(home.database) as store:
        tables = [row["name"] for row in store.db.read("select name from sqlite_master where type = 'table' and name not like 'sqlite%'")]
        rows = [(table, *tuple(row)) for table in sorted(tables) for row in store.db.read(f"select * from {table}")]
    return files, rows
