"""The nouns of the house: plain frozen data; no torch, no I/O."""

from dataclasses import asdict, dataclass, field
from enum import StrEnum
from functools import lru_cache
import hashlib
import json
import re
from typing import Any, Self
import unicodedata


class WrongInput(ValueError):
    """The user asked for something that cannot be: the message is one sentence that says what was wanted."""


class RunStatus(StrEnum):
    """Where a run stands. Only `done` has numbers."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"  # its process died without a word


ACTIVE = (RunStatus.QUEUED, RunStatus.RUNNING)
STOPPED = (RunStatus.FAILED, RunStatus.CANCELLED, RunStatus.INTERRUPTED)  # may be asked for again

MODELS = ("original", "unlearned", "reference")  # the three that every run compares
STAGES = ("train", "reference", "precompute", "unlearn", "evaluate")  # of a run, in order

NORMALISATIONS = {  # of the pixels that uploaded weights were trained on -> in words
    "file": "as the file says",
    "dataset": "by the dataset's mean and deviation",
    "raw": "none, pixels in [0, 1]",
    "signed": "pixels in [-1, 1]",
    "bytes": "none, pixels as whole numbers",
    "imagenet": "by ImageNet's mean and deviation",
}
ORDERS = {  # in which the classes of uploaded weights may stand -> in words
    "text": "sorted as text",
    "natural": "sorted with numbers by their value",
    "matched": "the one that fits the training images best",
}
KINDS = ("class", "classes", "subclass", "attribute", "random", "samples", "mislabelled")


@dataclass(frozen=True)
class ForgetRequest:
    """Which training examples must go.

    kind `class`, `classes`: `picks` are class indices. `samples`: `picks` are training indices. `random`: `amount` is a
    share of the training set when below 1, else a count; `seed` decides which. `subclass`: `picks` are values of the
    dataset's column that is finer than its classes. `attribute`: `picks` are values of `column`. `mislabelled`: as
    `random`, and the drawn examples get wrong labels before the original is trained. Written as text: `class:3`,
    `classes:3,5`, `random:0.05`, `random:100@7` (seed 7), `samples:12,90,401`, `subclass:7`, `attribute:identity=17`,
    `mislabelled:0.05@7`.
    """

    kind: str
    picks: tuple[int, ...] = ()
    amount: float = 0.0
    seed: int = 0
    column: str = ""

    @property
    def text(self) -> str:
        """The request as the command line and the address bar write it."""
        if self.drawn:
            amount = str(float(self.amount)).removesuffix(".0")  # exact: `parse` gives the same request back
            return f"{self.kind}:{amount}" + (f"@{self.seed}" if self.seed else "")
        return f"{self.kind}:{self.column and self.column + '='}{','.join(map(str, self.picks))}"

    @property
    def by_class(self) -> bool:
        """Whether it names whole classes."""
        return self.kind in ("class", "classes")

    @property
    def by_rule(self) -> bool:
        """Whether the same rule splits test data too."""
        return self.by_class or self.kind in ("subclass", "attribute")

    @property
    def drawn(self) -> bool:
        """Whether a seed decides which examples go."""
        return self.kind in ("random", "mislabelled")

    def random_count(self, total: int) -> int:
        """How many of `total` examples a drawn request names: a share below 1, else a count."""
        return round(self.amount * total) if self.amount < 1 else int(self.amount)

    @classmethod
    def parse(cls, text: str) -> Self:
        """From `KIND:VALUE`, the inverse of `text`; where names stand for indices, `core.asking.request_of`. Raises WrongInput."""
        kind, _, value = text.partition(":")
        column, equals, values = value.rpartition("=")  # indices have no =, so the last one ends the column's name
        if kind not in KINDS or (kind == "attribute") != bool(equals and column.strip()):
            raise WrongInput(f"What to forget must be written {_FORMS}; got {text!r:.100}.")
        try:
            if kind in ("random", "mislabelled"):
                amount, _, seed = value.partition("@")
                if "." in amount and float(amount) == 1:
                    raise WrongInput(f"{text!r:.100} would forget everything as a share; write {kind}:1 for a single example.")
                return cls(kind, amount=float(amount), seed=int(seed or 0))
            picks = tuple(sorted({int(v) for v in values.split(",") if v.strip()}))
        except WrongInput:
            raise
        except ValueError:
            raise WrongInput(f"What to forget must be written {_FORMS}; got {text!r:.100}.") from None
        if kind == "class" and len(picks) > 1:
            raise WrongInput(f"'class' takes one class; write classes:{','.join(map(str, picks))} for several.")
        return cls(kind, picks, column=column.strip())


_FORMS = (
    "class:3, classes:3,5, subclass:7, attribute:identity=17, random:0.05 (a share), random:100 (a count), "
    "mislabelled:0.05 or samples:12,90,401"
)


@dataclass(frozen=True)
class Recipe:
    """How a model is trained; one-cycle or constant learning rate."""

    epochs: int
    batch_size: int
    learning_rate: float  # the peak
    momentum: float = 0.9
    weight_decay: float = 5e-4
    one_cycle: bool = True
    optimiser: str = "sgd"  # sgd: with Nesterov momentum; adamw
    augment: str = "none"  # none; flip: mirrored half the time; move: by up to an eighth; crop: both

    @property
    def decay_in_loss(self) -> float:
        """Weight decay as a part of the loss's gradient; AdamW's is none (arXiv:1711.05101)."""
        return self.weight_decay if self.optimiser == "sgd" else 0.0


@dataclass(frozen=True)
class WeightsAs:
    """How uploaded weights are read.

    normalisation of pixels: `file` or `dataset` (what that says), `raw` (none, pixels in [0, 1]), `signed` ([-1, 1]), `bytes` (whole
    numbers, 0 to 255), `imagenet`. order: the class, by its index here, that each row of the file's last layer answers for; empty
    where the file's classes stand as here. order_name: what that order is called. Written as text: `raw`, `raw text 0,1,10,2`.
    """

    normalisation: str
    order_name: str = ""
    order: tuple[int, ...] = ()

    @property
    def text(self) -> str:
        """As a RunSpec holds it."""
        return f"{self.normalisation} {self.order_name} {','.join(map(str, self.order))}" if self.order else self.normalisation

    @classmethod
    def parse(cls, text: str) -> Self:
        """The inverse of `text`. Raises WrongInput."""
        wrong = WrongInput(f"How weights are read must be written NORMALISATION or NORMALISATION NAME ORDER; got {text[:60]!r}.")
        try:
            normalisation, *rest = text.split(" ")
            name, order = rest or ("", "")
            picks = tuple(int(index) for index in order.split(",")) if order else ()
        except ValueError:
            raise wrong from None
        if normalisation not in NORMALISATIONS or bool(picks) != (name in ORDERS) or sorted(picks) != list(range(len(picks))):
            raise wrong
        return cls(normalisation, name, picks)


@dataclass(frozen=True)
class RunSpec:
    """All that decides a run's numbers. Equal specs under an equal engine are one run."""

    dataset: str
    model: str
    request: ForgetRequest
    method: str
    params: dict[str, Any] = field(default_factory=dict)  # every hyperparameter of the method, spelled out
    seed: int = 0
    reference: bool = True  # train the retrained reference too
    device: str = ""  # cpu, cuda, cuda:N; empty for the best there is
    engine: str = ""  # version of the code that computes
    weights: str = ""  # hash of the uploaded weights that the original has; empty where it is trained here
    weights_as: str = ""  # how they are read, as `WeightsAs.text` writes it; empty for just as they were kept

    @property
    def id(self) -> str:
        """Twelve hexadecimal digits of the spec's hash."""
        plain = asdict(self)
        if not self.request.column:
            del plain["request"]["column"]  # as before there were columns: ids of stored runs stay what they are
        if not self.weights:
            del plain["weights"]  # likewise
        if not self.weights_as:
            del plain["weights_as"]  # likewise
        return digest(plain)[:12]

    def to_json(self) -> str:
        """The inverse of `from_json`."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The inverse of `to_json`. Raises WrongInput, which says what is wrong, for anything else."""
        if (pieces := _written(text)) is not None:
            return cls(**pieces)
        whole = plain_object(text, "a spec")
        raw = {name: value for name, value in whole.items() if name in _OF_SPEC}  # one that a later version dropped hides no run
        for name, wanted in _OF_SPEC.items():
            if name in raw or name in _NEEDED:
                check_plain(name, raw.get(name), wanted)
        check_params(raw.get("params", {}))
        return cls(**{**raw, "request": request_from(raw["request"])})


