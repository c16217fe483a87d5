"""One run's method step by step: what happens in each step and why."""

import streamlit as st

from core.figures.markdown import plain
from dashboard.components.common.current_run import finished_run
from dashboard.components.common.missing_results import show_missing_parts
from dashboard.components.common.run_status import settings_of
from dashboard.components.inside.player import player
from dashboard.components.inside.stories import frames_of
from dashboard.queries import catalogue, runs

run = finished_run()
if run is not None:
    data, method = catalogue.dataset(run.spec.dataset), catalogue.current().methods.get(run.spec.method)
    if method is not None and method.reconstruction:
        st.markdown(":orange-badge[reconstruction] This method's algorithm is not public; the steps are our reading of its abstract.")
    st.caption(plain(f"{catalogue.method_title(run.spec.method)} · {catalogue.request_title(run.spec.request, run.spec.dataset)} · "
                     f"{settings_of(run) or 'no parameters'}"))  # fmt: skip
    frames = frames_of(run, data, method)
    recorded = {"recorded": "what its method recorded step by step"} if "recorded" in runs.missing_files(run) else {}  # not all record
    show_missing_parts(
        run, {"per_class": "accuracies by class", "layers": "how far each layer moved", **recorded}, "views/inside.py",
        reference="its predictions and the place of its weights are missing below",
        incomplete=any(frame.missing for frame in frames),
    )  # fmt: skip
    player(run.id, frames)
