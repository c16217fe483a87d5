"""Notices about results that a run did not store or lost, with the button that computes them."""

from collections.abc import Mapping

import streamlit as st

from core.domain.code_version import version_of
from core.domain.run import RunSpec
from core.figures.markdown import plain
from core.jobs import submit
from core.jobs.validation import again
from core.storage.record_types import Run
from dashboard.components.common.fragments import errors_shown
from dashboard.login.may import barred
from dashboard.queries import catalogue, runs
from dashboard.session import ask_to_open, home

NETWORKS = {"original": "the original network", "unlearned": "the unlearned network"}  # stored networks that analysis pages need


def show_missing_parts(run: Run, parts: Mapping[str, str], page: str, *, reference: str = "", incomplete: bool = False) -> None:
    """Say which parts of a page a finished run has no data for, and offer to compute them.

    parts: stored name -> what the page cannot show without it. page: where the new run is opened, as "views/map.py".
    reference: what a run without a retrained reference does not show, as part of a sentence; '' where none is needed.
    incomplete: an older version recorded less under that name than the page shows now.
    """
    names, missing, older = runs.present_files(run), runs.missing_files(run), run.spec.engine != version_of(run.spec)
    damaged = runs.damaged_files(run, parts)
    absent = [what for name, what in parts.items() if name not in names]
    if lost := [name for name in parts if name in missing or name in damaged]:
        how = "are damaged" if damaged.issuperset(lost) else "are damaged or no longer there" if damaged else "are no longer there"
        st.warning(
            plain(f"The files of run {run.id} that hold {_listed([parts[name] for name in lost])} {how}. Run it again: what "
                  "is still kept is not trained anew."), icon=":material/folder_off:",
        )  # fmt: skip
        _offer("Run it again", run, "gone", page, run.spec.reference)
    elif absent or (incomplete and older):
        why = "an older version of Forgetscope made it" if older else "its method leaves none"
        st.info(plain(f"Run {run.id} did not store {_listed(absent) or 'all that this page shows'}: {why}."), icon=":material/info:")
        if older:
            _offer("Run it again with this version", run, "again", page, run.spec.reference)
    if reference and "reference" not in names:
        st.info(f"This run has no retrained reference: {reference}.", icon=":material/info:")
        _offer("Run again with a reference", run, "reference", page, True)


def show_missing_files(run: Run, page: str) -> None:
    """Where files of a finished run are missing or damaged: name them and offer to compute the run again; its numbers stay until then."""
    missing, damaged = sorted(runs.missing_files(run)), sorted(runs.damaged_files(run))
    kinds = {"no longer there": missing, "damaged": damaged}
    sentences = [f"Files of run {run.id} are {how} ({', '.join(names)})." for how, names in kinds.items() if names]
    if sentences:
        again = "The numbers below are stored in the database and stay until then. Run it again: what is still stored is not trained anew."
        st.warning(plain(" ".join([*sentences, again])), icon=":material/folder_off:")
        _offer("Run it again", run, "gone", page, run.spec.reference)


def _listed(parts: list[str]) -> str:
    return " and ".join(parts)


def _offer(label: str, run: Run, key: str, page: str, reference: bool) -> None:
    if st.button(label, key=f"lacks-{key}", icon=":material/play_arrow:", **barred()):
        with errors_shown():
            ask_to_open(submit.submit(home(), _spec(run, reference)), page)


def _spec(run: Run, reference: bool) -> RunSpec:
    """The run's own spec where today's code made it, else the same request by today's. Raises WrongInput."""
    same = run.spec.engine == version_of(run.spec) and reference == run.spec.reference
    return run.spec if same else again(run.spec, catalogue.current(), reference=reference)
