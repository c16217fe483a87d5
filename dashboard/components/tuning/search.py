"""A search on its page: where it stands, its front, its trials, what mattered; and what can be made of a trial."""

from functools import partial

import pandas as pd
import streamlit as st

from core.domain.run import model_text, settings_text
from core.figures import plotly_layout
from core.figures import tuning as figures
from core.figures.markdown import plain
from core.figures.tuning import Axis
from core.jobs import submit, tuning
from core.jobs.long_jobs import COMPLETE, RUNNING
from core.jobs.studies import submit as study_jobs
from core.jobs.tuning import Standing
from core.tuning import home_presets, journal
from core.tuning.journal import DONE, Search
from core.tuning.objectives import MODES
from core.tuning.plan import JUDGED_ON, MOST_TRIALS, Budget
from dashboard.components.common.fragments import errors_shown
from dashboard.components.common.long_jobs import delete_button, icon_of, job_button, owner_of, safely, show_progress
from dashboard.components.common.tables import show_frame
from dashboard.login.may import barred, said_of
from dashboard.queries import catalogue
from dashboard.queries import tuning as queries
from dashboard.session import ask_to_open, home, recall


def show(now: Standing) -> None:
    """All of a search."""
    search = now.search
    _head(now)
    if not search.trials:
        st.caption(f"The first trial, the preset, comes when the original is there{'' if now.state == RUNNING else '; go on to make it'}.")
        return
    trials, axes, settings = queries.frame(search), queries.objectives(search), queries.settings(search)
    done = trials[trials["state"] == DONE]
    figure, beside = st.columns([3, 2], gap="large")
    with figure:
        if len(done):
            _front(search, done, axes, settings)
    with beside:
        _of_a_trial(search, trials)
    _table(search, trials, axes)
    if len(done) > 1:
        _what_matters(search, done, axes, settings)


def _head(now: Standing) -> None:
    search, plan = now.search, now.search.plan
    what, buttons = st.columns([3, 2], vertical_alignment="center")
    shut = barred(owner := owner_of(journal.files(home()), search.id), what=f"search {search.id}")
    with what:
        request = catalogue.request_title(plan.spec.request, plan.spec.dataset)
        title = plain(f"{plan.spec.method} on {plan.spec.dataset}, {model_text(plan.spec)}: {request}")
        state = f"{icon_of(now)} **{now.state}** · mode **{plan.mode}**"
        trials = f"{len(search.trials)} trials of {plan.budget.text}"
        st.markdown(f"**{title}**  \n{state} · {trials} · {plan.seeds_text} · `{search.id}`{said_of(owner)}")
    with buttons, st.container(horizontal=True, horizontal_alignment="right"):
        if now.state == RUNNING:
            job_button("Stop", search.id, tuning.stop, shut)
        elif now.state != COMPLETE:
            job_button("Go on", search.id, tuning.go_on, shut)
        else:
            with st.popover("More trials", key=f"ask-more-{search.id}"):
                st.number_input("Trials in all", len(search.trials) + 1, MOST_TRIALS, min(MOST_TRIALS, len(search.trials) + 50), 10,
                                key=f"more-{search.id}")  # fmt: skip
                st.button("Search on", key=f"on-{search.id}", type="primary", on_click=_more, args=(search,), **shut)
        if now.state != RUNNING:
            says = "The search goes, with all of its trials; runs that were opened from it, and presets, stay."
            delete_button(search.id, tuning.remove, says, shut)
    show_progress(now)
    st.caption(f"**{plan.mode}**: {MODES[plan.mode]} Tuned: {plain('; '.join(one.words for one in plan.ranges))}.")


def _front(search: Search, done: pd.DataFrame, axes: list[Axis], settings: list[Axis]) -> None:
    """Two of the objectives; a third can be put on either axis."""
    titles, (left, right) = [axis.title for axis in axes], st.columns(2)
    x = axes[titles.index(left.selectbox("Across", titles, 0, key=f"x-{search.id}"))]
    y = axes[titles.index(right.selectbox("Up", titles, min(1, len(titles) - 1), key=f"y-{search.id}"))]
    st.plotly_chart(
        figures.front_figure(done, x, y, settings), key=f"front-{search.id}", config=plotly_layout.CONFIG,
        alt=f"Pareto front of {len(done)} trials: {x.title} against {y.title}",
    )  # fmt: skip
    front = int(done["front"].sum())
    st.caption(f"{front} of {len(done)} trials are on the front of all {len(axes)} objectives, by the {search.plan.mode} mode: no other is "
               "as good in each of them and better in one. Closest: the least sum of what its objectives lack.")  # fmt: skip


