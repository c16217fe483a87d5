"""The form of a study: methods, settings, seeds; and how many runs that makes, before it starts."""

from dataclasses import replace

import streamlit as st

from core.domain.hyperparameters import Value
from core.domain.info import DatasetInfo, MethodInfo
from core.domain.methods.ablations import SECOND_REFERENCE_METHOD
from core.domain.requests.base import ForgetRequest
from core.domain.requests.classes import ClassRequest
from core.domain.run import settings_text
from core.domain.seed_lists import seeds_of
from core.domain.study import StudyPlan
from core.jobs.catalogue import Catalogue
from core.jobs.studies.plan import make_plan
from core.jobs.studies.progress import takes
from core.jobs.studies.toml_file import sets_from_lines
from core.jobs.validation import limit_of, preset_values
from core.storage.record_types import Forecast
from dashboard.components.common.fragments import errors_shown
from dashboard.components.common.run_status import shortened
from dashboard.components.forms.method_card import methods_not_offered
from dashboard.components.forms.recipe_form import recipe_form
from dashboard.queries import studies

START = ("ssd", "ssse", "unsir")
LONGEST = 300  # letters of a list of variants, or of a sentence that repeats what was typed
PRESET, OWN = "preset", "own sets"


def ask_plan(
    available: Catalogue, data: DatasetInfo, model: str, request: ForgetRequest | None, *, one_draw: bool = False,
) -> StudyPlan | None:  # fmt: skip
    """The plan of the widgets' values; None, with a sentence, while they make none.

    one_draw: of a drawn request, for all seeds.
    """
    methods = _ask_methods(available, data, request)
    start = request or ClassRequest((0,))  # without a valid request, the settings are those for one class
    recipe = recipe_form(data, model)
    usual = {method.key: preset_values(method, data, model, start, available.presets, recipe) for method in methods}
    lines = {method.key: _ask_settings(method, usual[method.key]) for method in methods}
    left, right = st.columns(2, vertical_alignment="bottom")
    seeds = left.text_input(
        "Seeds", "0-2", key="seeds", bind="query-params", max_chars=200, placeholder="0-2",
        help="Each variant runs once with each seed. Write 0-2, or 0, 1, 5. An interval needs two, a claim three or more.",
    )  # fmt: skip
    floor = right.toggle(
        "Second reference", True, key="study_floor", bind="query-params",
        help="Adds retraining once more from another seed: two references differ by so much, and no method can come nearer.",
    )  # fmt: skip
    title = st.text_input("Title", key="title", bind="query-params", max_chars=80, placeholder="may be left out")
    limit = st.text_input(
        "Time limit of each run", key="study_limit", bind="query-params", max_chars=40, placeholder="none",
        help="A run of the study is stopped when it has taken so long, such as 90 (seconds), 15min or 2h. It decides no number.",
    )  # fmt: skip
    if request is None or recipe is None:
        return None
    with errors_shown(most=LONGEST):
        at_most = limit_of(limit or "")
        sets = [(key, chosen) for key, text in lines.items() for chosen in sets_from_lines(text)]
        plan = make_plan(available, data.key, model, request, sets, seeds_of(seeds or ""), floor=floor, title=title or "",
                         draws=() if one_draw else None, recipe=recipe)  # fmt: skip
        return replace(plan, limit=at_most)
    return None


def _ask_methods(available: Catalogue, data: DatasetInfo, request: ForgetRequest | None) -> list[MethodInfo]:
    """Methods that fit the request; the second reference has its own switch."""
    kind = request.kind if request else ""
    fitting = [m for m in available.methods.values() if m.key != SECOND_REFERENCE_METHOD and not m.unfit(data, kind)]
    titles = {method.title: method for method in fitting}
    chosen = st.multiselect(
        "Methods", list(titles), [method.title for method in fitting if method.key in START], key="methods", bind="query-params",
        placeholder="one or more",
    )  # fmt: skip
    methods_not_offered(available, data)
    if request and not data.multi and len(fitting) < len(available.methods) - 1:
        st.caption(f"Only methods that serve requests of kind {request.kind} are offered.")
    return [titles[title] for title in chosen if title in titles]


def _ask_settings(method: MethodInfo, preset: dict[str, Value]) -> str:
    """Lines for `sets_from_lines`; '' is the preset, whose values the lines begin with."""
    if not method.params:
        return ""
    how = st.segmented_control(
        method.title, [PRESET, OWN], default=PRESET, key=f"how.{method.key}", bind="query-params", required=True,
    )  # fmt: skip
    if how != OWN:
        return ""
    names = ", ".join(p.name for p in method.params)
    text = st.text_area(
        f"Parameter sets of {method.title}", settings_text(preset).replace(" · ", " "), key=f"sets.{method.key}",
        bind="query-params", height=96, max_chars=4000,
        help="One parameter set a line; alpha=1|2|5 is a set for each value, of several such every combination. What a line leaves out "
        f"stays at the preset, and the line 'preset' is all of it. Names: {names}.",
    )  # fmt: skip
    return text or ""


def above_start(plan: StudyPlan, likely: Forecast) -> str:
    """What stands above the button: how many runs, and what they are likely to take."""
    return " ".join(filter(None, [_run_counts(plan), takes(likely)]))


def _run_counts(plan: StudyPlan) -> str:
    """How many runs the plan has, and which of them will be computed."""
    new = studies.new_runs(plan)
    drawn = plan.covers.partition(", ")[2]
    runs = f"{plan.count} run{'s' * (plan.count != 1)}: {_counted(plan)} × {len(plan.seeds)} seed{'s' * (len(plan.seeds) != 1)}"
    runs += f", {drawn}" if drawn else ""
    if not new:
        return f"{runs}. All of them are stored already, so the table is there at once."
    if sum(new.values()) == plan.count:
        return f"{runs}, all to be computed. Each seed's original and reference are trained once and shared."
    which = shortened(", ".join(f"{plan.variants[variant].text} ({count})" for variant, count in new.items()), LONGEST)
    return f"{runs}. To be computed: {sum(new.values())}, namely {which}; the others are stored already."


def _counted(plan: StudyPlan) -> str:
    own = sum(not variant.is_floor for variant in plan.variants)
    text = f"{own} variant{'s' * (own != 1)}"
    return text if own == len(plan.variants) else f"{text} and the second reference"
