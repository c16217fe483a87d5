"""Versions of the code that computes: equal versions give equal numbers, so a corrected method never shows old ones.

A version speaks of the modules that a computation uses, found by following their imports: their syntax trees without docstrings,
comments, texts for people and imports of each other. So a sentence that is mended, a module that moves, and a method, metric, dataset or
model that is added leave every stored version as it is.

`first_versions.json` holds the hash that each part had first, and the version that runs had then. A part counts only where it differs
from that, and a family of metrics or a kind of request counts from the day on which its first hash is written there:
`python -m core.jobs.write_code_versions` adds those that are missing.
"""

import ast
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import cache, lru_cache
import hashlib
from importlib.metadata import PackageNotFoundError, version
import json
from pathlib import Path
from time import monotonic
from typing import Any

from core.domain.extension_files import extension_files, source_of
from core.domain.methods.chains import is_chain, steps_of
from core.domain.presets import preset_for
from core.domain.run import RunSpec

CORE = Path(__file__).resolve().parents[1]
FIRST = Path(__file__).with_name("first_versions.json")
LIBRARIES = ("torch", "scikit-learn", "numpy")  # whose versions may change numbers
EXPLAINING = ("captum", "umap-learn")  # of what is computed later about a finished run alone
TRAINING = ("core.training.loop", "core.training.run_setup", "core.data.splits", "core.data.label_kinds")  # decide trained weights
RUNNING = ("core.pipeline",)  # and what decides any number of a run
# Not followed: registries name everything there is; the rest keeps, describes or starts what others compute.
OUTSIDE = (
    *("core.storage", "core.jobs", "core.cli", "core.reports"),
    *("core.domain.presets", "core.domain.training", "core.domain.recordings", "core.domain.code_version", "core.domain.requests.names"),
)
ROOMS = {
    "dataset": "core.data.datasets.", "model": "core.models.", "method": "core.methods.", "metric": "core.metrics.",
    "request": "core.domain.requests.",
}  # fmt: skip
WORDS = {  # of a kind of request: what a page or a message says, and decides nothing
    *("about", "examples", "note", "noun", "label", "wanted", "placeholder", "listed"),
    *("words", "title", "names"),
}
Parts = tuple[tuple[str, tuple[str, str] | None], ...]  # names of parts; of a recipe, with its dataset and model
TIMM = "timm:"  # before the name of a network that the library timm builds
CHAINS = "chains"  # the file of methods that carries a chain out
ADDED = "dataset:"  # the part of datasets that users added
FRESH = 1.0  # seconds for which sources count as unchanged


def training_version(dataset: str, model: str) -> str:
    """Of a network trained on a dataset: twelve hexadecimal digits. Nothing is imported."""
    return _version_of("training", (("training", None), *_recorded("request"), *_subject(dataset, model)), LIBRARIES)


def shared_version(dataset: str, model: str) -> str:
    """Of all numbers of a run, whatever its method: twelve hexadecimal digits."""
    return _version_of("engine", _of_runs(dataset, model), LIBRARIES)


def run_version(dataset: str, model: str, method: str) -> str:
    """Of a run: `shared_version`, and where the method is not what it was first, a hyphen and six digits of its own."""
    return _run_version(_stamps(), recipe_hash(dataset, model), dataset, model, method)


@lru_cache(maxsize=4096)
def _run_version(stamps: tuple[tuple[Path, int], ...], recipe: str, dataset: str, model: str, method: str) -> str:
    """Remembered while no source and no recipe changes."""
    own = _deviating(tuple((f"method:{one}", None) for one in (*steps_of(method), *([CHAINS] if is_chain(method) else []))))
    return shared_version(dataset, model) + (f"-{_digest(own)[:6]}" if own else "")


def version_of(spec: RunSpec) -> str:
    """The version that a run of this spec has if it is asked for now."""
    return run_version(spec.dataset, spec.model, spec.method)


