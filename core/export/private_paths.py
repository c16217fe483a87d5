"""Absolute paths, which say whose machine something was written on, taken out of all that leaves it."""

from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
import re
from typing import Any

from markupsafe import Markup
import pandas as pd

CUT = "…"  # stands for a path
LEAST_PARTS = 3  # of a folder that is looked for by its name: `/home/alice` has them, `/` and `/ws` would be found in any text
_STARTS = r"(?:file://+|[A-Za-z]:[\\/]|\\\\|~(?:[A-Za-z_]\w*)?/|/[\w.~'-]+/)"  # of any system
_GOES_ON = r"(?:[^\s'\",;:()<>]|[',;:(](?=[\w/\\])|\)(?=[\w./\\])|[ ](?=[^\s/\\]+[/\\]\w))*"  # over a space where a later part has a slash
_PATH = re.compile(
    rf"(?<='){_STARTS}[^'\n]*(?=')|(?<=\"){_STARTS}[^\"\n]*(?=\")|(?<![\w./\\<{CUT}]){_STARTS}{_GOES_ON}[\w/\\]"
)
_WHOLE = ("data:image/", "data:text/")  # beginnings of texts that hold a file
_PACKED = "bdata"  # the key under which plotly packs numbers


def without_paths(text: str, private: Sequence[str] = ()) -> str:
    """A text without the absolute paths in it. private: folders that go whole though their names have spaces, as do the user's own and
    the one at work.
    """
    if not any(mark in text for mark in "/\\~") or text.startswith(_WHOLE):
        return text
    folders = {*private, str(Path.home()), str(Path.cwd())}
    for folder in sorted((one for one in folders if len(Path(one).parts) >= LEAST_PARTS), key=len, reverse=True):
        text = text.replace(folder, CUT)
    return _PATH.sub(CUT, text)


def cleaned(plain: Any, private: Sequence[str] = ()) -> Any:
    """`without_paths` of every text in nested data: dataclasses, tables, lists, mappings. Markup is of our own making and stays."""
    if isinstance(plain, str):
        return plain if isinstance(plain, Markup) else without_paths(plain, private)
    if isinstance(plain, pd.DataFrame):
        table = plain.map(lambda cell: cleaned(cell, private) if isinstance(cell, str) else cell)
        return table.rename(columns=lambda name: cleaned(name, private))
    if isinstance(plain, Mapping):
        return {key: part if key == _PACKED else cleaned(part, private) for key, part in plain.items()}
    if isinstance(plain, list | tuple):
        parts = [cleaned(part, private) for part in plain]
        return type(plain)(*parts) if hasattr(plain, "_fields") else type(plain)(parts)
    if is_dataclass(plain) and not isinstance(plain, type):
        plain = replace(plain, **{one.name: cleaned(getattr(plain, one.name), private) for one in fields(plain)})
    return plain
