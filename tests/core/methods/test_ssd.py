"""SSD against its equations: numbers worked by hand, NumPy, and the consequences that follow by algebra."""

from dataclasses import replace
from math import log

import numpy as np
import pytest
import torch
from torch import nn

from core.data.dataset import Examples
from core.data.splits import Splits
from core.domain.requests.classes import ClassRequest
from core.domain.requests.registry import parse_request
from core.methods.ssd import SSD, adaptive_alpha, dampening
from core.training.fisher import fisher_diagonal
from core.training.precomputed import ImportanceStatistic
from tests.tiny import Tiny, same_weights, tiny_of

PER_SAMPLE = ImportanceStatistic("per_sample")
CEILING = 3.0  # n/k: one class of three, forty images each


@pytest.fixture
def importances(tiny):
    """Of the forget set and of the training set, per sample."""
    model, splits = tiny.original(), tiny.splits()
    return tuple(PER_SAMPLE.compute(model, part, tiny.context()) for part in (splits.forget, splits.train))


def vector(*values):
    return {"weight": torch.tensor(values)}


# The rule itself, by hand.


def test_dampening_shrinks_the_selected_weights_by_their_ratio():
    of_all, of_forget = vector(1.0, 1.0, 2.0, 4.0), vector(4.0, 1.5, 16.0, 10.0)
    # Ratios 4, 1.5, 8, 2.5. Above 2: the first, the third and the last; lambda 1 leaves 1/4, 1/8, 4/10 of them.
    factors = dampening(of_forget, of_all, alpha=2.0, lambda_=1.0)["weight"]
    assert factors.tolist() == pytest.approx([0.25, 1.0, 0.125, 0.4])


def test_dampening_never_strengthens_a_weight():
    # lambda 5 over ratios 4 and 8: 5/4 is cut to 1, 5/8 is not.
    factors = dampening(vector(4.0, 8.0), vector(1.0, 1.0), alpha=2.0, lambda_=5.0)["weight"]
    assert factors.tolist() == [1.0, 0.625]


def test_a_weight_at_the_threshold_is_not_selected():
    factors = dampening(vector(4.0, 4.000001), vector(2.0, 2.0), alpha=2.0, lambda_=0.0)["weight"]
    assert factors.tolist() == [1.0, 0.0]


def test_a_weight_that_nobody_uses_is_left_alone():
    of_all, of_forget = vector(0.0, 0.0, 1.0), vector(0.0, 1.0, 0.0)
    # The middle one matters to the forget set alone: I_D = 0 dampens it to nothing; it takes no per-sample importance.
    assert dampening(of_forget, of_all, alpha=2.0, lambda_=1.0)["weight"].tolist() == [1.0, 0.0, 1.0]
    assert dampening(of_forget, of_all, alpha=float("inf"), lambda_=1.0)["weight"].tolist() == [1.0, 1.0, 1.0]


def test_the_edit_multiplies_the_weights_by_the_factors(tiny, importances):
    factors = dampening(*importances, alpha=1.5, lambda_=1.0)
    before, after = dict(tiny.original().named_parameters()), tiny.unlearn(SSD(alpha=1.5))
    assert any((factor < 1).any() for factor in factors.values())
    for name, theta in after.named_parameters():
        assert torch.equal(theta, before[name] * factors[name]), name


def test_the_adaptive_rule_is_the_percentile_of_all_finite_ratios_together():
    of_forget = {"a": torch.tensor([[4.0, 0.0], [0.0, 3.0]]), "b": torch.tensor([1.0, 6.0])}
    of_all = {"a": torch.tensor([[1.0, 0.0], [2.0, 0.0]]), "b": torch.tensor([2.0, 2.0])}
    # Ratios 4, 0/0, 0, 3/0, 0.5, 3: the finite ones in order are 0, 0.5, 3, 4. With k/n = 0.1 the percentile is
    # 100 - ln 11 = 97.602, at place 3 x 0.97602 = 2.92806 of 0..3: 3 + 0.92806 x (4 - 3).
    place = 3 * (100 - log(11)) / 100
    assert adaptive_alpha(of_forget, of_all, 0.1) == pytest.approx(3 + (place - 2) * 1, rel=1e-6)


