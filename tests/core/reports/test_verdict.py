"""The one sentence: what it must say in each case, worked out by hand."""

import pytest

from core.data.datasets.cartoon_faces.sets import SETS as FACES
from core.data.datasets.cifar100 import CIFAR20
from core.data.datasets.digits import INFO
from core.domain.formatting import percent
from core.domain.requests.registry import parse_request
from core.reports.verdict import verdict

DIGITS = INFO


def numbers(before, after, wanted, kept=(0.99, 0.98, 0.985), metric="test_forget_accuracy"):
    """Accuracies of original, unlearned and reference on what was forgotten, and on what was kept."""
    found = {}
    for model, gone, rest in zip(("original", "unlearned", "reference"), (before, after, wanted), kept, strict=True):
        found[model] = {metric: gone, "test_retain_accuracy": rest}
    return found


def lead(*accuracies, request="class:3", **about):
    return verdict(numbers(*accuracies, **about), parse_request(request), DIGITS).lead


@pytest.mark.parametrize(
    "before, after, wanted, said",
    [
        (1.0, 0.0, 0.0, "Forgotten"),
        (1.0, 0.04, 0.0, "Forgotten"),
        (1.0, 0.5, 0.0, "Partly forgotten"),
        (1.0, 1.0, 0.0, "Not forgotten"),
        (1.0, 0.96, 0.0, "Not forgotten"),
        (1.0, 0.0, None, "Forgotten"),  # for a class, a network that never saw it answers never with it
    ],
)
def test_a_class_request_is_judged_on_unseen_images_of_the_class(before, after, wanted, said):
    assert lead(before, after, wanted) == said


@pytest.mark.parametrize(
    "before, after, wanted, said",
    [
        (1.0, 0.9, 0.9, "Forgotten"),
        (1.0, 0.2, 0.9, "Over-forgotten"),
        (1.0, 0.95, 0.7, "Not forgotten"),
        (1.0, 0.8, 0.7, "Partly forgotten"),
        (0.8, 0.8, 0.9, "Unchanged, where a retrained model does better"),
        (1.0, 1.0, 0.98, "Accuracy cannot tell: the original already predicts like a retrained model"),
        (1.0, 0.5, 0.98, "Over-forgotten"),
        (1.0, 0.5, None, "No retrained reference to judge by"),
    ],
)
@pytest.mark.parametrize("request_", ["random:0.05", "samples:1,2", "subclass:4", "attribute:identity=17", "mislabelled:100"])
def test_other_requests_are_judged_on_the_forget_set_against_the_reference(before, after, wanted, said, request_):
    assert lead(before, after, wanted, request=request_, metric="train_forget_accuracy") == said


def test_lost_accuracy_on_what_was_kept_is_called_a_price():
    assert lead(1.0, 0.0, 0.0, kept=(0.99, 0.60, 0.99)) == "Forgotten but at a price"
    assert lead(1.0, 0.0, None, kept=(0.99, 0.60, None)) == "Forgotten but at a price"
    assert lead(1.0, 0.0, 0.0, kept=(0.99, 0.97, 0.99)) == "Forgotten"
    assert lead(1.0, 1.0, 0.0, kept=(0.99, 0.60, 0.99)) == "Not forgotten, and at a price"


@pytest.mark.parametrize(
    "kept, said, end",
    [
        ((0.941, 0.941, 0.99), "Forgotten", "94.1 % now (99 % if retrained); less than retraining gives, but so was the original."),
        ((0.99, 0.94, 0.94), "Forgotten", "94 % now (94 % if retrained); lost against the original, but retraining does no better."),
        ((0.99, 0.92, 0.945), "Forgotten", "(94.5 % if retrained); lost against the original, but retraining does little better."),
        ((0.99, 0.6, 0.95), "Forgotten but at a price", "(95 % if retrained); a price against the original and against retraining."),
        ((0.99, 0.6, None), "Forgotten but at a price", "60 % now; a price against the original, with no retrained model to judge it by."),
        ((0.8, 0.9, 0.99), "Forgotten", "80 % before, 90 % now (99 % if retrained); less than retraining gives, but so was the original."),
    ],
)
def test_a_price_is_paid_against_the_original_and_judged_by_the_reference(kept, said, end):
    assert lead(1.0, 0.0, 0.0, kept=kept) == said
    assert verdict(numbers(1.0, 0.0, 0.0, kept=kept), parse_request("class:3"), DIGITS).sentence.endswith(end)


