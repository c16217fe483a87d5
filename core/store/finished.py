"""All finished runs at once, with all their numbers: two questions, however many runs there are."""

from collections.abc import Sequence
from datetime import datetime
import json
from typing import NamedTuple

from core.domain import RunSpec
from core.store.results import ResultStore

_RUNS = """
    select id, spec, seconds, speedup, finished_at, device from runs
    where status = 'done' and (:ids is null or id in (select value from json_each(:ids))) order by turn desc
"""
_NUMBERS = """
    select run_id, model, metric, value from measurements
    where value is not null and run_id in (
        select id from runs where status = 'done' and (:ids is null or id in (select value from json_each(:ids))))
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
    """In the order of `run_ids`, each once, those that are not finished left out; without ids all, newest first."""
    rows = store.db.read(_RUNS, {"ids": _listed(run_ids)})
    found = {row["id"]: _finished(**dict(row)) for row in rows}
    return list(found.values()) if run_ids is None else [found[i] for i in dict.fromkeys(run_ids) if i in found]


def all_values(store: ResultStore, run_ids: Sequence[str] | None = None) -> list[Value]:
    """Every number of those runs, in the order in which the runs gave them; a metric that did not apply has none."""
    return [Value(*row) for row in store.db.read(_NUMBERS, {"ids": _listed(run_ids)})]


def reasons_of(store: ResultStore, run_ids: Sequence[str]) -> dict[str, dict[str, str]]:
    """Run -> metric -> why the unlearned model has no such number."""
    found: dict[str, dict[str, str]] = {}
    for run_id, metric, reason in store.db.read(_REASONS, {"ids": _listed(run_ids)}):
        found.setdefault(run_id, {})[metric] = reason
    return found


def files_named(store: ResultStore, run_ids: Sequence[str], name: str) -> dict[str, str]:
    """Run -> the file of Artifacts that it stored under `name`; runs that stored none are left out."""
    return {row["run_id"]: row["file"] for row in store.db.read(_FILES, {"ids": _listed(run_ids), "name": name})}


def _listed(run_ids: Sequence[str] | None) -> str | None:
    return None if run_ids is None else json.dumps([i for i in run_ids if i.isprintable()])


def _finished(id: str, spec: str, seconds: str, speedup: float | None, finished_at: str, device: str) -> Finished:
    took = float(json.loads(seconds).get("unlearn", 0.0))
    return Finished(id, RunSpec.from_json(spec), took, speedup, datetime.fromisoformat(finished_at), device)
