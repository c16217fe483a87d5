"""Architectures in the registry: shapes, and normalisation that nobody can train or forget.

ViT-B/16 has 86 million weights: it is counted without memory for them here, and computed with in the tests marked `slow`.
"""

from dataclasses import replace

import pytest
import torch

from core.models.layers import Normalise
from core.models.registry import MODEL_INFOS, MODELS

SIZES = [(8, 8), (9, 13), (92, 112)]
OTHER_SIZES = [(28, 28), (32, 32), (64, 64)]
LARGE = "vit_b_16"
EACH = [pytest.param(key, marks=pytest.mark.slow) if key == LARGE else key for key in MODELS]


def built(tiny, key, height=8, width=8, classes=3):
    info = replace(tiny.dataset.info, height=height, width=width, classes=tuple(map(str, range(classes))))
    return MODELS[key](info).eval()


def asked(data, key, height, width):
    """It is built for images of this size, and answers two of them."""
    model = built(data, key, height, width, classes=7)
    x = torch.rand(2, data.dataset.info.channels, height, width)
    logits = model(x)
    assert logits.shape == (2, 7)
    assert logits.dtype == torch.float32
    assert logits.isfinite().all()


@pytest.mark.parametrize("height, width", SIZES)
@pytest.mark.parametrize("key", [key for key in MODELS if key != LARGE])
def test_it_maps_images_of_any_size_to_logits(tiny, key, height, width):
    asked(tiny, key, height, width)


@pytest.mark.parametrize("key", EACH)
def test_it_maps_grey_images_to_logits(grey, key):
    asked(grey, key, 9, 13)


@pytest.mark.slow
@pytest.mark.parametrize("key, height, width", [
    *((key, *size) for key in MODELS if key != LARGE for size in OTHER_SIZES), (LARGE, 8, 8), (LARGE, 92, 112),
])  # fmt: skip
def test_it_maps_images_of_other_sizes_to_logits(grey_and_colour, key, height, width):
    asked(grey_and_colour, key, height, width)


@pytest.mark.parametrize("height, width", SIZES)
def test_the_largest_has_a_logit_for_each_class_at_every_size(grey_and_colour, height, width):
    with torch.device("meta"):  # shapes alone: no weight has a value
        model = built(grey_and_colour, LARGE, height, width, classes=7)
        logits = model(torch.rand(2, grey_and_colour.dataset.info.channels, height, width))
    assert (logits.shape, logits.dtype) == ((2, 7), torch.float32)


@pytest.mark.parametrize("key", EACH)
def test_every_parameter_feels_a_gradient(tiny, key):
    model = built(tiny, key)
    x = torch.rand(8, tiny.dataset.info.channels, 8, 8, generator=torch.Generator().manual_seed(0))
    torch.nn.functional.cross_entropy(model(x), torch.arange(8) % 3).backward()
    assert all(p.grad is not None and p.grad.any() for p in model.parameters())


@pytest.mark.parametrize("key", EACH)
def test_normalisation_lies_inside_as_buffers(grey_and_colour, key):
    tiny = grey_and_colour
    model, info = built(tiny, key), tiny.dataset.info
    [(name, normalise)] = [(n, m) for n, m in model.named_modules() if isinstance(m, Normalise)]
    assert list(normalise.parameters()) == []
    assert {n for n, _ in normalise.named_buffers()} == {"mean", "deviation"}
    assert f"{name}.mean" in model.state_dict()
    pixels = tiny.dataset.train.pixels()
    standard = normalise(pixels)
    assert standard.shape == pixels.shape
    assert standard.mean((0, 2, 3)).abs().max() < 1e-4
    assert (standard.std((0, 2, 3)) - 1).abs().max() < 1e-4
    wanted = (pixels[:, 0] - info.mean[0]) / info.deviation[0]
    torch.testing.assert_close(standard[:, 0], wanted)


@pytest.mark.parametrize("key", EACH)
def test_a_fresh_model_is_the_same_for_the_same_seed_and_leaves_the_global_generator_alone(grey, key):
    before = torch.random.get_rng_state()
    first, again, other = (grey.context(seed=seed).fresh_model() for seed in (1, 1, 2))
    assert torch.equal(before, torch.random.get_rng_state())
    weights = [[p for p in model.parameters() if p.ndim > 1] for model in (first, again, other)]
    assert all(torch.equal(a, b) for a, b in zip(weights[0], weights[1], strict=True))
    assert not any(torch.equal(a, b) for a, b in zip(weights[0], weights[2], strict=True))


def test_each_is_described_without_a_dataset_and_has_as_many_weights_as_its_layers_say():
    assert {info.key for info in MODEL_INFOS} == set(MODELS)
    assert all(info.title and info.about.endswith(".") for info in MODEL_INFOS)
    assert not [info.key for info in MODEL_INFOS if "digits" in info.about]  # a description stands beside every dataset
    from core.data.datasets.digits import INFO

    count = sum(p.numel() for p in MODELS["small_cnn"](INFO).parameters())
    # By hand: conv 16x9+16, norm 2x16, conv 32x16x9+32, norm 2x32, linear 32x4x4x64+64, linear 64x10+10.
    assert count == 160 + 32 + 4640 + 64 + 32832 + 650
