"""What every method must satisfy, asked of every method in the registry, on images with three channels.

One recorded run of a method answers most questions. The full cross products of methods and requests are marked `slow`.
"""

from dataclasses import dataclass, fields
from functools import cache
import inspect
from math import isfinite
from pathlib import Path
from unittest.mock import patch

import pytest
import torch
from torch import nn
from torch.optim.optimizer import register_optimizer_step_post_hook

from core.data.splits import NAMES, _Guarded
from core.domain.errors import WrongInput
from core.domain.hyperparameters import params_of, with_params
from core.domain.requests.registry import KINDS, parse_request
from core.methods.baselines.original import Original
from core.methods.registry import METHODS
from core.training.loop import predict
from tests.tiny import ONE_OF_EACH, Tiny, _trained, same_weights

OTHER_SETTINGS = (
    ("ssd", {"importance": "batch"}), ("ssd", {"importance": "label_free"}), ("ssse", {"storage": "gradients"}),
    ("ssse", {"downdate": "yes", "scope": "classifier"}), ("weight_perturbation", {"variant": "B"}),
)  # fmt: skip
SMALL = {
    "unsir": {"noise_count": 16, "noise_steps": 4, "copies": 2, "batch_size": 32},  # a second by default; the others are quick
    "amnesiac": {"every_batch": "subtract"},  # a third of these images in batches of 16
}
HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")


def state_of(model: nn.Module) -> dict[str, object]:
    """All of a model that somebody could have touched."""
    return {
        "weights": {name: tensor.clone() for name, tensor in model.state_dict().items()},
        "modes": [module.training for module in model.modules()],
        "gradients": [p.grad for p in model.parameters()],
        "trainable": [p.requires_grad for p in model.parameters()],
        "hooks": [len(getattr(module, kind)) for module in model.modules() for kind in HOOKS],
    }


def collect(heard: list[tuple[float, str]], share: float, note: str) -> None:
    heard.append((share, note))


def small(method, **settings):
    """The method with its default settings, or with fewer steps where the defaults take long."""
    return method(**SMALL.get(method.key, {}) | settings)


@dataclass(frozen=True)
class Once:
    """One run, with all that a method could have disturbed as it was before and after, and the sets of images that it read."""

    model: nn.Module
    before: dict[str, object]
    after: dict[str, object]
    heard: tuple[tuple[float, str], ...]
    read: frozenset[str]
    silent_steps: int  # the most steps of an optimiser between two words about progress


@cache
def once(method, tiny: Tiny) -> Once:
    """Several questions are asked of the same run."""
    heard: list[tuple[float, str]] = []
    read: list[str] = []
    source = _trained(tiny)  # `unlearn` gives the method a deep copy of this one
    before = around(tiny, source)
    derive = _Guarded._derive
    tiny.lent(small(method))  # kept from here on: what follows says nothing of statistics

    def noted(splits: _Guarded, name: str) -> object:
        read.append(name)
        return derive(splits, name)

    silent, longest = [0], 0  # optimiser steps since progress was told last

    def told(share: float, note: str) -> None:
        nonlocal longest
        heard.append((share, note))
        longest, silent[0] = max(longest, silent[0]), 0

    def stepped(*_: object) -> None:
        silent[0] += 1

    hook = register_optimizer_step_post_hook(stepped)
    try:
        with patch.object(_Guarded, "_derive", noted):
            model = tiny.unlearn(small(method), seed=5, on_progress=told)
    finally:
        hook.remove()
    return Once(model, before, around(tiny, source), tuple(heard), frozenset(read), max(longest, silent[0]))


def around(tiny: Tiny, model: nn.Module) -> dict[str, object]:
    """The model's state, the data and torch's own generator, as they are now."""
    train = tiny.dataset.train
    data = {"images": train.images.clone(), "labels": train.labels.clone()}
    return {**state_of(model), **data, "generator": torch.random.get_rng_state()}


def undisturbed(before: dict[str, object], after: dict[str, object]) -> None:
    """Both as `around` has them."""
    assert before["weights"].keys() == after["weights"].keys()
    assert all(torch.equal(tensor, after["weights"][name]) for name, tensor in before["weights"].items())
    for name in ("modes", "gradients", "trainable", "hooks"):
        assert before[name] == after[name]
    for name in ("images", "labels", "generator"):
        assert torch.equal(before[name], after[name])


@pytest.fixture(params=METHODS.values(), ids=METHODS)
def method(request):
    return request.param


