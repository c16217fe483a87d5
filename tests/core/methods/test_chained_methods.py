"""Chains: the first method is what it is alone, each other starts where the one before it ended."""

from copy import deepcopy

import pytest

from core.domain.errors import WrongInput
from core.domain.hyperparameters import params_of, with_params
from core.domain.requests.registry import parse_request
from core.methods.baselines.finetune import Finetune
from core.methods.chains import Chain
from core.methods.registry import METHODS
from core.methods.ssd import SSD
from core.training.context import RunContext, derived_seed
from tests.tiny import same_weights

QUICK = {"finetune.epochs": 1, "finetune.batch_size": 16}


def chain(key, **settings):
    return with_params(METHODS[key], settings)


def test_a_chain_is_its_methods_one_after_the_other(grey):
    made = chain("ssd+finetune", alpha=1.0, **QUICK)
    assert isinstance(made, Chain)
    first = grey.unlearn(SSD(alpha=1.0), seed=5)
    run = grey.context(seed=derived_seed(5, "then finetune"))
    by_hand = Finetune(epochs=1, batch_size=16).unlearn(deepcopy(first).eval(), grey.splits().only(frozenset({"retain"})), run)
    assert same_weights(grey.unlearn(made, seed=5), by_hand.eval())
    assert not same_weights(first, by_hand)


def test_statistics_of_a_later_method_are_of_the_network_it_starts_from(grey):
    made, splits = chain("finetune+ssd", epochs=1, batch_size=16, **{"ssd.alpha": 1.0}), grey.splits()
    whole = made.unlearn(grey.original(), splits.only(made.reads), grey.context(seed=5))
    middle = Finetune(epochs=1, batch_size=16).unlearn(grey.original(), splits.only(frozenset({"retain"})), grey.context(seed=5)).eval()
    (statistic,) = SSD(alpha=1.0).statistics(splits.request)
    run = RunContext(grey.build, grey.recipe, derived_seed(5, "then ssd"))
    run.statistics = {statistic.key: statistic.compute(middle, splits.train, run)}
    assert same_weights(whole, SSD(alpha=1.0).unlearn(middle, splits.only(frozenset({"forget"})), run))


def test_a_chain_reads_no_more_than_its_methods(grey):
    assert chain("ssd+finetune").reads == {"forget", "retain"}
    assert chain("finetune+ssd").reads == {"forget", "retain", "train"}, "for the statistics of the network that fine-tuning left"
    assert chain("random_label+finetune").reads == METHODS["random_label"]().reads | {"retain"}
    narrow = grey.splits().only(frozenset({"forget", "retain"})).only(frozenset({"retain", "test"}))
    assert len(narrow.retain)
    for name in ("forget", "test", "train"):
        with pytest.raises(PermissionError):
            getattr(narrow, name)


def test_recordings_and_progress_of_each_method_arrive(grey):
    heard = list[float]()
    run = grey.context(seed=5, on_progress=lambda share, note: heard.append(share))
    made = chain("finetune+ssd", epochs=1, batch_size=16)
    made.unlearn(grey.original(), grey.splits().only(made.reads), run)
    assert {"then.ssd/ssd/alpha"} <= set(run.recorded)
    assert {name.partition("/")[0] for name in run.recorded} == {"then.ssd"}
    assert heard == sorted(heard)
    assert heard[-1] == pytest.approx(1.0)


def test_a_chain_of_searching_methods_searches_in_each(grey):
    made = chain("l1_sparse+last_layers", settings="auto", **{"last_layers.settings": "auto"})
    assert made.reads == {"forget", "retain"}
    run = grey.context(seed=5)
    left = made.unlearn(grey.original(), grey.splits().only(made.reads), run)
    assert {"search/trials", "then.last_layers/search/trials"} <= set(run.recorded)
    assert all(theta.isfinite().all() for theta in left.parameters())


def test_a_chain_declares_what_its_methods_declare():
    kind = METHODS["salun+ssd+finetune"]
    names = [p.name for p in params_of(kind).values()]
    assert names == [*(p.name for p in params_of(METHODS["salun"]).values()), *(f"ssd.{p.name}" for p in params_of(SSD).values()),
                     *(f"finetune.{p.name}" for p in params_of(Finetune).values())]  # fmt: skip
    assert kind.kinds == METHODS["salun"].kinds & SSD.kinds & Finetune.kinds
    whole = with_params(kind, {"finetune.epochs": 3})
    assert [type(method).key for method in whole.methods] == ["salun", "ssd", "finetune"]
    assert whole.methods[2].epochs == 3
    assert whole.passes(100, 10, None) == sum(method.passes(100, 10, None) for method in whole.methods)


def test_what_one_method_cannot_serve_no_chain_with_it_can():
    with pytest.raises(WrongInput, match="serves requests of kind"):
        chain("ssd+delete").check(parse_request("random:0.1"))
    with pytest.raises(WrongInput, match="retrain cannot be part of a chain"):
        METHODS["ssd+retrain"]
    with pytest.raises(WrongInput, match="There is no method 'nothing'"):
        METHODS["ssd+nothing"]
    with pytest.raises(WrongInput, match="epochs must be a whole number from 1 to 200"):
        chain("ssd+finetune", **{"finetune.epochs": 0})


def test_the_random_numbers_of_a_later_method_are_its_own(grey):
    one = grey.unlearn(chain("ssd+finetune", alpha=1.0, **QUICK), seed=5)
    assert same_weights(one, grey.unlearn(chain("ssd+finetune", alpha=1.0, **QUICK), seed=5))
    assert not same_weights(one, grey.unlearn(chain("ssd+finetune", alpha=1.0, **QUICK), seed=6))
