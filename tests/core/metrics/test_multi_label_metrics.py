"""What is measured where an image has several attributes: by hand, by other libraries, and a value or a reason for every metric."""

from dataclasses import replace
from math import log

import numpy as np
import pytest
from scipy.stats import entropy as scipys_entropy
import torch

from core.data.dataset import Examples
from core.data.splits import Splits
from core.domain.requests.samples import SamplesRequest
from core.domain.run import MODELS
from core.metrics.base import Evidence, Logits, NotApplicable
from core.metrics.forget_set_outputs import entropy
from core.metrics.privacy.unlearned_against_retrained import features_of_attributes
from core.metrics.reference_agreement import activation_distance
from core.metrics.registry import METRICS
from core.metrics.tables.per_class import confusion, per_class
from core.metrics.tables.per_example import confidence, example_table, probability_arrays
from core.training.loop import predict

LN3 = log(3)  # the logit of 3/4
REQUESTS = ("attribute:person=3", "random:0.25", "samples:0,5,7")
NEEDS_A_CLASS = {"probe_accuracy", "similarity_ratio", "attack_svc_unseen"}


def by_hand() -> Evidence:
    """Three training images and two test images with two attributes; the second training image must go."""
    logits = torch.tensor([[LN3, -LN3], [LN3, LN3], [-LN3, 0.0]])
    unseen = torch.tensor([[LN3, LN3], [-LN3, -LN3]])
    train = Examples(torch.zeros(3, 1, 1, 1, dtype=torch.uint8), torch.tensor([[1, 0], [0, 1], [0, 1]], dtype=torch.uint8))
    test = Examples(torch.zeros(2, 1, 1, 1, dtype=torch.uint8), torch.tensor([[1, 1], [1, 0]], dtype=torch.uint8))
    gone = torch.tensor([False, True, False])
    splits = Splits(SamplesRequest((1,)), train, test, gone, torch.zeros(2, dtype=torch.bool), 1 / 3)
    weights = {"unlearned": {"w": torch.ones(2)}}
    return Evidence(splits, {"unlearned": Logits(logits, unseen)}, weights)


def trained(attributes, request: str) -> Evidence:
    """Evidence with real networks: the trained original, the same as unlearned, and another as the reference."""
    splits = attributes.splits(request)
    other = attributes.context(seed=3).fresh_model().eval()
    networks = {"original": attributes.original(), "unlearned": attributes.original(), "reference": other}
    answers = {m: Logits(*(predict(n, e, "cpu") for e in (splits.train, splits.test))) for m, n in networks.items()}
    weights = {m: {name: p.detach() for name, p in n.named_parameters()} for m, n in networks.items()}
    untrained = attributes.context(seed=9).fresh_model().eval()
    return Evidence(splits, answers, weights, 5, {**networks, "untrained": untrained})


def test_accuracy_is_the_mean_share_of_attributes_answered_rightly():
    evidence = by_hand()
    assert METRICS["train_forget_accuracy"].compute(evidence, "unlearned") == 0.5  # yes, yes where it is no, yes
    assert METRICS["train_retain_accuracy"].compute(evidence, "unlearned") == 0.75  # both; then one: a logit of 0 says no
    assert METRICS["test_retain_accuracy"].compute(evidence, "unlearned") == 0.75
    for key in ("train_forget_accuracy", "test_retain_accuracy"):
        assert METRICS[key].info.definition.endswith("the mean share of them that is predicted correctly.")


def test_the_table_by_class_counts_each_attribute_on_all_images():
    table = per_class(by_hand())
    rows = table[["split", "class", "accuracy", "count", "positives", "answered"]].values.tolist()
    assert rows == [
        ["train", 0, pytest.approx(2 / 3), 3, 1, 2], ["train", 1, pytest.approx(2 / 3), 3, 2, 1],
        ["test", 0, 0.5, 2, 2, 1], ["test", 1, 1.0, 2, 1, 1],
    ]  # fmt: skip


def test_there_is_no_matrix_of_answers():
    table = confusion(by_hand())
    assert table.empty
    assert {"split", "model", "true", "predicted", "count", "confidence"} == set(table.columns)


