"""A row of the database as the house's nouns, or what is wrong with it: a damaged row never hides the others."""

from collections.abc import Callable, Mapping
from datetime import datetime
import sqlite3
from typing import Any, TypeVar

from core.domain.errors import WrongInput
from core.domain.info import DatasetInfo, dataset_from
from core.domain.json_checks import check_plain, is_readable, plain_object, said_of
from core.domain.run import MODELS, STAGES, Measurement, RunSpec, RunStatus
from core.storage.record_types import DamagedRun, Forecast, Imported, Label, Run

Row = sqlite3.Row | Mapping[str, Any]
Read = TypeVar("Read")
YEARS = 1970, 2199  # of a time, in any zone: beyond the calendar's ends it cannot be brought into another
LARGEST_SIDE, MOST_IMAGES = 2**16, 10**9  # of a dataset: pixels or channels, images
DAMAGED_NUMBER = "The database's row of this number is damaged."


def of_spec(path: str, table: str = "runs") -> str:
    """SQL for what a run's spec says at `path`; nothing where the spec is no JSON. The indices are on the same words."""
    return f"case when json_valid({table}.spec) then json_extract({table}.spec, '$.{path}') end"


class Undecodable(str):
    """Text of the database that is no UTF-8: what can be read of it. It passes nowhere as text, for its type is another."""

    __slots__ = ()


def text_of(content: bytes) -> str:
    """SQLite's text as it is, or marked as Undecodable."""
    try:
        return content.decode()
    except UnicodeDecodeError:
        return Undecodable(content.decode(errors="replace"))


def run_of(row: Row) -> Run | DamagedRun:
    """row: all columns of `runs`, and its rowid as `row`."""
    try:
        return _whole(row)
    except WrongInput as wrong:
        return DamagedRun(key_of(row), f"The database's row of run {key_of(row)} is damaged: {wrong}.")


def key_of(row: Row, place: str = "row-") -> str:
    """What names a row to whom would delete it: its id, else its place."""
    return row["id"] if _is_id(row["id"]) else f"{place}{row['row']}"


def _is_id(value: object) -> bool:
    return type(value) is str and value.isprintable() and 0 < len(value) <= 64 and not value.startswith(("row-", "study-row-"))


def _whole(row: Row) -> Run:
    """Raises WrongInput for the first column that is not what it should be."""
    check_id(row["id"])
    status = status_of(row["status"])
    spec = _in("spec", RunSpec.from_json, row["spec"])
    for name, wanted in (("attempt", int), ("share", float), ("cancel_requested", int)):
        check_plain(name, row[name], wanted)
    if not 0 <= row["share"] <= 1:
        raise WrongInput(f"share should lie between 0 and 1, but is {said_of(row['share'])}")
    for name, wanted in (("seconds_left", float), ("speedup", float), ("limit_seconds", float), ("threads", int), ("peak_bytes", int)):
        if row[name] is not None:
            check_plain(name, row[name], wanted)
    for name in ("stage", "note", "device", "error", "node"):
        if type(row[name]) is not str:
            raise WrongInput(f"{name} should be readable text, but is {said_of(row[name])}")
    created = time_of("created_at", row["created_at"])
    started, finished = (time_of(name, row[name]) if row[name] else None for name in ("started_at", "finished_at"))
    return Run(
        id=row["id"], spec=spec, status=status, share=row["share"], stage=shown(row["stage"]), note=shown(row["note"]),
        seconds_left=row["seconds_left"], attempt=row["attempt"], created_at=created, started_at=started, finished_at=finished,
        device=shown(row["device"]), error=row["error"], seconds=seconds_of(row["seconds"]), speedup=row["speedup"],
        cancel_requested=bool(row["cancel_requested"]), limit_seconds=row["limit_seconds"],
        threads=row["threads"], peak_bytes=row["peak_bytes"], node=shown(row["node"]),
        forecast=_in("forecast", forecast_of, row["forecast"]),
        anew=_in("anew", status_of, row["anew"]) if row["anew"] != "" else None,
        label=_in("what was written on it", label_of, row),
        imported=_in("imported", imported_of, row["imported"]), owner="" if row["owner"] == "" else _in("owner", owner_of, row["owner"]),
        askers=() if row["askers"] == "[]" else _in("askers", askers_of, row["askers"]),
    )  # fmt: skip


