"""What the automatic checks say of a run, as lines."""

from core.descriptions import DatasetInfo
from core.domain import RunStatus, WrongInput
from core.doubts import finding_of
from core.store.home import Home
from core.store.outcome import Run
from core.store.results import ResultStore
from core.trust import CHECKED, DECIDING


def doubts_of(home: Home, store: ResultStore, run: Run, data: DatasetInfo | None) -> list[str]:
    """A line a doubt, or one that says that there is none; then what could not be checked. Nothing for a run not done.

    data: None where its dataset is no longer on the shelf.
    """
    if run.status != RunStatus.DONE:
        return []
    if data is None:
        return [f"Not checked: this Forgetscope does not know the dataset {run.spec.dataset!r:.60}."]
    try:
        finding = finding_of(home, store, run, data)
    except WrongInput as wrong:
        return [f"Not checked: {wrong}"]
    looked_for = ", ".join(CHECKED[key] for key in finding.clear)
    little = ", but too little could be checked to vouch for it" if DECIDING in (finding.missed or {}) else ""
    lines = [f"Doubt: {doubt.sentence}" for doubt in finding.doubts] or [f"No doubt was found{little}. Looked for: {looked_for}."]
    reasons: dict[str, list[str]] = {}
    for key, reason in (finding.missed or {}).items():
        reasons.setdefault(reason, []).append(CHECKED[key])
    return lines + [f"Not checked {reason}: {', '.join(what)}." for reason, what in reasons.items()]
