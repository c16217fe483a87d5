"""Tensors of a checkpoint whose pickle describes other objects too: only dicts, texts and tensors are made, and nothing is called."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
import pickletools
from typing import Any
from zipfile import ZipFile

import torch
from torch import Tensor

DEEPEST, MOST_ENTRIES = 6, 200_000  # dicts in each other; entries that are looked at, however often a pickle names them
KINDS = {  # storages by name -> what their bytes are
    "FloatStorage": torch.float32, "DoubleStorage": torch.float64, "HalfStorage": torch.float16, "BFloat16Storage": torch.bfloat16,
    "LongStorage": torch.int64, "IntStorage": torch.int32, "ShortStorage": torch.int16, "CharStorage": torch.int8,
    "ByteStorage": torch.uint8, "BoolStorage": torch.bool,
}  # fmt: skip
TENSOR, PARAMETER, DICT = "torch._utils _rebuild_tensor_v2", "torch._utils _rebuild_parameter", "collections OrderedDict"


class _Mark:
    """Where a group on the stack begins."""


@dataclass(frozen=True)
class _Named:
    """A class or function that the pickle names; never looked up."""

    name: str


@dataclass(frozen=True, eq=False)
class _Described:
    """A tensor: its storage as the pickle names it, where it begins there, its size and strides."""

    storage: Any
    offset: Any
    size: Any
    stride: Any


@dataclass
class _Reader:
    """The pickle's own stack and memo. What is no dict, text, number or tensor is None: skipped."""

    stack: list[Any] = field(default_factory=list)
    memo: dict[int, Any] = field(default_factory=dict)

    def step(self, code: str, argument: Any) -> None:
        """One opcode. Raises KeyError for one that torch.save does not write, and others where the stack does not fit."""
        if code in _PUSHED:
            self.stack.append(_PUSHED[code](argument))
        elif code in ("BINPUT", "LONG_BINPUT"):
            self.memo[argument] = self.stack[-1]
        elif code in ("BINGET", "LONG_BINGET"):
            self.stack.append(self.memo[argument])
        else:
            _CHANGES[code](self)

    def since_mark(self) -> list[Any]:
        """What was pushed since the last mark, taken off with it."""
        taken = list[Any]()
        while not isinstance(top := self.stack.pop(), _Mark):
            taken.append(top)
        return taken[::-1]

    def make_tuple(self, count: int) -> None:
        """Of the last so many."""
        taken = tuple(self.stack[len(self.stack) - count :])
        del self.stack[len(self.stack) - count :]
        self.stack.append(taken)

    def set_items(self, items: list[Any]) -> None:
        """Keys and values in turn; only texts are kept as keys, and only in dicts."""
        if isinstance(target := self.stack[-1], dict):
            target.update({key: value for key, value in zip(items[::2], items[1::2], strict=True) if isinstance(key, str)})

    def drop(self) -> None:
        """What would be set on, or added to, the object below it."""
        self.stack.pop()

    def call(self) -> None:
        """In place of a call: a description of a tensor, an empty dict, or None."""
        arguments, called = self.stack.pop(), self.stack.pop()
        name = called.name if isinstance(called, _Named) else ""
        made: Any = None
        if name == TENSOR:
            made = _Described(*arguments[:4])
        elif name == PARAMETER:
            made = arguments[0]
        elif name == DICT:
            made = {}
        self.stack.append(made)


_PUSHED: dict[str, Callable[[Any], Any]] = {
    **dict.fromkeys(("BINUNICODE", "SHORT_BINUNICODE", "BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT", "SHORT_BINSTRING", "BINSTRING"),
                    lambda argument: argument),
    **dict.fromkeys(("EMPTY_LIST", "EMPTY_SET", "NONE"), lambda _: None),
    "GLOBAL": _Named, "MARK": lambda _: _Mark(), "EMPTY_DICT": lambda _: {}, "EMPTY_TUPLE": lambda _: (), "NEWTRUE": lambda _: True,
    "NEWFALSE": lambda _: False,
}  # fmt: skip
_CHANGES: dict[str, Callable[[_Reader], object]] = {
    "TUPLE": lambda own: own.stack.append(tuple(own.since_mark())), "TUPLE1": lambda own: own.make_tuple(1),
    "TUPLE2": lambda own: own.make_tuple(2), "TUPLE3": lambda own: own.make_tuple(3),
    "SETITEM": lambda own: own.set_items([own.stack.pop(-2), own.stack.pop()]), "SETITEMS": lambda own: own.set_items(own.since_mark()),
    "APPEND": _Reader.drop, "APPENDS": _Reader.since_mark, "REDUCE": _Reader.call, "NEWOBJ": _Reader.call, "BUILD": _Reader.drop,
    **dict.fromkeys(("BINPERSID", "PROTO", "STOP"), lambda _: None),
}  # fmt: skip


def pickled_tensors(path: Path) -> dict[str, Tensor]:
    """Name -> tensor of every dict that the archive's pickle describes, a dict's own name and a point before the names in it.

    For an archive that `scan_foreign` let through. Raises ValueError, KeyError and the like for one that is not as torch.save writes it.
    """
    with ZipFile(path) as archive:
        names = archive.namelist()
        (described,) = (name for name in names if name.endswith(".pkl"))
        root = described.removesuffix("data.pkl")
        if f"{root}byteorder" in names and archive.read(f"{root}byteorder") != b"little":
            raise ValueError("The numbers are not stored as this machine has them.")
        reader = _Reader()
        for code, argument, _ in pickletools.genops(archive.read(described)):
            reader.step(code.name, argument)
        (content,) = reader.stack
        storages = dict[str, Tensor]()

        def tensor(of: _Described) -> Tensor | None:
            _, kind, key, *_ = of.storage
            dtype = KINDS.get(kind.name.removeprefix("torch "))
            if dtype is None:
                return None
            if key not in storages:
                held = bytearray(archive.read(f"{root}data/{key}"))
                storages[key] = torch.frombuffer(held, dtype=dtype) if held else torch.zeros(0, dtype=dtype)
            return storages[key].as_strided(of.size, of.stride, of.offset)

        found = ((name, tensor(of)) for name, of in _flat(content))
        return {name: value for name, value in found if value is not None}


def _flat(content: object) -> Iterator[tuple[str, _Described]]:
    """Every tensor with its way through the dicts. Raises ValueError where there are too many ways."""
    ahead, seen = [("", content, 0)], 0
    while ahead:
        name, value, depth = ahead.pop()
        seen += 1
        if seen > MOST_ENTRIES:
            raise ValueError("The pickle names more than can be looked at.")
        if isinstance(value, _Described):
            yield name, value
        elif isinstance(value, Mapping) and depth < DEEPEST:
            ahead += [(f"{name}.{key}" if name else key, inner, depth + 1) for key, inner in reversed(list(value.items()))]
