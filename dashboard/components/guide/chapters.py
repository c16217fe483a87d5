"""The guide's chapters (`assets/guide/*.md`), for a page: links between chapters stay on it, links to other files become plain words."""

from functools import cache
from pathlib import Path
import re

FOLDER = Path(__file__).resolve().parents[3] / "assets" / "guide"
ORDER = (
    "start", "reading-the-evidence", "for-researchers", "for-teachers", "for-presenters", "your-own-images", "your-own-weights",
    "extensions", "what-it-can-do", "command-line", "python-api", "keeping-a-home", "remote-access", "on-a-cluster",
    "adding-things", "how-it-is-built", "testing",
)  # fmt: skip
_LINK = re.compile(r"\[([^\]]+)\]\(([^)\s]+)\)")
_TRAIL = re.compile(r"^\[README\]\(.*?\n\n", re.DOTALL)  # the line of links under a chapter's title, for readers of files


@cache
def titles() -> dict[str, str]:
    """Chapter -> its title, in the order in which the guide is read."""
    return {name: _text(name).partition("\n")[0].removeprefix("# ").strip() for name in ORDER}


@cache
def chapter(name: str) -> str:
    """Markdown without its title."""
    body = _text(name).partition("\n")[2].lstrip("\n")
    return _LINK.sub(_on_page, _TRAIL.sub("", body))


def _text(name: str) -> str:
    return (FOLDER / f"{name}.md").read_text(encoding="utf-8")


def _on_page(found: re.Match[str]) -> str:
    words, target = found[1], found[2]
    if target.startswith("https://"):
        return found[0]
    name, _, place = target.partition("#")
    if name.removesuffix(".md") in ORDER:
        return f"[{words}](./guide?chapter={name.removesuffix('.md')})"
    return f"[{words}](#{place})" if not name else words