def _of_a_trial(search: Search, trials: pd.DataFrame) -> None:
    """Choose one; open it as a run, or use its settings."""
    numbers = [int(number) for number in trials["number"][trials["state"] == DONE]]
    if not numbers:
        return
    first = [n for n in numbers if n in search.front or n == search.closest]
    options = [*sorted(first, key=lambda n: (n != search.closest, n)), *(n for n in numbers if n not in first)]
    places = {n: "closest" if n == search.closest else "on the front" if n in first else "the preset" if n == 0 else "" for n in options}
    number = st.selectbox("Trial", options, key=f"trial-{search.id}", format_func=lambda n: f"{n} ({places[n]})" if places[n] else f"{n}")
    trial = search.trial(number)
    st.code(settings_text(tuning.settings_of(search, number)), language=None, wrap_lines=True)
    lines = [f"{axis.title}: {axis.text(trial.values[axis.key])}" for axis in queries.objectives(search)]
    lines += [f"{name} ({search.plan.mode}): {value:.3f}" for name, value in trial.told.items()]
    st.caption("  \n".join(plain(line) for line in [*lines, f"seconds of the method: {trial.seconds:.3g}"]))
    with st.container(horizontal=True):
        if st.button("Open as a run", key=f"open-{search.id}", icon=":material/open_in_new:", **barred()):
            with errors_shown():
                run_id = submit.submit(home(), tuning.spec_of(catalogue.current(), search, number))
                ask_to_open(run_id, "views/result.py")
        st.button("Use as preset", key=f"use-{search.id}", icon=":material/bookmark_add:", on_click=_use, args=(search, number),
                  **barred(admins=True))  # fmt: skip
        st.button("Judge", key=f"judge-{search.id}", icon=":material/balance:", on_click=_judge, args=(search, number), **barred())
    subject = f"{search.plan.spec.method} on {search.plan.spec.dataset} with {model_text(search.plan.spec)}"
    st.caption("Judge asks for a study on fresh seeds, on Studies: these settings, the shipped preset, and what the other mode chose.")
    st.caption(f"It opens with seed {JUDGED_ON}, which the search never saw, and is measured in full. As a preset it is this home's "
               f"default for {plain(subject)}, here and on the command line.")  # fmt: skip


def _table(search: Search, trials: pd.DataFrame, axes: list[Axis]) -> None:
    names = {axis.key: axis.title for axis in axes}
    shown = trials.assign(place=[
        "closest" if row["closest"] else "front" if row["front"] else "" if row["state"] == DONE else f"{row['state']}: {row['why']}"
        for row in trials.to_dict("records")
    ])  # fmt: skip
    columns = ["number", "place", *(axis.key for axis in queries.settings(search)), *(key for key in names if key != "seconds"), "seconds"]
    show_frame(
        shown[columns].iloc[::-1].rename(columns=names | {"number": "trial"}), key=f"trials-{search.id}", height=280,
        alt=f"Trials of the {search.plan.mode} search, the last first",
        column_config={axis.title: st.column_config.NumberColumn(format="%.4f") for axis in axes},
    )  # fmt: skip


def _what_matters(search: Search, done: pd.DataFrame, axes: list[Axis], settings: list[Axis]) -> None:
    titles = {axis.key: axis.title for axis in axes}
    mattered, single, parallel = st.tabs(["What mattered", "One setting", "All together"])
    with mattered:
        if search.importances:
            st.plotly_chart(
                figures.importance_figure({titles[key]: of for key, of in search.importances.items() if key in titles}),
                key=f"importances-{search.id}", config=plotly_layout.CONFIG, alt="Importance of each setting for each objective",
            )  # fmt: skip
            st.caption("By fANOVA over the trials (Hutter et al., ICML 2014): how much of an objective's variance within the ranges a "
                       "setting explains. A setting without importance can stay at its preset.")  # fmt: skip
        else:
            st.caption("Importances need two tuned settings and eight trials that differ; they come after 25 trials, and at the end.")
    with single:
        chosen = st.selectbox("Setting", [axis.title for axis in settings], key=f"slice-{search.id}")
        axis = next(one for one in settings if one.title == chosen)
        st.plotly_chart(
            figures.slice_figure(done, axis, axes), key=f"slices-{search.id}", config=plotly_layout.CONFIG,
            alt=f"{axis.title} against each objective",
        )  # fmt: skip
    with parallel:
        chosen = st.selectbox("Coloured by", list(titles.values()), key=f"colour-{search.id}")
        st.plotly_chart(
            figures.parallel_figure(done, [*settings, *axes], next(one for one in axes if one.title == chosen)),
            key=f"parallel-{search.id}", config=plotly_layout.CONFIG, alt="Every trial as a line through its settings and objectives",
        )  # fmt: skip


def presets_panel() -> None:
    """This home's own presets, each of which can be given up."""
    for index, preset in enumerate(queries.presets()):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(plain(preset.text))
            st.button("Give up", key=f"give-up-{index}", on_click=safely, args=(partial(home_presets.give_up, home(), preset),),
                      **barred(admins=True))  # fmt: skip
        st.code(settings_text(preset.values), language=None, wrap_lines=True)


def _use(search: Search, number: int) -> None:
    with errors_shown(st.toast):
        preset = tuning.use(home(), catalogue.current(), search, number)
        st.toast(plain(f"The preset of this home is now {preset.text}."), icon=":material/bookmark_added:")


def _judge(search: Search, number: int) -> None:
    with errors_shown(st.toast):
        available = catalogue.current()
        study_id = study_jobs.submit(home(), tuning.judged_plan(home(), available, search, number), available)
        st.toast(f"Study {study_id} is asked for; Studies shows it.", icon=":material/science:")


def _more(search: Search) -> None:
    with errors_shown(st.toast):
        tuning.go_on(home(), search.id, Budget(int(recall(f"more-{search.id}", 0)), search.plan.budget.minutes))
