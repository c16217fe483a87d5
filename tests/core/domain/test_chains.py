"""Chains of methods by their keys: what is one, how its parameters are named, and what is said of it."""

from dataclasses import replace

import pytest

from core.domain.code_version import run_version
from core.domain.errors import WrongInput
from core.domain.hyperparameters import SEARCHED_UNLESS, Param, as_given
from core.domain.info import MethodInfo
from core.domain.methods.chains import (
    MethodShelf,
    Titles,
    chain_of,
    check_chain,
    is_chain,
    joined_params,
    own_params,
    renamed,
    steps_of,
)
from core.domain.recordings import by_step, params_in_effect, recording_of
from core.tuning.ranges import spelled, tuned_at_first

ALPHA, SWITCH = Param("alpha", 2.0, 0.0, 9.0, when=SEARCHED_UNLESS), Param("settings", "given", choices=("given", "auto"))
EPOCHS = Param("epochs", 5, 1, 9, whole=True)
DAMPEN = MethodInfo("dampen", "Dampening", "Shrinks weights.", "A 2024", ("class", "random"), ("forget",), ("Fisher",), (SWITCH, ALPHA),
                    explorable="dampening", multi=True, passes=0.5)  # fmt: skip
HEAL = MethodInfo("heal", "Healing", "Goes on training.", "B 2023", ("class",), ("retain",), (), (SWITCH, replace(ALPHA, name="rate"),
                  EPOCHS), reconstruction=True, not_multi="it knows no attributes", passes=2.0)  # fmt: skip
SHELF = MethodShelf({"dampen": DAMPEN, "heal": HEAL})


def test_a_key_is_taken_apart_and_put_together():
    assert steps_of("dampen+heal") == ("dampen", "heal")
    assert chain_of("dampen", ["heal"]) == "dampen+heal"
    assert chain_of("dampen", []) == "dampen"
    assert is_chain("dampen+heal")
    assert not is_chain("dampen")


@pytest.mark.parametrize(("key", "said"), [
    ("a+b+c+d", "3 methods at most; got 4"), ("a+a", "'a' is there twice"), ("a+retrain", "starts from an untrained network"),
    ("original+a", "it changes nothing"),
])  # fmt: skip
def test_a_chain_that_makes_no_sense_is_refused_in_a_sentence(key, said):
    with pytest.raises(WrongInput, match=said):
        check_chain(key)
    assert key not in MethodShelf(dict.fromkeys("abcd", DAMPEN) | {"retrain": DAMPEN, "original": DAMPEN})


def test_a_single_method_may_be_any():
    for key in ("ssd", "retrain", "original"):
        check_chain(key)


def test_parameters_of_later_methods_carry_their_names():
    steps, values = ("dampen", "heal"), {"settings": "auto", "alpha": 2.0, "heal.settings": "given", "heal.epochs": 3}
    assert own_params(steps, values) == [{"settings": "auto", "alpha": 2.0}, {"settings": "given", "epochs": 3}]
    assert joined_params(steps, own_params(steps, values)) == values
    rate = renamed(HEAL.params[1], "heal")
    assert (rate.name, rate.when, rate.searched) == ("heal.rate", ("heal.settings", "given"), True)
    assert rate.idle({"settings": "given", "heal.settings": "auto"})
    assert not rate.idle({"settings": "auto", "heal.settings": "given"})


def test_what_is_said_of_a_chain():
    chain = SHELF["dampen+heal"]
    assert (chain.key, chain.title, chain.about) == ("dampen+heal", "Dampening, then Healing", "Shrinks weights. Then: Goes on training.")
    assert (chain.kinds, chain.uses, chain.keeps) == (("class",), ("forget", "retain"), ("Fisher",))
    assert [p.name for p in chain.params] == ["settings", "alpha", "heal.settings", "heal.rate", "heal.epochs"]
    assert (chain.reconstruction, chain.multi, chain.not_multi) == (True, False, "it knows no attributes")
    assert (chain.passes, chain.explorable, chain.steps) == (2.5, "", (DAMPEN, HEAL))
    assert chain.searches


def test_a_shelf_knows_chains_that_are_on_no_list():
    assert "heal+dampen" in SHELF
    assert list(SHELF) == ["dampen", "heal"]
    assert "dampen+gone" not in SHELF
    assert SHELF.get("dampen+gone") is None
    with pytest.raises(KeyError):
        SHELF["dampen+gone"]
    titles = Titles({"dampen": "Dampening", "heal": "Healing"})
    assert titles.get("heal+dampen", "?") == "Healing, then Dampening"
    assert titles.get("heal+gone", "heal+gone") == "heal+gone"


def test_a_parameter_that_is_given_is_given_for_its_own_method_alone():
    declared = SHELF["dampen+heal"].params
    assert as_given({"heal.rate": 1.0}, declared) == {"heal.settings": "given", "heal.rate": 1.0}
    assert as_given({"alpha": 1.0}, declared) == {"settings": "given", "alpha": 1.0}
    assert as_given({"heal.epochs": 2}, declared) == {"heal.epochs": 2}


def test_a_search_tunes_parameters_of_each_method():
    declared = SHELF["dampen+heal"].params
    preset = {"settings": "auto", "alpha": 2.0, "heal.settings": "auto", "heal.rate": 2.0, "heal.epochs": 5}
    assert tuned_at_first(declared, preset) == ["alpha", "heal.rate"]
    tried = spelled(preset, {"heal.rate": 3.0}, declared)
    assert (tried["heal.settings"], tried["heal.rate"], tried["settings"]) == ("given", 3.0, "auto")


def test_recordings_of_later_methods_are_found_under_their_names():
    recorded = {"ssd/alpha": 1, "search/to_alpha": Item(4.0), "then.heal/search/to_rate": Item(0.5), "then.heal/heal/healing": 2}
    own, behind = by_step(recorded)
    assert list(own) == ["ssd/alpha", "search/to_alpha"]
    assert list(behind) == ["heal"]
    assert list(behind["heal"]) == ["search/to_rate", "heal/healing"]
    assert params_in_effect({"alpha": 1.0, "heal.rate": 1.0}, recorded) == {"alpha": 4.0, "heal.rate": 0.5}
    assert recording_of("then.ssd/ssd/alpha") == recording_of("ssd/alpha") is not None


class Item(float):
    """A number that has `item`, as an array has."""

    def item(self) -> float:
        return float(self)


def test_a_chains_version_follows_each_of_its_methods(monkeypatch):
    from core.domain import code_version  # late: what is patched

    before = {key: run_version("digits", "small_cnn", key) for key in ("ssd", "ssd+finetune", "ssd+salun")}
    assert len(set(before.values())) == 3
    part = code_version.Hashes.part
    monkeypatch.setattr(code_version.Hashes, "part", lambda self, name: "changed" if name == "method:finetune" else part(self, name))
    code_version._run_version.cache_clear()
    after = {key: run_version("digits", "small_cnn", key) for key in before}
    code_version._run_version.cache_clear()
    assert [key for key in before if before[key] != after[key]] == ["ssd+finetune"]


def test_what_follows_is_one_method_or_several():
    assert chain_of("dampen", "heal") == chain_of("dampen", ["heal"]) == "dampen+heal"
