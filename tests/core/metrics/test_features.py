"""Features of maps, tokens and vectors: averaged where there are many, never flattened to more than a probe can take."""

from dataclasses import replace

import pytest
import torch

from core.context import RunContext
from core.data.dataset import Dataset
from core.data.examples import Examples
from core.data.splits import split
from core.domain import ForgetRequest, Recipe
from core.metrics import METRICS
from core.metrics.base import Answers, Evidence, NotApplicable
from core.metrics.features import WIDEST, _flat, features
from core.metrics.grafts import graft_table
from core.metrics.probes import probe_table
from core.metrics.similarity import cka_table
from core.models import MODELS
from core.models.groups import groups
from core.training import predict
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
    assert _flat(torch.rand(shape)).shape == (2, width)


def test_neighbouring_tokens_are_averaged():
    tokens = torch.tensor([0.0, 1.0, 2.0, 3.0]).view(1, 4, 1).expand(1, 4, WIDEST // 2)  # room for two means of two
    found = _flat(tokens).view(WIDEST // 2, 2)  # a feature's means lie side by side, as a map's cells do
    assert torch.equal(found, torch.tensor([0.5, 2.5]).expand(WIDEST // 2, 2))


def evidence_of(key: str, side: int) -> Evidence:
    """An untrained model in every part, on images of three classes."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(60) % 3
    images = (torch.rand(60, 3, side, side, generator=generator) * 255).to(torch.uint8)
    info = replace(tiny_of(3).dataset.info, height=side, width=side, train_counts=(10, 10, 10), test_count=30)
    dataset = Dataset(info, Examples(images[:30], labels[:30]), Examples(images[30:], labels[30:]))
    context = RunContext(lambda: MODELS[key](info), Recipe(1, 8, 0.01))
    one, other = (replace(context, seed=seed).fresh_model().eval() for seed in (1, 2))
    networks = {"original": one, "unlearned": other, "reference": one, "untrained": other}
    asked = {name: model for name, model in networks.items() if name != "untrained"}
    answers = {name: Answers(predict(m, dataset.train, "cpu"), predict(m, dataset.test, "cpu")) for name, m in asked.items()}
    weights = {n: {k: p.detach() for k, p in networks[n].named_parameters()} for n in answers}
    return Evidence(split(dataset, ForgetRequest.parse("class:2")), answers, weights, networks=networks)


@pytest.mark.parametrize("key", [key for key in MODELS if key != "vit_b_16"])
def test_every_metric_has_a_number_or_a_reason_on_every_architecture(key, monkeypatch):
    monkeypatch.setattr("core.metrics.membership.SPLITS", 2)
    evidence = evidence_of(key, 16)
    for metric in METRICS.values():
        for model in metric.models:
            try:
                found = metric.compute(evidence, model)
            except NotApplicable as reason:
                found = str(reason)
            assert isinstance(found, float) or found.endswith(".")
    layers = set(groups(evidence.networks["original"]))
    assert set(probe_table(evidence)["layer"]) == set(cka_table(evidence)["layer"]) == layers
    assert set(graft_table(evidence)["layer"]) == layers | {""}


def test_a_class_token_is_one_of_the_tokens_and_the_last_groups_are_vectors():
    evidence = evidence_of("vit_b_16", 32)
    found = features(evidence, "unlearned", "forget", 4)
    assert list(found) == ["tokens", *(f"block{i}" for i in range(1, 13)), "classifier"]
    assert [tuple(found[name].shape) for name in ("tokens", "block11", "block12", "classifier")] == [
        (4, 5 * 768), (4, 5 * 768), (4, 768), (4, 3)
    ]  # fmt: skip
