"""What stands beside a run: the second retrained network under it (its floor), its controls, and what was stored for it."""

from collections.abc import Collection
from dataclasses import dataclass, field, replace
import json

from core.controls import control_title, deciding, is_control_of
from core.domain import RunSpec, RunStatus
from core.store.outcome import Run
from core.store.reading import is_number, of_spec, run_of
from core.store.results import ResultStore

FLOOR = "retrain"  # the method that trains a second reference, from another seed

_ALIKE = f"""
    select rowid as row, * from runs
    where {of_spec("method")} in (:floor, :method) and {of_spec("dataset")} = :dataset
        and {of_spec("model")} = :model and {of_spec("seed")} = :seed and {of_spec("engine")} = :engine
    order by turn desc
"""
_SECONDS = "select file, max(seconds) as seconds from kept where file in (select value from json_each(:files)) group by file"


@dataclass(frozen=True)
class Beside:
    """Other runs of the same dataset, model, request, seed, device and engine, each with a reference."""

    floor: Run | None = None  # whatever its status; None also for a run that is a floor itself
    controls: dict[str, Run] = field(default_factory=dict)  # what each is, in words -> the newest that is done


def beside(store: ResultStore, spec: RunSpec) -> Beside:
    """The run's floor and its controls, as far as they were asked for."""
    asked = {"floor": FLOOR, "method": spec.method, "dataset": spec.dataset, "model": spec.model,
             "seed": spec.seed, "engine": spec.engine}  # fmt: skip
    runs = [run for run in map(run_of, store.db.read(_ALIKE, asked)) if isinstance(run, Run)]
    others = [run for run in runs if run.spec.reference and run.id != spec.id]
    wanted = deciding(replace(spec, method=FLOOR))
    floors = [] if spec.method == FLOOR else [run for run in others if deciding(run.spec) == wanted]
    controls: dict[str, Run] = {}
    for run in others:
        if is_control_of(run.spec, spec) and run.status == RunStatus.DONE:
            controls.setdefault(control_title(run.spec), run)
    done_first = sorted(floors, key=lambda run: run.status != RunStatus.DONE)
    return Beside(next(iter(done_first), None), controls)


def kept_seconds(store: ResultStore, files: Collection[str]) -> float:
    """What computing these shared files took in all, whichever run did it; files that are not shared count as nothing."""
    rows = store.db.read(_SECONDS, {"files": json.dumps(sorted(files))})
    return sum((float(row["seconds"]) for row in rows if is_number(row["seconds"])), 0.0)
