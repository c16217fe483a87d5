"""The version of the code that computes: equal versions give equal numbers, so a corrected method never shows old ones."""

from functools import lru_cache
import hashlib
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

HERE = Path(__file__).parent
# What decides the weights of a trained model, and what decides any number.
TRAINING = ("chunks.py", "context.py", "domain.py", "job.py", "pipeline.py", "training.py", "data", "models")
MEASURING = ("evaluation.py", "found.py", "importance.py", "persample.py", "statistics.py", "maths", "methods", "metrics", "privacy")
ENGINE = (*TRAINING, *MEASURING, "params.py", "descriptions.py", "presets.py", "weights")
LOOKING = (*ENGINE, "attribution", "explore", "looks", "opened.py")  # and what is computed later about a run that is done
LIBRARIES = ("torch", "scikit-learn", "numpy")
EXPLAINING = ("captum", "umap-learn")  # of what is computed later alone


def code_version(rooms: tuple[str, ...]) -> str:
    """Twelve hexadecimal digits of the hash of the named sources as they are now, and of the libraries' versions.

    Nothing is imported. Cheap to ask: the files are read again only when one of them changed.
    """
    files = sorted(p for room in rooms for p in (HERE / room, *(HERE / room).rglob("*.py")) if p.is_file())
    libraries = (*LIBRARIES, *EXPLAINING) if rooms == LOOKING else LIBRARIES
    return _hash(tuple((path, path.stat().st_mtime_ns) for path in files), libraries)


@lru_cache(maxsize=8)
def _hash(stamped: tuple[tuple[Path, int], ...], libraries: tuple[str, ...]) -> str:
    hasher = hashlib.sha256(" ".join(f"{name} {_version(name)}" for name in libraries).encode())
    for path, _ in stamped:
        hasher.update(path.relative_to(HERE).as_posix().encode() + path.read_bytes())
    return hasher.hexdigest()[:12]


def _version(library: str) -> str:
    try:
        return version(library)
    except PackageNotFoundError:  # UMAP may be missing; its map then says so
        return ""
