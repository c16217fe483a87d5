"""Where a teacher makes a link for a class: what is fixed, what is hidden, a goal, a code under which guesses are pooled."""

from urllib.parse import urlencode, urlsplit, urlunsplit

import streamlit as st

from core.domain.errors import WrongInput
from core.domain.hyperparameters import used
from core.domain.info import MethodInfo
from core.domain.run import RunSpec, recipe_text
from core.domain.training.own_recipe import said_recipe, usual_recipe
from core.figures.markdown import plain
from core.reports.teaching.class_link import FIELDS, HIDDEN_WORDS, HIDEABLE, LONGEST, NEEDS, Lock, code_from
from core.reports.teaching.goal import Goal
from dashboard.components.classroom.in_class import GOAL, GROUP, HIDE, LOCK
from dashboard.components.common.level import GUIDED, LEVEL
from dashboard.queries import catalogue

PAGES = {"Unlearn": "unlearn", "Story, the guess": ""}  # title -> path below the server's root
CONVENTION = (
    "A link is a convention, not a lock on the door: whoever changes the address, leaves the link in the sidebar or opens another page, "
    "a report or a download sees everything."
)
GOALS = (  # of a goal: label, key, start, help
    ("Forget accuracy, at most %", "forget", 5.0, "On test images of the classes to forget, or on the forget set."),
    ("Retain accuracy kept, at least %", "retain", 97.0, "Of the original's accuracy on the retain set."),
    ("Attack AUC, at most %", "attack", 55.0, "50 is guessing. What the retrained network itself misses is judged by the floor instead."),
)  # fmt: skip


def link_panel(spec: RunSpec, method: MethodInfo | None, *, story: dict[str, str] | None = None) -> None:
    """Folded. spec: what stands on the form, or the run that is shown. story: the story's own part of an address, on its page."""
    box = st.expander("Make a link for a class", icon=":material/school:", key="class_link", on_change="rerun")
    if not box.open:
        return
    with box:
        st.caption(CONVENTION)
        left, right = st.columns(2)
        opens = left.segmented_control("It opens", list(PAGES), default=list(PAGES)[story is not None], key="class_opens", required=True)
        code = right.text_input("Class’s code", key="class_code", max_chars=12, placeholder="7b",
                                help="1 to 12 letters and digits. Guesses in Story are counted under it, without names.")  # fmt: skip
        fields = st.pills("Fixed", list(FIELDS), default=["dataset", "model", "request"], selection_mode="multi", key="class_fixed",
                          format_func=lambda name: FIELDS[name].capitalize(), wrap=True, help="As it stands on this page now.")  # fmt: skip
        hidden = st.pills("Not shown on the form and on Result", HIDEABLE, format_func=lambda name: HIDDEN_WORDS[name].capitalize(),
                          selection_mode="multi", key="class_hidden", wrap=True,
                          help="What is not shown there is named in a sentence. The warnings name the numbers of the retrained networks, "
                               "the attack and relearning: they are not shown where one of these is not.")  # fmt: skip
        goal = _ask_goal()
        guided = st.toggle("Guided", True, key="class_guided", help="Plain words and one setting; Full, in the sidebar, shows the others.")
        try:
            parts = address_parts(spec, method, frozenset(fields), hidden, goal, code or "", guided=guided)
        except WrongInput as wrong:
            st.error(plain(str(wrong)), icon=":material/error:")
            return
        data = catalogue.current().datasets.get(spec.dataset)
        if spec.recipe != (usual_recipe(data, spec.model) if data else {}):
            own = recipe_text(spec.recipe) or recipe_text(said_recipe(spec.dataset, spec.model, {}))
            st.caption(f"The class trains by the usual recipe: a link does not carry {plain(own)}.")
        _show(parts, opens or next(iter(PAGES)), (story or {}) | {"scene": "4"})


def _ask_goal() -> Goal:
    if not st.toggle("A goal", key="class_goal", help="Result says of each run which parts of it are met, with the floor as the limit."):
        return Goal()
    values: dict[str, float | None] = {}
    for column, (label, name, start, help_) in zip(st.columns(len(GOALS)), GOALS, strict=True):
        typed = column.number_input(label, 0.0, 100.0, start, 1.0, format="%g", key=f"class_goal_{name}", help=f"{help_} Empty: not asked.")
        values[name] = None if typed is None else round(typed, 1) / 100
    return Goal(**values)


def address_parts(
    spec: RunSpec, method: MethodInfo | None, fields: frozenset[str], hidden: list[str], goal: Goal, code: str, *, guided: bool
) -> dict[str, str]:  # fmt: skip
    """Names and values of the address. What a field means nothing without is fixed with it. Raises WrongInput."""
    fields |= {NEEDS[name] for name in fields & NEEDS.keys()}
    values = used(spec.params, method.params if method else ())
    every = {
        "dataset": spec.dataset, "model": spec.model, "request": spec.request.text, "method": spec.method,
        "settings": {name: str(value) for name, value in values.items()},
    }  # fmt: skip
    lock = Lock(**{name: value for name, value in every.items() if name in fields})  # type: ignore[arg-type]  # each its own type
    if len(lock.text) > LONGEST:
        raise WrongInput(f"This request and its settings take {len(lock.text):,} letters; a link has room for {LONGEST}. Fix fewer.")
    parts = {LOCK: lock.text, HIDE: ",".join(name for name in HIDEABLE if name in hidden), GOAL: goal.text, GROUP: code_from(code)}
    return {name: value for name, value in parts.items() if value} | ({LEVEL: GUIDED} if guided else {})


def _show(parts: dict[str, str], opens: str, story: dict[str, str]) -> None:
    st.markdown("**For the class**")
    st.code(_address(PAGES[opens], parts if PAGES[opens] else story | parts), language=None, wrap_lines=True)
    if code := parts.get(GROUP):
        st.markdown("**For the teacher’s screen**: the guesses of the class as they come in")
        st.code(_address("", story | {"notes": "true", "pooled": "true", GROUP: code}), language=None, wrap_lines=True)


def _address(path: str, parts: dict[str, str]) -> str:
    """On this server, as the browser knows it."""
    here = urlsplit(st.context.url or "http://localhost:8501/")
    root = here.path.rstrip("/").removesuffix("/unlearn")
    return urlunsplit((here.scheme, here.netloc, f"{root}/{path}", urlencode(parts, safe=":;,"), ""))
