"""A study written in a file: TOML in, plan out, every mistake told in one sentence."""

from dataclasses import replace
import itertools
from math import prod
from pathlib import Path
import re
import tomllib
from typing import Any

from core.domain.errors import WrongInput
from core.domain.methods.chains import chain_of, steps_of
from core.domain.requests.base import ForgetRequest
from core.domain.requests.registry import DRAWN_KINDS, parse_request
from core.domain.seed_lists import MOST, numbers_of, seeds_of
from core.domain.study import StudyPlan
from core.domain.training.own_recipe import asked_recipe
from core.jobs.catalogue import Catalogue
from core.jobs.studies.plan import make_plan
from core.jobs.validation import dataset_of, limit_of

WANTED = {"dataset": "a text", "model": "a text", "forget": "a text such as \"class:3\"", "seeds": "", "methods": ""}
EXTRA = ("title", "reference", "floor", "draws", "limit", "recipe")
OF_PAPERS = ("paper", "published")  # entries that `core.jobs.studies.papers` reads
_BETWEEN = re.compile(r"[\s,;·]+")
LONGEST = 1_000_000  # bytes of a file
MOST_DOTS = 100  # in a line
SHOWN = 160  # letters of what the parser says


def text_of(path: Path) -> str:
    """A study's file as text. Raises WrongInput where it cannot be read."""
    try:
        with open(path, "rb") as stream:
            content = stream.read(LONGEST + 1)
        text = content.decode()
    except OSError as error:
        raise WrongInput(f"{path} must be a file that describes a study, but it cannot be read ({error.strerror}).") from None
    except UnicodeDecodeError:
        raise WrongInput(f"{path} must be a text file in UTF-8 that describes a study in TOML.") from None
    if len(content) > LONGEST:
        raise WrongInput(f"{path} must describe a study, but it is longer than {LONGEST} bytes.")
    return text


def plan_from_toml(text: str, shelves: Catalogue) -> StudyPlan:
    """Raises WrongInput, also where the text is too long or too deep to be one.

    title = "..."                # may be left out
    dataset = "digits"
    model = "small_cnn"
    forget = "class:3"           # as --forget of `run`
    seeds = [0, 1, 2]            # or "0-4, 7"
    draws = [0, 1, 2]            # of random and mislabelled: one for each seed, or one for all; without, a seed's own is its number
    floor = true                 # add `retrain`; this is the default
    reference = true             # this is the default
    limit = "15min"              # each run is stopped when it has taken so long; without, none is
    [recipe]                     # how the original and the reference are trained, where not as the preset says; may be left out
    epochs = 30                  # any of `core.domain.training.recipes.RECIPE`
    [[methods]]                  # one table a variant
    name = "ssd"
    alpha = 2.0                  # any of the method's parameters; [1, 2, 5]: a variant each, of several lists every combination
    then = ["finetune"]          # methods that go on from the network that it leaves; may be left out
    finetune.epochs = 2          # a parameter of such a one

    A file in `assets/papers/` is such a study, too: what it says of the paper beside it is no matter of the plan.
    """
    try:
        return plan_from(parsed(text), shelves)
    except RecursionError:  # Python's own limit; the parser calls itself for each bracket
        raise WrongInput("The study's file has brackets inside brackets, hundreds deep; a study needs three at most.") from None


def parsed(text: str) -> dict[str, Any]:
    """The entries of a study's file. Raises WrongInput."""
    if len(text) > LONGEST:
        raise WrongInput(f"The study's file is longer than {LONGEST} letters; a study needs a page.")
    for number, line in enumerate(text.splitlines(), 1):  # the parser takes the square of the dots in a name
        if line.count(".") > MOST_DOTS and not line.lstrip().startswith("#"):
            raise WrongInput(f"The study's file has {line.count('.')} dots in line {number}; names of one part are wanted.")
    try:
        return tomllib.loads(text)
    except ValueError as wrong:  # TOMLDecodeError, or a number of thousands of digits
        raise WrongInput(f"The study's file is no TOML: {' '.join(str(wrong).split())[:SHOWN]}.") from None


def plan_from(said: dict[str, Any], shelves: Catalogue) -> StudyPlan:
    """From the entries of a study's file. Raises WrongInput."""
    for key in said:
        if key not in (*WANTED, *EXTRA, *OF_PAPERS):
            raise WrongInput(f"A study's file has no entry {key!r:.60}; its entries are: {', '.join((*WANTED, *EXTRA))}.")
    missing = [key for key in WANTED if key not in said]
    if missing:
        raise WrongInput(f"The study's file must also say {', '.join(missing)}.")
    data = dataset_of(shelves, _text(said, "dataset"))
    request, draws = _drawn(said, parse_request(_text(said, "forget"), data))
    model = _text(said, "model")
    plan = make_plan(
        shelves, data.key, model, request, [one for table in _tables(said["methods"]) for one in _grid(table)],
        seeds_of(said["seeds"]), reference=_switch(said, "reference"), floor=_floor(said), title=_text(said, "title"), draws=draws,
        recipe=asked_recipe(data, model, _recipe(said)),
    )  # fmt: skip
    return replace(plan, limit=_limit(said))


