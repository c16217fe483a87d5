"""Training indices from a file that a user hands in: one a line, for the command line and the pages alike."""

from pathlib import Path
import re

from core.domain.errors import WrongInput
from core.domain.requests.samples import SamplesRequest

LONGEST = 2_000_000  # bytes of a file
SHOWN = 40  # letters of a line that is repeated


def samples_from_file(path: Path) -> SamplesRequest:
    """See `samples_from`. Raises WrongInput also where the file cannot be read."""
    try:
        with path.open("rb") as stream:
            content = stream.read(LONGEST + 1)
    except OSError as error:
        raise WrongInput(f"{path} must be a CSV of training indices, but it cannot be read ({error.strerror}).") from None
    return samples_from(content, str(path))


def samples_from(content: bytes, name: str) -> SamplesRequest:
    """A request for the indices in a CSV of one column, with a header or without. Raises WrongInput, naming file and line."""
    if len(content) > LONGEST:
        raise WrongInput(f"{name} must be a CSV of training indices, but it is longer than {LONGEST} bytes.")
    try:
        lines = content.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise WrongInput(f"{name} must be a CSV of training indices, but it is no text in UTF-8.") from None
    written = [(number, line.strip().strip('"').strip()) for number, line in enumerate(lines, 1) if line.strip()]
    if written and re.fullmatch(r"[A-Za-z_][\w .-]*", written[0][1]):
        del written[0]  # a header
    for number, word in written:
        if not re.fullmatch(r"\d{1,18}", word, re.ASCII):
            shown = word if len(word) <= SHOWN else word[: SHOWN - 1] + "…"
            raise WrongInput(f"{name} must hold one training index a line, a whole number from 0; line {number} says {shown!r}.")
    if not written:
        raise WrongInput(f"{name} names no training index; write one a line, a whole number from 0.")
    return SamplesRequest(tuple(sorted({int(word) for _, word in written})))
