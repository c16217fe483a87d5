"""Architectures held against torchvision's own networks and against counts by hand."""

from dataclasses import replace
import re

import pytest
import torch
from torch import nn
from torchvision import models as theirs

from core.data.datasets.digits import INFO as DIGITS
from core.models.layer_groups import groups
from core.models.registry import MODEL_INFOS, MODELS
from core.models.vit_b_16 import Attention


def info(side, width=None, channels=3, classes=10):
    return replace(
        DIGITS, channels=channels, height=side, width=width or side, classes=tuple(map(str, range(classes))),
        mean=(0.4, 0.5, 0.6)[:channels], deviation=(0.2, 0.3, 0.25)[:channels],
    )  # fmt: skip


def on_paper(build, *words, **about):
    """A model without memory for its weights: enough to count them."""
    with torch.device("meta"):
        return build(*words, **about)


def weights(model):
    return sum(p.numel() for p in model.parameters())


def count(key, side):
    return weights(on_paper(MODELS[key], info(side)))


def images(side, batch=2, channels=3):
    return torch.rand(batch, channels, side, side, generator=torch.Generator().manual_seed(0))


def renamed(model, *patterns):
    """A state dict under other names, without the normalisation."""
    state = {name: t for name, t in model.state_dict().items() if not name.startswith("normalise.")}
    for pattern, new in patterns:
        state = {re.sub(pattern, new, name): t for name, t in state.items()}
    return state


