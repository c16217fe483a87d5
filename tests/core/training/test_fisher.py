"""Importance against a plain loop over samples, against numbers on paper, and for what it leaves behind."""

from collections.abc import Callable, Iterator
from functools import partial
from itertools import product

import pytest
import torch
from torch import Tensor, nn
import torch.nn.functional as F
from torch.nn.utils import prune

from core.training.fisher import Importance, expected_fisher, fisher_diagonal, squared_batch_gradient, squared_length
from core.training.precomputed import ImportanceStatistic
from tests.tiny import Tiny

Samples = Iterator[tuple[Tensor, Tensor]]


class Scale(nn.Module):
    """A module of our own, with a parameter that is no one's weight."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.factor = nn.Parameter(torch.rand(width) + 0.5)

    def forward(self, x: Tensor) -> Tensor:
        return x * self.factor


class Everything(nn.Module):
    """Each kind of layer and each habit of forward passes that importance must get right."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(8)
        self.grouped = nn.Conv2d(8, 8, 3, padding=2, dilation=2, groups=4)
        self.group_norm = nn.GroupNorm(2, 8)
        self.reused = nn.Conv2d(8, 8, 1)
        self.same = nn.Conv2d(8, 8, (3, 1), padding="same")
        self.circular = nn.Conv2d(8, 8, 3, padding=1, padding_mode="circular")
        self.strided = nn.Conv2d(8, 6, 3, stride=2, padding=1)
        self.position = nn.Parameter(torch.randn(16, 6) / 4)
        self.token_norm = nn.LayerNorm(6)
        self.tokens = nn.Linear(6, 6)
        self.attention = nn.MultiheadAttention(6, 2, batch_first=True)
        self.pixel = nn.Conv2d(6, 6, 4)
        self.scale = Scale(6)
        self.features = nn.BatchNorm1d(6)
        self.first = nn.Linear(6, 6, bias=False)
        self.second = nn.Linear(6, 6)
        self.second.weight = self.first.weight
        self.head = nn.Linear(6, 4)
        self.unused = nn.Linear(2, 2)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.norm(self.stem(x)), inplace=True)
        x = x + self.group_norm(self.grouped(x))
        x = torch.relu_(self.reused(torch.tanh(self.reused(x))))
        x = x + self.same(x) + self.circular(x)
        x = self.strided(x)
        x = x.flatten(2).transpose(1, 2) + self.position
        x = x + self.tokens(self.token_norm(x))
        x = x + self.attention(x, x, x, need_weights=False)[0]
        x = self.pixel(x.transpose(1, 2).reshape(-1, 6, 4, 4)).flatten(1)
        x = self.features(self.scale(x))
        answer: Tensor = self.head(x + self.second(torch.tanh(self.first(x))))
        return answer


def everything() -> Everything:
    """Double precision, running statistics of its own, every layer in the mode for training."""
    torch.manual_seed(0)
    model = Everything().double()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            assert module.running_mean is not None
            assert module.running_var is not None
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2)
            nn.init.normal_(module.weight)
    return model


def some_samples(count: int = 7) -> tuple[Tensor, Tensor]:
    torch.manual_seed(1)
    return torch.rand(count, 3, 8, 8, dtype=torch.float64), torch.randint(4, (count,))


def in_chunks(x: Tensor, y: Tensor, size: int) -> Samples:
    return zip(torch.split(x, size), torch.split(y, size), strict=True)


def in_chunks_of(size: int, x: Tensor, y: Tensor) -> Callable[[int], Samples]:
    """Batches that come in chunks of one size, whatever was asked for."""
    return lambda _: in_chunks(x, y, size)


