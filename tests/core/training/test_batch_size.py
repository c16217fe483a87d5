"""The largest chunk that fits: halved when memory runs out, remembered, and never changing a result."""

import pytest
import torch
from torch import nn

from core.data.dataset import Examples
from core.training import batch_size
from core.training.batch_size import Chunk, forward_chunk
from core.training.fisher import fisher_diagonal
from core.training.loop import predict


class Greedy(nn.Module):
    """Runs out of memory with more than `most` examples at once, as PyTorch says it on a GPU."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.most, self.seen = most, []
        self.layer = nn.Linear(4, 3)

    def forward(self, x):
        if len(x) > self.most:
            raise RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB")
        self.seen.append(len(x))
        return self.layer(x.flatten(1))


@pytest.fixture(autouse=True)
def nothing_found_yet(monkeypatch):
    monkeypatch.setattr(batch_size, "_CHUNKS", {})


@pytest.fixture
def examples():
    generator = torch.Generator().manual_seed(0)
    return Examples(torch.randint(0, 256, (50, 1, 2, 2), generator=generator).to(torch.uint8), torch.arange(50) % 3)


def test_every_place_comes_once_and_in_order():
    parts = list(Chunk(4).through(10, lambda part: list(range(10))[part]))
    assert parts == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]


def test_out_of_memory_halves_and_the_rest_goes_on_with_the_half():
    tried = []

    def work(part):
        tried.append((part.start, part.stop))
        if part.stop - part.start > 3:
            raise MemoryError
        return part.stop - part.start

    chunk = Chunk(8)
    assert list(chunk.through(9, work)) == [2, 2, 2, 2, 1]
    assert tried == [(0, 8), (0, 4), (0, 2), (2, 4), (4, 6), (6, 8), (8, 9)]
    assert chunk.size == 2


def test_one_example_that_does_not_fit_is_the_callers_trouble():
    def work(part):
        raise RuntimeError("CUDA out of memory")

    with pytest.raises(RuntimeError, match="out of memory"):
        list(Chunk(4).through(4, work))


def test_another_error_is_no_reason_to_try_again():
    calls = []

    def work(part):
        calls.append(part)
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    with pytest.raises(RuntimeError, match="shapes"):
        list(Chunk(4).through(4, work))
    assert len(calls) == 1


def test_predictions_are_the_same_after_a_halving_which_is_remembered(examples):
    model = Greedy(most=50)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        nn.init.normal_(model.layer.weight)
    whole = predict(model, examples, "cpu")
    model.most, model.seen = 13, []
    torch.testing.assert_close(predict(model, examples, "cpu"), whole)
    assert max(model.seen) == 12  # 50, of 512 that would have fitted, halved twice
    model.seen = []
    predict(model, examples, "cpu")
    assert model.seen == [12, 12, 12, 12, 2]


def test_the_chunk_on_a_cpu_is_what_the_largest_output_leaves_room_for(monkeypatch):
    model = nn.Sequential(nn.Flatten(), nn.Linear(4, 1000), nn.Linear(1000, 3))
    monkeypatch.setattr(batch_size, "ROOM", 3 * 4000 * 7)
    assert forward_chunk(model, torch.rand(1, 1, 2, 2)).size == 7
    assert forward_chunk(model, torch.rand(1, 1, 2, 2)) is forward_chunk(model, torch.rand(1, 1, 2, 2))
    assert not any(module._forward_hooks for module in model.modules())


def test_importance_goes_on_after_a_halving_and_is_the_same(examples):
    model = Greedy(most=50).eval()
    wanted = fisher_diagonal(model, examples.batches)
    model.most = 13
    found = fisher_diagonal(model, examples.batches)
    for name, value in wanted.items():
        torch.testing.assert_close(found[name], value)


def test_a_chunk_for_gradients_is_smaller_because_every_output_is_held():
    model, x = nn.Sequential(nn.Conv2d(1, 64, 3), nn.Conv2d(64, 64, 3), nn.Conv2d(64, 64, 3)), torch.zeros(1, 1, 200, 200)
    forward, backward = forward_chunk(model, x), forward_chunk(model, x, gradients=True)
    assert 1 <= backward.size < forward.size
    assert forward_chunk(model, x) is forward
    assert forward_chunk(model, x, gradients=True) is backward