def test_the_adaptive_rule_agrees_with_numpy_on_a_network(tiny, importances):
    of_forget, of_all = importances
    with np.errstate(invalid="ignore"):
        ratios = np.concatenate([(of_forget[n].numpy() / of_all[n].numpy()).ravel() for n in of_all])
    wanted = np.quantile(ratios[np.isfinite(ratios)], 1 - log(1 + 100 * 40 / 120) / 100)
    assert adaptive_alpha(of_forget, of_all, tiny.splits().forget_share) == pytest.approx(wanted, rel=1e-6)
    recorded = []
    model, splits = tiny.original(), tiny.splits()
    run = tiny.context(statistics={SSD().statistics(splits.request)[0].key: of_all})
    SSD(alpha="auto").unlearn(model, splits, run)
    recorded.append(float(run.recorded["ssd/alpha"]))
    assert recorded == pytest.approx([wanted], rel=1e-6)


def test_where_no_weight_feels_a_gradient_the_adaptive_rule_selects_nothing():
    nothing = vector(0.0, 0.0)
    assert dampening(nothing, nothing, adaptive_alpha(nothing, nothing, 0.1), 1.0)["weight"].tolist() == [1.0, 1.0]


# METHODS.md 1.8, one to ten.


@pytest.mark.parametrize("alpha", [CEILING * (1 + 1e-4), 10.0, 1000.0])
def test_1_at_the_ceiling_and_above_the_weights_are_bit_identical(tiny, alpha):
    assert same_weights(tiny.unlearn(SSD(alpha=alpha, lambda_=0.0)), tiny.original())


@pytest.mark.parametrize("alpha", [0.01, 1.0, 2.0])
def test_2_with_lambda_at_the_ceiling_nothing_changes_whatever_alpha_is(tiny, alpha):
    assert same_weights(tiny.unlearn(SSD(alpha=alpha, lambda_=CEILING * (1 + 1e-4))), tiny.original())


def test_3_with_lambda_zero_the_selected_weights_are_exactly_zero_and_the_others_untouched(tiny, importances):
    of_forget, of_all = importances
    before = dict(tiny.original().named_parameters())
    selected_weights = 0
    for name, theta in tiny.unlearn(SSD(alpha=1.5, lambda_=0.0)).named_parameters():
        selected = of_forget[name] > 1.5 * of_all[name]
        assert (theta[selected] == 0).all()
        assert torch.equal(theta[~selected], before[name][~selected])
        selected_weights += int(selected.sum())
    assert 0 < selected_weights < sum(theta.numel() for theta in before.values())


def forget_everything(tiny: Tiny) -> Splits:
    """No request may ask for it, so the splits are made by hand."""
    train, test = tiny.dataset.train, tiny.dataset.test
    shadow = torch.ones(len(test), dtype=torch.bool)
    return Splits(ClassRequest((2,)), train, test, torch.ones(len(train), dtype=torch.bool), shadow, 1.0)


@pytest.mark.parametrize(
    "alpha, lambda_, factor", [(1.0, 0.0, 1.0), (2.0, 0.5, 1.0), (0.9, 0.5, 0.5), (0.9, 0.0, 0.0), (0.9, 7.0, 1.0)]
)
def test_4_forgetting_everything_changes_nothing_from_alpha_1_on_and_below_scales_every_used_weight(
    tiny, alpha, lambda_, factor
):
    method, splits, model = SSD(alpha=alpha, lambda_=lambda_), forget_everything(tiny), tiny.original()
    of_all = PER_SAMPLE.compute(model, splits.train, tiny.context())
    run = tiny.context(statistics={method.statistics(splits.request)[0].key: of_all})
    after = method.unlearn(model, splits.only(method.uses), run)
    for (name, theta), before in zip(after.named_parameters(), tiny.original().parameters(), strict=True):
        used = of_all[name] > 0
        assert torch.equal(theta[used], factor * before[used])
        assert torch.equal(theta[~used], before[~used])


