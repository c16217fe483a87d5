"""Choose a dataset, a model, a forget request and a method; then run it."""

from dataclasses import dataclass

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.domain.hyperparameters import Value, as_given
from core.domain.info import MethodInfo
from core.domain.methods.ablations import SECOND_REFERENCE_METHOD
from core.domain.methods.chains import chain_of, joined_params, own_params, steps_of
from core.domain.presets import PAPER, not_offered
from core.domain.requests.base import ForgetRequest
from core.domain.requests.classes import ClassRequest
from core.domain.training.own_recipe import forget_count, is_about, recipe_for, trained_data, usual_recipe
from core.domain.training.sharding import note_on
from core.export.report.repeat import run_command
from core.figures.markdown import plain
from core.jobs import submit
from core.jobs.forecast import sentence
from core.jobs.validation import floor_spec, judged_spec, limit_of, make_spec, preset_values, why_no_floor
from core.reports.teaching.class_link import SETTINGS
from core.storage.record_types import Forecast
from core.tuning.home_presets import preset_in
from dashboard.components.classroom import in_class
from dashboard.components.classroom.link_panel import link_panel
from dashboard.components.common.fragments import errors_shown, fragment
from dashboard.components.common.level import guided, more_in_full
from dashboard.components.common.terminal import same_from_a_terminal
from dashboard.components.forms.chain import ask_then
from dashboard.components.forms.extensions import extensions_panel
from dashboard.components.forms.forecast import show_forecast
from dashboard.components.forms.forget_request import ask_request
from dashboard.components.forms.judged import Asked, ask_judged
from dashboard.components.forms.method_card import card, methods_not_offered
from dashboard.components.forms.method_form import main_setting, method_form
from dashboard.components.forms.model import ask_model
from dashboard.components.forms.recipe_form import recipe_form
from dashboard.components.forms.uploads import own_data, own_weights
from dashboard.login.may import Barred, barred
from dashboard.queries import catalogue, forecasts
from dashboard.session import ask_to_open, home, stays

NEAR_CEILING = 0.9  # of n/k: alpha = 10 at n/k = 10.6 was measured to forget nothing

st.markdown("Train a network, make it forget, and see what changed, held against the same network truly retrained.")
available, fixed = catalogue.current(), in_class.Fixed()
with errors_shown(st.warning):
    fixed = in_class.fixed(available)
in_class.form_line(fixed)
ask, how = st.columns([1, 1], gap="large")


def choose(place: DeltaGenerator, label: str, options: list[str], key: str, value: str) -> str:
    """One of the options. value: the fixed one; '' where it can be chosen."""
    if value:
        return str(place.text_input(label, value, disabled=True))
    return str(place.selectbox(label, options, key=key, bind="query-params"))


with ask:
    st.subheader("1 · What to forget")
    left, right = st.columns(2)
    dataset = choose(left, "Dataset", list(available.datasets), "dataset", fixed.dataset)
    model = choose(right, "Model", [], "model", fixed.model) if fixed.model else ask_model(right, available.models)
    data = available.datasets[dataset]
    st.caption(f"{plain(data.about)} {data.train_count:,} to train on, {data.test_count:,} to test. {plain(available.models[model].about)}")
    if reason := not_offered(dataset, model):
        st.warning(reason, icon=":material/warning:")
    if not fixed.dataset:
        own_data("dataset")
    request = ask_request(data, fixed=fixed.request)
    weights = ("", "") if fixed.model else own_weights(data, model)
    elsewhere = Asked(False) if fixed.model or guided() else ask_judged(data, model, weights)
    recipe = usual_recipe(data, model) if guided() or fixed.model else recipe_form(data, model)
    if not (guided() or in_class.opened_by_link()):
        extensions_panel(available.extensions, catalogue.reload)


