"""A run on a page: its name, state and progress, and the buttons that act on it."""

from datetime import UTC, datetime, timedelta

import streamlit as st

from core.domain.code_version import version_of
from core.domain.errors import WrongInput
from core.domain.formatting import duration
from core.domain.hyperparameters import used
from core.domain.methods.judged import with_short_hashes
from core.domain.run import ACTIVE, STOPPED, RunStatus, model_text, settings_text
from core.figures import training_curves
from core.figures.markdown import plain
from core.figures.palette import STATUS_ICON
from core.figures.plotly_layout import CONFIG
from core.jobs import submit
from core.jobs.catalogue import Catalogue
from core.jobs.validation import preset_values
from core.storage.queues.run_queue import LIMIT_END
from core.storage.record_types import DamagedRun, Imported, Run
from core.storage.trash import KEPT, Deleted
from dashboard.components.common.fragments import errors_shown, fragment
from dashboard.login.may import Barred, barred
from dashboard.queries import catalogue, runs
from dashboard.session import home, open_run, opened_run

UNDONE = 10  # deletions that are offered to be undone
POLL = 0.5  # seconds between polls while something is queued or running
IMPORTED = ":violet-badge[:material/input: imported]"  # as Markdown
STAGE = {
    "": "waiting to start",
    "train": "training the original",
    "reference": "training the reference without the forget set",
    "precompute": "measuring the training set",
    "unlearn": "unlearning",
    "evaluate": "evaluating",
}


def name_of(run: Run, available: Catalogue) -> str:
    """A one-line description that distinguishes the run; it changes only if the catalogue does."""
    spec = run.spec
    seed = f"seed {spec.seed}" if spec.seed else ""
    without = "" if spec.reference else "no reference"
    request = shortened(spec.request.title(available.datasets.get(spec.dataset)))
    parts = (run.label.name, spec.method, spec.dataset, model_text(spec), request, seed, changed_settings(run, available), without)
    return " · ".join(filter(None, parts))


def changed_settings(run: Run, available: Catalogue) -> str:
    """The settings that differ from the preset; '' where none do, or where the preset is unknown."""
    spec = run.spec
    method, data = available.methods.get(spec.method), available.datasets.get(spec.dataset)
    if method is None or data is None:
        return ""
    try:
        usual = preset_values(method, data, spec.model, spec.request)
    except (WrongInput, LookupError):  # the dataset is another one today
        return ""
    had_effect = used(spec.params, method.params)
    return shortened(settings_text({name: value for name, value in had_effect.items() if name in usual and usual[name] != value}))


def settings_of(run: Run) -> str:
    """The method's parameters that had an effect, as the command line writes them; all where the method is no longer registered."""
    method = catalogue.current().methods.get(run.spec.method)
    return settings_text(with_short_hashes(used(run.spec.params, method.params if method else ())))


def shortened(text: str, limit: int = 32) -> str:
    """Long lists of samples are cut."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def progress_text(run: Run) -> str:
    """Stage, note and seconds left, as far as they are known; of a queued run its place in the queue."""
    if run.status == RunStatus.QUEUED:
        place = runs.places().get(run.id)
        return " · ".join(filter(None, [STAGE[""], place.text(run.note) if place else "", plain(run.note)]))
    left = "" if run.seconds_left is None else f" · about {duration(run.seconds_left)} left"
    left += f" · limit {duration(run.limit_seconds)}" if run.limit_seconds else ""
    note = f" · {plain(run.note)}" if run.note else ""
    return f"{STAGE.get(run.stage, run.stage)}{note}{left}"


def state_word(run: Run) -> str:
    """Its status, or that its time limit ended it."""
    return run.error_line.partition(";")[0].lower() if run.error_line.startswith(LIMIT_END) else str(run.status)


def state(run: Run) -> None:
    """Icon, word, and where it stopped; a progress bar while it is active; the error's last line, with the full error one click away."""
    stopped = f" while {plain(STAGE.get(run.stage, run.stage))}" if run.status not in (*ACTIVE, RunStatus.DONE) and run.stage else ""
    st.markdown(f"{STATUS_ICON[run.status]} **{state_word(run)}**{stopped} · {age(run.finished_at or run.created_at)}")
    if run.status in ACTIVE:
        st.progress(run.share, progress_text(run))
    elif run.error:
        st.error(plain(run.error_line))
        error_details(run)


def error_details(run: Run) -> None:
    """The full error, one click away, where its last line is not all of it."""
    if run.status not in ACTIVE and run.error and run.error.strip() != run.error_line:
        with st.expander("The whole error"):
            st.code(run.error, language=None, wrap_lines=True)