_OF_SPEC: dict[str, type] = {
    "dataset": str, "model": str, "request": dict, "method": str, "params": dict, "seed": int, "reference": bool, "device": str,
    "engine": str, "weights": str, "weights_as": str,
}  # fmt: skip
_NEEDED = ("dataset", "model", "request", "method")
_OF_REQUEST: dict[str, type] = {"kind": str, "picks": list, "amount": float, "seed": int, "column": str}
_WORDS = {str: "readable text", int: "a whole number", float: "a number", bool: "true or false", list: "a list", dict: "an object"}
LARGEST = 2**63 - 1  # of the whole numbers that SQLite and numpy hold


# A spec as `to_json` writes it today, nearly always: texts without escapes, no object or list within its params. The pieces are whole
# then, so that each can be read alone; thousands of runs share a few of them.
_TEXT = r'"([^"\\]*)"'
_AS_WRITTEN = re.compile(
    rf'\{{"dataset": {_TEXT}, "device": {_TEXT}, "engine": {_TEXT}, "method": {_TEXT}, "model": {_TEXT}, '
    r'"params": (\{[^{}\[\]]*\}), "reference": (true|false), "request": (\{[^{}]*\}), "seed": (0|-?[1-9][0-9]{0,17}), '
    rf'"weights": {_TEXT}, "weights_as": {_TEXT}\}}'
)
_SHORT = 2000  # letters of a spec whose pieces are remembered


