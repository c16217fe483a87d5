"""Saving the dampening explorer's settings as a run."""

import streamlit as st

from core.domain.run import RunSpec
from core.jobs import submit
from core.jobs.validation import make_spec
from dashboard.components.common.fragments import errors_shown
from dashboard.components.parameters.importance_source import Source
from dashboard.login.may import barred
from dashboard.queries import catalogue, runs
from dashboard.queries.runs import RunHandle
from dashboard.session import ask_to_open, home, recall, remember

SAVED = "_kept-as-runs"
SavedRuns = dict[tuple[RunHandle, str, float, float], str]  # run, key of its importances, alpha, lambda -> id


def saved_runs() -> SavedRuns:
    """What was saved as a run in this session; `save_button` adds to it."""
    saved: SavedRuns = recall(SAVED, {})
    remember(SAVED, saved)
    return saved


def save_button(source: Source, now: tuple[float, float], start: tuple[float, float], saved: SavedRuns) -> None:
    """The button that starts a run with the sliders' settings; afterwards, a link to that run."""
    saved_id = saved.get((source.handle, source.analysis_key, *now))
    with st.container(horizontal=True, vertical_alignment="center"):
        if saved_id is not None:
            if st.button("Open it", key="open-kept", icon=":material/open_in_new:"):
                ask_to_open(saved_id, "views/result.py")
            run = runs.run(saved_id)
            st.caption(f"Kept as run {saved_id}, which is {run.status if run else 'deleted'}.")
            return
        own = now == start and not source.analysis_key and source.run.spec.method == "ssd"
        st.button("Keep this as a run", key="keep", icon=":material/bookmark_add:", on_click=_submit, args=(source, now, own, saved),
                  **barred())  # fmt: skip
        remark = " These are the open run's own settings." if own else ""
        st.caption(f"A real SSD run with these settings, measured in full like any other.{remark}")


def spec_of(source: Source, alpha: float | str, lambda_: float) -> RunSpec:
    """The SSD run of these settings, with every parameter set. alpha: a number or "percentile". Raises WrongInput."""
    spec, settings = source.run.spec, {"importance": source.estimator, "batch_size": source.batch_size, "alpha": alpha, "lambda": lambda_}
    return make_spec(
        catalogue.current(), spec.dataset, spec.model, spec.request, "ssd", settings,
        seed=spec.seed, reference=spec.reference, weights=spec.weights, weights_as=spec.weights_as,
        recipe=spec.recipe,
    )  # fmt: skip


def _submit(source: Source, now: tuple[float, float], own: bool, saved: SavedRuns) -> None:
    """own: the sliders are at the open run's settings, whose alpha may be "percentile"."""
    alpha, lambda_ = now
    params = source.run.spec.params
    with errors_shown(st.toast):
        same = own and params.get("settings") != "auto"  # what a search chose becomes a number
        run_id = submit.submit(home(), spec_of(source, params["alpha"] if same else alpha, lambda_))
        saved[source.handle, source.analysis_key, *now] = run_id
