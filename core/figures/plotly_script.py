"""Plotly's own script, and figures as text, for pages that carry both with them."""

from base64 import b64encode
from functools import cache
import gzip
from hashlib import sha256
import json
from typing import Any

import plotly.graph_objects as go
from plotly.offline import get_plotlyjs, get_plotlyjs_version

VERSION: str = get_plotlyjs_version()


def whole_script() -> bytes:
    """Plotly's script, a few megabytes."""
    return str(get_plotlyjs()).encode()


@cache
def packed_script() -> tuple[str, str]:
    """Plotly's script, gzipped, as base64; and its SHA-256 as a content security policy names it."""
    script = whole_script()
    return b64encode(gzip.compress(script, 9, mtime=0)).decode(), f"sha256-{b64encode(sha256(script).digest()).decode()}"


def plain_figure(figure: go.Figure) -> dict[str, Any]:
    """A figure's data and layout for JSON, without the template, which `plotly_layout.ON_WHITE` replaces."""
    plain: dict[str, Any] = json.loads(figure.to_json())
    plain["layout"].pop("template", None)
    return {"data": plain["data"], "layout": plain["layout"]}
