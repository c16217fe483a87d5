"""How everything stands that runs need: the home, the machine, the libraries, extensions and settings; a line each, with what to do."""

from collections.abc import Callable, Iterator
from functools import partial
from importlib.metadata import PackageNotFoundError, version
import json
import os
from pathlib import Path
import re
import subprocess
import sys

from core.domain.errors import WrongInput
from core.domain.extension_files import extension_files
from core.jobs.catalogue import catalogue
from core.jobs.cluster.asked import CACHE, FILES, NEEDED, NODE_HOME, RAY, SHARE, Asked
from core.jobs.upkeep.doctor_home import artifact_lines, dataset_lines, disk_lines, queue_lines, store_lines
from core.jobs.upkeep.findings import FAULT, OK, WARNING, Line, some
from core.jobs.validation import asked_device
from core.storage.home import Home, open_home
from core.storage.processes import PROJECT, cores, python_module
from core.storage.upkeep.disk_use import QUOTA, quota

OLDEST = (3, 11)  # of Python
LONGEST = 120.0  # seconds in which torch must have told its device
_PINNED = re.compile(r"([A-Za-z0-9_.-]+)(?:\[[^\]]*\])?==(\S+)")
_ANYTHING = ("FORGETSCOPE_OFFLINE", "FORGETSCOPE_HOME", FILES, NODE_HOME)


def examine(root: Path | None = None, *, whole: bool = False) -> tuple[Path | None, list[Line]]:
    """The home's folder, None where there is none to be had, and every line. whole: every stored byte is read."""
    lines, home = list[Line](), None
    try:
        home = open_home(root)
    except WrongInput as wrong:
        lines.append(Line(FAULT, "home", str(wrong)))
    if home:
        lines.append(Line(FAULT, "home", home.unwritable) if home.unwritable else Line(OK, "home", f"{home.root} can be read and written."))
    looks: list[tuple[str, Callable[[Home], Iterator[Line]]]] = [
        ("store", lambda home: store_lines(home, whole)), ("artifacts", lambda home: artifact_lines(home, whole)),
        ("datasets", lambda home: dataset_lines(home, whole)), ("queue", queue_lines), ("disk", disk_lines), ("extensions", _extensions),
    ]  # fmt: skip
    if home:
        for about, look in looks:
            lines += _told(about, partial(look, home))
    for about, of_all in (("python", _python), ("device", _device), ("cluster", _cluster), ("settings", _settings)):
        lines += _told(about, of_all)
    return home.root if home else None, lines


def _told(about: str, look: Callable[[], Iterator[Line]]) -> list[Line]:
    """What cannot be looked at is a fault, and the rest is looked at all the same."""
    found = list[Line]()
    try:
        found.extend(look())
    except (WrongInput, OSError) as wrong:
        found.append(Line(FAULT, about, " ".join(str(wrong).split())))
    return found


def _extensions(home: Home) -> Iterator[Line]:
    if not extension_files():
        return
    found = catalogue(home.root).extensions
    for one in found:
        if one.error:
            why = one.error[:200]
            yield Line(WARNING, "extensions", f"{one.name} puts nothing on the shelves ({why}); mend {one.file}, and `core check` tells.")
        for note in one.notes:
            yield Line(WARNING, "extensions", f"A part of {one.name} is left out ({note[:200]}); mend {one.file}.")
    if names := [one.name for one in found if not one.error and not one.notes]:
        yield Line(OK, "extensions", f"{some(names)}: on the shelves.")


def _python() -> Iterator[Line]:
    here = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info < OLDEST:
        yield Line(FAULT, "python", f"Python {here} is older than {'.'.join(map(str, OLDEST))}; install a newer one and run `make run`.")
    else:
        yield Line(OK, "python", f"Python {here}.")
    missing, other = list[str](), list[str]()
    try:
        wanted = _PINNED.findall((PROJECT / "requirements.txt").read_text(encoding="utf-8"))
    except OSError:
        yield Line(WARNING, "python", "requirements.txt is not there, so versions cannot be compared; get the project anew.")
        return
    for name, pinned in wanted:
        try:
            if (found := version(name).partition("+")[0]) != pinned:
                other.append(f"{name} {found}, not {pinned}")
        except PackageNotFoundError:
            missing.append(name)
    if missing:
        yield Line(FAULT, "python", f"{some(missing)} is not installed; `pip install -r requirements.txt` installs it.")
    if other:
        differ = f"Versions are not those of requirements.txt ({some(other)})"
        yield Line(WARNING, "python", f"{differ}; `pip install -r requirements.txt` mends that.")
    if not missing and not other:
        yield Line(OK, "python", f"All {len(wanted)} libraries are of the versions that requirements.txt names.")