def test_its_words_defaults_and_parameters_are_valid(method, grey):
    assert METHODS[method.key] is method
    assert method() == with_params(method, {})
    assert method.title
    assert method.about.endswith(".")
    assert method.uses <= set(NAMES)
    assert method.kinds <= set(KINDS)
    assert method.kinds
    assert 0 <= method().passes(120, 40, grey.recipe) < float("inf")
    assert (method().passes(120, 40, grey.recipe) == 0) == (method is Original)
    declared = params_of(method)
    assert set(declared) == {f.name for f in fields(method)}, "a field that is no param() cannot be set from a form"
    for attribute, p in declared.items():
        assert p.help.endswith(".")
        assert p.parse(p.default) == p.default
        assert p.parse(str(p.default)) == p.default
        assert p.wanted
        assert p.choices or (isfinite(p.low) and isfinite(p.high))
        if not p.choices:
            assert p.parse(p.low) == p.low
            assert p.parse(p.high) == p.high
        if p.when:
            other, *values = p.when
            assert set(values) < set(next(o for o in declared.values() if o.name == other).choices)
        with pytest.raises(WrongInput, match=p.name):  # out of bounds: the constructor refuses it too
            method(**{attribute: "nonsense" if p.choices else p.high + 1})


def test_a_run_reads_what_it_declares_disturbs_nothing_and_leaves_a_sound_network(method, tiny):
    run = once(method, tiny)  # with the guard on: reading an undeclared set raises
    assert run.read == method.uses
    undisturbed(run.before, run.after)
    sound(run.model, tiny)
    shares = [share for share, _ in run.heard]
    assert shares == sorted(shares), "progress only grows"
    assert shares[0] >= 0
    assert shares[-1] == 1
    assert all(note for _, note in run.heard)
    assert run.silent_steps <= 1, "progress is told at every step"


def test_the_same_seed_gives_the_same_weights_whatever_was_drawn_before(method, tiny):
    first = once(method, tiny).model
    torch.rand(7)  # torch's global generator is nobody's
    assert same_weights(first, tiny.unlearn(small(method), seed=5))


def sound(model: nn.Module, tiny: Tiny) -> None:
    """Finite weights, in eval mode, without a hook, a gradient or anything frozen; it gives a logit to every class."""
    state = state_of(model)
    assert all(tensor.isfinite().all() for tensor in model.state_dict().values())
    assert not any(state["hooks"])
    assert all(state["trainable"])
    assert state["gradients"] == [None] * len(state["gradients"])
    assert not any(state["modes"])
    assert model(tiny.dataset.test.pixels()).shape == (60, 3)


def test_the_guard_refuses_every_undeclared_read(grey):
    for allowed in NAMES:
        guarded = grey.splits().only(frozenset({allowed}))
        assert len(getattr(guarded, allowed)) == len(getattr(grey.splits(), allowed))
        assert guarded.forget_share == pytest.approx(1 / 3)
        for name in (*NAMES, "forgotten", "test_forgotten"):
            if name != allowed:
                with pytest.raises(PermissionError, match=name):
                    getattr(guarded, name)


def test_the_guard_catches_a_method_that_reads_what_it_did_not_declare(grey):
    @dataclass(frozen=True)
    class Liar(Original):
        def unlearn(self, model, splits, run):
            assert len(splits.retain)
            return model

    with pytest.raises(PermissionError, match=r"declared uses=\[\], but read 'retain'"):
        grey.unlearn(Liar())


SHELVED = [(key, small(one)) for key, one in METHODS.items()] + [(key, METHODS[key](**settings)) for key, settings in OTHER_SETTINGS]
ASKED = [parse_request(text) for text in ("class:2", "random:0.1")]  # which some statistics are not alike for
STATISTICS = {f"{key}-{s.key}": s for key, method in SHELVED for request in ASKED for s in method.statistics(request)}


@pytest.mark.parametrize("statistic", STATISTICS.values(), ids=STATISTICS)
def test_what_it_wants_known_of_the_training_set_is_the_same_each_time_and_disturbs_nothing(statistic, tiny):
    """Asked here apart: `Tiny` keeps statistics, so that the questions about methods say nothing of them."""
    model = tiny.original()
    before = around(tiny, model)
    first = statistic.compute(model, tiny.dataset.train, tiny.context(seed=0))  # the seed of the original
    undisturbed(before, around(tiny, model))
    torch.rand(7)  # torch's global generator is nobody's
    again = statistic.compute(model, tiny.dataset.train, tiny.context(seed=0))
    assert first.keys() == again.keys()
    assert all(torch.equal(tensor, again[name]) for name, tensor in first.items())