def test_no_method_is_judged_by_an_original_that_is_far_off():
    bad = numbers(0.2, 0.0, 0.0, kept=(0.18, 0.1, 1.0))
    assert str(verdict(bad, parse_request("class:3"), DIGITS, far_off=True)).startswith(
        "No verdict on the method: the original itself is far off. Accuracy on test images of class 3: 20 % before, 0 % now"
    )


def test_a_network_that_is_the_reference_weight_for_weight_is_called_so_whatever_accuracy_could_tell():
    """Exact unlearning of two images: the original predicts as well as the reference, and accuracy alone would tell nothing."""
    two = numbers(1.0, 1.0, 1.0, kept=(0.96, 0.97, 0.97), metric="train_forget_accuracy")
    request = parse_request("samples:5,9")
    assert verdict(two, request, DIGITS).lead.startswith("Accuracy cannot tell")
    two["unlearned"] |= {"parameter_distance_to_reference": 0.0, "parameter_distance": 1.2}
    found = verdict(two, request, DIGITS)
    assert found == found.beside(warnings=True)
    assert (found.lead, found.sentence.partition(". ")[0]) == (
        "Exactly the reference", "All its weights are bit for bit those of the retrained reference",
    )  # fmt: skip
    near = {**two, "unlearned": two["unlearned"] | {"parameter_distance_to_reference": 1e-9}}
    assert verdict(near, request, DIGITS).lead.startswith("Accuracy cannot tell")
    other = {**two, "unlearned": two["unlearned"] | {"test_retain_accuracy": 0.96}}
    assert verdict(other, request, DIGITS).lead.startswith("Accuracy cannot tell"), "alike in weights, not in what they answer"
    untouched = {**two, "unlearned": two["unlearned"] | {"parameter_distance": 0.0}}
    assert verdict(untouched, request, DIGITS).lead == "Nothing was changed"
    assert "bit for bit" not in verdict(untouched, request, DIGITS).sentence
    assert verdict(two, request, DIGITS, far_off=True).lead.startswith("No verdict on the method")


def test_the_sentence_names_the_classes_and_the_accuracies_it_rests_on():
    assert verdict(numbers(0.975, 0.0, 0.0), parse_request("class:3"), DIGITS) == (
        "Forgotten",
        "Accuracy on test images of class 3: 97.5 % before, 0 % now (0 % if retrained); "
        "on the other classes: 99 % before, 98 % now (98.5 % if retrained).",
    )
    text = verdict(numbers(0.975, 0.0, None, kept=(0.99, 0.98, None)), parse_request("classes:3,5"), DIGITS).sentence
    assert "classes 3, 5" in text
    assert "retrained" not in text


@pytest.mark.parametrize(
    "data, request_, words",
    [
        (CIFAR20.INFO, "subclass:4", "on the forget set (subclass beaver): 100 %"),
        (FACES[0].INFO, "attribute:identity=17", "on the forget set (identity 17): 100 %"),
        (FACES[0].INFO, "attribute:long_hair=0", "on the forget set (no long hair): 100 %"),
        (DIGITS, "mislabelled:100@3", "on the forget set (100 mislabelled images, by their wrong labels): 100 %"),
        (DIGITS, "random:100", "on the forget set: 100 %"),
        (None, "class:3", "on test images of class 3: "),
        (None, "attribute:identity=17", "on the forget set (identity 17): "),
    ],
)
def test_the_sentence_names_what_had_to_go(data, request_, words):
    request = parse_request(request_)
    metric = "test_forget_accuracy" if request.by_class else "train_forget_accuracy"
    text = verdict(numbers(1.0, 0.2, 0.2, metric=metric), request, data).sentence
    assert words in text
    assert request.by_class == ("the other classes" in text)


def test_without_the_numbers_there_is_no_verdict():
    for missing in ((None, 0.0, 0.0), (1.0, None, 0.0)):
        assert verdict(numbers(*missing), parse_request("class:3"), DIGITS).lead == "No verdict"


@pytest.mark.parametrize("share, text", [(0, "0 %"), (1, "100 %"), (0.5, "50 %"), (0.1234, "12.3 %"), (0.9996, "100 %")])
def test_a_share_is_shown_in_percent_with_one_decimal_where_it_says_something(share, text):
    assert percent(share) == text
