"""The one place that checks what is asked, for the pages and the command line alike."""

from dataclasses import replace
from difflib import get_close_matches
import os
import re
from typing import Any, TypeVar

from core.data.name_order import composed
from core.domain.ablations import SECOND_REFERENCE_METHOD
from core.domain.code_version import run_version
from core.domain.errors import WrongInput
from core.domain.forget_request import ForgetRequest
from core.domain.hyperparameters import Value, check_names
from core.domain.info import Column, DatasetInfo, ForClasses, MethodInfo, OfCeiling
from core.domain.presets import preset_for
from core.domain.run import LONGEST_LIMIT, RunSpec, WeightsAs
from core.jobs.catalogue import Catalogue

T = TypeVar("T")
NEAR = 3  # names that are offered for one that is not there
MOST_EQUALS = 50  # at which what is asked is parted
LETTERS = 200  # of what is asked, beyond which nothing near is looked for
UNITS = {"": 1, "s": 1, "min": 60, "m": 60, "h": 3600, "d": 86400}  # seconds
LISTED = 8  # names that are listed where none is near


def preset_values(method: MethodInfo, data: DatasetInfo, model: str, request: ForgetRequest) -> dict[str, Value]:
    """Every parameter of the method by name, as the preset of this dataset and model sets it for a checked request."""
    preset = preset_for(data.key, model).methods.get(method.key, {})
    values = {p.name: p.default for p in method.params}
    for name, value in preset.items():
        if not isinstance(value, OfCeiling | ForClasses):
            values[name] = value
        elif request.by_class:
            values[name] = value.at(data.train_count, data.forget_count(request))
    return values


def make_spec(
    shelves: Catalogue, dataset: str, model: str, request: ForgetRequest, method: str, settings: dict[str, Any],
    *, seed: int = 0, reference: bool = True, weights: str = "", weights_as: str = "",
) -> RunSpec:  # fmt: skip
    """A checked spec with every parameter spelled out. Raises WrongInput with one sentence that says what was wanted.

    `weights`, `weights_as`: what `stored_weights.store_weights` called the original's uploaded weights, and how they are read.
    """
    data = dataset_of(shelves, dataset)
    _pick(shelves.models, model, "model")
    chosen = _pick(shelves.methods, method, "method")
    check_request(request, data)
    if unfit := chosen.unfit(data, request):
        raise WrongInput(unfit)
    if not 0 <= seed < 2**31:
        raise WrongInput(f"The seed must be a whole number from 0 to {2**31 - 1}; got {str(seed)[:60]}.")
    if weights and request.kind == "mislabelled":
        raise WrongInput("A mislabelled request changes labels before the original is trained, which weights of your own have been.")
    if weights_as:
        WeightsAs.parse(weights_as)
    check_names(settings, [p.name for p in chosen.params])
    if request.kind == "classes" and len(request.picks) == 1:  # the same request in other words is the same run
        request = ForgetRequest("class", request.picks)
    values = preset_values(chosen, data, model, request) | settings
    params = {p.name: p.parse(values[p.name]) for p in chosen.params}
    idle = [p for p in chosen.params if p.idle(params)]
    params |= {p.name: p.default for p in idle}  # what has no effect must not make another run
    version = run_version(dataset, model, method)
    return RunSpec(dataset, model, request, method, params, seed, reference, asked_device(), version, weights, weights_as)


def request_of(text: str, data: DatasetInfo) -> ForgetRequest:
    """As `ForgetRequest.parse`, where names may stand for indices: `class:ankle boot`, `attribute:glasses=yes`.

    Upper and lower case are one, and so are spaces and underscores, and letters composed or not. The column's name ends at the
    first = before which there is one of that name: `attribute:age=>=25`. A whole number is a name where there is one that is
    written so (`attribute:identity=100` of the people 100 to 299), else an index. Raises WrongInput.
    """
    kind, _, value = text.partition(":")
    if kind in ("class", "classes"):
        return _request(kind, "", _picks(value, data.classes, "class", data.key))
    if kind == "subclass":
        return _request(kind, "", _picks(value, _column(ForgetRequest(kind), data).values, kind, data.key))
    ways = _parted(value, data) if kind == "attribute" else []
    if not ways:
        return ForgetRequest.parse(text)  # which refuses it, or needs no names
    refused: list[WrongInput] = []
    for column, said in ways:
        try:
            values = _column(ForgetRequest(kind, column=column), data).values
            return _request(kind, column, _picks(said, values, column.replace("_", " "), data.key))
        except WrongInput as wrong:
            refused.append(wrong)
    raise refused[0]


