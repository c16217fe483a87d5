"""Writes a working extension with its test, to begin with: `python -m core new`."""

from pathlib import Path
from string import Template

from core.domain.errors import WrongInput
from core.domain.extension_files import KEY

TEMPLATES = Path(__file__).with_name("templates")


def begin(kind: str, key: str, folder: Path) -> tuple[Path, Path]:
    """The file and its test, written into `folder`. Raises WrongInput; nothing is written over a file that is there."""
    if not KEY.fullmatch(key):
        raise WrongInput(f"A name is 2 to 48 small letters, digits and _, a letter first; got {key!r:.60}.")
    file, test = folder / f"{key}.py", folder / f"test_{key}.py"
    if there := next((path for path in (file, test) if path.exists()), None):
        raise WrongInput(f"{there} is there already; choose another name.")
    words = {"key": key, "title": key.replace("_", " ").capitalize(), "name": key.title().replace("_", "")}
    folder.mkdir(parents=True, exist_ok=True)
    for path, template in ((file, kind), (test, "test")):
        path.write_text(Template((TEMPLATES / f"{template}.py.txt").read_text(encoding="utf-8")).substitute(words), encoding="utf-8")
    return file, test
