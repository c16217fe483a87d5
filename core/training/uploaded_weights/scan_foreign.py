"""Names of classes and functions, none of them a tensor's, that a checkpoint's pickle asks for; nothing is imported or run."""

from contextlib import suppress
from pathlib import Path
import pickletools
from zipfile import ZIP_STORED, ZipFile

from core.domain.errors import WrongInput
from core.training.uploaded_weights.scan_file import (
    MOST_OPCODES,
    MOST_PARTS,
    MOST_PICKLE,
    OURS,
    SAFETENSORS,
    WHOLE,
    scan,
)

MOST_NAMES = 200  # of foreign classes and functions; a checkpoint of Lightning with its callbacks and settings has about ten
UNREADABLE = ("STACK_GLOBAL", "INST", "OBJ", "EXT1", "EXT2", "EXT4")  # ways to name a class that torch's reader has not


def scan_foreign(path: Path, name: str) -> tuple[str, ...]:
    """`scan`, but for objects of other libraries in what torch.save wrote: their names, in order; () where there are none.

    A Lightning checkpoint keeps settings and callbacks so. name: the file's name on the user's side. Raises WrongInput.
    """
    try:
        scan(path, name)
    except WrongInput:
        found = tuple[str, ...]()
        if path.suffix.lower() != SAFETENSORS and path.is_file():
            with suppress(Exception):  # the parsers trip over strange bytes in many ways; `scan` has said why it is refused
                found = _foreign(path)
        if not found:
            raise
        return found
    return ()


def _foreign(path: Path) -> tuple[str, ...]:
    """() where anything else is wrong with the archive, too: what `scan` holds against sizes, counts and claims holds here."""
    size, found = path.stat().st_size, dict[str, None]()
    with ZipFile(path) as archive:
        inside = archive.infolist()
        described = [entry for entry in inside if entry.filename.endswith(".pkl")]
        stored = all(entry.compress_type == ZIP_STORED for entry in inside) and len(inside) <= MOST_PARTS
        small = sum(entry.file_size for entry in inside) <= size and all(entry.file_size <= MOST_PICKLE for entry in described)
        for entry in described if stored and small else ():
            number = 0  # the last whole number: a storage's length comes last
            for count, (code, argument, _) in enumerate(pickletools.genops(archive.read(entry)), 1):
                if code.name == "MARK":
                    number = 0
                elif code.name in WHOLE and isinstance(argument, int):
                    number = argument
                elif code.name == "GLOBAL" and not (named := str(argument).replace(" ", ".", 1)).startswith(OURS):
                    found[named] = None
                too_much = count > MOST_OPCODES or len(found) > MOST_NAMES or (code.name in ("BINPERSID", "PERSID") and number > size)
                if too_much or code.name in UNREADABLE:
                    return ()
    return tuple(found)
