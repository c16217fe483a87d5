"""The folder in which sets of images lie: FORGETSCOPE_DATA, or one of the user's own; and whether sets may be downloaded."""

import os
from pathlib import Path

import platformdirs

from core.data.name_order import place_of
from core.domain.errors import WrongInput

OFFLINE = "FORGETSCOPE_OFFLINE"  # set to anything: never download
ZIP = ".zip"
LOOKING = "looking"  # its value where somebody only wants to see the images


def data_folder() -> Path:
    """FORGETSCOPE_DATA, else a folder of the user's own; it need not be there yet."""
    named = os.environ.get("FORGETSCOPE_DATA")
    return Path(named).expanduser() if named else Path(platformdirs.user_cache_dir("forgetscope", appauthor=False)) / "data"


def find_folder(asked: str) -> Path:
    """The folder, or zip archive, of that name: as it is written, else inside `data_folder()`; its letters composed or not.

    Raises WrongInput where neither is there.
    """
    if not asked.strip() or "\0" in asked:
        raise WrongInput("A folder of images is wanted; got an empty name.")
    try:
        here = Path(asked).expanduser()
        places = (here,) if here.is_absolute() else (here, data_folder() / here)
        for place in (place_of(Path(place.anchor), place.relative_to(place.anchor).as_posix()) or place for place in places):
            if place.is_dir() or (place.is_file() and place.suffix.lower() == ZIP):
                return place.resolve()
        for place in places:
            if place.exists():
                raise WrongInput(f"A folder of images or a {ZIP} is wanted, but {place} is a file; unpack it first if it is an archive.")
    except (OSError, RuntimeError) as error:  # a name too long, a user that is not there
        raise WrongInput(f"A folder of images is wanted; {asked[:200]} cannot be opened ({type(error).__name__}).") from error
    raise WrongInput(f"There is no folder {' and none '.join(str(place) for place in places)}; name one that holds images.")


def halved_folders() -> list[str]:
    """Names of the folders in `data_folder()` that have a train/ and a test/ inside, sorted."""
    try:
        inside = sorted(data_folder().iterdir())
        return [place.name for place in inside if (place / "train").is_dir() and (place / "test").is_dir()]
    except OSError:  # it is not there, or not ours to read
        return []
