"""Which weights each method changed, for all finished runs that started from the open run's original."""

from collections import Counter
from functools import partial
from typing import Any

import streamlit as st

from core.domain.code_version import shared_part
from core.domain.methods.ablations import control_title
from core.domain.run import RunSpec, model_text
from core.figures.markdown import NAME, on_axis, short, visible
from core.figures.parameters import importance_and_alpha_figures
from core.figures.parameters import weight_change_figures as drawn
from core.figures.plotly_layout import CONFIG
from core.storage.record_types import Run
from dashboard.queries import catalogue, runs
from dashboard.queries.runs import RunHandle
from dashboard.session import belongs, stays

MOST = 12  # runs that are compared at once
REFERENCE = "retrained reference"
Json = dict[str, Any]
Others = dict[str, RunHandle | str]  # label -> a run, or "reference": the open run's own
START = 0.1  # threshold, in typical weights of the layer


def show_weight_changes(run: Run, names: frozenset[str]) -> None:
    """Runs to choose from, and one tab per view of them; only the open one is drawn."""
    candidates = runs.same_original(run)
    same_request_first = sorted(candidates, key=lambda other: bool(differences_from(run, other)))
    alike = {other.id: other for other in same_request_first}
    labels = labels_of(run, alike)
    start = representatives(run, list(alike.values()))
    belongs("touched-runs", run.id, start)
    stays("touched-runs", list(alike))
    chosen = st.multiselect(
        "Runs", list(alike), start, format_func=lambda i: labels.get(i, i), key="touched-runs", max_selections=MOST, select_all=False,
        help=f"The {len(alike):,} finished runs that began from the same original network, weight for weight; type to search them. "
        "At first those of this run's request and seed; of any other, its name says what differs.",
    )  # fmt: skip
    others: Others = {labels[i]: runs.handle(alike[i]) for i in chosen}
    if "reference" in names:
        others[REFERENCE] = "reference"
    if not others:
        st.info("Choose at least one run.", icon=":material/info:")
        return
    _tabs(run, runs.handle(run).ask("touched_map", others=list(others.values())), others)


def _tabs(run: Run, changes: Json, others: Others) -> None:
    names = on_axis(list(others), NAME)
    parts = {
        "How far": partial(_relative_changes, changes, names), "Share of weights": partial(_shares, changes, names),
        "Overlap": partial(_overlap, changes, names), "One layer": partial(_one_layer, run, changes, others),
    }  # fmt: skip
    for tab, draw in zip(st.tabs(list(parts), key="touched-look", on_change="rerun", bind="query-params"), parts.values(), strict=True):
        if tab.open:
            with tab:
                draw()


def labels_of(run: Run, others: dict[str, Run]) -> dict[str, str]:
    """Method, an ablation's title, and what else but the settings differs from the open run; with the first letters of the run's
    id where several labels are equal.
    """
    names = {
        i: ", ".join(filter(None, (other.spec.method, control_title(other.spec), *differences_from(run, other))))
        for i, other in others.items()
    }
    count = Counter(names.values())
    return {i: name + (f" · {i[:4]}" if count[name] > 1 else "") for i, name in names.items()}


def differences_from(run: Run, other: Run) -> list[str]:
    """How another run differs from the open one besides method and settings, in words; empty where they are comparable."""
    ours, theirs = run.spec, other.spec
    differences = (
        (theirs.dataset, ours.dataset != theirs.dataset), (model_text(theirs), model_text(ours) != model_text(theirs)),
        (short(visible(catalogue.request_title(theirs.request, theirs.dataset)), NAME), ours.request != theirs.request),
        (f"seed {theirs.seed}", ours.seed != theirs.seed),
        (f"engine {theirs.engine[:6]}", _other_version(ours, theirs)),
    )  # fmt: skip
    return [words for words, differs in differences if differs]


def _other_version(ours: RunSpec, theirs: RunSpec) -> bool:
    """Of the engine; where the method is the same, of the method too."""
    return ours.engine != theirs.engine if ours.method == theirs.method else shared_part(ours.engine) != shared_part(theirs.engine)