@pytest.mark.parametrize("request_, count", [("class:2", 40), ("random:0.1", 12), ("samples:0,5,7", 3)])
def test_5_no_ratio_exceeds_n_over_k(tiny, request_, count):
    model, splits = tiny.original(), tiny.splits(request_)
    of_forget, of_all = (PER_SAMPLE.compute(model, part, tiny.context()) for part in (splits.forget, splits.train))
    highest = max(float((of_forget[n] / of_all[n])[of_all[n] > 0].max()) for n in of_all)
    assert 1 < highest <= 120 / count * (1 + 1e-4)
    assert all((of_forget[n][of_all[n] == 0] == 0).all() for n in of_all)


@pytest.mark.parametrize("size, max_bytes", [(1, 2**28), (7, 2**28), (120, 2**28), (120, 2**19)])
def test_6_per_sample_importance_does_not_depend_on_the_order_or_the_batch_size(tiny, size, max_bytes):
    """In double precision: in single, another batch size is another kernel, and a ReLU near 0 may flip."""
    order = torch.randperm(120, generator=torch.Generator().manual_seed(3))

    def importance(examples, batch_size, max_bytes=2**28):
        batches = [(x.double(), y) for x, y in examples.batches(batch_size)]
        return fisher_diagonal(tiny.original().double(), lambda _: batches, max_bytes=max_bytes)

    ours = importance(tiny.dataset.train.subset(order), size, max_bytes)
    for name, wanted in importance(tiny.dataset.train, 120).items():
        torch.testing.assert_close(ours[name], wanted, rtol=1e-9, atol=1e-12 * float(wanted.max()))


def test_7_doubling_every_loss_leaves_the_edit_unchanged(tiny, importances):
    doubled = [{name: 4 * values for name, values in part.items()} for part in importances]  # gradients are squared
    shares = tiny.splits().forget_share
    alpha, same_alpha = adaptive_alpha(*importances, shares), adaptive_alpha(*doubled, shares)
    assert alpha == same_alpha
    for ours, theirs in zip(
        dampening(*importances, alpha, 1.0).values(), dampening(*doubled, alpha, 1.0).values(), strict=True
    ):
        assert torch.equal(ours, theirs)


def test_8_the_importance_of_one_linear_layer_is_what_a_hand_computes(grey):
    model = nn.Sequential(nn.Flatten(), nn.Linear(2, 2))
    nn.init.zeros_(model[1].weight)
    nn.init.zeros_(model[1].bias)
    # With weights of zero both probabilities are 1/2, so d loss / d logits is -1/2 for the label, +1/2 for the other:
    # every squared gradient is 1/4 x^2, for biases 1/4. Samples (1, 2) and (3, 0): means (1 + 9)/8 and (4 + 0)/8.
    images = torch.tensor([[1, 2], [3, 0]], dtype=torch.uint8).view(2, 1, 1, 2)
    found = PER_SAMPLE.compute(model, Examples(images, torch.tensor([0, 1]), peak=1), grey.context())
    assert found["1.weight"].tolist() == [[1.25, 0.5], [1.25, 0.5]]
    assert found["1.bias"].tolist() == [0.25, 0.25]
    # The authors' estimator: mean gradients over the batch of two are 1/2 (-1 + 3)/2 = 1/2 and 1/2 (-2)/2 = -1/2.
    batch = ImportanceStatistic("batch", 2).compute(
        model, Examples(images, torch.tensor([0, 1]), peak=1), grey.context()
    )
    assert batch["1.weight"].tolist() == [[0.25, 0.25], [0.25, 0.25]]
    assert batch["1.bias"].tolist() == [0.0, 0.0]


def test_9_buffers_and_frozen_layers_stay_and_two_calls_from_a_copy_give_the_same(tiny):
    model, splits, method = tiny.original(), tiny.splits(), SSD(alpha=0.01, lambda_=0.0)
    frozen = dict(model.get_submodule("conv1").named_parameters())
    for p in frozen.values():
        p.requires_grad_(False)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    lent = {s.key: s.compute(model, splits.train, tiny.context()) for s in method.statistics(splits.request)}
    method.unlearn(model, splits.only(method.uses), tiny.context(statistics=lent))
    parameters = dict(model.named_parameters())
    for name, tensor in model.state_dict().items():
        if name not in parameters or name.startswith("conv1"):
            assert torch.equal(tensor, before[name]), name
    assert not torch.equal(model.state_dict()["hidden.weight"], before["hidden.weight"])
    once, twice = tiny.unlearn(SSD()), tiny.unlearn(SSD())
    assert same_weights(once, twice)


