"""What stands beside a run: the second retrained network under it (its floor), its controls, and what was stored for it."""

from collections.abc import Collection
from dataclasses import dataclass, field, replace
import json

from core.controls import control_title, deciding, is_control_of
from core.domain import RunSpec, RunStatus
from core.store.outcome import Run
from core.store.results import ResultStore

FLOOR = "retrain"  # the method that trains a second reference, from another seed

_ALIKE = """
    select id, spec from runs
    where json_extract(spec, '$.method') in (:floor, :method) and json_extract(spec, '$.dataset') = :dataset
        and json_extract(spec, '$.model') = :model and json_extract(spec, '$.seed') = :seed
        and json_extract(spec, '$.engine') = :engine
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
    others = [(row["id"], RunSpec.from_json(row["spec"])) for row in store.db.read(_ALIKE, asked)]
    others = [(i, other) for i, other in others if other.reference and i != spec.id]
    wanted = deciding(replace(spec, method=FLOOR))
    floors = [] if spec.method == FLOOR else [store.run(i) for i, other in others if deciding(other) == wanted]
    controls: dict[str, Run] = {}
    for run_id, other in others:
        run = store.run(run_id) if is_control_of(other, spec) else None
        if run is not None and run.status == RunStatus.DONE:
            controls.setdefault(control_title(other), run)
    done_first = sorted((run for run in floors if run), key=lambda run: run.status != RunStatus.DONE)
    return Beside(next(iter(done_first), None), controls)


def kept_seconds(store: ResultStore, files: Collection[str]) -> float:
    """What computing these shared files took in all, whichever run did it; files that are not shared count as nothing."""
    rows = store.db.read(_SECONDS, {"files": json.dumps(sorted(files))})
    return sum((float(row["seconds"]) for row in rows), 0.0)
