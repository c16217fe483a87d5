"""What a method says that it costs against what hooks count, on part of digits by the presets; its network need not have learned."""

from dataclasses import replace
from functools import cache

import pytest
import torch
from torch import nn

from core.data.dataset import Dataset
from core.data.registry import load_dataset
from core.data.splits import Splits, split
from core.domain.presets import preset_for
from core.domain.requests.classes import ClassRequest
from core.domain.training.recipes import LOG
from core.jobs.write_catalogue import describe
from core.methods.registry import METHODS
from core.models.registry import MODELS
from core.training.context import RunContext
from core.training.loop import fit
from core.training.per_example_gradients import per_sample_gradients
from tests.benchmarks.bench_passes import counted, counting, preset_method

RECIPE = preset_for("digits", "small_cnn").recipe


@cache
def digits() -> Dataset:
    whole = load_dataset("digits")
    return Dataset(whole.info, whole.train.first(300), whole.test)


def context() -> RunContext:
    return RunContext(lambda: MODELS["small_cnn"](digits().info), RECIPE, 1)


@cache
def splits() -> Splits:
    return split(digits(), ClassRequest((3,)))


def trained() -> nn.Module:
    """Where a method replays training, it must have been."""
    return fit(context().fresh_model(), splits().train, RECIPE, context())


def costs(method) -> tuple[float, float]:
    """(what is counted, what it says), in training passes of one image."""
    _, each = counted(method, trained() if LOG in method.keeps else context().fresh_model().eval(), splits(), context())
    return each.passes, method.passes(len(splits().train), int(splits().forgotten.sum()), RECIPE)


@pytest.mark.parametrize("key", METHODS)
def test_what_a_method_says_that_it_costs_is_what_it_costs(key):
    method = preset_method(key, digits().info, 3)
    if key == "weight_perturbation":  # says what it may cost: a network that has learned nothing would stop it early
        method = replace(method, tolerance=0.0)
    if key == "amun":  # attacks what is recognised, and such a network recognises nothing
        method = replace(method, steps=0)
    if key == "amnesiac":  # a class is in every batch
        method = replace(method, every_batch="subtract")
    found, says = costs(method)
    assert says == pytest.approx(found, rel=0.10)


@pytest.mark.parametrize(
    "key, settings",
    [
        ("ssd", {"importance": "label_free"}), ("ssd", {"importance": "batch"}), ("ssse", {"scope": "all", "rank": 8}),
        ("ssse", {"scope": "classifier", "downdate": "yes"}), ("aru", {"epochs": 0, "attack_steps": 2}),
        ("unsir", {"noise": "none"}), ("scrub", {"epochs": 1, "max_epochs": 3}), ("l1_sparse", {"epochs": 2, "step": "proximal"}),
        ("last_layers", {"variant": "cf", "k": 1, "epochs": 2}), ("delete", {"epochs": 2, "norm_mode": "eval"}),
        ("weight_perturbation", {"variant": "B", "steps": 5, "look_every": 2, "tolerance": 0.0}),
    ],
)  # fmt: skip
def test_other_settings_are_counted_too(key, settings):
    found, says = costs(METHODS[key](**settings))
    assert says == pytest.approx(found, rel=0.10)


def test_a_search_counts_two_trials_of_the_settings_that_it_begins_with_and_ssd_those_of_a_bisection():
    """Of 10,000 images, 1,000 to forget: 600 are evaluated before and after each trial, predictions alone."""
    sizes, evaluated = (10_000, 1_000, RECIPE), 3 * 600 / 3
    assert METHODS["ssd"](settings="auto").passes(*sizes) == pytest.approx(1_000 + (1 + 6) * 600 / 3), "31 rungs are halved five times"
    given, searching = (METHODS["ssse"](settings=settings).passes(*sizes) for settings in ("given", "auto"))
    assert searching - given == pytest.approx(evaluated)
    # Attack 7 1/3 and mask 2 over the forget set; healing of 7 epochs (of 20), before and after each of which 1,000 images are evaluated.
    assert METHODS["aru"](settings="auto").passes(*sizes) == pytest.approx(9_333.3 + 2 * (63_000 + 8 * 1_000 / 3) + evaluated, rel=1e-4)
    briefly = METHODS["aru"](settings="auto").passes(*sizes[:2], replace(RECIPE, epochs=3))  # healing of an epoch
    assert briefly == pytest.approx(9_333.3 + 2 * (9_000 + 2 * 1_000 / 3) + evaluated, rel=1e-4)
    perturbation = METHODS["weight_perturbation"](settings="auto", variant="C", fraction=0.1, batch_size=20, look_every=50)
    assert perturbation.passes(*sizes) == pytest.approx(300 + 2 * ((240 + 100) / 3 + 12 * 40 + 2 * 200 / 3) + evaluated)


@pytest.mark.parametrize("key, settings", [("ssse", {"scope": "classifier"}), ("ssse", {"rank": 8}), ("ssd", {})])
def test_a_search_by_predictions_computes_what_it_scales_once(key, settings):
    """What it costs more than a run with settings given: predictions of 300 images at most, once before and once a trial."""
    given, searching = METHODS[key](**settings), METHODS[key](settings="auto", **settings)
    costs(given)  # what a process finds out once, by a prediction of one image, counts for neither
    run, evaluated = context(), len(splits().train)  # fewer than a draw of either set
    _, each = counted(searching, context().fresh_model().eval(), splits(), run)
    trials = int(run.recorded["search/trials"])
    assert each.passes - costs(given)[0] == pytest.approx((1 + trials) * evaluated / 3)


def test_the_count_by_hand():
    model, x, y = context().fresh_model().eval(), digits().train.first(8).pixels(), digits().train.labels[:8]
    with counting() as count:
        nn.functional.cross_entropy(model(x), y).backward()
        assert (count.forward, count.backward, count.passes) == (8, 8, 8.0)
        with torch.no_grad():
            model(x[:3])
        assert (count.forward, count.backward) == (11, 8)
        torch.autograd.grad(model(x).sum(), model.classifier.weight)  # does not reach the first layer
        assert (count.forward, count.backward) == (19, 8)
        per_sample_gradients(model, [name for name, _ in model.named_parameters()], x, y)
        assert (count.forward, count.backward) == (27, 16)
    model(x)
    assert count.forward == 27, "nothing is counted afterwards"


def test_the_catalogue_says_what_forgetting_one_digit_costs():
    info = describe().methods
    assert info["retrain"].passes == pytest.approx(20 * 0.9, rel=0.01)  # epochs of the recipe over nine classes of ten
    assert info["gradient_ascent"].passes == pytest.approx(2 * 0.1, rel=0.05)
    assert info["original"].passes == 0
