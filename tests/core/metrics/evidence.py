"""Evidence made of random numbers: metrics are pure functions of it, so no model is needed."""

from dataclasses import replace
from functools import cache

import torch
from torch import nn

from core.data.dataset import Examples
from core.data.splits import split
from core.domain.requests.registry import parse_request
from core.domain.run import MODELS
from core.metrics.base import Evidence, Logits
from core.training.loop import fit, predict
from tests.tiny import RECIPE, Tiny


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
        split(dataset, parse_request(request)),
        {model: Logits(draw(len(dataset.train), 3), draw(len(dataset.test), 3)) for model in models},
        {model: {"a.weight": draw(4, 3, 3, 3), "a.bias": draw(4), "b.weight": draw(3, 5)} for model in models},
        seed=5,
    )


LEARNS = replace(RECIPE, epochs=6, learning_rate=0.03)  # the tiny recipe leaves a network that is hardly right


@cache
def trained(tiny: Tiny, request: str = "") -> nn.Module:
    """A network that has learnt the tiny data, without what the request names where there is one; only to be looked at."""
    examples = tiny.splits(request).retain if request else tiny.dataset.train
    context = tiny.context(seed=2 if request else 1)
    return fit(context.fresh_model(), examples, LEARNS, context)


def inside(tiny: Tiny, request: str = "class:2", models: tuple[str, ...] = MODELS) -> Evidence:
    """Evidence with real networks: the trained original stands for `original` and `unlearned`, a retrained one for the
    reference; an untrained one besides."""
    evidence = evidence_of(tiny, request, models)
    networks = {"original": trained(tiny), "unlearned": trained(tiny), "reference": trained(tiny, request)}
    networks = {name: network for name, network in networks.items() if name in models}
    sets = (evidence.splits.train, evidence.splits.test)
    return replace(
        evidence,
        logits={name: Logits(*(predict(network, s, "cpu") for s in sets)) for name, network in networks.items()},
        weights={name: {n: p.detach() for n, p in network.named_parameters()} for name, network in networks.items()},
        networks={**networks, "untrained": tiny.context(seed=9).fresh_model().eval()},
        cache={},
    )