def start_values(method: MethodInfo) -> dict[str, Value]:
    """The form's initial values: the preset, or those of the paper or its code where they are known, or what a class's link fixes."""
    # Without a valid request, the form shows the preset for one class.
    asked_for = request or ClassRequest((0,))
    preset = preset_values(method, data, model, asked_for, available.presets, recipe)
    if fixed.settings is not None:
        return preset | as_given(fixed.settings, method.params)
    if own := preset_in(available.presets, dataset, model, method.key, asked_for.by_class, recipe or {}):
        st.caption(plain(f"The preset is this home's own: {own.found}. Tune shows where it comes from, and gives it up."))
    published = PAPER.get(method.key)
    if published is None or guided() or SETTINGS in in_class.hidden():
        return preset
    offered = ["preset", *published]
    stays("start", offered)
    start = st.segmented_control(
        "Initial values", offered, default="preset", key="start", bind="query-params", required=True,
        help="preset: tuned on this dataset and model, or searched inside the run where none was tuned (settings = auto); a baseline may "
        "fail all the same. paper: what the paper or its code used elsewhere. notebook: what the authors' notebook does, where that is not "
        "what it says. salun: what the copy in SalUn's code used.",
    )  # fmt: skip
    paper = published.get(start or "")
    if paper is None:
        return preset
    st.caption(f"The published values: {paper.where}. What is not given there stays at the preset.")
    if failure := paper.failures.get((dataset, model)):
        st.warning(failure, icon=":material/warning:")
    return preset | as_given(paper.values, method.params)


def ceiling_note(settings: dict[str, Value], forget: ForgetRequest, above: DeltaGenerator) -> None:
    """For methods that dampen: no alpha near or above n/k can select anything with a per-sample Fisher.

    A warning goes into `above`, which is over the button.
    """
    ceiling, alpha = data.train_count / forget.count(data), settings["alpha"]
    if settings["settings"] == "given" and isinstance(alpha, float | int) and alpha >= NEAR_CEILING * ceiling:
        above.warning(
            f"This run will change next to nothing: α = {alpha:g}, but no weight can be more than n/k = {ceiling:.2f} times as "
            "important to the forget set as to all training images. Use the preset, α = percentile, or importance = batch.",
            icon=":material/warning:",
        )
    elif not guided():
        st.caption(f"No weight's ratio can exceed n/k = {ceiling:.2f} with this request; at or above it nothing is dampened.")


def says(likely: Forecast) -> str:
    """What stands above the button."""
    return sentence(likely) or ("This run is stored already: the button opens it." if likely.seconds == 0 else "")


@dataclass(frozen=True)
class Conditions:
    """What a run is asked for with besides its method. limit: as text."""

    seed: int = 0
    reference: bool = True
    floor: bool = True  # a second reference
    limit: str = ""


def ask_floor(place: DeltaGenerator, disabled: bool) -> bool:
    """Whether a second reference is trained. disabled: there is no first one that is trained here, or the run trains the second."""
    return place.toggle(
        "Second reference", True, key="floor", bind="query-params", disabled=disabled,
        help="Also retrain a second time from another seed, after this run: how far two retrained networks differ is the retraining "
        "variability under every number.",
    )  # fmt: skip


def ask_conditions(method: str) -> Conditions:
    """The seed, the references and the time limit."""
    left, right = st.columns(2, vertical_alignment="bottom")
    seed = left.number_input(
        "Seed",
        None,
        None,
        0,
        1,
        key="seed",
        bind="query-params",
        help="A whole number from 0; decides every random draw.",
    )
    reference = right.toggle("Reference", True, key="reference", bind="query-params",
                             help="Train the same network without the forget set: what every number is held against.")  # fmt: skip
    floor = ask_floor(right, not reference or method == SECOND_REFERENCE_METHOD)
    limit_text = st.text_input(
        "Time limit", key="limit", bind="query-params", max_chars=40, placeholder="none",
        help="The run is stopped when it has taken so long, such as 90 (seconds), 15min or 2h. It decides no number.",
    )  # fmt: skip
    return Conditions(int(seed or 0), reference, floor, limit_text or "")


def ask_run(method: str, settings: dict[str, Value]) -> None:
    """The conditions and the button."""
    asked = Conditions() if guided() else ask_conditions(method)
    second = asked.floor and asked.reference and method != SECOND_REFERENCE_METHOD
    spec, limit = None, None
    with errors_shown():
        limit = limit_of(asked.limit)
        if request and weights is not None and recipe is not None:
            choice = (dataset, model, request, method, settings)
            spec = make_spec(
                available, *choice, seed=asked.seed, reference=asked.reference, weights=weights[0], weights_as=weights[1],
                recipe=recipe,
            )  # fmt: skip
    if spec and (held := data.train_count - trained_data(spec, data).train_count):
        about, left = "about " * is_about(spec), forget_count(spec, data)
        st.caption(
            f"The validation share holds out {held:,} training images, {about}{spec.request.count(data) - left:,} of them named by this "
            f"request: the forget set has {about}{left:,} of the {data.train_count - held:,} that networks are trained on."
        )
    shards = recipe_for(spec) if spec and available.methods[method].needs_shards else None
    if spec and shards and (note := note_on(shards, spec.request.count(data), spec.request.by_class)):
        st.warning(note, icon=":material/warning:")
    refused = spec is not None and not show_forecast(lambda: forecasts.of_run(spec), says)
    shut = barred() or Barred(disabled=spec is None or refused)
    if st.button("Run", type="primary", icon=":material/play_arrow:", key="submit", **shut) and spec:
        run_id = submit.submit(home(), spec, limit=limit)
        if second:
            submit.submit(home(), floor_spec(spec, available), along_with=run_id)  # queued behind the run, and cancelled with it
        ask_to_open(run_id, "views/result.py")
    if spec and not guided() and SETTINGS not in in_class.hidden():
        same_from_a_terminal(run_command(spec, available.methods[method], floor=second, limit=limit), key="run_terminal")
    if spec and not in_class.opened_by_link():  # which is for who makes one, not for who was given it
        link_panel(spec, available.methods[method])


