"""The dampening explorer: sliders of alpha and lambda, and their effect on the network."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from core.analysis.stored_results import Analysis
from core.domain.formatting import percent
from core.domain.recordings import params_in_effect
from core.figures import class_figures, plotly_layout, ssd_figures
from core.figures.parameters import importance_and_alpha_figures as drawn
from core.reports.cost_line import seconds
from dashboard.components.common.background_analysis import look
from dashboard.components.common.fragments import fragment
from dashboard.components.parameters.importance_source import Source
from dashboard.components.parameters.save_as_run import SavedRuns, save_button, saved_runs
from dashboard.queries import background
from dashboard.session import belongs

ALPHA = "{:.3g}".format  # the slider identifies its values by this text, so texts must be unique
STEPS = 121  # of the slider over the axis of alpha
Json = dict[str, Any]


def steps(start: float, axis: Sequence[float], automatic: float) -> list[float]:
    """Values of alpha on a log scale over the axis, its lowest and highest value; the run's own and the automatic among them."""
    special = {ALPHA(a): a for a in (automatic, start)}
    scale = {ALPHA(a): a for a in np.geomspace(axis[0], axis[1], STEPS).tolist()}
    return sorted((scale | special).values())


def at_own_settings(source: Source, view: Json) -> None:
    """The two figures at the settings of the run itself."""
    alpha, lambda_ = _start(source, view)
    answer = source.ask("redampen", alpha=alpha, lambda_=lambda_)
    _tiles(answer, view, alpha)
    _figures(source, view, answer, alpha, lambda_)


def _start(source: Source, view: Json) -> tuple[float, float]:
    """Alpha and lambda as the run has them."""
    params = params_in_effect(source.run.spec.params, source.handle.recorded()) if not source.analysis_key else {}
    alpha = params.get("alpha", "percentile")
    return float(view["automatic"] if isinstance(alpha, str) else alpha), float(params.get("lambda", 1.0))


def explorer(source: Source, view: Json) -> None:
    """The sliders and what depends on them; for slow networks, the offer to compute the curve over alpha."""
    start = _start(source, view)
    owner = f"{source.run.id}/{source.analysis_key}"
    belongs("alpha", owner, start[0])
    belongs("lambda", owner, start[1])
    fragment(partial(_explorer, source, view, start, saved_runs()))
    if not view["at_once"] and background.analysis_progress(whole_axis(source, start[1])).status != "done":
        look(whole_axis(source, start[1]), f"the curve over all α at λ = {start[1]:g}", lambda _: None,
             cost="about 25 networks, each evaluated on about 450 images")  # fmt: skip


def whole_axis(source: Source, lambda_: float) -> Analysis:
    """The curve over alpha as a background analysis."""
    return Analysis("alphas", source.run.id, {"lambda_": lambda_, "importance": source.analysis_key})


def _explorer(source: Source, view: Json, start: tuple[float, float], saved: SavedRuns) -> None:
    controls, figures = st.columns([1, 4], gap="medium")
    with controls:
        alpha, lambda_ = _sliders(view, start)
    answer = source.ask("redampen", alpha=alpha, lambda_=lambda_)
    with figures:
        _tiles(answer, view, alpha)
        _figures(source, view, answer, alpha, lambda_)
    parts = {
        "By layer": partial(_by_layer, answer), "Factor β": partial(_betas, answer),
        "Over all α": partial(_curve, source, view, (alpha, lambda_), start[1]),
    }  # fmt: skip
    for tab, draw in zip(st.tabs(list(parts), key="dampening", on_change="rerun", bind="query-params"), parts.values(), strict=True):
        if tab.open:
            with tab:
                draw()
    save_button(source, (alpha, lambda_), start, saved)


def _sliders(view: Json, start: tuple[float, float]) -> tuple[float, float]:
    alpha = st.select_slider(
        "α, selection threshold", steps(start[0], view["axis"], view["automatic"]), start[0], format_func=ALPHA, key="alpha",
        bind="query-params",
        help="A weight is dampened when its importance to the forget set is more than α times its importance to all data.",
    )  # fmt: skip
    lambda_ = st.slider(
        "λ, dampening constant", 0.0, max(5.0, start[1]), start[1], 0.05, key="lambda", bind="query-params",
        help="A dampened weight is multiplied by λ / ratio, at most 1. 0 sets it to zero.",
    )  # fmt: skip
    ceiling = f"ceiling n/k = {view['ceiling']:.3g}: at or above it nothing is dampened" if view["ceiling"] else "no ceiling"
    st.caption(f"Automatic α = {ALPHA(view['automatic'])} · {ceiling}")
    return float(alpha), float(lambda_)


def _tiles(answer: Json, view: Json, alpha: float) -> None:
    tiles = st.columns([2, 3, 4, 4, 3])
    ceiling = f" The ceiling is n/k = {view['ceiling']:.2f}." if view["ceiling"] else ""
    tiles[0].metric("α", f"{alpha:.2f}", help=f"The adaptive rule says {view['automatic']:.2f}.{ceiling}")
    tiles[1].metric("Weights dampened", percent(answer["dampened_all"]))
    counts = answer["looked_at"]
    part, of = ("forget", "the forget set") if answer["test_forget"] is None else ("test_forget", "test images of the forget request")
    title = "Test forget accuracy" if part == "test_forget" else "Forget accuracy"
    tiles[2].metric(title, percent(answer[part]), help=f"On {of}; evaluated on {counts[part]} images.")
    retain_accuracy = answer["test_retain"]
    explanation = f"On the test retain set; evaluated on {counts['test_retain']} images."
    tiles[3].metric("Test retain accuracy", "–" if retain_accuracy is None else percent(retain_accuracy), help=explanation)
    js = answer["js_to_reference"]
    tiles[4].metric(
        "JS to reference", "–" if js is None else f"{js:.3f}",
        help="Jensen-Shannon divergence of the predictions on the forget set from the retrained reference's, in nats: 0 alike, 0.693 no "
        "overlap." + (" This run has no reference." if js is None else ""),
    )  # fmt: skip


