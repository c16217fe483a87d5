"""Bundles spoiled by a seed: bytes of the zip, or of a member whose digest is mended afterwards, as by somebody who means it."""

import json
from pathlib import Path
import random
import zipfile

from core.domain.errors import WrongInput
from core.export.bundle.bring import bring
from core.export.bundle.layout import MANIFEST
from core.storage.home import Home
from tests.core.export.bundle.bundles import members_of, relisted, zipped
from tests.faults.mutations import mutated

MUTATIONS = ("bytes", "member", "mended member", "mended json", "packed")
VALUES = (None, True, -1, 2**70, 1e308, "", "a" * 5000, "../../x", "\n", "\u202e", [], {}, [[]] * 50, "nan", "inf")


def mutated_bundle(good: bytes, draw: random.Random, kind: str) -> bytes:
    """One spoiled bundle; `kind`: one of MUTATIONS."""
    if kind == "bytes":
        return mutated(good, draw)
    members = members_of(good)
    path = draw.choice(sorted(members))
    if kind == "mended json":
        path = draw.choice([path for path in sorted(members) if path.endswith(".json") and path != MANIFEST])
        plain = json.loads(members[path])
        _spoil(plain, draw)
        return zipped(relisted({**members, path: json.dumps(plain).encode(errors="replace")}))
    spoiled = {**members, path: mutated(members[path], draw)}
    if kind == "packed":
        return mutated(zipped(members, zipfile.ZIP_DEFLATED), draw)
    return zipped(relisted(spoiled) if kind == "mended member" and path != MANIFEST else spoiled)


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
    """Somewhere in it, another value."""
    here = plain
    while isinstance(here, dict | list) and here:
        key = draw.choice(sorted(here)) if isinstance(here, dict) else draw.randrange(len(here))
        inner = here[key]  # type: ignore[index]  # of a dict or a list
        if not isinstance(inner, dict | list) or not inner or draw.random() < 0.3:
            here[key] = draw.choice(VALUES)  # type: ignore[index]  # likewise
            return
        here = inner


