"""Results that do not fit together, as of a bundle that somebody changed: a sentence, so that no other run's row goes with them."""

from collections.abc import Iterator
from contextlib import contextmanager
import logging

from core.domain.errors import WrongInput

LOG = logging.getLogger(__name__)
ODD = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)  # what numbers and tables of another kind or shape raise


@contextmanager
def told_of(run_id: str) -> Iterator[None]:
    """Around what reads a run's results: where they are odd, WrongInput says whose they are, and the log what happened."""
    try:
        yield
    except WrongInput:
        raise
    except ODD as error:
        LOG.warning("Run %s has odd results.", run_id, exc_info=True)
        raise WrongInput(
            f"What run {run_id} stored does not fit together ({type(error).__name__}), so this cannot be shown of it; run it again."
        ) from error
