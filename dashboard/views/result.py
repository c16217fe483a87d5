"""One run: the verdict in a sentence, then what changed, compared with the retrained reference."""

from functools import partial
from typing import Any

import pandas as pd
import streamlit as st

from core.domain.errors import WrongInput
from core.domain.hyperparameters import used
from core.domain.info import DatasetInfo, MethodInfo
from core.figures import class_figures, plotly_layout, training_curves
from core.figures.class_figures import NO_MATRIX
from core.figures.markdown import plain
from core.figures.palette import MODEL_TITLE
from core.jobs.forecast import forecast_and_truth
from core.reports.cost_line import seconds, stage_seconds, times
from core.reports.early_stopping import kept_epochs, stopping_words
from core.reports.settings_search import outcome_line, search_sentence, search_table
from core.reports.teaching.class_link import SETTINGS, hidden_words
from core.storage.record_types import Run
from dashboard.components.classroom import in_class
from dashboard.components.common.bundle_panels import downloads_panel
from dashboard.components.common.current_run import finished_run
from dashboard.components.common.fragments import fragment
from dashboard.components.common.level import guided, more_in_full
from dashboard.components.common.missing_results import show_missing_files, show_missing_parts
from dashboard.components.common.report_button import run_report_button
from dashboard.components.common.run_status import age, settings_of
from dashboard.components.common.tables import show_table
from dashboard.components.result.evaluation_panel import evaluation_costs, evaluation_notice
from dashboard.components.result.first_screen import maps_possible, show_first_screen
from dashboard.components.result.metrics_panel import numbers_by_family
from dashboard.components.result.recordings_table import recorded_table
from dashboard.components.runs.label_form import label_button
from dashboard.login.may import whose
from dashboard.queries import catalogue, engine, runs

STAGES = {
    "train": "Train original",
    "reference": "Train reference",
    "precompute": "Precompute",
    "unlearn": "Unlearn",
    "evaluate": "Evaluate",
}
INSIDE = (  # analysis pages of the open run
    ("parameters", "What happened to the weights", "tune"), ("inside", "The method, step by step", "slow_motion_video"),
    ("saliency", "Saliency maps", "center_focus_strong"), ("map", "How far each image moved", "scatter_plot"),
)  # fmt: skip


def cost(stage: str, report: dict[str, Any], keeps: tuple[str, ...]) -> str:
    """Seconds of a stage; a dash for one that this run did not need."""
    needless = {"train": bool(report["own_weights"]), "reference": report["reference"] is None, "precompute": not keeps}.get(stage)
    return "–" if needless else stage_seconds(report, stage)


def below_the_fold(run: Run, report: dict[str, Any], reconstruction: bool, hidden: frozenset[str]) -> None:
    """Links to the analysis pages, and what was run. hidden: by a class's link; a report would show it."""
    with st.container(horizontal=True, key="look_inside"):
        for view, label, icon in INSIDE:
            st.page_link(f"views/{view}.py", label=label, icon=f":material/{icon}:", width="content")
        st.page_link("views/story.py", label="Tell it as a story", icon=":material/auto_stories:", width="content",
                     query_params={"of": run.id})  # fmt: skip
    with st.container(horizontal=True, vertical_alignment="center", key="take_along"):
        if not hidden:
            run_report_button(run)
        label_button(run, "result")
    if reconstruction:
        st.markdown(":orange-badge[reconstruction] This method's algorithm is not public; the run shows our reading of its abstract.")
    if report["search"] and SETTINGS not in hidden:
        st.caption(f":material/search: {plain(outcome_line(report['search']))} Every trial: *What the method recorded*, below.")
    if report["own_recipe"]:
        st.markdown(f":blue-badge[recipe] {plain(report['own_recipe'])}")
    if report["own_weights"]:
        st.markdown(f":blue-badge[own weights] {plain(report['own_weights'])}")
    when = "" if run.finished_at is None else f"Computed {age(run.finished_at)} · "
    if owner := whose(run.owner):
        when += f"owner: {owner} · "
    st.caption(plain(when.removesuffix(" · ") if SETTINGS in hidden else f"{when}{settings_of(run) or 'no parameters'}"))