def serve(method, request: str, tiny: Tiny) -> None:
    """It unlearns this request, or refuses its kind in words."""
    asked = parse_request(request)
    if asked.kind in method.kinds:
        method().check(asked)
        sound(tiny.unlearn(small(method), request), tiny)
    else:
        with pytest.raises(WrongInput, match=asked.kind):
            method().check(asked)


@pytest.mark.parametrize("kind", ["random", "mislabelled"])  # a class is asked above
def test_it_serves_the_requests_that_it_names_and_refuses_the_others(method, kind, grey):
    serve(method, ONE_OF_EACH[kind], grey)


def test_it_says_of_every_kind_of_request_whether_it_serves_it(method):
    for request in map(parse_request, ONE_OF_EACH.values()):
        if request.kind in method.kinds:
            method().check(request)
        else:
            with pytest.raises(WrongInput, match=request.kind):
                method().check(request)


@pytest.mark.parametrize("request_", ONE_OF_EACH.values(), ids=ONE_OF_EACH)
def test_every_kind_of_request_is_served(request_, grey):
    """By the method that reads both sets in the simplest way; every method times every kind is below."""
    serve(METHODS["neggrad_plus"], request_, grey)


@pytest.mark.slow
@pytest.mark.parametrize("request_", ONE_OF_EACH.values(), ids=ONE_OF_EACH)
def test_every_method_serves_every_kind_of_request_that_it_names(method, request_, grey):
    serve(method, request_, grey)


def test_a_kind_that_a_method_cannot_serve_is_refused_in_one_sentence():
    @dataclass(frozen=True)
    class Choosy(Original):
        kinds = frozenset({"class"})

    Choosy().check(parse_request("class:1"))
    with pytest.raises(WrongInput, match=r"^Original \(do nothing\) serves requests of kind class, not random\.$"):
        Choosy().check(parse_request("random:5"))


OF_ATTRIBUTES = {"attribute": "attribute:person=3", "random": "random:0.1", "samples": "samples:0,5,7"}


def test_it_serves_images_with_several_attributes_or_says_why_it_cannot(method, attributes):
    of_kinds = {kind: request for kind, request in OF_ATTRIBUTES.items() if kind in method.kinds}
    for request in map(parse_request, of_kinds.values()):
        if method.multi:
            method().check(request, multi=True)
        else:
            with pytest.raises(WrongInput, match=rf"cannot serve images with several attributes: {method.not_multi}\.$"):
                method().check(request, multi=True)
            assert "not_multi" in vars(method), "who refuses says why in words of its own"
    if method.multi:
        sound(attributes.unlearn(small(method), next(iter(of_kinds.values()))), attributes)


@pytest.mark.slow
@pytest.mark.parametrize("request_", ["random:0.1", "samples:0,5,7"])
@pytest.mark.parametrize("key", [key for key, method in METHODS.items() if method.multi])
def test_it_serves_every_kind_of_request_on_images_with_several_attributes(key, request_, attributes):
    sound(attributes.unlearn(METHODS[key](), request_), attributes)


@pytest.mark.parametrize(("key", "settings"), OTHER_SETTINGS)
def test_other_settings_serve_images_with_several_attributes_too(key, settings, attributes):
    sound(attributes.unlearn(METHODS[key](**settings), "random:0.1"), attributes)


def test_those_that_need_a_class_refuse_attributes_and_no_others():
    assert {key for key, method in METHODS.items() if not method.multi} == {
        "unsir", "random_label", "salun", "delete", "boundary_shrink", "amun", "guided",
    }


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU; `.library/device` lends one now and then")
def test_it_reaches_the_same_verdict_on_a_gpu(method, tiny):
    class_2 = tiny.splits().test_forget
    on_cpu = predict(tiny.unlearn(method()), class_2, "cpu").argmax(1)
    on_gpu = predict(tiny.unlearn(method(), device="cuda"), class_2, "cuda").argmax(1)
    assert abs(float((on_cpu == 2).float().mean()) - float((on_gpu == 2).float().mean())) <= 0.2


def test_a_method_that_restarts_or_trains_the_last_layers_refuses_an_ensemble(method):
    """Whose last layers are those of one member."""
    source = Path(inspect.getsourcefile(method)).read_text()
    if "last_layers(" in source:
        assert method.not_ensemble, f"{method.key} reads the last layers"