def measurement_of(row: Row) -> Measurement | None:
    """None where the row does not say of what it is a number; no value where it has none that is a number."""
    metric, model, value, reason = (row[name] for name in ("metric", "model", "value", "reason"))
    if type(metric) is not str or not is_readable(metric) or model not in MODELS:
        return None
    if value is not None and not is_number(value):
        return Measurement(metric, model, None, DAMAGED_NUMBER)
    return Measurement(metric, model, value, shown(reason) if type(reason) is str else DAMAGED_NUMBER)


def is_number(value: object) -> bool:
    """Whether a stored value is a number; whole ones come back as such from a column of reals that is damaged."""
    return type(value) in (float, int)


def check_id(value: object) -> None:
    """Raises WrongInput where a stored id is none."""
    if not _is_id(value):
        raise WrongInput(f"id should be a short text, but is {said_of(value)}")


def status_of(value: object) -> RunStatus:
    """Raises WrongInput where a stored status is none."""
    try:
        return RunStatus(value)  # type: ignore[arg-type]  # whatever it is, it is none of them then
    except ValueError:
        raise WrongInput(f"status should be one of {', '.join(RunStatus)}, but is {said_of(value)}") from None


def time_of(name: str, value: object) -> datetime:
    """Raises WrongInput where a stored time is none, or none of a known zone."""
    try:
        moment = datetime.fromisoformat(value) if type(value) is str else None
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise WrongInput(f"{name} should be a time with its zone, but is {said_of(value)}")
    if not YEARS[0] <= moment.year <= YEARS[1]:
        raise WrongInput(f"{name} should lie in the years {YEARS[0]} to {YEARS[1]}, but is {said_of(value)}")
    return moment


def seconds_of(text: object) -> dict[str, float]:
    """Stage -> seconds. Raises WrongInput."""
    found = plain_object(text, "seconds by stage")
    for stage, seconds in found.items():
        if type(seconds) is float and 0 <= seconds < 1e9 and stage in STAGES:
            continue  # as nearly always
        check_plain("a stage of seconds", stage, str)
        check_plain(f"seconds of {stage}", seconds, float)
    return found


def forecast_of(text: object) -> Forecast | None:
    """None where none was made. Raises WrongInput."""
    if text == "":
        return None
    found = plain_object(text, "a forecast")
    for name in ("seconds", "bytes"):
        if found.get(name) is not None:
            check_plain(f"{name} of a forecast", found[name], float)
    check_plain("basis of a forecast", found.get("basis"), str)
    return Forecast(found.get("seconds"), found.get("bytes"), found["basis"])


def owner_of(value: object) -> str:
    """Raises WrongInput where a stored owner is no readable text."""
    check_plain("owner", value, str)
    return str(value)


def askers_of(text: object) -> tuple[str, ...]:
    """Who asked for a run by itself. Raises WrongInput."""
    found = plain_object(f'{{"askers": {text}}}', "askers")["askers"]
    check_plain("askers", found, list)
    for one in found:
        check_plain("one of askers", one, str)
    return tuple(found)


def label_of(row: Row) -> Label:
    """Raises WrongInput."""
    if (row["label"], row["tags"], row["remark"]) == ("", "[]", ""):
        return Label()  # as nearly always
    for name in ("label", "tags", "remark"):
        if type(row[name]) is not str:
            raise WrongInput(f"{name} should be readable text, but is {said_of(row[name])}")
    tags = plain_object(f'{{"tags": {row["tags"]}}}', "tags")["tags"]
    check_plain("tags", tags, list)
    for tag in tags:
        check_plain("a tag", tag, str)
    return Label(row["label"], tuple(tags), row["remark"])