def representatives(run: Run, alike: list[Run]) -> list[str]:
    """The open run, then the newest run of every other method that changes anything, without ablations; of the same dataset, model,
    request and seed. Runs of another version count where there is none of this one.
    """
    same = [other for other in alike if not control_title(other.spec) and _subject(other) == _subject(run)]
    chosen = {run.spec.method: run.id}
    mine = shared_part(run.spec.engine)
    for other in sorted(same, key=lambda other: shared_part(other.spec.engine) != mine):  # stable: newest first within each
        if other.spec.method != "original":
            chosen.setdefault(other.spec.method, other.id)
    return list(chosen.values())[:MOST]


def _subject(run: Run) -> tuple[object, ...]:
    return (run.spec.dataset, model_text(run.spec), run.spec.request, run.spec.seed)


def _relative_changes(changes: Json, names: list[str]) -> None:
    st.plotly_chart(drawn.by_layer(changes["relative"], names, changes["layers"], "relative change"), key="touched", config=CONFIG,
                    alt="Heat map: relative change of each parameter tensor by each method")  # fmt: skip
    st.caption(
        "How to read it: length of the change over the length of the original's weights, layer by layer; 0 is untouched, the colour ends "
        "at 1. Retraining starts elsewhere and ends far off, so nearness to it is no aim."
    )


def _threshold(changes: Json) -> int:
    levels = changes["levels"]
    near = min(range(len(levels)), key=lambda i: abs(levels[i] - START))
    chosen = st.select_slider(
        "Counts as moved: by more than … times a typical weight of its layer", levels, levels[near], format_func="{:.2g}".format,
        key="moved-by", help="Typical: the root mean square of the layer's weights in the original.",
    )  # fmt: skip
    return int(levels.index(chosen))


def _shares(changes: Json, names: list[str]) -> None:
    at = _threshold(changes)
    table = [rows[at] for rows in changes["above"]]
    st.plotly_chart(drawn.by_layer(table, names, changes["layers"], "moved", shares=True), key="moved-share", config=CONFIG,
                    alt="Heat map: share of each layer's weights that each method moved by more than the threshold")  # fmt: skip
    st.caption("How to read it: percent of the layer's weights that moved by more than the threshold above; empty: none did.")


def _overlap(changes: Json, names: list[str]) -> None:
    at = _threshold(changes)
    st.plotly_chart(drawn.overlaps(changes["jaccard"][at], names), key="moved-overlap", config=CONFIG,
                    alt="Heat map: weights that two methods both moved over weights that either moved")  # fmt: skip
    every = "" if changes["step"] == 1 else f" Counted on every {changes['step']}th weight."
    st.caption(
        "How to read it: 100, two methods moved the same weights by more than the threshold; 0, none in common. Two methods that move "
        f"nearly everything overlap for that reason alone: raise the threshold.{every}"
    )


def _one_layer(run: Run, changes: Json, others: Others) -> None:
    left, right = st.columns(2)
    layers = changes["maps"]
    stays("touched-run", list(others))
    stays("touched-layer", layers)
    name = str(left.selectbox("Run", list(others), key="touched-run"))
    moved = dict(zip(changes["layers"], changes["relative"][list(others).index(name)], strict=True))
    most = max(layers, key=moved.__getitem__)
    belongs("touched-layer", name, most)
    layer = str(right.selectbox("Layer", layers, index=layers.index(most), key="touched-layer", help="At first the one that moved most."))
    answer = runs.handle(run).ask("touched_layer", other=others[name], layer=layer)
    left, right = st.columns(2)
    left.markdown("**By output channel**")
    left.plotly_chart(drawn.filters(answer["filters"]), key="touched-filters", config=CONFIG,
                      alt=f"Bars: relative change of each output channel of {layer} by {name}")  # fmt: skip
    right.markdown("**By kernel slice**")
    right.plotly_chart(importance_and_alpha_figures.kernels(answer["slices"], answer["block"], "relative change", ratio=False),
                       key="touched-slices", config=CONFIG, alt=f"Heat map: relative change of {layer} by channels")  # fmt: skip
    st.caption(
        "How to read it: length of the change over the original's, by filter and by each filter's slice for one input channel; strong "
        "rows are filters that the method rewrote."
    )
