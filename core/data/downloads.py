"""Downloads that are whole or not there: made in a folder beside, moved when complete."""

from collections.abc import Callable
import os
from pathlib import Path
import sys

from core.data.paths import LOOKING, OFFLINE
from core.domain.errors import WrongInput
from core.storage.atomic import folder_beside

HINT = "You can use download=True to download it"  # torchvision's word to programmers


def download(root: Path, fetch: Callable[[Path], None], title: str, files: str, missing: Exception) -> None:
    """Let `fetch(folder)` bring a set, and put its files into `root`. How far it is, torchvision says on stderr.

    title, files: what is missing, for a sentence. Raises WrongInput with what to put where; then nothing is left of what came.
    """
    if os.environ.get(OFFLINE) == LOOKING:
        raise _absent(root, title, files, "yet, and only a run downloads it") from missing
    if os.environ.get(OFFLINE):
        raise _absent(root, title, files, f"({_line(missing)}), and {OFFLINE} is set, so it was not downloaded") from missing
    print(f"{title} is not in {root}; downloading it.", file=sys.stderr)
    try:
        with folder_beside(root) as beside:
            fetch(beside)
            for path in sorted(place for place in beside.rglob("*") if place.is_file()):
                target = root / path.relative_to(beside)
                target.parent.mkdir(parents=True, exist_ok=True)
                path.replace(target)  # a file that was there was missing something
    except Exception as failed:  # torchvision lets every library's network error through
        raise _absent(root, title, files, f"and the download failed ({_line(failed)})") from failed


def _absent(root: Path, title: str, files: str, why: str) -> WrongInput:
    return WrongInput(
        f"{title} is not in {root} {why}; put {files} there, or set FORGETSCOPE_DATA to the folder that holds it."
    )


def _line(error: Exception) -> str:
    said = " ".join(str(error).split()).replace(HINT, "").replace(". ", "; ")  # it becomes a part of one sentence
    return f"{type(error).__name__}: {said}"[:200].rstrip(" .;:")
