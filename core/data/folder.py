"""Where published sets lie, and whether they may be downloaded."""

import os
from pathlib import Path

import platformdirs

OFFLINE = "FORGETSCOPE_OFFLINE"  # set to anything: never download
LOOKING = "looking"  # its value where somebody only wants to see the images


def data_folder() -> Path:
    """FORGETSCOPE_DATA, else a folder of the user's own; it need not be there yet."""
    named = os.environ.get("FORGETSCOPE_DATA")
    return Path(named).expanduser() if named else Path(platformdirs.user_cache_dir("forgetscope", appauthor=False)) / "data"
