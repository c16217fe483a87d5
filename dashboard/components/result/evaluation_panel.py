"""What of a run was evaluated, the button that evaluates the rest, and what the parts of the evaluation took."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
import streamlit as st

from core.domain.evaluation import Evaluation, title_of
from core.domain.info import DatasetInfo, MetricInfo
from core.domain.run import ACTIVE
from core.domain.training.own_recipe import trained_data
from core.figures.markdown import plain
from core.figures.palette import MODEL_TITLE
from core.jobs import submit
from core.jobs.catalogue import Catalogue
from core.reports.cost_line import seconds
from core.reports.run_report import other_versions
from core.storage.record_types import Run
from dashboard.components.common.tables import show_table
from dashboard.queries import runs
from dashboard.session import home

SHOWN = 15  # parts that have a row of their own


def evaluation_notice(run: Run, report: dict[str, Any], data: DatasetInfo, metrics: Mapping[str, MetricInfo]) -> None:
    """Which images, parts and metrics of extensions are missing or of an earlier version, and the button that computes them."""
    edited, data = other_versions(report, metrics), trained_data(run.spec, data)
    sentences = [*left_out(report, data), *edited]
    if not sentences:
        return
    now = runs.run(run.id)
    with st.container(horizontal=True, vertical_alignment="center", key="evaluation_line"):
        st.caption(plain(" ".join(sentences)), width="content")
        st.button(
            "Evaluate everything", icon=":material/query_stats:", key="evaluate_whole", on_click=_evaluate_rest,
            args=(run, _cut_short(report, data), bool(edited)), disabled=now is not None and now.status in ACTIVE,
            help="Computes this run once more, with the trained networks that are stored, and evaluates all training images and all parts. "
            "Its numbers stay until then.",
        )  # fmt: skip


def left_out(report: dict[str, Any], data: DatasetInfo) -> list[str]:
    """A sentence about images that were not evaluated, one about parts that were not."""
    count, whole, how = report["evaluated_train"], data.train_count, report["evaluation"]
    sentences = []
    if count is not None and count < whole:
        sentences.append(
            f"Of {whole:,} training images {count:,} were evaluated, a fixed draw of the forget set and of the retain set, as this network "
            "is costly; test images all were. A share of 1,000 images is known to 1.6 points (one standard error)."
        )  # fmt: skip
    if report["relearn_limit"]:
        sentences.append(
            f"Relearning was given up after {report['relearn_limit']} steps, and layers may be grafted at the last one alone, as this "
            "network is costly."
        )  # fmt: skip
    reasons = [reason for reason in report["reasons"].values() if reason.startswith("Left out")]
    if how["without"] or (how["budget"] is not None and reasons):
        what = f"without {', '.join(how['without'])}" if how["without"] else "within a budget of time"
        sentences.append(f"It was evaluated {what}: what is missing is marked in the tables.")
    return sentences


def _cut_short(report: dict[str, Any], data: DatasetInfo) -> bool:
    """Whether the network is costly, so that the usual evaluation would not be the whole one."""
    return (report["evaluated_train"] or data.train_count) < data.train_count or report["relearn_limit"] > 0


def _evaluate_rest(run: Run, costly: bool, edited: bool) -> None:
    """A callback: once per click. Of other networks the usual evaluation is whole, and their runs are evaluated alike."""
    submit.submit(home(), run.spec, evaluation=Evaluation(whole=costly), again=edited)


def cost_table(costs: list[dict[str, Any]], available: Catalogue) -> pd.DataFrame:
    """One row per part and network: seconds without those of the parts within it; the most expensive first, the others together."""
    ordered = sorted(costs, key=lambda row: -row["seconds"])
    rows = [
        {"Part": title_of(row["part"], available.metrics), "Network": MODEL_TITLE.get(row["model"], row["model"] or "all"),
         "Time": seconds(row["seconds"])}
        for row in ordered[:SHOWN]
    ]  # fmt: skip
    if rest := ordered[SHOWN:]:
        rows.append({"Part": f"{len(rest)} other parts", "Network": "all", "Time": seconds(sum(row["seconds"] for row in rest))})
    return pd.DataFrame(rows, columns=["Part", "Network", "Time"])


def evaluation_costs(report: dict[str, Any], available: Catalogue) -> None:
    """The table, folded; nothing of a run of an older version."""
    if report["costs"]:
        with st.expander("What the evaluation took"):
            show_table(cost_table(report["costs"], available), alt="Seconds of each part of the evaluation, by network")
            st.caption(
                "Results of the original and the reference that an earlier run stored cost nothing here. A part's time leaves out the "
                "parts within it: features and predictions have rows of their own."
            )