def _request(kind: str, column: str, picks: tuple[int, ...]) -> ForgetRequest:
    return ForgetRequest.parse(ForgetRequest(kind, picks, column=column).text)


def _parted(value: str, data: DatasetInfo) -> list[tuple[str, str]]:
    """(column's name as the dataset has it, what is said of it) for each = that ends a column's name, else for the first."""
    columns = {_plain(column.name): column.name for column in reversed(data.columns)}
    parts = value.split("=")
    ways = [("=".join(parts[:count]).strip(), "=".join(parts[count:])) for count in range(1, min(len(parts), MOST_EQUALS))]
    ways = [(column, said) for column, said in ways if column]
    return [(columns[_plain(column)], said) for column, said in ways if _plain(column) in columns] or ways[:1]


def _picks(said: str, names: tuple[str, ...], noun: str, key: str) -> tuple[int, ...]:
    plain = list(map(_plain, names))
    return tuple(_index(word, names, plain, noun, key) for word in _words(said, plain))


def _words(said: str, plain: list[str]) -> list[str]:
    """What is said, parted at commas that are no part of a name: the longest run of parts that is a name is one word."""
    parts, words, known = said.split(","), [], set(plain)
    longest, place = 1 + max((name.count(",") for name in plain), default=0), 0
    while place < len(parts):
        runs = range(min(longest, len(parts) - place), 1, -1)
        count = next((n for n in runs if _plain(",".join(parts[place : place + n])) in known), 1)
        words.append(",".join(parts[place : place + count]))
        place += count
    return [word for word in words if word.strip()]


def _plain(name: str) -> str:
    return " ".join(composed(composed(name).replace("_", " ").casefold()).split())


def _index(word: str, names: tuple[str, ...], plain: list[str], noun: str, key: str) -> int:
    """The index of a name, of the very name before one that is like it; of a whole number that is no name, itself."""
    if composed(word.strip()) in names:
        return names.index(composed(word.strip()))
    if _plain(word) in plain:
        return plain.index(_plain(word))
    if re.fullmatch(r"-?\d{1,18}", word.strip()):
        return int(word)
    near = get_close_matches(_plain(word)[:LETTERS], plain, NEAR) or [name for name in plain if _plain(word) in name][:NEAR]
    shown = [f"{names[plain.index(name)]:.60}" for name in near] or [f"{name:.60}" for name in names[:LISTED]]
    more = "" if near or len(names) <= LISTED else f", … ({len(names)} in all)"
    raise WrongInput(f"{key} has no {noun} {word.strip()!r:.60}; {'near it are' if near else 'there are'}: {', '.join(shown)}{more}.")


def dataset_of(shelves: Catalogue, key: str) -> DatasetInfo:
    """Raises WrongInput with the keys that there are."""
    return _pick(shelves.datasets, key, "dataset")


def floor_spec(spec: RunSpec, shelves: Catalogue) -> RunSpec:
    """The run that shows the floor under this one: the network retrained a second time, from another seed.

    By the code as it is now: beside a run of another engine it is not that run's floor.
    """
    second = make_spec(shelves, spec.dataset, spec.model, spec.request, SECOND_REFERENCE_METHOD, {}, seed=spec.seed)
    return replace(second, device=spec.device, weights=spec.weights, weights_as=spec.weights_as)


def again(spec: RunSpec, shelves: Catalogue, *, reference: bool) -> RunSpec:
    """The same question to the code as it is now: what it has new stands at its preset, what it knows no more is left out.

    Raises WrongInput.
    """
    known = [p.name for p in _pick(shelves.methods, spec.method, "method").params]
    settings = {name: value for name, value in spec.params.items() if name in known}
    asked = make_spec(shelves, spec.dataset, spec.model, spec.request, spec.method, settings,
                      seed=spec.seed, reference=reference, weights=spec.weights, weights_as=spec.weights_as)  # fmt: skip
    return replace(asked, device=spec.device)


