"""Ask for all runs of a study in one go, stop them, go on, ask for more; as `core.jobs.submit` does for one run."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from uuid import uuid4

from core.domain.errors import WrongInput
from core.domain.run import RunStatus
from core.domain.study import StudyPlan
from core.jobs import submit as runner
from core.jobs.catalogue import Catalogue
from core.jobs.studies.plan import cells, merged
from core.jobs.studies.progress import plan_of
from core.jobs.submit import PIPELINE
from core.storage import studies
from core.storage.access import actors
from core.storage.artifacts import Artifacts
from core.storage.home import Home
from core.storage.runs import ResultStore
from core.storage.studies import StoredStudy


def submit(home: Home, plan: StudyPlan, shelves: Catalogue, pipeline: str = PIPELINE) -> str:
    """The study's id; what is not done yet is queued, in one transaction.

    Where a study of the same title and request is part of this plan, that one grows: the same plan again is the same
    study. Raises WrongInput.
    """
    fresh = StoredStudy(f"s{uuid4().hex[:11]}", plan.title, plan.to_json(), datetime.now(UTC))

    def decide(known: list[StoredStudy]) -> tuple[StoredStudy, StudyPlan]:
        own = [stored for stored in known if actors.may_change(stored.owner)]  # another's does not grow; its runs are shared all the same
        parts = [(stored, old) for stored in own if (old := _plan_of(stored)) and plan.contains(old)]
        if not parts:
            return fresh, plan
        stored, old = max(parts, key=lambda part: part[1].count)
        return stored, merged(old, plan, shelves)

    return _ask(home, decide, shelves, pipeline)


def extend(home: Home, study_id: str, plan: StudyPlan, shelves: Catalogue, pipeline: str = PIPELINE) -> str:
    """The study grown by the plan's seeds and variants. Raises WrongInput where the plan is about another request."""
    return _ask(home, lambda known: _with(known, study_id, lambda old: merged(old, plan, shelves)), shelves, pipeline)


def go_on(home: Home, study_id: str, shelves: Catalogue, pipeline: str = PIPELINE) -> str:
    """Ask again for what stopped, is missing, lost a file, or was computed by another version of the engine. Raises WrongInput.

    A file that is there but damaged is not found so (all would have to be read): its run alone can be run again.
    """
    return _ask(home, lambda known: _with(known, study_id, lambda old: old), shelves, pipeline)


def cancel(home: Home, study_id: str) -> int:
    """Stop what waits and what runs; what is done stays. Returns how many runs go on, since somebody else waits for them.

    Raises WrongInput where there is no such study.
    """
    with ResultStore(home.database) as store:
        studies.cancel(store, study_id)
        store.reconcile()  # nobody else would end a run whose supervisor is dead
        return len(studies.awaited(store, study_id))


def delete(home: Home, study_id: str) -> None:
    """Forget the study; its runs stay. `core.jobs.submit.put_back` undoes it. Raises WrongInput while any of them is active."""
    with ResultStore(home.database) as store:
        store.reconcile()
        studies.forget(store, study_id)


def _with(known: list[StoredStudy], study_id: str, change: Callable[[StudyPlan], StudyPlan]) -> tuple[StoredStudy, StudyPlan]:
    """The study and its changed plan. Raises WrongInput where there is no such study."""
    stored = next((one for one in known if one.id == study_id), None)
    if stored is None:
        raise studies.no_such_study(study_id)
    return stored, change(plan_of(stored))


def _plan_of(stored: StoredStudy) -> StudyPlan | None:
    """None where it is damaged: no other study grows by it."""
    with suppress(WrongInput):
        return plan_of(stored)
    return None


def _ask(
    home: Home, decide: Callable[[list[StoredStudy]], tuple[StoredStudy, StudyPlan]], shelves: Catalogue, pipeline: str
) -> str:  # fmt: skip
    """decide: from the studies as they are, the one to write and its whole plan.

    Decided anew where somebody else wrote a study meanwhile: checking a large plan takes too long to keep others from writing.
    """
    with ResultStore(home.database) as store:
        store.reconcile()  # else a run whose process died would count as running
        written, files = False, Artifacts(home.artifacts_folder).files()
        while not written:
            known = studies.studies(store)
            stored, plan = decide(known)
            study = replace(stored, plan=plan.to_json())
            written = studies.save(store, study, cells(plan, shelves), known, files=files, limit=plan.limit)
        if store.has(RunStatus.QUEUED):
            runner.ensure_supervisor(home, pipeline)
    return stored.id
