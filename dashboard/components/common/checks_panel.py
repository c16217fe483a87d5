"""The automatic checks of a run, for any page: the box "Can this be trusted?", and the same as one line that opens."""

import pandas as pd
import streamlit as st

from core.domain.errors import WrongInput
from core.domain.methods.ablations import SECOND_REFERENCE_METHOD
from core.domain.run import RunStatus
from core.figures.markdown import in_html, plain
from core.reports.checks.case import Case
from core.reports.checks.registry import CHECKED, DECIDING, Finding, examine
from core.reports.checks.stored_run import GRAFT, TABLE
from core.reports.checks.stored_run import case_of as stored_case
from core.reports.first_screen import headline
from core.reports.verdict import Numbers
from core.storage.record_types import Run
from dashboard.queries import catalogue, runs


def show_checks(run: Run, key: str = "trust") -> Finding:
    """Every warning about a finished run, or which checks passed; then what could not be checked.

    key: of the box, where a page shows several. Where the table that the checks need is missing, the box says so and the finding
    is empty.
    """
    try:
        case = case_of(run)
    except WrongInput as wrong:
        with st.container(border=True, key=key):
            st.markdown(f"#### Can this be trusted?\n:material/help: Not checked: {plain(str(wrong))}")
        return Finding(())
    finding = examine(case)
    with st.container(border=True, key=key):
        st.markdown("#### Can this be trusted?\n" + summary(finding))
        st.caption(plain(caveats(case, finding)))
    return finding


def show_checks_note(run: Run, key: str = "trust") -> None:
    """The same in one line, for a page that needs the height; a click opens all of it."""
    try:
        case = case_of(run)
    except WrongInput as wrong:
        st.container(key=key).html(unchecked_note(wrong))
    else:
        st.container(key=key).html(checks_note(case, examine(case)))


def unchecked_note(wrong: WrongInput) -> str:
    """HTML: why nothing was checked."""
    return f"<div class='fs-note fs-warning'>? <b>Not checked:</b> {in_html(str(wrong))}</div>"


def checks_note(case: Case, finding: Finding) -> str:
    """HTML: the first warning, or that there is none; a click opens all that the checks found, without a run of the script."""
    besides = f"<p class='fs-quiet'>{in_html(caveats(case, finding))}</p>"
    if not finding.warnings:
        looked_for = in_html(f"Looked for: {', '.join(CHECKED[key] for key in finding.clear)}.")
        lead = "? No warnings, but too little could be checked to vouch for it." if DECIDING in (finding.missed or {}) else "✓ No warnings."
        return f"<details class='fs-note'><summary>{lead} <u>what was checked</u></summary><p>{looked_for}</p>{besides}</details>"
    sentences = [warning.sentence for warning in finding.warnings]
    head, rest = headline(sentences[0])
    first, _, more = rest.partition(". ")
    link = f"{len(sentences) - 1} more" if len(sentences) > 1 else "why"
    lead = f"⚠ <b>{in_html(head)}.</b> {in_html(first[:1].upper() + first[1:].rstrip('.'))}. <u>{link}</u>"
    paragraphs = "".join(f"<p>{in_html(sentence)}</p>" for sentence in [*([more] if more else []), *sentences[1:]])
    return f"<details class='fs-note fs-warning'><summary>{lead}</summary>{paragraphs}{besides}</details>"


def summary(finding: Finding) -> str:
    """Markdown: one paragraph per warning, or one that lists the checks that passed."""
    if finding.warnings:
        return "\n\n".join(f":material/warning: {plain(doubt.sentence)}" for doubt in finding.warnings)
    looked_for = ", ".join(CHECKED[key] for key in finding.clear)
    if DECIDING in (finding.missed or {}):
        return f":material/help: No warnings, but too little could be checked to vouch for it. Looked for: {looked_for}."
    return f":material/check_circle: No warnings. Looked for: {looked_for}."


def caveats(case: Case, finding: Finding) -> str:
    """What could not be checked, what is not shown with the warnings, and what gaps were compared with."""
    lines = finding.besides
    if case.method == SECOND_REFERENCE_METHOD:
        lines.append("This network was itself retrained, from another seed than the reference.")
    elif case.second_reference is not None:
        lines.append(
            "A gap to the reference counts only where it is more than twice the retraining variability, which a second "
            "reference shows; of relearning, it excuses only what lies on the side of the second network."
        )
    elif case.has_reference:
        lines.append("The retraining variability is not known, so gaps are held against the most by which two "
                     "networks retrained on digits differed.")  # fmt: skip
    return " ".join(lines)


def case_of(run: Run) -> Case:
    """The input of the checks. Raises WrongInput where the run stored no table of classes."""
    table = runs.handle(run).table(TABLE)
    return stored_case(run, catalogue.dataset(run.spec.dataset), runs.related(run), _numbers, table, _grafts(run))


def _grafts(run: Run) -> pd.DataFrame | None:
    """The table of grafts; None where an older version stored none."""
    try:
        return runs.handle(run).table(GRAFT)
    except WrongInput:
        return None


def finished_second_reference(run: Run) -> Run | None:
    """The second reference's run; None until it is done."""
    second = runs.related(run).floor
    return second if second and second.status == RunStatus.DONE else None


def second_reference_numbers(run: Run) -> Numbers | None:
    """The numbers of the second reference's run; None until it is done."""
    second = finished_second_reference(run)
    return _numbers(second) if second else None


def _numbers(run: Run) -> Numbers:
    return runs.handle(run).numbers()
