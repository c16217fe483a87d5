"""The version of the code that computes: equal versions give equal numbers, so a corrected method never shows old ones."""

from functools import cache
import hashlib
from importlib.metadata import version
from pathlib import Path

HERE = Path(__file__).parent
TRAINING = ("context.py", "training.py", "data", "models")  # what decides the weights of a trained model
MEASURING = ("importance.py", "persample.py", "statistics.py", "methods", "metrics")
ENGINE = (*TRAINING, *MEASURING, "presets.py", "params.py", "descriptions.py", "pipeline.py")


@cache
def code_version(rooms: tuple[str, ...]) -> str:
    """Twelve hexadecimal digits of the hash of the named sources and of PyTorch's version; torch is not imported."""
    hasher = hashlib.sha256(version("torch").encode())
    for room in rooms:
        for path in sorted(p for p in (HERE / room, *(HERE / room).rglob("*.py")) if p.is_file()):
            hasher.update(path.relative_to(HERE).as_posix().encode() + path.read_bytes())
    return hasher.hexdigest()[:12]
