"""The arrays that a method recorded, by kind, with the schema's descriptions."""

from collections.abc import Iterable

import pandas as pd

from core.domain.recordings import recording_of

Row = tuple[str, tuple[int, ...], int, float | None]  # name, shape, bytes, the value of one number


def recorded_table(arrays: Iterable[Row]) -> pd.DataFrame:
    """One row a kind of array: name, meaning, unit, axes, shape, value (of single numbers; from least to most of several), how
    many, kB. Empty where nothing was recorded."""
    kinds: dict[str, list[Row]] = {}
    for array in arrays:
        description = recording_of(array[0])
        kinds.setdefault(description.pattern if description else array[0], []).append(array)
    return pd.DataFrame([_row(kind, kinds[kind]) for kind in sorted(kinds)])


def _row(kind: str, arrays: list[Row]) -> dict[str, str | int]:
    name, shape, _, _ = arrays[0]
    description = recording_of(name)
    return {
        "array": kind,
        "meaning": description.meaning if description else "recorded by another version of Forgetscope",
        "unit": description.unit if description else "",
        "axes": " × ".join(description.axes) or "one number" if description else "",
        "shape": "one each" if len(arrays) > 1 else " × ".join(map(str, shape)) or "1",
        "value": _value([value for *_, value in arrays if value is not None]),
        "arrays": len(arrays),
        "kB": f"{sum(size for _, _, size, _ in arrays) / 1000:.1f}",
    }


def _value(numbers: list[float]) -> str:
    if not numbers:
        return "–"
    least, most = (f"{number:.4g}" for number in (min(numbers), max(numbers)))
    return least if least == most else f"{least} to {most}"
