"""The frames of a finished run, by its method, and where their data comes from."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

import numpy as np
import streamlit as st

from core.analysis.stored_results import Analysis
from core.domain.code_version import version_of
from core.domain.errors import WrongInput
from core.domain.formatting import percent
from core.domain.info import DatasetInfo, MethodInfo
from core.domain.methods.chains import is_chain
from core.domain.recordings import params_in_effect
from core.domain.run import ACTIVE, RunSpec, RunStatus
from core.domain.training.own_recipe import recipe_for
from core.figures import plotly_layout
from core.figures.inside import aru, chains, shared_frames, sisa, ssd, ssse, unsir, weight_perturbation
from core.figures.inside.frames import Frame, Story
from core.figures.palette import MODEL_TITLE, SET_TITLE
from core.jobs import submit
from core.storage.record_types import Run
from dashboard.components.common.background_analysis import look
from dashboard.components.common.run_status import state, watch
from dashboard.queries import catalogue, runs
from dashboard.queries.runs import RunHandle
from dashboard.session import belongs, home

RANDOM_MASK = "a random mask"  # its title in core.domain.methods.ablations


def frames_of(run: Run, data: DatasetInfo, method: MethodInfo | None) -> list[Frame]:
    """The method's own frames, then the shared ones. method: None where it is no longer registered."""
    handle, spec = runs.handle(run), run.spec
    recorded = {} if "recorded" in runs.missing_files(run) else handle.recorded()
    title = catalogue.method_title(spec.method)
    story = Story(
        title, params_in_effect(spec.params, recorded), spec.request, data.classes, recorded,
        handle.table, _layers(handle), data.multi,
    )  # fmt: skip
    own: dict[str, Callable[[], list[Frame]]] = {
        "ssd": lambda: ssd.frames(story, partial(handle.ask, "importance_view", importance_key="")),
        "ssse": lambda: ssse.frames(story, partial(path_explorer, handle)),
        "aru": lambda: aru.frames(story, ablation_healing(run), partial(offer_ablation, run), partial(mask_overlap, run, story)),
        "sisa": lambda: sisa.frames(story, recipe_for(spec), partial(runs.sharded_alike, run), partial(handle.ask, "member_votes")),
        "unsir": lambda: unsir.frames(story, (data.mean, data.deviation), partial(handle.ask, "noise_answers")),
        "weight_perturbation": lambda: weight_perturbation.frames(
            story, partial(handle.ask, "plane") if "reference" in runs.present_files(run) else None,
            partial(true_class_probabilities, handle)
        ),
    }
    if is_chain(spec.method):
        pixels, methods = (data.mean, data.deviation), catalogue.current().methods
        made = chains.frames(spec.method, story, methods, pixels, partial(true_class_probabilities, handle),
                             partial(handle.ask, "importance_view", importance_key=""))  # fmt: skip
    else:
        made = own[spec.method]() if spec.method in own else shared_frames.method_frames(story, method.about if method else "")
    return [*made, *shared_frames.frames(story)]


def _layers(run: RunHandle) -> tuple[str, ...]:
    """Every parameter tensor, input to output; none where an older version stored no such table."""
    try:
        return tuple(run.table("layers")["layer"])
    except WrongInput:
        return ()


def path_explorer(run: RunHandle) -> None:
    """A slider for t, the accuracies there, and the curves along the step."""
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
    counts = ", ".join(f"{count} of the {SET_TITLE[name].lower()}" for name, count in now["looked_at"].items())
    st.caption(f"How to read it: the upright line stands at t; the network there is evaluated anew at every pull, no new run ({counts}).")


def true_class_probabilities(run: RunHandle) -> Mapping[str, np.ndarray]:
    """Model -> probability of the true class on each evaluated forget image."""
    examples, predictions = run.table("examples"), run.arrays("answers")
    rows = np.flatnonzero(examples["set"] == "forget")
    right = "truth" if "truth" in examples else "label"  # a mislabelled image was taught another
    labels = examples[right].to_numpy()[rows]
    return {model: predictions[model][rows, labels] for model in MODEL_TITLE if model in predictions}


def ablation_spec(spec: RunSpec) -> RunSpec:
    """The same run with a random mask."""
    return replace(spec, params={**spec.params, "mask": "random"})


def ablation_healing(run: Run) -> np.ndarray | None:
    """What the finished random-mask ablation recorded while healing; None where there is none."""
    same = runs.run(ablation_spec(run.spec).id) if run.spec.params.get("mask") == "aru" else None
    ablation = same if same and same.status == RunStatus.DONE else runs.related(run).controls.get(RANDOM_MASK)
    if ablation is None:
        return None
    try:
        return runs.handle(ablation).recorded().get("aru/healing")
    except WrongInput:  # its file is damaged: treated as missing
        return None


def mask_overlap(run: Run, story: Story) -> None:
    """How many slices noise of the other direction picks too; an offer to compute it where it is not stored."""
    share, order = float(story.params["share"]), list(story.under("aru_difference"))

    def draw(overlaps: dict[str, np.ndarray]) -> None:
        st.plotly_chart(aru.shared_slices({name: overlaps[name] for name in order}), key="mask-overlap", config=plotly_layout.CONFIG,
                        alt="Bars: share of each convolution's picked slices that noise of the other direction picks too")  # fmt: skip
        st.caption(f"How to read it: of the slices that this run's noise picks, the share that the other direction's picks too; two "
                   f"choices that have nothing to do with each other share {percent(share)}.")

    cost = f"The attack and one pass over the forget set once more, {int(run.spec.params['attack_steps']) + 3} passes in all."
    look(Analysis("mask_overlap", run.id), "the overlap of both directions' masks", draw, cost=cost)


def offer_ablation(run: Run) -> None:
    """In place of the ablation's line: a button that starts it, its progress, or why it cannot run."""
    ablation = runs.run(ablation_spec(run.spec).id)
    if ablation is not None and ablation.status in ACTIVE:
        watch(ablation, "The ablation")
    elif ablation is not None and ablation.status == RunStatus.DONE:
        st.caption("The ablation is done, but what it recorded cannot be read: delete it on the Runs page and run it again.")
    elif run.spec.engine != version_of(run.spec):
        st.caption("Another version of Forgetscope computed this run, so no ablation of today's can stand beside it; run it again.")
    else:
        if ablation is not None:
            state(ablation)
        st.markdown("No ablation yet: as many slices reset at random, all else alike, tells whether it matters *which* ones go.")
        st.button("Run the random-mask ablation", icon=":material/casino:", key="run-control", on_click=_submit, args=(run,))


def _submit(run: Run) -> None:
    """A callback: once per click."""
    submit.submit(home(), ablation_spec(run.spec))