def training(run: Run) -> None:
    """The curves of the networks that were trained here; nothing where none are stored, as older versions stored none."""
    if "training" not in runs.handle(run).files():
        return
    st.subheader("Training")
    try:
        table = runs.handle(run).table("training")
    except WrongInput as why:
        st.error(plain(str(why)), icon=":material/error:")
        return
    kept = kept_epochs(run.spec, table)
    figure = training_curves.training_curves(table, kept)
    st.plotly_chart(figure, key="training_curves", config=plotly_layout.CONFIG, alt=training_curves.ALT)
    st.caption(" ".join(filter(None, [stopping_words(run.spec, table), training_curves.words(table, kept)])))


def times_of_stages(report: dict[str, Any], keeps: tuple[str, ...]) -> None:
    """The cost of each stage, and how much faster than retraining it was."""
    st.subheader("Time")
    precomputed = bool(report["precompute_seconds"])
    cells = st.grid(4, min_column_width=150)
    for stage, title in STAGES.items():
        cells.cell().metric(
            title,
            cost(stage, report, keeps),
            help="Time that this run spent; 'stored' means that an earlier run had done it, – that it was not needed.",
        )
    cells.cell().metric(
        "Speed-up", times(report["speedup"]),
        help="Seconds that training the reference took, over those of unlearning"
        + (" alone: precompute is done once and serves every later request." if precomputed else "."),
    )
    if precomputed:
        cells.cell().metric(
            "With precompute", times(report["speedup_with_precompute"]),
            help=f"The same, had the method to pay for its precompute each time: {seconds(report['precompute_seconds'])} when it was done.",
        )
    if said := forecast_and_truth(report):
        threads = f" It computed with {report['threads']} thread{'s' * (report['threads'] != 1)}." if report["threads"] else ""
        node = f" On the cluster's node {plain(report['node'])}." if report["node"] else ""
        st.caption(f":material/timer: {said}{threads}{node}")


def by_split(run: Run, data: DatasetInfo, missing: list[str]) -> None:
    """Confusion matrices on the chosen part of the data; of training images accuracy by class too, which stands above of test images.

    Missing tables are reported together with those that were missing above, and the others are drawn.
    """
    st.subheader("Predictions by attribute" if data.multi else "Confusion matrix")
    split = str(st.segmented_control("Images", ["test", "train"], default="test", key="images", bind="query-params", required=True))
    errors = [*missing]
    for draw in (confusion_matrices, by_class) if split == "train" else (confusion_matrices,):
        try:
            draw(run, data, split)
        except WrongInput as why:
            errors.append(str(why))
    if errors:
        st.error(plain(" ".join(dict.fromkeys(errors))), icon=":material/error:")


def by_class(run: Run, data: DatasetInfo, split: str) -> None:
    """Accuracy by class on training images. Raises WrongInput where the table is missing."""
    what, forgotten = "attribute" if data.multi else "class", run.spec.request.classes
    table = runs.handle(run).table("per_class")
    st.markdown(f"**Accuracy by {what} on training images**")
    st.plotly_chart(
        class_figures.class_shift(table[table["split"] == split], data.classes, forgotten, data.multi), key=f"class_shift_{split}",
        config=plotly_layout.CONFIG,
        alt=f"Accuracy by {what} on training images, of the original, the unlearned and the reference network",
    )  # fmt: skip
    if data.multi:
        st.caption("Share of all images on which this attribute is predicted correctly, whether they have it or not.")
        return
    st.caption(
        "A forgotten class should fall to where the reference stands; every other class should not move."
        if forgotten
        else "No whole class is forgotten; every class should stand where the retrained reference does, if there is one."
    )


