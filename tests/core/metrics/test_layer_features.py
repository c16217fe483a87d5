"""Features of maps, tokens and vectors: averaged where there are many, never flattened to more than a probe can take."""

import pytest
import torch

from core.data.splits import split
from core.domain.requests.registry import parse_request
from core.metrics.base import Evidence
from core.metrics.layer_features import WIDEST, features, flat
from core.models.registry import MODELS
from tests.tiny import tiny_of


@pytest.mark.parametrize(
    "shape, width",
    [
        ((2, 16, 8, 8), 16 * 16), ((2, 16, 3, 3), 16 * 9), ((2, 16, 4, 2), 16 * 8), ((2, 512, 4, 4), 512 * 4), ((2, 1280, 4, 4), 1280),
        ((2, 5000, 2, 2), 5000), ((2, 64, 192), 21 * 192), ((2, 16, 192), 16 * 192), ((2, 197, 768), 5 * 768), ((2, 5, 768), 5 * 768),
        ((2, 70), 70), ((2, 9000), 9000),
    ],
    ids=str,
)  # fmt: skip
def test_maps_keep_four_by_four_cells_and_tokens_as_many_means_as_there_is_room_for(shape, width):
    assert flat(torch.rand(shape)).shape == (2, width)


def test_neighbouring_tokens_are_averaged():
    tokens = torch.tensor([0.0, 1.0, 2.0, 3.0]).view(1, 4, 1).expand(1, 4, WIDEST // 2)  # room for two means of two
    found = flat(tokens).view(WIDEST // 2, 2)  # a feature's means lie side by side, as a map's cells do
    assert torch.equal(found, torch.tensor([0.5, 2.5]).expand(WIDEST // 2, 2))


@pytest.mark.slow
def test_a_class_token_is_one_of_the_tokens_and_the_last_groups_are_vectors():
    data = tiny_of(3).dataset
    model = MODELS["vit_b_16"](data.info).eval()
    evidence = Evidence(split(data, parse_request("class:2")), {}, {}, networks={"unlearned": model})
    found = features(evidence, "unlearned", "forget", 4)
    assert list(found) == ["tokens", *(f"block{i}" for i in range(1, 13)), "classifier"]
    assert [tuple(found[name].shape) for name in ("tokens", "block11", "block12", "classifier")] == [
        (4, 5 * 768), (4, 5 * 768), (4, 768), (4, 3)
    ]  # fmt: skip
