"""Whole runs on every architecture: every metric comes with a number or a reason, every table with every layer group.

The small network's whole runs are in `test_pipeline.py`; those marked `slow` add the other architectures. ViT-B/16 is left
to hand: 86 million weights take a minute here, and its parts are tested with its methods and features.
"""

from dataclasses import dataclass, replace
from math import isfinite

import pytest
import torch

from core import pipeline
from core.data.dataset import Dataset, Examples
from core.data.registry import DATASETS, load_dataset
from core.domain.errors import WrongInput
from core.domain.info import DatasetInfo
from core.domain.presets import Preset
from core.domain.requests.classes import ClassRequest
from core.domain.run import Recipe, RunSpec
from core.metrics.registry import METRICS
from core.models.layer_groups import groups
from core.models.registry import MODELS
from core.storage.artifacts import Artifacts
from tests.tiny import tiny_of

KEY, SIDE, TRAIN, TEST = "tiny_colour", 8, 30, 18


@dataclass(frozen=True)
class Source:
    """Three patterns under noise, on the shelf for as long as a test."""

    INFO: DatasetInfo

    def load(self):
        generator, labels = torch.Generator().manual_seed(0), torch.arange(TRAIN + TEST) % 3
        patterns, noise = (torch.rand(n, 3, SIDE, SIDE, generator=generator) for n in (3, TRAIN + TEST))
        images = ((0.4 * patterns[labels] + 0.6 * noise) * 255).to(torch.uint8)
        return Dataset(self.INFO, Examples(images[:TRAIN], labels[:TRAIN]), Examples(images[TRAIN:], labels[TRAIN:]))


@pytest.fixture
def shelf(monkeypatch):
    """The dataset on its shelf, one epoch for training, and what the pipeline sets given back."""
    info = replace(tiny_of(3).dataset.info, key=KEY, height=SIDE, width=SIDE, train_counts=(TRAIN // 3,) * 3, test_count=TEST)
    monkeypatch.setitem(DATASETS, KEY, Source(info))
    monkeypatch.setattr("core.training.run_setup.preset_for", lambda *_: Preset(Recipe(1, 12, 0.01)))
    monkeypatch.setattr("core.metrics.membership_inference.SPLITS", 2)
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    yield
    load_dataset.cache_clear()
    torch.set_deterministic_debug_mode("default")


def spec_of(key, method="ssd", **params):
    return RunSpec(KEY, key, ClassRequest((2,)), method, params, device="cpu")


QUICK = ("all_cnn", "vit_small")  # convolutions with BatchNorm, and attention


@pytest.mark.parametrize(
    "key", [key if key in QUICK else pytest.param(key, marks=pytest.mark.slow) for key in MODELS if key != "vit_b_16"]
)
def test_every_metric_has_a_number_or_a_reason_on_every_architecture(key, shelf, home):
    outcome = pipeline.run(spec_of(key, alpha=1.5), home, lambda *_: None)
    assert {m.metric for m in outcome.measurements} == set(METRICS)
    for taken in outcome.measurements:
        assert taken.reason.endswith(".") if taken.value is None else isfinite(taken.value), taken
    told = {m.metric for m in outcome.measurements if m.model == "unlearned" and m.value is not None}
    assert {"probe_accuracy", "cka_forget_to_reference", "graft_forget_accuracy", "js_to_reference"} <= told
    artifacts = Artifacts(home.artifacts_folder)
    layers = set(groups(MODELS[key](DATASETS[KEY].INFO)))
    for table in ("probes", "cka"):
        assert set(artifacts.get_table(outcome.artifacts[table])["layer"]) == layers
    assert set(artifacts.get_table(outcome.artifacts["graft"])["layer"]) == layers | {""}


def test_curvature_that_cannot_fit_is_refused_before_anything_is_trained(shelf, home):
    told = []
    with pytest.raises(WrongInput, match="choose scope = classifier"):
        pipeline.run(spec_of("resnet18", "ssse", scope="all", rank=4096), home, lambda *step: told.append(step))
    assert not told
    assert not list(home.artifacts_folder.iterdir())
