"""One HTML file that needs nothing else: sections laid out by a template, plotly's script inside, every request forbidden."""

from base64 import b64encode
from collections.abc import Sequence
from functools import cache
from hashlib import sha256
import json
from pathlib import Path
import re
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from markupsafe import Markup
import pandas as pd

from core.export.private_paths import cleaned
from core.figures.plotly_layout import ON_WHITE
from core.figures.plotly_script import packed_script, plain_figure
from core.figures.sections import FigureBlock, PicturesBlock, Section, TableBlock, TextBlock, rows_of

TEMPLATES = Path(__file__).with_name("templates")
LONGEST_NUMBER = 24  # letters of a cell that is a number with its interval and unit


def page(
    template: str, *, title: str, sections: Sequence[Section] = (), private: Sequence[str] = (), style: str = "style.css",
    script: str = "draw.js", **more: Any,
) -> str:  # fmt: skip
    """The file's text, without absolute paths. template: a file of `templates`, which `more` is for. private: as `without_paths` has it.

    style, script: files of `templates`; the script comes after `unpack.js`, by which it gets plotly.
    """
    packed, digest = packed_script()
    draw = "".join((TEMPLATES / name).read_text() for name in ("unpack.js", script))
    return _environment().get_template(template).render(
        private=private, style=Markup((TEMPLATES / style).read_text()), draw=Markup(draw),
        policy=Markup(f"'sha256-{b64encode(sha256(draw.encode()).digest()).decode()}' '{digest}'"), plotly=Markup(packed),
        on_white=ON_WHITE, **cleaned({"title": title, "sections": list(sections), **more}, private),
    )  # fmt: skip


@cache
def _environment() -> Environment:
    loader = FileSystemLoader(TEMPLATES)
    environment = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters |= {
        "data": data, "png": _png, "figure": _figure, "rows": rows_of, "numeric_columns": _numeric_columns, "csv": _csv,
        "file_name": plain_name,
    }  # fmt: skip
    kinds = {FigureBlock: "figure", TableBlock: "table", PicturesBlock: "pictures", TextBlock: "text"}
    environment.filters["kind"] = lambda block: kinds[type(block)]
    return environment


def data(plain: Any) -> Markup:
    """JSON for a script element that holds data: nothing in it can end the element."""
    text = json.dumps(plain, ensure_ascii=True, separators=(",", ":"))
    return Markup(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))


@pass_context
def _figure(context: Context, figure: Any) -> dict[str, Any]:
    plain: dict[str, Any] = cleaned(plain_figure(figure), context["private"])
    return plain


def _png(content: bytes) -> str:
    return f"data:image/png;base64,{b64encode(content).decode()}"


def _csv(table: pd.DataFrame) -> str:
    """The table as a file in a data address."""
    return f"data:text/csv;charset=utf-8;base64,{b64encode(table.to_csv(index=False).encode()).decode()}"


def _numeric_columns(table: pd.DataFrame) -> list[str]:
    """Those, after the first, whose cells are all numbers or begin with one: they stand at the right."""
    return [name for name in table.columns[1:] if all(_numeric(value) for value in table[name])]


def _numeric(value: Any) -> bool:
    return isinstance(value, int | float) or value is None or (value[:1] in "0123456789–−-" and len(value) < LONGEST_NUMBER)


def plain_name(*parts: str) -> str:
    """Parts as one file name of letters that every system takes."""
    return "-".join(re.sub(r"[^A-Za-z0-9_.]+", "-", part).strip("-.") for part in parts if part)
