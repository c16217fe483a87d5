"""A sequence of forget requests on its page: where it stands, what came out, its three figures and its table."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pandas as pd
import streamlit as st

from core.domain.formatting import percent
from core.domain.run import settings_text
from core.figures import plotly_layout
from core.figures import sequences as figures
from core.figures.markdown import plain
from core.jobs.long_jobs import COMPLETE, RUNNING
from core.jobs.sequences import submit as sequences
from core.jobs.sequences.submit import Standing
from core.reports.intervals import FEW
from core.sequences import journal
from core.sequences.plan import SequencePlan
from core.sequences.summary import TOLERANCE, Summary, points, sentences, summary
from dashboard.components.common.long_jobs import delete_button, icon_of, job_button, owner_of, show_progress
from dashboard.components.common.tables import MISSING, show_frame
from dashboard.login.may import barred, said_of
from dashboard.queries import sequences as queries
from dashboard.session import home

TOLERANCE_KEY = "sequence_tolerance"
LABELS = {  # column of the table -> heading
    "number": "request", "images": "images", "unlearned_test": "test, unlearned", "reference_test": "test, retrained",
    "original_test": "test, original", "damage": "damage", "unlearned_gone": "test of what is forgotten, unlearned",
    "reference_gone": "test of what is forgotten, retrained", "before_request": "this request, before",
    "unlearned_request": "this request, unlearned", "reference_request": "this request, retrained",
    "unlearned_earlier": "all earlier, unlearned", "reference_earlier": "all earlier, retrained",
    "unlearned_retain": "retain set, unlearned", "reference_retain": "retain set, retrained", "agreement": "agreement",
    "moved": "weights moved", "seconds": "seconds", "retrain": "seconds of retraining", "spent": "seconds in all",
    "retrained": "seconds of retraining in all", "seeds": "seeds",
}  # fmt: skip
COUNTS = ("number", "images", "seeds")
Text = str | Callable[[Any], str] | None
WRITTEN: dict[str, Text] = {  # how columns are written that are no shares, in percent
    "damage": lambda share: f"{100 * share:.1f} points", **dict.fromkeys(("moved", "seconds", "retrain", "spent", "retrained"), "{:.4g}"),
}  # fmt: skip


def show(now: Standing) -> None:
    """All of a sequence."""
    plan = now.sequence.plan
    _head(now)
    tolerance = st.number_input(
        "Tolerance, points of test accuracy", 0.0, 100.0, 100 * TOLERANCE, 0.5, key=TOLERANCE_KEY, bind="query-params", width=260,
        help="How much damage is bearable. The first request that leaves it is where it pays to retrain once.",
    )  # fmt: skip
    found = summary(now.sequence, tolerance / 100)
    if not found.rows:
        for seed, number in found.diverged.items():
            st.warning(f"With seed {seed} the method diverged at request {number}.", icon=":material/warning:")
        st.caption(f"The first request comes when the original is there{'' if now.state == RUNNING else '; go on to make it'}.")
        return
    with st.container(border=True):
        st.markdown("\n".join(f"- {plain(sentence)}" for sentence in sentences(found, plan.covers)))
    _figures(found, queries.frame(found.rows), plan)
    _table(found, plan)


def _head(now: Standing) -> None:
    found, plan = now.sequence, now.sequence.plan
    what, buttons = st.columns([3, 2], vertical_alignment="center")
    files = journal.files(home())
    shut = barred(owner := owner_of(files, found.id), what=f"sequence {found.id}")
    with what:
        steps = f"{len(found.steps)} of {found.total} steps"
        st.markdown(f"**{plain(plan.title)}**  \n{icon_of(now)} **{now.state}** · {steps} · `{found.id}`{said_of(owner)}")
    with buttons, st.container(horizontal=True, horizontal_alignment="right"):
        if now.state == RUNNING:
            job_button("Stop", found.id, sequences.stop, shut)
        else:
            if now.state != COMPLETE:
                job_button("Go on", found.id, sequences.go_on, shut)
            says = "The sequence goes, with all of its steps; networks that were retrained for it stay, for runs that need them."
            delete_button(found.id, sequences.remove, says, shut)
    show_progress(now)
    settings = plain(settings_text(plan.spec.params)) or "no settings"
    first = "" if len({str(spec.params) for spec in plan.specs}) == 1 else " at the first request"
    st.caption(f"{settings}{first}. Each request is forgotten from the network that the one before it left; what was forgotten has left "
               "the data, and the method's statistics are computed again on the rest.")  # fmt: skip


def _figures(found: Summary, rows: pd.DataFrame, plan: SequencePlan) -> None:
    draw = partial(st.plotly_chart, config=plotly_layout.CONFIG)
    last, few = found.rows[-1], found.rows[-1].damage.n < FEW
    bars = f" Bars: 95 % intervals {plan.covers(last.damage.n)} (Student's t)."
    around = " Fewer than three seeds are too few for a claim." if few else bars
    left, right = st.columns(2, gap="large")
    with left:
        st.subheader("Damage")
        draw(figures.damage_figure(rows, found.tolerance, found.harmful, found.against), key=f"damage-{plan.id}",
             alt=f"Test accuracy after each of {last.number} requests; at the end damage is {points(last.damage)}")  # fmt: skip
        st.caption(f"Accuracy on test images{'' if plan.parts else ' of what was not forgotten so far'}.{around}")
    with right:
        st.subheader("Forgetting and relapse")
        ours = percent(last.accuracies["unlearned", "request"].mean)
        draw(figures.forgetting_figure(rows), key=f"forgetting-{plan.id}",
             alt=f"Accuracy on each request's images and on all earlier ones, by request; the last request's is {ours}")  # fmt: skip
        st.caption("The aim is the retrained network's value. Relapse: images of earlier requests are recognised again, because a later "
                   f"request moved the weights once more.{around}")  # fmt: skip
    st.subheader("Cost")
    draw(figures.cost_figure(rows, found.harmful, found.dearer_than_one), key=f"cost-{plan.id}",
         alt=f"Seconds in all after each request; unlearning took {last.spent.mean:.3g} s after {last.number} requests")  # fmt: skip
    st.caption(
        "Below the dotted line all requests so far together took less than one retraining, the mean of those so far. Seconds of a "
        f"retraining are those of its training, whichever run or sequence it was made for.{around}"
    )


def _table(found: Summary, plan: SequencePlan) -> None:
    rows = queries.frame((*found.rows, *([found.whole] if found.whole else [])))
    rows["number"] = [str(number) if number else "all in one" for number in rows["number"]]
    there = [key for key in LABELS if key in rows and rows[key].notna().any()]
    table = rows[there].rename(columns=LABELS)
    texts: dict[Any, Text] = {LABELS[key]: WRITTEN.get(key, percent) for key in there if key not in COUNTS}  # a cell stays a number
    show_frame(table.style.format(texts, na_rep=MISSING), key=f"requests-{plan.id}", alt="Every request's numbers, means over seeds")
    halves = {f"{key}_half": f"{LABELS[key]}, half width" for key in there if key not in COUNTS}
    st.download_button(
        "Download", rows[[*there, *halves]].rename(columns=LABELS | halves).to_csv(index=False), f"sequence-{plan.id}.csv", "text/csv",
        key=f"download-{plan.id}", icon=":material/download:", on_click="ignore",
    )  # fmt: skip
