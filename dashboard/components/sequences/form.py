"""The form of a sequence of forget requests: network, requests, method and seeds."""

from collections.abc import Sequence
import shlex

import streamlit as st

from core.domain.errors import WrongInput
from core.domain.info import DatasetInfo
from core.domain.requests.registry import FORMS
from core.domain.seed_lists import seeds_of, seeds_text
from core.export.report.repeat import recipe_words
from core.jobs.catalogue import Catalogue
from core.jobs.sequences.plan import make_plan
from core.jobs.studies.toml_file import sets_from_lines
from core.sequences.plan import FEWEST, MOST, USUAL, USUAL_OF, USUAL_SEEDS, SequencePlan, request_of, unfit
from dashboard.components.common.fragments import errors_shown
from dashboard.components.forms.forget_request import ask_data_and_model
from dashboard.components.forms.method_card import methods_not_offered
from dashboard.components.forms.recipe_form import recipe_form
from dashboard.session import follows, stays

LONGEST = 300  # letters of a sentence that repeats what was typed
PARTS, LIST = "parts of one draw", "a list"
FIRST = 3  # classes that a list begins with


def ask_plan(available: Catalogue) -> tuple[SequencePlan | None, str]:
    """The plan of the widgets' values, and the command that asks for it; None, with a sentence, while they make none."""
    what, how = st.columns(2, gap="large")
    with what:
        data, model = ask_data_and_model(available)
        lines, count, of = _ask_requests(data)
    with how:
        st.subheader("2 · By which method")
        kind = "random" if of else _kind(lines, data)
        fitting = {m.title: m for m in available.methods.values() if not (m.unfit(data, kind) or unfit(m))}
        stays("sequence_method", list(fitting))
        method = fitting[st.selectbox("Method", list(fitting), key="sequence_method", bind="query-params")]
        methods_not_offered(available, data)
        fixed = st.text_input(
            "Settings", key=f"sequence_settings.{method.key}", bind="query-params", max_chars=1000, placeholder="each request's preset",
            help="NAME=VALUE with blanks between, for every request. With settings=auto each request searches on the network that it "
            "finds, and the search's seconds count.",
        )  # fmt: skip
        left, right = st.columns(2, vertical_alignment="bottom")
        seeds = left.text_input("Seeds", seeds_text(USUAL_SEEDS), key="sequence_seeds", bind="query-params", max_chars=200)
        retrain = right.toggle(
            "Retrain for each request", True, key="sequence_retrain", bind="query-params",
            help="What unlearning is held against, in damage and in cost. Without it damage is held against the original.",
        )  # fmt: skip
        recipe = recipe_form(data, model)
        if recipe is None:
            return None, ""
        with errors_shown(most=LONGEST):
            own = sets_from_lines(fixed)[0] if (fixed or "").strip() else {}
            plan = make_plan(
                available, data.key, model, method.key, own, requests=lines, count=count, of=of, seeds=seeds_of(seeds or ""),
                retrain=retrain, recipe=recipe,
            )  # fmt: skip
            asked = ["--requests", str(count), "--of", of] if of else [word for line in lines for word in ("--forget", line)]
            sets = [word for name, value in own.items() for word in ("--set", f"{name}={value}")]
            words = ["--dataset", data.key, "--model", model, "--method", method.key, *asked, *sets, "--seeds", seeds_text(plan.seeds)]
            words += recipe_words(plan.spec)
            return plan, "python -m core sequence start " + shlex.join(words + ["--no-retrain"] * (not retrain))
    return None, ""


def _ask_requests(data: DatasetInfo) -> tuple[list[str], int, str]:
    """Texts of requests; or their number and the draw of which they are parts."""
    way = st.segmented_control("Requests", [PARTS, LIST], default=PARTS, key="sequence_way", bind="query-params", required=True)
    if way == LIST:
        classes = [f"class:{index}" for index in range(min(FIRST, len(data.classes) - 1))]
        start = "\n".join(["random:20@1", "random:20@2"] if data.multi else classes)
        follows("sequence_list", start)
        lines = st.text_area(
            "In order, one a line", start, key="sequence_list", bind="query-params", height=140, max_chars=20_000,
            help=f"{FORMS}; a class or value by its index from 0 or by its name. None may name what another one names.",
        )  # fmt: skip
        return [line.strip() for line in (lines or "").splitlines() if line.strip()] or [""], 0, ""
    left, right = st.columns(2)
    count = left.number_input("How many", FEWEST, MOST, USUAL, key="sequence_count", bind="query-params")
    of = right.text_input(
        "Each", USUAL_OF, key="sequence_of", bind="query-params", max_chars=60,
        help="random:1%, random:0.02 (shares of the training set) or random:20 (images): the first request forgets the first part of "
        "a random order of the training set, the second the next. Each seed has an order of its own; random:1%@7 gives all that of seed 7.",
    )  # fmt: skip
    return [], int(count), of or USUAL_OF


def _kind(lines: Sequence[str], data: DatasetInfo) -> str:
    """Of the first request; '' where it cannot be read, which is said elsewhere."""
    try:
        return request_of(lines[0], data).kind
    except WrongInput:
        return ""
