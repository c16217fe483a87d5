"""Five methods and the importance behind them on every architecture: tiny images, one epoch, nothing but the contract.

What ViT-B/16 computes is marked `slow`, and so is the same seed on more than two architectures.
"""

from copy import deepcopy
from dataclasses import dataclass, replace
from functools import cache
from hashlib import sha256

import pytest
import torch
from torch import nn
import torch.nn.functional as F

from core.data.dataset import Dataset, Examples
from core.data.splits import Splits, split
from core.domain.errors import WrongInput
from core.domain.requests.registry import parse_request
from core.domain.run import Recipe
from core.methods.base import UnlearningMethod
from core.methods.registry import METHODS
from core.models.registry import MODELS
from core.training.context import RunContext
from core.training.fisher import fisher_diagonal
from core.training.loop import fit
from core.training.precomputed import FisherStatistic
from tests.core.methods.test_contract import state_of
from tests.tiny import tiny_of

TRAIN, TEST, CLASSES = 12, 6, 3
SIDE = {"vit_b_16": 32}  # its smallest; the others see 16 pixels
RECIPE = Recipe(epochs=1, batch_size=6, learning_rate=0.01)
SETTINGS: dict[str, dict[str, object]] = {
    "ssd": {"alpha": 1.0},
    "ssse": {"scope": "classifier", "rank": 8, "epsilon": 1.0},
    "aru": {"attack_steps": 1, "epochs": 1, "batch_size": 6},
    "unsir": {"noise_count": 3, "noise_steps": 1, "copies": 1, "impair_rate": 0.001, "repair_rate": 0.001, "batch_size": 6},
    "weight_perturbation": {"variant": "B", "tolerance": 0.0, "steps": 1, "look_every": 1, "batch_size": 3},
}  # fmt: skip
ONCE = ("vit_b_16",)  # 86 million weights: not run a second time for the same seed but by one method, and not trained
TWICE = [(key, method) for key in MODELS for method in SETTINGS if key not in ONCE or method == "ssse"]
QUICKLY_TWICE = ("all_cnn", "vit_small")  # convolutions with BatchNorm, and attention
EACH = [pytest.param(key, marks=pytest.mark.slow) if key in (*ONCE, "mobilenet_v2") else key for key in MODELS]


@dataclass(frozen=True)
class OnModel:
    """A dataset of three patterns under noise, and a model that has seen it once."""

    key: str
    dataset: Dataset
    original: nn.Module

    def context(self, **about: object) -> RunContext:
        return RunContext(lambda: MODELS[self.key](self.dataset.info), RECIPE, **{"seed": 1, **about})  # type: ignore[arg-type]  # its own

    def splits(self) -> Splits:
        return split(self.dataset, parse_request("class:2"))

    def unlearn(self, method: UnlearningMethod) -> nn.Module:
        lent = {s.key: s.compute(self.original, self.dataset.train, self.context()) for s in method.statistics(self.splits().request)}
        return method.unlearn(deepcopy(self.original), self.splits().only(method.uses), self.context(statistics=lent))


