"""Reads a file of weights as people have them: also where objects of other libraries lie beside the weights, which are left unread."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import torch

from core.domain.errors import WrongInput
from core.storage.disk_and_memory_errors import out_of_memory
from core.training.uploaded_weights.pickled_tensors import pickled_tensors
from core.training.uploaded_weights.read_file import LoadedWeights, read
from core.training.uploaded_weights.scan_file import broken
from core.training.uploaded_weights.scan_foreign import scan_foreign

NAMED = 3  # foreign names that a sentence has


def read_checkpoint(path: Path, name: str = "") -> LoadedWeights:
    """As `read_file.read`; foreign objects are left unread and named, and so is a conversion to float32. Raises WrongInput.

    Nothing in the file is run. Where there are foreign objects, a tensor's name begins with those of the dicts that it lies in.
    """
    name = name or path.name
    foreign = scan_foreign(path, name)
    if not foreign:
        return _noted(read(path, name))
    try:
        tensors = pickled_tensors(path)
    except Exception as error:  # an untrusted file may make its parser raise anything
        if out_of_memory(error):
            raise WrongInput(f"{name!r} asks for more memory than a file of its size may; nothing of it was kept.") from error
        raise broken(name) from error
    if not tensors:
        raise broken(name, why=f"it asks for {foreign[0][:60]!r}")
    left = ", ".join(f"{one:.60}" for one in foreign[:NAMED]) + (f" and {len(foreign) - NAMED} more" if len(foreign) > NAMED else "")
    return _noted(LoadedWeights(tensors, (f"Objects that are no weights were left unread, and nothing of them was run: {left}.",)))


def _noted(loaded: LoadedWeights) -> LoadedWeights:
    """With a note where numbers are not stored as float32, to which they are going to be converted."""
    kinds = Counter(t.dtype for t in loaded.tensors.values() if t.is_floating_point() and t.dtype != torch.float32)
    if not kinds:
        return loaded
    named = " and ".join(str(kind).removeprefix("torch.") for kind in kinds)
    note = f"{kinds.total()} of {len(loaded.tensors)} tensors are stored as {named}; they were converted to float32."
    return replace(loaded, notes=(*loaded.notes, note))