def lively(model):
    """BatchNorm statistics and scales as training could leave them, so that no part of a block is idle."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, nn.BatchNorm2d):
                for t, low in ((module.weight, 0.5), (module.bias, -0.5), (module.running_mean, -0.5), (module.running_var, 0.5)):
                    t.copy_(low + torch.rand(t.shape, generator=generator))
    return model.eval()


RESNET = ((r"^stem\.", "conv1."), (r"^stem_norm\.", "bn1."), (r"^stage", "layer"), (r"^classifier", "fc"))


def test_resnet18_has_the_weights_of_torchvisions_but_for_a_smaller_stem_below_64_pixels():
    full = weights(on_paper(theirs.resnet18, num_classes=10))
    assert count("resnet18", 64) == full
    assert count("resnet18", 63) == full - 64 * 3 * (7 * 7 - 3 * 3)  # 64 filters over 3 colours: 3x3 for 7x7
    assert count("resnet18", 32) == 11_173_962


def test_resnet18_is_torchvisions_from_64_pixels_on():
    ours, other = lively(MODELS["resnet18"](info(64))), theirs.resnet18(num_classes=10).eval()
    other.load_state_dict(renamed(ours, *RESNET))
    x = images(64)
    torch.testing.assert_close(ours(x), other(ours.normalise(x)))


def test_resnet18s_stem_does_not_shrink_a_small_image():
    model = MODELS["resnet18"](info(32)).eval()
    assert groups(model)["stem"](images(32)).shape == (2, 64, 32, 32)
    assert groups(MODELS["resnet18"](info(64)).eval())["stem"](images(64)).shape == (2, 64, 16, 16)


def test_mobilenet_v2_has_the_weights_of_torchvisions_at_every_size():
    full = weights(on_paper(theirs.mobilenet_v2, num_classes=10))
    assert count("mobilenet_v2", 64) == count("mobilenet_v2", 32) == full == 2_236_682


def test_mobilenet_v2_is_torchvisions_from_64_pixels_on():
    ours, other = lively(MODELS["mobilenet_v2"](info(64))), theirs.mobilenet_v2(num_classes=10).eval()
    stem_and_blocks = ((r"^stem\.", "features.0."), (r"^block(\d+)\.", r"features.\1."))
    names = (*stem_and_blocks, (r"^head\.", "features.18."), (r"^classifier", "classifier.1"))
    other.load_state_dict(renamed(ours, *names))
    x = images(64)
    torch.testing.assert_close(ours(x), other(ours.normalise(x)), rtol=1e-4, atol=1e-4)


def test_mobilenet_v2_shrinks_a_small_image_by_8_where_torchvisions_shrinks_by_32():
    small, large = MODELS["mobilenet_v2"](info(32)).eval(), MODELS["mobilenet_v2"](info(64)).eval()
    assert small[:-2](images(32)).shape[2:] == (4, 4)
    assert large[:-2](images(64)).shape[2:] == (2, 2)


def test_all_cnn_has_the_weights_counted_by_hand():
    kernels = 3 * 96 * 9 + 2 * 96 * 96 * 9 + 96 * 192 * 9 + 3 * 192 * 192 * 9 + 192 * 192
    assert count("all_cnn", 32) == kernels + 2 * (3 * 96 + 5 * 192) + 192 * 10 + 10


def test_vit_small_has_64_patches_of_4_pixels_at_32():
    model = MODELS["vit_small"](info(32)).eval()
    assert model.patches.embed.kernel_size == model.patches.embed.stride == (4, 4)
    assert model.patches(images(32)).shape == (2, 64, 192)
    width, tokens = 192, 64
    block = 2 * 2 * width + 4 * width * width + 4 * width + 8 * width * width + 5 * width  # norms, attention, network
    assert weights(model) == 3 * 16 * width + width + tokens * width + 6 * block + 2 * width + 10 * width + 10


@pytest.mark.parametrize("side, width, size, tokens", [(8, 8, 2, 16), (9, 13, 2, 35), (28, 28, 4, 49), (92, 112, 12, 80), (64, 64, 8, 64)])
def test_vit_smalls_patches_are_two_pixels_or_more_and_cover_the_whole_image(side, width, size, tokens):
    model = MODELS["vit_small"](info(side, width)).eval()
    assert model.patches.embed.kernel_size == (size, size)
    x = torch.rand(1, 3, side, width, requires_grad=True)
    assert model.patches(x).shape == (1, tokens, 192)
    model.patches(x).square().sum().backward()
    assert (x.grad != 0).all(dim=1).all()  # the last row and column are seen too


@pytest.fixture(scope="module")
def vit_b():
    """86 million weights: made once."""
    return MODELS["vit_b_16"](info(32)).eval()


@pytest.mark.slow
def test_vit_b_16_is_torchvisions_own_with_the_same_weights(vit_b):
    other = theirs.vit_b_16(image_size=32, num_classes=10).eval()
    names = (
        (r"^tokens\.embed\.", "conv_proj."), (r"^tokens\.token$", "class_token"), (r"^tokens\.place$", "encoder.pos_embedding"),
        (r"^block(\d+)\.", lambda m: f"encoder.layers.encoder_layer_{int(m[1]) - 1}."), (r"attend\.", "in_proj_"),
        (r"self_attention\.merge\.", "self_attention.out_proj."), (r"^norm\.", "encoder.ln."), (r"^classifier\.", "heads.head."),
    )  # fmt: skip
    other.load_state_dict(renamed(vit_b, *names))
    x = images(32)
    torch.testing.assert_close(vit_b(x), other(vit_b.normalise(x)), rtol=1e-4, atol=1e-5)
    assert weights(vit_b) == weights(other)


def test_attention_is_torchs_multi_head_attention():
    whole = nn.MultiheadAttention(24, 3, batch_first=True)
    nn.init.normal_(whole.in_proj_bias)
    x = torch.randn(2, 5, 24)
    torch.testing.assert_close(Attention(whole)(x, x, x, need_weights=False)[0], whole(x, x, x)[0])


@pytest.mark.parametrize("side, width, patches", [(8, 8, 4), (32, 32, 4), (92, 112, 49), (224, 224, 196)])
def test_vit_b_16_brings_an_image_to_whole_patches_and_adds_a_class_token(side, width, patches):
    model = on_paper(MODELS["vit_b_16"], info(side, width))
    assert model.tokens.place.shape == (1, 1 + patches, 768)
    assert weights(model) == weights(on_paper(theirs.vit_b_16, num_classes=10)) + (patches - 196) * 768


def test_vit_b_16_is_a_chain_of_tokens_blocks_and_a_classifier():
    model = on_paper(MODELS["vit_b_16"], info(32)).eval()
    found = groups(model)
    assert list(found) == ["tokens", *(f"block{i}" for i in range(1, 13)), "classifier"]
    assert sum(weights(group) for group in found.values()) == weights(model)
    y, shapes = torch.rand(2, 3, 32, 32, device="meta"), {}
    for name, group in found.items():
        y = group(y)
        shapes[name] = tuple(y.shape)
    assert set(shapes.values()) == {(2, 5, 768), (2, 768), (2, 10)}  # four patches and a class token, which alone goes on at the end
    assert (shapes["block11"], shapes["block12"], shapes["classifier"]) == ((2, 5, 768), (2, 768), (2, 10))


@pytest.mark.parametrize("key", [key for key in MODELS if key != "vit_b_16"])
def test_each_is_a_chain_whose_groups_run_one_after_the_other(key):
    chain(lively(MODELS[key](info(16))), images(16))


@pytest.mark.slow
def test_vit_b_16s_groups_run_one_after_the_other(vit_b):
    chain(vit_b, images(32))


def chain(model, x):
    """Its groups one after the other are the whole."""
    found, y = groups(model), x
    for group in found.values():
        y = group(y)
    torch.testing.assert_close(y, model(x))
    assert list(found)[-1] == "classifier"
    assert sum(weights(group) for group in found.values()) == weights(model)


def test_the_numbers_of_weights_in_their_descriptions_are_true():
    told = {i.key: i.about for i in MODEL_INFOS}
    for key, words, rounded in (
        ("all_cnn", "about 1.4 million weights", 1.4), ("resnet18", "11.2 million weights", 11.2),
        ("vit_small", "about 2.7 million weights", 2.7), ("mobilenet_v2", "2.2 million weights", 2.2),
    ):  # fmt: skip
        assert words in told[key]
        assert round(count(key, 32) / 1e6, 1) == rounded
    assert "86 million weights" in told["vit_b_16"]
    assert {round(count("vit_b_16", side) / 1e6) for side in (32, 112, 224)} == {86}
