"""Is it really gone: who can tell, who leaks, and how hard it is to recover; beside the retrained reference."""

from functools import partial

import pandas as pd
import streamlit as st

from core.domain.info import DatasetInfo
from core.storage.records import Run
from dashboard.components.common.checks_panel import trust_panel
from dashboard.components.common.missing_results import lacks
from dashboard.components.common.run_picker import finished_run
from dashboard.components.common.sections import errors_shown, fragment
from dashboard.components.privacy.attack_controls import Attack, ask_attack, second_reference
from dashboard.components.privacy.attack_panels import show_distributions, show_rates, show_roc
from dashboard.components.privacy.attacked_images import leaks
from dashboard.components.privacy.recoverability_panel import back_part
from dashboard.queries import catalogue, runs


def attack_part(run: Run, data: DatasetInfo, floor: Run | None) -> None:
    """Who can tell, and below it who leaks: a click on an image draws only the latter anew."""
    examples = runs.handle(run).table("examples")
    second, no_second = second_reference(run, floor, examples)
    attack = ask_attack(run.id, run.spec.request, examples, second)
    show_rates(attack, no_second)
    show_distributions(attack)
    show_roc(attack)
    st.subheader("Attacked images")
    fragment(partial(leaks_part, run, data, examples, attack), show=st.info)


def leaks_part(run: Run, data: DatasetInfo, examples: pd.DataFrame, attack: Attack) -> None:
    """The walls and the card."""
    answers = runs.handle(run).arrays("answers")
    leaks(run.id, examples, answers, catalogue.images(data.key), data.classes, attack, multi=data.multi)


run = finished_run()
if run is not None:
    data = catalogue.dataset(run.spec.dataset)
    lacks(run, {}, "views/privacy.py", reference="what an attack finds there, and how fast it comes back, is missing below")
    with errors_shown(st.info):
        trust_panel(run)
    st.subheader("Membership inference attack")
    st.caption(
        "An attacker looks at one number of one network and guesses which images were in its training set. On what was forgotten "
        "he should do no better, and no worse, than on a network that was retrained without it."
    )
    fragment(partial(attack_part, run, data, runs.related(run).floor), show=st.info)
    st.subheader("Recoverability")
    with errors_shown(st.info):
        back_part(run)
