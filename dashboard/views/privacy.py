"""Is it really gone: who can tell, who leaks, and how hard it is to bring back; beside the retrained reference."""

from functools import partial

import pandas as pd
import streamlit as st

from core.descriptions import DatasetInfo
from core.store.outcome import Run
from dashboard import queries
from dashboard.components.fragments import fragment, part
from dashboard.components.lacks import lacks
from dashboard.components.opened import finished_run
from dashboard.components.privacy_attack import Attack, ask_attack
from dashboard.components.privacy_leaks import leaks
from dashboard.components.privacy_rates import show_distributions, show_rates
from dashboard.components.privacy_roc import show_roc
from dashboard.components.privacy_second import second_reference
from dashboard.components.privacy_tries import back_part
from dashboard.components.trust import trust_panel

Where = tuple[str, str]


def attack_part(run: Run, where: Where, data: DatasetInfo, floor: Run | None) -> None:
    """Who can tell, and below it who leaks: a click on an image draws only the latter anew."""
    examples = queries.table(run.id, "examples", *where)
    second, no_second = second_reference(run, floor, examples)
    attack = ask_attack(run.id, run.spec.request, examples, second)
    show_rates(attack, no_second)
    show_distributions(attack)
    show_roc(attack)
    st.subheader("Who leaks")
    fragment(partial(part, partial(leaks_part, run, where, data, examples, attack)))


def leaks_part(run: Run, where: Where, data: DatasetInfo, examples: pd.DataFrame, attack: Attack) -> None:
    """The walls and the card."""
    answers = queries.arrays(run.id, "answers", *where)
    leaks(run.id, examples, answers, queries.images(data.key), data.classes, attack, multi=data.multi)


run = finished_run()
if run is not None:
    where, data = queries.edition(run), queries.dataset(run.spec.dataset)
    lacks(run, {}, "views/privacy.py", reference="what an attack finds there, and how fast it comes back, is missing below")
    part(partial(trust_panel, run))
    st.subheader("Who can tell?")
    st.caption(
        "An attacker looks at one number of one network and guesses which images were in its training set. On what was forgotten "
        "he should do no better, and no worse, than on a network that was retrained without it."
    )
    fragment(partial(part, partial(attack_part, run, where, data, queries.beside(run).floor)))
    st.subheader("Try to bring it back")
    part(partial(back_part, run, where))
