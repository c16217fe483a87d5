"""What the original takes recorded noise for: moment by moment, image by image, worked by hand."""

from math import exp

import pytest
import torch

from core.analysis import method_steps as room
from core.analysis.method_steps import noise_answers
from core.domain.errors import WrongInput
from tests.core.analysis.opened_by_hand import ByHand, network


def asked(monkeypatch, home, recorded):
    monkeypatch.setattr(room, "open_models", lambda *_: ByHand({"original": network([[0.0], [2.0]], [0.0, 0.0])}, recorded))
    return noise_answers(home, "byhand")


def test_every_image_of_every_moment_gets_its_probabilities(monkeypatch, home):
    frames = torch.tensor([[0.0, 1.0, -1.0], [2.0, 3.0, 0.5]]).view(2, 3, 1, 1, 1)
    told = asked(monkeypatch, home, {"unsir_noise/1/frames": frames, "unsir_noise/1/curve": torch.zeros(4, 2)})
    assert list(told) == ["1"]
    for moment in range(2):
        for image in range(3):
            second = 1 / (1 + exp(-2 * float(frames[moment, image])))  # the softmax of logits (0, 2 x)
            assert told["1"][moment][image] == pytest.approx([1 - second, second], rel=1e-5)


def test_a_run_without_noise_is_told_so(monkeypatch, home):
    for recorded in ({}, {"unsir/retain": torch.zeros(3)}):
        with pytest.raises(WrongInput, match="recorded no noise"):
            asked(monkeypatch, home, recorded)