def by_a_loop(model: nn.Module, x: Tensor, y: Tensor) -> Importance:
    """The definition: one sample at a time, plain autograd, squares, mean."""
    model.eval()
    params = {name: p for name, p in model.named_parameters() if p.requires_grad}
    sums = {name: torch.zeros_like(p) for name, p in model.named_parameters()}
    for some_x, some_y in in_chunks(x, y, 1):
        loss = F.cross_entropy(model(some_x.clone()), some_y)
        gradients = torch.autograd.grad(loss, list(params.values()), allow_unused=True)
        for name, gradient in zip(params, gradients, strict=True):
            if gradient is not None:
                sums[name] += gradient.square()
    return {name: value / len(y) for name, value in sums.items()}


def assert_same(ours: Importance, theirs: Importance, tolerance: float = 1e-9) -> None:
    assert list(ours) == list(theirs)
    for name, value in theirs.items():
        assert ours[name].shape == value.shape
        assert (ours[name] - value).abs().max() <= tolerance * value.abs().max(), name


def test_the_fisher_is_the_mean_of_squared_gradients_of_a_loop_over_samples() -> None:
    model, (x, y) = everything(), some_samples()
    expected = by_a_loop(model, x, y)
    used = [name for name in expected if not name.startswith("unused")]
    assert all(expected[name].abs().max() > 0 for name in used)
    assert_same(fisher_diagonal(model, partial(in_chunks, x, y)), expected)


def test_the_fisher_in_single_precision_is_right_to_five_digits() -> None:
    model, (x, y) = everything(), some_samples()
    expected = {name: value.float() for name, value in by_a_loop(model, x, y).items()}
    assert_same(fisher_diagonal(model.float(), partial(in_chunks, x.float(), y)), expected, 1e-5)


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_the_fisher_does_not_depend_on_the_chunks(size: int) -> None:
    model, (x, y) = everything(), some_samples()
    assert_same(fisher_diagonal(model, in_chunks_of(size, x, y)), fisher_diagonal(model, partial(in_chunks, x, y)))


def test_the_fisher_does_not_depend_on_the_order() -> None:
    model, (x, y) = everything(), some_samples()
    other = torch.tensor([3, 0, 6, 1, 5, 2, 4])
    assert_same(
        fisher_diagonal(model, partial(in_chunks, x[other], y[other])), fisher_diagonal(model, partial(in_chunks, x, y))
    )


def test_a_work_space_smaller_than_a_gradient_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    model, (x, y) = everything(), some_samples()
    whole = fisher_diagonal(model, partial(in_chunks, x, y))
    monkeypatch.setattr("core.training.fisher.CACHE_BYTES", 500)
    assert_same(fisher_diagonal(model, partial(in_chunks, x, y)), whole)


def test_one_linear_layer_gives_the_numbers_on_paper() -> None:
    model = nn.Linear(2, 2)
    nn.init.zeros_(model.weight)
    nn.init.zeros_(model.bias)
    x, y = torch.tensor([[1.0, 2.0], [3.0, 0.0]]), torch.tensor([0, 1])
    # Both outputs are 1/2, so the gradients at the output are (-1/2, 1/2) and (1/2, -1/2): squares of 1/4 everywhere.
    # Weight: 1/4 (1 + 9) / 2 = 1.25 and 1/4 (4 + 0) / 2 = 0.5 in each row; bias: 1/4.
    fisher = fisher_diagonal(model, partial(in_chunks, x, y))
    torch.testing.assert_close(fisher["weight"], torch.tensor([[1.25, 0.5], [1.25, 0.5]]))
    torch.testing.assert_close(fisher["bias"], torch.tensor([0.25, 0.25]))


def test_the_squared_batch_gradient_gives_the_numbers_on_paper() -> None:
    model = nn.Linear(2, 2)
    nn.init.zeros_(model.weight)
    nn.init.zeros_(model.bias)
    first = (torch.tensor([[1.0, 2.0], [3.0, 0.0]]), torch.tensor([0, 1]))
    second = (torch.tensor([[2.0, 4.0]]), torch.tensor([1]))
    # First row of the mean gradients: ((-1/2)(1, 2) + (1/2)(3, 0)) / 2 = (1/2, -1/2), bias 0; then (1, 2), bias 1/2.
    result = squared_batch_gradient(model, [first, second])
    torch.testing.assert_close(result["weight"], torch.tensor([[0.625, 2.125], [0.625, 2.125]]))
    torch.testing.assert_close(result["bias"], torch.tensor([0.125, 0.125]))


