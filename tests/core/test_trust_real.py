"""The checks on networks that were really trained: each planted fault is named, and a retrained network is left in peace."""

import pytest

from core.store.home import open_home
from core.trust import examine
from tests.spoiled import constant, judged, one_class_lost, over_forgotten, retrained, untouched, with_floor

PLANTED = {
    "untouched": ("class:3", untouched, "distance 0"),
    "collapsed": ("class:3", constant, "all answers are 0"),
    "over_forgotten": ("random:0.05", over_forgotten, "what had to go is answered right"),
    "hidden_worst_class": ("class:3", one_class_lost, "unseen images of 5"),
}


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """One home for all, so that each network is trained once."""
    return open_home(tmp_path_factory.mktemp("trust") / "home")


@pytest.mark.parametrize("key", PLANTED)
def test_a_planted_fault_is_named_with_and_without_a_floor(home, key):
    request, spoil, words = PLANTED[key]
    case = judged(home, request, 0, spoil)
    for held in (case, with_floor(case, judged(home, request, 0, retrained))):
        found = {doubt.key: doubt.sentence for doubt in examine(held).doubts}
        assert key in found, found
        assert words in found[key]
        assert set(found) <= {key, "streisand"}, found  # what is driven too far may be confused, too


@pytest.mark.parametrize("request_", ["class:3", "classes:2,7", "random:0.05"])
def test_a_retrained_network_raises_no_doubt(home, request_):
    case = judged(home, request_, 0, retrained)
    assert examine(case).doubts == examine(with_floor(case, case)).doubts == ()