def test_10_the_training_sets_importance_is_the_sum_of_its_parts(tiny, importances):
    of_forget, of_all = importances
    of_retain = PER_SAMPLE.compute(tiny.original(), tiny.splits().retain, tiny.context())
    for name, whole in of_all.items():
        parts = 40 * of_forget[name] + 80 * of_retain[name]
        torch.testing.assert_close(120 * whole, parts, rtol=1e-4, atol=1e-6 * float(parts.max()))


# Its parameters mean what they say.


def test_batch_importance_uses_its_batch_size_and_is_the_authors_estimator(tiny):
    model, splits = tiny.original(), tiny.splits()
    found = {}
    for size in (1, 8, 40):
        method = SSD(importance="batch", batch_size=size)
        (statistic,) = method.statistics(splits.request)
        of_all = statistic.compute(model, splits.train, tiny.context())
        run = tiny.context(statistics={statistic.key: of_all})
        method.unlearn(tiny.original(), splits, run)
        found[size] = run.recorded["importance_forget/classifier.weight"]
        # By hand: (1/B) sum over batches of the squared gradient of the batch's mean loss, in the data's order.
        squares = []
        for start in range(0, 40, size):
            x, y = (part[start : start + size] for part in (splits.forget.pixels(), splits.forget.labels))
            loss = nn.functional.cross_entropy(model(x), y)
            squares.append(torch.autograd.grad(loss, model.classifier.weight)[0].square())
        torch.testing.assert_close(found[size], torch.stack(squares).mean(0), rtol=1e-4, atol=1e-9)
    per_sample = PER_SAMPLE.compute(model, splits.forget, tiny.context())["classifier.weight"]
    torch.testing.assert_close(found[1], per_sample, rtol=1e-4, atol=1e-9)
    assert not torch.allclose(found[8], found[40], rtol=0.01)


def answers_of(tiny, examples):
    """What the original says of each example."""
    with torch.no_grad():
        return tiny.original()(examples.pixels()).argmax(1)


def label_free_by_hand(tiny, examples, size):
    """Mean over batches, in the order of the answers, of |d mean squared length of the logits / d theta|."""
    model, sums = tiny.original(), {}
    pixels = examples.images.float() / 255
    batches = torch.cat([(answers_of(tiny, examples) == c).nonzero()[:, 0] for c in range(3)]).split(size)
    for batch in batches:
        model.zero_grad()
        (model(pixels[batch]).square().sum() / len(batch)).backward()
        for name, theta in model.named_parameters():
            sums[name] = sums.get(name, 0) + theta.grad.abs() / len(batches)
    return sums


@pytest.mark.parametrize("size", [7, 40, 64])
def test_label_free_importance_is_a_loop_over_batches_sorted_by_the_models_own_answers(tiny, size):
    train = tiny.dataset.train
    assert answers_of(tiny, train).unique().numel() > 1
    found = ImportanceStatistic("label_free", size).compute(tiny.original(), train, tiny.context())
    wanted = label_free_by_hand(tiny, train, size)
    assert list(found) == list(wanted)
    for name, values in wanted.items():
        torch.testing.assert_close(found[name], values, rtol=1e-3, atol=1e-5 * float(values.max()), msg=name)


def test_label_free_ssd_needs_no_label(tiny):
    splits, method = tiny.splits(), SSD(importance="label_free", batch_size=16)
    other = replace(splits, train=splits.train.relabelled(torch.zeros_like(splits.train.labels)))
    results = []
    for some in (splits, other):
        lent = {s.key: s.compute(tiny.original(), some.train, tiny.context()) for s in method.statistics(splits.request)}
        results.append(method.unlearn(tiny.original(), some.only(method.uses), tiny.context(statistics=lent)))
    assert same_weights(*results)


