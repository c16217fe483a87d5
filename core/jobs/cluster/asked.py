"""Which cluster runs go to, and how: what the environment says of it."""

from contextlib import suppress
from dataclasses import dataclass
import os
from pathlib import Path
import socket
from tempfile import gettempdir
from typing import Self

from core.domain.errors import WrongInput
from core.storage.processes import number_asked, threads_asked

RAY, FILES, SHARE = "FORGETSCOPE_RAY", "FORGETSCOPE_RAY_FILES", "FORGETSCOPE_GPU_SHARE"
AUTO = "auto"  # the cluster that this machine belongs to
NODE_HOME = "FORGETSCOPE_NODE_HOME"  # of a node: where it keeps what it works with, else in its temporary folder
CACHE = "FORGETSCOPE_NODE_CACHE"  # of a node: how many GB that may be
USUAL_CACHE = 20
ANSWER = 2.0  # seconds in which a cluster must answer
NEEDED = "Runs on a cluster need Ray, which is not installed here; `pip install -r requirements-ray.txt` brings it."


class Unreachable(WrongInput):
    """Nobody answers there now: what waits goes on waiting."""


@dataclass(frozen=True)
class Asked:
    """address: `auto` or HOST:PORT of a Ray cluster that this machine belongs to. files: the fsspec URL of a folder through which files
    travel, '' for Ray itself. share: of a GPU, for a run. most: runs at once. threads: what every run on a CPU computes with.
    """

    address: str
    files: str = ""
    share: float = 1.0
    most: int | None = None
    threads: int | None = None

    @classmethod
    def of_environment(cls) -> Self | None:
        """None where no cluster is asked for. Raises WrongInput."""
        address = os.environ.get(RAY, "").strip()
        if not address:
            return None
        host, _, port = address.rpartition(":")
        if address != AUTO and not (host and port.isascii() and port.isdigit() and 0 < int(port) < 2**16 and "/" not in host):
            raise WrongInput(f"{RAY} must be {AUTO} or HOST:PORT of a Ray cluster that this machine belongs to; got {address!r:.80}.")
        return cls(address, os.environ.get(FILES, "").strip(), _share(), number_asked("FORGETSCOPE_SLOTS"), threads_asked())

    def silent(self, place: str = "") -> str:
        """Why nobody answers where the cluster should be, '' where somebody does: Ray itself would wait for minutes.

        place: HOST:PORT where it was found before; `auto` is another, or none, once that one has ended.
        """
        place = place or self.address
        if place == AUTO:
            place = os.environ.get("RAY_ADDRESS", "")
            with suppress(OSError):
                place = place or (Path(os.environ.get("RAY_TMPDIR") or gettempdir()) / "ray" / "ray_current_cluster").read_text().strip()
        host, _, port = place.rpartition(":")
        if not (host and port.isascii() and port.isdigit()):
            return ""  # Ray knows better where to look
        try:
            socket.create_connection((host.strip("[]"), int(port)), timeout=ANSWER).close()
        except (OSError, OverflowError) as error:
            return f"nobody answers at {place}: {getattr(error, 'strerror', None) or 'it took too long'}"
        return ""


def _share() -> float:
    text = os.environ.get(SHARE, "").strip() or "1"
    try:
        share = float(text)
    except ValueError:
        share = 0.0
    if not 0.01 <= share <= 1:
        raise WrongInput(f"{SHARE} must be a number from 0.01 to 1, the part of a GPU that a run is given; got {text!r:.40}.")
    return share
