"""Interactive analysis: the filters most specific to the forget set, and the images that they respond to most."""

from base64 import b64encode
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor, nn

from core.analysis.finished_run import FinishedRun, open_models
from core.analysis.weights.importance_summary import importances_of_layer, listed, mapped_layers, slices
from core.analysis.weights.ssd_what_if import PROBED, load
from core.data.dataset import Examples
from core.domain.errors import WrongInput
from core.storage.home import Home
from core.training.loop import predict

FILTERS, IMAGES = 8, 6  # shown, and of each set the images with the largest response
SECONDS, EVALUATED = 4.0, 1000  # that predicting both sets may take; examples of a set, at most
LEVELS = 255  # of a filter shown as an image; the middle is a weight of 0


def top_filters(home: Home, run_id: str, layer: str, importance_key: str = "") -> dict[str, Any]:
    """The output channels with the highest ratio of forget to all importance, and the original's responses in them.

    `channels`: (channel, ratio, mean response to forget, to retain images), highest ratio first. `images`: base64 of uint8
    (channels, 2 * IMAGES, C, H, W), per channel first the forget images with the largest response, then the retain images;
    `shape`, `peak` (the byte of 1.0) say how to read it, `looked_at` among how many. `kernels`: base64 of uint8 (channels,
    C, h, w) where the layer's input is the image itself, with `kernel_shape`; else None. A response is the largest value of the
    channel before normalisation. Raises WrongInput for a layer without channels.
    """
    finished = open_models(home, run_id)
    importances = importances_of_layer(finished, layer, importance_key)
    ratios = slices(importances.of_forget[layer]).mean(1) / slices(importances.of_all[layer]).mean(1)
    best = ratios.nan_to_num(nan=-1.0).argsort(descending=True, stable=True)[:FILTERS]
    count = int(min(EVALUATED, max(PROBED, SECONDS / 2 / load(finished, importance_key).seconds)))
    sets = {"forget": finished.splits.forget.sample(count), "retain": finished.splits.retain.sample(count)}
    driven = {name: _responses(finished, layer, name, count)[:, best] for name in sets}  # (N, channels)
    strongest = [_strongest(examples, driven[name]) for name, examples in sets.items()]
    images = torch.cat(strongest, 1)
    first = layer == mapped_layers(finished.model("original"))[0]  # in depthwise layers too, filters have but one channel
    kernels = _as_images(finished.weights["original"][layer][best], finished.data.info.channels) if first else None
    means = torch.stack([ratios[best], *(driven[name].double().mean(0) for name in sets)], 1)
    return {
        "channels": [[int(c), *row] for c, row in zip(best, listed(means), strict=True)],
        "images": _text(images), "shape": list(images.shape), "peak": finished.splits.train.peak,
        "looked_at": {name: len(examples) for name, examples in sets.items()},
        "kernels": None if kernels is None else _text(kernels), "kernel_shape": None if kernels is None else list(kernels.shape),
    }  # fmt: skip


@lru_cache(maxsize=8)
def _responses(finished: FinishedRun, layer: str, which: str, count: int) -> Tensor:
    """(N, out): the largest response of each output channel to each example."""
    examples = (finished.splits.forget if which == "forget" else finished.splits.retain).sample(count)
    model, responses = finished.model("original"), list[Tensor]()
    module = model.get_submodule(layer.rpartition(".")[0])

    def record(_: nn.Module, __: object, output: Tensor) -> None:
        last = output.movedim(1, -1) if isinstance(module, nn.Conv2d) else output  # channels last; between: places, if any
        responses.append(last.reshape(len(output), -1, last.shape[-1]).amax(1).float())

    predict(model, examples.first(1), "cpu")  # measures the chunk's size before the hook is set
    handle = module.register_forward_hook(record)
    try:
        predict(model, examples, "cpu")
    finally:
        handle.remove()
    if sum(len(part) for part in responses) != len(examples):
        raise WrongInput(f"{layer} answers inside attention, where its channels cannot be listened to; choose another layer.")
    return torch.cat(responses)


def _strongest(examples: Examples, responses: Tensor) -> Tensor:
    """uint8 (channels, IMAGES, C, H, W); where there are fewer examples, the weakest is repeated."""
    rows = responses.argsort(dim=0, descending=True, stable=True)[:IMAGES]  # (<= IMAGES, channels)
    rows = torch.cat([rows, rows[-1:].expand(IMAGES - len(rows), -1)])
    return torch.stack([examples.taken(one) for one in rows.T])


def _as_images(weights: Tensor, channels: int) -> Tensor | None:
    """uint8 (filters, C, h, w), each filter on a scale of its own around 0; None where its input is not an image."""
    if weights.ndim != 4 or weights.shape[1] != channels:
        return None
    largest = weights.abs().amax((1, 2, 3), keepdim=True).clamp(min=1e-12)
    return ((weights / largest + 1) / 2 * LEVELS).round().to(torch.uint8)


def _text(images: Tensor) -> str:
    return b64encode(images.contiguous().numpy().tobytes()).decode()
