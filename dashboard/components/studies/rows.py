"""A study in the list: its state, its actions, and its numbers one click away."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import streamlit as st

from core.domain.errors import WrongInput
from core.domain.formatting import duration
from core.domain.run import ACTIVE, RunStatus
from core.domain.seed_lists import seeds_of, seeds_text
from core.domain.study import StudyPlan
from core.figures.markdown import plain
from core.figures.palette import STATUS_ICON
from core.jobs.studies import submit
from core.jobs.studies.plan import make_plan
from core.jobs.studies.progress import Standing, go_on_elsewhere, seconds_left
from core.storage.home import Home
from core.storage.studies import DamagedStudy
from core.storage.trash import KEPT
from dashboard.components.common.bundle_panels import bundle_button
from dashboard.components.common.fragments import errors_shown
from dashboard.components.common.report_button import study_report_button
from dashboard.components.common.run_status import STAGE, age, hours, imported_badge, shortened
from dashboard.components.studies.more_seeds import offer_more_seeds
from dashboard.components.studies.table import draw
from dashboard.login.may import Barred, barred, said_of
from dashboard.queries import catalogue, runs, studies
from dashboard.session import home, recall, remember

FAILED_SHOWN = 3
LONGEST = 300  # letters of a list of variants


def study_row(study: Standing, first: bool) -> None:
    """One bordered row; first: its numbers are expanded at the start."""
    plan, now, study_id = study.plan, study.now, study.stored.id
    with st.container(border=True, key=f"study-{study_id}"):
        what, buttons = st.columns([3, 2], vertical_alignment="center")
        with what:
            title = shortened(catalogue.request_title(plan.request, plan.dataset))
            about = f"{title} · {plan.dataset} · {plan.network} · " if plan.title else ""
            marks = f"{said_of(study.stored.owner)} {imported_badge(study.stored.imported)}"
            st.markdown(f"**{plain(catalogue.study_name(plan))}**  \n`{study_id}`{marks}")
            _state(study)
            variants = shortened("; ".join(variant.text for variant in plan.variants), LONGEST)
            drawn = plan.covers.partition(", ")[2]
            seeds = shortened(seeds_text(plan.seeds)) + (f", {drawn}" if drawn else "")
            limit = f" · each run stopped after {duration(plan.limit)}" if plan.limit else ""
            st.caption(plain(f"{about}seeds {seeds} · {variants}{limit}"))
        with buttons, st.container(horizontal=True, horizontal_alignment="right", vertical_alignment="center"):
            if now.done:
                bundle_button(study_id, key="study", light=True)
            if now.shown:
                st.page_link("views/compare.py", label="Compare", icon=":material/compare_arrows:", query_params={"study": study_id})
                study_report_button(study_id)
            waits, shut = now.active and not study.stored.cancelled, barred(study.stored.owner, what=f"study {study_id}")
            if waits:
                _button("Cancel", study_id, _cancel, shut)
            elif now.to_do:
                _button("Continue", study_id, lambda place, i: submit.go_on(place, i, catalogue.current()), shut)
            _extend(study, shut)
            if not waits:
                with st.popover("Delete", key=f"ask-{study_id}", **shut):
                    st.caption(f"The study goes; its runs stay on the Runs page. For {hours(KEPT)} hours it can be put back here.")
                    _button("Delete it", study_id, submit.delete, shut, key="Delete")
        if now.shown:
            box = st.expander("Numbers", expanded=first, key=f"numbers-{study_id}", on_change="rerun")
            if box.open:
                with box:
                    summary = studies.summary(study)
                    offer = partial(offer_more_seeds, study_id, plan, summary.more, active=bool(waits), page="studies")
                    draw(summary, catalogue.current(), offer)


def damaged_row(study: DamagedStudy) -> None:
    """Says what is damaged; the study can only be deleted."""
    with st.container(border=True, key=f"study-{study.id}"):
        what, buttons = st.columns([3, 2], vertical_alignment="center")
        what.markdown(f"**A damaged study**  \n{plain(study.id)}")
        what.error(plain(f"{study.wrong} It can only be deleted; its runs stay."))
        with buttons, st.container(horizontal=True, horizontal_alignment="right"):
            _button("Delete", study.id, submit.delete, barred())


def _state(study: Standing) -> None:
    """Icon and word; a progress bar while it is active; which runs failed, and why."""
    now = study.now
    waits = now.active and not study.stored.cancelled
    word = "running" if waits else "done" if now.done == now.total else "failed" if now.failed else "cancelled"
    shown = "incomplete" if word == "cancelled" else word
    counts = {
        "failed": now.failed, "stopped": now.stopped, "missing": now.missing, "by another version of the engine": now.outdated,
        "done, but without some of their files": now.lost, "shown as they were until then": now.again,
        "shown by an older run until then": now.standing_in, "go on, asked for elsewhere too": 0 if waits else now.active,
    }  # fmt: skip
    more = "".join(f" · {count} {name}" for name, count in counts.items() if count)
    st.markdown(f"{STATUS_ICON[word]} **{shown}** · {now.done} of {now.total} done{more} · {age(study.stored.created_at)}")
    if waits:
        st.progress(now.share, _under_way(study))
    if now.anew and not waits:
        st.caption(f":material/info: Continue or Extend: {plain(now.anew)}")
    failed = [run for run in study.runs if run.status == RunStatus.FAILED]
    for run in failed[:FAILED_SHOWN]:
        with errors_shown():  # its row may be damaged
            if stored := runs.run(run.run_id):
                st.error(plain(f"{study.plan.variants[run.variant].text}, seed {run.seed}: {stored.error_line}"))
    if len(failed) > FAILED_SHOWN:
        st.caption(f"{len(failed) - FAILED_SHOWN} more failed; the Runs page tells why.")


def _under_way(study: Standing) -> str:
    """Which run is being computed, and how far it is."""
    running = next((run for run in study.runs if run.status == RunStatus.RUNNING), None)
    seconds = seconds_left(study.runs, runs.places())
    left = " · how long it takes is not known yet" if seconds is None else f" · about {duration(seconds)} left"
    if running is None:
        return f"waiting to start{left}"
    return plain(f"{study.plan.variants[running.variant].text}, seed {running.seed}: {STAGE.get(running.stage, running.stage)}{left}")


def _button(label: str, study_id: str, act: Callable[..., object], shut: Barred, key: str = "") -> None:
    st.button(label, key=f"{key or label}-{study_id}", on_click=_safely, args=(partial(act, home(), study_id),), **shut)


def _cancel(place: Home, study_id: str) -> None:
    if left := submit.cancel(place, study_id):
        st.toast(go_on_elsewhere(left), icon=":material/info:")


def _safely(act: Callable[[], object]) -> None:
    """In a callback: acts once per click, and shows what went wrong."""
    with errors_shown(st.toast):
        act()


def _extend(study: Standing, shut: Barred) -> None:
    """Other seeds, other methods: every variant then has every seed."""
    study_id = study.stored.id
    with st.popover("Extend", key=f"extend-{study_id}", **shut):
        available, plan = catalogue.current(), study.plan
        data = available.datasets.get(plan.dataset)  # None where it was removed: then nothing can be added
        titles = {m.title: m.key for m in available.methods.values() if data and not m.unfit(data, plan.request.kind)}
        st.text_input("More seeds", key=f"seeds-{study_id}", placeholder=f"{max(plan.seeds) + 1}-{max(plan.seeds) + 2}", max_chars=200)
        st.multiselect("More methods, by their preset", list(titles), key=f"methods-{study_id}", placeholder="none")
        if study.now.anew:
            st.caption(plain(f"Besides what you add, {study.now.anew}"))
        st.button("Add", key=f"add-{study_id}", type="primary", on_click=_safely, args=(partial(_grow, study_id, plan, titles),))


def _grow(study_id: str, plan: StudyPlan, titles: dict[str, str]) -> None:
    """Raises WrongInput."""
    catalogue.dataset(plan.dataset)  # raises if it was removed
    available = catalogue.current()
    text, chosen = (recall(f"{what}-{study_id}") for what in ("seeds", "methods"))
    if not (text or "").strip() and not chosen:
        raise WrongInput("Name more seeds or more methods, and the study grows by them.")
    seeds = seeds_of(text) if (text or "").strip() else plan.seeds
    old = [(variant.method, variant.settings) for variant in plan.variants]
    variants: list[tuple[str, dict[str, Any]]] = [(titles[title], {}) for title in chosen or [] if title in titles] or old
    more = make_plan(
        available, plan.dataset, plan.model, plan.request, variants, seeds, reference=plan.reference, floor=False,
        draws=plan.draws_of(seeds), recipe=plan.recipe,
    )  # fmt: skip
    submit.extend(home(), study_id, replace(more, limit=plan.limit), available)
    remember(f"seeds-{study_id}", "")
    remember(f"methods-{study_id}", [])


def any_active(standings: list[Standing]) -> bool:
    """Whether any study has runs to do."""
    return any(run.status in ACTIVE for study in standings for run in study.runs)