def shared_part(engine: str) -> str:
    """Of a run's version, what is alike for all methods: runs with equal ones can be held against each other."""
    return engine.partition("-")[0]


def analysis_version(dataset: str, model: str) -> str:
    """Of what is computed later about a finished run."""
    return _version_of("analysis", (("analysis", None), *_of_runs(dataset, model)), (*LIBRARIES, *EXPLAINING))


def results_versions(dataset: str, model: str) -> dict[str, str]:
    """Module of core.metrics -> version of what it computes of a trained network: what changes elsewhere leaves it as it is."""
    common: Parts = ("training", None), *_subject(dataset, model), *_recorded("request")
    names = [path.stem for path, _ in _stamps() if path.parent == CORE / "metrics"]
    return {name: _version_of("results", (*common, (f"results:{name}", None)), LIBRARIES) for name in names}


def catalogue_version() -> str:
    """Of all descriptions: of every source there is, texts included, and the libraries."""
    return _of_all(_stamps())


@lru_cache(maxsize=2)
def _of_all(stamps: tuple[tuple[Path, int], ...]) -> str:
    hasher = hashlib.sha256(json.dumps(_libraries(LIBRARIES)).encode())
    for path, _ in stamps:
        name = path.relative_to(CORE).as_posix() if path.is_relative_to(CORE) else str(path)
        with suppress(FileNotFoundError):  # an extension that goes at this moment
            hasher.update(name.encode() + source_of(path))
    return hasher.hexdigest()[:12]


def _version_of(kind: str, parts: Parts, libraries: tuple[str, ...]) -> str:
    known, deviating = _first()["versions"].get(kind, {}), _deviating(parts)
    if not deviating and _libraries(libraries) == known.get("libraries"):
        return str(known["version"])
    return _digest([kind, _libraries(libraries), deviating])[:12]


def _deviating(parts: Parts) -> list[tuple[str, str]]:
    """Those parts that are not what they were first, with their hashes."""
    first, hashes = _first()["parts"], _hashes(_stamps())
    found = ((part, recipe_hash(*pair) if pair else hashes.part(part)) for part, pair in parts)
    return [(part, found) for part, found in found if first.get(part) != found]


def _dataset(key: str) -> str:
    """The part of a built-in dataset; those that users added are all read by the same code."""
    return f"dataset:{key}" if f"dataset:{key}" in _first()["parts"] or _hashes(_stamps()).is_builtin(key) else ADDED


def _subject(dataset: str, model: str) -> Parts:
    recipe = f"recipe:{dataset}/{model}"
    known = recipe if recipe in _first()["parts"] else f"recipe:/{model}"  # the model's own, whatever the dataset
    return (_dataset(dataset), None), (f"model:{model}", None), (known, (dataset, model))


def _of_runs(dataset: str, model: str) -> Parts:
    return ("training", None), ("running", None), *_subject(dataset, model), *_recorded("request"), *_recorded("metric")


def _recorded(kind: str) -> Parts:
    return tuple((part, None) for part in _first()["parts"] if part.startswith(f"{kind}:"))


def recipe_hash(dataset: str, model: str) -> str:
    """Of how a network is trained: no source, but the numbers that the presets give."""
    return _digest(preset_for(dataset, model).recipe.deciding)[:12]


@cache
def _first() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(FIRST.read_text(encoding="utf-8"))
    return found


_last: tuple[float, tuple[tuple[Path, int], ...]] = (0.0, ())


def _stamps() -> tuple[tuple[Path, int], ...]:
    """Every source with the time of its last change; looked at again after a second.

    The same object while nothing changed: what is remembered under it is then found without comparing hundreds of paths.
    """
    global _last  # noqa: PLW0603  # one look for all who ask within a second
    now = monotonic()
    if not _last[1] or now - _last[0] > FRESH:
        found = []
        for path in (*CORE.rglob("*.py"), *(file for extension in extension_files() for file in extension.files)):
            with suppress(FileNotFoundError):  # an editor's lock, or a file that goes at this moment
                found.append((path, path.stat().st_mtime_ns))
        stamps = tuple(sorted(found, key=lambda stamp: stamp[0].parts))
        _last = (now, _last[1] if stamps == _last[1] else stamps)
    return _last[1]


