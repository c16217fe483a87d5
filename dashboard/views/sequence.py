"""Sequence: forget again from the network that already forgot; damage, relapse and cost against retraining grow while it is made."""

from functools import partial

from core.jobs.sequences import submit
from dashboard.components.common.long_jobs import jobs_page, start_button
from dashboard.components.common.terminal import same_from_a_terminal
from dashboard.components.sequences.form import ask_plan
from dashboard.components.sequences.sequence import show
from dashboard.queries import catalogue
from dashboard.queries import sequences as queries
from dashboard.session import home

SEQUENCE = "sequence"
INTRO = (
    "Requests to forget come one after the other, and each is forgotten from the network that the last one left. What does that add up to: "
    "in damage, in what comes back, and in seconds against retraining?"
)

available = catalogue.current()
standings, damaged = queries.standings()


def ask() -> None:
    """The form."""
    plan, command = ask_plan(available)
    start_button(SEQUENCE, None if plan is None else partial(submit.start, home(), plan))
    if plan is not None:
        same_from_a_terminal(command, key="sequence_terminal")


known = {one.sequence.id: (one, one.sequence.plan.title) for one in standings}
jobs_page(SEQUENCE, INTRO, known, damaged, ask=ask, look=queries.standing, show=show)