def test_the_squared_batch_gradient_of_single_samples_is_the_fisher() -> None:
    model, (x, y) = everything(), some_samples()
    assert_same(squared_batch_gradient(model, in_chunks(x, y, 1)), fisher_diagonal(model, partial(in_chunks, x, y)))


class WritesToInputs(nn.Module):
    """Uses an input, then overwrites it: the image, and features that a layer had to copy."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.tokens, self.head = nn.Conv2d(3, 5, 3), nn.Linear(5, 5), nn.Linear(5, 4)

    def forward(self, x: Tensor) -> Tensor:
        features = self.conv(x).flatten(2)
        x.zero_()
        tokens = self.tokens(features.transpose(1, 2))
        features.mul_(2)
        answer: Tensor = self.head((tokens + features.transpose(1, 2)).tanh().mean(1))
        return answer


class CopiesInputs(WritesToInputs):
    """The same function without writing."""

    def forward(self, x: Tensor) -> Tensor:
        features = self.conv(x).flatten(2)
        tokens = self.tokens(features.transpose(1, 2))
        answer: Tensor = self.head((tokens + (2 * features).transpose(1, 2)).tanh().mean(1))
        return answer


def test_an_input_written_to_after_its_layer_counts_as_it_was() -> None:
    writes, copies, (x, y) = WritesToInputs().double(), CopiesInputs().double(), some_samples()
    copies.load_state_dict(writes.state_dict())
    before = x.clone()
    assert_same(fisher_diagonal(writes, partial(in_chunks, x, y)), by_a_loop(copies, x, y))
    assert torch.equal(x, before)


class ReadsAWeightTwice(nn.Module):
    """Calls a layer and reads its weight besides; folds samples into tokens; is called with a keyword."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.shared, self.folded = nn.Conv2d(3, 6, 8), nn.Linear(6, 6), nn.Linear(3, 3)
        self.head = nn.Linear(6, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = self.shared(self.conv(input=x).flatten(1)).tanh() @ self.shared.weight
        answer: Tensor = self.head(self.folded(x.reshape(-1, 3)).reshape(-1, 6))
        return answer


def test_a_weight_read_outside_its_layer_and_samples_folded_into_rows_are_right() -> None:
    model, (x, y) = ReadsAWeightTwice().double(), some_samples()
    assert_same(fisher_diagonal(model, partial(in_chunks, x, y)), by_a_loop(model, x, y))


class BeginsWithAToken(nn.Module):
    """As a vision transformer begins: the token's gradient is a view of the places'."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.head = nn.Conv2d(3, 5, 4, 4), nn.Linear(5, 4)
        self.token, self.place = nn.Parameter(torch.randn(1, 1, 5)), nn.Parameter(torch.randn(1, 5, 5))

    def forward(self, x: Tensor) -> Tensor:
        tokens = torch.cat([self.token.expand(len(x), -1, -1), self.embed(x).flatten(2).mT], 1) + self.place
        answer: Tensor = self.head(tokens.tanh().mean(1))
        return answer


def test_a_token_and_its_place_that_share_a_gradient_are_each_squared_once() -> None:
    model, (x, y) = BeginsWithAToken().double(), some_samples()
    assert_same(fisher_diagonal(model, partial(in_chunks, x, y)), by_a_loop(model, x, y))


def test_altered_layers_are_right() -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(144, 5), nn.Tanh(), nn.Linear(5, 4)).double()
    model.append(nn.Linear(4, 4).double())
    nn.utils.parametrizations.weight_norm(model[2])
    model[4].register_forward_hook(lambda *called: called[-1] * 3)
    prune.random_unstructured(model[5], "weight", 0.5)  # type: ignore[no-untyped-call]  # torch does not type it
    last = nn.Linear(4, 4).double()
    last.forward = lambda input: F.linear(input, last.weight**2, last.bias)  # type: ignore[method-assign]  # on purpose
    model.append(last)
    x, y = some_samples()
    assert_same(fisher_diagonal(model, partial(in_chunks, x, y)), by_a_loop(model, x, y))


def test_an_ordinary_network_needs_no_torch_func(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = some_samples()
    model = nn.Sequential(
        nn.Conv2d(3, 6, 3, bias=False), nn.BatchNorm2d(6), nn.ReLU(inplace=True), nn.Flatten(2),
        nn.Linear(36, 5), nn.LayerNorm(5), nn.Flatten(), nn.Linear(30, 6), nn.BatchNorm1d(6), nn.Linear(6, 4),
    ).double()  # fmt: skip
    expected = by_a_loop(model, x, y)
    monkeypatch.delattr("torch.func.vmap")
    assert_same(fisher_diagonal(model, partial(in_chunks, x, y)), expected)


def test_frozen_parameters_are_zero_and_the_others_as_ever() -> None:
    model, (x, y) = everything(), some_samples()
    free = fisher_diagonal(model, partial(in_chunks, x, y))
    frozen = {"stem.weight", "strided.bias", "position", "head.weight", "first.weight"}
    for name, p in model.named_parameters():
        p.requires_grad_(name not in frozen)
    expected = {name: torch.zeros_like(v) if name in frozen else v for name, v in free.items()}
    assert_same(fisher_diagonal(model, partial(in_chunks, x, y)), expected)
    assert_same(squared_batch_gradient(model, in_chunks(x, y, 1)), expected)
    assert {name for name, p in model.named_parameters() if not p.requires_grad} == frozen


@pytest.mark.parametrize("all_frozen", [True, False])
def test_a_model_with_nothing_to_learn_is_zero_or_an_error(all_frozen: bool) -> None:
    model = nn.Linear(2, 2).requires_grad_(not all_frozen)
    blind = nn.Sequential(nn.Flatten(), model)
    blind.register_forward_hook(lambda *called: called[-1].detach())
    x, y = torch.rand(3, 2), torch.tensor([0, 1, 0])
    for estimate in both(blind, x, y):
        if all_frozen:
            assert all(not value.any() for value in estimate().values())
        else:
            with pytest.raises(ValueError, match="carries no gradient"):
                estimate()


class Raises(nn.Module):
    """Fails at its second call, after having counted it."""

    calls: Tensor

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model
        self.register_buffer("calls", torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        self.calls = self.calls + 1
        if self.calls > 1:
            raise RuntimeError("no more")
        answer: Tensor = self.model(x)
        return answer


def traces(model: nn.Module) -> tuple[object, ...]:
    """All that must be as before: modes, buffers, hooks, gradients, what is trainable."""
    return (
        [module.training for module in model.modules()],
        {name: value.tolist() for name, value in model.named_buffers()},
        [len(module._forward_hooks) + len(module._forward_pre_hooks) for module in model.modules()],
        [(p.requires_grad, p.grad) for p in model.parameters()],
        {name: value.tolist() for name, value in model.named_parameters()},
    )


def both(model: nn.Module, x: Tensor, y: Tensor) -> list[Callable[[], Importance]]:
    return [
        lambda: fisher_diagonal(model, in_chunks_of(3, x, y)),
        lambda: squared_batch_gradient(model, in_chunks(x, y, 3)),
    ]


@pytest.mark.parametrize("estimator", [0, 1])
def test_nothing_is_left_behind(estimator: int) -> None:
    model, (x, y) = everything().train(), some_samples()
    model.norm.eval()
    model.head.weight.grad = torch.ones_like(model.head.weight)
    before = traces(model)
    both(model, x, y)[estimator]()
    assert traces(model) == before


@pytest.mark.parametrize("estimator", [0, 1])
def test_nothing_is_left_behind_by_a_model_that_raises(estimator: int) -> None:
    model, (x, y) = Raises(everything()).train(), some_samples()
    before = traces(model)
    with pytest.raises(RuntimeError, match="no more"):
        both(model, x, y)[estimator]()
    assert traces(model) == before


@pytest.mark.parametrize("estimator", [0, 1])
def test_no_samples_is_an_error(estimator: int) -> None:
    nothing: list[tuple[Tensor, Tensor]] = []
    model = nn.Linear(2, 2)
    estimate = (lambda: fisher_diagonal(model, lambda _: nothing), lambda: squared_batch_gradient(model, nothing))
    with pytest.raises(ValueError, match="there were none"):
        estimate[estimator]()


def test_batch_normalization_without_running_statistics_is_refused() -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2, track_running_stats=False))
    with pytest.raises(ValueError, match="Layer '1' normalizes by the statistics of the batch"):
        fisher_diagonal(model, partial(in_chunks, torch.rand(3, 2), torch.tensor([0, 1, 0])))


def test_progress_ends_at_one_and_memory_decides_the_chunk() -> None:
    model, (x, y) = everything(), some_samples()
    shares: list[float] = []
    asked: list[int] = []

    def batches(size: int) -> Samples:
        asked.append(size)
        return in_chunks(x, y, size)

    fisher_diagonal(model, batches, total=7, on_share=shares.append)
    fisher_diagonal(model, batches, total=7, on_share=shares.append, max_bytes=1)
    assert shares == [1.0, *[pytest.approx((done + 1) / 7) for done in range(7)]]
    assert asked == [1, 512, 1, 1]


def test_a_caller_without_gradients_gets_the_same() -> None:
    model, (x, y) = everything(), some_samples()
    expected = fisher_diagonal(model, partial(in_chunks, x, y))
    with torch.no_grad():
        assert_same(fisher_diagonal(model, partial(in_chunks, x, y)), expected)


# Other losses than the cross-entropy, other sizes than the square.


def over_own_answers(model: nn.Module, x: Tensor) -> Importance:
    """The definition: for each sample and class, p(c | x) times the squared gradient of -log p(c | x); the mean."""
    model.eval()
    params = {name: p for name, p in model.named_parameters() if p.requires_grad}
    sums = {name: torch.zeros_like(p) for name, p in model.named_parameters()}
    for some_x in torch.split(x, 1):
        for c in range(4):
            log_p = torch.log_softmax(model(some_x.clone()), 1)[0]
            gradients = torch.autograd.grad(-log_p[c], list(params.values()), allow_unused=True)
            for name, gradient in zip(params, gradients, strict=True):
                if gradient is not None:
                    sums[name] += log_p[c].exp().detach() * gradient.square()
    return {name: value / len(x) for name, value in sums.items()}


@pytest.mark.parametrize("size", [1, 3, 7])
def test_the_expected_fisher_is_the_sum_over_samples_and_the_models_own_answers(size: int) -> None:
    model, (x, y) = everything(), some_samples()
    assert_same(expected_fisher(model, in_chunks_of(size, x, y), classes=4), over_own_answers(model, x))


def test_the_expected_fisher_in_single_precision_is_right_to_four_digits() -> None:
    model, (x, y) = everything(), some_samples()
    expected = {name: value.float() for name, value in over_own_answers(model, x).items()}
    assert_same(expected_fisher(model.float(), partial(in_chunks, x.float(), y), classes=4), expected, 1e-4)


def test_the_expected_fisher_of_one_linear_layer_is_p_times_1_minus_p() -> None:
    torch.manual_seed(2)
    model, x = nn.Linear(3, 4).double(), torch.randn(6, 3, dtype=torch.float64)
    # d -log p_c / d z_j = p_j - [j = c]; its square in expectation over c is p_j (1 - p_j)^2 + (1 - p_j) p_j^2.
    p = torch.softmax(model(x), 1).detach()
    fisher = expected_fisher(model, partial(in_chunks, x, torch.zeros(6, dtype=torch.int64)), classes=4)
    torch.testing.assert_close(fisher["bias"], (p * (1 - p)).mean(0))
    torch.testing.assert_close(fisher["weight"], (p * (1 - p)).T @ x.square() / 6)


def test_the_expected_fisher_asks_no_label_and_leaves_nothing_behind() -> None:
    model, (x, y) = everything().train(), some_samples()
    before = traces(model)
    with torch.no_grad():
        fisher = expected_fisher(model, partial(in_chunks, x, y), classes=4)
    assert traces(model) == before
    assert_same(fisher, expected_fisher(model, partial(in_chunks, x, (y + 1) % 4), classes=4))


def test_the_expected_fishers_progress_goes_class_by_class_and_ends_at_one() -> None:
    model, (x, y) = everything(), some_samples(4)
    shares: list[float] = []
    expected_fisher(model, in_chunks_of(2, x, y), classes=4, total=4, on_share=shares.append)
    assert shares == pytest.approx([step / 8 for step in range(1, 9)])


def margin(logits: Tensor, y: Tensor) -> Tensor:
    """A loss that is no cross-entropy, summed over samples."""
    return (logits.gather(1, y[:, None])[:, 0] - logits.square().mean(1)).tanh().sum()


@pytest.mark.parametrize("size", [1, 3, 7])
def test_with_another_loss_the_fisher_squares_that_losss_gradients(size: int) -> None:
    model, (x, y) = everything(), some_samples()
    model.eval()
    named = {name: p for name, p in model.named_parameters() if not name.startswith("unused")}
    sums = {name: torch.zeros_like(p) for name, p in model.named_parameters()}
    for some_x, some_y in in_chunks(x, y, 1):
        gradients = torch.autograd.grad(margin(model(some_x.clone()), some_y), list(named.values()))
        for name, gradient in zip(named, gradients, strict=True):
            sums[name] += gradient.square() / 7
    assert_same(fisher_diagonal(model, in_chunks_of(size, x, y), loss=margin), sums)


def test_the_label_free_importance_is_the_mean_over_batches_of_absolute_gradients_of_the_squared_length() -> None:
    model, (x, y) = everything(), some_samples()
    found = squared_batch_gradient(model, in_chunks(x, y, 3), loss_of=squared_length, size=torch.abs)
    model.eval()
    named = {name: p for name, p in model.named_parameters() if not name.startswith("unused")}
    sums = {name: torch.zeros_like(p) for name, p in model.named_parameters()}
    for some_x in torch.split(x, 3):  # 3, 3 and 1
        loss = torch.linalg.vector_norm(model(some_x.clone()), dim=1).pow(2).mean()
        for name, gradient in zip(named, torch.autograd.grad(loss, list(named.values())), strict=True):
            sums[name] += gradient.abs() / 3
    assert_same(found, sums)


def test_the_label_free_importance_gives_the_numbers_on_paper() -> None:
    model = nn.Linear(2, 2)
    with torch.no_grad():
        model.weight.copy_(torch.eye(2))
        model.bias.zero_()
    first = (torch.tensor([[1.0, 2.0], [3.0, 0.0]]), torch.tensor([0, 0]))
    second = (torch.tensor([[-1.0, 1.0]]), torch.tensor([0]))
    # Logits are the inputs; d mean |z|^2 / d W_ji = mean 2 z_j x_i: ((10, 2), (2, 4)), biases (4, 2).
    # Then 2 z x for (-1, 1): ((2, -2), (-2, 2)), biases (-2, 2). Means of the absolute values:
    found = squared_batch_gradient(model, [first, second], loss_of=squared_length, size=torch.abs)
    torch.testing.assert_close(found["weight"], torch.tensor([[6.0, 2.0], [2.0, 3.0]]))
    torch.testing.assert_close(found["bias"], torch.tensor([3.0, 2.0]))


def test_the_squared_length_is_a_mean_over_the_batch() -> None:
    logits = torch.tensor([[3.0, 4.0], [0.0, 1.0]])
    assert squared_length(logits, torch.tensor([1, 0])).item() == 13.0  # (25 + 1) / 2


# Several attributes: labels (N, A), the mean binary cross-entropy.


def rows_of_attributes(count: int = 7) -> Tensor:
    return torch.randint(2, (count, 4), generator=torch.Generator().manual_seed(3)).to(torch.uint8)


def attributes_by_a_loop(model: nn.Module, x: Tensor, y: Tensor) -> Importance:
    """The definition: one sample at a time, binary cross-entropy by autograd, squares, mean."""
    model.eval()
    params = {name: p for name, p in model.named_parameters() if p.requires_grad}
    sums = {name: torch.zeros_like(p) for name, p in model.named_parameters()}
    for some_x, some_y in in_chunks(x, y, 1):
        loss = F.binary_cross_entropy(model(some_x.clone()).sigmoid(), some_y.double())
        for name, gradient in zip(params, torch.autograd.grad(loss, list(params.values()), allow_unused=True), strict=True):
            if gradient is not None:
                sums[name] += gradient.square()
    return {name: value / len(y) for name, value in sums.items()}


@pytest.mark.parametrize("size", [1, 3, 7])
def test_the_fisher_of_attributes_is_the_mean_of_squared_gradients_of_a_loop_over_samples(size: int) -> None:
    model, (x, _), y = everything(), some_samples(), rows_of_attributes()
    assert_same(fisher_diagonal(model, in_chunks_of(size, x, y)), attributes_by_a_loop(model, x, y))


def test_the_squared_batch_gradient_of_single_samples_with_attributes_is_their_fisher() -> None:
    model, (x, _), y = everything(), some_samples(), rows_of_attributes()
    assert_same(squared_batch_gradient(model.eval(), in_chunks(x, y, 1)), attributes_by_a_loop(model, x, y))


def test_the_expected_fisher_of_attributes_is_the_sum_over_all_rows_of_answers() -> None:
    torch.manual_seed(4)
    model, x = nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, 3)).double(), torch.randn(4, 3, dtype=torch.float64)
    params = dict(model.named_parameters())
    expected = {name: torch.zeros_like(p) for name, p in params.items()}
    for some_x in torch.split(x, 1):
        for row in product((0.0, 1.0), repeat=3):  # log p(row | x) is the sum of its answers'
            p, there = model(some_x)[0].sigmoid(), torch.tensor(row, dtype=torch.float64)
            log_p = (there * p + (1 - there) * (1 - p)).log().sum()
            for name, gradient in zip(params, torch.autograd.grad(log_p, list(params.values())), strict=True):
                expected[name] += log_p.exp().detach() * gradient.square() / len(x)
    rows = torch.zeros(4, 3, dtype=torch.uint8)
    assert_same(expected_fisher(model, partial(in_chunks, x, rows), classes=3, multi=True), expected)


def test_examples_with_attributes_are_sorted_by_their_rows_for_the_batch_estimator(attributes: Tiny) -> None:
    model, data, run = attributes.original(), attributes.dataset.train, attributes.context()
    keys = (data.labels.long() * torch.tensor([4, 2, 1])).sum(1)
    by_row = data.subset(keys.argsort(stable=True))
    assert_same(ImportanceStatistic("batch", 16).compute(model, data, run), squared_batch_gradient(model, by_row.batches(16)))
    shuffled = data.subset(torch.arange(len(data)).flip(0).view(2, -1).T.flatten())
    found = ImportanceStatistic("per_sample").compute(model, shuffled, run)
    assert_same(found, ImportanceStatistic("per_sample").compute(model, data, run), 1e-4)
