"""Doing nothing, exactly."""

from core.domain.requests.registry import parse_request
from core.methods.baselines.original import Original
from tests.tiny import same_weights


def test_it_returns_the_very_model_that_came_unchanged(tiny):
    model = tiny.original()
    assert Original().unlearn(model, tiny.splits().only(Original.uses), tiny.context()) is model
    assert same_weights(model, tiny.original())


def test_it_reads_no_data_at_all():
    assert Original.uses == frozenset()
    assert Original().statistics(parse_request("class:2")) == ()
