"""One run: the verdict in a sentence, then what changed, held against the retrained reference."""

from typing import Any

import pandas as pd
import streamlit as st

from core.recordings import recording_of
from core.store.outcome import Run
from core.verdict import verdict
from dashboard import queries
from dashboard.components import figures
from dashboard.components.numbers import numbers_table, seconds, times
from dashboard.components.opened import finished_run
from dashboard.components.palette import MODEL_TITLE
from dashboard.components.runs import age, settings_of
from dashboard.components.text import plain
from dashboard.session import home

STAGES = {
    "train": "Train original",
    "reference": "Train reference",
    "precompute": "Precompute",
    "unlearn": "Unlearn",
    "evaluate": "Evaluate",
}


def cost(stage: str, report: dict[str, Any], keeps: tuple[str, ...]) -> str:
    """Seconds of a stage; a dash for one that this run had no need of."""
    needless = (stage == "reference" and report["reference"] is None) or (stage == "precompute" and not keeps)
    return "–" if needless else seconds(report["seconds"][stage])


def headline(run: Run, report: dict[str, Any], classes: tuple[str, ...], keeps: tuple[str, ...], reconstruction: bool) -> None:
    """The verdict, and what it cost."""
    numbers = {"unlearned": report["metrics"], "original": report["original"], "reference": report["reference"] or {}}
    if reconstruction:
        st.markdown(":orange-badge[reconstruction] This method's algorithm is not public; the run shows our reading of its abstract.")
    when = "" if run.finished_at is None else f"Computed {age(run.finished_at)} · "
    st.caption(plain(f"{when}{settings_of(run) or 'no parameters'}"))
    with st.container(border=True, key="verdict"):
        lead, _, rest = verdict(numbers, run.spec.request, classes).partition(".** ")
        st.markdown(f"#### {lead.strip('*')}\n{rest}")
    st.page_link("views/parameters.py", label="Look inside: what happened to the weights", icon=":material/tune:")
    cells = st.grid(len(STAGES) + 1, min_column_width=120)
    for stage, title in STAGES.items():
        cells.cell().metric(
            title,
            cost(stage, report, keeps),
            help="Time that this run spent; 'stored' means that an earlier run had done it, – that it was not needed.",
        )
    cells.cell().metric(
        "Speed-up", times(report["speedup"]),
        help="Seconds that training the reference took, over those of unlearning. Precompute, done once for all requests, is left out.",
    )


def shift(run: Run, classes: tuple[str, ...], where: tuple[str, str]) -> None:
    """Accuracy by class and confusion, on the chosen part of the data."""
    st.subheader("Accuracy by class")
    split = st.segmented_control(
        "Images", ["test", "train"], default="test", key="images", bind="query-params", required=True
    )
    table = queries.table(run.id, "per_class", *where)
    forgotten = run.spec.request.picks if run.spec.request.by_class else ()
    st.plotly_chart(
        figures.class_shift(table[table["split"] == split], classes, forgotten), key="class_shift", config=figures.CONFIG,
        alt="Bars: accuracy by class of the original, the unlearned and the reference network",
    )  # fmt: skip
    st.caption(
        "How to read it: a forgotten class should fall to where the hatched reference stands; every other class should not move."
    )
    st.subheader("Where the answers went")
    cells = queries.table(run.id, "confusion", *where)
    dark = st.context.theme.type == "dark"
    models = [model for model in MODEL_TITLE if (cells["model"] == model).any()]
    for column, model in zip(st.columns(len(models)), models, strict=True):
        chosen = cells[(cells["split"] == split) & (cells["model"] == model)]
        column.plotly_chart(
            figures.confusion(chosen, classes, MODEL_TITLE[model], dark), key=f"confusion-{model}", config=figures.CONFIG,
            alt=f"Heat map: true class against answer of the {MODEL_TITLE[model]} network",
        )  # fmt: skip
    st.caption(
        "How to read it: a row is a true class, a cell how many of its images got that answer; the diagonal is right."
    )


def recorded_list(run: Run, where: tuple[str, str]) -> None:
    """What the method left behind, by kind, with the schema's words."""
    kinds: dict[str, dict[str, Any]] = {}
    for name, shape, size in queries.recorded(run.id, *where):
        known = recording_of(name)
        row = kinds.setdefault(
            known.pattern if known else name,
            {
                "array": known.pattern if known else name,
                "meaning": known.meaning if known else "recorded by another version of Forgetscope",
                "unit": known.unit if known else "",
                "axes": " × ".join(known.axes) or "one number" if known else "",
                "shape": " × ".join(map(str, shape)) or "1",
                "arrays": 0,
                "kB": 0.0,
            },
        )
        row["arrays"] += 1
        row["kB"] += size / 1000
        if row["arrays"] > 1:
            row["shape"] = "one each"
    if kinds:
        table = pd.DataFrame(list(kinds.values())).sort_values("array").round({"kB": 1}).astype({"kB": str})
        with st.expander("What the method recorded"):
            st.table(table, hide_index=True, alt="Arrays that the method handed over, with meaning, unit and shape")


run = finished_run()
if run is not None:
    shelves, classes = queries.catalogue(), queries.dataset(run.spec.dataset).classes
    where, method = queries.edition(run), shelves.methods.get(run.spec.method)
    report = queries.report(run.id, *where)
    headline(run, report, classes, method.keeps if method else (), bool(method and method.reconstruction))
    shift(run, classes, where)
    st.subheader("Numbers against the reference")
    st.table(
        numbers_table(report, shelves), hide_index=True, alt="Every measure for the three networks, with its definition"
    )
    st.caption(
        "How to read it: compare the unlearned column with the reference's; only measures that say so are better high or low."
    )
    if method and method.explorable:
        queries.engine(home()).warm()  # the Parameters page is the next one
    recorded_list(run, where)
    with st.expander("All settings of this run"):
        st.json({**report["spec"], "device": run.device}, expanded=True)
