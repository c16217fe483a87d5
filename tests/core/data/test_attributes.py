"""Labels with several attributes by hand: how wrong an answer is, how right, how sorted."""

from math import log

import pytest
from sklearn.metrics import log_loss
import torch

from core.data.label_kinds import answers, is_multi, loss, order, probabilities, right, two_answers

LN3 = log(3)  # the logit of 3/4
LOGITS = torch.tensor([[LN3, -LN3], [0.0, LN3]])
LABELS = torch.tensor([[1, 1], [0, 1]], dtype=torch.uint8)


def test_the_loss_is_the_mean_over_attributes_of_minus_the_log_of_the_true_answers_probability():
    # Answers: 3/4 and 1/4 where both are there, so -ln 3/4 and -ln 1/4; 1/2 where it is not there and 3/4 where it is.
    each = [(-log(3 / 4) - log(1 / 4)) / 2, (-log(1 / 2) - log(3 / 4)) / 2]
    assert loss(LOGITS, LABELS, "none").tolist() == pytest.approx(each)
    assert loss(LOGITS, LABELS).item() == pytest.approx(sum(each) / 2)
    assert loss(LOGITS, LABELS, "sum").item() == pytest.approx(sum(each))


def test_the_loss_is_scikit_learns_log_loss_over_all_attributes():
    generator = torch.Generator().manual_seed(0)
    logits, labels = torch.randn(7, 4, generator=generator).double(), torch.randint(2, (7, 4), generator=generator).to(torch.uint8)
    assert loss(logits, labels).item() == pytest.approx(log_loss(labels.flatten(), logits.sigmoid().flatten()), rel=1e-12)


def test_right_is_the_share_of_attributes_whose_logit_lies_on_the_labels_side():
    assert right(LOGITS, LABELS).tolist() == [0.5, 1.0]  # a logit of 0 says no
    assert right(torch.tensor([[-1.0, -1.0, 1.0, 1.0]]), torch.tensor([[0, 1, 0, 0]])).tolist() == [0.25]


def test_one_class_keeps_its_cross_entropy_and_its_largest_logit():
    classes = torch.tensor([1, 0])
    assert not is_multi(classes)
    assert is_multi(LABELS)
    torch.testing.assert_close(loss(LOGITS, classes, "none"), torch.nn.functional.cross_entropy(LOGITS, classes, reduction="none"))
    assert right(LOGITS, classes).tolist() == [0.0, 0.0]
    assert answers(LOGITS, multi=False).tolist() == [0, 1]


def test_examples_are_sorted_by_class_or_by_their_row_of_attributes_and_equal_ones_keep_their_order():
    assert order(torch.tensor([2, 0, 2, 1, 0])).tolist() == [1, 4, 3, 0, 2]
    rows = torch.tensor([[1, 0], [0, 1], [1, 0], [0, 0], [0, 1], [1, 1]], dtype=torch.uint8)
    assert order(rows).tolist() == [3, 1, 4, 0, 2, 5]


def test_answers_and_probabilities_of_attributes_stand_by_themselves():
    assert answers(LOGITS, multi=True).tolist() == [[1, 0], [0, 1]]
    torch.testing.assert_close(probabilities(LOGITS, multi=True), torch.tensor([[0.75, 0.25], [0.5, 0.75]]))
    torch.testing.assert_close(probabilities(LOGITS, multi=False).sum(1), torch.ones(2))


def test_an_attribute_is_a_question_with_two_answers_of_the_same_probability():
    pairs = two_answers(LOGITS)
    assert pairs.shape == (4, 2)
    torch.testing.assert_close(pairs.softmax(1)[:, 1].view(2, 2), LOGITS.sigmoid())
