"""Votes of an ensemble's members: ties, counts and accuracies worked by hand."""

import pytest
import torch
from torch import nn

from core.analysis import member_votes as room
from core.analysis.member_votes import member_votes, voted
from core.domain.errors import WrongInput
from core.models.ensemble import Ensemble
from tests.core.analysis.opened_by_hand import ByHand, network

SURE = network([[20.0], [0.0]], [-10.0, 0.0])  # of class 0 where an image is bright, of class 1 where it is dark
UNSURE = network([[-1.0], [0.0]], [0.5, 0.0])  # the other way round


def opened(monkeypatch, unlearned: nn.Module) -> None:
    run = ByHand({"unlearned": unlearned}, {})
    monkeypatch.setattr(room, "open_models", lambda *_: run)


def test_the_class_that_most_members_answer_wins_and_of_several_the_first():
    answers = torch.tensor([[0, 2, 1], [0, 1, 2], [1, 2, 0], [2, 1, 0]])  # of four members, of three images
    vote, behind = voted(torch.nn.functional.one_hot(answers, 3).float())
    assert vote.tolist() == [0, 1, 0]
    assert behind.tolist() == [2, 2, 2]


def test_a_sure_member_outvoted_by_two_unsure_ones_decides_the_mean(monkeypatch, home):
    """Test images: one bright, of class 1, one dark, of class 0. Two members answer rightly and hardly surely, one wrongly and surely."""
    opened(monkeypatch, Ensemble([SURE, UNSURE, UNSURE], multi=False))
    found = member_votes(home, "byhand")
    assert found == {"count": 2, "agree": [0, 2, 0], "right": [0, 2, 0], "members": [0.0, 1.0, 1.0], "vote": 1.0, "mean": 0.0}


def test_a_network_that_is_no_ensemble_has_no_members(monkeypatch, home):
    opened(monkeypatch, SURE)
    with pytest.raises(WrongInput, match="has no ensemble"):
        member_votes(home, "byhand")
