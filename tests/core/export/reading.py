"""What a report's HTML holds, by a parser that is not ours."""

from base64 import b64decode, b64encode
import gzip
from hashlib import sha256
from html.parser import HTMLParser
import json
import re
from typing import Any


class Read(HTMLParser):
    """scripts: (type, content); tags: name -> attributes of each; text: all that is not in a script or a style; rows: tables' cells."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.scripts: list[tuple[str, str]] = []
        self.tags: dict[str, list[dict[str, str]]] = {}
        self.words: list[str] = []
        self.rows: list[list[str]] = []
        self._in = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        self.tags.setdefault(tag, []).append(found)
        if tag == "script":
            self.scripts.append((found.get("type", ""), ""))
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
        if tag in ("script", "style", "td", "th"):
            self._in = tag

    def handle_endtag(self, tag: str) -> None:
        if tag == self._in:
            self._in = ""

    def handle_data(self, data: str) -> None:
        if self._in == "script":
            self.scripts[-1] = (self.scripts[-1][0], self.scripts[-1][1] + data)
        elif self._in != "style":
            self.words.append(data)
            if self._in:
                self.rows[-1][-1] += data

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.words))

    @property
    def figures(self) -> list[dict[str, Any]]:
        found = [json.loads(content) for kind, content in self.scripts if kind == "application/json"]
        return [figure for figure in found if "layout" in figure and "data" in figure]

    @property
    def plotly(self) -> str:
        (packed,) = (content for kind, content in self.scripts if kind == "application/octet-stream")
        return gzip.decompress(b64decode(packed)).decode()

    @property
    def policy(self) -> str:
        (found,) = (tag["content"] for tag in self.tags["meta"] if tag.get("http-equiv") == "Content-Security-Policy")
        return found


def sha(text: str) -> str:
    """As a content security policy names a script."""
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"
