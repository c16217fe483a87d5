"""Of costly networks a draw of the training images is evaluated: which ones, what it costs, and how near it comes to all of them."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from core.domain.evaluation import Evaluation
from core.domain.info import DatasetInfo
from core.metrics import evaluate, evaluated_images
from core.metrics.base import Costs, Logits, NothingStored, rows_of
from core.metrics.evaluated_images import evaluated_rows, operations_per_image
from core.metrics.layer_features import features
from core.metrics.relearning import Relearning, relearn_table
from core.models.registry import MODELS
from core.reports.checks.stored_run import evaluated_of
from core.training.loop import predict
from tests.core.metrics.evidence import inside

IMAGES = DatasetInfo("x", "X", "", 3, 32, 32, tuple("abcdefghij"), (1,) * 10, 10, (0.5,) * 3, (0.2,) * 3)


def test_operations_are_twice_the_products_of_the_layers_with_weights():
    convolutions = nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.Conv2d(4, 4, 3, 2, 1, groups=4)
    model = nn.Sequential(*convolutions, nn.Flatten(), nn.Linear(64, 5))
    by_hand = 2 * (8 * 8 * 4 * 27 + 4 * 4 * 4 * 9 + 64 * 5)
    assert operations_per_image(model.eval(), torch.rand(1, 3, 8, 8)) == by_hand


@pytest.mark.parametrize("key, millions", [("resnet18", 1110.8), ("vit_small", 359.8 - 6 * 2 * 2 * 64 * 64 * 192 / 1e6)])
def test_they_agree_with_torchs_own_counter_but_for_attention(key, millions):
    """The wanted numbers are those of torch.utils.flop_counter, less the products of queries, keys and values."""
    assert operations_per_image(MODELS[key](IMAGES).eval(), torch.rand(1, 3, 32, 32)) / 1e6 == pytest.approx(millions, rel=1e-3)


def test_each_set_is_drawn_by_itself_where_all_would_cost_too_much(grey, monkeypatch):
    splits = grey.splits("class:2")
    n, gone = len(splits.train), int(splits.forgotten.sum())
    assert evaluated_rows(splits, 10) is None
    monkeypatch.setattr(evaluated_images, "FEWEST", 10)
    rows = evaluated_rows(splits, int(1e12))
    assert rows.tolist() == sorted(set(rows.tolist()))
    assert [len(rows_of(name, splits, rows)) for name in ("forget", "retain")] == [10, 10]
    assert torch.equal(rows, evaluated_rows(splits, int(1e12))), "the same draw every time"
    few = evaluated_rows(splits, int(evaluated_images.OPERATIONS / (gone + 5)))  # room for the whole forget set
    assert [len(rows_of(name, splits, few)) for name in ("forget", "retain")] == [gone, min(gone + 5, n - gone)]


@pytest.mark.parametrize("request_", ["class:2", "classes:0,1"])  # the smaller part of the training set, and the larger
def test_how_many_of_the_forget_set_were_evaluated_is_told_by_how_many_were_in_all(grey, monkeypatch, request_):
    splits = grey.splits(request_)
    n, gone = len(splits.train), int(splits.forgotten.sum())
    monkeypatch.setattr(evaluated_images, "FEWEST", 1)
    for most in (1, 5, gone - 1, gone, n - gone - 1, n - gone, n):
        rows = evaluated_rows(splits, int(evaluated_images.OPERATIONS / (most + 0.5)))
        drawn = rows_of("forget", splits, rows)
        assert evaluated_of(gone, n, n if rows is None else len(rows)) == len(drawn) == min(gone, most)
    assert evaluated_of(gone, n, 0) == gone  # a run that does not say


def test_logits_of_a_draw_are_those_of_all_at_its_rows(grey):
    splits = grey.splits("class:2")
    whole = Logits(torch.randn(len(splits.train), 3), torch.randn(len(splits.test), 3))
    rows = torch.arange(0, len(splits.train), 2)
    part = Logits(whole.train[rows], whole.test, rows)
    for name in ("forget", "retain", "train", "train_retain", "test_forget", "test_retain", "test"):
        logits, labels = part.of(name, splits)
        here = rows_of(name, splits, rows)
        assert torch.equal(logits, whole.at(here, test=name.startswith("test")))
        assert torch.equal(labels, (splits.test if name.startswith("test") else splits.train).labels[here])


def test_features_of_a_draw_come_from_the_same_pass_as_its_logits(grey):
    """And are those that a pass by itself gives, on the same rows."""
    evidence = inside(grey)
    rows = torch.arange(0, len(evidence.splits.train), 2)
    drawn = replace(evidence, rows=rows, cache={})
    network = evidence.networks["original"]
    logits = evaluate._predict(drawn, "original", network)
    assert torch.allclose(logits.train, predict(network, evidence.splits.train, "cpu")[rows], atol=1e-5)
    assert torch.allclose(logits.test, predict(network, evidence.splits.test, "cpu"), atol=1e-5)
    read = [name for name in drawn.cache if name.startswith("features/")]
    assert len(read) >= 7
    alone = replace(evidence, rows=rows, cache={})
    for name in read:
        _, split, count, _ = name.split("/")
        wanted = features(alone, "original", split, int(count))
        assert list(drawn.cache[name]) == list(wanted)
        for layer, values in wanted.items():
            assert torch.allclose(drawn.cache[name][layer], values, atol=1e-5), (name, layer)


def test_parts_that_are_left_out_say_so_and_cost_nothing(grey, monkeypatch):
    monkeypatch.setattr("core.metrics.relearning._relearn", lambda *_: pytest.fail("left out"))
    evidence = inside(grey)
    evidence = replace(evidence, cache={}, limits=evaluate.limits_of(Evaluation(without=("relearning",)), 0.0))
    taken = {(m.metric, m.model): m for m in evaluate.measure(evidence)}
    assert list(dict.fromkeys(metric for metric, _ in taken)) == list(evaluate.METRICS), "in their order, whatever was computed last"
    wanted = "Left out: this run was to be evaluated without relearning. Evaluating everything computes it."
    assert {m.reason for m in taken.values() if m.metric in ("relearn_steps", "anamnesis_index")} == {wanted}
    assert taken["cka_forget_to_reference", "unlearned"].value is not None
    assert len(relearn_table(evidence)) == 0


def test_after_the_budget_no_costly_part_begins_and_the_others_are_measured(grey):
    evidence = replace(inside(grey), cache={}, limits=evaluate.limits_of(Evaluation(budget=5.0), -10.0))  # spent long ago
    taken = {(m.metric, m.model): m for m in evaluate.measure(evidence)}
    late = "Left out: the evaluation's budget of 5 s was spent. Evaluating everything computes it."
    assert {key[0] for key, m in taken.items() if m.reason == late} >= {"relearn_steps", "cka_forget_to_reference", "graft_forget_accuracy"}
    assert taken["test_retain_accuracy", "unlearned"].value is not None


def test_what_an_earlier_run_stored_is_not_left_out(grey):
    class Known(NothingStored):
        def get(self, name):
            return Relearning({0: 0.0, 1: 1.0}, 0.9) if name == "relearn/reference" else None

    without = evaluate.limits_of(Evaluation(without=("relearning",)), 0.0)
    evidence = replace(inside(grey), cache={}, stored=Known(), limits=without)
    assert evaluate.METRICS["relearn_steps"].compute(evidence, "reference") == 1


def test_costs_leave_out_the_parts_within_each_part(monkeypatch):
    now = iter([0.0, 1.0, 4.0, 10.0])  # the outer begins, the inner begins and ends, the outer ends
    monkeypatch.setattr("core.metrics.base.perf_counter", lambda: next(now))
    costs = Costs()
    with costs.of("probe_accuracy", "original"), costs.of("features", "original"):
        pass
    assert costs.seconds == {("features", "original"): 3.0, ("probe_accuracy", "original"): 7.0}


@pytest.mark.parametrize("key, words", [
    ("relearn_steps", "of a costly network after fewer"), ("anamnesis_index", "of a costly network, fewer"),
    ("zrf", "on 300 images at most"), ("zrf_of_code", "On as many images as ZRF"), ("graft_forget_accuracy", "Of a costly network"),
])  # fmt: skip
def test_each_definition_says_what_of_a_costly_network_is_left_out(key, words):
    assert words in evaluate.METRICS[key].info.definition
