"""Per-parameter importance, estimated two ways: a dict name -> tensor, each the shape of its parameter."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks
import torch.nn.functional as F
from torch.nn.modules.batchnorm import _BatchNorm

from core.data.label_kinds import loss as label_loss
from core.training.batch_size import Chunk
from core.training.per_example_gradients import per_sample_gradients
from core.training.squared_gradients import Recorder, count_uses

Importance = dict[str, Tensor]
Loss = Callable[[Tensor, Tensor], Tensor]  # logits (B, C), labels (B,) or (B, A) -> a scalar
Batches = Callable[[int], Iterable[tuple[Tensor, Tensor]]]

LARGEST_CHUNK = 512
CACHE_BYTES = 4 * 2**20  # work space of the closed forms on a CPU; more falls out of cache, less costs more calls
_NO_SAMPLES = "Importance is a mean over samples, and there were none: the batches were empty."


def fisher_diagonal(
    model: nn.Module,
    batches: Batches,
    *,
    total: int | None = None,
    max_bytes: int = 256 * 2**20,
    loss: Loss | None = None,
    on_share: Callable[[float], None] | None = None,
) -> Importance:
    """The exact diagonal of the empirical Fisher: mean over samples of (d loss(f(x), y) / d theta)^2.

    The labels' loss is the cross-entropy, or of several attributes the mean binary cross-entropy (`core.data.label_kinds`).
    True labels, natural logarithm, model in eval mode. Every named parameter is in the result, in its own shape and
    dtype; frozen ones are 0. The model is left as it was (modes, buffers, gradients, hooks), also on an error. Where a
    chunk does not fit into memory, it is halved, and so are those that follow.

    `batches(n)` starts a new pass over the samples in chunks of n: x (n, C, H, W) float32 on the model's device,
    y (n,) int64 or (n, A); the result does not depend on n or on the order. It is called twice, first with 1 to measure a
    sample. n is chosen so that activations and their gradients take about `max_bytes`. With `total`, the number of
    samples, `on_share` is called with the share in [0, 1] that is done after every chunk.

    `loss` replaces that one: logits (n, C) and labels (n,) to the sum of the samples' losses.

    Raises ValueError for no samples, for batch normalization without running statistics (a sample then has no
    gradient of its own), and for a loss that no trainable parameter has a part in.
    Source: the importance of Foster et al. 2023, arXiv:2308.07707, section 3; per sample, as written there.
    """
    _refuse_batch_statistics(model)
    with _restored(model), torch.enable_grad():
        first = next(iter(batches(1)), None)
        if first is None:
            raise ValueError(_NO_SAMPLES)
        fisher = _Fisher(model, max_bytes, loss or _summed_loss)
        fisher.measure(first[0][:1], first[1][:1])
        for x, y in batches(max(1, min(LARGEST_CHUNK, max_bytes // fisher.sample_bytes))):
            fisher.add(x, y)
            if on_share is not None and total:
                on_share(min(1.0, fisher.samples / total))
    if not fisher.samples:
        raise ValueError(_NO_SAMPLES)
    return {name: value.div_(fisher.samples) for name, value in fisher.sums.items()}


def expected_fisher(
    model: nn.Module, batches: Batches, *, classes: int, total: int | None = None, multi: bool = False,
    on_share: Callable[[float], None] | None = None,
) -> Importance:  # fmt: skip
    """The diagonal of the exact Fisher: as `fisher_diagonal`, in expectation over the model's own predictions, not the labels.

    mean over samples, sum over classes c of p(c | x) (d -log p(c | x) / d theta)^2, in one pass for each class.
    multi: over all attributes together, log p = sum over attributes a of log p(y_a | x), whose products between attributes
    have mean 0: sum over a of p_a (1 - p_a) (d z_a / d theta)^2, in one pass for each of the `classes` attributes.
    """
    sums = _zeros(model)
    for c in range(classes):

        def weighted(logits: Tensor, _: Tensor, c: int = c) -> Tensor:
            if multi:
                z = logits[:, c]
                return ((F.logsigmoid(z.detach()) + F.logsigmoid(-z.detach())) / 2).exp() @ z
            log_p = F.log_softmax(logits, 1)[:, c]
            return -((log_p.detach() / 2).exp() * log_p).sum()  # a sample's gradient, times the root of p(c | x)

        def share(done: float, c: int = c) -> None:
            if on_share is not None:
                on_share((c + done) / classes)

        for name, value in fisher_diagonal(model, batches, total=total, loss=weighted, on_share=share).items():
            sums[name] += value
    return sums


def squared_batch_gradient(
    model: nn.Module, batches: Iterable[tuple[Tensor, Tensor]], *, loss_of: Loss = label_loss,
    size: Callable[[Tensor], Tensor] = torch.square,
) -> Importance:  # fmt: skip
    """Mean over batches of the squared gradient of the batch-mean loss of the labels, as SSD's authors compute it.

    `loss_of`: the loss of a batch; `size`: what is averaged of its gradient. Label-free SSD uses others of both.

    Not the Fisher: squaring comes after the mean, so it is near 1/B of `fisher_diagonal` for shuffled batches of B,
    and equal only for B = 1. The batch size and the mixing of the batches are part of the result.

    `batches` gives x (B, C, H, W) float32 on the model's device and y (B,) int64 or (B, A). Model in eval mode; shapes, zeros
    for frozen parameters and what is left behind as in `fisher_diagonal`. Raises ValueError for no batches and for a
    loss that no trainable parameter has a part in.
    Source: the code of Foster et al. 2023, arXiv:2308.07707, github.com/if-loops/selective-synaptic-dampening.
    """
    sums, trainable, count = _zeros(model), _trainable(model), 0
    with _restored(model), torch.enable_grad():
        for x, y in batches:
            count += 1
            loss = loss_of(model(x), y)
            if not _has_gradient(loss, trainable):
                continue
            gradients = torch.autograd.grad(loss, list(trainable.values()), allow_unused=True)
            for name, gradient in zip(trainable, gradients, strict=True):
                if gradient is not None:
                    sums[name] += size(gradient)
    if not count:
        raise ValueError(_NO_SAMPLES)
    return {name: value.div_(count) for name, value in sums.items()}


def squared_length(logits: Tensor, _: Tensor) -> Tensor:
    """The loss of label-free SSD: mean over the batch of the logits' squared length (arXiv:2402.19308)."""
    return logits.square().sum(1).mean()


