"""All finished runs at once, with all their numbers: two questions, however many runs there are."""

from collections.abc import Sequence
from datetime import datetime
import json
import sqlite3
from typing import NamedTuple

from core.domain import MODELS, RunSpec, WrongInput, check_plain
from core.store.reading import check_id, is_number, seconds_of, shown, time_of
from core.store.results import ResultStore

# A finished run that is being computed once more is what it was until that is done.
_IS_FINISHED = "(status = 'done' or id in (select run_id from stands))"
_RUNS = f"""
    select id, spec, runs.seconds, runs.speedup, coalesce(stands.finished_at, runs.finished_at, created_at) as finished_at,
        coalesce(stands.device, runs.device) as device
    from runs left join stands on stands.run_id = runs.id
    where {_IS_FINISHED} and (:ids is null or id in (select value from json_each(:ids))) order by turn desc
"""
_NUMBERS = f"""
    select run_id, model, metric, value from measurements
    where value is not null and run_id in (
        select id from runs where {_IS_FINISHED} and (:ids is null or id in (select value from json_each(:ids))))
    order by rowid
"""
_REASONS = """
    select run_id, metric, reason from measurements
    where value is null and model = 'unlearned' and run_id in (select value from json_each(:ids)) order by rowid
"""
_FILES = "select run_id, file from artifacts where name = :name and run_id in (select value from json_each(:ids))"


class Finished(NamedTuple):
    """A finished run without its numbers. `seconds`: of the method alone."""

    id: str
    spec: RunSpec
    seconds: float
    speedup: float | None
    finished_at: datetime
    device: str  # '' where it is not known


class Value(NamedTuple):
    """One number of one model of one run."""

    run_id: str
    model: str
    metric: str
    value: float


def finished_runs(store: ResultStore, run_ids: Sequence[str] | None = None) -> list[Finished]:
    """In the order of `run_ids`, each once, those that are not finished left out; without ids all, newest first.

    Rows that are damaged are left out too.
    """
    rows = store.db.read(_RUNS, {"ids": _listed(run_ids)})
    found = {run.id: run for row in rows if (run := _finished(row))}
    return list(found.values()) if run_ids is None else [found[i] for i in dict.fromkeys(run_ids) if i in found]


def all_values(store: ResultStore, run_ids: Sequence[str] | None = None) -> list[Value]:
    """Every number of those runs, in the order in which the runs gave them; a metric that did not apply has none."""
    rows = store.db.read(_NUMBERS, {"ids": _listed(run_ids)})
    return [Value._make(row) for row in rows if row[1] in MODELS and type(row[2]) is str and is_number(row[3])]


def reasons_of(store: ResultStore, run_ids: Sequence[str]) -> dict[str, dict[str, str]]:
    """Run -> metric -> why the unlearned model has no such number."""
    found: dict[str, dict[str, str]] = {}
    for run_id, metric, reason in store.db.read(_REASONS, {"ids": _listed(run_ids)}):
        if type(metric) is type(reason) is str:
            found.setdefault(run_id, {})[metric] = shown(reason)
    return found


def files_named(store: ResultStore, run_ids: Sequence[str], name: str) -> dict[str, str]:
    """Run -> the file of Artifacts that it stored under `name`; runs that stored none are left out."""
    rows = store.db.read(_FILES, {"ids": _listed(run_ids), "name": name})
    return {row["run_id"]: row["file"] for row in rows if type(row["file"]) is str}


def _listed(run_ids: Sequence[str] | None) -> str | None:
    return None if run_ids is None else json.dumps([i for i in run_ids if i.isprintable()])


def _finished(row: sqlite3.Row) -> Finished | None:
    """None where the row is damaged."""
    try:
        check_id(row["id"])
        check_plain("device", row["device"], str)
        if row["speedup"] is not None:
            check_plain("speedup", row["speedup"], float)
        took, moment = float(seconds_of(row["seconds"]).get("unlearn", 0.0)), time_of("finished_at", row["finished_at"])
        return Finished(row["id"], RunSpec.from_json(row["spec"]), took, row["speedup"], moment, row["device"])
    except WrongInput:
        return None