def test_the_table_of_examples_counts_attributes_and_keeps_losses_entropies_and_confidences():
    table = example_table(by_hand()).set_index("set")
    assert table.loc["forget", ["label", "unlearned_answer"]].tolist() == [1, 1]
    assert table.loc["test_retain", "label"].tolist() == [2, 1]
    assert table.loc["test_retain", "unlearned_answer"].tolist() == [2, 1]
    # No where it says yes with 3/4, yes where it says yes with 3/4: the mean of -ln 1/4 and -ln 3/4, of -ln 3 and ln 3.
    assert table.loc["forget", "unlearned_loss"] == pytest.approx((log(4) + log(4 / 3)) / 2, rel=1e-6)
    assert table.loc["forget", "unlearned_confidence"] == pytest.approx(0.0, abs=1e-7)
    assert table.loc["forget", "unlearned_entropy"] == pytest.approx(log(4) - 0.75 * log(3), rel=1e-6)
    assert probability_arrays(by_hand())["unlearned"][0].tolist() == pytest.approx([0.75, 0.75])


def test_entropy_is_scipys_of_each_attribute_and_at_most_ln_2():
    logits = torch.randn(6, 4, generator=torch.Generator().manual_seed(1))
    p = logits.double().sigmoid().numpy()
    np.testing.assert_allclose(entropy(logits, multi=True), scipys_entropy(np.stack([p, 1 - p])).mean(1), rtol=1e-6)
    assert entropy(torch.zeros(1, 4), multi=True).item() == pytest.approx(log(2))


def test_confidence_is_the_mean_of_the_true_answers_log_odds_each_cut():
    logits, labels = torch.tensor([[2.0, -1.0, 90.0]]), torch.tensor([[1, 1, 0]], dtype=torch.uint8)
    assert confidence(logits, labels).tolist() == pytest.approx([(2.0 - 1.0 - 30.0) / 3])


def test_the_distance_of_answers_is_the_mean_over_attributes_of_that_between_yes_and_no():
    one, other = torch.tensor([[LN3, 0.0]]), torch.tensor([[-LN3, 0.0]])
    assert activation_distance(one, other, multi=True) == pytest.approx(2**0.5 * 0.5 / 2)  # 3/4 against 1/4, and no difference


def test_the_worst_cases_features_are_means_over_attributes_within_their_ranges():
    found = features_of_attributes(np.array([[0.75, 1.0], [0.5, 0.5]]))
    cooled = 3**0.5 / (1 + 3**0.5)  # sigmoid of half the logit
    half = -cooled * log(cooled) - (1 - cooled) * log(1 - cooled)
    np.testing.assert_allclose(found["entropy"], [half / 2, log(2)])
    np.testing.assert_allclose(found["gap"], [(LN3 + 10.0) / 2, 0.0], atol=1e-12)  # a sure answer's gap is moved to 10


@pytest.mark.parametrize("networks", [True, False], ids=["with networks", "without"])
@pytest.mark.parametrize("request_", REQUESTS)
def test_every_metric_is_a_finite_number_or_a_reason(request_, networks, attributes):
    evidence = trained(attributes, request_)  # one for all metrics: they share what they measure, as in a run
    evidence = evidence if networks else replace(evidence, networks={})
    for key, metric in METRICS.items():
        for model in metric.models:
            value, reason = asked(key, evidence, model)
            assert (value is None) == reason.endswith("."), key
            assert value is None or (np.isfinite(value) and value >= 0), key
            assert value is None or key not in NEEDS_A_CLASS, key


def test_with_examples_enough_all_but_what_needs_a_class_is_measured(attributes, monkeypatch):
    monkeypatch.setattr("core.metrics.membership_inference.SPLITS", 2)
    evidence = trained(attributes, "random:0.5")
    asked_of = {m: [k for k in METRICS if m in METRICS[k].models] for m in MODELS}
    measured = {m: {k for k in keys if asked(k, evidence, m)[0] is not None} for m, keys in asked_of.items()}
    late = {"relearn_steps", "anamnesis_index"}  # the reference here never learned: 200 steps may not be enough
    rare = {"attack_tpr_at_1"}  # of 60 test images, 1 % is none
    for model in ("original", "unlearned"):
        wanted = {*asked_of[model]} - NEEDS_A_CLASS - {"test_forget_accuracy", "truth_accuracy"} - late - rare
        assert wanted <= measured[model]
    some = {"js_to_reference", "zrf", "zrf_of_code", "attack_auc", "attack_kit_accuracy", "nomus", "worst_case_max"}
    assert {*some, "cka_forget_to_reference"} <= measured["unlearned"]


def asked(key, evidence, model):
    try:
        return METRICS[key].compute(evidence, model), ""
    except NotApplicable as reason:
        return None, str(reason)