def _summed_loss(logits: Tensor, y: Tensor) -> Tensor:
    return label_loss(logits, y, "sum")


class _Fisher:
    """Running sums of squared per-sample gradients; one forward and one backward pass per chunk of samples.

    The backward pass goes only to the outputs of layers, whose gradients stay apart by sample; closed forms do the
    rest. Parameters that no closed form accounts for exactly are left to torch.func.
    """

    def __init__(self, model: nn.Module, max_bytes: int, loss: Loss) -> None:
        self.sums, self.samples, self.sample_bytes = _zeros(model), 0, 1
        self._model, self._max_bytes, self._loss, self._recorder = model, max_bytes, loss, Recorder(model)
        self._trainable = _trainable(model)
        self._name_of: dict[Tensor, str] = {p: name for name, p in self._trainable.items()}
        self._chunk: Chunk | None = None

    def measure(self, x: Tensor, y: Tensor) -> None:
        """Learn from one sample, x (1, ...), y (1,), its size in bytes and its shapes in each layer."""
        own = {t.untyped_storage().data_ptr() for t in (*self._model.parameters(), *self._model.buffers())}
        saved: dict[int, int] = {}

        def keep(t: Tensor) -> Tensor:
            storage = t.untyped_storage()
            saved[storage.data_ptr()] = storage.nbytes()
            return t

        with saved_tensors_hooks(keep, lambda t: t):
            loss = self._loss(self._recorder.forward(x), y)  # holds what was saved, so no address comes twice
        activations = sum(size for pointer, size in saved.items() if pointer not in own)
        self.sample_bytes = max(1, activations + self._recorder.learn_sample_shapes() + x.nbytes + loss.nbytes)

    def add(self, x: Tensor, y: Tensor) -> None:
        """Add the squared gradients of the samples x (B, ...), y (B,)."""
        self._chunk = self._chunk or Chunk(max(1, len(y)))

        def work(part: slice) -> int:
            for name, value in self._squares(x[part], y[part]).items():
                self.sums[name] += value
            return len(y[part])

        for done in self._chunk.through(len(y), work):
            self.samples += done

    def _squares(self, x: Tensor, y: Tensor) -> Importance:
        """Parameter -> the sum of these samples' squared gradients; of those that have any. All or nothing."""
        squares: Importance = {}
        loss = self._loss(self._recorder.forward(x), y)
        if not _has_gradient(loss, self._trainable):
            return squares
        uses = count_uses(loss)
        calls = [(layer, call) for layer in self._recorder.layers if (call := layer.take_plain_call(len(y), uses))]
        edges = [call.edge for _, call in calls]
        deltas = list(torch.autograd.grad(loss, edges, allow_unused=True)) if edges else []
        del loss, edges  # the graph goes before the work space comes
        left = {name for name, p in self._trainable.items() if p in uses}
        room = CACHE_BYTES if x.device.type == "cpu" else self._max_bytes // 4
        while calls:
            (layer, call), delta = calls.pop(), deltas.pop()
            if delta is not None:
                names = {key: self._name_of[p] for key, p in layer.params.items()}
                sums = {key: _zeros_of(layer.params[key]) for key in names}
                with torch.no_grad():
                    layer.form(layer.module, call.a.detach(), delta, sums, room)
                left -= set(names.values())
                squares |= {name: sums[key] for key, name in names.items()}
        return squares | (self._without_form(sorted(left), x, y) if left else {})

    def _without_form(self, names: list[str], x: Tensor, y: Tensor) -> Importance:
        """Per-sample gradients of the whole model by torch.func: any module, any sharing, at a higher price."""
        of_one = sum(p.nbytes for name, p in self._model.named_parameters() if name in names)
        size = max(1, self._max_bytes // (self.sample_bytes + 2 * of_one))
        squares = {name: _zeros_of(self._trainable[name]) for name in names}
        for some_x, some_y in zip(torch.split(x, size), torch.split(y, size), strict=True):
            for name, gradient in per_sample_gradients(self._model, names, some_x, some_y, self._loss).items():
                squares[name] += gradient.square().sum(0)  # not in place: two gradients may be views of one tensor
        return squares


def _refuse_batch_statistics(model: nn.Module) -> None:
    for name, module in model.named_modules():
        if isinstance(module, _BatchNorm) and module.running_mean is None:
            raise ValueError(
                f"Layer {name!r} normalizes by the statistics of the batch, so a sample has no gradient of its own; "
                "give it running statistics (track_running_stats=True)."
            )


def _has_gradient(loss: Tensor, trainable: dict[str, nn.Parameter]) -> bool:
    """False if all is frozen. Raises ValueError if something is trainable and the loss does not depend on it."""
    if trainable and not loss.requires_grad:
        raise ValueError("No trainable parameter has a part in the loss: the model's output carries no gradient.")
    return loss.requires_grad


def _trainable(model: nn.Module) -> dict[str, nn.Parameter]:
    return {name: p for name, p in model.named_parameters() if p.requires_grad}


def _zeros(model: nn.Module) -> Importance:
    return {name: _zeros_of(p) for name, p in model.named_parameters()}


def _zeros_of(p: nn.Parameter) -> Tensor:
    # Not zeros_like: the closed forms need plain strides whatever the parameter's memory format.
    return torch.zeros(p.shape, dtype=p.dtype, device=p.device)


@contextmanager
def _restored(model: nn.Module) -> Iterator[None]:
    """The model in eval mode; afterwards every module's mode and every buffer are restored, also on an error."""
    modes = [(module, module.training) for module in model.modules()]
    buffers = [(m, key, b, b.clone()) for m, _ in modes for key, b in m.named_buffers(recurse=False)]
    model.eval()
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training
        with torch.no_grad():
            for module, key, buffer, value in buffers:
                if not torch.equal(buffer, value):
                    buffer.copy_(value)
                setattr(module, key, buffer)
