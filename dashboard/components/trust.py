"""Can this be trusted? What the automatic checks say of a run, in a box that any page can show."""

from math import isnan

import streamlit as st

from core.controls import CONTROLS, control_title
from core.descriptions import DatasetInfo
from core.domain import RunStatus, WrongInput
from core.store.beside import FLOOR
from core.store.outcome import Run
from core.trust import CHECKED, Case, ClassSeen, Finding, PerClass, examine
from core.verdict import Numbers
from dashboard import queries
from dashboard.components.text import plain


def trust_panel(run: Run, key: str = "trust") -> None:
    """Every doubt about a finished run with its sentence, or which checks found none; then what could not be checked.

    key: of the box, where a page shows several.
    """
    case = case_of(run)
    finding = examine(case)
    with st.container(border=True, key=key):
        st.markdown("#### Can this be trusted?\n" + said(finding))
        st.caption(plain(caveats(case, finding)))


def said(finding: Finding) -> str:
    """Markdown: a paragraph a doubt, or one that says what was looked for in vain."""
    if finding.doubts:
        return "\n\n".join(f":material/warning: {plain(doubt.sentence)}" for doubt in finding.doubts)
    looked_for = ", ".join(CHECKED[key] for key in finding.clear)
    return f":material/check_circle: No doubt was found. Looked for: {looked_for}."


def caveats(case: Case, finding: Finding) -> str:
    """What could not be checked, and against what gaps were held."""
    reasons: dict[str, list[str]] = {}
    for key, reason in (finding.missed or {}).items():
        reasons.setdefault(reason, []).append(CHECKED[key])
    lines = [f"Not checked {reason}: {', '.join(what)}." for reason, what in reasons.items()]
    if case.method == FLOOR:
        lines.append("This network was itself retrained, from another seed than the reference.")
    elif case.floor is not None:
        lines.append("A gap to the reference counts only where it is more than twice that between two retrained networks, the floor.")
    elif case.has_reference:
        lines.append("The floor is not known, so gaps are held against what two retrained networks of the digits differ by at most.")
    return " ".join(lines)


def case_of(run: Run) -> Case:
    """All that the checks may look at. Raises WrongInput where the run left no table of classes."""
    spec, where = run.spec, queries.edition(run)
    data, others = queries.dataset(spec.dataset), queries.beside(run)
    has_controls = spec.method in CONTROLS and not control_title(spec)
    return Case(
        queries.numbers(run.id, *where), _seen(run, data), spec.request, data.classes, method=spec.method,
        floor=_numbers_of(others.floor) if spec.method != FLOOR else None, forget_count=data.forget_count(spec.request),
        controls={title: queries.numbers(o.id, *queries.edition(o)) for title, o in others.controls.items()} if has_controls else None,
    )  # fmt: skip


def floor_of(run: Run) -> Numbers | None:
    """The numbers of the second retrained network's run, once they are there."""
    return _numbers_of(queries.beside(run).floor)


def _numbers_of(run: Run | None) -> Numbers | None:
    return queries.numbers(run.id, *queries.edition(run)) if run and run.status == RunStatus.DONE else None


def _seen(run: Run, data: DatasetInfo) -> PerClass:
    """From the stored table: model -> by class index, on test images."""
    table = queries.table(run.id, "per_class", *queries.edition(run))
    columns = (table[name].tolist() for name in ("split", "model", "class", "accuracy", "count"))
    found: dict[str, dict[int, ClassSeen]] = {}
    for split, model, index, accuracy, count in zip(*columns, strict=True):
        if split == "test":
            found.setdefault(model, {})[index] = ClassSeen(None if isnan(accuracy) else accuracy, count)
    classes = range(len(data.classes))
    if any(set(by_class) != set(classes) for by_class in found.values()):
        raise WrongInput(f"Run {run.id} is about other classes than {data.key} has now; run it again.")
    return {model: [by_class[index] for index in classes] for model, by_class in found.items()}
