"""Evidence made of random numbers: metrics are pure functions of it, so no model is needed."""

from dataclasses import replace

import torch

from core.data.examples import Examples
from core.data.splits import split
from core.domain import ForgetRequest
from core.metrics.base import MODELS, Answers, Evidence
from tests.tiny import Tiny


def evidence_of(
    tiny: Tiny, request: str = "class:2", models: tuple[str, ...] = MODELS, test_classes: tuple[int, ...] = (0, 1, 2)
) -> Evidence:
    """Random logits and weights of each model; test data of `test_classes` only."""
    generator = torch.Generator().manual_seed(11)

    def draw(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=generator)

    def only(examples: Examples) -> Examples:
        return examples.subset(torch.isin(examples.labels, torch.tensor(test_classes)))

    dataset = replace(tiny.dataset, test=only(tiny.dataset.test))
    return Evidence(
        split(dataset, ForgetRequest.parse(request)),
        {model: Answers(draw(len(dataset.train), 3), draw(len(dataset.test), 3)) for model in models},
        {model: {"a.weight": draw(4, 3, 3, 3), "a.bias": draw(4), "b.weight": draw(3, 5)} for model in models},
        seed=5,
    )