@lru_cache(maxsize=2)
def _hashes(stamps: tuple[tuple[Path, int], ...]) -> "Hashes":
    ours = {_module(path): path for path, _ in stamps if path.is_relative_to(CORE)}
    known = {path for path, _ in stamps}
    extensions = {one.module: {one.module_of(file): file for file in one.files if file in known} for one in extension_files()}
    return Hashes(ours, extensions)


def _module(path: Path) -> str:
    return ".".join(("core", *path.relative_to(CORE).with_suffix("").parts)).removesuffix(".__init__")


class Hashes:
    """Hashes of parts of the engine, for sources as they are at one moment; a file is read when it is asked for."""

    def __init__(self, files: dict[str, Path], extensions: dict[str, dict[str, Path]] | None = None) -> None:
        """Both: name of a module -> its file; extensions: by extension, which may define what no file of ours does."""
        self._extensions = extensions or {}
        self._brought: dict[str, list[str]] = {}
        self._files = files | {name: path for modules in self._extensions.values() for name, path in modules.items()}
        self._read: dict[str, tuple[str, frozenset[str]]] = {}
        self._parts: dict[str, str] = {}

    def part(self, part: str) -> str:
        """The hash of `training`, `running`, `analysis`, or `KIND:KEY`: `dataset`, `model`, `method`, or the file of a `metric`, `request`
        or `results`.
        """
        if part not in self._parts:
            used = {self._source(module)[0] for module in self.modules(part)}
            if part.startswith(f"model:{TIMM}"):
                used.add(f"timm {_version('timm')}")
            self._parts[part] = _digest(sorted(used))[:12]
        return self._parts[part]

    def modules(self, part: str) -> set[str]:
        """The modules that a part uses, but for those that belong to a part below it."""
        if part == "training":
            return self._used(TRAINING)
        if part == "running":
            return self._used(RUNNING) - self._used(TRAINING)
        if part == "analysis":
            rooms = [module for module in self._files if module.startswith("core.analysis.")]
            return self._used(rooms) - self._used((*TRAINING, *RUNNING))
        kind, _, key = part.partition(":")
        if kind == "results":
            return self._used([f"core.metrics.{key}"]) - self._used(TRAINING)
        below = (*TRAINING, *RUNNING) if kind in ("method", "metric") else TRAINING  # a trained network has no part `running`
        return self._used(self._named(kind, key)) - self._used(below)

    def is_builtin(self, dataset: str) -> bool:
        """Whether a file of the room of datasets defines it, or an extension."""
        return bool(self._defining("dataset", dataset))

    def _named(self, kind: str, key: str) -> list[str]:
        return self._defining(kind, key) or (["core.data.importing.load"] if kind == "dataset" else [])

    def _defining(self, kind: str, key: str) -> list[str]:
        """The file of the kind's room that has the key as its name, else those in which it is written."""
        if kind == "model" and key.startswith(TIMM):
            return ["core.models.timm_networks"]
        room = ROOMS[kind]
        files = {m: path for m, path in self._files.items() if m.startswith(room) and path.name != "__init__.py"}
        named = [module for module in files if module.rpartition(".")[2] == key]
        return named or [module for module, path in files.items() if key and _has_text(path, key)] or self._of_extension(key)

    def _of_extension(self, key: str) -> list[str]:
        """All modules of the first extension that has the key written in one of its files; remembered, for lists ask it of every run."""
        if key not in self._brought:
            having = (modules for modules in self._extensions.values() if key and any(_has_text(path, key) for path in modules.values()))
            self._brought[key] = list(next(having, ()))
        return self._brought[key]

    def _used(self, roots: Any) -> set[str]:
        found, ahead = set[str](), [root for root in roots if root in self._files]
        while ahead:
            module = ahead.pop()
            if module not in found and not module.startswith(OUTSIDE) and not module.endswith(".registry"):
                found.add(module)
                ahead += self._source(module)[1]
        return found

    def _source(self, module: str) -> tuple[str, frozenset[str]]:
        if module not in self._read:
            source = source_of(self._files[module])
            try:
                tree = ast.parse(source)
            except (SyntaxError, ValueError):  # an extension that is being written
                self._read[module] = hashlib.sha256(source).hexdigest()[:16], frozenset()
                return self._read[module]
            if module.startswith(ROOMS["request"]):
                tree = _WithoutWords().visit(tree)
            self._read[module] = _digest(list(_said(tree)))[:16], frozenset(_imported(tree) & self._files.keys())
        return self._read[module]


