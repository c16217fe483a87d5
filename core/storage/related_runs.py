"""What stands beside a run: the second retrained network under it (its floor), its controls, and what was stored for it."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
import json

from core.domain.code_version import shared_part, version_of
from core.domain.methods.ablations import SECOND_REFERENCE_METHOD, control_title, deciding, is_control_of
from core.domain.methods.judged import brought
from core.domain.run import RunSpec, RunStatus
from core.storage.record_types import Run
from core.storage.rows import is_number, of_spec, run_of
from core.storage.runs import ResultStore

_ALIKE = f"""
    select rowid as row, * from runs
    where {of_spec("method")} in (:floor, :method) and {of_spec("dataset")} = :dataset
        and {of_spec("model")} = :model and {of_spec("seed")} = :seed and substr({of_spec("engine")}, 1, 12) = :engine
    order by turn desc
"""
_SECONDS = "select file, max(seconds) as seconds from kept where file in (select value from json_each(:files)) group by file"


@dataclass(frozen=True)
class Beside:
    """Other runs of the same dataset, model, request, seed, device and engine, each with a reference."""

    floor: Run | None = None  # whatever its status; None also for one that is a floor itself or whose reference was brought
    controls: dict[str, Run] = field(default_factory=dict)  # what each is, in words -> the newest that is done


def beside(store: ResultStore, spec: RunSpec) -> Beside:
    """The run's floor and its controls, as far as they were asked for."""
    asked = {"floor": SECOND_REFERENCE_METHOD, "method": spec.method, "dataset": spec.dataset, "model": spec.model,
             "seed": spec.seed, "engine": shared_part(spec.engine)}  # fmt: skip
    runs = [run for run in map(run_of, store.db.read(_ALIKE, asked)) if isinstance(run, Run)]
    others = [run for run in runs if run.spec.reference and run.id != spec.id]
    others.sort(key=lambda run: run.imported is not None)  # what was computed here first
    wanted = deciding(replace(spec, method=SECOND_REFERENCE_METHOD))
    none = spec.method == SECOND_REFERENCE_METHOD or "reference" in brought(spec)  # whose recipe nobody knows here
    floors = [] if none else [run for run in others if deciding(run.spec) == wanted]
    controls: dict[str, Run] = {}
    for run in others:
        if is_control_of(run.spec, spec) and run.status == RunStatus.DONE:
            controls.setdefault(control_title(run.spec), run)
    done_first = sorted(floors, key=lambda run: (run.status != RunStatus.DONE, run.spec.engine != version_of(run.spec)))
    return Beside(next(iter(done_first), None), controls)


def kept_seconds(store: ResultStore, files: Collection[str]) -> float:
    """What computing these shared files took in all, whichever run did it; files that are not shared count as nothing."""
    rows = store.db.read(_SECONDS, {"files": json.dumps(sorted(files))})
    return sum((float(row["seconds"]) for row in rows if is_number(row["seconds"])), 0.0)


def precompute_seconds(store: ResultStore, run: Run, files: Mapping[str, str]) -> float:
    """What computing the run's statistics took, whichever run did it. files: the run's own, by name."""
    if run.imported:
        return run.imported.precompute_seconds
    return kept_seconds(store, [file for name, file in files.items() if name.startswith("statistic/")])


_SAME_ORIGINAL = """
    select runs.rowid as row, runs.* from runs
    join artifacts as mine on mine.run_id = :id and mine.name = 'original'
    join artifacts as theirs on theirs.run_id = runs.id and theirs.name = 'original' and theirs.file = mine.file
    where runs.status = :done and exists (select 1 from artifacts where run_id = runs.id and name = 'unlearned')
    order by runs.turn desc
"""


def same_original(store: ResultStore, run_id: str) -> list[Run]:
    """Finished runs whose original has the same file as this run's, this one among them, the last asked for first."""
    rows = store.db.read(_SAME_ORIGINAL, {"id": run_id, "done": str(RunStatus.DONE)})
    return [run for run in map(run_of, rows) if isinstance(run, Run)]
