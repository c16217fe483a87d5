"""Privacy: membership inference attack, attacked images, and recoverability, compared with the retrained reference."""

from functools import partial

import pandas as pd
import streamlit as st

from core.domain.info import DatasetInfo
from core.figures import plotly_layout
from core.figures.gauges import described, gauge_figure, legend
from core.figures.markdown import plain
from core.figures.privacy.attack import Attack
from core.reports.gauges import ATTACK as ATTACK_METRIC
from core.reports.gauges import MARKS, STEPS, gauges
from core.storage.record_types import Run
from dashboard.components.common.checks_panel import case_of, show_checks_note
from dashboard.components.common.current_run import finished_run
from dashboard.components.common.fragments import errors_shown, fragment
from dashboard.components.common.level import guided, more_in_full
from dashboard.components.common.missing_results import show_missing_parts
from dashboard.components.privacy.attack_controls import ask_attack, second_reference_examples
from dashboard.components.privacy.attack_panels import say_how_to_read, show_distributions, show_rates, show_roc
from dashboard.components.privacy.attacked_images import show_attacked_images
from dashboard.components.privacy.recoverability_panel import show_recoverability
from dashboard.queries import catalogue, runs

ATTACK = (
    "An attacker looks at one number of one network and guesses which images were in its training set. On what was forgotten "
    "he should do no better, and no worse, than on a network that was retrained without it."
)


def attack_part(run: Run, data: DatasetInfo, second_reference: Run | None) -> None:
    """The attack, and below it the attacked images: a click on an image redraws only these."""
    examples = runs.handle(run).table("examples")
    second, no_second = second_reference_examples(run, second_reference, examples)
    controls, figures = st.columns([2, 5], gap="medium")
    with controls:
        attack = ask_attack(run.id, run.spec.request, examples, second)
    with figures:
        show_rates(attack)
        show_distributions(attack)
    say_how_to_read(attack, no_second)
    show_roc(attack)
    st.subheader("Attacked images")
    fragment(partial(attacked_images_part, run, data, examples, attack), show=st.info)


def two_gauges(run: Run) -> None:
    """How well the attack does and how fast what was forgotten comes back, against retrained networks. Raises WrongInput."""
    shown = [one for one in gauges(case_of(run), runs.handle(run).report()["reasons"]) if one.key in (ATTACK_METRIC, STEPS)]
    used = [mark for mark in MARKS if any(gauge.place(mark) is not None for gauge in shown)]
    st.subheader("Can one still tell what was forgotten?")
    st.markdown(ATTACK)
    st.html(legend(used))
    st.plotly_chart(gauge_figure(shown), key="privacy_gauges", config=plotly_layout.CONFIG, alt=described(shown))
    for gauge in shown:
        st.markdown(plain(f"{gauge.title}: {gauge.why.rstrip('.')}."))
    st.markdown("A dot in a blue band is good: another retrained network might lie there too.")


def attacked_images_part(run: Run, data: DatasetInfo, examples: pd.DataFrame, attack: Attack) -> None:
    """The image grids and the card."""
    predictions = runs.handle(run).arrays("answers")
    show_attacked_images(run.id, data.key, examples, predictions, catalogue.images(data.key), data.classes, attack, multi=data.multi)


run = finished_run()
if run is not None:
    data = catalogue.dataset(run.spec.dataset)
    show_missing_parts(run, {}, "views/privacy.py", reference="what an attack finds there, and how fast it comes back, is missing below")
    with errors_shown(st.info):
        show_checks_note(run)
    if guided():
        with errors_shown(st.info):
            two_gauges(run)
        more_in_full("every attack and its threshold, the attacked images, and each attempt to bring it back")
    else:
        st.subheader("Membership inference attack", help=ATTACK)
        fragment(partial(attack_part, run, data, runs.related(run).floor), show=st.info)
        st.subheader("Recoverability")
        with errors_shown(st.info):
            show_recoverability(run)
