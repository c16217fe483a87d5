"""A teacher's link: which fields of the form are fixed, what is not shown, and the class's code, as text of an address. Pure."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
import re
from urllib.parse import quote, unquote

from core.domain.errors import WrongInput
from core.reports.first_screen import Confidence, FirstScreen
from core.reports.gauges import ATTACK, CONCEALED, SECOND, STEPS, Gauge
from core.reports.verdict import WARNED

LONGEST = 600  # letters of what is fixed, or hidden, in an address
FIELDS = {"dataset": "dataset", "model": "network", "request": "forget request", "method": "method", "settings": "settings"}
NEEDS = {"request": "dataset", "settings": "method"}  # what a field means nothing without
SETTINGS, VERDICT, WARNINGS, REFERENCE, MEMBERSHIP, RELEARNING, CLASSES, MAPS = HIDEABLE = (
    "settings", "verdict", "warnings", "reference", "attack", "relearning", "classes", "maps",
)  # fmt: skip
HIDDEN_WORDS = {
    SETTINGS: "the method's settings", VERDICT: "the verdict", WARNINGS: "the warnings", REFERENCE: "the retrained networks",
    MEMBERSHIP: "the membership attack", RELEARNING: "the relearning", CLASSES: "accuracy by class", MAPS: "the saliency maps",
}  # fmt: skip
NAMED_BY_WARNINGS = frozenset({REFERENCE, MEMBERSHIP, RELEARNING})
_GAUGES = {MEMBERSHIP: ATTACK, RELEARNING: STEPS}
_CODE = re.compile(r"[A-Za-z0-9]{1,12}")


@dataclass(frozen=True)
class Lock:
    """Fixed fields; '' and None where one is free. request: as the command line writes it. settings: name -> value, as text."""

    dataset: str = ""
    model: str = ""
    request: str = ""
    method: str = ""
    settings: Mapping[str, str] | None = field(default=None)

    @property
    def text(self) -> str:
        """As an address has it; `lock_from` gives the same lock back."""
        said = {name: getattr(self, name) for name in FIELDS if name != "settings"}
        values = [f"{name}={_quoted(value)}" for name, value in (self.settings or {}).items()]
        return ";".join(f"{name}:{_quoted(value, ':,')}" for name, value in said.items() if value) + (
            f";settings:{','.join(values)}" if values else ""
        )

    @property
    def words(self) -> str:
        """The fields in words; '' for none."""
        return ", ".join(word for name, word in FIELDS.items() if getattr(self, name))


def _quoted(text: str, safe: str = "") -> str:
    return quote(text, safe=safe)


def lock_from(text: str) -> Lock:
    """From an address; whether there is such a dataset or method is not looked at. Raises WrongInput with one sentence."""
    found: dict[str, str] = {}
    for part in filter(None, text.split(";")) if len(text) <= LONGEST else [text]:
        name, _, value = part.partition(":")
        if name not in FIELDS or not value or name in found or len(text) > LONGEST:
            raise WrongInput(f"The address's lock should fix {', '.join(FIELDS)}, each once as NAME:VALUE, parted by semicolons, of at "
                             f"most {LONGEST} letters together; got {part!r:.60}.")  # fmt: skip
        found[name] = value
    for name, other in NEEDS.items():
        if name in found and other not in found:
            raise WrongInput(f"The address's lock fixes {FIELDS[name]} without the {FIELDS[other]}; both are wanted.")
    settings = found.pop("settings", None)
    return Lock(**{name: unquote(value) for name, value in found.items()}, settings=None if settings is None else _settings(settings))


def _settings(text: str) -> dict[str, str]:
    pairs = [part.partition("=") for part in text.split(",")]
    if not all(name and value for name, _, value in pairs):
        raise WrongInput(f"The address's lock should fix settings as NAME=VALUE, parted by commas; got {text!r:.60}.")
    return {unquote(name): unquote(value) for name, _, value in pairs}


def hidden_from(text: str) -> frozenset[str]:
    """Names of HIDEABLE, from an address. Warnings name numbers of NAMED_BY_WARNINGS, so that they are hidden with each of these.

    Raises WrongInput with one sentence.
    """
    names = list(filter(None, text.split(","))) if len(text) <= LONGEST else [text]
    if unknown := [name for name in names if name not in HIDEABLE]:
        raise WrongInput(f"The address's hide should name some of {', '.join(HIDEABLE)}, parted by commas; got {unknown[0]!r:.60}.")
    return frozenset(names) | ({WARNINGS} if NAMED_BY_WARNINGS.intersection(names) else frozenset())


def hidden_words(hidden: Collection[str]) -> str:
    """In their order, in words; '' for nothing."""
    return ", ".join(HIDDEN_WORDS[name] for name in HIDEABLE if name in hidden)


def code_from(text: str) -> str:
    """A class's code, in small letters; '' for none. Raises WrongInput."""
    code = text.strip()
    if code and not _CODE.fullmatch(code):
        raise WrongInput(f"A class's code has 1 to 12 letters and digits, such as 7b; got {code!r:.40}.")
    return code.lower()


def without(screen: FirstScreen, hidden: frozenset[str]) -> FirstScreen:
    """The first screen without what is hidden: no lead, no warnings, no level of confidence, fewer gauges, no numbers of references."""
    no_verdict, no_reference = VERDICT in hidden, REFERENCE in hidden
    gauges = tuple(gauge for gauge in screen.gauges if not any(gauge.key == key for name, key in _GAUGES.items() if name in hidden))
    lead = screen.lead.removesuffix(WARNED) if WARNINGS in hidden else screen.lead
    classes = screen.classes
    if no_reference and len(classes):
        classes = classes[~classes["model"].isin(["reference", SECOND])]
    return replace(
        screen, lead="" if no_verdict else lead, sentence="" if no_verdict or no_reference else screen.sentence,
        confidence=Confidence("", "") if hidden & {VERDICT, WARNINGS} else screen.confidence,
        warnings=() if WARNINGS in hidden else screen.warnings, gauges=tuple(map(_alone, gauges)) if no_reference else gauges,
        classes=classes,
    )  # fmt: skip


def _alone(gauge: Gauge) -> Gauge:
    """Without the references, and without the word that compares with them."""
    values = {mark: value for mark, value in gauge.values.items() if mark not in ("reference", SECOND)}
    given_up = {mark: steps for mark, steps in gauge.given_up.items() if mark != "reference"}
    return replace(gauge, values=values, band=None, word=CONCEALED, why="", given_up=given_up)
