"""What a dampening run looks like from inside: importances, and what another alpha and lambda would do, without a run."""

from functools import partial

import numpy as np
import pandas as pd
import streamlit as st

from core.descriptions import DatasetInfo
from core.store.outcome import Run
from core.verdict import percent
from dashboard import queries
from dashboard.components import figures
from dashboard.components.fragments import fragment
from dashboard.components.opened import finished_run
from dashboard.session import belongs

ALPHA = "{:.3g}".format  # the slider knows its values by this text, so no two may look alike


def steps(start: float, ceiling: float | None) -> list[float]:
    """Values of alpha on a log scale from 0.1 to the ceiling, above which nothing happens; the run's own among them."""
    scale = np.geomspace(0.1, max(1.0, ceiling or 100.0), 121).tolist()
    return sorted([start, *(a for a in scale if ALPHA(a) != ALPHA(start))])


def explorer(run: Run, where: tuple[str, str], view: dict, data: DatasetInfo) -> None:  # type: ignore[type-arg]  # JSON
    """Sliders and what depends on them."""
    alpha_run = run.spec.params["alpha"]
    start = float(view["automatic"] if alpha_run == "auto" else alpha_run)
    strength = float(run.spec.params["lambda"])
    belongs("alpha", run.id, start)
    belongs("lambda", run.id, strength)
    left, right = st.columns(2)
    alpha = left.select_slider(
        "α, selection threshold", steps(start, view["ceiling"]), start, format_func=ALPHA, key="alpha", bind="query-params",
        help="A weight is dampened when its importance to the forget set is more than α times its importance to all data.",
    )  # fmt: skip
    lambda_ = right.slider(
        "λ, strength kept", 0.0, max(5.0, strength), strength, 0.05, key="lambda", bind="query-params",
        help="A dampened weight is multiplied by λ / ratio, at most 1. 0 sets it to zero.",
    )  # fmt: skip
    answer = queries.redampen(run.id, *where, alpha, lambda_)
    tiles = st.columns(4)
    tiles[0].metric(
        "α",
        f"{alpha:.2f}",
        help=f"The adaptive rule says {view['automatic']:.2f}."
        + (f" The ceiling is n/k = {view['ceiling']:.2f}." if view["ceiling"] else ""),
    )
    tiles[1].metric("Weights dampened", percent(answer["dampened_all"]))
    forgotten = answer["forget"] if answer["test_forget"] is None else answer["test_forget"]
    tiles[2].metric(
        "Accuracy, forgotten",
        percent(forgotten),
        help="On unseen images of the forgotten classes, else on the forget set.",
    )
    tiles[3].metric("Accuracy, kept", "–" if answer["test_retain"] is None else percent(answer["test_retain"]))
    left, right = st.columns(2)
    left.markdown("**Which weights are dampened**")
    left.plotly_chart(figures.ratio_histogram(view["histogram"], alpha, lambda_, view["ceiling"]), key="ratios", config=figures.CONFIG,
                      alt="Histogram of the importance ratio with alpha and the ceiling drawn in")  # fmt: skip
    left.caption(
        "How to read it: weights right of the α line are selected, and dampened where their ratio is above λ too"
        + ("; none can lie right of n/k." if view["ceiling"] else ". This estimator has no ceiling.")
    )
    right.markdown("**What the network then answers**")
    what = "attribute" if data.multi else "class"
    right.plotly_chart(figures.class_shift(_accuracies(answer, run, where), data.classes, _picks(run), data.multi), key="what-if",
                       config=figures.CONFIG, alt=f"Accuracy by {what} before, after this dampening, and retrained")  # fmt: skip
    right.caption(
        f"How to read it: accuracy{' by attribute' if data.multi else ''} on test images at this α and λ, computed now on "
        f"{answer['looked_at']['test']} of them, no new run."
    )
    st.markdown("**Share of weights dampened, by layer**")
    st.plotly_chart(figures.dampened_share(answer["dampened"]), key="dampened", config=figures.CONFIG,
                    alt="Share of each parameter tensor's weights that are dampened")  # fmt: skip
    st.caption("How to read it: tall bars at the right mean that forgetting happens near the output.")


def _picks(run: Run) -> tuple[int, ...]:
    return run.spec.request.picks if run.spec.request.by_class else ()


def _accuracies(answer: dict, run: Run, where: tuple[str, str]) -> pd.DataFrame:  # type: ignore[type-arg]  # JSON
    """Original and reference from the run, the unlearned ones from the engine's answer."""
    table = queries.table(run.id, "per_class", *where)
    others = table[(table["split"] == "test") & (table["model"] != "unlearned")]
    now = pd.DataFrame(
        {"model": "unlearned", "class": range(len(answer["per_class"])), "accuracy": answer["per_class"]}
    )
    return pd.concat([others, now.astype({"accuracy": float})])


run = finished_run()
if run is not None:
    where, method = queries.edition(run), queries.catalogue().methods.get(run.spec.method)
    if method is None or method.explorable != "dampening":
        st.info(
            "This run stored no importances; only methods that dampen do. Open one to see and move its dampening.",
            icon=":material/info:",
        )
    else:
        data = queries.dataset(run.spec.dataset)
        view = queries.importance_view(run.id, *where)
        st.subheader("Dampen again, without a new run")
        fragment(partial(explorer, run, where, view, data))
        st.subheader("Importance by layer")
        st.plotly_chart(figures.layer_importance(view["layers"]), key="importance", config=figures.CONFIG,
                        alt="Mean importance of each parameter tensor on the forget set and on all data")  # fmt: skip
        st.caption(
            "How to read it: where the hatched bar is the taller one, the layer matters more to the forget set than to the rest. "
            f"{percent(view['dead'])} of all weights feel no gradient on any training image."
        )
    st.subheader("How far each layer moved")
    st.plotly_chart(figures.layer_change(queries.table(run.id, "layers", *where)), key="moved", config=figures.CONFIG,
                    alt="Relative change of each parameter tensor from the original's weights")  # fmt: skip
    st.caption(
        "How to read it: length of the change over that of the original's weights. Retraining starts elsewhere and ends far off."
    )