def test_label_free_ssd_dampens_by_label_free_importances(tiny):
    splits, method = tiny.splits(), SSD(importance="label_free", batch_size=16, alpha=1.2, lambda_=0.5)
    of_forget, of_all = (label_free_by_hand(tiny, part, 16) for part in (splits.forget, splits.train))
    changed, after = 0, tiny.unlearn(method)
    for (name, theta), before in zip(after.named_parameters(), tiny.original().parameters(), strict=True):
        ratio = of_forget[name] / of_all[name]
        clear = (ratio - 1.2).abs() > 1e-3  # at the threshold itself rounding decides; 0/0 is left alone
        wanted = torch.where(ratio > 1.2, before * (0.5 / ratio).clamp(max=1.0), before)
        torch.testing.assert_close(theta[clear], wanted[clear], rtol=1e-3, atol=1e-6)
        assert torch.equal(theta[ratio.isnan()], before[ratio.isnan()])
        changed += int((ratio > 1.2).sum())
    assert changed > 0


def test_stored_importances_fit_the_model_that_has_these_parameters_in_these_shapes_alone(grey):
    statistic, model = ImportanceStatistic("label_free", 64), grey.original()
    arrays = statistic.compute(model, grey.dataset.train, grey.context())
    assert statistic.fits(arrays, model)
    name = "classifier.bias"
    assert not statistic.fits({n: a for n, a in arrays.items() if n != name}, model)
    assert not statistic.fits(arrays | {"stranger": torch.zeros(3)}, model)
    assert not statistic.fits(arrays | {name: torch.zeros(4)}, model)
    assert not statistic.fits(arrays, tiny_of(3).original())
    assert not statistic.fits({}, model)


def test_the_batch_size_is_part_of_the_stored_importances_name_only_where_it_matters():
    def key(request="class:2", **fields):
        return SSD(**fields).statistics(parse_request(request))[0].key

    assert key(batch_size=8) == key(batch_size=64)
    assert key(importance="batch", batch_size=8) != key(importance="batch", batch_size=64)
    assert key(importance="label_free", batch_size=8) != key(importance="label_free", batch_size=64)
    assert len({key(), key(importance="batch"), key(importance="label_free")}) == 3
    assert key(alpha=3.0, lambda_=0.5) == key()


def test_batches_are_sorted_where_a_value_is_named_and_mixed_where_images_are_drawn_or_chosen():
    def mixed(request, estimator="batch"):
        return SSD(importance=estimator).statistics(parse_request(request))[0].mixed

    assert not any(map(mixed, ("class:2", "classes:0,1", "subclass:5", "attribute:person=3")))
    assert all(map(mixed, ("random:0.1", "mislabelled:10", "samples:0,5")))
    assert mixed("random:0.1", "label_free")
    assert not mixed("random:0.1", "per_sample")


def test_without_its_stored_importance_it_does_not_run(grey):
    with pytest.raises(KeyError):
        SSD().unlearn(grey.original(), grey.splits(), grey.context())


def test_what_it_records_is_the_forget_sets_importance_and_the_alpha_that_was_used(tiny, importances):
    splits = tiny.splits()
    run = tiny.context(statistics={SSD().statistics(splits.request)[0].key: importances[1]})
    SSD(alpha=2.5).unlearn(tiny.original(), splits, run)
    assert float(run.recorded["ssd/alpha"]) == 2.5
    names = {name for name, _ in tiny.original().named_parameters()}
    assert {n.removeprefix("importance_forget/") for n in run.recorded if n.startswith("importance_forget/")} == names
    for name in names:
        assert torch.equal(run.recorded[f"importance_forget/{name}"], importances[0][name])


def test_the_dampened_network_loses_the_class_before_it_loses_the_others(tiny):
    splits = tiny.splits()

    def losses(model):
        parts = (splits.forget, splits.retain)
        return [nn.functional.cross_entropy(model(part.pixels()), part.labels).item() for part in parts]

    before, after = losses(tiny.original()), losses(tiny.unlearn(SSD(alpha=1.5, lambda_=0.1)))
    assert after[0] - before[0] > 3 * max(0.0, after[1] - before[1])
    assert after[0] > before[0]


def test_the_edit_follows_from_the_stored_importances_alpha_and_lambda_alone(tiny, importances):
    """What the sliders of the Parameters page rest on."""
    again = tiny.original()
    factors = dampening(*importances, 2.0, 0.5)
    with torch.no_grad():
        for name, theta in again.named_parameters():
            theta.mul_(factors[name])
    assert same_weights(again, tiny.unlearn(replace(SSD(), alpha=2.0, lambda_=0.5)))
