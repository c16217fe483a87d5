"""What README and the guide say of the tree is true of it: links, paths, floors, and how short README is."""

from importlib.util import find_spec
from pathlib import Path
import re

import pytest

from tests.test_architecture import FLOORS

ROOT = Path(__file__).resolve().parents[1]
GUIDE = ROOT / "assets" / "guide"
PAPERS = ("CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")
TEXTS = [ROOT / "README.md", *(ROOT / name for name in PAPERS), *sorted(GUIDE.glob("*.md"))]
MOST_LINES = 120
LINK = re.compile(r"\]\(([^)\s]+)\)")
PATH = re.compile(r"`((?:core|dashboard|tests|assets)/[^\s`]*)`")
MODULE = re.compile(r"`(?:python -m )?((?:core|dashboard)\.[\w.]+)`")
FLOOR_ROW = re.compile(r"^\| (\d+) \| ([^|]+) \|", re.MULTILINE)


def name(path):
    return path.relative_to(ROOT).as_posix()


def prose(path):
    """A text without its blocks of code."""
    return re.sub(r"^```.*?^```$", "", path.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)


def anchors(path):
    """The anchors that headings get where Markdown is shown: small letters, hyphens for blanks, no other signs."""
    headings = re.findall(r"^#+ (.+)$", prose(path), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def broken(path):
    """Relative links of a text that lead to no file, or to no heading of one."""
    found = []
    for link in LINK.findall(prose(path)):
        if re.match(r"[a-z]+:", link):
            continue
        file, _, anchor = link.partition("#")
        target = (path.parent / file).resolve() if file else path
        inside = target.is_relative_to(ROOT) and target.exists()
        if not inside or (anchor and anchor not in anchors(target)):
            found.append(link)
    return found


def missing(path):
    """Paths and modules in backticks that are not in the tree; `<key>` stands for any name, of which there must be one."""
    paths = {found: re.sub(r"<\w+>", "*", found).rstrip("/") for found in PATH.findall(prose(path))}
    modules = {found: found.replace(".", "/") for found in MODULE.findall(prose(path))}
    gone = [found for found, pattern in paths.items() if not any(ROOT.glob(pattern))]
    gone += [found for found, file in modules.items() if not any(ROOT.glob(f"{file}.py")) and not (ROOT / file).is_dir()]
    return gone


def test_readme_is_short():
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= MOST_LINES


@pytest.mark.parametrize("path", TEXTS, ids=name)
def test_links_and_paths_lead_somewhere(path):
    assert broken(path) == []
    assert missing(path) == []


def test_every_text_of_the_guide_is_linked_from_readme():
    linked = {(ROOT / link).resolve() for link in LINK.findall(prose(ROOT / "README.md"))}
    assert set(TEXTS[1:]) | {ROOT / "CITATION.cff", ROOT / "LICENSE"} <= linked


def test_the_floors_of_the_guide_are_those_that_are_kept():
    rows = FLOOR_ROW.findall((GUIDE / "how-it-is-built.md").read_text(encoding="utf-8"))
    written = {int(number): set(re.findall(r"`([^`]+)`", modules)) for number, modules in rows}
    assert written == dict(enumerate(FLOORS, start=1))


def test_the_citation_is_what_cff_asks_for():
    text = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    if find_spec("yaml"):
        import yaml

        parsed = yaml.safe_load(text)
    else:  # its plain lines
        parsed = dict(re.findall(r"^([a-z-]+): (\S.*)$", text, flags=re.MULTILINE))
        parsed["authors"] = [{"name": found} for found in re.findall(r"^  - name: (.+)$", text, flags=re.MULTILINE)]
    assert (parsed["cff-version"], parsed["title"], parsed["type"]) == ("1.2.0", "Forgetscope", "software")
    assert parsed["message"]
    licence = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert licence.startswith(f"{parsed['license']} License")
    assert [f"Copyright (c) 2026 {author['name']}" in licence for author in parsed["authors"]] == [True]


def test_what_this_file_asks_for_it_finds(tmp_path, monkeypatch):
    monkeypatch.setitem(globals(), "ROOT", tmp_path)
    (tmp_path / "core/methods").mkdir(parents=True)
    (tmp_path / "core/methods/ssd.py").touch()
    other, text = tmp_path / "other.md", tmp_path / "text.md"
    other.write_text("# Add a `metric`, twice\n")
    text.write_text(
        "[a](other.md#add-a-metric-twice) [b](other.md#no) [c](no.md) [d](https://x.org) [e](../../etc) [f](#no)\n"
        "`core/methods/<key>.py` `core/methods/` `core/models/<key>.py` `core/no.py`\n"
        "`core.methods.ssd` `core.methods` `python -m core.no`\n```\n[g](no.md) `core/no.md`\n```\n"
    )
    assert broken(text) == ["other.md#no", "no.md", "../../etc", "#no"]
    assert missing(text) == ["core/models/<key>.py", "core/no.py", "core.no"]
