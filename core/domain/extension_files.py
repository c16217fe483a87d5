"""Where extensions lie: files and packages of a user's own that join the shelves, found without importing any of them.

Two places: a folder on this machine's disk (FORGETSCOPE_EXTENSIONS, else `extensions/` in the home that FORGETSCOPE_HOME names), and
installed packages that name a module in the entry point group `forgetscope.extensions`. Nothing that came through a browser lies there.
"""

from contextlib import suppress
from dataclasses import dataclass
from functools import cache
import hashlib
from importlib.metadata import entry_points
from importlib.util import find_spec
import os
from pathlib import Path
import re

import platformdirs

from core.domain.errors import WrongInput

KINDS = ("method", "metric", "model", "dataset", "request", "explainer")  # what one can put on a shelf
KEY = re.compile(r"[a-z][a-z0-9_]{1,47}")  # of each
GROUP = "forgetscope.extensions"
ROOM = "forgetscope_extensions"  # the package under whose name those of the folder are imported
MOST = 200  # extensions
MOST_FILES = 500  # of one package
MOST_BYTES = 1_000_000  # of one file


@dataclass(frozen=True)
class ExtensionFiles:
    """One extension. module: the name that it is imported under; files: its sources, the one to import first."""

    name: str
    module: str
    files: tuple[Path, ...]
    origin: str  # what it was found in, for people

    @property
    def entry(self) -> Path:
        """The file that is imported."""
        return self.files[0]

    @property
    def is_package(self) -> bool:
        """Whether it is a folder of modules."""
        return self.entry.name == "__init__.py"

    def module_of(self, file: Path) -> str:
        """The name under which one of its files is imported."""
        if not self.is_package:
            return self.module
        inner = file.relative_to(self.entry.parent).with_suffix("").parts
        return ".".join((self.module, *inner)).removesuffix(".__init__")

    def digest(self) -> str:
        """Twelve hexadecimal digits of all its files, names and bytes."""
        hasher = hashlib.sha256()
        for file in self.files:
            with suppress(OSError):  # it goes at this moment: what follows says so
                hasher.update(self.module_of(file).encode() + b"\0" + source_of(file))
        return hasher.hexdigest()[:12]


def extensions_folder() -> Path:
    """The folder that is looked into; it need not be there."""
    if named := os.environ.get("FORGETSCOPE_EXTENSIONS"):
        return Path(os.path.expanduser(named)).absolute()  # of a user who is not known here it leaves the words as they are
    home = os.environ.get("FORGETSCOPE_HOME") or platformdirs.user_data_dir("forgetscope", appauthor=False)
    return Path(os.path.expanduser(home)).absolute() / "extensions"


def extension_files() -> tuple[ExtensionFiles, ...]:
    """Those of the folder by name, then those of installed packages. A name that begins with `_` or `test_` is none."""
    folder = extensions_folder()
    try:
        names = sorted(os.listdir(folder))[: 10 * MOST]
    except OSError:  # there is none
        names = []
    found = [one for name in names if (one := _in_folder(folder / name))]
    return tuple([*found, *_installed()][:MOST])


def source_of(file: Path) -> bytes:
    """A file's content, of one that is larger than a source may be the beginning: nobody reads gigabytes for a digest."""
    with file.open("rb") as opened:
        return opened.read(MOST_BYTES + 1)


def files_at(path: Path) -> ExtensionFiles:
    """A file or a package that may lie anywhere. Raises WrongInput where it is neither."""
    found = _in_folder(path.absolute())
    if found is None:
        raise WrongInput(f"{path} is no extension: a file NAME.py, or a folder with an __init__.py, whose name a Python module can have.")
    return found


def _in_folder(path: Path) -> ExtensionFiles | None:
    name = path.stem
    if name.startswith(("_", "test_")) or not name.isidentifier():
        return None
    if path.suffix == ".py" and path.is_file():
        files: tuple[Path, ...] = (path,)
    elif not path.suffix and (path / "__init__.py").is_file():
        files = _sources(path)
    else:
        return None
    return ExtensionFiles(name, f"{ROOM}.{name}", files, "the folder of extensions")


def _sources(package: Path) -> tuple[Path, ...]:
    first = package / "__init__.py"
    return first, *sorted(path for path in package.rglob("*.py") if path != first)[: MOST_FILES - 1]


@cache
def _installed() -> tuple[ExtensionFiles, ...]:
    """Read once a process: what pip installs meanwhile is seen by the next."""
    found = []
    for entry in sorted(entry_points(group=GROUP), key=lambda entry: entry.name):
        try:
            spec = find_spec(entry.module.partition(".")[0])  # of what lies on top: nothing is imported for it
        except (ImportError, ValueError):
            spec = None
        if spec is None or not spec.origin or not spec.origin.endswith(".py"):
            continue
        top = Path(spec.origin)
        files = _sources(top.parent) if top.name == "__init__.py" else (top,)
        package = entry.dist.name if entry.dist else entry.module
        found.append(ExtensionFiles(entry.name, entry.module.partition(".")[0], files, f"the installed package {package}"))
    return tuple(found)