def _written(text: object) -> dict[str, Any] | None:
    """A RunSpec's fields, of a text just as `to_json` writes it; None of any other, which is to be read, or refused, as a whole."""
    if type(text) is not str or len(text) > _SHORT or not text.isprintable() or not (found := _AS_WRITTEN.fullmatch(text)):
        return None
    dataset, device, engine, method, model, params, reference, request, seed, weights, weights_as = found.groups()
    try:
        return {
            "dataset": dataset, "model": model, "request": _request_in(request), "method": method, "params": {**_params_in(params)},
            "seed": int(seed), "reference": reference == "true", "device": device, "engine": engine, "weights": weights,
            "weights_as": weights_as,
        }  # fmt: skip
    except WrongInput:
        return None


@lru_cache(maxsize=1024)
def _request_in(text: str) -> ForgetRequest:
    return request_from(plain_object(text, "a request"))


@lru_cache(maxsize=1024)
def _params_in(text: str) -> dict[str, Any]:
    """Shared: copy it before it is handed on."""
    found = plain_object(text, "params")
    check_params(found)
    return found


def check_params(params: dict[str, Any]) -> None:
    """Raises WrongInput, without a full stop, where a name or a text of stored params cannot be shown."""
    for name, value in params.items():
        if not is_readable(name) or (isinstance(value, str) and not is_readable(value)):
            raise WrongInput(f"params should be readable text and numbers, but one is {f'{name}={value}'!r:.60}")


def plain_object(text: object, what: str) -> dict[str, Any]:
    """The JSON object that a stored text holds. Raises WrongInput, without a full stop, for anything else."""
    if type(text) is not str:  # bytes, a number, nothing, or text that cannot be decoded
        raise WrongInput(f"{what} in JSON is wanted, but there is {said_of(text)}")
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        raise WrongInput(f"{what} in JSON is wanted, but there is {said_of(text)}") from None
    if not isinstance(found, dict):
        raise WrongInput(f"{what} should be an object in JSON, but is {said_of(text)}")
    return found


def check_plain(name: str, value: object, wanted: type) -> None:
    """Raises WrongInput, without a full stop, where a stored value is of another type than `wanted`, unreadable or without end."""
    if type(value) is str is wanted and value.isprintable():
        return  # as nearly always
    fits = type(value) is wanted or (wanted is float and type(value) is int)
    if fits and isinstance(value, str):
        fits = is_readable(value)
    if fits and isinstance(value, int | float):
        fits = abs(value) <= (LARGEST if wanted is int else 1e300)  # which nan is not
    if not fits:
        raise WrongInput(f"{name} should be {_WORDS[wanted]}, but is {said_of(value)}")


def is_readable(text: str) -> bool:
    """Whether a line can show it: no line breaks, no control characters, no halves of letters."""
    return text.isprintable() or not any(unicodedata.category(letter) in ("Cc", "Cs", "Zl", "Zp") for letter in text)


def said_of(value: object) -> str:
    """A stored value that is not what was wanted, in a few letters."""
    if value is None:
        return "nothing"
    if isinstance(value, bytes) or (isinstance(value, str) and (type(value) is not str or not is_readable(value))):
        return "no readable text"
    told = repr(value)[:200]
    return told if len(told) <= 40 else f"{told[:40]}…"


def request_from(raw: dict[str, Any]) -> ForgetRequest:
    """From the plain data of a stored spec. Raises WrongInput, without a full stop."""
    known = {name: value for name, value in raw.items() if name in _OF_REQUEST}
    for name, value in known.items():
        check_plain(name, value, _OF_REQUEST[name])
    if known.get("kind") not in KINDS:
        raise WrongInput(f"request.kind should be one of {', '.join(KINDS)}, but is {said_of(known.get('kind'))}")
    for pick in known.get("picks", ()):
        check_plain("a pick", pick, int)
    return ForgetRequest(**{**known, "picks": tuple(known.get("picks", ()))})


def digest(plain: Any) -> str:
    """SHA-256 of plain data, independent of the order of keys."""
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class Measurement:
    """One value of one metric for one model of a run; None where the metric does not apply, with the reason."""

    metric: str
    model: str  # "original" | "unlearned" | "reference"
    value: float | None
    reason: str = ""
