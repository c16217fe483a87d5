"""The current list of runs, page by page."""

from dataclasses import dataclass

from core.domain.run import RunStatus
from core.jobs import submit
from core.storage import run_list as stored_runs
from core.storage.record_types import DamagedRun, Label, Run
from core.storage.run_list import ALL, Wanted
from core.storage.runs import ResultStore
from dashboard.session import home


@dataclass(frozen=True)
class Listed:
    """Some of the runs that are wanted. `wanted` and `everything` count; `moving`: whether any run is queued or running."""

    rows: list[Run | DamagedRun]
    wanted: int
    everything: int
    moving: bool

    @property
    def runs(self) -> list[Run]:
        """The rows that are not damaged."""
        return [row for row in self.rows if isinstance(row, Run)]


def listed(wanted: Wanted = ALL, first: int = 0, most: int = 50) -> Listed:
    """At most `most` of the wanted runs from the one at `first` on. Starts a supervisor where the queue has none."""
    with ResultStore(home().database) as store:
        submit.look_after(home(), store)
        everything = stored_runs.count(store, Wanted(companions=wanted.companions))
        count = stored_runs.count(store, wanted)
        rows = stored_runs.page_of(store, wanted, first, most)
        moving = store.has(RunStatus.QUEUED) or store.has(RunStatus.RUNNING)
    return Listed(rows, count, everything, moving)


def write_label(run_id: str, label: Label) -> None:
    """Raises WrongInput where there is no such run."""
    with ResultStore(home().database) as store:
        store.write_label(run_id, label)


def filter_choices() -> dict[str, list[str]]:
    """Each filter -> the values that runs have."""
    with ResultStore(home().database) as store:
        return stored_runs.choices(store)
