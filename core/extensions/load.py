"""Imports extensions and puts what they declare on the shelves of this process, again whenever one of their files has changed."""

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
import importlib
import importlib.util
from pathlib import Path
import signal
import sys
import threading
import traceback
from types import FrameType, ModuleType
from typing import Any

from core.analysis.saliency.explainers import EXPLAINERS
from core.data.registry import DATASETS, load_dataset
from core.domain.errors import WrongInput
from core.domain.extension_files import MOST_BYTES, ROOM, ExtensionFiles, extension_files
from core.domain.info import ExtensionInfo
from core.domain.requests.selected import Rule
from core.extensions.declared import Declared, check_new, declared_in
from core.methods.registry import METHODS
from core.metrics.registry import METRICS
from core.models.registry import MODEL_INFOS, MODELS

RULES: dict[str, Rule] = {}  # of forget requests, by key; there are none but those that extensions bring
SHELVES: Mapping[str, dict[str, Any]] = {
    "method": METHODS, "metric": METRICS, "model": MODELS, "dataset": DATASETS, "request": RULES, "explainer": EXPLAINERS,
}  # fmt: skip
NOTHING = "It declares no method, metric, network, dataset, forget request or explainer."
SECONDS = 60  # for the import of one extension
Stamps = tuple[tuple[Path, int, int], ...]


@dataclass
class _Loaded:
    """Of this process. shelved: what lies on the shelves because of extensions."""

    asked: object = None  # what was loaded: files with their stamps, and which of them
    infos: tuple[ExtensionInfo, ...] = ()
    shelved: list[Declared] = field(default_factory=list)


_now = _Loaded()
_lock = threading.Lock()


def load_extensions(
    names: Collection[str] | None = None, ending: Collection[str] = (), say: Callable[[str], object] = lambda _: None
) -> tuple[ExtensionInfo, ...]:  # fmt: skip
    """Those that were found, of these names alone where any are given; such as cannot be used with why. Cheap where nothing has changed.

    ending: names of those whose import is known to end the process, which are not tried; say: is told each name before its import.
    """
    with _lock:
        files = tuple(one for one in extension_files() if names is None or one.name in names)
        asked = _stamps(files), tuple(one.name for one in files), tuple(ending)
        if asked != _now.asked:
            _take_off()
            _now.infos = tuple(_load(one, ending, say) for one in files)
            _now.asked = asked
        return _now.infos


def load_one(one: ExtensionFiles) -> Declared:
    """Import it anew. Raises WrongInput with the last line of what went wrong; nothing is put on a shelf."""
    if too_large := next((file for file in one.files if file.stat().st_size > MOST_BYTES), None):
        raise WrongInput(f"{too_large.name} is larger than {MOST_BYTES // 1_000_000} MB, which is no source of an extension.")
    try:
        with within(SECONDS):
            return declared_in(_import(one))
    except WrongInput:
        raise
    except (Exception, SystemExit) as error:  # a user's own code may raise anything; the others go on
        raise WrongInput(_last_line(error, one)) from error


@contextmanager
def on_the_shelves(found: Declared) -> Iterator[None]:
    """What an extension declares is there within, in place of every other extension's; then all is as before."""
    with _lock:
        _take_off()
        _now.asked = None  # whoever asks next has them all again
        try:
            check_new(found, SHELVES)
            _put_on(found)
            yield
        finally:
            _take_off()


def _load(one: ExtensionFiles, ending: Collection[str], say: Callable[[str], object]) -> ExtensionInfo:
    info = one.name, one.origin, str(one.entry), one.digest()
    if one.name in ending:
        return ExtensionInfo(*info, error="Its import ended the process that read it, or did not end.")
    say(one.name)
    try:
        found = load_one(one)
        check_new(found, SHELVES)
    except (WrongInput, OSError) as wrong:
        return ExtensionInfo(*info, error=str(wrong))
    if not found.keys:
        return ExtensionInfo(*info, error=NOTHING)
    explainers = {key: replace(one, version=info[-1], title=f"{one.title} (extension)") for key, one in found.explainers.items()}
    metrics = {key: replace(one, info=replace(one.info, extension=info[-1])) for key, one in found.metrics.items()}
    _put_on(replace(found, explainers=explainers, metrics=metrics))
    return ExtensionInfo(*info, keys=found.keys)


def _put_on(found: Declared) -> None:
    METHODS.update(found.methods)
    METRICS.update(found.metrics)
    DATASETS.update(found.datasets)
    RULES.update(found.requests)
    EXPLAINERS.update(found.explainers)
    for key, (info, build) in found.models.items():
        MODELS[key] = build
        MODEL_INFOS.append(info)
    _now.shelved.append(found)


def _take_off() -> None:
    for found in _now.shelved:
        for shelf, keys in found.shelves.items():
            for key in keys:
                SHELVES[shelf].pop(key, None)
        MODEL_INFOS[:] = [info for info in MODEL_INFOS if info.key not in found.models]
    _now.shelved.clear()
    load_dataset.cache_clear()


def _stamps(files: tuple[ExtensionFiles, ...]) -> Stamps:
    found = []
    for one in files:
        for file in one.files:
            try:
                about = file.stat()
            except OSError:  # it goes at this moment
                continue
            found.append((file, about.st_mtime_ns, about.st_size))
    return tuple(found)


def _import(one: ExtensionFiles) -> ModuleType:
    for name in [name for name in sys.modules if name == one.module or name.startswith(f"{one.module}.")]:
        del sys.modules[name]
    if not one.module.startswith(f"{ROOM}."):
        return importlib.import_module(one.module)
    room = sys.modules.setdefault(ROOM, ModuleType(ROOM))
    room.__path__ = []
    places = [str(one.entry.parent)] if one.is_package else None
    spec = importlib.util.spec_from_file_location(one.module, one.entry, submodule_search_locations=places)
    assert spec is not None  # a .py file always has one
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[one.module] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        sys.modules.pop(one.module, None)
        raise
    return module


def _last_line(error: BaseException, one: ExtensionFiles) -> str:
    """What the import ended with, and where in the extension."""
    said = traceback.format_exception_only(error)[-1].strip().splitlines()[-1]
    own = {str(file) for file in one.files}
    if isinstance(error, SyntaxError):
        return f"{said} (line {error.lineno})"
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename in own]
    return f"{said} (line {lines[-1]})" if lines else said


@contextmanager
def within(seconds: int, what: str = "Its import") -> Iterator[None]:
    """Raises WrongInput in here after so long; only the main thread of a process can be interrupted so."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(_signal: int, _frame: FrameType | None) -> None:
        raise WrongInput(f"{what} took longer than {seconds} seconds.")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