def ask_judgement() -> None:
    """The conditions and the button, where a network is evaluated that was unlearned elsewhere."""
    st.markdown("**Unlearned elsewhere**")
    st.caption("No method runs here: the network whose weights were brought is evaluated as any run's, with all metrics, checks and maps.")
    left, right = st.columns(2, vertical_alignment="bottom")
    seed = left.number_input("Seed", None, None, 0, 1, key="seed", bind="query-params", help="Of the evaluation, and of the reference.")
    spec, limit, brought = None, None, elsewhere.judged
    trained = brought is not None and brought.reference and not brought.brought
    floor = ask_floor(right, not trained)
    limit_text = st.text_input("Time limit", key="limit", bind="query-params", max_chars=40, placeholder="none")
    with errors_shown():
        limit = limit_of(limit_text or "")
        if request and weights and brought and recipe is not None:
            spec = judged_spec(
                available, dataset, model, request, original=weights, unlearned=brought.unlearned, brought=brought.brought,
                seed=int(seed or 0), reference=brought.reference, recipe=recipe if trained else {},
            )  # fmt: skip
    if spec and (why := why_no_floor(spec)):
        st.caption(plain(why))
    refused = spec is not None and not show_forecast(lambda: forecasts.of_run(spec), says)
    shut = barred() or Barred(disabled=spec is None or refused)
    if st.button("Evaluate", type="primary", icon=":material/play_arrow:", key="judge", **shut) and spec:
        run_id = submit.submit(home(), spec, limit=limit)
        if floor and trained:
            submit.submit(home(), floor_spec(spec, available), along_with=run_id)
        ask_to_open(run_id, "views/result.py")


def ask_settings(steps: list[MethodInfo], start: dict[str, Value]) -> dict[str, Value]:
    """A form for the method, of a chain for each; start: the values that they stand at first."""
    keys, chosen = [step.key for step in steps], list[dict[str, Value]]()
    for step, values in zip(steps, own_params(keys, start), strict=True):
        only = main_setting(step, values) if guided() else None
        if len(steps) > 1:
            st.markdown(f"**{plain(step.title)}**")
        chosen.append(method_form(step, values, only, fixed=fixed.settings is not None))
    return joined_params(keys, chosen)


def ask_how() -> None:
    """The method and its settings; a click in here does not redraw the images."""
    st.subheader("2 · How")
    if elsewhere.judges:
        ask_judgement()
        return
    fixed_recipe = guided() or fixed.model  # which is the usual one
    offered = [k for k, m in available.methods.items() if not (m.unfit(data) or (m.needs_shards and fixed_recipe))]
    key = choose(st.container(), "Method", offered, "method", fixed.method)
    if not fixed.method:
        methods_not_offered(available, data)
    first_method = available.methods[steps_of(key)[0]]
    card(first_method)
    behind = list(available.methods[key].steps[1:])  # of a chain that a link fixes
    if not (fixed.method or guided()):
        behind = ask_then(available, data, key)
    method = available.methods[chain_of(first_method.key, [step.key for step in behind])]
    first, last = st.container(), st.container()
    form, run_row = (first, last) if guided() else (last, first)  # above long forms, for most people run the preset
    settings, shown = start_values(method), SETTINGS not in in_class.hidden()
    if shown:
        with form:
            settings = ask_settings([first_method, *behind], settings)
    if guided():
        more_in_full("all settings, the published values, seed, references and time limit")
    if request and shown and first_method.explorable == "dampening" and settings["importance"] == "per_sample":
        ceiling_note(settings, request, run_row)
    with run_row:
        fragment(lambda: ask_run(method.key, settings))


with how:
    fragment(ask_how)
