"""The engine's answers on their way through JSON: arrays become base64 of their bytes, a fifth as long as a list of numbers."""

from base64 import b64decode, b64encode
import json
from typing import Any

import numpy as np

KINDS = ("float32", "uint8")
_PARTS = {"dtype", "shape", "bytes"}  # of an array


def encode(plain: Any) -> str:
    """Plain data, with float32 and uint8 arrays anywhere in it, as one line of JSON. Raises ValueError for other arrays."""
    return json.dumps(plain, default=_from_array)


def decode(line: str) -> Any:
    """The inverse of `encode`; the arrays may be written to."""
    return json.loads(line, object_hook=lambda found: _to_array(found) if found.keys() == _PARTS else found)


def _from_array(array: Any) -> dict[str, Any]:
    if not isinstance(array, np.ndarray) or array.dtype.name not in KINDS:
        raise ValueError(f"an array of {getattr(array, 'dtype', type(array))} came; {' or '.join(KINDS)} is wanted")
    return {"dtype": array.dtype.name, "shape": list(array.shape), "bytes": b64encode(np.ascontiguousarray(array).tobytes()).decode()}


def _to_array(plain: dict[str, Any]) -> np.ndarray:
    return np.frombuffer(b64decode(plain["bytes"]), plain["dtype"]).reshape(plain["shape"]).copy()