def _figures(source: Source, view: Json, answer: Json, alpha: float, lambda_: float) -> None:
    left, right = st.columns(2)
    with left:
        _ratios(view, alpha, lambda_)
    with right:
        _accuracies(source, answer)


def _ratios(view: Json, alpha: float, lambda_: float) -> None:
    st.markdown("**Which weights are dampened**")
    st.plotly_chart(ssd_figures.ratio_histogram(view["histogram"], alpha, lambda_, view["ceiling"], view["automatic"]), key="ratios",
                    config=plotly_layout.CONFIG, alt="Histogram of the importance ratio with alpha and the ceiling drawn in")  # fmt: skip
    st.caption(
        "How to read it: weights right of the α line are selected, and dampened where their ratio is above λ too"
        + ("; none can lie right of n/k." if view["ceiling"] else ". This estimator has no ceiling.")
    )


def _accuracies(source: Source, answer: Json) -> None:
    data = source.data
    st.markdown("**Accuracy after dampening**")
    what = "attribute" if data.multi else "class"
    st.plotly_chart(class_figures.class_shift(_accuracy_table(answer), data.classes, source.forgotten, data.multi), key="what-if",
                    config=plotly_layout.CONFIG, alt=f"Accuracy by {what} before, after this dampening, and retrained")  # fmt: skip
    counts = answer["looked_at"]
    st.caption(
        f"How to read it: accuracy{' by attribute' if data.multi else ''} on test images at this α and λ, computed now, no new run; all "
        f"marks are of the same images. Evaluated on test set {counts['test']}, forget set {counts['forget']}."
    )


def _accuracy_table(answer: Json) -> pd.DataFrame:
    """Accuracies of all models from the engine's answer, so that they are on the same images."""
    models = {**answer["beside"], "unlearned": answer["per_class"]}
    about = {"class": range(len(answer["images"])), "positives": answer["images"], "count": answer["looked_at"]["test"]}
    return pd.concat([pd.DataFrame({"model": name, **about, "accuracy": row}).astype({"accuracy": float}) for name, row in models.items()])


def _by_layer(answer: Json) -> None:
    st.markdown("**Share of weights dampened, by layer**")
    st.plotly_chart(ssd_figures.dampened_share(answer["dampened"]), key="dampened", config=plotly_layout.CONFIG,
                    alt="Share of each parameter tensor's weights that are dampened")  # fmt: skip
    st.caption("How to read it: tall bars at the right mean that forgetting happens near the output.")


def _betas(answer: Json) -> None:
    st.markdown("**What the dampened weights are multiplied by**")
    st.plotly_chart(drawn.beta_bars(answer["betas"]), key="betas", config=plotly_layout.CONFIG,
                    alt="Histogram of the factors of the dampened weights, from 0 to 1")  # fmt: skip
    st.caption("How to read it: β = λ / ratio. Bars at the left are weights set nearly to zero, at the right weights hardly changed.")


def _curve(source: Source, view: Json, now: tuple[float, float], lambda_of_run: float) -> None:
    """At the current lambda where the network is fast, else at the run's."""
    if view["at_once"]:
        curve, at = source.ask("alpha_curve", lambda_=now[1]), f"λ = {now[1]:g}, as set above"
    else:
        analysis = whole_axis(source, lambda_of_run)
        if background.analysis_progress(analysis).status != "done":
            st.caption(
                f"The curve takes 25 networks, each evaluated on 300 images or more: about {seconds(view['curve_seconds'])} on this "
                "machine as busy as it is, too long for a click. The button below computes it once and keeps it."
            )
            return
        curve, at = _stored_curve(background.analysis_arrays(analysis)), f"λ = {lambda_of_run:g}, the run's own, whatever the slider says"
    st.markdown("**Accuracies over all α**")
    st.plotly_chart(drawn.alpha_lines(curve["alpha"], curve["accuracy"], now[0], view["automatic"], view["ceiling"]), key="over-alpha",
                    config=plotly_layout.CONFIG,
                    alt="Accuracy on the parts of the data over alpha, with the current alpha marked")  # fmt: skip
    counts = ", ".join(f"{drawn.PARTS[part][0]} {count}" for part, count in curve["images"].items() if count)
    st.caption(f"How to read it: a good α lies where the pink lines are down and the green ones still up. At {at}. Evaluated on {counts}.")


def _stored_curve(arrays: dict[str, np.ndarray]) -> Json:
    parts = [name.removeprefix("accuracy/") for name in arrays if name.startswith("accuracy/")]
    accuracy = {part: [None if np.isnan(v) else float(v) for v in arrays[f"accuracy/{part}"]] for part in parts}
    images = {part: int(arrays[f"images/{part}"]) for part in parts}
    return {"alpha": arrays["alpha"].tolist(), "accuracy": accuracy, "images": images}