def _device() -> Iterator[Line]:
    try:
        done = subprocess.run(**python_module("core.training.tell_device"), capture_output=True, text=True, check=False, timeout=LONGEST)
        told = json.loads(done.stdout)
    except (subprocess.TimeoutExpired, ValueError) as error:
        why = "it took too long" if isinstance(error, subprocess.TimeoutExpired) else (done.stderr.strip().splitlines() or ["no word"])[-1]
        yield Line(FAULT, "device", f"PyTorch cannot be started ({why[:160]}); `pip install -r requirements.txt` installs it anew.")
        return
    if told["wrong"]:
        yield Line(FAULT, "device", told["wrong"])
    else:
        yield Line(OK, "device", f"Runs are computed on {told['device']} ({told['name']}); {cores()} cores.")


def _cluster() -> Iterator[Line]:
    """Where runs are to go to one: whether Ray is here, and somebody answers at its address."""
    if (asked := Asked.of_environment()) is None:
        return
    try:
        here = version("ray")
    except PackageNotFoundError:
        yield Line(FAULT, "cluster", NEEDED)
        return
    if why := asked.silent():
        yield Line(FAULT, "cluster", f"Runs wait for the Ray cluster {asked.address} ({why}); start it, or unset {RAY}.")
        return
    yield Line(OK, "cluster", f"Runs go to the Ray cluster {asked.address} (Ray {here}).")


def _settings() -> Iterator[Line]:
    """Those by environment variables that are set."""
    said, wrong = list[str](), list[str]()
    for name, text in sorted(os.environ.items()):
        if not name.startswith("FORGETSCOPE_") and name != "OMP_NUM_THREADS":
            continue
        problem = _problem(name, text)
        (wrong if problem else said).append(problem or f"{name}={text[:60]}")
    for sentence in wrong:
        yield Line(WARNING, "settings", sentence)
    yield Line(OK, "settings", f"By environment variables: {some(said, 20)}." if said else "Nothing is set by environment variables.")


def _problem(name: str, text: str) -> str:
    """What is wrong with a setting and what to do, in a sentence; '' where nothing is."""
    if name in _ANYTHING:
        return ""
    if name not in _CHECKS:
        return f"{name} is no setting that this version knows; unset it."
    try:
        wanted = _CHECKS[name](text)
    except WrongInput as wrong:
        return str(wrong)
    return f"{name} wants {wanted} and says {text!r:.120}, which is not heeded; mend or unset it." if wanted else ""


def _number(text: str) -> str:
    return "" if text.isascii() and text.isdigit() and 1 <= int(text[:6]) <= 10_000 else "a whole number from 1"


def _folder(text: str) -> str:
    return "" if os.path.isdir(os.path.expanduser(text)) else "a folder that is there"


def _seconds(text: str) -> str:
    try:
        return "" if float(text) >= 0 else "seconds from 0"
    except ValueError:
        return "seconds from 0"


def _device_asked(_: str) -> str:
    asked_device()
    return ""


def _cluster_asked(_: str) -> str:
    Asked.of_environment()
    return ""


def _quota_asked(_: str) -> str:
    quota()
    return ""


# What is wanted where a text is none; '' where it is one. Some raise WrongInput.
_CHECKS: dict[str, Callable[[str], str]] = {
    "FORGETSCOPE_SLOTS": _number, "OMP_NUM_THREADS": _number, "FORGETSCOPE_DATA": _folder, "FORGETSCOPE_EXTENSIONS": _folder,
    "FORGETSCOPE_IDLE_SECONDS": _seconds, "FORGETSCOPE_DEVICE": _device_asked, QUOTA: _quota_asked,
    RAY: _cluster_asked, SHARE: _cluster_asked, CACHE: _number,
}  # fmt: skip