def age(moment: datetime) -> str:
    """How long ago, in the largest whole unit."""
    seconds = (datetime.now(UTC) - moment).total_seconds()
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{int(seconds // size)} {unit} ago"
    return "just now"


def _act(action: str, run_id: str) -> None:
    """A callback: acts once per click, and shows what went wrong."""
    with errors_shown(st.toast):
        if action == "Cancel":
            if submit.cancel(home(), run_id):
                st.toast("You wait for it no longer; the run goes on, since somebody else does.", icon=":material/info:")
        elif action == "Delete damaged":
            submit.delete_damaged(home(), run_id)
        elif action == "Retry":
            again = submit.retry(home(), run_id)
            if opened_run() == run_id:
                open_run(again)
        else:
            submit.delete(home(), run_id)
            if opened_run() == run_id:
                open_run("")


def imported_badge(came: Imported | None) -> str:
    """Markdown that marks what was not computed here; '' where it was."""
    return IMPORTED if came else ""


def imported_line(run: Run) -> str:
    """Markdown: where an imported run came from, and which code computed it; '' where it was computed here."""
    if not (came := run.imported):
        return ""
    libraries = ", ".join(f"{name} {version}" for name, version in came.libraries.items())
    code = "the code of this version" if run.spec.engine == version_of(run.spec) else f"other code than this ({run.spec.engine})"
    parts = (f"from {came.file}", age(came.at), f"computed elsewhere by {code}" + (f" with {libraries}" if libraries else ""))
    there = f" · run {came.id} there" if came.id != run.id else ""
    return f"{imported_badge(came)} :small[{plain(' · '.join(parts) + there)}]"


def act_button(action: str, run: Run, key: str) -> None:
    """Cancel, Retry or Delete, where the run's state allows it."""
    allowed = {"Cancel": run.status in ACTIVE, "Retry": run.status in STOPPED, "Delete": run.status not in ACTIVE}
    whose = {"Cancel": (run.owner, *run.askers), "Retry": (), "Delete": (run.owner,)}
    if not allowed[action]:
        return
    shut = barred(*whose[action], what=f"run {run.id}")
    if action == "Delete":
        with st.popover("Delete", key=f"{key}-ask-{run.id}", type="tertiary", **shut):
            st.caption(f"The run goes with its numbers and its own files. For {hours(KEPT)} hours, Runs can put it back.")
            st.button("Delete it", key=f"{key}-{action}-{run.id}", type="primary", on_click=_act, args=(action, run.id))
    else:
        st.button(action, key=f"{key}-{action}-{run.id}", on_click=_act, args=(action, run.id), **shut)


def hours(time: timedelta) -> int:
    """In whole hours."""
    return time // timedelta(hours=1)


def put_back_rows(studies: bool) -> None:
    """What was deleted lately, each with a button that undoes it; the newest in sight, older ones one click away.

    studies: those; else the runs.
    """
    deleted = [one for one in runs.deleted() if one.title.startswith("study") == studies][:UNDONE]
    for one in deleted[:1]:
        _put_back_row(one)
    if len(deleted) > 1:
        with st.expander(f"{len(deleted) - 1} more deleted lately"):
            for one in deleted[1:]:
                _put_back_row(one)


def _put_back_row(one: Deleted) -> None:
    with st.container(horizontal=True, vertical_alignment="center", key=f"deleted-{one.id}"):
        st.caption(f":material/delete: {plain(one.title)} `{one.id}` was deleted {age(one.deleted_at)}.", width="content")
        shut = barred(one.owner, what="what was deleted") or Barred(help=f"Possible for {hours(KEPT)} hours.")
        st.button("Undo", key=f"undo-{one.id}", on_click=_undo, args=(one.id,), **shut)


def _undo(any_id: str) -> None:
    """A callback."""
    with errors_shown(st.toast):
        submit.put_back(home(), any_id)


def delete_damaged_button(row: DamagedRun, key: str) -> None:
    """Deleting is the only action on a damaged row."""
    st.button("Delete", key=f"{key}-Delete-{row.id}", on_click=_act, args=("Delete damaged", row.id), **barred())


def watch(run: Run, title: str) -> None:
    """The progress of a run that another waits for; the page is redrawn when it ends."""

    def panel() -> None:
        now = runs.run(run.id)
        if now is None or now.status not in ACTIVE:
            st.rerun()
        st.progress(now.share, f"{title}: {progress_text(now)}")

    fragment(panel, run_every=POLL)


def follow(run: Run) -> None:
    """The state of one active run, polled; the page is redrawn when it ends."""

    def panel() -> None:
        now = runs.run(run.id)
        if now is None or now.status not in ACTIVE:
            st.rerun()
        state(now)
        act_button("Cancel", now, "follow")
        if len(table := runs.live_curves(now.id)):
            st.plotly_chart(training_curves.training_curves(table), key="live_curves", config=CONFIG, alt=training_curves.ALT)

    fragment(panel, run_every=POLL)
