"""What stands above Run and Start while a pass of the network is being measured."""

import pytest
import streamlit as st

from core.jobs.forecast import sentence
from core.storage.record_types import Forecast
from dashboard.components.forms.forecast import show_forecast
from dashboard.queries import forecasts


@pytest.mark.parametrize("seconds, shown", [
    (0.0, ":material/timer: It is stored."),
    (3.0, ":material/timer: About 3 s on this machine, by what has finished here. A pass of this network is being measured; "
          "what it takes stands here after the next click."),
    (None, ":material/timer:  A pass of this network is being measured; what it takes stands here after the next click."),
])  # fmt: skip
def test_what_is_stored_waits_for_no_measurement(monkeypatch, seconds, shown):
    captions = []
    monkeypatch.setattr(st, "caption", captions.append)
    monkeypatch.setattr(forecasts, "pending", lambda: True)
    assert show_forecast(lambda: Forecast(seconds, None), lambda likely: "It is stored." if likely.seconds == 0 else sentence(likely))
    assert [caption.replace("\\", "") for caption in captions] == [shown]
