"""The glossary (`assets/glossary.md`): terms of the pages and reports, each with a plain sentence, often a formula and a source.

An entry is a heading, a paragraph, and lines `Formula:`, `Source:`, `Also:` (other names) and `See:` (other entries), each optional.
"""

from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
import re

FILE = Path(__file__).resolve().parents[2] / "assets" / "glossary.md"
_LINE = re.compile(r"^(Formula|Source|Also|See): (.*)$")
_ARXIV = re.compile(r"\barXiv:(\d{4}\.\d{4,5})\b")


@dataclass(frozen=True)
class Term:
    """One entry; `formula` is TeX between dollars, `also` are other names, `see` names of other entries."""

    name: str
    sentence: str
    formula: str = ""
    source: str = ""
    also: tuple[str, ...] = ()
    see: tuple[str, ...] = ()
    key: str = field(init=False)  # in addresses: letters, digits and hyphens

    def __post_init__(self) -> None:
        object.__setattr__(self, "key", key_of(self.name))

    @property
    def short(self) -> str:
        """The name without what stands in brackets."""
        return self.name.partition(" (")[0]

    @property
    def markdown(self) -> str:
        """The entry for a page, its heading apart."""
        source = _ARXIV.sub(r"[arXiv:\1](https://arxiv.org/abs/\1)", self.source)
        parts = (self.sentence, self.formula and f"$${self.formula.strip('$')}$$", source and f"Source: {source}",
                 self.also and f"Also: {', '.join(self.also)}")  # fmt: skip
        return "\n\n".join(part for part in parts if part)


def key_of(name: str) -> str:
    """`α (selection threshold)` -> `α-selection-threshold`."""
    return "-".join(re.findall(r"\w+", name.lower()))


def parse(text: str) -> dict[str, Term]:
    """Key -> entry, by alphabet. Raises ValueError for an entry without a sentence, two of one name, or a `See` that leads nowhere."""
    terms = dict[str, Term]()
    for part in text.split("\n## ")[1:]:
        name, *lines = (line.strip() for line in part.strip().splitlines())
        found = {line[1]: line[2] for line in map(_LINE.match, lines) if line}
        sentence = " ".join(line for line in lines if line and not _LINE.match(line))
        listed = {name: tuple(one.strip() for one in found.get(name, "").split(",") if one.strip()) for name in ("Also", "See")}
        term = Term(name, sentence, found.get("Formula", ""), found.get("Source", ""), listed["Also"], listed["See"])
        if not sentence or term.key in terms:
            raise ValueError(f"The glossary's entry {name!r} {'stands there twice' if sentence else 'has no sentence'}.")
        terms[term.key] = term
    for term in terms.values():
        if lost := [name for name in term.see if not any(name.lower() in (t.short.lower(), t.name.lower()) for t in terms.values())]:
            raise ValueError(f"The glossary's entry {term.name!r} points to {lost[0]!r}, which has no entry.")
    return dict(sorted(terms.items(), key=lambda item: item[1].name.lower()))


@cache
def glossary() -> dict[str, Term]:
    """The shipped one."""
    return parse(FILE.read_text(encoding="utf-8"))


def search(wanted: str) -> list[Term]:
    """Entries that have all words of a search in their names or sentence, those with them in a name first."""
    words = wanted.lower().split()

    def names(term: Term) -> str:
        return " ".join((term.name, *term.also)).lower()

    hits = [term for term in glossary().values() if all(word in f"{names(term)} {term.sentence.lower()}" for word in words)]
    return sorted(hits, key=lambda term: not all(word in names(term) for word in words))
