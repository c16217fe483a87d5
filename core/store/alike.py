"""Which runs began from the very same original network."""

from core.domain import RunStatus
from core.store.outcome import Run
from core.store.reading import run_of
from core.store.results import ResultStore

_ALIKE = """
    select runs.rowid as row, runs.* from runs
    join artifacts as mine on mine.run_id = :id and mine.name = 'original'
    join artifacts as theirs on theirs.run_id = runs.id and theirs.name = 'original' and theirs.file = mine.file
    where runs.status = :done and exists (select 1 from artifacts where run_id = runs.id and name = 'unlearned')
    order by runs.turn desc
"""


def same_original(store: ResultStore, run_id: str) -> list[Run]:
    """Finished runs whose original has the same file as this run's, this one among them, the last asked for first."""
    rows = store.db.read(_ALIKE, {"id": run_id, "done": str(RunStatus.DONE)})
    return [run for run in map(run_of, rows) if isinstance(run, Run)]
