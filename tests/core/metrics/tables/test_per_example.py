"""Example by example: rows, probabilities and scores belong together and are the networks' own."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import log_softmax, logit, softmax
import torch

from core.metrics.tables.per_example import LARGEST, confidence, example_table, probability_arrays
from tests.core.metrics.evidence import evidence_of


def test_confidence_is_scipys_logit_of_the_true_class():
    logits = torch.randn(20, 4, generator=torch.Generator().manual_seed(1)).double()
    labels = torch.arange(20) % 4
    wanted = logit(softmax(logits.numpy(), 1)[np.arange(20), labels.numpy()])
    assert confidence(logits, labels).numpy() == pytest.approx(wanted, rel=1e-9)


def test_sure_answers_keep_their_differences_up_to_the_cut():
    logits = torch.tensor([[20.0, 0.0], [25.0, 0.0], [900.0, 0.0], [0.0, 900.0]])
    assert confidence(logits, torch.zeros(4, dtype=torch.long)).tolist() == pytest.approx([20, 25, LARGEST, -LARGEST])


@pytest.mark.parametrize("request_, sets", [
    ("class:2", {"forget": 40, "retain": 80, "test_forget": 20, "test_retain": 40}),
    ("samples:3", {"forget": 1, "retain": 119, "test_retain": 60}),
])  # fmt: skip
def test_each_set_has_its_rows(grey, request_, sets):
    table = example_table(evidence_of(grey, request_))
    assert table.groupby("set", sort=False).size().to_dict() == sets


def test_every_row_is_what_the_model_says_of_that_example(grey):
    evidence = evidence_of(grey)
    table, arrays = example_table(evidence), probability_arrays(evidence)
    for row in (0, 50, 130, 179):
        cells = table.iloc[row]
        on_test = cells["set"].startswith("test")
        data = evidence.splits.test if on_test else evidence.splits.train
        logits = getattr(evidence.logits["unlearned"], "test" if on_test else "train")[cells["index"]].double().numpy()
        assert cells["label"] == data.labels[cells["index"]]
        assert cells["unlearned_answer"] == logits.argmax()
        assert cells["unlearned_loss"] == pytest.approx(-log_softmax(logits)[cells["label"]], rel=1e-5)
        assert arrays["unlearned"][row].numpy() == pytest.approx(softmax(logits), rel=1e-5)
    assert {f"{m}_{what}" for m in evidence.logits for what in ("loss", "entropy", "confidence", "answer")} < set(table)


def test_the_truth_stands_beside_labels_that_a_request_made_wrong_and_nowhere_else(grey):
    table = example_table(evidence_of(grey, "mislabelled:30"))
    wrong = (table["label"] != table["truth"]).groupby(table["set"]).sum()
    assert wrong.to_dict() == {"forget": 30, "retain": 0, "test_retain": 0}
    trained = table[~table["set"].str.startswith("test")]
    assert trained["truth"].tolist() == grey.dataset.train.labels[trained["index"].tolist()].tolist()
    assert "truth" not in example_table(evidence_of(grey))


def test_a_missing_reference_leaves_no_columns(grey):
    evidence = evidence_of(grey, models=("original", "unlearned"))
    assert not [c for c in example_table(evidence) if c.startswith("reference")]
    assert set(probability_arrays(evidence)) == {"original", "unlearned"}


def test_runs_of_other_seeds_look_at_the_same_examples(grey):
    """Otherwise what is joined over seeds would fall apart."""
    evidence = evidence_of(grey)
    other = replace(evidence, seed=evidence.seed + 1, cache={})
    for name, count in (("forget", 7), ("retain", 9), ("test_retain", 11)):
        assert len(evidence.sample_rows(name, count)) == count
        assert torch.equal(evidence.sample_rows(name, count), other.sample_rows(name, count))
