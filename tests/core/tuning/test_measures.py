"""What a trial's network is worth in both modes, on predictions worked by hand."""

import pytest
import torch
from torch import nn

from core.data.dataset import Examples
from core.training.loop import Diverged
from core.tuning.measures import Blind, Oracle, Sides, sides_of


class Pixels(nn.Module):
    """Logits are the pixels, five times."""

    def forward(self, images):
        return 5 * images.flatten(1)


def examples(count, right, sure=255):
    """Of class 0, of which so many are recognised; `sure`: the pixel of the class that is predicted."""
    images = torch.zeros(count, 1, 1, 2, dtype=torch.uint8)
    images[:right, 0, 0, 0], images[right:, 0, 0, 1] = sure, sure
    return Examples(images, torch.zeros(count, dtype=torch.int64))


def test_accuracies_are_shares_and_the_attack_compares_losses_pair_by_pair():
    # Losses: right 0.007, wrong 5.007. Of the forget set 3 of 20 are right, of the others 8 of 10: a pair's chance that ours is lower
    # is 0.15 * 0.2, and half of ties, 0.15 * 0.8 + 0.85 * 0.2.
    found = sides_of(Pixels(), examples(20, 3), examples(10, 8), (examples(20, 3), examples(10, 8)), "cpu")
    assert (found.forget, found.retain) == (0.15, 0.8)
    assert found.attack == pytest.approx(0.15 * 0.2 + (0.15 * 0.8 + 0.85 * 0.2) / 2)


def test_blind_wants_a_class_gone_and_single_images_like_those_that_were_held_out():
    forget, held_out = examples(20, 3), examples(10, 8)
    gone, alike = (Blind(forget, held_out, erase, "cpu")(Pixels()).values for erase in (True, False))
    assert gone == {"forgetting": 0.15, "retained": 0.8, "attack": 0.0}  # below chance: nothing is left to recognise
    assert alike == {"forgetting": pytest.approx(0.65), "retained": 0.8, "attack": pytest.approx(0.5 - 0.175)}
    told = Blind(held_out, forget, True, "cpu")(Pixels())
    assert told.values["attack"] == pytest.approx(0.8 * 0.85 + (0.8 * 0.15 + 0.2 * 0.85) / 2 - 0.5)
    assert told.told.keys() == {"forget accuracy", "validation accuracy", "attack AUC"}


def test_oracle_is_the_distance_to_the_reference_whichever_side_of_it_a_network_lies():
    sets = examples(20, 3), examples(10, 8), (examples(20, 3), examples(10, 8))
    below, above = (Oracle(*sets, "cpu", reference)(Pixels()).values for reference in (Sides(0.25, 0.9, 0.3), Sides(0.05, 0.7, 0.1)))
    assert below == {"forgetting": pytest.approx(0.1), "retained": pytest.approx(0.1), "attack": pytest.approx(0.3 - 0.175)}
    assert above == {"forgetting": pytest.approx(0.1), "retained": pytest.approx(0.1), "attack": pytest.approx(0.075)}


def test_without_ten_images_a_side_there_is_no_attack_and_predictions_that_are_no_numbers_diverged():
    assert sides_of(Pixels(), examples(9, 3), examples(9, 8), (examples(9, 3), examples(10, 8)), "cpu").attack != 0
    assert torch.tensor(sides_of(Pixels(), examples(9, 3), examples(9, 8), (examples(9, 3), examples(10, 8)), "cpu").attack).isnan()

    class Broken(nn.Module):
        def forward(self, images):
            return images.flatten(1) * torch.nan

    with pytest.raises(Diverged, match="not finite"):
        sides_of(Broken(), examples(20, 3), examples(10, 8), (examples(20, 3), examples(10, 8)), "cpu")
