"""Checks a file of weights before anything is loaded: its ending, sizes, and what a pickle declares; nothing in it is run."""

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
import pickletools
from zipfile import ZIP_STORED, ZipFile

from core.domain.errors import WrongInput

MOST_BYTES = 2**30  # of a file; .streamlit/config.toml lets as much through
SAFETENSORS = ".safetensors"
PICKLES = (".pth", ".pt", ".ckpt", ".tar", ".bin")  # all are what torch.save writes, whatever the ending
KINDS = (SAFETENSORS, *PICKLES)
MOST_PICKLE = 4 * 2**20  # bytes that describe tensors; a checkpoint of 1,000 layers with its optimiser takes about one million
MOST_OPCODES = 400_000  # such a checkpoint has about 100,000
MOST_HEADER = 4 * 2**20  # bytes of a safetensors file's description
MOST_PARTS = 50_000  # members of an archive
LEGACY = 5  # pickles in a row: magic number, protocol, system, the object, keys of its storages
# Names that a state dict may ask for; of these, torch refuses what could do harm.
OURS = ("torch.", "collections.", "_codecs.encode", "builtins.set", "builtins.complex", "__builtin__.set", "__builtin__.complex")
TEXTS = ("SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8", "UNICODE")  # opcodes that push a text
WHOLE = ("BININT", "BININT1", "BININT2", "INT", "LONG", "LONG1", "LONG4")  # opcodes that push a whole number
ZIP, TAR = b"PK\x03\x04", b"ustar"


def scan(path: Path, name: str) -> None:
    """Raises WrongInput for a file of an unknown ending, that does not exist, is too large, or declares more than it contains.

    name: the file's name on the user's side.
    """
    if path.suffix.lower() not in KINDS:
        raise WrongInput(f"Own weights must be a file {', '.join(KINDS[:-1])} or {KINDS[-1]}; got {name!r}.")
    if not path.is_file():
        raise WrongInput(f"There is no file {name if path.name != name else path} to take weights from.")
    size = path.stat().st_size
    if size > MOST_BYTES:
        raise WrongInput(f"A file of weights may have {MOST_BYTES / 1e9:.1f} GB; {name!r} has {size / 1e9:.1f}.")
    if path.suffix.lower() == SAFETENSORS:
        _scan_header(path, name)
        return
    with open(path, "rb") as file:
        start = file.read(512)
    if start[257 : 257 + len(TAR)] == TAR:
        raise WrongInput(f"{name!r} is an archive of files; unpack it and give the file of weights inside.")
    try:
        (_scan_zip if start.startswith(ZIP) else _scan_legacy)(path, name, size)
    except WrongInput:
        raise
    except Exception as error:  # the parser of archives trips over strange bytes in many ways
        raise broken(name) from error


def broken(name: str, kind: str = "", why: str = "") -> WrongInput:
    """The error for a file that cannot be read; kind: what it should contain, '' for a pickled state dict; why: the reason, if known."""
    wanted = kind or "a state dict and nothing else, as torch.save(model.state_dict(), FILE) writes it"
    return WrongInput(f"{name!r} could not be read: it must hold {wanted}{why and '; ' + why}. Nothing in it was run.")


def _scan_header(path: Path, name: str) -> None:
    with open(path, "rb") as file:
        length = int.from_bytes(file.read(8), "little")
    if length > MOST_HEADER:
        raise broken(name, "a safetensors file", f"its header claims {length:,} bytes, and may have {MOST_HEADER:,}")


def _scan_zip(path: Path, name: str, size: int) -> None:
    with ZipFile(path) as archive:
        inside = archive.infolist()
        if any(entry.compress_type != ZIP_STORED for entry in inside):
            raise WrongInput("The weights' file is compressed, which PyTorch's own never are; save it with torch.save.")
        if len(inside) > MOST_PARTS or sum(entry.file_size for entry in inside) > size:
            raise broken(name, why="it declares more than it holds")
        for entry in inside:
            if entry.filename.endswith(".pkl"):
                if entry.file_size > MOST_PICKLE:
                    raise _too_much(name, f"{entry.file_size:,} bytes")
                _scan_pickle(BytesIO(archive.read(entry)), name, size)


def _scan_legacy(path: Path, name: str, size: int) -> None:
    """A file of before PyTorch 1.6: pickles in a row, then raw numbers."""
    with open(path, "rb") as file:
        head = BytesIO(file.read(MOST_PICKLE))  # not the file itself: of that, a declared length would be set aside at once
    for _ in range(LEGACY):
        try:
            _scan_pickle(head, name, size)
        except WrongInput as wrong:
            if isinstance(wrong.__cause__, ValueError) and size > MOST_PICKLE:  # it goes on beyond the bytes that were scanned
                raise _too_much(name, f"more than {MOST_PICKLE:,} bytes") from wrong
            raise
        if head.tell() >= size:
            return  # a bare pickle


def _scan_pickle(stream: BytesIO, name: str, size: int) -> None:
    """Checks the count of opcodes, the names that are imported and the sizes that tensors declare. Raises WrongInput."""
    words: list[str] = []  # the last two texts, which a newer pickle names things by
    number = 0  # the last whole number: a storage's length comes last
    for code, argument in _steps(stream, name):
        if code in TEXTS:
            words = [*words[-1:], str(argument)]
        elif code in WHOLE and isinstance(argument, int):
            number = argument
        elif code == "MARK":
            number = 0
        elif code in ("BINPERSID", "PERSID") and number > size:
            raise broken(name, why=f"it declares {number:,} numbers in a file of {size:,} bytes")
        elif code in ("GLOBAL", "STACK_GLOBAL", "INST"):
            named = ".".join(words) if code == "STACK_GLOBAL" else str(argument).replace(" ", ".", 1)
            if not named.startswith(OURS):
                raise broken(name, why=f"it asks for {named[:60]!r}")


def _steps(stream: BytesIO, name: str) -> Iterator[tuple[str, object]]:
    """Name and argument of one opcode after the other."""
    try:
        for count, (code, argument, _) in enumerate(pickletools.genops(stream), 1):
            if count > MOST_OPCODES:
                raise _too_much(name, f"more than {MOST_OPCODES:,} steps")
            yield code.name, argument
    except WrongInput:
        raise
    except Exception as error:  # the parser trips over strange bytes in many ways
        raise broken(name) from (error if isinstance(error, ValueError) else None)


def _too_much(name: str, what: str) -> WrongInput:
    return WrongInput(f"{name!r} holds more than weights: what describes them has {what}; save the state dict alone.")