def confusion_matrices(run: Run, data: DatasetInfo, split: str) -> None:
    """The confusion matrix of each network. Raises WrongInput where the table is missing."""
    if data.multi:
        st.caption(f"No confusion matrix: {NO_MATRIX}")
        return
    classes, forgotten = data.classes, run.spec.request.classes
    cells = runs.handle(run).table("confusion")
    models = [model for model in MODEL_TITLE if (cells["model"] == model).any()]
    taught = run.spec.request.flips_labels and split == "train"
    row = "taught label" if taught else "true class"
    rows = class_figures.most_confused(cells[cells["split"] == split], len(classes), forgotten)  # the same for all networks
    for column, model in zip(st.columns(len(models)), models, strict=True):
        own = cells[(cells["split"] == split) & (cells["model"] == model)]
        column.plotly_chart(
            class_figures.confusion(own, classes, MODEL_TITLE[model], row, rows), key=f"confusion-{model}",
            config=plotly_layout.CONFIG,
            alt=f"Heat map: {row} against prediction of the {MODEL_TITLE[model]} network",
        )  # fmt: skip
    st.caption(
        "A row is the label that the original network was taught, wrong for the images of the request; a cell says how "
        "many of its images got that answer, and the diagonal is what was taught."
        if taught
        else "A row is a true class, a cell how many of its images got that prediction; the diagonal is right."
        + ("" if len(rows) == len(classes) else f" Of {len(classes)} classes the {len(rows)} with most wrong predictions have rows.")
    )


def settings_json(run: Run, report: dict[str, Any], method: MethodInfo | None) -> dict[str, Any]:
    """The spec and the device; parameters of another mode, which had no effect, are listed separately."""
    spec, params = report["spec"], run.spec.params
    read = used(params, method.params if method else ())
    unread = {"params_without_effect": [name for name in params if name not in read]} if len(read) < len(params) else {}
    return {**spec, "params": read, **unread, "device": run.device}


def recorded_of(run: Run) -> pd.DataFrame:
    """What its method recorded; empty where the file is missing, which the page says above."""
    lost = "recorded" in runs.missing_files(run) | runs.damaged_files(run, ["recorded"])
    return recorded_table([] if lost else runs.handle(run).recorded_summary())


def below_in_full(run: Run, report: dict[str, Any], data: DatasetInfo, method: MethodInfo | None, missing: list[str]) -> None:
    """All numbers. missing: sentences about tables that the first screen missed."""
    available = catalogue.current()
    show_missing_parts(run, {}, "views/result.py", reference="what the numbers should have become is missing below")
    fragment(partial(by_split, run, data, missing))  # a click in it redraws nothing else
    evaluation_notice(run, report, data, available.metrics)
    numbers_by_family(run, report, available)
    recorded = recorded_of(run)
    if len(recorded):
        with st.expander("What the method recorded"):
            tried = search_table(runs.handle(run).recorded())
            if len(tried):
                st.caption(search_sentence(runs.handle(run).recorded()))
                show_table(tried, alt="Trials of the search of settings, each with its settings, both accuracies, and which was chosen")
            show_table(recorded, alt="Arrays that the method handed over, with meaning, unit, shape and value")
    downloads_panel(run)
    training(run)
    times_of_stages(report, method.keeps if method else ())
    evaluation_costs(report, available)
    with st.expander("All settings of this run"):
        st.json(settings_json(run, report, method), expanded=True)


row = st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center", key="crumbs")
crumbs = row.empty()
run = finished_run(row, meanwhile=True)
if run is not None:
    if maps_possible(run):
        engine.warm()  # for the maps, and the Parameters page, which is the next one
    available, data = catalogue.current(), catalogue.dataset(run.spec.dataset)
    method = available.methods.get(run.spec.method)
    show_missing_files(run, "views/result.py")
    report = runs.handle(run).report()
    missing = show_first_screen(run, data, report, catalogue.method_title(run.spec.method), crumbs)
    hidden = in_class.hidden()
    below_the_fold(run, report, bool(method and method.reconstruction), hidden)
    if hidden:
        st.caption(f":material/visibility_off: The teacher’s link does not show {hidden_words(hidden)}, nor the tables below. "
                   "*Leave the teacher’s link*, in the sidebar, shows everything.")  # fmt: skip
    elif guided():
        more_in_full("confusion matrices, all metrics, what the method recorded, times and settings")
    else:
        below_in_full(run, report, data, method, missing)
