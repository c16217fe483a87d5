"""Files of Artifacts on their way between head and nodes, by the digest that is their name: through a folder that all can reach, or Ray."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from core.storage.artifacts import Artifacts, Damaged


@dataclass(frozen=True)
class SharedFolder:
    """Of any kind that fsspec knows: `file:///mnt/lab/forgetscope`, `s3://bucket/forgetscope`. Its files are never trusted: see `taken`."""

    url: str

    def give(self, file: str, content: bytes) -> None:
        """Written beside, then moved there; also over one that is there, which may be damaged: whoever asks found none that was whole."""
        system, folder = self._opened()
        beside = f"{folder}/.{uuid4().hex}"
        system.makedirs(folder, exist_ok=True)
        system.pipe_file(beside, content)
        system.mv(beside, f"{folder}/{file}")

    def get(self, file: str) -> bytes | None:
        """None where nobody has left it. Raises what its kind of folder raises where it cannot be reached."""
        system, folder = self._opened()
        with suppress(FileNotFoundError):
            return bytes(system.cat_file(f"{folder}/{file}"))
        return None

    def _opened(self) -> tuple[Any, str]:
        import fsspec  # noqa: PLC0415  # only who uses such a folder needs it; torch brings it

        system, folder = fsspec.core.url_to_fs(self.url)
        return system, str(folder).rstrip("/")


def taken(artifacts: Artifacts, get: Callable[[str], bytes | None], file: str) -> bool:
    """Whether the file is among the artifacts now: got where it was not, and its content checked against its name; get: None for none."""
    if artifacts.has(file):
        return True
    content = get(file)
    if content is None:
        return False
    with suppress(Damaged):  # it is computed anew
        artifacts.take(file, content)
        return True
    return False
