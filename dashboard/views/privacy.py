"""Privacy: membership inference attack, attacked images, and recoverability, compared with the retrained reference."""

from functools import partial

import pandas as pd
import streamlit as st

from core.domain.info import DatasetInfo
from core.figures.privacy.attack import Attack
from core.storage.record_types import Run
from dashboard.components.common.checks_panel import show_checks_note
from dashboard.components.common.current_run import finished_run
from dashboard.components.common.fragments import errors_shown, fragment
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
    st.subheader("Membership inference attack", help=ATTACK)
    fragment(partial(attack_part, run, data, runs.related(run).floor), show=st.info)
    st.subheader("Recoverability")
    with errors_shown(st.info):
        show_recoverability(run)