def imported_of(text: object) -> Imported | None:
    """None where it came in no bundle. Raises WrongInput."""
    if text == "":
        return None
    found = plain_object(text, "where it came from")
    for name, wanted in (("file", str), ("id", str), ("precompute_seconds", float), ("libraries", dict)):
        check_plain(name, found.get(name), wanted)
    for library in found["libraries"].items():
        check_plain("a library's version", " ".join(map(str, library)), str)
    dataset = None if found.get("dataset") is None else checked_info(found["dataset"])
    when = time_of("at", found.get("at"))
    return Imported(found["file"], when, found["id"], float(found["precompute_seconds"]), found["libraries"], dataset)


_OF_INFO: dict[str, type] = {
    "key": str, "title": str, "about": str, "channels": int, "height": int, "width": int, "classes": list, "train_counts": list,
    "test_count": int, "mean": list, "deviation": list, "embedded": bool, "multi": bool, "columns": list, "subclass": str,
    "multi_count": int, "extension": str,
}  # fmt: skip
_OF_LISTS: dict[str, type] = {"classes": str, "train_counts": int, "mean": float, "deviation": float}
_OF_COLUMN: dict[str, type] = {"values": str, "counts": int}


def checked_info(raw: object) -> DatasetInfo:
    """A dataset's description, from `asdict` by way of JSON. Raises WrongInput, without a full stop, for anything else."""
    if isinstance(raw, dict):
        raw = {"extension": "", **raw}  # what versions before extensions wrote has none
    if not isinstance(raw, dict) or raw.keys() != _OF_INFO.keys():
        raise WrongInput(f"a dataset's description is wanted, but there is {said_of(raw)}")
    for name, wanted in _OF_INFO.items():
        check_plain(name, raw[name], wanted)
    for name, wanted in _OF_LISTS.items():
        for value in raw[name]:
            check_plain(f"one of {name}", value, wanted)
    for column in raw["columns"]:
        if not isinstance(column, dict) or column.keys() != {"name", *_OF_COLUMN}:
            raise WrongInput(f"a column's description is wanted, but there is {said_of(column)}")
        check_plain("a column's name", column["name"], str)
        for name, wanted in _OF_COLUMN.items():
            check_plain(f"a column's {name}", column[name], list)
            for value in column[name]:
                check_plain(f"one of a column's {name}", value, wanted)
        if len(column["values"]) != len(column["counts"]):
            raise WrongInput("a column's description should count the images of each value, but does not")
    if not raw["classes"] or len(raw["train_counts"]) != len(raw["classes"]):
        raise WrongInput("a dataset's description should count the training images of each class, but does not")
    _check_sizes(raw)
    return dataset_from(raw)


def _check_sizes(raw: dict[str, Any]) -> None:
    """Of a dataset's description. Raises WrongInput, without a full stop."""
    sizes = [raw[name] for name in ("channels", "height", "width")]
    of_columns = [count for column in raw["columns"] for count in column["counts"]]
    counts = [raw["test_count"], raw["multi_count"], *raw["train_counts"], *of_columns]
    if min(sizes) < 1 or max(sizes) > LARGEST_SIDE or min(counts) < 0 or max(counts) > MOST_IMAGES:
        raise WrongInput("a dataset's description should give sizes and counts that a dataset can have, but does not")
    for name in ("mean", "deviation"):
        if len(raw[name]) != raw["channels"]:
            raise WrongInput(f"{name} should be a number for each of {raw['channels']} channels, but are {len(raw[name])}")


def shown(text: str) -> str:
    """A line that came from a run, with nothing in it that no page can show."""
    return text if is_readable(text) else "".join(letter if is_readable(letter) else " " for letter in text)


def _in(name: str, read: Callable[[Any], Read], value: object) -> Read:
    try:
        return read(value)
    except WrongInput as wrong:
        raise WrongInput(f"in {name}, {wrong}") from None
