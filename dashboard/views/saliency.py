"""Where each network looks: one image under original, unlearned and reference, and a gallery of those that changed most."""

from functools import partial

import streamlit as st

from dashboard import queries
from dashboard.components.fragments import fragment, part
from dashboard.components.opened import finished_run
from dashboard.components.saliency_ask import ask_question
from dashboard.components.saliency_gallery import gallery
from dashboard.components.saliency_image import one_image

run = finished_run()
if run is not None:
    where, data = queries.edition(run), queries.dataset(run.spec.dataset)
    offer = queries.saliency_offer(run.id, *where)
    question = ask_question(offer, data)
    with st.expander("Gallery: which images tell most", expanded=True, icon=":material/grid_view:"):
        part(partial(gallery, run, data, question))
    st.subheader("One image")
    fragment(partial(one_image, run, where, data, offer, question))
