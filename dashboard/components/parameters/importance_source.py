"""Which importances the Parameters page shows: the run's own, or those of a background analysis."""

from typing import Any, NamedTuple

import streamlit as st

from core.analysis.stored_results import Analysis
from core.domain.info import DatasetInfo
from core.domain.training.own_recipe import trained_data
from core.storage.record_types import Run
from dashboard.components.common.background_analysis import look
from dashboard.queries import background, runs
from dashboard.queries.runs import RunHandle
from dashboard.session import belongs, stays

BATCH = 64  # examples a squared mean, where the estimator has batches
OWN = "stored"
ESTIMATORS = {
    "per_sample": "exact Fisher diagonal, example by example", "label_free": "from the size of the logits, without labels",
    "batch": "squared gradients of whole batches, as the authors' code",
}  # fmt: skip
HELP = "What the ratio is made of: " + "; ".join(f"{key}: {what}" for key, what in ESTIMATORS.items()) + "."


class Source(NamedTuple):
    """The shown importances. analysis_key: of the background analysis that computed them, '' for the run's own."""

    run: Run
    handle: RunHandle
    analysis_key: str
    estimator: str
    batch_size: int
    data: DatasetInfo
    names: frozenset[str]  # of the run's stored files
    forgotten: tuple[int, ...]  # classes of which the request names all images

    def ask(self, question: str, **about: Any) -> Any:
        """The engine's answer to a question about the run with these importances. Raises WrongInput."""
        return self.handle.ask(question, importance_key=self.analysis_key, **about)


def own_source(run: Run, names: frozenset[str], data: DatasetInfo) -> Source | None:
    """The importances that the run stored; None where it stored none."""
    own, request = own_estimator(run, names), run.spec.request
    if not own:
        return None
    forgotten = request.picks if request.by_class else ()
    return Source(run, runs.handle(run), "", own, int(run.spec.params.get("batch_size") or BATCH), data, names, forgotten)


def source(run: Run, names: frozenset[str], data: DatasetInfo) -> Source | None:
    """The chosen importances; None, with an offer to compute them, where they are missing."""
    own = own_estimator(run, names)
    options = ([OWN] if own else []) + [key for key in ESTIMATORS if key != own]
    belongs("estimator", run.id, options[0])
    stays("estimator", options)
    row = st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="bottom")
    row.subheader("Dampen again, without a new run", width="content")
    chosen = row.segmented_control(
        "Importance", options, default=options[0], key="estimator", bind="query-params", required=True, help=HELP,
        format_func=lambda key: f"{own}, stored by the run" if key == OWN else key,
    )  # fmt: skip
    if chosen == OWN:
        return own_source(run, names, data)
    wanted = Analysis("importance", run.id, {"estimator": chosen, "batch_size": 0 if chosen == "per_sample" else BATCH})
    if background.analysis_progress(wanted).status != "done":
        if not own:
            why = "its method does not need any" if run.spec.method != "ssd" else "the file that held them was not kept"
            st.info(f"This run stored no importances: {why}. They can be computed now, at its original network.", icon=":material/info:")
        count = trained_data(run.spec, data).train_count
        look(wanted, f"the {chosen} importances", lambda _: None, cost=f"{ESTIMATORS[chosen]}: a backward pass over {count:,} images")
        return None
    st.caption("Computed after the run, at its original network, and kept.")
    forgotten = run.spec.request.picks if run.spec.request.by_class else ()
    return Source(run, runs.handle(run), background.analysis_key(wanted), str(chosen), BATCH, data, names, forgotten)


def own_estimator(run: Run, names: frozenset[str]) -> str:
    """The estimator of the importances that a run stored; '' where it stored none."""
    stored = "recorded" in names and any(name.startswith("statistic/Importance") for name in names)
    return str(run.spec.params.get("importance", "")) if stored else ""