@cache
def on_model(key: str) -> OnModel:
    side, generator = SIDE.get(key, 16), torch.Generator().manual_seed(0)
    labels = torch.arange(TRAIN + TEST) % CLASSES
    patterns, noise = (torch.rand(n, 3, side, side, generator=generator) for n in (CLASSES, TRAIN + TEST))
    images = ((0.4 * patterns[labels] + 0.6 * noise) * 255).to(torch.uint8)
    info = replace(tiny_of(3).dataset.info, height=side, width=side, train_counts=(TRAIN // CLASSES,) * CLASSES, test_count=TEST)
    dataset = Dataset(info, Examples(images[:TRAIN], labels[:TRAIN]), Examples(images[TRAIN:], labels[TRAIN:]))
    fresh = OnModel(key, dataset, nn.Identity()).context().fresh_model().eval()
    return OnModel(key, dataset, fresh if key in ONCE else fit(fresh, dataset.train, RECIPE, OnModel(key, dataset, fresh).context()))


def of(key: str, name: str) -> UnlearningMethod:
    return METHODS[name](**SETTINGS[name])  # type: ignore[arg-type]  # each method's own


FIRST: dict[tuple[str, str], str] = {}  # what each method left the first time: large networks are not unlearned once more for it


def unlearned(key: str, name: str) -> nn.Module:
    """By the settings above; the weights' fingerprint is remembered the first time."""
    model = on_model(key).unlearn(of(key, name))
    if (key, name) in TWICE:
        FIRST.setdefault((key, name), fingerprint(model))
    return model


def fingerprint(model: nn.Module) -> str:
    """Equal for equal parameters and buffers, bit for bit."""
    found = sha256()
    for tensor in model.state_dict().values():
        found.update(tensor.contiguous().numpy().tobytes())
    return found.hexdigest()


@pytest.mark.parametrize("key", EACH)
def test_the_importance_is_the_mean_of_squared_gradients_of_a_loop_over_examples(key):
    """In double precision: in single, the gradients of a barely trained MobileNetV2 are rounding as much as anything else."""
    on, count = on_model(key), 2 if key in ONCE else 5
    some, model = on.dataset.train.first(count), deepcopy(on.original).double()

    def batches(size):
        return ((x.double(), y) for x, y in some.batches(size))

    found = fisher_diagonal(model, batches)
    parameters = dict(model.named_parameters())
    wanted = {name: torch.zeros_like(p) for name, p in parameters.items()}
    for x, y in batches(1):
        for name, g in zip(parameters, torch.autograd.grad(F.cross_entropy(model(x), y), list(parameters.values())), strict=True):
            wanted[name] += g.square() / count
    assert found.keys() == wanted.keys()
    for name, value in wanted.items():
        assert (found[name] - value).abs().max() <= 1e-9 * value.abs().max(), name


@pytest.mark.parametrize("name", SETTINGS)
@pytest.mark.parametrize("key", EACH)
def test_it_changes_the_weights_and_leaves_them_finite_and_free(key, name):
    on = on_model(key)
    before = state_of(on.original)["weights"]
    model = unlearned(key, name)
    state = state_of(model)
    after = model.state_dict()
    assert all(t.isfinite().all() for t in after.values())
    assert any(not torch.equal(after[n], t) for n, t in before.items()), "nothing was changed"
    assert all(torch.equal(on.original.state_dict()[n], t) for n, t in before.items()), "the original was changed"
    assert not any(state["hooks"])
    assert all(state["trainable"])
    assert not any(state["modes"])
    assert state["gradients"] == [None] * len(state["gradients"])
    assert model(on.dataset.test.pixels()).shape == (TEST, CLASSES)


@pytest.mark.parametrize(
    "key, name", [one if one[0] in QUICKLY_TWICE else pytest.param(*one, marks=pytest.mark.slow) for one in TWICE]
)
def test_the_same_seed_gives_the_same_weights(key, name):
    if (key, name) not in FIRST:  # the test above was not asked for
        unlearned(key, name)
    torch.rand(5)  # torch's global generator is nobody's
    assert fingerprint(unlearned(key, name)) == FIRST[key, name]


@pytest.mark.parametrize("key, reset", [
    ("vit_small", "patches.embed"), pytest.param("vit_b_16", "tokens.embed", marks=pytest.mark.slow),
])  # fmt: skip
def test_attack_and_reset_gives_a_transformers_patch_embedding_a_fresh_start_and_nothing_else(key, reset):
    on = on_model(key)
    model = on.unlearn(METHODS["aru"](attack_steps=1, epochs=0, batch_size=6, share=0.5, reset="zero"))
    changed = {name for name, t in on.original.state_dict().items() if not torch.equal(t, model.state_dict()[name])}
    assert changed == {f"{reset}.weight"}
    slices = (model.state_dict()[f"{reset}.weight"] == 0).all(dim=(2, 3))
    assert slices.sum() == slices.numel() // 2


@pytest.mark.parametrize("key", [key for key in MODELS if key not in ("small_cnn", "vit_b_16")])
def test_perturbation_leaves_the_statistics_of_batchnorm_alone(key):
    on = on_model(key)
    model = on.unlearn(of(key, "weight_perturbation"))
    buffers = dict(on.original.named_buffers())
    assert all(torch.equal(t, buffers[name]) for name, t in model.named_buffers())


# What curvature may take.


def shapes(key: str) -> nn.Module:
    info = replace(on_model("small_cnn").dataset.info, height=32, width=32, classes=tuple("abcdefghij"))
    with torch.device("meta"):
        return MODELS[key](info)


@pytest.mark.parametrize("key", [key for key in MODELS if key not in ("small_cnn", "vit_b_16")])
def test_the_curvature_of_all_weights_of_a_large_network_is_refused_with_a_way_out(key):
    with pytest.raises(WrongInput, match=r"would take about [\d.]+ GB, and 2.1 GB is the most; choose scope = classifier") as refused:
        FisherStatistic("all", rank=512).check(shapes(key), 5000)
    assert str(refused.value).count(".") - str(refused.value).count("GB") == 1, "one sentence"
    FisherStatistic("classifier", rank=512).check(shapes(key), 5000)


def test_a_rank_that_fits_is_named_and_does_fit():
    model = shapes("all_cnn")  # 1,370,986 weights: about 16 bytes each for every factor, and 192 of the sketch's own
    with pytest.raises(WrongInput, match=r"1,370,986 weights by 5,000 examples .* or a rank of 64 or less\."):
        FisherStatistic("all", rank=512).check(model, 5000)
    FisherStatistic("all", rank=64).check(model, 5000)
    with pytest.raises(WrongInput, match="of 85,"):
        FisherStatistic("all", rank=1).check(shapes("vit_b_16"), 5000)
    with pytest.raises(WrongInput, match=r"27\.4 GB"):  # 5,000 x 1,370,986 x 4
        FisherStatistic("all", gradients=True).check(model, 5000)


def test_the_small_network_of_the_digits_keeps_all_its_weights():
    FisherStatistic("all", rank=512).check(tiny_of(1).build(), 1437)
    with torch.device("meta"):
        on_digits = MODELS["small_cnn"](replace(tiny_of(1).dataset.info, classes=tuple("abcdefghij")))
    FisherStatistic("all", rank=512).check(on_digits, 1437)
    FisherStatistic("layers", rank=512).check(on_digits, 1437)
