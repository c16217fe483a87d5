"""The processes that share each batch: this one's rows of it, and sums over all of them, so that a step is that of one device.

Gradients are summed over ranks after the backward pass, in pieces, each rank's loss weighted by its share of the batch. PyTorch's
DistributedDataParallel takes the plain mean over ranks, which is another one where a batch does not divide, and normalises each rank's
rows by themselves on a CPU; what it would gain, sums during the backward pass, matters between machines more than within one.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor, nn
import torch.distributed as dist

from core.data.dataset import Examples
from core.domain.errors import WrongInput
from core.training.ranks.batch_norm import WholeBatch

PIECE = 32 * 2**20  # bytes of gradients that are summed at once
DRAWS = (
    "This network draws at random in its forward pass (dropout, say), which processes that share a batch cannot draw as one device does; "
    "train it with ranks=1."
)
APART = (
    "The processes that share each batch hold different networks after {when}: {name} is not the same in all of them, so this network "
    "keeps something of its batches that they do not share; train it with ranks=1."
)


@dataclass
class Ranks:
    """count: of the processes; rank: this one's number, from 0; folder: which all of them read. One by itself is as if there were none.

    part: this rank's weight in the mean over the last batch; whole: whether it had all of that batch, as the others.
    """

    rank: int = 0
    count: int = 1
    folder: Path = Path()
    part: float = 1.0
    whole: bool = False
    _looked: bool = field(default=False, repr=False)

    def share(self, batches: Iterable[tuple[Tensor, Tensor]]) -> Iterator[tuple[Tensor, Tensor]]:
        """Of each batch, x (B, ...) and y (B, ...), this rank's rows; of one with fewer rows than ranks all of them, in every rank."""
        for x, y in batches:
            if self.count == 1:
                yield x, y
                continue
            self.whole = len(y) < self.count
            mine = slice(0, len(y)) if self.whole else self.rows(len(y))
            self.part = 1 / self.count if self.whole else (mine.stop - mine.start) / len(y)
            yield x[mine], y[mine]

    def rows(self, count: int) -> slice:
        """This rank's of so many rows; the ranks' together are all of them, each once."""
        return slice(count * self.rank // self.count, count * (self.rank + 1) // self.count)

    @contextmanager
    def _shared_forward(self) -> Iterator[None]:
        """Batch normalisation is of the whole batch. Raises WrongInput where the first pass draws at random."""
        before = None if self._looked else _draws()
        with nullcontext() if self.whole else WholeBatch(self.sum):
            yield
        if before is not None and any(not torch.equal(a, b) for a, b in zip(before, _draws(), strict=True)):
            raise WrongInput(DRAWS)
        self._looked = True

    def forward(self) -> AbstractContextManager[None]:
        """Within it the network is asked about this rank's rows of a batch."""
        return self._shared_forward() if self.count > 1 else nullcontext()

    def weighted(self, loss: Tensor) -> Tensor:
        """The mean over this rank's rows as its part of the mean over the batch."""
        return loss * self.part if self.count > 1 else loss

    @property
    def counted(self) -> float:
        """What an image of the last batch counts in sums over ranks: of one that all had its part alone."""
        return self.part if self.whole else 1.0

    def joins(self, optimiser: torch.optim.Optimizer) -> None:
        """Each of the optimiser's steps is by the sum of the ranks' gradients."""
        if self.count > 1:
            weights = [theta for group in optimiser.param_groups for theta in group["params"]]
            optimiser.register_step_pre_hook(lambda *_: self.sum_all([w.grad for w in weights if w.grad is not None]))

    def sum(self, value: Tensor) -> Tensor:
        """The sum over ranks, in place; every rank gets the same bytes."""
        if self.count > 1:
            dist.all_reduce(value)
        return value

    def sum_all(self, tensors: Sequence[Tensor]) -> None:
        """Each tensor becomes its sum over ranks; all of one type and device. Work space: PIECE, or the largest of them."""
        piece, held = list[Tensor](), 0
        for index, tensor in enumerate(tensors):
            piece, held = [*piece, tensor], held + tensor.nbytes
            if held < PIECE and index + 1 < len(tensors):
                continue
            flat = self.sum(torch.cat([one.reshape(-1) for one in piece]))
            for one, summed in zip(piece, torch.split(flat, [one.numel() for one in piece]), strict=True):
                one.copy_(summed.view(one.shape))
            piece, held = [], 0

    def first_says(self, number: int) -> int:
        """What rank 0 has."""
        if self.count == 1:
            return number
        said = torch.tensor([number if self.rank == 0 else 0], device=_device())
        return int(self.sum(said))

    def first_gives(self, content: bytes) -> bytes:
        """What rank 0 has, whatever the others do."""
        size = self.first_says(len(content))
        whole = torch.frombuffer(bytearray(content), dtype=torch.uint8) if self.rank == 0 else torch.empty(size, dtype=torch.uint8)
        whole = whole.to(_device())
        dist.broadcast(whole, 0)
        return whole.cpu().numpy().tobytes()

    def joined(self, ask: Callable[[Examples], Tensor], examples: Examples) -> Tensor:
        """`ask(examples)`, float (N, C) on the CPU, of which each rank computes its rows; every rank gets the same bytes."""
        if self.count == 1 or len(examples) < self.count:
            return ask(examples)
        mine = self.rows(len(examples))
        own = ask(examples.subset(torch.arange(mine.start, mine.stop, device=examples.labels.device)))
        whole = own.new_zeros(len(examples), *own.shape[1:], device=_device())
        whole[mine] = own.to(whole.device)
        return self.sum(whole).cpu()

    def agree(self, model: nn.Module, when: str) -> None:
        """Raises WrongInput where the ranks' networks are not the same to the bit, buffers too."""
        if self.count == 1:
            return
        named = {name: tensor for name, tensor in model.state_dict().items() if tensor.numel()}
        told = torch.stack([_fingerprint(tensor) for tensor in named.values()]).to(_device())
        span = torch.cat([told, -told])
        dist.all_reduce(span, dist.ReduceOp.MAX)
        highest, lowest = span.chunk(2)
        if (unlike := (highest != -lowest).any(1).nonzero().flatten().tolist()):
            raise WrongInput(APART.format(when=when, name=list(named)[unlike[0]]))


ALONE = Ranks()  # holds nothing: of one process alone no share changes anything


def _draws() -> list[Tensor]:
    """Where the generators stand that layers draw from."""
    gpu = torch.cuda.is_available() and torch.cuda.is_initialized()  # type: ignore[no-untyped-call]  # torch does not annotate it
    return [torch.get_rng_state(), *([torch.cuda.get_rng_state()] if gpu else [])]


def _device() -> str:
    """On which tensors are summed."""
    return "cuda" if dist.get_backend() == "nccl" else "cpu"


def _fingerprint(tensor: Tensor) -> Tensor:
    """float64 (2,): sums that equal bits have in common; what is not finite counts as 0."""
    value = torch.nan_to_num(tensor.detach().double(), 0.0, 0.0, 0.0).flatten()
    return torch.stack([value.sum(), value.square().sum()])