def _imported(tree: ast.Module) -> set[str]:
    found = set[str]()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def _said(node: ast.AST) -> Iterator[str]:
    """A tree as words: no docstrings, no imports of our own modules, and nothing empty, which versions of Python write differently."""
    if isinstance(node, ast.keyword) and node.arg in DESCRIBING:
        return
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value:
        yield "a sentence"  # for people: titles, help, errors
        return
    yield f"({type(node).__name__}"
    for name, value in ast.iter_fields(node):
        values = value if isinstance(value, list) else [value]
        if name == "body" and values and _is_text(values[0]) and isinstance(node, DOCUMENTED):
            values = values[1:]
        for each in values:
            if isinstance(each, ast.ImportFrom) and (each.module or "").split(".")[0] == "core":
                yield from (f"{alias.name} as {alias.asname}" for alias in each.names)
                continue
            if isinstance(each, ast.AST):
                yield name
                yield from _said(each)
            elif name not in ("kind", "type_comment", "type_ignores", "type_params") and (each is not None or isinstance(value, list)):
                yield f"{name}={each!r}"
    yield ")"


class _WithoutWords(ast.NodeTransformer):
    """Takes out of a kind of request what only says something to people, in one word or in a function."""

    def visit_Assign(self, node: ast.Assign) -> ast.AST | None:
        return None if any(isinstance(target, ast.Name) and target.id in WORDS for target in node.targets) else node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST | None:
        return None if isinstance(node.target, ast.Name) and node.target.id in WORDS else node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST | None:
        return None if node.name in WORDS else node


DOCUMENTED = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


DESCRIBING = ("title", "about", "unit", "help")  # arguments that say something to people and decide nothing


def _has_text(path: Path, text: str) -> bool:
    return f'"{text}"' in source_of(path).decode(errors="replace").replace("'", '"')


def _digest(plain: Any) -> str:
    return hashlib.sha256(json.dumps(plain).encode()).hexdigest()


@cache
def _libraries(names: tuple[str, ...]) -> dict[str, str]:
    return {name: _version(name) for name in names}


def _version(library: str) -> str:
    try:
        return version(library)
    except PackageNotFoundError:  # UMAP may be missing; its map then says so
        return ""


def is_first() -> bool:
    """Whether nothing was ever written down."""
    return not _first()["parts"]


def write_first(names: Iterable[str], recipes: Iterable[tuple[str, str]] = ()) -> None:
    """Add to `first_versions.json` the hashes of parts that it does not hold yet; what it holds stays. recipes: datasets and models."""
    first, hashes = _first(), _hashes(_stamps())
    pairs = {f"recipe:{dataset}/{model}": recipe_hash(dataset, model) for dataset, model in recipes}
    parts = {**{name: hashes.part(name) for name in names}, **pairs, **first["parts"]}
    FIRST.write_text(json.dumps({**first, "parts": parts}, indent=1) + "\n", encoding="utf-8")
