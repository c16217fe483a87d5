"""Sequences of forget requests as jobs: started, followed, stopped and gone on with."""

from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial

from core.domain.errors import WrongInput
from core.jobs import long_jobs
from core.jobs.background import Progress, cancel_job, job_progress, start_job
from core.jobs.long_jobs import State
from core.jobs.submit import PIPELINE
from core.sequences import journal
from core.sequences.plan import SequencePlan
from core.storage.access import actors
from core.storage.home import Home
from core.storage.queues.lifecycle import SEQUENCE


@dataclass(frozen=True)
class Standing(State):
    """A sequence and where it stands."""

    sequence: journal.Sequence = field(kw_only=True)

    @property
    def text(self) -> str:
        """`12 of 33 steps, running`."""
        return f"{len(self.sequence.steps)} of {self.sequence.total} steps, {self.state}"


def start(home: Home, plan: SequencePlan, pipeline: str = PIPELINE) -> str:
    """The sequence's id; one that is there goes on. Raises WrongInput; Forbidden where it is somebody else's and stopped."""
    long_jobs.begin(plan, SEQUENCE, partial(journal.begin, home))
    if not journal.read(home, plan.id).complete and long_jobs.may_go_on(home, journal.files(home), plan.id):
        start_job(home, plan.id, SEQUENCE, {SEQUENCE: plan.id}, pipeline)
    return plan.id


def go_on(home: Home, sequence_id: str, pipeline: str = PIPELINE) -> str:
    """One that was stopped goes on. Raises WrongInput."""
    return start(home, journal.read(home, sequence_id).plan, pipeline)


def stop(home: Home, sequence_id: str) -> None:
    """Within a second; the steps that were made stay. Raises WrongInput where there is no such sequence."""
    journal.files(home).stamp(sequence_id)
    journal.files(home).check_own(sequence_id)
    cancel_job(home, sequence_id)


def remove(home: Home, sequence_id: str) -> None:
    """Stop and forget it; networks that were retrained for it stay, as those of runs. Raises WrongInput where there is no such sequence."""
    journal.files(home).stamp(sequence_id)
    journal.files(home).check_own(sequence_id)
    if progress(home, sequence_id).status == "running":
        stop(home, sequence_id)
    with suppress(WrongInput), actors.as_system():  # a damaged one has no networks that could be found
        journal.forget_networks(home, journal.read(home, sequence_id).plan)
    journal.files(home).remove(sequence_id)


def progress(home: Home, sequence_id: str) -> Progress:
    """How its job stands; one that was never queued is absent."""
    return job_progress(home, sequence_id)


def standing(home: Home, sequence_id: str) -> Standing:
    """Raises WrongInput where there is no such sequence, or it is damaged."""
    now, found = progress(home, sequence_id), journal.read(home, sequence_id)  # in this order: a step is stored before its job ends
    return Standing(**vars(long_jobs.state_of(now, found.complete, found.share)), sequence=found)


def standings(home: Home) -> tuple[list[Standing], list[str]]:
    """All sequences, the one that changed last first; and a sentence for each that is damaged."""
    return long_jobs.whole_ones(journal.files(home).ids(), partial(standing, home))
