"""A finished run's story: which frames its method has, and where what they show is read from or asked."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

import numpy as np
import streamlit as st

from core.domain.code_version import version_of
from core.domain.errors import WrongInput
from core.domain.formatting import percent
from core.domain.info import DatasetInfo, MethodInfo
from core.domain.run import ACTIVE, RunSpec, RunStatus
from core.jobs import submit
from core.storage.records import Run
from dashboard.components.common import plotly_layout
from dashboard.components.common.palette import MODEL_TITLE, SET_TITLE
from dashboard.components.common.run_status import state, watch
from dashboard.components.inside import aru, shared_frames, ssd, ssse, unsir, weight_perturbation
from dashboard.components.inside.frames import Frame, Story
from dashboard.queries import runs
from dashboard.queries.runs import RunHandle
from dashboard.session import belongs, home

CONTROL = "a random mask"  # what core.domain.ablations calls it


def frames_of(run: Run, data: DatasetInfo, method: MethodInfo | None) -> list[Frame]:
    """The method's own frames, then those that close every story. method: None where this Forgetscope knows it no more."""
    handle, spec = runs.handle(run), run.spec
    recorded = {} if "recorded" in runs.missing_files(run) else handle.recorded()
    title = method.title if method else spec.method
    story = Story(
        title, spec.params, spec.request, data.classes, recorded,
        handle.table, _layers(handle), data.multi,
    )  # fmt: skip
    own: dict[str, Callable[[], list[Frame]]] = {
        "ssd": lambda: ssd.frames(story, partial(handle.ask, "importance_view", importance_key="")),
        "ssse": lambda: ssse.frames(story, partial(path_explorer, handle)),
        "aru": lambda: aru.frames(story, control_healing(run), partial(offer_control, run)),
        "unsir": lambda: unsir.frames(story, (data.mean, data.deviation), partial(handle.ask, "noise_answers")),
        "weight_perturbation": lambda: weight_perturbation.frames(
            story, partial(handle.ask, "plane") if "reference" in runs.present_files(run) else None, partial(sureness, handle)
        ),
    }
    made = own[spec.method]() if spec.method in own else shared_frames.method_frames(story, method.about if method else "")
    return [*made, *shared_frames.frames(story)]


def _layers(run: RunHandle) -> tuple[str, ...]:
    """Every parameter tensor, input to output; none where an older version stored no such table."""
    try:
        return tuple(run.table("layers")["layer"])
    except WrongInput:
        return ()


def path_explorer(run: RunHandle) -> None:
    """A slider for t, what the network answers there, and the curves that it stands on."""
    belongs("t", run.id, 1.0)
    curve = run.ask("path_curve")
    t = st.slider("t, multiples of the step", -1.0, 3.0, 1.0, 0.05, key="t", bind="query-params",
                  help="0 is the original, 1 the unlearned network; beyond 1 the step goes on, below 0 it goes the other way.")  # fmt: skip
    now = run.ask("path_at", t=t)
    sets = [name for name in SET_TITLE if name in now]
    for column, name in zip(st.columns(len(sets)), sets, strict=True):
        start = curve[name]["accuracy"][curve["t"].index(0.0)]
        column.metric(f"{SET_TITLE[name]}, t = {t:.2f}", percent(now[name]["accuracy"]), delta_color="off",
                      delta=f"{100 * (now[name]['accuracy'] - start):+.1f} points, loss {now[name]['loss']:.2f} nats")  # fmt: skip
    for column, what, title in zip(st.columns(2), ("accuracy", "loss"), ("Accuracy", "Mean loss"), strict=True):
        column.markdown(f"**{title} along the step**")
        column.plotly_chart(ssse.path(curve, now, t, what), key=f"path-{what}", config=plotly_layout.CONFIG,
                            alt=f"Lines: {title.lower()} on forget, retain and test images along the step, with t marked")  # fmt: skip
    looked = ", ".join(f"{count} of the {SET_TITLE[name].lower()}" for name, count in now["looked_at"].items())
    st.caption(f"How to read it: the upright line stands at t; the network there is evaluated anew at every pull, no new run ({looked}).")


def sureness(run: RunHandle) -> Mapping[str, np.ndarray]:
    """Model -> probability of the right class on each forget image that was looked at."""
    examples, answers = run.table("examples"), run.arrays("answers")
    rows = np.flatnonzero(examples["set"] == "forget")
    right = "truth" if "truth" in examples else "label"  # a mislabelled image was taught another
    labels = examples[right].to_numpy()[rows]
    return {model: answers[model][rows, labels] for model in MODEL_TITLE if model in answers}


def control_spec(spec: RunSpec) -> RunSpec:
    """The same run with a random mask."""
    return replace(spec, params={**spec.params, "mask": "random"})


def control_healing(run: Run) -> np.ndarray | None:
    """What the finished random-mask control recorded while healing; None where there is none to be read."""
    same = runs.run(control_spec(run.spec).id) if run.spec.params.get("mask") == "aru" else None
    control = same if same and same.status == RunStatus.DONE else runs.related(run).controls.get(CONTROL)
    if control is None:
        return None
    try:
        return runs.handle(control).recorded().get("aru/healing")
    except WrongInput:  # its file is damaged: as if it were not there
        return None


def offer_control(run: Run) -> None:
    """What stands where the control's line would: a button that asks for it, its progress, or why there can be none."""
    found = runs.run(control_spec(run.spec).id)
    if found is not None and found.status in ACTIVE:
        watch(found, "The ablation")
    elif found is not None and found.status == RunStatus.DONE:
        st.caption("The ablation is done, but what it recorded cannot be read: delete it on the Runs page and run it again.")
    elif run.spec.engine != version_of(run.spec):
        st.caption("Another version of Forgetscope computed this run, so no ablation of today's can stand beside it; run it again.")
    else:
        if found is not None:
            state(found)
        st.markdown("No ablation yet: as many slices reset at random, all else alike, tells whether it matters *which* ones go.")
        st.button("Run the random-mask ablation", icon=":material/casino:", key="run-control", on_click=_submit, args=(run,))


def _submit(run: Run) -> None:
    """A callback: once per click."""
    submit.submit(home(), control_spec(run.spec))
