"""The form of a search of settings: the subject, the mode, what is tuned, and the budget."""

import shlex

import streamlit as st

from core.domain.hyperparameters import Value
from core.domain.info import DatasetInfo, MethodInfo
from core.domain.requests.base import ForgetRequest
from core.domain.requests.classes import ClassRequest
from core.domain.seed_lists import seeds_of, seeds_text
from core.export.report.repeat import recipe_words
from core.jobs.catalogue import Catalogue
from core.jobs.studies.toml_file import sets_from_lines
from core.jobs.tuning import make_plan
from core.jobs.validation import preset_values
from core.tuning.objectives import BLIND, MODES, OBJECTIVES, USUAL
from core.tuning.plan import MOST_MINUTES, MOST_TRIALS, USUAL_SEEDS, USUAL_TRIALS, Budget, SearchPlan
from core.tuning.ranges import default_range, tunable, tuned_at_first
from dashboard.components.common.fragments import errors_shown
from dashboard.components.forms.method_card import methods_not_offered
from dashboard.components.forms.recipe_form import recipe_form
from dashboard.session import follows, stays

LONGEST = 300  # letters of a sentence that repeats what was typed


def ask_plan(available: Catalogue, data: DatasetInfo, model: str, request: ForgetRequest | None) -> SearchPlan | None:
    """The plan of the widgets' values; None, with a sentence, while they make none."""
    kind = request.kind if request else ""
    fitting = {m.title: m for m in available.methods.values() if tunable(m.params) and not m.unfit(data, kind)}
    stays("tune_method", list(fitting))
    method = fitting[st.selectbox("Method", list(fitting), key="tune_method", bind="query-params")]
    methods_not_offered(available, data)
    mode = st.segmented_control("Mode", list(MODES), default=BLIND, key="tune_mode", bind="query-params", required=True) or BLIND
    st.caption(MODES[mode])
    above, below = st.container(), st.container()
    with below:
        recipe = recipe_form(data, model)  # which the preset depends on
    preset = preset_values(method, data, model, request or ClassRequest((0,)), available.presets, recipe)
    with above:
        lines, fixed = _ask_ranges(method, preset)
        asked = st.pills(
            "Objectives", [*USUAL, "seconds"], default=list(USUAL), selection_mode="multi", key="tune_objectives", bind="query-params",
            help=" · ".join(f"{o.title}: {o.definition}" for o in OBJECTIVES[mode].values()),
        )  # fmt: skip
        budget, seeds = _ask_budget()
    if request is None or recipe is None:
        return None
    with errors_shown(most=LONGEST):
        own = sets_from_lines(fixed) if fixed.strip() else [{}]
        return make_plan(available, data.key, model, request, method.key, own[0], mode=mode, tuned=lines.splitlines(),
                         objectives=asked or [], seeds=seeds_of(seeds), budget=budget, recipe=recipe)  # fmt: skip
    return None


def _ask_ranges(method: MethodInfo, preset: dict[str, Value]) -> tuple[str, str]:
    """Lines of ranges, and settings that stand fixed."""
    params = {p.name: p for p in tunable(method.params)}
    first = "\n".join(default_range(params[name], preset[name]).text for name in tuned_at_first(method.params, preset))
    key = f"ranges.{method.key}"
    follows(key, first)
    lines = st.text_area(
        "Tuned, one a line", first, key=key, bind="query-params", height=96, max_chars=4000,
        help="NAME=LOW:HIGH, NAME=LOW:HIGH:log, NAME=A|B of choices, or NAME alone for a range around the preset. Parameters: "
        f"{', '.join(params)}.",
    )  # fmt: skip
    fixed = st.text_input(
        "Fixed settings", key=f"fixed.{method.key}", bind="query-params", max_chars=1000, placeholder="the preset's",
        help="NAME=VALUE with blanks between: what stands at another value than the preset's in every trial.",
    )  # fmt: skip
    return lines or "", fixed or ""


def _ask_budget() -> tuple[Budget, str]:
    left, middle, right = st.columns(3)
    trials = left.number_input("Trials", 1, MOST_TRIALS, USUAL_TRIALS, 10, key="tune_trials", bind="query-params")
    minutes = middle.number_input(
        "Minutes, at most", 0.0, MOST_MINUTES, 0.0, 1.0, key="tune_minutes", bind="query-params",
        help="Of all trials together; 0: no limit.",
    )  # fmt: skip
    seeds = right.text_input(
        "Seeds", seeds_text(USUAL_SEEDS), key="tune_seeds", bind="query-params", max_chars=200,
        help="Each trial is the mean over them; with several, settings that work for one network alone are not chosen. They are not the "
        "seeds on which settings are judged: a trial opens as a run with another.",
    )  # fmt: skip
    return Budget(int(trials), minutes or None), seeds or ""


def command(plan: SearchPlan, available: Catalogue) -> str:
    """The search as a terminal asks for it."""
    spec = plan.spec
    words = ["--dataset", spec.dataset, "--model", spec.model, "--forget", spec.request.text, "--method", spec.method, "--mode", plan.mode]
    for one in plan.ranges:
        words += ["--tune", one.text]
    usual = preset_values(available.methods[spec.method], available.datasets[spec.dataset], spec.model, spec.request, available.presets,
                          spec.recipe)  # fmt: skip
    for name, value in spec.params.items():
        words += ["--set", f"{name}={value}"] if value != usual[name] else []
    words += recipe_words(spec)
    words += ["--objectives", ",".join(plan.objectives), "--seeds", seeds_text(plan.seeds), "--trials", str(plan.budget.trials)]
    words += ["--time", f"{60 * plan.budget.minutes:g}"] if plan.budget.minutes else []
    return "python -m core tune start " + shlex.join(words)
