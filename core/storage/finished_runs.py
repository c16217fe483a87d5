"""All finished runs at once, with all their numbers: two questions, however many runs there are."""

from collections.abc import Sequence
from datetime import datetime
import json
from math import nan
import sqlite3
from typing import NamedTuple

from core.domain.errors import WrongInput
from core.domain.evaluation import Evaluation
from core.domain.json_checks import check_plain
from core.domain.run import MODELS, RunSpec
from core.storage.rows import check_id, seconds_of, shown, text_of, time_of
from core.storage.runs import ResultStore

# A finished run that is being computed once more is what it was until that is done.
_IS_FINISHED = "(runs.status = 'done' or runs.id in (select run_id from stands))"
_RUNS = f"""
    select id, spec, runs.seconds, runs.speedup, coalesce(stands.finished_at, runs.finished_at, created_at) as finished_at,
        coalesce(stands.device, runs.device) as device, coalesce(stands.evaluation, runs.evaluation) as evaluation,
        (select file from artifacts where run_id = runs.id and name = 'metric_versions') as measured
    from runs left join stands on stands.run_id = runs.id
    where {_IS_FINISHED} and (:ids is null or id in (select value from json_each(:ids))) order by turn desc
"""
# Run by run, as the key of `measurements` has them: to sort them would take longer than to read them. Names come as bytes, each
# decoded once and not once a run.
_NUMBERS = f"""
    select asked.key as place, numbers.rowid as row, cast(model || '/' || metric as blob) as name, numbers.value as value
    from json_each(:ids) as asked
    cross join runs on runs.id = asked.value
    cross join measurements as numbers on numbers.run_id = asked.value
    where {_IS_FINISHED} and typeof(numbers.value) in ('real', 'integer') and typeof(metric) = 'text'
        and model in (select value from json_each(:models))
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
    evaluation: Evaluation
    measured: str = ""  # the file that says by which versions of extensions metrics were measured; '' for none


def finished_runs(store: ResultStore, run_ids: Sequence[str] | None = None) -> list[Finished]:
    """In the order of `run_ids`, each once, those that are not finished left out; without ids all, newest first.

    Rows that are damaged are left out too.
    """
    rows = store.db.read(_RUNS, {"ids": _listed(run_ids)})
    found = {run.id: run for row in rows if (run := _finished(row))}
    return list(found.values()) if run_ids is None else [found[i] for i in dict.fromkeys(run_ids) if i in found]


def all_values(store: ResultStore, run_ids: Sequence[str]) -> dict[tuple[str, str], list[float]]:
    """(model, metric) -> the number of each of these runs, in their order; nan where a run has none, or none that is a number.

    run_ids: each once. Models and metrics come in the order in which the runs gave them.
    """
    found, first = dict[bytes, list[float]](), dict[bytes, int]()
    ids = json.dumps([i if i.isprintable() else "" for i in run_ids])  # SQLite takes no broken Unicode; the others keep their places
    for place, row, name, value in store.db.read(_NUMBERS, {"ids": ids, "models": json.dumps(MODELS)}):
        if name not in found:
            found[name], first[name] = [nan] * len(run_ids), row
        elif row < first[name]:
            first[name] = row
        found[name][place] = value
    named = {name: text_of(name) for name in sorted(found, key=first.__getitem__)}
    parts = {name: text.partition("/") for name, text in named.items() if type(text) is str}  # else it is no UTF-8
    return {(model, metric): found[name] for name, (model, _, metric) in parts.items()}


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
        how = Evaluation.parse(row["evaluation"])
        measured = row["measured"] if isinstance(row["measured"], str) else ""
        return Finished(row["id"], RunSpec.from_json(row["spec"]), took, row["speedup"], moment, row["device"], how, measured)
    except WrongInput:
        return None