def asked_device() -> str:
    """FORGETSCOPE_DEVICE, '' where it is not set. Raises WrongInput for a device that PyTorch cannot have."""
    asked = os.environ.get("FORGETSCOPE_DEVICE", "").strip()
    if not re.fullmatch(r"(cpu|cuda(:\d+)?)?", asked):
        raise WrongInput(f"FORGETSCOPE_DEVICE must be cpu, cuda or cuda:N; got {asked!r}.")
    return asked


def limit_of(text: str) -> float | None:
    """Seconds from `90`, `90s`, `15min`, `2h`, `1h 30min` or `1.5h`; None where it says nothing. Raises WrongInput."""
    words = text.strip().lower()
    if not words:
        return None
    well = re.fullmatch(r"\d+(?:\.\d+)?|(?:\d+(?:\.\d+)?\s*(?:s|min|m|h|d)\s*)+", words)
    pieces = re.findall(r"(\d+(?:\.\d+)?)\s*([a-z]*)", words) if well else []
    seconds = sum(float(number) * UNITS[unit] for number, unit in pieces)
    if not 1 <= seconds <= LONGEST_LIMIT:
        raise WrongInput(f"A time limit must be from 1 second to 365 days, such as 90, 15min, 2h or 1h 30min; got {text!r:.60}.")
    return seconds


def _pick(shelf: dict[str, T], key: str, what: str) -> T:
    if key not in shelf:
        raise WrongInput(f"There is no {what} {key!r:.80}; choose one of: {', '.join(shelf)}.")
    return shelf[key]


def check_request(request: ForgetRequest, data: DatasetInfo) -> None:
    """Raises WrongInput where the request names something that is not there, nothing, or everything."""
    if data.multi and (request.by_class or request.kind == "mislabelled"):
        raise WrongInput(
            f"An example of {data.key} has several attributes and no class; ask for attribute:COLUMN=VALUE, random or samples."
        )
    if request.drawn:
        _check_drawn(request, data)
        return
    limit, noun, plural = _values(request, data)
    if not request.picks:
        raise WrongInput(f"The forget set is empty; name at least one {noun} of {data.key}, 0 to {limit - 1}.")
    for pick in request.picks:
        if not 0 <= pick < limit:
            raise WrongInput(f"{data.key} has no {noun} {pick}; its {plural} go from 0 to {limit - 1}.")
    count = data.forget_count(request)
    if not count:
        raise WrongInput(f"The forget set is empty; no training example of {data.key} has that {noun}, choose another.")
    if count >= data.train_count:
        raise WrongInput(f"The request would forget everything; leave at least one {noun} of {data.key} to keep.")


def _values(request: ForgetRequest, data: DatasetInfo) -> tuple[int, str, str]:
    """How many things the picks may name, and what one and several of them are called. Raises WrongInput."""
    if request.by_class:
        return len(data.classes), "class", "classes"
    if request.kind == "samples":
        return data.train_count, "training index", "training indices"
    column = _column(request, data)
    return len(column.values), f"value of {column.name}", f"values of {column.name}"


def _column(request: ForgetRequest, data: DatasetInfo) -> Column:
    """The one that a subclass or attribute request is about. Raises WrongInput with those that there are."""
    column = data.column(request)
    if column is None and request.kind == "subclass":
        raise WrongInput(f"{data.key} has no subclasses; a request of kind subclass needs a dataset that has them.")
    if column is None:
        known = ", ".join(c.name for c in data.columns) or "none"
        raise WrongInput(f"{data.key} has no column {request.column!r:.60}; its columns are: {known}.")
    return column


def _check_drawn(request: ForgetRequest, data: DatasetInfo) -> None:
    amount, total = request.amount, data.train_count
    wanted = f"a share between 0 and 1 or a whole count from 1 to {total - 1}"
    if not (amount > 0 and (amount < 1 or amount % 1 == 0)):
        raise WrongInput(f"A {request.kind} request needs {wanted}; got {amount:g}.")
    count = request.random_count(total)
    if not count:
        raise WrongInput(f"The forget set is empty: {amount:g} of {total} examples is less than one; give {wanted}.")
    if count >= total:
        raise WrongInput(
            f"The request would forget everything; {data.key} has {total} training examples, give {wanted}."
        )
    if not 0 <= request.seed < 2**31:
        raise WrongInput(
            f"The seed of a {request.kind} request must be a whole number from 0 to {2**31 - 1}; got {request.seed}."
        )