def _drawn(said: dict[str, Any], request: ForgetRequest) -> tuple[ForgetRequest, tuple[int, ...] | None]:
    """The request and `make_plan`'s draws. One draw that is named, in `forget` (random:0.05@7) or as `draws`, is that of all seeds."""
    named = request.drawn and "@" in _text(said, "forget")
    if "draws" not in said:
        return request, () if named else None
    if not request.drawn:
        raise WrongInput(f"Nothing is drawn for {request.text:.60}; leave draws out, or ask for {' or '.join(DRAWN_KINDS)}.")
    if named:
        raise WrongInput(f"{request.text:.60} names a draw, and so does draws; leave one of them out.")
    draws = numbers_of(said["draws"], "draw")
    return (replace(request, seed=draws[0]), ()) if len(draws) == 1 else (request, draws)


def sets_from_lines(text: str) -> list[dict[str, str]]:
    """One parameter set a line, such as `alpha=2 lambda=1`; `preset` is a set too. No line: the preset alone.

    `alpha=1|2|5` is a set for each value, with those of others every combination. Raises WrongInput; whether the method knows the
    names is for `make_plan` to say.
    """
    found = list[dict[str, str]]()
    for line in text.splitlines():
        if line.strip():
            found += combinations({name: value.split("|") for name, value in _pairs(line).items()})
        if len(found) > MOST:
            raise WrongInput(f"A study may have {MOST} runs at most; these lines name more settings.")
    return found or [{}]


def _pairs(line: str) -> dict[str, str]:
    if line.strip() == "preset":
        return {}
    words = [word for word in _BETWEEN.split(line.strip()) if word]
    pairs = [word.partition("=") for word in words]
    for word, (name, equals, value) in zip(words, pairs, strict=True):
        if not (name and equals and value):
            raise WrongInput(f"A line of settings reads like alpha=2 lambda=1, or preset; got {word!r:.60}.")
    names = [name for name, _, _ in pairs]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice:
        raise WrongInput(f"A line of settings names each parameter once; {twice!r:.60} is there twice.")
    return {name: value for name, _, value in pairs}


def _floor(said: dict[str, Any]) -> bool:
    floor = _switch(said, "floor")
    if floor and "floor" in said and not _switch(said, "reference"):
        raise WrongInput("A second reference (floor) is held against the reference; leave out floor = true or reference = false.")
    return floor


def _recipe(said: dict[str, Any]) -> dict[str, Any]:
    recipe = said.get("recipe", {})
    if not isinstance(recipe, dict):
        raise WrongInput("The recipe must be written as a table under a line [recipe], such as epochs = 30.")
    return recipe


def _limit(said: dict[str, Any]) -> float | None:
    value = said.get("limit", "")
    return limit_of(str(value) if isinstance(value, str | int | float) else repr(value))


def _text(said: dict[str, Any], key: str) -> str:
    value = said.get(key, "")
    if not isinstance(value, str):
        raise WrongInput(f"{key} must be {WANTED.get(key, 'a text')}; got {value!r:.60}.")
    return value


def _switch(said: dict[str, Any], key: str) -> bool:
    value = said.get(key, True)
    if not isinstance(value, bool):
        raise WrongInput(f"{key} must be true or false; got {value!r:.60}.")
    return value


def _tables(said: Any) -> list[dict[str, Any]]:
    if not isinstance(said, list) or not all(isinstance(table, dict) for table in said):
        raise WrongInput("The methods must be written as tables, each under a line [[methods]], with a name.")
    if len(said) > MOST:
        raise WrongInput(f"A study may have {MOST} runs at most; {len(said)} methods are too many.")
    return said


def _grid(table: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """A table's variants: one, or where parameters are lists, one for every combination. Raises WrongInput."""
    name = table.get("name")
    if not isinstance(name, str):
        raise WrongInput("Each [[methods]] table must have a name, such as name = \"ssd\".")
    then = table.get("then", [])
    if not isinstance(then, list) or not all(isinstance(step, str) for step in then):
        raise WrongInput(f"then must be a list of methods, such as then = [\"finetune\"]; got {then!r:.60}.")
    lists, behind = dict[str, list[Any]](), (*steps_of(name)[1:], *then)
    for key, value in table.items():  # a later method's parameters are a table of their own: finetune.epochs = 3
        own = {f"{key}.{name}": of for name, of in value.items()} if isinstance(value, dict) and key in behind else {key: value}
        lists |= {name: of if isinstance(of, list) else [of] for name, of in own.items() if name not in ("name", "then")}
    return [(chain_of(name, then), settings) for settings in combinations(lists)]


def combinations(values: dict[str, list[Any]]) -> list[dict[str, Any]]:
    """Every combination of one value a name, the last name's changing fastest. Raises WrongInput."""
    for name, several in values.items():
        if not several or any(isinstance(value, list | dict) for value in several):
            raise WrongInput(f"{name:.60} must be one value or a list of values, such as [1, 2, 5]; got {several!r:.60}.")
    count = prod(len(several) for several in values.values())
    if count > MOST:
        raise WrongInput(f"A study may have {MOST} runs at most; {count} combinations of settings are too many.")
    return [dict(zip(values, chosen, strict=True)) for chosen in itertools.product(*values.values())]
