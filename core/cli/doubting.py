"""What the automatic checks say of a run, as lines."""

from typing import NamedTuple

from core.descriptions import DatasetInfo
from core.domain import RunStatus, WrongInput
from core.doubts import finding_of
from core.store.home import Home
from core.store.outcome import Run
from core.store.results import ResultStore
from core.trust import CHECKED, DECIDING


class Doubts(NamedTuple):
    """lines: to print; far_off: whether the first of them is that the original itself is far off, so that no method can be judged."""

    lines: tuple[str, ...] = ()
    far_off: bool = False


def doubts_of(home: Home, store: ResultStore, run: Run, data: DatasetInfo | None) -> Doubts:
    """A line a doubt, or one that says that there is none; then what could not be checked. Nothing for a run not done.

    data: None where its dataset is no longer on the shelf.
    """
    if run.status != RunStatus.DONE:
        return Doubts()
    if data is None:
        return Doubts((f"Not checked: this Forgetscope does not know the dataset {run.spec.dataset!r:.60}.",))
    try:
        finding = finding_of(home, store, run, data)
    except WrongInput as wrong:
        return Doubts((f"Not checked: {wrong}",))
    looked_for = ", ".join(CHECKED[key] for key in finding.clear)
    little = ", but too little could be checked to vouch for it" if DECIDING in (finding.missed or {}) else ""
    lines = [f"Doubt: {doubt.sentence}" for doubt in finding.doubts] or [f"No doubt was found{little}. Looked for: {looked_for}."]
    return Doubts((*lines, *finding.besides), finding.far_off)
