"""Choose a dataset, a model, what to forget and how; then run it."""

import streamlit as st

from core.asking import make_spec, preset_values
from core.descriptions import MethodInfo
from core.domain import ForgetRequest, WrongInput
from core.jobs import runner
from core.params import Value
from dashboard import queries
from dashboard.components.forms import method_form
from dashboard.components.fragments import fragment
from dashboard.components.requests import ask_request
from dashboard.components.text import plain
from dashboard.session import ask_to_open, home

st.markdown("Train a network, make it forget, and see what changed, held against the same network truly retrained.")
shelves = queries.catalogue()
ask, how = st.columns([1, 1], gap="large")

with ask:
    st.subheader("1 · What to forget")
    left, right = st.columns(2)
    dataset = left.selectbox("Dataset", list(shelves.datasets), key="dataset", bind="query-params")
    model = right.selectbox("Model", list(shelves.models), key="model", bind="query-params")
    data = shelves.datasets[dataset]
    st.caption(f"{data.about} {data.train_count} to train on, {data.test_count} to test. {shelves.models[model].about}")
    request = ask_request(data)


def describe(method: MethodInfo) -> None:
    """The method's claims; `uses` is enforced by the engine, so the page may state it."""
    st.markdown(f"**{method.title}.** {method.about}")
    reads = ", ".join(method.uses) or "nothing"
    kept = f" · {', '.join(method.keeps)} (stored once)" if method.keeps else ""
    st.caption(f"Reads: {reads}{kept}" + (f" · {method.paper}" if method.paper else ""))


def ask_run(method: str, settings: dict[str, Value]) -> None:
    """The seed, the reference and the button."""
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
    spec = None
    try:
        if request:
            spec = make_spec(shelves, dataset, model, request, method, settings, seed=int(seed or 0), reference=reference)
    except WrongInput as wrong:
        st.error(plain(str(wrong)), icon=":material/error:")
    if st.button("Run", type="primary", icon=":material/play_arrow:", disabled=spec is None, key="submit") and spec:
        ask_to_open(runner.submit(home(), spec), "views/result.py")


def ask_how() -> None:
    """The method and its settings; a click in here does not draw the images again."""
    st.subheader("2 · How")
    key = st.selectbox("Method", list(shelves.methods), key="method", bind="query-params")
    method = shelves.methods[key]
    describe(method)
    # While nothing valid is asked, the form shows what one class would get.
    asked = request or ForgetRequest("class", (0,))
    settings = method_form(method, preset_values(method, data, model, asked))
    if request and method.explorable == "dampening" and settings["importance"] == "per_sample":
        ceiling = data.train_count / data.forget_count(request)
        st.caption(
            f"No weight's ratio can exceed n/k = {ceiling:.2f} with this request; at α ≥ {ceiling:.2f} nothing is dampened."
        )
    fragment(lambda: ask_run(key, settings))


with how:
    fragment(ask_how)
